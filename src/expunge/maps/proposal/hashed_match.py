"""Compare samples of values with hashes of what tables of people hold: a column of hashes names people as one of keys does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expunge.core.datamap.spelling import hashed_texts
from expunge.core.values.hashed_identifiers import OPEN, read
from expunge.maps.proposal.people_tables import MOST_VALUES, PeopleTable, TableFacts
from expunge.ports.map_entries import HashedSurvey
from expunge.ports.optional.table_survey import ColumnType


@dataclass(frozen=True)
class HashedMatch:
    """How many of some values are hashes of the values of one column."""

    column: str
    """The column that holds the hashes."""
    algorithm: str
    held: int
    values: int
    place: str
    """Table and column that were hashed, for messages."""

    @property
    def said(self) -> str:
        """The counts, for the map."""
        return f"{self.held:,} of {self.values:,} values are {self.algorithm} of {self.place}"


def hashed_values(column: str, values: frozenset[str], homes: Sequence[PeopleTable]) -> tuple[PeopleTable, HashedMatch] | None:
    """Return the people of whom some values are hashes; None where they are none. Raises StoreUnavailable.

    One hash that matches tells: none does by chance.
    """
    digests = frozenset(filter(None, map(read, values)))
    found: list[tuple[int, PeopleTable, HashedMatch]] = []
    for home in homes if digests else ():
        for name in (home.key, *home.also):
            for algorithm, held in _counted(home.facts, name, digests).items():
                place = f"{home.facts.table.name}.{name}"
                found.append((held, home, HashedMatch(column, algorithm, held, len(values), place)))
    if not found:
        return None
    _, home, match = max(found, key=lambda each: each[0])
    return home, match


def hashed_column(facts: TableFacts, homes: Sequence[PeopleTable]) -> tuple[PeopleTable, HashedMatch] | None:
    """Return the first column of a table that holds hashes of people, with whose they are. Raises StoreUnavailable."""
    columns = (each.name for each in facts.table.columns if each.type is ColumnType.TEXT)
    told = (hashed_values(name, facts.survey.sampled(facts.table.name, name, MOST_VALUES), homes) for name in columns)
    return next((each for each in told if each is not None), None)


def _counted(facts: TableFacts, column: str, digests: frozenset[bytes]) -> dict[str, int]:
    """Algorithm -> how many of some hashes are of values of a column; none that are of none."""
    if isinstance(facts.survey, HashedSurvey):
        return dict(facts.survey.hashed(column, digests))
    texts = {text for value in facts.survey.sampled(facts.table.name, column, MOST_VALUES) for text in hashed_texts(value)}
    counts = {rule.algorithm.value: len(digests.intersection(map(rule.digest, texts))) for rule in OPEN}
    return {algorithm: held for algorithm, held in counts.items() if held}
