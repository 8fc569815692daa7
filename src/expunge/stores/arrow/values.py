"""Values in columns, as text: the schema leaf that a field means, the text of a value, and the rows that hold wanted values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers: TypeAlias = npt.NDArray[np.int64]
_LIST = "[]"


@dataclass(frozen=True)
class ColumnLeaf:
    """One column of a file as it is stored: a leaf of its schema."""

    index: int
    """Its number among the leaves, in the order of the footer."""
    field: str
    """Its dotted name, lists passed over: ``people.id`` for a list of structs."""
    steps: tuple[str, ...]
    """The way to it from the top: names of structs' fields, and ``[]`` for the elements of a list."""

    @property
    def listed(self) -> bool:
        """True when one row may hold several values."""
        return _LIST in self.steps


def leaves(schema: pa.Schema) -> list[ColumnLeaf]:
    """The leaves of a schema, in the order in which Parquet numbers them (depth first)."""
    found: list[ColumnLeaf] = []
    for each in schema:
        _descend(each.name, each.type, (each.name,), found)
    return found


def _descend(name: str, kind: pa.DataType, steps: tuple[str, ...], found: list[ColumnLeaf]) -> None:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_struct(kind) and kind.num_fields:
        for child in kind:
            _descend(f"{name}.{child.name}", child.type, (*steps, child.name), found)
    elif pa.types.is_map(kind):
        for child in (pa.field("key", kind.key_type), pa.field("value", kind.item_type)):
            _descend(f"{name}.{child.name}", child.type, (*steps, _LIST, child.name), found)
    elif _is_list(kind):
        _descend(name, kind.value_type, (*steps, _LIST), found)
    else:
        found.append(ColumnLeaf(len(found), name, steps))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def pieces(table: pa.Table, leaf: ColumnLeaf) -> Iterator[tuple[pa.Array, Numbers | None]]:
    """The values of a leaf, chunk by chunk, each with the number of its row in the table; None where values and rows are one to one.

    In a table with the leaf's own column only, the chunks follow one another; rows are numbered through.
    """
    at = 0
    for chunk in table.column(leaf.steps[0]).chunks:
        values, rows = _flat(chunk, leaf.steps[1:], None)
        if rows is not None:
            yield values, rows + at
        else:
            yield values, None if at == 0 and len(chunk) == table.num_rows else np.arange(at, at + len(chunk), dtype=np.int64)
        at += len(chunk)


def _flat(array: pa.Array, steps: Sequence[str], rows: Numbers | None) -> tuple[pa.Array, Numbers | None]:
    for step in steps:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        if step != _LIST:
            array = pc.struct_field(array, [array.type.get_field_index(step)])
            continue
        if pa.types.is_map(array.type):
            entry = pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])
            array = array.cast(pa.list_(entry))
        parents = pc.list_parent_indices(array).to_numpy(zero_copy_only=False).astype(np.int64)
        rows = parents if rows is None else rows[parents]
        array = pc.list_flatten(array)
    return array, rows


def said(value: object) -> str | None:
    """Return a value as its text, or None for null. Numbers that are equal have the same text: ``7`` for 7, 7.0 and 7.00."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case Decimal() if value == value.to_integral_value():
            return str(int(value))
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return value.hex()
        case datetime() | date() | time():
            return value.isoformat()
    return str(value)


def texts(array: pa.Array) -> pa.Array:
    """Return the values of a flat array as an array of strings. A value that names no subject is null."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if _is_string(array.type):
        return array.cast(pa.large_string())
    if pa.types.is_integer(array.type):
        return array.cast(pa.large_string())
    coded = _coded(array)
    spoken = pa.array([said(each) for each in _objects(coded.dictionary)], pa.large_string())
    return spoken.take(coded.indices)


def _coded(array: pa.Array) -> pa.DictionaryArray:
    return array if pa.types.is_dictionary(array.type) else array.dictionary_encode()


def _objects(array: pa.Array) -> list[Any]:
    """Python values; instants beyond the years that Python knows as numbers."""
    try:
        return list(array.to_pylist())
    except (ValueError, OverflowError):
        return list(array.cast(pa.int64()).to_pylist())


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


class SearchTexts:
    """Texts to look for in columns of any type. Many rows are compared at a time."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self.texts = tuple(dict.fromkeys(wanted))
        if not _utf8("".join(self.texts)):
            # What cannot be written in UTF-8 stands in no column.
            self.texts = tuple(text for text in self.texts if _utf8(text))
        self._sets: dict[pa.DataType, tuple[pa.Array, Numbers | None]] = {}

    def find(self, array: pa.Array | pa.ChunkedArray) -> Numbers:
        """For each value the number of its text in :attr:`texts`, -1 for all others."""
        kind = array.type
        if pa.types.is_dictionary(kind):
            return self._find_coded(array.chunks if isinstance(array, pa.ChunkedArray) else [array], kind)
        if not (_is_string(kind) or pa.types.is_integer(kind)):
            if isinstance(array, pa.ChunkedArray):
                return np.concatenate([self.find(chunk) for chunk in array.chunks] or [_NONE])
            coded = _coded(array)
            spoken = pa.array([said(each) for each in _objects(coded.dictionary)], pa.string())
            return self.find(pa.DictionaryArray.from_arrays(coded.indices, spoken))
        values, numbers = self._set(kind)
        if not len(values):
            return np.full(len(array), -1, np.int64)
        met = pc.index_in(array, value_set=values).fill_null(-1)
        codes = np.asarray(met.to_numpy() if isinstance(met, pa.ChunkedArray) else met.to_numpy(zero_copy_only=False))
        return codes if numbers is None else np.append(numbers, -1)[codes]

    def hits(self, array: pa.ChunkedArray) -> tuple[Numbers, Numbers]:
        """Return the positions at which a text of :attr:`texts` stands, ascending, and the number of each text."""
        values, numbers = self._set(array.type) if _is_string(array.type) or pa.types.is_integer(array.type) else (None, None)
        if values is None or not len(values):
            every = self.find(array)
            where = np.flatnonzero(every >= 0)
            return where, every[where]
        found: list[tuple[Numbers, Numbers]] = [(_NONE, _NONE)]
        at = 0
        for chunk in pc.index_in(array, value_set=values).chunks if len(array) else ():
            if len(chunk):
                valid, stored = chunk.buffers()
                there = np.arange(len(chunk)) if valid is None else _set_bits(valid, chunk.offset, len(chunk))
                codes: Numbers = np.frombuffer(stored, np.int32, len(chunk), 4 * chunk.offset)
                found.append((there + at, codes[there]))
                at += len(chunk)
        where, met = (np.concatenate([each[n] for each in found[1:] or found]) for n in range(2))
        return where, met if numbers is None else numbers[met]

    def _find_coded(self, chunks: Sequence[pa.DictionaryArray], kind: pa.DictionaryType) -> Numbers:
        """The same for dictionary arrays: all dictionaries are compared at once, for that costs least."""
        codes = self.find(pa.chunked_array([chunk.dictionary for chunk in chunks], kind.value_type))
        found, at = [_NONE], 0
        for chunk in chunks:
            end = at + len(chunk.dictionary)
            indices = chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) if chunk.null_count else chunk.indices.to_numpy()
            found.append(np.append(codes[at:end], -1)[indices])
            at = end
        return np.concatenate(found) if len(found) != 2 else found[1]

    def between(self, low: object, high: object) -> bool:
        """Return whether any text can be the text of a value from ``low`` to ``high`` (bounds of a column, both included)."""
        if isinstance(low, str) and isinstance(high, str):
            # Parquet orders strings by their bytes; bounds may be cut, downwards and upwards, and still are bounds.
            return any(low.encode() <= text.encode() <= high.encode() for text in self.texts)
        if isinstance(low, int) and isinstance(high, int) and not isinstance(low, bool):
            return any((number := _integer(text)) is not None and low <= number <= high for text in self.texts)
        return True

    def _set(self, kind: pa.DataType) -> tuple[pa.Array, Numbers | None]:
        """What to compare a column of that type with, and the texts' numbers where they are not one to one."""
        if kind not in self._sets:
            if _is_string(kind):
                self._sets[kind] = pa.array(self.texts, kind), None
            else:
                low, high = _range(kind)
                pairs = [(number, at) for at, each in enumerate(self.texts) if (number := _integer(each)) is not None]
                pairs = [(number, at) for number, at in pairs if low <= number <= high]
                self._sets[kind] = pa.array([each for each, _ in pairs], kind), np.array([at for _, at in pairs], np.int64)
        return self._sets[kind]


_NONE: Numbers = np.empty(0, np.int64)


def _set_bits(bitmap: pa.Buffer, offset: int, count: int) -> Numbers:
    """The places of the ones among ``count`` bits from ``offset`` on, counted from there."""
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), count=offset + count, bitorder="little")[offset:]
    return np.flatnonzero(bits.view(np.bool_))


def _integer(text: str) -> int | None:
    """The number whose text this is; ``007`` is nobody's."""
    try:
        number = int(text)
    except ValueError:
        return None
    return number if str(number) == text else None


def _range(kind: pa.DataType) -> tuple[int, int]:
    bits = kind.bit_width
    return (0, 2**bits - 1) if str(kind).startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
