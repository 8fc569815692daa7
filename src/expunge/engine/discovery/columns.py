"""Judge columns of a table, or fields of records, by samples of their values: do they name people, hold places, or media?

Values are compared with sketches and dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from expunge.core.datamap.people_columns import NameTells, name_tells
from expunge.core.discovery import coordinates
from expunge.core.discovery.discovery import Sighting, Sign
from expunge.engine.discovery.known_people import KnownPeople, people_named

MOST_VALUES = 5_000
"""Different values of a column that are compared."""
_ENOUGH = 0.9
"""Share of short values that have to be identities where the name of the column suggests people."""
_HALF = 0.5
"""Where the map itself uses that name for people."""
_FREE = 40
"""Characters from which on a value is a text that may name people anywhere."""
_JOINED = 200
"""Values of a column in which files of places are looked for."""
_LONGEST = 4096
"""Characters of one value that are read."""


def sightings(columns: Mapping[str, frozenset[str]], known: KnownPeople) -> Iterator[Sighting]:
    """Yield the signs of people in some columns."""
    # Why not by every name: one that is an identity is told to nobody.
    columns = {
        "a column" if known.sketch.kinds_in(name) else name: frozenset(value[:_LONGEST] for value in values)
        for name, values in columns.items()
    }
    for name, values in columns.items():
        if told := _named(name, values, known):
            yield Sighting(Sign.IDENTITIES, told)
    for north, east in coordinates.pairs(tuple(columns)):
        if coordinates.are_coordinates(columns[north], columns[east]):
            yield Sighting(Sign.COORDINATES, f"{north} and {east} are coordinates ({len(columns[north]):,} values)")
    for name, values in columns.items():
        if coordinates.are_points(values):
            yield Sighting(Sign.COORDINATES, f"{name} holds coordinates ({len(values):,} values)")
        elif form := coordinates.form_of("\n".join(sorted(values, key=len, reverse=True)[:_JOINED])):
            yield Sighting(Sign.COORDINATES, f"{name} holds coordinates, as {form}")


def _named(name: str, values: frozenset[str], known: KnownPeople) -> str:
    """What tells that a column names people: distinctive identities anywhere, others where the column is named after people."""
    whole = [kind for value in values if (kind := known.sketch.kind_of(value))]
    if whole:
        return f"{len(whole):,} of {len(values):,} values of {name} are known: {_list(frozenset(whole))}"
    inside, kinds = people_named(known, [each for each in values if len(each) >= _FREE or not each.isalnum()])
    if inside:
        return f"{inside:,} of {len(values):,} values of {name} name people who are known: {_list(kinds)}"
    tells = name_tells(name, known.words)
    share = {NameTells.DECLARED: _HALF, NameTells.PEOPLE: _ENOUGH}.get(tells)
    for each in known.sketch.sketches if share is not None and values else ():
        held = sum(1 for value in values if value in each)
        if held >= (share or 1) * len(values):
            return f"{held:,} of {len(values):,} values of {name} are known: {each.kind}"
    return ""


def _list(kinds: frozenset[str]) -> str:
    return ", ".join(sorted(kinds))
