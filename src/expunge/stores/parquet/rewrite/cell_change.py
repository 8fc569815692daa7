"""The change that takes identifiers out of single columns of one Parquet file. Rows and all other values stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from expunge.core.datamap.mentions import MentionAct, MentionRule
from expunge.core.values.outcome import Kept
from expunge.stores.arrow.damage import readable
from expunge.stores.parquet.lake.lake_files import opened_on
from expunge.stores.tree.interface import NobodyThere

_MOST_EXACT = 2.0**53
"""The number below which every whole one is a floating-point number."""


def texts(column: Any) -> Any:
    """A column's values as text, to be compared with identifiers; None for types whose values no identifier fills."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind):
        return column.cast(pa.large_string())
    if pa.types.is_floating(kind):
        numbers = column.cast(pa.float64())
        # Why whole ones alone: keys beside missing values are often written so, and no key has a fraction.
        whole = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), _MOST_EXACT))
        return pc.if_else(whole, numbers, pa.scalar(None, pa.float64())).cast(pa.int64()).cast(pa.large_string())
    if pa.types.is_decimal(kind):
        return pc.replace_substring_regex(column.cast(pa.large_string()), r"\.0+$", "")
    return None


def is_number(kind: Any) -> bool:
    """Return whether a type's values are numbers, inside of which no identifier stands."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def value_of(text: str, kind: Any) -> Any:
    """A replacement as a value of a column's type. Raises pa.ArrowInvalid or pa.ArrowNotImplementedError."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.scalar(text, pa.large_string()).cast(plain)


@dataclass
class CellChange:
    """See :class:`expunge.stores.tree.interface.FileCut`."""

    rules: Mapping[str, MentionRule]
    values: Mapping[str, Collection[str]]
    """Column -> the identifiers to take out of it."""
    met: bool = field(default=False, init=False)
    """True when the last call met one of them."""

    def __call__(self, old: BinaryIO, new: BinaryIO) -> None:
        """Write ``old`` to ``new`` with the cells changed. See :class:`expunge.stores.tree.interface.FileCut`."""
        with opened_on(old) as file, readable():
            self.met = self.concerns(file)
            if not self.met:
                raise NobodyThere
            if not new.seekable():
                # An older version, which goes whole: only whether it names them was asked.
                return
            with pq.ParquetWriter(pa.PythonFile(new, "w"), file.schema_arrow, **_as_written(file)) as writer:
                for number in range(file.num_row_groups):
                    group = file.read_row_group(number)
                    for name, column in self._changed(group).items():
                        group = group.set_column(group.schema.get_field_index(name), group.schema.field(name), column)
                    writer.write_table(group, row_group_size=max(1, group.num_rows))

    def concerns(self, file: pq.ParquetFile) -> bool:
        """Return whether a file has a cell to change."""
        columns = self._columns(file)
        return bool(columns) and any(self._changed(file.read_row_group(number, columns)) for number in range(file.num_row_groups))

    def _columns(self, file: pq.ParquetFile) -> list[str]:
        return [name for name in self.values if file.schema_arrow.get_field_index(name) >= 0]

    def _changed(self, group: pa.Table) -> dict[str, Any]:
        """Column -> its values after the change, for the columns in which anything changes."""
        changed = {}
        for name, wanted in self.values.items():
            at = group.schema.get_field_index(name)
            column = group.column(at) if at >= 0 else None
            text = texts(column) if column is not None else None
            if column is None or text is None:
                continue
            sought = pa.array(sorted(wanted), pa.large_string())
            met = pc.is_in(text, value_set=sought)
            # Why dictionaries too: a row group may have entries that only rows of another one use.
            if pc.any(met).as_py() or any(pc.any(pc.is_in(entries, value_set=sought)).as_py() for entries in _entries(column)):
                rule, kind = self.rules[name], column.type
                plain = column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column
                instead = pa.scalar(None, plain.type) if rule.act is MentionAct.NULL else value_of(rule.value, kind)
                changed[name] = pc.if_else(met, instead, plain).cast(kind)
        return changed

    def keep(self, kept: Kept) -> None:
        """Nothing is recorded: the rows are other people's, and a later look finds what stayed."""

    def credit(self) -> None:
        """Nothing is counted: the rows are other people's."""


def _entries(column: Any) -> list[Any]:
    """The dictionaries of a column as text, of every chunk."""
    if not pa.types.is_dictionary(column.type):
        return []
    return [entries for chunk in column.chunks if (entries := texts(chunk.dictionary)) is not None]


def _as_written(file: pq.ParquetFile) -> dict[str, Any]:
    """How the file was written, as far as a reader of it may care."""
    group = file.metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    compression = {each.path_in_schema: "NONE" if each.compression == "UNCOMPRESSED" else each.compression for each in columns}
    return {
        "compression": compression,
        "version": file.metadata.format_version,
        "use_deprecated_int96_timestamps": any(each.physical_type == "INT96" for each in columns),
    }
