"""Values of rows by type: reading them, handing them to the tracer, showing them in an export, and their form in a heap tuple."""

from __future__ import annotations

import io
import json
import math
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import Tracer
from expunge.stores.postgres.schema.catalogue import INTEGERS, PostgresColumn, quoted

Hand: TypeAlias = Callable[[Tracer, Pseudonym, str, str, Any], None]
"""Gives one value of one field to the tracer."""

_NUMBERS = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_LEXEME = re.compile(r"'((?:[^']|'')*)'")
_VECTORS = {"vector", "halfvec"}
_SHAPES = {"point", "line", "lseg", "box", "path", "polygon", "circle"}
_PLAIN_NUMBERS = {*INTEGERS, "float4", "float8", "oid"}
_LONG_WORD = 8
"""A lexeme of fewer bytes says too little."""


def reading(column: PostgresColumn) -> str:
    """SQL for a column's value in the form in which it is handed over: numbers, bytes and floats as they are, all else as text."""
    it = f"t.{quoted(column.name)}"
    if column.type in {*_PLAIN_NUMBERS, "bool", "bytea"} or column.element in {"float4", "float8"}:
        return it
    if column.type in _VECTORS:
        return f"{it}::real[]"
    return f"{it}::text[]" if column.element else f"{it}::text"


def shown(column: PostgresColumn) -> str:
    """SQL for a column's value as a JSON text."""
    it = f"t.{quoted(column.name)}"
    if column.type == "bytea":
        coded = f"pg_catalog.translate(pg_catalog.encode({it}, 'base64'), E'\\n', '')"
        return f"CASE WHEN {it} IS NOT NULL THEN pg_catalog.json_build_object('base64', {coded})::text END"
    if column.type in _VECTORS:
        it = f"{it}::real[]"
    return f"pg_catalog.to_json({it})::text"


def hand(column: PostgresColumn) -> Hand:
    """Return the function that hands a value of the column to the tracer."""
    if column.type in {"int2", "int4", "oid", "float4", "float8"}:
        return _number
    if column.type in _HANDS:
        return _HANDS[column.type]
    if column.type in _VECTORS or column.element in {"float4", "float8"}:
        return _vector
    if column.element:
        inner = _number_text if column.element in INTEGERS else _HANDS.get(column.element, _text)
        return lambda tracer, who, dataset, field, value: _each(inner, tracer, who, dataset, field, value)
    return _shape if column.type in _SHAPES else _text


def _text(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    tracer.text(who, dataset, field, value)


def _nothing(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    """A truth value tells nobody apart."""


def _number(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    if math.isfinite(value):
        tracer.number(who, dataset, field, value)


def _number_text(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    _large(tracer, who, dataset, field, int(value))


def _large(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    tracer.number(who, dataset, field, value)
    if not -(2**47) <= value < 2**47:
        # Rows and indexes hold such integers as 8 bytes, least significant first.
        tracer.blob(who, dataset, field, io.BytesIO(value.to_bytes(8, "little", signed=True)))


def _numeric(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    if value[-1] not in "Ny":  # NaN, Infinity
        tracer.number(who, dataset, field, float(value))
        if len(value) > 15:
            tracer.text(who, dataset, field, value)
            tracer.blob(who, dataset, field, io.BytesIO(decimal_digits(value)))


def decimal_digits(value: str) -> bytes:
    """The digits of a ``numeric`` as rows hold them: base 10,000, 16 bits each, least significant byte first."""
    whole, _, part = value.lstrip("-").partition(".")
    digits = "0" * (-len(whole) % 4) + whole + part + "0" * (-len(part) % 4)
    groups = [int(digits[at : at + 4]) for at in range(0, len(digits), 4)]
    while groups and not groups[0]:
        del groups[0]
    while groups and not groups[-1]:
        del groups[-1]
    return struct.pack(f"<{len(groups)}H", *groups)


def _bytes(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    tracer.blob(who, dataset, field, io.BytesIO(value))


def _uuid(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    tracer.text(who, dataset, field, value)
    tracer.blob(who, dataset, field, io.BytesIO(UUID(value).bytes))


def _json(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    """The strings and numbers inside, which ``jsonb`` keeps apart from each other, and the whole as it is written."""
    tracer.text(who, dataset, field, value)
    try:
        waiting = [json.loads(value)]
    except RecursionError:
        return  # nested deeper than Python follows: the whole has been handed over
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            tracer.text(who, dataset, field, each)
        elif isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            numbers = [one for one in each if isinstance(one, int | float) and not isinstance(one, bool)]
            if len(numbers) == len(each) > 1:
                tracer.vector(who, dataset, field, numbers)
            else:
                waiting.extend(each)
        elif isinstance(each, int | float) and not isinstance(each, bool) and abs(each) < 1e300:
            _numeric(tracer, who, dataset, field, str(each)) if isinstance(each, int) else tracer.number(who, dataset, field, each)


def _vector(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    try:
        plain = math.isfinite(sum(value))
    except TypeError:
        plain = False  # arrays in it, or nulls
    tracer.vector(who, dataset, field, value if plain else list(_flat(value)))


def _flat(value: Any) -> Iterator[float]:
    for each in value:
        if isinstance(each, list):
            yield from _flat(each)
        elif each is not None and math.isfinite(each):
            yield each


def _each(inner: Hand, tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    for each in value:
        if isinstance(each, list):
            _each(inner, tracer, who, dataset, field, each)
        elif each is not None:
            inner(tracer, who, dataset, field, each)


def _shape(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    tracer.vector(who, dataset, field, [float(each) for each in _NUMBERS.findall(value)])


def _geometry(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    """Well-known binary in hex: the coordinates lie in it as rows hold them."""
    tracer.blob(who, dataset, field, io.BytesIO(bytes.fromhex(value)))


def _words(tracer: Tracer, who: Pseudonym, dataset: str, field: str, value: Any) -> None:
    for word in _LEXEME.findall(value):
        if len(word) >= _LONG_WORD:
            tracer.text(who, dataset, field, word.replace("''", "'"))


_HANDS: dict[str, Hand] = {
    "bool": _nothing,
    "int8": _large,
    "numeric": _numeric,
    "bytea": _bytes,
    "uuid": _uuid,
    "json": _json,
    "jsonb": _json,
    "tsvector": _words,
    "geometry": _geometry,
    "geography": _geometry,
}


# --- what joins two values of a row --------------------------------------------------------------------

_SEAM = 16
_CONTENT = 32
"""Bytes of a value from which on it is taken to be content, which tells whose the row is."""


@dataclass(frozen=True)
class HeapValue:
    """A value as a heap tuple holds it."""

    data: bytes
    align: int


def seams(columns: Sequence[PostgresColumn], row: Sequence[Any]) -> Iterator[bytes]:
    """Yield the bytes around each border of two values in a heap tuple: padding and length bytes included.

    Each id may belong to bystanders as well, or be too short to be looked for (``7``, ``acc-51``). The row that joins them does not. Ends
    at the first value whose stored form is not known here.
    """
    data, borders = bytearray(), []
    for column, value in zip(columns, row, strict=True):
        if value is None:
            continue
        part = _stored(column, value)
        if part is None:
            break
        if len(part.data) > _CONTENT:
            return
        data += bytes(-len(data) % part.align)
        borders.append(len(data))
        data += part.data
    for at in borders[1:]:
        yield bytes(data[max(0, at - _SEAM) : at + _SEAM])


_FIXED = {"int2": "<h", "int4": "<i", "int8": "<q", "oid": "<I", "float4": "<f", "float8": "<d"}
_TEXTS = {"text", "varchar", "citext", "bytea"}


def _stored(column: PostgresColumn, value: Any) -> HeapValue | None:
    form = _FIXED.get(column.type)
    if form is not None:
        data = struct.pack(form, value)
        return HeapValue(data, len(data))
    if column.type in _TEXTS:
        data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
        # A short value has one byte of length, shifted left, the last bit set; it is not aligned (postgres.h, varatt).
        return HeapValue(bytes([(min(len(data), 126) + 1) << 1 & 0xFF | 1]) + data, 1)
    if column.type == "uuid":
        return HeapValue(UUID(value).bytes, 1)
    return HeapValue(b"\1" if value else b"\0", 1) if column.type == "bool" else None
