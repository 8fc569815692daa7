"""``expunge://``: a file system for programs that read through fsspec. It shows the recordings that the gate lets be read for one purpose.

::

    import fsspec

    recordings = fsspec.filesystem("expunge", purpose="recognise visitors")
    for name in recordings.find("doorbell"):
        with recordings.open(name) as file:
            ...

Each file that a program opens is an opening in the journal, as with :func:`expunge.vault.open`. Nothing can be written.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

from fsspec.spec import AbstractFileSystem

import expunge.vault as door
from expunge.errors import UsageError

AHEAD = 16 * 1024
"""Bytes of one read: after a refusal a program may still have so many, and no more."""


class VaultFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """The recordings of an installation that may be read for a purpose, named ``DATASET/NAME``."""

    protocol = "expunge"
    cachable = False

    def __init__(self, purpose: str = "", map_path: Path | str | None = None, program: str = "", **options: Any) -> None:
        """Open nothing yet.

        Args:
            purpose: a purpose of the map.
            map_path: the data map; None walks up from the working folder.
            program: the program's name for the journal.
            options: those of fsspec.

        Raises UsageError without a purpose.
        """
        super().__init__(use_listings_cache=False, **options)
        if not purpose:
            raise UsageError("name the purpose for which recordings are read", help='fsspec.filesystem("expunge", purpose=...)')
        self.purpose = purpose
        self._map = map_path
        self._program = program

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:  # noqa: ARG002 - fsspec's own shape
        """List datasets, or the entries directly below a path, as far as the gate lets them be read. Raises FileNotFoundError."""
        below = self._strip_protocol(path).strip("/")
        found: dict[str, dict[str, Any]] = {}
        for name, size in self._below(below):
            if name == below:
                return [_entry(name, size)] if detail else [name]
            rest = name[len(below) :].lstrip("/") if below else name
            first, more, _ = rest.partition("/")
            whole = f"{below}/{first}" if below else first
            found.setdefault(whole, _entry(whole, None if more else size))
        if not found:
            raise FileNotFoundError(path)
        return list(found.values()) if detail else list(found)

    def info(self, path: str, **options: Any) -> dict[str, Any]:  # noqa: ARG002 - fsspec's own shape
        """Return a recording's size. Raises FileNotFoundError, also for a recording that may not be read."""
        wanted = self._strip_protocol(path).strip("/")
        for name, size in self._below(wanted):
            if name == wanted:
                return _entry(name, size)
            if not wanted or name.startswith(f"{wanted}/"):
                return _entry(wanted, None)
        raise FileNotFoundError(path)

    def _below(self, path: str) -> list[tuple[str, int]]:
        vault = door.vault(self._map)
        dataset = path.partition("/")[0]
        names = [dataset] if dataset else vault.datasets()
        listed = (
            (f"{name}/{each.name}", each.size) for name in names if name in vault.datasets() for each in vault.readable(name, self.purpose)
        )
        return [(name, size) for name, size in listed if not path or name == path or name.startswith(f"{path}/")]

    def _open(self, path: str, mode: str = "rb", **options: Any) -> io.BufferedReader:  # noqa: ARG002 - fsspec's own shape
        if mode != "rb":
            raise UsageError("recordings are read and not written here", help="`expunge ingest` takes recordings in")
        found = door.vault(self._map).open(self._strip_protocol(path), purpose=self.purpose, program=self._program)
        return io.BufferedReader(cast("io.RawIOBase", found), AHEAD)


def _entry(name: str, size: int | None) -> dict[str, Any]:
    return {"name": name, "size": size or 0, "type": "directory" if size is None else "file"}
