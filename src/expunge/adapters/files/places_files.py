"""Known places in files: one for each store, in a folder of the state, with names of the map and digests alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from expunge import durable
from expunge.ports.optional.known_places import ANY_PLACE

_LOST = {ANY_PLACE: "lost"}


class FilePlaces:
    """Implements :class:`expunge.ports.optional.known_places.KnownPlaces` in a folder, which is made at first use."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; nothing is opened."""
        self._folder = folder

    def recall(self, store: str) -> Mapping[str, str]:
        """See the port."""
        try:
            found = json.loads(self._file(store).read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            return _LOST
        return found if isinstance(found, dict) and all(isinstance(mark, str) for mark in found.values()) else _LOST

    def remember(self, store: str, place: str, mark: str) -> None:
        """See the port. Two processes that remember at once keep the later word; the next look puts the other one back."""
        known = {**self.recall(store), place: mark}
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.write_bytes(self._file(store), json.dumps(known, sort_keys=True).encode(), at="places.remember.write")

    def forget(self, store: str) -> None:
        """See the port."""
        durable.unlink(self._file(store), at="places.forget.unlink")
        with suppress(FileNotFoundError):
            durable.fsync_directory(self._folder, at="places.forget.folder")

    def _file(self, store: str) -> Path:
        return self._folder / f"{store}.json"
