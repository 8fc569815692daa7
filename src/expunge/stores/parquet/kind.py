"""The declaration of the kind ``parquet``."""

from __future__ import annotations

from pathlib import PurePath

from expunge.ports.store_kind import StoreKind, UrlForm, folder_url
from expunge.stores.s3.bucket_kind import OPTIONS, bucket_url


def _url(folder: PurePath, text: str) -> str:
    return bucket_url(folder, text) if text.startswith("s3://") else folder_url(folder, text)


KIND = StoreKind(
    layouts=("path",),
    url=UrlForm("a folder or a bucket", "./lake, or s3://BUCKET/PREFIX", _url, about="a folder, `./lake`, or `s3://BUCKET/PREFIX`"),
    options=OPTIONS,
    whole_files=False,
    mentions=True,
    members=True,
)
