"""Which tables of a database list people, by which key, and by what else they are named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from expunge.maps.proposal.known_words import (
    ALSO,
    CONTACTS,
    EITHER_NAMES,
    FIRST_NAMES,
    KINDS,
    LAST_NAMES,
    LOGINS,
    OWNERS,
    PEOPLE,
    PERSON_ONLY,
    PERSONAL,
    ROLES,
    STAFF,
    folded,
    known_singular,
    lists_groups,
    words_of,
)
from expunge.maps.proposal.people_values import PeopleColumn, names_column, people_column
from expunge.maps.proposal.presets import preset_of
from expunge.ports.optional.table_survey import ColumnType, SurveyedTable, TableSurvey

MOST_VALUES = 5_000
"""Values of a column that are compared with keys."""
ENOUGH = 0.9
"""Share of the values that have to be keys where no name says that they are."""


@dataclass(frozen=True)
class TableFacts:
    """One table, with the store that it lies in."""

    store: str
    table: SurveyedTable
    survey: TableSurvey
    """Reads values of it."""
    dataset: str
    """The name that a map gives it, unlike any other in all stores."""

    @property
    def place(self) -> tuple[str, str]:
        """The store and the table's name."""
        return self.store, self.table.name


@dataclass(frozen=True)
class PeopleTable:
    """A table that lists people."""

    facts: TableFacts
    kind: str
    """The identity kind that a map gives it."""
    key: str
    also: tuple[str, ...]
    asks: str = ""
    """Why a person has to look; empty where the schema says it."""

    of_contacts: bool = False
    """It lists companies, and of each whom to talk to."""

    @property
    def of_staff(self) -> bool:
        """Whether its people work for the company, or deliver to it, so that rows about others name them as those who did something."""
        return self.kind in STAFF or self.of_contacts


_NAMES = frozenset({"name", "display_name", "displayname", "nick", *EITHER_NAMES})
_WORDS = OWNERS | KINDS.keys() | PEOPLE | STAFF | ROLES
"""Words by which people are named."""
_NUMBERS = frozenset({"id", "uuid", "key", "ref", "no", "nr", "num", "number"})
"""Last words of columns that name rows."""
_PLURALS = {plural: kind for kind, plural in KINDS.items()}
_COPIES = frozenset({"history", "historical", "audit", "archive", "archived", "log", "logs", "backup", "old", "version", "versions"})


def people_tables(tables: Sequence[TableFacts]) -> tuple[PeopleTable, ...]:
    """Return the tables that list people, in the order in which a map names them."""
    found: list[PeopleTable] = []
    for facts in sorted(tables, key=lambda each: _rank(each.table)):
        people = _people(facts, found)
        if people is not None and same_people(facts, found) is None:
            found.append(people)
    return (*found, *_built_like_people(tables, found))


def _built_like_people(tables: Sequence[TableFacts], found: Sequence[PeopleTable]) -> tuple[PeopleTable, ...]:
    """Tables that no word tells: other tables refer to their key, and values of a column name people. Each is a question."""
    known = {each.facts.place for each in found}
    above = {(each.facts.store, reference.table) for each in found for reference in each.facts.table.references}
    columns: dict[tuple[str, str], PeopleColumn] = {}
    asked: dict[tuple[str, str], PeopleTable] = {}
    for facts in sorted(tables, key=lambda each: each.table.name):
        referring, key = _referring(facts, tables), facts.table.key
        if facts.place in known | above or _targets(facts) & known or not referring or preset_of(facts.table.name) is not None:
            continue
        if lists_groups(facts.table.name):
            continue
        if is_copy(facts.table) or _is_part(facts.table, key) or _is_of_others(facts.table, key) or same_people(facts, found) is not None:
            continue
        column = people_column(facts.table, facts.survey)
        named = _named(facts.table.name)
        # Why not by names alone: an artist, a brand and a ship have one as well.
        if column is not None and (column.findable or named in OWNERS | STAFF or not PERSONAL.isdisjoint(_names_in(facts.table))):
            kind = _fresh(named, facts.table.name, {each.kind for each in (*found, *asked.values())})
            also = dict.fromkeys((*((column.name,) if column.findable else ()), *_also(facts.table, key)))
            columns[facts.place] = column
            asked[facts.place] = PeopleTable(facts, kind, key, tuple(also), f"{referring} refers to it, and {column.said}")
    led = {to for place, people in asked.items() if columns[place].personal for to in _targets(people.facts)}
    grouped = {to for place, people in asked.items() if _is_of_people(people.facts) for to in _targets(people.facts) - {place}}
    places = {
        place: people
        for place, people in asked.items()
        if (columns[place].personal or place not in led) and (place not in grouped or _has_what_people_have(people.facts.table))
    }
    # Why the name: a ride with an address is its rider's; a guest of a hotel with one is a person of their own.
    owners = {place for place, people in places.items() if people.kind in OWNERS}
    return tuple(people for place, people in places.items() if not _targets(people.facts) & (owners - {place}))


def _has_what_people_have(table: SurveyedTable) -> bool:
    """Whether its name, or a column of it, is one that only people have."""
    last = words_of(table.name)[-1:]
    named = bool(last) and bool(known_singular(last[0], _WORDS))
    return named or not PERSON_ONLY.isdisjoint({*_names_in(table), *(word for name in _names(table) for word in words_of(name))})


def _is_of_people(facts: TableFacts) -> bool:
    """Whether its rows are people by themselves, and no event with an address."""
    return _has_what_people_have(facts.table) or bool(names_column(facts.table, facts.survey))


def _targets(facts: TableFacts) -> set[tuple[str, str]]:
    return {(facts.store, reference.table) for reference in facts.table.references}


def _referring(facts: TableFacts, tables: Sequence[TableFacts]) -> str:
    """One of the foreign keys of other tables that lead to a table's key; empty where none does."""
    for other in tables:
        for reference in other.table.references:
            leads = other is not facts and other.store == facts.store and reference.table == facts.table.name
            if leads and facts.table.key and [there for _, there in reference.columns] == [facts.table.key]:
                return f"{other.table.name}.{reference.columns[0][0]}"
    return next((f"{other.table.name}.{name}" for other in tables if other is not facts for name in _naming(other, facts)), "")


def _naming(other: TableFacts, facts: TableFacts) -> Iterator[str]:
    """The columns of a table that are named after another one, and whose values are keys there, with no key of the schema that says so."""
    key, last = facts.table.column(facts.table.key), words_of(facts.table.name)[-1:]
    declared = {here for reference in other.table.references for here, _ in reference.columns}
    if key is None or not last or other.store != facts.store:
        return
    for column in other.table.columns:
        words = words_of(column.name)
        named = len(words) > 1 and words[-1] in _NUMBERS and bool(known_singular(last[0], {words[-2]}))
        if named and column.name not in declared and column.type is key.type:
            values = other.survey.sampled(other.table.name, column.name, MOST_VALUES)
            if values and facts.survey.held(facts.table.name, key.name, values) >= ENOUGH * len(values):
                yield column.name


def same_people(facts: TableFacts, homes: Sequence[PeopleTable]) -> tuple[PeopleTable, str] | None:
    """Return the people of another store that a table lists once more, with the counts that tell it; None where it lists people of its own.

    Raises StoreUnavailable.
    """
    key = facts.table.column(facts.table.key)
    for home in homes:
        there = home.facts.table.column(home.key)
        if home.facts.store == facts.store or _named(home.facts.table.name) != _named(facts.table.name) or key is None or there is None:
            continue
        values = facts.survey.sampled(facts.table.name, key.name, MOST_VALUES) if key.type is there.type else frozenset()
        held = home.facts.survey.held(home.facts.table.name, home.key, values) if values else 0
        if held and held >= ENOUGH * len(values):
            return home, f"{held:,} of {len(values):,} values match {home.facts.table.name}.{home.key} of the store {home.facts.store}"
    return None


def is_copy(table: SurveyedTable) -> bool:
    """Return whether a table's name says that it keeps what other tables held."""
    words = words_of(table.name)
    return not _COPIES.isdisjoint(words) or any(word.startswith("historical") for word in words)


def _rank(table: SurveyedTable) -> tuple[int, str]:
    kind = _named(table.name)
    return (list(KINDS).index(kind) if kind in KINDS else len(KINDS), table.name)


def _people(facts: TableFacts, found: Sequence[PeopleTable]) -> PeopleTable | None:
    table = facts.table
    preset = preset_of(table.name)
    if (preset is not None and not preset.people) or is_copy(table):
        return None
    by_word, seen = _named(table.name) in PEOPLE, _names_in(table)
    named = by_word or _named(table.name) in KINDS
    forenames, surnames = seen & FIRST_NAMES, seen & LAST_NAMES
    has_name = bool((forenames and seen & (LAST_NAMES | EITHER_NAMES | {"name"})) or (surnames and seen & EITHER_NAMES))
    by_login = bool(seen & LOGINS and "password" in seen)
    addressed, contacts = not seen.isdisjoint(ALSO), not named and not seen.isdisjoint(CONTACTS)
    if _refers(facts, found) and seen.isdisjoint(PERSONAL | _NAMES):
        # A table of links between people and something else may be named after people: team_members.
        return None
    if not (named or by_login or has_name or contacts or (preset is not None and preset.people)):
        return None
    key, asks = table.key, ""
    if not key:
        key = next((name for name in _names(table) if name.lower() in _key_names(table.name)), "")
        asks = f"no key of the schema says that two rows never share {key}" if key else ""
    if not key or _is_part(table, key) or _is_of_others(table, key):
        return None
    if not asks and contacts:
        asks = "it names whom to talk to at companies, and nothing else says whether orders are about these people"
    if not asks and not (named or by_login or addressed or preset is not None):
        asks = "it has first and last names, and nothing else says whether it lists people whom orders are about"
    if not asks and named and not preset and seen.isdisjoint(PERSONAL | _NAMES):
        asks = "it is named after people, and no column of it names one"
    if not asks and by_word and not has_name:
        asks = "its name is a word for people, and it has no forenames and surnames"
    if not asks and lists_groups(table.name):
        asks = "it is named after what is no person, and its rows sign in or have names of people"
    kind = _fresh(_named(table.name), table.name, {each.kind for each in found})
    return PeopleTable(facts, kind, key, tuple(_also(table, key)), asks, contacts)


def _refers(facts: TableFacts, found: Sequence[PeopleTable]) -> bool:
    people = {each.facts.place for each in found}
    return any((facts.store, reference.table) in people for reference in facts.table.references)


def _is_of_others(table: SurveyedTable, key: str) -> bool:
    """Whether its rows are parts of other people's, by a key of those: a profile that belongs to a user, one each."""
    return any(here != key and table.unique(here) for reference in table.references for here, _ in reference.columns)


def _is_part(table: SurveyedTable, key: str) -> bool:
    """Whether its key is another table's: it holds more about the same rows."""
    return any(here == key for reference in table.references for here, _ in reference.columns)


def _also(table: SurveyedTable, key: str) -> Iterator[str]:
    for column in table.columns:
        name = column.name.lower()
        if column.name != key and column.type is ColumnType.TEXT and (name in ALSO or (name in LOGINS and table.unique(column.name))):
            yield column.name


def _names(table: SurveyedTable) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def _names_in(table: SurveyedTable) -> set[str]:
    """The names of its columns, folded, as they are and with their words apart."""
    return {form for name in _names(table) for form in (folded(name), "_".join(words_of(name)))}


def _key_names(table: str) -> frozenset[str]:
    kind = _named(table)
    return frozenset({"id", "uuid", "key", f"{kind}_id", f"{kind}id"})


def _named(table: str) -> str:
    """The kind of people that a table is named after: its last word, in the singular."""
    words = words_of(table.rpartition(".")[2])
    last = words[-1] if words else ""
    if last in KINDS:
        return last
    if last not in _PLURALS and (word := known_singular(last, _WORDS)):
        return word
    return _PLURALS.get(last, last[:-1] if last.endswith("s") and not last.endswith("ss") else last)


def _fresh(kind: str, table: str, taken: Iterable[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9_]", "_", kind) or "person"
    whole = re.sub(r"[^A-Za-z0-9_]", "_", table).strip("_").lower()
    tries = (base, whole, *(f"{base}_{number}" for number in range(2, 999)))
    return next(each for each in tries if each not in set(taken) and each[:1].isalpha() and each != "model")
