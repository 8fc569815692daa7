"""The inventory of vaults: each recording with its algorithm, its epoch and whether its file is sealed under its key; and other files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from expunge.bootstrap.vault.vault_names import KIND
from expunge.bootstrap.vault.vaults import Vaults
from expunge.core.datamap.datamap import DataMap
from expunge.errors import StoreUnavailable
from expunge.ports.vault.sealed_library import LibraryFile, SealedRecording
from expunge.vault.library import Library

ALGORITHM = "AES-256-GCM in 16 KiB chunks, key-committing (C2SP chunked-encryption)"
_PAGE = 500


class SealState(StrEnum):
    """What was found where a recording's sealed file belongs."""

    SEALED = "sealed"
    """A file of the right size, whose header commits to the recording's key and place."""
    MISSING = "missing"
    CHANGED = "changed"
    """Something else."""


@dataclass(frozen=True)
class SealedObject:
    """One recording."""

    store: str
    dataset: str
    recording: str
    """Its random id."""
    epoch: int
    size: int
    """Bytes of the sealed file; 0 where it is missing."""
    state: SealState
    clear_before: bool
    """Whether it lay in the clear before it was sealed."""


@dataclass(frozen=True)
class OtherFiles:
    """Files of a vault's folder that are no recording's: nothing says that they are sealed."""

    store: str
    count: int


def inventory(data_map: DataMap, vaults: Vaults) -> Iterator[SealedObject | OtherFiles]:
    """Yield every recording of every vault, then the other files of each. No recording is read: of each file, the header alone.

    Raises StoreUnavailable, and as the key table.
    """
    table = vaults.table()
    for spec in data_map.stores.values():
        if spec.kind != KIND:
            continue
        library = vaults.library(spec)
        for dataset in data_map.datasets_of(spec.name):
            recordings = library.recordings(dataset.name)
            while page := list(islice(recordings, _PAGE)):
                epochs = {id_.hex(): epoch for id_, epoch in table.epochs_of([bytes.fromhex(each.id) for each in page])}
                yield from _page(library, spec.name, page, epochs)
        kinds = library.examine(lambda _: True)
        yield OtherFiles(spec.name, sum(kind is LibraryFile.STRANGE for kind in kinds.values()))


def _page(library: Library, store: str, page: Sequence[SealedRecording], epochs: dict[str, int]) -> Iterator[SealedObject]:
    for each in page:
        if each.id in epochs:  # else it was shredded meanwhile
            state, size = _state(library, each), library.sealed_size(each) or 0
            yield SealedObject(store, each.dataset, each.id, epochs[each.id], size, state, each.clear_before)


def _state(library: Library, recording: SealedRecording) -> SealState:
    try:
        library.open(recording).close()
    except FileNotFoundError:
        return SealState.MISSING
    except (OSError, StoreUnavailable):
        return SealState.CHANGED
    return SealState.SEALED
