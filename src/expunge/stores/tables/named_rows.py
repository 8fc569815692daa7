"""Tell which people the cells of rows name, for stores of tables: the store selects rows that may, this counts those that do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from expunge.core.datamap.listed_values import listed
from expunge.core.datamap.mentions import FoundMentions, MentionForm, MentionQuery, ending, form_in, longer_in
from expunge.core.values.ids import Pseudonym
from expunge.phones import e164
from expunge.stores.tables.json_members import strings_of

_ANY = ""
"""Stands for every column."""


Longer: TypeAlias = "tuple[frozenset[str], ...]"


@dataclass(frozen=True)
class Cell:
    """One cell of a row that may name people."""

    column: str
    text: str
    met: bool
    """The store took it, or an element of it, for an identifier that was asked for, by its own comparison."""
    readable: bool = True
    """Whether longer text in it is looked through."""


def count(rows: Iterable[tuple[str, Sequence[Cell]]], queries: Sequence[MentionQuery], aside: Iterable[str]) -> Iterator[FoundMentions]:
    """Count rows, given as key and cells, by person, column and form; rows whose keys are ``aside`` do not count."""
    people = _NamedPeople(queries)
    own = frozenset(aside)
    counts: Counter[tuple[Pseudonym, str, MentionForm, Longer]] = Counter()
    for key, cells in rows:
        if key in own:
            continue
        texts = {cell.column: cell.text for cell in cells}
        for cell in cells:
            for number, (form, longer) in people.named(cell).items():
                if not people.owns(number, texts):
                    counts[queries[number].subject, cell.column, form, longer] += 1
    yield from (FoundMentions(subject, column, form, items, longer) for (subject, column, form, longer), items in counts.items())


class _NamedPeople:
    """The people of some queries, by their values."""

    def __init__(self, queries: Sequence[MentionQuery]) -> None:
        self._queries = queries
        self._exact: dict[tuple[str, str], set[int]] = {}
        """(column, value) -> numbers of queries; under an empty name of a column those that count anywhere."""
        self._alike: dict[tuple[str, str], set[int]] = {}
        """The same by the nearest relative of a value, for columns in which the store takes other spellings for it."""
        self._members: dict[str, set[int]] = {}
        self._inside: dict[str, set[int]] = {}
        self._documented: dict[str, set[int]] = {}
        """Values that count as a single value of a document."""
        self._listed: dict[str, set[int]] = {}
        """Values that count as an element of a list."""
        self._phones: dict[str, dict[str, set[int]]] = {}
        """Region -> telephone number in E.164 -> numbers of queries."""
        self._endings = frozenset[str]().union(*(query.endings() for query in queries))
        for number, query in enumerate(queries):
            for column, values in ((_ANY, query.anywhere), *query.bound.items()):
                for value in values:
                    self._exact.setdefault((column.casefold(), value), set()).add(number)
                    self._alike.setdefault((column.casefold(), _folded(value)), set()).add(number)
                    self._members.setdefault(value, set()).add(number)
            for region, phones in query.phones.items():
                for phone in phones:
                    self._phones.setdefault(region, {}).setdefault(phone, set()).add(number)
            for value in query.inside:
                self._inside.setdefault(value, set()).add(number)
            for value in query.members:
                self._documented.setdefault(value, set()).add(number)
            for value in query.listed:
                self._listed.setdefault(value, set()).add(number)

    def owns(self, number: int, texts: Mapping[str, str]) -> bool:
        """Return whether the row is the person's own."""
        return any(texts.get(column) in values for column, values in self._queries[number].own.items())

    def named(self, cell: Cell) -> dict[int, tuple[MentionForm, Longer]]:
        """Return the number of each query that a cell names the person of, in which form, and as a part of which longer words."""
        found: dict[int, tuple[MentionForm, Longer]] = {}
        if cell.met:
            # Why the exact value first: ``a-51xk`` and ``a-51XK`` may be two people of one order.
            whole = self._of(self._exact, cell.column, cell.text) or self._of(self._alike, cell.column, _folded(cell.text))
            found = dict.fromkeys(whole, _WHOLE)
            if not whole:
                self._look(cell, self._members, found, only=MentionForm.PART)
            if not found:
                # Why everybody: the store alone knows its rule, and has taken the cell for somebody's identifier.
                found = dict.fromkeys(self._asked_of(cell.column), _WHOLE)
        if self._endings and ending(cell.text) in self._endings:
            for region, phones in self._phones.items():
                for number in phones.get(e164(cell.text.strip(), region), ()):
                    found[number] = _WHOLE
        if cell.readable:
            self._look(cell, self._inside, found)
            for number in self._members_of(cell.text):
                found.setdefault(number, (MentionForm.PART, ()))
        return found

    def _members_of(self, text: str) -> Iterator[int]:
        """The queries a value of which is a single value of a document, or an element of a list."""
        if self._documented and text.lstrip()[:1] in _DOCUMENT:
            yield from (number for value in self._documented.keys() & set(strings_of(text)) for number in self._documented[value])
        if self._listed:
            elements = {element for _, element in listed(text)}
            yield from (number for value in elements & self._listed.keys() for number in self._listed[value])

    def _of(self, known: Mapping[tuple[str, str], set[int]], column: str, text: str) -> set[int]:
        return known.get((_ANY, text), set()) | known.get((column.casefold(), text), set())

    def _asked_of(self, column: str) -> list[int]:
        return [number for number, query in enumerate(self._queries) if query.whole(column)]

    def _look(
        self, cell: Cell, values: Mapping[str, set[int]], found: dict[int, tuple[MentionForm, Longer]], only: MentionForm | None = None
    ) -> None:
        """Add the people whose values stand inside the cell."""
        for value, numbers in values.items():
            form = form_in(cell.text, value) if value in cell.text else None
            if form is None or (only is not None and form is not only):
                continue
            longer = longer_in(cell.text, value)
            for number in numbers:
                if only is None or value in self._queries[number].whole(cell.column):
                    before, also = found.get(number, (form, longer))
                    # Why nothing: where one identifier stands alone, it is a mention whatever the others are parts of.
                    parts = tuple(dict.fromkeys((*also, *longer))) if also and longer else ()
                    found[number] = (min(form, before, key=list(MentionForm).index), parts)


_DOCUMENT = frozenset("[{")
_WHOLE: tuple[MentionForm, Longer] = (MentionForm.WHOLE, ())


def _folded(text: str) -> str:
    return text.casefold().strip().removesuffix(".0")
