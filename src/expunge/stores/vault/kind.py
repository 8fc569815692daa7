"""The declaration of the kind ``vault``."""

from __future__ import annotations

from pathlib import PurePath

from expunge.ports.store_kind import SpanOption, StoreKind, UrlForm, folder_url
from expunge.stores.s3.bucket_kind import OPTIONS, bucket_url

IN_A_BUCKET = "s3://"


def _place_url(folder: PurePath, text: str) -> str:
    return bucket_url(folder, text) if text.startswith(IN_A_BUCKET) else folder_url(folder, text)


KIND = StoreKind(
    layouts=("path",),
    url=UrlForm(
        "a folder, or a bucket",
        "./vault, or s3://BUCKET/PREFIX",
        _place_url,
        about="the place of the sealed recordings: a folder, `./vault`, or a bucket, `s3://BUCKET/PREFIX`, with the options of kind `s3`",
    ),
    options={
        **OPTIONS,
        "epochs": SpanOption(
            "how long an epoch of the keys may live before it is due to be destroyed (30 days; the shortest of all vaults counts)",
            "epochs: 7 days",
        ),
    },
    records=False,
    says_who=True,
)
