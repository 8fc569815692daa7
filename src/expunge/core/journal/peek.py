"""Look at journalled events without decoding them: read an event's kind and one of its texts, and read flat events quickly.

Decoding a long register takes many times as long as finding the few relevant events in it. Looking is sound because of the bytes' form:
canonical JSON spells a tag in one way, a quotation mark inside a text is escaped, no two classes have one tag, and no event holds another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from expunge.core.values import canonical, tags
from expunge.errors import StateCorrupt

_Event = TypeVar("_Event")


def peek(data: bytes, *kinds: type) -> type | None:
    """Return the kind, out of ``kinds``, that a journalled event is of; None for an event of another kind.

    Args:
        data: what :func:`expunge.core.journal.events.encode` wrote.
        kinds: classes of events.

    Raises TypeError for a class without a tag.
    """
    for kind in kinds:
        if _mark(kind) in data:
            return kind
    return None


def peek_text(data: bytes, field: str) -> str | None:
    """Return the text that a journalled event has in one of its own fields; None where that field is missing or is no text.

    Only for kinds of events whose values have no field of that name themselves: the first one in the bytes is taken.
    """
    found = _pattern(field).search(data)
    return None if found is None else str(json.loads(found[1]))


def read_flat(data: bytes, kind: type[_Event]) -> _Event:
    """Read a journalled event of a flat kind, as :func:`expunge.core.journal.events.decode` does, in a fraction of the time.

    A kind is flat when its fields are texts, numbers, truth values, instants, words of an enum and tuples of texts. That the bytes are as
    they were written, the journal has checked: what each field holds is not checked again.

    Raises TypeError for a kind that is not flat or has no tag, StateCorrupt for fields that the kind has not or lacks.
    """
    flat: type = kind
    readers = _readers(flat)
    try:
        body: dict[str, Any] = dict(tags.present_form(kind, json.loads(data)))
        for name in readers.keys() & body.keys():
            body[name] = readers[name](body[name])
        return kind(**body)
    except (TypeError, ValueError) as error:
        message = f"stored value does not fit {tags.tag_of(kind)}"
        raise StateCorrupt(message, help="the state was written by another version or was changed") from error


@lru_cache(maxsize=64)
def _readers(kind: type) -> dict[str, Callable[[Any], Any]]:
    """Field -> what makes its value of what JSON has, for those where that is another."""
    tags.tag_of(kind)
    hints = get_type_hints(kind)
    readers: dict[str, Callable[[Any], Any]] = {}
    for field in fields(kind):
        hint = hints[field.name]
        plain = getattr(hint, "__supertype__", hint)
        member = get_args(plain)[0] if get_origin(plain) is tuple else None
        if plain is datetime:
            readers[field.name] = datetime.fromisoformat
        elif isinstance(plain, type) and issubclass(plain, Enum):
            readers[field.name] = plain
        elif getattr(member, "__supertype__", member) is str:
            readers[field.name] = tuple
        elif plain not in (str, int, bool):
            message = f"{kind.__qualname__} is not flat: {field.name} is a {plain}"
            raise TypeError(message)
    return readers


@lru_cache(maxsize=256)
def _mark(kind: type) -> bytes:
    return canonical.encode({tags.IS: tags.tag_of(kind)})[1:-1]


@lru_cache(maxsize=64)
def _pattern(field: str) -> re.Pattern[bytes]:
    return re.compile(b"%s:(%s)" % (re.escape(canonical.encode(field)), rb'"(?:[^"\\]|\\.)*"'))
