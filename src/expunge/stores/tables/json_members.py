"""Find and remove members of lists inside a JSON text, without touching any other character of it.

A *member* is the innermost list element on the way to a value: ``"ann"`` in ``{"people": ["ann", "bob"]}``, and the whole object in
``{"people": [{"id": "ann"}, {"id": "bob"}]}``. Field names are those of the data map: dots lead into objects, lists give every element, and
:data:`ITSELF` is the document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, TypeAlias

ITSELF = "."
"""The field name of a document, or an entry of a list, that is itself the value."""
_SPACE = " \t\n\r"
_NEAR = 12
"""Characters on each side of a short member."""
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]

Sought: TypeAlias = Sequence[tuple[str, str | None]]
"""The fields looked for below a place: (name in the map, what is left of it; None where the place itself is the value)."""


@dataclass
class _List:
    """One list of the text."""

    elements: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Occurrence:
    """One value of a field."""

    name: str
    text: str = field(repr=False)
    inside: tuple[_List, int] | None = field(repr=False)
    """The innermost list around it, and the number of the element; None where no list is around it."""


@dataclass(frozen=True)
class MemberCut:
    """A document without some members."""

    text: str = field(repr=False)
    """What is left. The same text where nothing was removed."""
    gone: tuple[str, ...] = field(repr=False)
    """The removed members, as they stood."""
    around: tuple[str, ...] = field(repr=False)
    """Short removed members with the ends of their neighbours, as they stood: alone they would say too little."""
    whole: bool
    """True when the document as a whole is theirs: a value that means them stands outside any list, or nothing else is named in it."""


class JsonMembers:
    """One parsed document."""

    def __init__(self, text: str, names: Iterable[str]) -> None:
        """Parse a document.

        Args:
            text: the document; a byte order mark is allowed at its start.
            names: the fields whose values are looked for.

        Raises:
            ValueError: when it is no JSON.
        """
        self.text = text
        self.occurrences: list[Occurrence] = []
        self._inside: tuple[_List, int] | None = None
        start = _skip(text, 1 if text.startswith("\ufeff") else 0)
        try:
            end = self._visit(start, [(name, None if name == ITSELF else name) for name in dict.fromkeys(names)])
        except (StopIteration, IndexError, RecursionError) as error:
            message = "not JSON"
            raise ValueError(message) from error
        if _skip(text, end) != len(text):
            message = "more than one JSON value"
            raise ValueError(message)

    def texts(self, name: str) -> frozenset[str]:
        """Return all values of a field."""
        return frozenset(each.text for each in self.occurrences if each.name == name)

    @property
    def listed(self) -> bool:
        """True when a value stands in a list."""
        return any(each.inside is not None for each in self.occurrences)

    def without(self, match: Mapping[str, frozenset[str]]) -> MemberCut:
        """Return the document without the members that ``match`` means: field -> values."""
        theirs = [each for each in self.occurrences if each.text in match.get(each.name, ())]
        if not theirs:
            return MemberCut(self.text, (), (), whole=False)
        members: dict[int, tuple[_List, set[int]]] = {}
        for each in theirs:
            if each.inside is None:
                return MemberCut(self.text, (), (), whole=True)
            held, number = each.inside
            members.setdefault(id(held), (held, set()))[1].add(number)
        spans = sorted(span for held, numbers in members.values() for span in _doomed(held, numbers))
        elements = [held.elements[number] for held, numbers in members.values() for number in sorted(numbers)]
        left, at = [], 0
        for start, end in spans:
            left.append(self.text[at:start])
            at = max(at, end)
        rest = "".join([*left, self.text[at:]])
        gone = tuple(self.text[start:end] for start, end in sorted(elements))
        around = tuple(self.text[max(0, start - _NEAR) : end + _NEAR] for start, end in sorted(elements) if end - start < _NEAR)
        return MemberCut(rest, gone, around, whole=not JsonMembers(rest, [each.name for each in self.occurrences]).occurrences)

    # --- parsing --------------------------------------------------------------------------------

    def _visit(self, at: int, sought: Sought) -> int:
        """Look for fields in the value that starts at ``at``; return where it ends."""
        first = self.text[at]
        if not sought or first not in "{[":
            value, end = _scan(self.text, at)
            for name, rest in sought:
                if rest is None and (text := scalar(value)) is not None:
                    self.occurrences.append(Occurrence(name, text, self._inside))
            return end
        return self._object(at, sought) if first == "{" else self._list(at, sought)

    def _object(self, at: int, sought: Sought) -> int:
        text, at = self.text, _skip(self.text, at + 1)
        if text[at] == "}":
            return at + 1
        while True:
            if text[at] != '"':
                raise StopIteration
            key, at = scanstring(text, at + 1)
            at = _skip(text, at)
            if text[at] != ":":
                raise StopIteration
            at = _skip(text, self._visit(_skip(text, at + 1), list(_below(sought, key))))
            if text[at] == "}":
                return at + 1
            if text[at] != ",":
                raise StopIteration
            at = _skip(text, at + 1)

    def _list(self, at: int, sought: Sought) -> int:
        text, at, outer, held = self.text, _skip(self.text, at + 1), self._inside, _List()
        if text[at] == "]":
            return at + 1
        while True:
            self._inside = (held, len(held.elements))
            end = self._visit(at, sought)
            held.elements.append((at, end))
            at = _skip(text, end)
            if text[at] == "]":
                self._inside = outer
                return at + 1
            if text[at] != ",":
                raise StopIteration
            at = _skip(text, at + 1)


def scalar(value: object) -> str | None:
    """Return the text by which a JSON value is compared with identifiers; None for null, objects and lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        # 1000.0 and 1e3 are the number 1000, as they are in a database.
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else None


def list_spans(text: str, name: str) -> list[list[tuple[int, int]]]:
    """Return, for each list that a field name leads to, where its elements stand; lists on the way give every element.

    Raises ValueError when the text is no JSON.
    """
    return _ListsAt(text, name).lists


class _ListsAt(JsonMembers):
    """A document of which the lists at one place are wanted, not the values below them."""

    def __init__(self, text: str, name: str) -> None:
        self.lists: list[list[tuple[int, int]]] = []
        super().__init__(text, [name])

    def _list(self, at: int, sought: Sought) -> int:
        if all(rest is not None for _, rest in sought):
            return super()._list(at, sought)
        text, elements, at = self.text, list[tuple[int, int]](), _skip(self.text, at + 1)
        self.lists.append(elements)
        while text[at] != "]":
            _, end = _scan(text, at)
            elements.append((at, end))
            at = _skip(text, end)
            if text[at] == ",":
                at = _skip(text, at + 1)
                if text[at] == "]":
                    raise StopIteration
            elif text[at] != "]":
                raise StopIteration
        return at + 1


def _below(sought: Sought, key: str) -> Iterator[tuple[str, str | None]]:
    """The fields that are looked for below a key: a name may stand there as it is written, or its first part leads on."""
    for name, rest in sought:
        if rest is None:
            continue
        if rest == key:
            yield name, None
        head, dot, tail = rest.partition(".")
        if dot and head == key:
            yield name, tail


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _doomed(held: _List, numbers: set[int]) -> Iterator[tuple[int, int]]:
    """The stretches of a list that go with some elements: each takes the separator before it, or after it where none stays before."""
    before = False
    for number, (start, end) in enumerate(held.elements):
        if number not in numbers:
            before = True
        elif before:
            yield held.elements[number - 1][1], end
        elif number + 1 < len(held.elements):
            yield start, held.elements[number + 1][0]
        else:
            yield start, end


def strings_of(text: str) -> Iterator[str]:
    """Yield each string value of a JSON document; nothing of another text. Names of fields are no values."""
    try:
        waiting = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
