"""The declaration of the kind ``faiss``."""

from __future__ import annotations

from expunge.ports.store_kind import StoreKind, TextOption, UrlForm, folder_url

KIND = StoreKind(
    layouts=("path",),
    url=UrlForm("a folder", "./vectors", folder_url, about="a folder, `./vectors`"),
    options={"id": TextOption("the field that holds the number of a vector", "id: vector_id")},
    whole_files=False,
)
