"""Canonical bytes: the only place that makes bytes to be hashed or signed from values, and reads them back strictly.

The form is a subset of RFC 8785 (JSON Canonicalization Scheme): UTF-8, no white space, keys sorted by code point, no floats, integers
within +-(2^53 - 1). Keys are ASCII by convention of every format of ours, so that sorting by code point and by UTF-16 unit agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from expunge.errors import EvidenceInvalid

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"

_LIMIT = 2**53 - 1
_PLAIN = (str, bool, type(None))
# The usual types stand before those that stand for them all: asking for these takes ten times as long.
_MAPPINGS = (dict, Mapping)
_SEQUENCES = (list, tuple, Sequence)
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def encode(value: Json) -> bytes:
    """Return the one canonical byte form of ``value``.

    Raises:
        ValueError: for floats, integers beyond 2^53 - 1, keys that are not ASCII strings, or lone surrogates.
    """
    _check(value)
    return _ENCODER.encode(value).encode("utf-8")


def decode(data: bytes) -> Json:
    """Parse bytes that must be exactly the output of :func:`encode`.

    Raises:
        EvidenceInvalid: when they are not UTF-8 JSON, or are JSON in any other spelling (white space, key order,
            duplicate keys, floats, escapes that were not needed).
    """
    try:
        value: Json = json.loads(data.decode("utf-8"))
        again = encode(value)
    except (ValueError, RecursionError) as error:
        message = "not canonical JSON"
        raise EvidenceInvalid(message, help="the file was changed or is not one of ours") from error
    if again != data:
        message = "JSON is not in its canonical spelling"
        raise EvidenceInvalid(message, help="the file was re-formatted or changed; use it byte for byte as issued")
    return value


def _check(value: Json) -> None:
    if isinstance(value, _PLAIN):
        return
    if isinstance(value, int):
        if abs(value) > _LIMIT:
            message = "integer beyond 2^53 - 1"
            raise ValueError(message)
        return
    if isinstance(value, _MAPPINGS):
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isascii():
                message = "keys must be ASCII strings"
                raise ValueError(message)
            _check(inner)
        return
    if isinstance(value, _SEQUENCES) and not isinstance(value, bytes | bytearray):
        for inner in value:
            _check(inner)
        return
    message = f"{type(value).__name__} has no canonical form"
    raise ValueError(message)
