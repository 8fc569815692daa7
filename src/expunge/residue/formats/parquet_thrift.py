"""Read Thrift's compact protocol (``thrift-compact-protocol.md``), in which the headers and footers of Parquet are written."""

from __future__ import annotations

from typing import TypeAlias

from expunge.residue.formats.decoders import Broken

Value: TypeAlias = "int | bool | float | bytes | list[Value] | dict[int, Value]"
Struct: TypeAlias = "dict[int, Value]"
_DEEPEST = 24


class ThriftReader:
    """A cursor over ``data``; everything raises Broken where the bytes cannot be such a structure."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at

    def varint(self) -> int:
        """An unsigned number of at most 64 bits."""
        value = shift = 0
        while shift < 70:
            if self.at >= len(self._data):
                raise Broken
            byte = self._data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise Broken

    def zigzag(self) -> int:
        """A signed number."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def struct(self, depth: int = 0) -> Struct:
        """Fields by number."""
        if depth > _DEEPEST:
            raise Broken
        fields: Struct = {}
        number = 0
        while True:
            head = self._byte()
            kind = head & 0x0F
            if not kind:
                if head:
                    raise Broken
                return fields
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            fields[number] = kind == 1 if kind in {1, 2} else self._value(kind, depth)

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise Broken
        self.at += 1
        return self._data[self.at - 1]

    def _value(self, kind: int, depth: int) -> Value:
        if kind in {1, 2}:
            return self._byte() == 1
        if kind == 3:
            return self._byte()
        if kind in {4, 5, 6}:
            return self.zigzag()
        if kind == 7:
            return float(int.from_bytes(self._bytes(8), "little"))
        if kind == 8:
            return self._bytes(self.varint())
        if kind in {9, 10}:
            return self._list(depth)
        if kind == 11:
            return self._map(depth)
        if kind == 12:
            return self.struct(depth + 1)
        raise Broken

    def _bytes(self, size: int) -> bytes:
        if size > len(self._data) - self.at:
            raise Broken
        self.at += size
        return self._data[self.at - size : self.at]

    def _list(self, depth: int) -> list[Value]:
        head = self._byte()
        count = head >> 4
        if count == 15:
            count = self.varint()
        # each element takes a byte at least
        if count > len(self._data) - self.at or depth > _DEEPEST:
            raise Broken
        return [self._value(head & 0x0F, depth + 1) for _ in range(count)]

    def _map(self, depth: int) -> list[Value]:
        count = self.varint()
        if count > len(self._data) - self.at or depth > _DEEPEST:
            raise Broken
        if not count:
            return []
        kinds = self._byte()
        return [self._value(kind, depth + 1) for _ in range(count) for kind in (kinds >> 4, kinds & 0x0F)]


def number(fields: Struct, key: int, default: int = 0) -> int:
    """A field that is a number. Raises Broken when it is something else."""
    value = fields.get(key, default)
    if not isinstance(value, int):
        raise Broken
    return int(value)


def inner(fields: Struct, key: int) -> Struct | None:
    """A field that is a structure, if it is there. Raises Broken when it is something else."""
    value = fields.get(key)
    if value is not None and not isinstance(value, dict):
        raise Broken
    return value


def structs(fields: Struct, key: int) -> list[Struct]:
    """A field that is a list of structures. Raises Broken when it is something else."""
    value = fields.get(key, [])
    if not isinstance(value, list):
        raise Broken
    out = [each for each in value if isinstance(each, dict)]
    if len(out) != len(value):
        raise Broken
    return out
