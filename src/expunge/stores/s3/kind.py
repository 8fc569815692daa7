"""The declaration of the kind ``s3``."""

from __future__ import annotations

from expunge.ports.store_kind import ChoiceOption, StoreKind, TextOption, UrlForm
from expunge.stores.s3.bucket_kind import OPTIONS, bucket_url

SKIP = "skip"
"""Objects that no dataset declares are not read."""
KIND = StoreKind(
    layouts=("path",),
    url=UrlForm("a bucket", "s3://BUCKET/PREFIX", bucket_url, about="a bucket, `s3://BUCKET/PREFIX`"),
    options={
        **OPTIONS,
        "vacuum": TextOption("the master of a SeaweedFS of one's own", 'vacuum: "http://localhost:9333"'),
        "undeclared": ChoiceOption(
            "whether a scan reads objects that no dataset declares (`read`, as it is without the option, or `skip`)",
            "undeclared: skip",
            words=("read", SKIP),
        ),
    },
    members=True,
)
