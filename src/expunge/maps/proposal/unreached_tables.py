"""Tables that no key leads from to people: which of them a person has to look at, and why the others are about nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from expunge.maps.proposal.known_words import PERSONAL, folded, kind_of
from expunge.maps.proposal.people_tables import ENOUGH, MOST_VALUES, PeopleTable, TableFacts
from expunge.maps.proposal.people_values import people_column, role_column
from expunge.maps.proposal.presets import preset_of
from expunge.maps.proposal.value_match import FEW, free_text, shows_people
from expunge.ports.optional.table_survey import ColumnType

_ABOVE = "parent"
"""The kind of people whose name rows of a tree have as well, for the row above them."""


def question(facts: TableFacts, homes: Sequence[PeopleTable], referring: Sequence[str]) -> str:
    """Return what a person has to decide about a table; empty where a look shows nobody in it.

    Args:
        facts: the table.
        homes: the tables that list people.
        referring: columns of people's rows that lead to its rows, as ``DATASET.COLUMN``.

    Raises StoreUnavailable.
    """
    return next(_questions(facts, homes, referring), "")


def reason(facts: TableFacts) -> str:
    """Return why a table is about nobody."""
    preset = preset_of(facts.table.name)
    what = f"{preset.framework}: {preset.why}; " if preset is not None and preset.why else ""
    return f"{what}no key leads from here to people, and a sample of {min(facts.table.rows, FEW):,} rows names nobody"


def row_names(facts: TableFacts) -> dict[str, frozenset[str]]:
    """Return values of the columns that may name files. Raises StoreUnavailable."""
    names = [column.name for column in facts.table.columns if column.name.lower().endswith("_id") and column.type is ColumnType.TEXT]
    return {name: facts.survey.sampled(facts.table.name, name, MOST_VALUES) for name in names}


def naming_rows(facts: TableFacts) -> frozenset[str]:
    """Return the columns that name rows of a table: foreign keys, and the parent of a row whose values are keys of the table itself.

    Raises StoreUnavailable.
    """
    found = {here for reference in facts.table.references for here, _ in reference.columns}
    for column in facts.table.columns:
        if kind_of(column.name) == _ABOVE and facts.table.key and column.name not in found:
            values = facts.survey.sampled(facts.table.name, column.name, MOST_VALUES)
            if values and facts.survey.held(facts.table.name, facts.table.key, values) >= ENOUGH * len(values):
                found.add(column.name)
    return frozenset(found)


def _questions(facts: TableFacts, homes: Sequence[PeopleTable], referring: Sequence[str]) -> Iterator[str]:
    columns = [column.name for column in facts.table.columns]
    told = [name for name in columns if folded(name) in PERSONAL]
    pair = _polymorphic({name.lower() for name in columns})
    preset = preset_of(facts.table.name)
    if preset is not None and not (preset.nobody or preset.people) and preset.columns <= {name.lower() for name in columns}:
        ways = f": {', '.join(referring)} leads here" if referring else ""
        yield f"{preset.why}, and no key says whose a row is{ways}"
    if pair is not None:
        yield f"{pair[0]} and {pair[1]} lead to rows of several tables; nothing else says whose it is"
    if told and referring:
        yield f"{', '.join(told)}: {referring[0]} leads here, and two people may share a row; nothing else says whose it is"
    rows = naming_rows(facts)
    if told := told or [name for name in columns if kind_of(name) and name not in rows]:
        yield f"{', '.join(told)} may name people, and no key says whom"
    if shown := shows_people(facts, homes):
        yield f"{shown} names people, and no key says whom"
    if (column := people_column(facts.table, facts.survey)) is not None:
        yield f"{column.said}, and no key says whose it is"
    if said := role_column(facts.table, facts.survey):
        yield f"{said}, and no key says whose it is"
    if text := free_text(facts):
        yield f"{text} holds free text, and no key says whose it is"
    if not facts.table.rows and (preset is None or not preset.nobody):
        yield "it is empty, and no key leads from here to people"


def _polymorphic(names: set[str]) -> tuple[str, str] | None:
    """The two columns of a link to rows of several tables; None where there is none."""
    if {"content_type_id", "object_id"} <= names:
        return "content_type_id", "object_id"
    found = next((name for name in sorted(names) if name.endswith("_id") and f"{name.removesuffix('_id')}_type" in names), None)
    return (f"{found.removesuffix('_id')}_type", found) if found else None
