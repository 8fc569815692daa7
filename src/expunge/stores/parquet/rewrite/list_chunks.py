"""Write the column chunks of a list column anew without some of its elements."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.core.values.outcome import Reason, Unable
from expunge.stores.arrow.damage import readable
from expunge.stores.arrow.values import Numbers
from expunge.stores.parquet.format.footer import Chunk, RandomAccessFile, RowGroup, read_from
from expunge.stores.parquet.rewrite.splice import SplicedChunk
from expunge.stores.tree.interface import NameTrouble

_CODECS = {0: "none", 1: "snappy", 2: "gzip", 4: "brotli", 5: "lz4", 6: "zstd", 7: "lz4"}
_OTHERWISE = Unable(
    Reason.UNSUPPORTED, "a list of people is stored in a form in which single members cannot be taken out: write `shared: erase`"
)


def without_elements(
    file: pq.ParquetFile, group: int, columns: Mapping[str, Mapping[int, frozenset[int]]], drop: Numbers
) -> dict[str, pa.Table]:
    """Return list columns of a row group without some elements and rows, each as a table of its own.

    Args:
        file: the file.
        group: number of the row group.
        columns: column -> row inside the group -> numbers of the elements that go.
        drop: sorted numbers of rows that go as a whole.
    """
    numbers = [place for place, name in _leaves(file) if name in columns]
    with readable():
        table = file.reader.read_row_groups([group], column_indices=numbers, use_threads=False)
    stay = np.ones(table.num_rows, np.bool_)
    stay[drop] = False
    found: dict[str, pa.Table] = {}
    for name, gone in columns.items():
        place = table.schema.get_field_index(name)
        if place < 0:
            raise NameTrouble(_OTHERWISE)
        cut = _cut(table.column(place).combine_chunks(), gone)
        found[name] = pa.table([cut], schema=pa.schema([table.schema.field(place)])).filter(pa.array(stay))
    return found


def _leaves(file: pq.ParquetFile) -> list[tuple[int, str]]:
    schema = file.schema
    return [(place, schema.column(place).path.partition(".")[0]) for place in range(len(schema))]


def _cut(column: pa.Array, gone: Mapping[int, frozenset[int]]) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        raise NameTrouble(_OTHERWISE)
    offsets = column.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    values, first = column.values, int(offsets[0])
    keep = np.ones(len(values), np.bool_)
    for row, elements in gone.items():
        keep[[int(offsets[row]) + element for element in elements]] = False
    kept = np.concatenate([[0], np.cumsum(keep)])
    moved = kept[offsets] - kept[first]
    kind = pa.int64() if pa.types.is_large_list(column.type) else pa.int32()
    left = values.slice(first, int(offsets[-1]) - first).filter(pa.array(keep[first : int(offsets[-1])]))
    make = pa.LargeListArray if pa.types.is_large_list(column.type) else pa.ListArray
    return make.from_arrays(pa.array(moved, kind), left, type=column.type, mask=column.is_null() if column.null_count else None)


def chunks(table: pa.Table, group: RowGroup, name: str) -> dict[int, SplicedChunk]:
    """Return the chunks of one column, by their number in the row group, in the codec of those that they replace."""
    old = {place: chunk for place, chunk in enumerate(group.chunks) if chunk.leaf.path[0] == name}
    codec = _CODECS.get(next(iter(old.values())).codec) if old else None
    if codec is None:
        raise NameTrouble(_OTHERWISE)
    buffer = io.BytesIO()
    with readable(), pq.ParquetWriter(buffer, table.schema, compression=codec, store_schema=False) as writer:
        writer.write_table(table, row_group_size=max(1, table.num_rows))
    file = RandomAccessFile(buffer)
    (made,) = read_from(file).row_groups
    if len(made.chunks) != len(old) or any(map(_differs, made.chunks, old.values())):
        raise NameTrouble(_OTHERWISE)
    return {place: _spliced(file, chunk, old[place]) for place, chunk in zip(old, made.chunks, strict=True)}


def _differs(made: Chunk, old: Chunk) -> bool:
    one, other = made.leaf, old.leaf
    return (one.physical, one.length, one.max_definition, one.max_repetition) != (
        other.physical,
        other.length,
        other.max_definition,
        other.max_repetition,
    )


def _spliced(file: RandomAccessFile, made: Chunk, old: Chunk) -> SplicedChunk:
    meta = made.meta.clone()
    meta[3] = old.meta[3]
    # Bounds are left out: the writer's order of them need not be that of the file.
    meta.drop(8, 12, 14, 15)
    data = memoryview(file.read(made.start, made.size))
    return SplicedChunk(meta, [data], None, None, int(made.meta.value(9)) - made.start, 0, 1)
