"""The vault in a process that cannot open its keys: recordings go in and out through the keeper's door, and no journal is opened."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from expunge.bootstrap.vault import vault_names
from expunge.core.datamap.datamap import DataMap
from expunge.engine.vault.openings import this_program
from expunge.errors import StoreFull, StoreUnavailable
from expunge.ports.vault.sealed_library import SealedRecording, Subject
from expunge.ports.vault.vault_door import MOST_PROGRAM, OpeningClaim, ReadableRecording, UploadClaim, VaultDoor
from expunge.vault.door_files import DoorFile, send
from expunge.vault.ingesting import Ingested

_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class KeptVault:
    """The verbs of :class:`expunge.bootstrap.vault.service.VaultService` that programs use, through a door."""

    map: DataMap
    door: VaultDoor

    def ingest(
        self,
        dataset: str,
        name: str,
        stream: BinaryIO,
        subjects: Sequence[Subject] = (),
        *,
        clear_before: bool = False,
        digest: str = "",
        size: int | None = None,
    ) -> Ingested:
        """Take one recording in; see :meth:`VaultService.ingest`. Raises as that does, and as the door."""
        people = vault_names.named_in(vault_names.dataset_of(self.map, dataset), name)
        claim = UploadClaim(secrets.token_hex(16), dataset, name, tuple(subjects), clear_before, digest, size)
        with taking_in():
            taken = send(self.door, claim, stream)
        whose = tuple(dict.fromkeys((*people, *subjects)))
        return Ingested(SealedRecording(taken.id, dataset, name, whose, taken.size, taken.digest, taken.at, clear_before), taken.fresh)

    def open(self, recording: str, *, purpose: str, program: str = "", first: int = 0, last: int | None = None) -> BinaryIO:
        """Open a recording for a purpose; see :meth:`VaultService.open`. Raises as that does, and as the door."""
        claim = OpeningClaim(secrets.token_hex(16), recording, purpose, (program or this_program())[:MOST_PROGRAM], first, last)
        return cast("BinaryIO", DoorFile(self.door, claim))

    def readable(self, dataset: str, purpose: str) -> Iterator[ReadableRecording]:
        """Yield the recordings of a dataset that may be read for a purpose, by the gate of this moment."""
        after: int | None = 0
        while after is not None:
            page = self.door.readable_recordings(dataset, purpose, after)
            yield from page.recordings
            after = page.following

    def renew_gate(self) -> None:
        """Do nothing: the keeper renews the gate snapshot before it asks about an upload."""

    def named(self, dataset: str, fields: Mapping[str, str]) -> str:
        """Return a recording's name, from values for the placeholders of a path. Raises UsageError where they fill no path."""
        return vault_names.named(vault_names.dataset_of(self.map, dataset), fields)

    def names(self, dataset: str, folder: Path) -> Iterator[tuple[str, Path]]:
        """Yield (name, file) for each file below a folder. Raises StrayFiles where some fit no path of the dataset."""
        return vault_names.names_below(vault_names.dataset_of(self.map, dataset), folder)

    def datasets(self) -> tuple[str, ...]:
        """Return the datasets that lie in vaults."""
        return vault_names.datasets_of(self.map)


@contextmanager
def taking_in() -> Iterator[None]:
    """Turn errors of the disk, and of a stream, into StoreUnavailable, for a block that takes a recording in."""
    try:
        yield
    except OSError as error:
        message = f"the recording could not be taken in: {error.strerror or 'input/output error'}"
        kind = StoreFull if error.errno in _FULL else StoreUnavailable
        raise kind(message, help="nothing readable is left of it; mend it, then ingest it again") from error
