"""The compact protocol of Thrift, generic. Every field of a Parquet footer is kept, known to us or not.

A structure is a :class:`Struct`: field number to (type, value). Source: Thrift compact protocol specification.
"""

from __future__ import annotations

import struct
from typing import Any

from expunge.errors import CouldNotLook

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
DEEPEST = 64


class Struct(dict[int, tuple[int, Any]]):
    """The fields of one structure: number -> (type, value)."""

    __slots__ = ()

    def value(self, field: int, default: Any = None) -> Any:
        """The value of a field, or ``default`` where it is missing."""
        found = self.get(field)
        return default if found is None else found[1]

    def put(self, field: int, kind: int, value: Any) -> None:
        """Set a field, with the type it has already or else ``kind``; None takes it away."""
        if value is None:
            self.pop(field, None)
        else:
            self[field] = (self[field][0] if field in self and kind != TRUE else kind, value)

    def drop(self, *fields: int) -> None:
        """Take fields away; missing ones are no trouble."""
        for field in fields:
            self.pop(field, None)

    def clone(self) -> Struct:
        """A copy whose fields, structures and lists can be changed without changing this one."""
        return Struct((field, (kind, _clone(value))) for field, (kind, value) in self.items())


class Listed(list[Any]):
    """A list with the type of its elements."""

    __slots__ = ("kind",)

    def __init__(self, kind: int, values: Any = ()) -> None:
        super().__init__(values)
        self.kind = kind


def _clone(value: Any) -> Any:
    if isinstance(value, Struct):
        return value.clone()
    if isinstance(value, Listed):
        return Listed(value.kind, map(_clone, value))
    return value


def listed(kind: int, values: Any) -> Listed:
    """A list of values of one type."""
    return Listed(kind, values)


def parse(data: bytes | memoryview, at: int = 0) -> tuple[Struct, int]:
    """One structure that starts at ``at``, and where it ends. Raises CouldNotLook on anything that is not one."""
    try:
        return _struct(data, at, 0)
    except (IndexError, ValueError, struct.error):
        message = "a structure inside a Parquet file cannot be parsed"
        raise CouldNotLook(message, help="the file is damaged; restore it or erase it as a whole") from None


def _varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    if byte < 0x80:
        return byte, at
    result, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7
        if shift > 70:
            raise ValueError


def _struct(data: bytes | memoryview, at: int, depth: int) -> tuple[Struct, int]:
    if depth > DEEPEST:
        raise ValueError
    made = Struct()
    field = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return made, at
        kind = head & 0x0F
        if head >> 4:
            field += head >> 4
        else:
            number, at = _varint(data, at)
            field = (number >> 1) ^ -(number & 1)
        if kind in {TRUE, FALSE}:
            made[field] = (TRUE, kind == TRUE)
        else:
            value, at = _value(data, at, kind, depth)
            made[field] = (kind, value)


def _value(data: bytes | memoryview, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in {I16, I32, I64}:
        number, at = _varint(data, at)
        return (number >> 1) ^ -(number & 1), at
    if kind == BINARY:
        length, at = _varint(data, at)
        return _bytes(data, at, length), at + length
    if kind == STRUCT:
        return _struct(data, at, depth + 1)
    if kind in {LIST, SET}:
        return _list(data, at, depth)
    if kind in {TRUE, FALSE, BYTE}:
        return data[at], at + 1
    if kind == DOUBLE:
        return struct.unpack("<d", _bytes(data, at, 8))[0], at + 8
    if kind == UUID:
        return _bytes(data, at, 16), at + 16
    if kind == MAP:
        return _map(data, at, depth)
    raise ValueError


def _bytes(data: bytes | memoryview, at: int, length: int) -> bytes:
    found = bytes(data[at : at + length])
    if len(found) != length:
        raise ValueError
    return found


def _list(data: bytes | memoryview, at: int, depth: int) -> tuple[Listed, int]:
    head = data[at]
    at += 1
    kind, count = head & 0x0F, head >> 4
    if count == 15:
        count, at = _varint(data, at)
    if count > len(data):
        raise ValueError
    made = Listed(kind)
    for _ in range(count):
        value, at = _value(data, at, kind, depth + 1)
        made.append(value)
    return made, at


def _map(data: bytes | memoryview, at: int, depth: int) -> tuple[tuple[int, int, list[tuple[Any, Any]]], int]:
    count, at = _varint(data, at)
    if count == 0:
        return (0, 0, []), at
    if count > len(data):
        raise ValueError
    keys, values = data[at] >> 4, data[at] & 0x0F
    at += 1
    made = []
    for _ in range(count):
        key, at = _value(data, at, keys, depth + 1)
        value, at = _value(data, at, values, depth + 1)
        made.append((key, value))
    return (keys, values, made), at


def dump(made: Struct) -> bytes:
    """The bytes of a structure, fields in ascending order."""
    out = bytearray()
    _put_struct(out, made)
    return bytes(out)


def _put_varint(out: bytearray, number: int) -> None:
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _put_struct(out: bytearray, made: Struct) -> None:
    last = 0
    for field in sorted(made):
        kind, value = made[field]
        if kind == TRUE:
            kind = TRUE if value else FALSE
        if 0 < field - last < 16:
            out.append((field - last) << 4 | kind)
        else:
            out.append(kind)
            _put_varint(out, _zigzag(field))
        last = field
        if kind not in {TRUE, FALSE}:
            _put_value(out, kind, value)
    out.append(0)


def _put_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in {I16, I32, I64}:
        _put_varint(out, _zigzag(value))
    elif kind == BINARY:
        _put_varint(out, len(value))
        out += value
    elif kind == STRUCT:
        _put_struct(out, value)
    elif kind in {LIST, SET}:
        if len(value) < 15:
            out.append(len(value) << 4 | value.kind)
        else:
            out.append(0xF0 | value.kind)
            _put_varint(out, len(value))
        for each in value:
            _put_value(out, value.kind, each)
    elif kind == DOUBLE:
        out += struct.pack("<d", value)
    elif kind == UUID:
        out += value
    elif kind == MAP:
        keys, values, items = value
        _put_varint(out, len(items))
        if items:
            out.append(keys << 4 | values)
        for key, each in items:
            _put_value(out, keys, key)
            _put_value(out, values, each)
    else:
        out.append(value)
