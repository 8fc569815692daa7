"""Tell which people the cells of rows name, for stores of tables: the store selects rows that may, this counts those that do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from expunge.core.datamap.mentions import FoundMentions, MentionForm, MentionQuery, form_in
from expunge.core.values.ids import Pseudonym

_ANY = ""


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
    people = [_NamedPerson.of(query) for query in queries]
    own = frozenset(aside)
    counts: Counter[tuple[Pseudonym, str, MentionForm]] = Counter()
    for key, cells in rows:
        if key in own:
            continue
        texts = {cell.column: cell.text for cell in cells}
        for person in people:
            if person.owns(texts):
                continue
            for cell in cells:
                form = person.form(cell)
                if form is not None:
                    counts[person.subject, cell.column, form] += 1
    yield from (FoundMentions(subject, column, form, items) for (subject, column, form), items in counts.items())


@dataclass(frozen=True)
class _NamedPerson:
    """The values of one person, in the spellings in which a cell may show them."""

    subject: Pseudonym
    query: MentionQuery
    folded: Mapping[str, frozenset[str]]
    """Column -> the values that may fill it, case folded; under an empty name those that count anywhere."""

    @classmethod
    def of(cls, query: MentionQuery) -> _NamedPerson:
        columns = {_ANY: query.anywhere, **{name.casefold(): query.whole(name) for name in query.bound}}
        return cls(query.subject, query, {name: frozenset(map(_folded, values)) for name, values in columns.items()})

    def owns(self, texts: Mapping[str, str]) -> bool:
        """Return whether the row is the person's own."""
        return any(texts.get(column) in values for column, values in self.query.own.items())

    def form(self, cell: Cell) -> MentionForm | None:
        """Return the form in which a cell names the person."""
        if cell.met:
            if _folded(cell.text) in self.folded.get(cell.column.casefold(), self.folded[_ANY]):
                return MentionForm.WHOLE
            if any(form_in(cell.text, value) is MentionForm.PART for value in self.query.whole(cell.column)):
                return MentionForm.PART
        if not cell.readable:
            return None
        forms = [form for value in self.query.inside if (form := form_in(cell.text, value)) is not None]
        return min(forms, key=list(MentionForm).index, default=None)


def _folded(text: str) -> str:
    return text.casefold().strip().removesuffix(".0")
