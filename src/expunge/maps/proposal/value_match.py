"""Compare samples of values with keys of people. Values are compared and dropped; counts and names of the schema stay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from expunge.core.datamap.mentions import distinctive
from expunge.core.datamap.people_columns import MapWords, NameTells, name_tells, singular
from expunge.core.discovery.coordinates import are_points, may_be_coordinates, names_place, pairs
from expunge.maps.proposal.known_words import words_of
from expunge.maps.proposal.people_tables import ENOUGH, MOST_VALUES, PeopleTable, TableFacts
from expunge.ports.optional.table_survey import ColumnType, SurveyedColumn, TableSurvey

FEW = 500
"""Values of a column that are looked at for people."""
_WORDS = 5
"""Blanks in a sentence."""
_ADDRESS = re.compile(r"[^@\s/:]+@[^@\s/:]+\.[a-zA-Z]{2,}")


@dataclass(frozen=True)
class KeyMatch:
    """How many of some values are keys of one column."""

    held: int
    values: int
    place: str
    """Table and column, for messages."""
    also: tuple[str, ...] = ()
    """Other keys that hold most of them as well."""

    @property
    def share(self) -> float:
        """The share of the values; 0 where there are none."""
        return self.held / self.values if self.values else 0.0

    @property
    def said(self) -> str:
        """The counts, for the map."""
        if not self.values:
            return f"named like {self.place}, and there is no value yet to compare"
        others = f", and most of them {' and '.join(self.also)} as well" if self.also else ""
        return f"{self.held:,} of {self.values:,} values match {self.place}{others}"


def matched(values: frozenset[str], survey: TableSurvey, table: str, column: str) -> KeyMatch:
    """Count the values that a key holds. Raises StoreUnavailable."""
    return KeyMatch(survey.held(table, column, values) if values else 0, len(values), f"{table}.{column}")


def names_people(column: str, people: PeopleTable) -> NameTells:
    """Return what a column's name says of one table of people."""
    words = words_of(people.facts.table.name)
    called = frozenset({people.kind, *(singular(word) for word in words[-1:])})
    key = people.key.lower()
    # Why its word: ``id`` and ``code`` are names of any key, ``kundennr`` is that of these people.
    fields = frozenset({key} if key.startswith(tuple(called)) else ())
    return name_tells(column, MapWords(fields, called, frozenset()))


def best_people(facts: TableFacts, column: SurveyedColumn, homes: Sequence[PeopleTable]) -> tuple[PeopleTable, KeyMatch] | None:
    """Return the people whose keys a column holds, as far as name, type and values tell. No key of the schema says so."""
    told = [(home, tells) for home in homes if (tells := names_people(column.name, home)) in {NameTells.DECLARED, NameTells.PEOPLE}]
    fit = [(home, tells) for home, tells in told if _same_type(column, home)]
    if not fit:
        return None
    values = facts.survey.sampled(facts.table.name, column.name, MOST_VALUES)
    found = []
    for home, tells in fit:
        match = matched(values, home.facts.survey, home.facts.table.name, home.key)
        declared = tells is NameTells.DECLARED
        if match.share >= ENOUGH or (declared and (match.held or not match.values)):
            # Why its own people before others: numbers of two tables are often the same, and rows of one refer to one another.
            found.append(((declared, home.facts is facts, match.share), home, match))
    if not found:
        return None
    rank, home, match = max(found, key=lambda each: each[0])
    alike = [other.place for (declared, _, share), who, other in found if who is not home and declared == rank[0] and share >= ENOUGH]
    return home, replace(match, also=tuple(alike))


def shows_people(facts: TableFacts, homes: Sequence[PeopleTable]) -> str:
    """Return the column in which a sample shows an address, or another name of a person whom a table lists; empty where none does."""
    for column in facts.table.columns:
        if column.type is not ColumnType.TEXT:
            continue
        values = facts.survey.sampled(facts.table.name, column.name, FEW)
        if any(_ADDRESS.search(value) for value in values):
            return column.name
        telling = frozenset(value for value in values if distinctive(value) and len(value) < FEW)
        for home in homes:
            for name in home.also:
                if telling and home.facts.survey.held(home.facts.table.name, name, telling):
                    return column.name
    return ""


def places(facts: TableFacts) -> str:
    """Return the counts of values that are places on the globe, in columns that are named after them; empty where there are none."""
    table, survey = facts.table, facts.survey
    for north, east in pairs([column.name for column in table.columns]):
        values = survey.sampled(table.name, north, FEW), survey.sampled(table.name, east, FEW)
        if may_be_coordinates(*values):
            return f"{len(values[0])} values of {north} with {len(values[1])} of {east} are degrees on the globe"
    for column in table.columns:
        if names_place(column.name):
            points = survey.sampled(table.name, column.name, FEW)
            if are_points(points):
                return f"{len(points)} values of {column.name} are places on the globe"
    return ""


def free_text(facts: TableFacts) -> str:
    """Return the column most of whose values are sentences; empty where there is none."""
    for column in facts.table.columns:
        if column.type is ColumnType.TEXT:
            values = facts.survey.sampled(facts.table.name, column.name, FEW)
            sentences = sum(1 for value in values if value.count(" ") >= _WORDS)
            if 2 * sentences > len(values):
                return column.name
    return ""


def _same_type(column: SurveyedColumn, home: PeopleTable) -> bool:
    key = home.facts.table.column(home.key)
    return key is not None and key.type is column.type and column.type in {ColumnType.NUMBER, ColumnType.TEXT}
