"""Remove values of erased subjects from key-value metadata. An entry that holds one is scrubbed where its form is known, else dropped."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection

import pyarrow as pa

from expunge.stores.parquet.format.thrift import BINARY, Listed, Struct

ARROW_SCHEMA = b"ARROW:schema"


def scrubbed(struct: Struct, forbidden: Collection[str]) -> Struct:
    """A FileMetaData whose key-value metadata, that of columns included, holds none of the values."""
    wanted = [each.encode("utf-8", "surrogateescape") for each in forbidden if each]
    if wanted:
        _clean(struct, 5, wanted)
        for group in struct.value(4, ()):
            for chunk in group.value(1, ()):
                _clean(chunk.value(3), 8, wanted)
    return struct


def _clean(holder: Struct, field: int, wanted: Collection[bytes]) -> None:
    entries = holder.value(field)
    if entries is None:
        return
    cleaned = [entry for entry in (_entry(entry, wanted) for entry in entries) if entry is not None]
    if cleaned:
        holder[field] = (holder[field][0], Listed(entries.kind, cleaned))
    else:
        holder.drop(field)


def _entry(entry: Struct, wanted: Collection[bytes]) -> Struct | None:
    key, value = entry.value(1, b""), entry.value(2, b"")
    if _holds(key, wanted) or _holds(value, wanted):
        return None
    if key != ARROW_SCHEMA:
        return entry
    try:
        raw = base64.b64decode(value, validate=True)
    except binascii.Error:
        return None
    if not _holds(raw, wanted):
        return entry
    after = _without_metadata(raw, wanted)
    if after is None:
        return None
    cleaned = entry.clone()
    cleaned.put(2, BINARY, base64.b64encode(after))
    return cleaned


def _holds(data: bytes, wanted: Collection[bytes]) -> bool:
    return any(each in data for each in wanted)


def _without_metadata(raw: bytes, wanted: Collection[bytes]) -> bytes | None:
    """A serialised Arrow schema without metadata entries that hold a value; None where it holds one elsewhere, in a field's name say."""
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(raw))
    except (OSError, pa.ArrowException):
        return None
    metadata = _left(schema.metadata, wanted)
    fields = [each.with_metadata(_left(each.metadata, wanted)) for each in schema]
    after: bytes = pa.schema(fields, metadata).serialize().to_pybytes()
    return None if _holds(after, wanted) else after


def _left(metadata: dict[bytes, bytes] | None, wanted: Collection[bytes]) -> dict[bytes, bytes] | None:
    return {key: value for key, value in (metadata or {}).items() if not _holds(key + b"\0" + value, wanted)} or None
