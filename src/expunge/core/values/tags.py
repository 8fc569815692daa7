"""Tags: the name in a stored value that identifies its class.

A tag is part of the bytes that are journalled, signed, digested and handed out. It is written beside its class and never taken from the
class's name, so that a class can be renamed without a byte changing. A tag is never changed, and never given to another class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from expunge.core.values.canonical import Json

IS = "is"
"""The field under which a value has its tag."""
_Class = TypeVar("_Class", bound=type)
Upgrade: TypeAlias = Callable[[dict[str, Json]], dict[str, Json]]
"""Takes the fields of a stored value, of any form that was ever written, and returns those of the present form."""

_TAGS: dict[type, str] = {}
_CLASSES: dict[str, type] = {}
_UPGRADES: dict[type, Upgrade] = {}


def tagged(tag: str, *, upgrade: Upgrade | None = None) -> Callable[[_Class], _Class]:
    """Give a class its tag.

    Args:
        tag: what stands in stored values. Unique: two classes with one tag could meet in a union and be taken for each other.
        upgrade: reads older forms. It is handed the stored fields without the tag (a copy, which it may change), before they are held
            against the class, and returns fields of the present form unchanged.

    Raises ValueError for a tag that another class has, and for a class that has one.
    """

    def give(kind: _Class) -> _Class:
        other = _CLASSES.get(tag)
        if other is not None or kind in _TAGS:
            message = f"{kind.__qualname__} cannot have the tag {tag!r}: " + (f"{other.__qualname__} has it" if other else "it has another")
            raise ValueError(message)
        _CLASSES[tag], _TAGS[kind] = kind, tag
        if upgrade is not None:
            _UPGRADES[kind] = upgrade
        return kind

    return give


def tag_of(kind: type) -> str:
    """The tag of a class. Raises TypeError for a class without one; a tag is not inherited."""
    tag = _TAGS.get(kind)
    if tag is None:
        message = f"{kind.__qualname__} has no tag, so that it cannot be stored: give it one with expunge.core.values.tags.tagged"
        raise TypeError(message)
    return tag


def every_tag() -> Mapping[str, type]:
    """Return tag -> class, of all classes that have one and whose modules were imported."""
    return MappingProxyType(_CLASSES)


def present_form(kind: Any, stored: Mapping[str, Json]) -> dict[str, Json]:
    """The fields of a stored value in the form that the class has now."""
    body = {name: value for name, value in stored.items() if name != IS}
    upgrade = _UPGRADES.get(kind)
    return body if upgrade is None else upgrade(body)
