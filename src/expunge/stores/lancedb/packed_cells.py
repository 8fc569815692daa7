"""Read values of bytes in tables of a LanceDB folder that belong to no person, in every file of rows: old versions and branches too."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
from lance.file import LanceFileReader

from expunge.stores.lancedb.table import SUFFIX, TROUBLE

_TOGETHER = 256
_HEAD = 1 << 20


def packed_cells(root: Path, owned: Collection[Path], least: int) -> Iterator[tuple[str, bytes]]:
    """Yield (``table.column``, value), column by column.

    A file that the engine does not read is a value itself, by its name in the table's folder, as far as its first MiB.

    Args:
        root: the folder of the database.
        owned: folders of tables that belong to people.
        least: bytes of a value.

    Raises:
        OSError: a file cannot be opened.
    """
    for folder in sorted(root.glob(f"*{SUFFIX}")):
        if folder not in owned:
            yield from _cells(folder, least)


def _cells(folder: Path, least: int) -> Iterator[tuple[str, bytes]]:
    unread: list[Path] = []
    columns = _columns(folder, unread)
    for name, files in columns.items():
        for file in files:
            try:
                for batch in LanceFileReader(str(file), columns=[name]).read_all(batch_size=_TOGETHER).to_batches():
                    for value in _values(batch.column(0), least):
                        yield f"{folder.stem}.{name}", value
            except TROUBLE:
                unread.append(file)
    for file in dict.fromkeys(unread):
        if file.exists():
            with file.open("rb") as opened:
                yield f"{folder.stem}.{file.relative_to(folder).as_posix()}", opened.read(_HEAD)


def _columns(folder: Path, unread: list[Path]) -> dict[str, list[Path]]:
    """Return the files that hold each column of bytes; add those that the engine does not read to a list."""
    columns: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob(f"data/*{SUFFIX}")):
        try:
            schema = LanceFileReader(str(file)).metadata().schema
        except TROUBLE:
            unread.append(file)
            continue
        for column in schema:
            if _may_hold_bytes(column.type):
                columns.setdefault(column.name, []).append(file)
    return columns


def _may_hold_bytes(kind: pa.DataType) -> bool:
    """Return whether values of a type, or of a part of it, are bytes."""
    if isinstance(kind, pa.BaseExtensionType):
        return _may_hold_bytes(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _may_hold_bytes(kind.value_type)
    if _is_bytes(kind):
        return True
    return any(_may_hold_bytes(kind.field(each).type) for each in range(kind.num_fields))


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return any(told(kind) for told in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view))


def _values(column: pa.Array, least: int) -> Iterator[bytes]:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        yield from _values(column.storage, least)
    elif pa.types.is_dictionary(kind):
        yield from _values(column.dictionary, least)
    elif _is_bytes(kind):
        yield from (value for each in column if (value := each.as_py()) is not None and len(value) >= least)
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            yield from _values(part, least)
    elif hasattr(column, "flatten"):
        inner = column.flatten()
        yield from _values(inner, least) if isinstance(inner, pa.Array) else ()
