"""The rows that lie in files of vector stores: tables of Lance, indexes of FAISS and the records beside them.

Pages of Lance and codes of FAISS are not taken apart: a place in them lies at some row of the table or index, if the table's newest version
has the file at all.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from expunge.ports.optional.placing import FileLayout, Lying, NothingLive, PlaceReader, SomeRow
from expunge.residue.placing.record_files import RecordFilePlaces

_TABLE, _VERSIONS, _DATA, _INDICES, _MANIFEST = ".lance", "_versions", "data", "_indices", ".manifest"
_LARGEST = (1 << 64) - 1
_REVERSED = 20
"""Digits of a manifest's name that counts down, so that the newest comes first in a listing."""
INDEXES = (".faiss", ".index", ".ivf")
"""Endings of files with vectors."""
_SIDECAR = ".ids"


class SharedFile:
    """A file each place of which lies at some row of one relation."""

    def __init__(self, lying: Lying, name: Lying) -> None:
        """Take the answer for all of it, and that for its name."""
        self._lying = lying
        self._name = name

    def at(self, offset: int, length: int) -> Lying:  # noqa: ARG002 - it is the same everywhere
        """Return the answer."""
        return self._lying

    def at_name(self) -> Lying:
        """Return the answer for the name."""
        return self._name

    def close(self) -> None:
        """Nothing is open."""


def open_vectors(path: Path) -> PlaceReader | None:
    """Open a file of a vector store; None for other files. Raises OSError."""
    table = _table_of(path)
    if table is not None:
        return SharedFile(_in_table(table, path), SomeRow(os.fspath(table)))
    if path.suffix in INDEXES:
        here = SomeRow(os.fspath(path))
        return SharedFile(here, here)
    beside, form = path.with_suffix(""), path.suffix[1:]
    if form in {"jsonl", "csv"} and beside.suffix == _SIDECAR and any(beside.with_suffix(end).exists() for end in INDEXES[:2]):
        return RecordFilePlaces(path, FileLayout(Path("/"), form))
    return None


def _table_of(path: Path) -> Path | None:
    """The folder of the Lance table that a file lies in."""
    return next((folder for folder in path.parents if folder.suffix == _TABLE and (folder / _VERSIONS).is_dir()), None)


def _in_table(table: Path, path: Path) -> Lying:
    """Some row of the table where a newest version names the file: as a file of data, or as part of an index."""
    parts = path.relative_to(table).parts
    manifests = [manifest.read_bytes() for manifest in _newest(table)]
    if _DATA in parts[:-1]:
        name = os.fsencode(path.name)
    elif _INDICES in parts[:-2]:
        try:
            name = uuid.UUID(parts[parts.index(_INDICES) + 1]).bytes
        except ValueError:
            return NothingLive("index of no version")
    else:
        return NothingLive("bookkeeping")
    return SomeRow(os.fspath(table)) if any(name in manifest for manifest in manifests) else NothingLive("file of no version")


def _newest(table: Path) -> Iterator[Path]:
    """The newest manifest of the main line and of each branch."""
    for folder in sorted(table.rglob(_VERSIONS)):
        found = {number: path for path in folder.glob(f"*{_MANIFEST}") if (number := _number(path.stem)) is not None}
        if found:
            yield found[max(found)]


def _number(stem: str) -> int | None:
    if not (stem.isascii() and stem.isdecimal()):
        return None
    return _LARGEST - int(stem) if len(stem) == _REVERSED else int(stem)
