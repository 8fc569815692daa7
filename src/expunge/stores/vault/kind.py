"""The declaration of the kind ``vault``."""

from __future__ import annotations

from expunge.ports.store_kind import StoreKind, UrlForm, folder_url

KIND = StoreKind(
    layouts=("path",),
    url=UrlForm("a folder", "./vault, or ${HOME}/vault", folder_url, about="the folder of the sealed recordings, `./vault`"),
    options={},
    records=False,
    says_who=True,
)
