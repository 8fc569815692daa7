"""The place of a vault by its ``url``: a folder of this machine, or a prefix of a bucket."""

from __future__ import annotations

from pathlib import Path

from expunge.core.datamap.datamap import Dataset, StoreSpec
from expunge.ports.vault.shelf import Shelf
from expunge.stores.s3.bucket_connection import Bucket
from expunge.stores.vault.bucket_shelf import BucketShelf
from expunge.stores.vault.bucket_vault import BucketVault
from expunge.stores.vault.kind import IN_A_BUCKET
from expunge.stores.vault.store import Vault


def is_in_a_bucket(spec: StoreSpec) -> bool:
    """Return whether a vault's sealed files lie in a bucket."""
    return spec.url.startswith(IN_A_BUCKET)


def vault_at(spec: StoreSpec, datasets: tuple[Dataset, ...]) -> Vault:
    """Return the store of kind ``vault`` for its place."""
    return BucketVault(spec, datasets) if is_in_a_bucket(spec) else Vault(spec, datasets)


def bucket_shelf(spec: StoreSpec, marks: Path) -> Shelf:
    """Return the shelf of a vault in a bucket; ``marks`` is a folder of this machine for what comes in."""
    return BucketShelf(Bucket(spec), spec.url, marks)
