"""Look into what the map ignores for people: foreign keys to their rows, and columns that hold their keys or addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from expunge.core.datamap.datamap import AboutNobody, Ignore, Inherited
from expunge.core.datamap.person import Person
from expunge.core.values.copy import Finding, FindingKind
from expunge.engine.evidence import judged_columns
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.retention import dry_locate
from expunge.engine.subjects import undeclared_people
from expunge.ports.optional.schema_listing import MentionListing, TriggerListing, UndeclaredListing, UndeclaredTable

_PEOPLE = 200
"""People of each kind whose identifiers are looked for."""


def findings(context: OpenPlaces) -> Iterator[Finding]:
    """Yield the ignored tables that name people. One that cannot be looked at is told elsewhere."""
    for name in context.data_map.stores:
        try:
            store = context.open_store(name)
            entries = [each for each in context.data_map.ignore if each.store == name]
            tables = store_calls.undeclared_tables(store, entries) if isinstance(store, UndeclaredListing) and entries else ()
            for table in tables:
                if table.ignored and isinstance(store, MentionListing):
                    yield from _of_table(context, store, table, entries)
        except store_calls.TROUBLE:
            continue


def copied(context: OpenPlaces) -> Iterator[Finding]:
    """Yield the datasets whose rows triggers copy, when they go, to tables where no dataset looks for people."""
    for dataset in context.data_map.datasets.values():
        if isinstance(dataset.subject, AboutNobody | Inherited):
            continue
        try:
            store = context.open_store(dataset.store)
            words = store_calls.copied_elsewhere(store, dataset) if isinstance(store, TriggerListing) else ()
        except store_calls.TROUBLE:
            continue
        for each in words:
            mend = "a dataset for that table, or `triggers:` of the store with the reason why it copies nothing of people"
            what = f"dataset {dataset.name}: {each}"
            yield Finding(FindingKind.SUBJECT_PATH, dataset.store, dataset.table or dataset.name, what, mend, dataset.line)


def _of_table(context: OpenPlaces, store: MentionListing, table: UndeclaredTable, entries: list[Ignore]) -> Iterator[Finding]:
    name = table.dataset.table or table.dataset.name
    # Why with a schema: a map may write it, and the store leaves out the usual one.
    names = (name, f"public.{name}", f"main.{name}")
    entry = next((each for each in entries if any(fnmatchcase(one, each.pattern) for one in names)), entries[0])
    found = undeclared_people.in_table(context, store, table, _some_people(context))
    if found is not None:
        yield from (_finding(entry, name, found.said[column], subject) for column, subject in found.subjects.items())


def _some_people(context: OpenPlaces) -> list[Person]:
    return [person for identity in context.data_map.identities.values() for person in dry_locate.people(context, identity, _PEOPLE)]


def named(context: OpenPlaces, told: Sequence[Finding]) -> list[Finding]:
    """Return findings of stores with those about an undeclared table that holds people saying so, with the line that declares it."""
    stores = {each.store for each in told if each.kind is FindingKind.UNDECLARED}
    instead: dict[tuple[str, str], tuple[str, str]] = {}
    for name in sorted(stores):
        try:
            store = context.open_store(name)
            entries = [each for each in context.data_map.ignore if each.store == name]
            tables = store_calls.undeclared_tables(store, entries) if isinstance(store, UndeclaredListing) else ()
            people = _some_people(context)
            keys = judged_columns.keys_in(context, name, people)
            for table in tables:
                if table.ignored or not isinstance(store, MentionListing):
                    continue
                found = undeclared_people.in_table(context, store, table, people, keys.get(table.dataset.name))
                if found is not None:
                    instead[name, table.dataset.table or table.dataset.name] = (
                        "; ".join(found.said.values()),
                        undeclared_people.entry(context, table, found),
                    )
        except store_calls.TROUBLE:
            continue
    return [_with_people(each, instead) for each in told]


def _with_people(finding: Finding, instead: Mapping[tuple[str, str], tuple[str, str]]) -> Finding:
    found = instead.get((finding.store, finding.where.rpartition(": ")[2])) if finding.kind is FindingKind.UNDECLARED else None
    if found is None:
        return finding
    said, line = found
    return replace(finding, what=f"{finding.what}, and {said}", mend=f"declare it under `datasets:`: {line}")


def _finding(entry: Ignore, table: str, what: str, subject: str) -> Finding:
    mend = (
        f"take it out of `ignore:` and declare it under `datasets:`, with `subject: {subject}`; or, where these are other people, "
        f"ignore the column by its name as well: `table: {table}.COLUMN`, with the reason"
    )
    return Finding(FindingKind.UNDECLARED, entry.store, table, f"ignored table {table}: {what}", mend, entry.line)
