"""The declaration of the kind ``vault``."""

from __future__ import annotations

from expunge.ports.store_kind import SpanOption, StoreKind, UrlForm, folder_url

KIND = StoreKind(
    layouts=("path",),
    url=UrlForm("a folder", "./vault, or ${HOME}/vault", folder_url, about="the folder of the sealed recordings, `./vault`"),
    options={
        "epochs": SpanOption(
            "how long an epoch of the keys may live before it is due to be destroyed (30 days; the shortest of all vaults counts)",
            "epochs: 7 days",
        )
    },
    records=False,
    says_who=True,
)
