"""Sealed manifests as files in a folder of this machine, ``NAME.artefact``. The key lies in a file of its own."""

from __future__ import annotations

from pathlib import Path

from expunge.core.models.artefact_manifest import SHORTEST_KEY, SUFFIX
from expunge.errors import StoreUnavailable


class FileTrainings:
    """The reader of manifests that ``expunge.learn.provenance.sealing`` writes."""

    def __init__(self, folder: str, key: str) -> None:
        """Take the paths; nothing is opened."""
        self._folder = Path(folder)
        self._key = Path(key)

    def key(self) -> bytes:
        """See :meth:`expunge.ports.trainings.Trainings.key`."""
        try:
            found = self._key.read_bytes()
        except OSError as error:
            message = f"the key of the training ledger cannot be read: {error.strerror}"
            raise StoreUnavailable(message, help="correct `trainings.key` of the map, or its rights") from error
        if len(found) < SHORTEST_KEY:
            message = f"the key of the training ledger is shorter than {SHORTEST_KEY} bytes"
            raise StoreUnavailable(message, help="make one: head -c 32 /dev/urandom > FILE; then train anew")
        return found

    def artefacts(self) -> tuple[str, ...]:
        """See :meth:`expunge.ports.trainings.Trainings.artefacts`."""
        try:
            names = [path.stem for path in self._folder.iterdir() if path.suffix == SUFFIX]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _unreadable(error) from error
        return tuple(sorted(names))

    def sealed(self, artefact: str) -> bytes | None:
        """See :meth:`expunge.ports.trainings.Trainings.sealed`."""
        try:
            return (self._folder / f"{artefact}{SUFFIX}").read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(error) from error


def _unreadable(error: OSError) -> StoreUnavailable:
    message = f"the training ledger cannot be read: {error.strerror}"
    return StoreUnavailable(message, help="correct `trainings.ledger` of the map, or its rights")
