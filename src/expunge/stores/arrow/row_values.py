"""Convert rows of an Arrow table to Python values, to JSON for an export, and to content for a tracer."""

from __future__ import annotations

import io
import math
from base64 import b64encode
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO, cast

import pyarrow as pa

from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import Tracer
from expunge.stores.arrow.damage import readable
from expunge.stores.arrow.values import said

Row = dict[str, Any]


def python_rows(table: pa.Table) -> list[Row]:
    """Rows as Python values; instants that Python has no word for as numbers."""
    with readable():
        try:
            return list(table.to_pylist())
        except (ValueError, OverflowError):
            return list(_numbered(table).to_pylist())


def _numbered(table: pa.Table) -> pa.Table:
    columns = [column.cast(pa.int64()) if pa.types.is_temporal(column.type) else column for column in table.columns]
    return pa.table(columns, names=table.column_names)


def spoken(value: object) -> object:
    """A value as JSON can hold it: bytes in base64, instants in ISO 8601, numbers that are none as text."""
    match value:
        case dict():
            return {str(key): spoken(inner) for key, inner in value.items()}
        case list() | tuple():
            return [spoken(inner) for inner in value]
        case bytes():
            return b64encode(value).decode()
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case None | bool() | int() | str():
            return value
    return str(value)


def names_of(schema: pa.Schema) -> Iterator[str]:
    """Yield the names of all fields of a schema, and of those inside structs, lists and maps."""
    waiting = list(schema)
    while waiting:
        field = waiting.pop()
        yield field.name
        waiting.extend(field.type.field(at) for at in range(field.type.num_fields))


def trace_row(dataset: str, subject: Pseudonym, row: Row, tracer: Tracer) -> None:
    """Hand over every value of a row, structs and lists taken apart."""
    for name, value in row.items():
        _trace_value(dataset, subject, name, value, tracer)


def _trace_value(dataset: str, subject: Pseudonym, field: str, value: object, tracer: Tracer) -> None:
    match value:
        case None | bool():
            return
        case dict():
            for key, inner in value.items():
                _trace_value(dataset, subject, f"{field}.{key}", inner, tracer)
        case list() | tuple():
            numbers = [float(each) for each in value if isinstance(each, int | float) and not isinstance(each, bool)]
            if len(numbers) > 1 and len(numbers) == len(value):
                tracer.vector(subject, dataset, field, numbers)
                return
            for inner in value:
                _trace_value(dataset, subject, field, inner, tracer)
        case bytes():
            tracer.blob(subject, dataset, field, cast("BinaryIO", io.BytesIO(value)))
        case int() | float():
            if math.isfinite(value) and abs(value) < 1e300:
                tracer.number(subject, dataset, field, float(value))
            tracer.text(subject, dataset, field, str(value))
        case _:
            tracer.text(subject, dataset, field, said(value) or "")
