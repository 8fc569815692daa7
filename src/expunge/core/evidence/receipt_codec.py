"""Receipt values to JSON and back, by their type hints. Strict: every field is present, none is unknown, no value is coerced.

Separate from ``core.values.codec`` because strangers read receipts. The bytes contain no class names, times are in whole seconds, bytes are
base64, and every fault names its field. Fields that came later (:data:`LATER`) are left out where they have their default: the bytes of
receipts from before them stay what they were.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from expunge.core.datamap.grounding import Grounding
from expunge.core.values import b64
from expunge.core.values.canonical import Json
from expunge.errors import EvidenceInvalid

LATER: Mapping[str, bool] = types.MappingProxyType({"later": True})
"""Metadata of a field that receipts of earlier versions lack: it is not in the bytes where it has its default."""


def to_json(value: object) -> Json:
    """Encode a value. Raises ValueError for a value without a form here (naive or sub-second times, other types)."""
    if isinstance(value, Grounding):
        return value.word
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, bytes):
        return b64.encode(value)
    if is_dataclass(value):
        said = ((field, getattr(value, field.name)) for field in fields(value))
        return {field.name: to_json(each) for field, each in said if not (field.metadata.get("later") and each == field.default)}
    if isinstance(value, tuple):
        return [to_json(each) for each in value]
    if value is None or type(value) in (str, int):
        return value  # type: ignore[return-value]  # narrowed by type() because bool is an int
    if isinstance(value, str):
        return str(value)
    message = f"{type(value).__name__} has no form in a receipt"
    raise ValueError(message)


def from_json(kind: Any, value: Json, where: str) -> Any:
    """Decode ``value`` as ``kind``; ``where`` names the field in messages. Raises EvidenceInvalid."""
    supertype = getattr(kind, "__supertype__", kind)
    origin, arguments = get_origin(supertype), get_args(supertype)
    if origin in (Union, types.UnionType):
        inner = next(argument for argument in arguments if argument is not types.NoneType)
        return None if value is None else from_json(inner, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise _fault(where)
        return tuple(from_json(arguments[0], each, where) for each in value)
    if is_dataclass(supertype):
        return _dataclass(supertype, value, where)
    return _scalar(supertype, value, where)


def instant(when: datetime) -> str:
    """RFC 3339 in UTC, whole seconds, ``Z``. Raises ValueError for a naive or finer time."""
    if when.tzinfo is None or when.microsecond:
        message = "times in receipts are aware and in whole seconds"
        raise ValueError(message)
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=64)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@lru_cache(maxsize=64)
def _needed(kind: Any) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind) if not field.metadata.get("later"))


def _dataclass(kind: Any, value: Json, where: str) -> Any:
    hints, needed = _hints(kind), _needed(kind)
    if not isinstance(value, Mapping) or not needed <= set(value) <= hints.keys():
        raise _fault(where, "has unknown fields or lacks some")
    decoded = {name: from_json(hints[name], inner, f"{where}.{name}") for name, inner in value.items()}
    try:
        return kind(**decoded)
    except ValueError as error:
        raise _fault(where, str(error)) from error


def _scalar(kind: Any, value: Json, where: str) -> Any:
    if kind is int and type(value) is int:
        return value
    if not isinstance(value, str):
        raise _fault(where)
    if kind is str:
        return value
    if kind is bytes:
        return b64.decode(value)
    try:
        if kind is Grounding:
            return _exact(Grounding.from_word(value), Grounding.from_word(value).word, value)
        if kind is datetime:
            when = datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            return _exact(when, instant(when), value)
        return kind(value)
    except ValueError as error:
        raise _fault(where) from error


def _exact(result: object, spelled: str, value: str) -> object:
    if spelled != value:
        raise ValueError(value)
    return result


def _fault(where: str, what: str = "is not of the right kind") -> EvidenceInvalid:
    message = f"receipt: {where} {what}"
    return EvidenceInvalid(message, help="it was changed, or made by a version with another format")
