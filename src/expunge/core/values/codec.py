"""Frozen dataclasses to JSON values and back, driven by their type hints; strict in both directions.

Supported: ``str``, ``int``, ``bool``, ``None``, NewTypes of them, ``datetime`` (RFC 3339, UTC, microseconds only when not zero), enums by
value, dataclasses with a tag (:mod:`expunge.core.values.tags`), ``tuple[X, ...]``, ``frozenset[X]``, ``Mapping[str, X]`` and unions of
dataclasses, told apart by their tags.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from expunge.core.values import tags
from expunge.core.values.canonical import Json
from expunge.errors import StateCorrupt

_PLAIN = frozenset({str, int, bool, type(None)})


@lru_cache(maxsize=1024)
def _shape(kind: Any) -> tuple[str, tuple[str, ...]]:
    """Return the tag of a dataclass and the names of its fields. Raises TypeError for one without a tag."""
    return tags.tag_of(kind), tuple(field.name for field in fields(kind))


def to_json(value: object) -> Json:
    """Encode ``value``; a dataclass has its tag under ``is``. Raises TypeError for a dataclass without a tag and for unsupported types."""
    kind: Any = type(value)
    # Why first: most values are of these types, and every event of the journal comes by here.
    if kind in _PLAIN:
        return value  # type: ignore[return-value]
    if isinstance(value, Enum):
        return to_json(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime):
        return instant(value)
    if is_dataclass(value):
        tag, names = _shape(kind)
        body: dict[str, Json] = {tags.IS: tag}
        for name in names:
            body[name] = to_json(getattr(value, name))
        return body
    if isinstance(value, tuple):
        return [to_json(each) for each in value]
    if isinstance(value, frozenset):
        return sorted(str(each) for each in value)
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    message = f"{type(value).__name__} cannot be encoded"
    raise TypeError(message)


def from_json(kind: Any, value: Json) -> Any:
    """Decode ``value`` as ``kind``.

    Raises StateCorrupt when it does not fit, has unknown fields or lacks some, and TypeError when ``kind`` is a class without a tag.
    """
    name = tags.tag_of(kind) if isinstance(kind, type) and is_dataclass(kind) else str(kind)
    try:
        return _decoder(kind)(value)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        message = f"stored value does not fit {name}"
        raise StateCorrupt(message, help="the state was written by another version or was changed") from error


def instant(when: datetime) -> str:
    """Write an aware datetime as RFC 3339 in UTC. Raises ValueError for a naive one."""
    if when.tzinfo is None:
        message = "naive datetime"
        raise ValueError(message)
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Read the output of :func:`instant`. Any other spelling raises ValueError."""
    message = "not an RFC 3339 UTC instant in its one spelling"
    when = datetime.fromisoformat(text)
    try:
        sound = when.tzinfo is not None and instant(when) == text
    except OverflowError as error:
        # Within the years 1 to 9999 in its own zone, beyond them in UTC.
        raise ValueError(message) from error
    if not sound:
        raise ValueError(message)
    return when


@lru_cache(maxsize=256)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@lru_cache(maxsize=2048)
def _decoder(kind: Any) -> Callable[[Any], Any]:  # noqa: PLR0911 - one return per kind of type
    """Return the function that decodes values of a kind. A journal has a hundred thousand values of a few hundred kinds."""
    supertype = getattr(kind, "__supertype__", None)
    if supertype is not None:
        return _decoder(supertype)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _union_decoder(get_args(kind))
    if origin is tuple:
        return _tuple_decoder(get_args(kind)[0])
    if origin is frozenset:
        member = _decoder(get_args(kind)[0])
        return lambda value: frozenset(member(each) for each in value)
    if origin is not None and issubclass(origin, Mapping):
        under = _decoder(get_args(kind)[1])
        return lambda value: {key: under(each) for key, each in value.items()}
    if is_dataclass(kind):
        return _dataclass_decoder(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if kind is datetime:
        return parse_instant
    return _plain_decoder(kind)


def _plain_decoder(kind: Any) -> Callable[[Any], Any]:
    def decode(value: Any) -> Any:
        if type(value) is not kind:
            message = f"{type(value).__name__} where {kind} belongs"
            raise TypeError(message)
        return value

    return decode


def _tuple_decoder(kind: Any) -> Callable[[Any], Any]:
    text = getattr(kind, "__supertype__", kind) is str
    member = _decoder(kind)

    def decode(value: Any) -> tuple[Any, ...]:
        # Registers hold long lists of plain text: asking for each member takes many times as long as reading it.
        if text and isinstance(value, list) and all(type(each) is str for each in value):
            return tuple(value)
        return tuple(member(each) for each in value)

    return decode


def _union_decoder(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    classes = [kind for kind in kinds if is_dataclass(kind) and isinstance(kind, type)]
    rest = [kind for kind in kinds if kind is not type(None) and not is_dataclass(kind)]
    optional = type(None) in kinds

    def decode(value: Any) -> Any:
        if value is None and optional:
            return None
        if isinstance(value, dict):
            for kind in classes:
                if tags.tag_of(kind) == value.get(tags.IS):
                    return _decoder(kind)(value)
        if len(rest) != 1:
            message = "no member of the union fits"
            raise TypeError(message)
        return _decoder(rest[0])(value)

    return decode


def _dataclass_decoder(kind: Any) -> Callable[[Any], Any]:
    tag = tags.tag_of(kind)
    names = {field.name for field in fields(kind)}
    # Why defaults may be missing: what was written before a field existed means its default.
    needed = {field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING}
    # Of fields that were read before: a class may hold values of its own kind.
    members: dict[str, Callable[[Any], Any]] = {}

    def decode(value: Any) -> Any:
        if value.get(tags.IS) != tag:
            message = f"not a {tag}"
            raise TypeError(message)
        body = tags.present_form(kind, value)
        if not needed <= body.keys() <= names:
            message = f"fields of {tag} differ"
            raise TypeError(message)
        for name in body.keys() - members.keys():
            members[name] = _decoder(_hints(kind)[name])
        return kind(**{name: members[name](each) for name, each in body.items()})

    return decode
