"""A vault in a bucket of a real server keeps every promise that one in a folder keeps: the shipped suite."""

from __future__ import annotations

from contextlib import closing

import pytest

from expunge.core.datamap.datamap import StoreSpec
from expunge.stores.vault.places import bucket_shelf, vault_at
from expunge.testing.forked import in_child
from expunge.testing.people import people
from tests.stores.s3.s3_company import Shelf, bucket, client, options
from tests.stores.s3.test_s3_suite import Reader
from tests.stores.vault.sealed import OwnLibrary, with_keys
from tests.stores.vault.test_vault_suite import TestVault as InFolder

FOLDERS = {}
"""Url -> the folder that a prefix stands for, in which the keys lie."""


def opened(spec, datasets):
    """Open a store of kind ``vault``, whose keys lie on this machine."""
    return with_keys(vault_at(spec, datasets), library_of(spec, [each.name for each in datasets]))


def library_of(spec, datasets):
    folder = FOLDERS[spec.url]
    return OwnLibrary(folder, datasets, bucket_shelf(spec, folder / "coming"))


@pytest.mark.soak
class TestVaultInBucket(InFolder):
    """Two datasets of sealed recordings, in a bucket without versions."""

    store = staticmethod(opened)
    versioning = None
    crowd = 100

    @pytest.fixture(autouse=True)
    def served(self, seaweed):
        seaweed.start()
        self.server = seaweed
        self.bucket = bucket(seaweed, f"vault-{self.versioning or 'never'}".lower(), self.versioning)

    def shelf(self, folder):
        return Shelf.of(self.server, self.bucket, folder)

    def declare(self, folder):
        _, datasets = super().declare(folder)
        shelf = self.shelf(folder)
        spec = StoreSpec("recordings", "vault", f"s3://{shelf.name}/{shelf.prefix}", options(self.server))
        FOLDERS[spec.url] = folder
        return spec, datasets

    def library(self, folder):
        return library_of(self.declare(folder)[0], ["doorbell", "said"])

    def plant(self, folder, person):
        self.shelf(folder).put("objects/old.mp4", person.blob)

    def state(self, folder):
        return super().state(folder) | {"bucket": self.shelf(folder).versions()}

    def deprived(self, folder, function):
        server, self.server = self.server, Reader(self.server)
        try:
            return in_child(function)
        finally:
            self.server = server

    def test_the_sealed_file_goes_with_the_erasure(self, folder):
        """In all its versions, and with the uploads to it."""
        crowd = people(3)
        self.write(folder, crowd)
        before = {key for key, _, _ in self.shelf(folder).versions()}
        theirs = self.locate(folder, crowd[:1])
        ids = [each.id for each in self.recordings(folder, crowd[0])]
        shelf = self.shelf(folder)
        shelf.put(f"objects/{ids[0]}", b"written over by another")
        with client(self.server) as s3:
            s3.create_multipart_upload(Bucket=shelf.name, Key=f"{shelf.prefix}objects/{ids[1]}")
        self.erase(folder, theirs)
        after = {key for key, _, _ in shelf.versions()}
        assert before - after == {f"objects/{each}" for each in ids}
        with client(self.server) as s3:
            assert "Uploads" not in s3.list_multipart_uploads(Bucket=shelf.name, Prefix=shelf.prefix)

    def recordings(self, folder, person):
        with closing(self.library(folder)) as library:
            return [each for name in ("doorbell", "said") for each in library.recordings(name, [("profile", person.id)])]


class TestVaultInVersionedBucket(TestVaultInBucket):
    """The same in a bucket with versions."""

    versioning = "Enabled"
