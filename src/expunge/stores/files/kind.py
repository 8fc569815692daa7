"""The declaration of the kind ``files``."""

from __future__ import annotations

from expunge.ports.store_kind import StoreKind, UrlForm, folder_url

KIND = StoreKind(
    layouts=("path",),
    url=UrlForm("a folder", "./media, or ${HOME}/media", folder_url, about="a folder, `./media`"),
    options={},
    members=True,
)
