"""What lies in a bucket: objects of the store's prefix that no dataset declares, and those of other prefixes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from expunge.core.datamap.datamap import StoreSpec
from expunge.ports.optional.surroundings import Near, NearAside, NearFile, NearFiles, NearUnseen
from expunge.stores.s3.bucket_connection import Bucket, speaking
from expunge.stores.s3.client import rows
from expunge.stores.s3.content import BucketContent

_LAST = "\U0010ffff"


def surroundings(spec: StoreSpec, own: Callable[[str], bool]) -> Iterator[Near]:
    """Yield the objects of the prefix but for ``own`` keys, then those of the rest of the bucket. The newest versions only."""
    bucket = Bucket(spec)

    def inside() -> Iterator[NearFile | NearUnseen | NearAside]:
        yield from _listed(spec, bucket, "", own)

    yield NearFiles(inside, spec.kind)
    if bucket.prefix:
        whole = replace(spec, url=f"s3://{bucket.name}")
        others = partial(_listed, whole, Bucket(whole), bucket.prefix, lambda key: key.startswith(bucket.prefix))
        yield NearFiles(others, "s3", f"the bucket {bucket.name}", whole.url)


def _listed(spec: StoreSpec, bucket: Bucket, passed: str, own: Callable[[str], bool]) -> Iterator[NearFile | NearUnseen | NearAside]:
    """Yield the objects of a bucket; the service is asked for none under the prefix ``passed``. Raises StoreUnavailable, CouldNotLook."""
    content, after = BucketContent(bucket, spec.url), ""
    try:
        while True:
            with speaking(spec):
                page = bucket.call("list_objects_v2", Prefix=bucket.prefix, **({"StartAfter": after} if after else {}))
                found = [(each["Key"], int(each.get("Size", 0))) for _, each in rows(page, "Contents")]
            for full, size in found:
                key = full[len(bucket.prefix) :]
                if not key.endswith("/") and not own(key):
                    yield NearFile(key, size, partial(_opened, content, key))
            if not page.get("IsTruncated") or not found:
                return
            last = found[-1][0]
            after = f"{passed}{_LAST}" if passed and last.startswith(passed) else last
    finally:
        bucket.close()


def _opened(content: BucketContent, key: str) -> BinaryIO:
    found = content.at(Path(f"{content.url}/{key}"))
    if found is None or found.open is None:
        raise FileNotFoundError
    return found.open()[0]
