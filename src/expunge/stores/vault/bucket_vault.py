"""A vault whose sealed files lie in a bucket. Its keys are on this machine, as those of every vault."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

from expunge.core.datamap.datamap import Dataset, Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.values.copy import Copy, Finding, FindingKind, RawSource
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Outcomes, Reason, Unable
from expunge.errors import StoreUnavailable
from expunge.ports.optional.remote_content import RemoteObject
from expunge.ports.optional.surroundings import Near
from expunge.ports.review.ways_in import Way
from expunge.ports.scanner import Tracer
from expunge.ports.vault.sealed_library import SealedRecording
from expunge.stores.s3 import near, readers
from expunge.stores.s3.bucket_connection import Bucket, speaking
from expunge.stores.s3.check import copies_elsewhere
from expunge.stores.s3.client import BucketTrouble
from expunge.stores.s3.content import BucketContent
from expunge.stores.vault.bucket_shelf import id_of, is_there, is_writable
from expunge.stores.vault.check import Place
from expunge.stores.vault.store import READ_OUT, RIGHTS, SEALED, Vault

_DARK = "sealed under destroyed keys"
_OUT_OF_SCOPE = (
    f"the provider's disks, caches and backups, and versions that an object lock keeps: what they hold of a removed file is {_DARK}",
    "parts of unfinished uploads: they are sealed, and the purge aborts those that nobody finishes",
)


class BucketVault(Vault):
    """One prefix of a bucket, with sealed recordings."""

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        super().__init__(spec, datasets)
        self._bucket = Bucket(spec)
        self._content = BucketContent(self._bucket, spec.url)
        self._root = self._content.root
        self._elsewhere: tuple[str, ...] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Keys are scrubbed here; what the bucket still keeps of a sealed file is named, and that it is dark."""
        if self._elsewhere is None:
            try:
                self._elsewhere = tuple(f"{each}; sealed files there lie {_DARK}" for each in copies_elsewhere(self._bucket))
            except BucketTrouble:
                unasked = "the bucket's configuration (replication, logs, inventories), which could not be asked"
                return self._capable(unasked)
        return self._capable(*self._elsewhere)

    def _capable(self, *more: str) -> Capabilities:
        said = self.library.out_of_scope() if self.library is not None else ()
        clock = str(self._spec.options.get("clock", ""))
        stated = (f"the provider states of its copies: {clock}",) if clock else ()
        return Capabilities(Grounding.SCRUBBED, batch=10_000, out_of_scope=(*said, *READ_OUT, *_OUT_OF_SCOPE, *stated, *more))

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the prefix with the labels of its recordings."""
        with speaking(self._spec):
            yield from super().check(ignored)
            if is_there(self._bucket) and next(self._bucket.names(), None) is None:
                mend = "correct `url:` if that is a surprise"
                yield Finding(FindingKind.NOTE, self._spec.name, ".", "nothing lies under the prefix", mend)

    def undeclared_places(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Yield the objects that belong to no recording."""
        with speaking(self._spec):
            yield from super().undeclared_places(ignored)

    def ways_in(self, datasets: Collection[str]) -> Iterator[Way]:  # noqa: ARG002 - all lie sealed under one prefix
        """As of a bucket of plain objects: they lead to sealed bytes."""
        with speaking(self._spec):
            yield from readers.ways_to(self._bucket, self._spec.url)

    def _place(self) -> Place:
        return Place("bucket", self._root, partial(is_there, self._bucket), partial(is_writable, self._bucket))

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:
        """As in a folder; no key is destroyed while the service would refuse to remove what it sealed."""
        try:
            if not is_writable(self._bucket):
                return {copy.subject: RIGHTS for copy in copies}
        except StoreUnavailable as error:
            return {copy.subject: Unable(Reason.UNREACHABLE, error.message) for copy in copies}
        return super().erase(dataset, copies, key)

    def raw(self) -> Iterator[RawSource]:
        """Yield the files of the key table."""
        yield from () if self.library is None else self.library.sources()

    @property
    def interface(self) -> str:
        """The prefix."""
        return self._content.url

    def content(self) -> Iterator[RemoteObject]:
        """Yield every object in every version: nothing plain may lie among them."""
        with speaking(self._spec):
            yield from self._content.objects(lambda _: True)

    def unreadable(self, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:
        """Return the open uploads with parts, but for those of recordings that come in: an ingest or a purge ends them."""

        def comes_in(key: str) -> bool:
            return self.library is not None and self.library.comes_in(id_of(key))

        with speaking(self._spec):
            return self._content.unreadable(self._spec.name, (), ignored, known=comes_in)

    def remote(self, dataset: Dataset, path: Path) -> RemoteObject | None:  # noqa: ARG002
        """Return None: no place of a sealed object is anybody's."""
        return None

    def surroundings(self) -> Iterator[Near]:
        """Yield the objects that belong to no recording, and those of the rest of the bucket."""
        name = self.files()

        def own(key: str) -> bool:
            found = name(self._root / key)
            return found is not None and found.own

        yield from near.surroundings(self._spec, own)

    def close(self) -> None:
        """Release the key table, and the connection."""
        super().close()
        self._bucket.close()

    def _trace_files(self, subject: Pseudonym, dataset: Dataset, recordings: Sequence[SealedRecording], tracer: Tracer) -> None:
        for _, head in self._opened.heads(recordings):
            tracer.blob(subject, dataset.name, SEALED, io.BytesIO(head))
