"""Where the entries of the lists at one place of a JSON document stand, told from its brackets, quotes and keys alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

ITSELF = "."
"""The place of a document that is itself the list."""
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
_TEXT = re.compile(rb"[^ \t\n\r]")
_SPACE = b" \t\n\r"
_Way: TypeAlias = "tuple[str | None, ...]"
"""What is left of the name of the place, in each way in which it can be read; None where the value is the list."""


@dataclass
class _Level:
    """An object or list that is open."""

    is_list: bool
    way: _Way
    of_entries: bool = False
    """It is one of the lists that are looked for."""
    begun: int = 0
    """Where the text of the next entry can begin."""
    key_comes: bool = True
    next: _Way = field(default=())
    """What is left of the name below the last key."""


def entry_places(data: bytes, name: str, text: Callable[[int, int], str]) -> Iterator[tuple[int, int]]:
    """Yield where entries begin and end, in the order in which they stand.

    Args:
        data: the document, one byte for each unit; units beyond ASCII may be any letter.
        name: the field whose lists hold the entries; dots lead into objects, lists on the way give every element.
        text: returns a stretch of the document as it is written.
    """
    levels: list[_Level] = []
    coming: _Way = (None,) if name == ITSELF else (name,)
    for token in _TOKEN.finditer(data):
        sign, at = token[0][:1], token.start()
        level = levels[-1] if levels else None
        if sign in b"[{":
            below = _below(level, coming)
            of_entries = sign == b"[" and None in below
            levels.append(_Level(sign == b"[", () if of_entries else below, of_entries, token.end()))
        elif level is None:
            continue
        elif sign == b'"':
            if not level.is_list and level.key_comes:
                level.key_comes = False
                level.next = tuple(_after(level.way, text(at, token.end()))) if level.way else ()
        else:
            if level.of_entries:
                yield from _entry(data, level.begun, at)
                level.begun = token.end()
            level.key_comes = True
            if sign != b",":
                levels.pop()


def _below(level: _Level | None, coming: _Way) -> _Way:
    if level is None:
        return coming
    return level.way if level.is_list else level.next


def _after(way: _Way, key: str) -> Iterator[str | None]:
    try:
        word = json.loads(key)
    except ValueError:
        return
    for left in way:
        if left is None:
            continue
        if left == word:
            yield None
        head, dot, tail = left.partition(".")
        if dot and head == word:
            yield tail


def _entry(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    first = _TEXT.search(data, start, end)
    if first is not None:
        begin = first.start()
        yield begin, begin + len(data[begin:end].rstrip(_SPACE))
