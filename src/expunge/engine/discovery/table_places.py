"""Look at the tables of a store that no dataset declares, and at databases that lie beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from expunge.core.discovery.discovery import FoundPlace, IgnoredPlace, Sighting, UnseenPlace
from expunge.engine.discovery import tables
from expunge.engine.discovery.look import Look
from expunge.engine.kernel import store_calls
from expunge.errors import Misconfigured
from expunge.ports.map_entries import EntryPlace
from expunge.ports.optional.surroundings import NearTables
from expunge.ports.optional.table_survey import SurveyedTable, TableSurvey

_BY_HAND = "# declare by hand what is called after people, or has columns that are\n"
_SCHEMAS = ("main.", "public.")
"""Schemas that are meant where a map names none."""


def look(run: Look, store: str, near: NearTables) -> None:
    """Look at a database, and add what was found."""
    place = near.place or store
    if near.place and (name := run.declared_as(near.url or str(near.where), store)):
        run.ignored.append(IgnoredPlace(store, place, f"it is declared: {name}"))
        return
    if near.place and not run.is_new(near.url):
        return
    try:
        with run.readers.open_survey(near.kind, near.where, store) as survey:
            found = survey.tables()
            hidden = survey.unreadable()
            if near.place:
                _beside(run, store, near, survey, found)
            else:
                _inside(run, store, near, survey, found)
    except (*store_calls.TROUBLE, Misconfigured) as error:
        run.could_not(store, place, error)
        return
    declared = _declared(run, store, near.prefix)
    for table in hidden:
        if _plain(table) not in declared or near.place:
            where = f"{near.place}: table {table}" if near.place else f"table {table}"
            run.unseen.append(UnseenPlace(store, run.told(where, "a table"), "the role has no right to read it"))


def look_at_file(run: Look, store: str, near: NearTables, name: str) -> None:
    """As :func:`look`, at a database among the files of a store; ``name``: as the map may ignore it, empty for one beside the store."""
    before = len(run.found)
    look(run, store, near)
    if len(run.found) > before and name:
        run.found[before:] = [replace(each, ignored=run.reason_held(store, name)) for each in run.found[before:]]


def _inside(run: Look, store: str, near: NearTables, survey: TableSurvey, found: Sequence[SurveyedTable]) -> None:
    """The undeclared tables of a store, each a place of its own."""
    declared = _declared(run, store, near.prefix)
    others = [each for each in found if _plain(each.name) not in declared and each.name not in near.aside]
    people = [each.name for each in found if declared.get(_plain(each.name)) in {one.dataset for one in run.known.identities}]
    signs = tables.look(survey, others, people, run.known, run.readers)
    reasons = {name: "; ".join(each.what for each in told) for name, told in signs.found.items()}
    all_tables = [(each, declared.get(_plain(each.name), "")) for each in found if _tellable(run, each)]
    reasons = {each.name: reasons[each.name] for each, _ in all_tables if each.name in reasons}
    entries = run.readers.entries.of_tables(run.entry_place(store), all_tables, survey, run.known.identities, reasons) if reasons else {}
    for name, told in signs.found.items():
        full = f"{near.prefix}{name}"
        shown = run.told(f"table {full}", "a table")
        entry = entries.get(name, "").replace(f"table: {name}", f"table: {full}") or _BY_HAND
        run.found.append(FoundPlace(store, shown, told, entry, run.reason_held(store, full, name)))
    for name, why in signs.unseen.items():
        run.unseen.append(UnseenPlace(store, run.told(f"table {near.prefix}{name}", "a table"), why))


def _beside(run: Look, store: str, near: NearTables, survey: TableSurvey, found: Sequence[SurveyedTable]) -> None:
    """The tables of a database that no store declares: one place."""
    signs = tables.look(survey, found, (), run.known, run.readers)
    for name, why in signs.unseen.items():
        run.unseen.append(UnseenPlace(store, run.told(f"{near.place}: table {name}", f"{near.place}: a table"), why))
    if not signs.found:
        return
    place = _new_store(run, store, near)
    reasons = {name: "; ".join(each.what for each in told) for name, told in signs.found.items()}
    tellable = [(each, "") for each in found if _tellable(run, each)]
    entry = run.readers.entries.of_tables(place, tellable, survey, run.known.identities, reasons)[""] if tellable else ""
    entry += _BY_HAND if len(tellable) < len(found) else ""
    told = tuple(
        Sighting(each.sign, f"{run.told(name, 'a table')}: {each.what}") for name, sightings in signs.found.items() for each in sightings
    )
    run.found.append(FoundPlace(store, near.place, told, entry, run.not_ours(store, near.place)))


def _tellable(run: Look, table: SurveyedTable) -> bool:
    """Whether neither the table nor a column of it is called after a person."""
    return not any(run.known.sketch.kinds_in(name) for name in (table.name, *(each.name for each in table.columns)))


def _new_store(run: Look, store: str, near: NearTables) -> EntryPlace:
    name = re.sub(r"\W+", "_", Path(near.url).stem.rpartition("/")[2]).strip("_")
    usable = name if name[:1].isalpha() and not run.known.sketch.kinds_in(name) else f"beside_{store}"
    return run.entry_place(store, new=usable, kind=near.kind, url=near.url, secret=near.secret)


def _declared(run: Look, store: str, prefix: str) -> Mapping[str, str]:
    """Table -> the dataset that declares it, of one database of a store."""
    found = {}
    for dataset in run.data_map.datasets_of(store):
        name = dataset.table
        for schema in _SCHEMAS:
            name = name.removeprefix(schema)
        if name and (not prefix or name.startswith(prefix)):
            found[_plain(name.removeprefix(prefix))] = dataset.name
    return found


def _plain(table: str) -> str:
    return table.lower()
