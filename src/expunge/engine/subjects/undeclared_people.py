"""Say of a table that no dataset declares which of its columns hold people, and the line of the map that declares it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expunge.core.datamap.datamap import AboutNobody
from expunge.core.datamap.mentions import ColumnReference, entry_line, yaml_word
from expunge.core.datamap.person import Person
from expunge.core.values.hashed_identifiers import kind_and_algorithm
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import mentions
from expunge.ports.optional.schema_listing import MentionListing, UndeclaredTable

_PLAIN_RETENTION = "RULE"


@dataclass(frozen=True)
class PeopleInTable:
    """The columns of an undeclared table that hold people, or lead to them."""

    subjects: Mapping[str, str]
    """Column -> the subject of the entry that would declare the table, as YAML."""
    said: Mapping[str, str]
    """Column -> what was found in it, in words."""

    @property
    def subject(self) -> str:
        """The likeliest subject: by a foreign key to people, else by a column with their keys, else through other rows of theirs."""
        return next(iter(self.subjects.values()))


def in_table(
    context: OpenPlaces, store: MentionListing, table: UndeclaredTable, people: Sequence[Person], keys: Mapping[str, str] | None = None
) -> PeopleInTable | None:
    """Return what of a table is people's; None where neither its foreign keys nor its values tell.

    Args:
        context: the places.
        store: the store of the table.
        table: the table.
        people: some people whose identifiers are looked for.
        keys: columns that are known to hold keys, with the kind of these.

    Raises as ``locate`` of the store.
    """
    of_people = {each.table.casefold(): each for each in context.data_map.datasets.values() if not isinstance(each.subject, AboutNobody)}
    references = {
        each.column: each
        for each in store_calls.column_references(store, table.dataset)
        if each.table.casefold() in of_people and each.column in table.columns
    }
    named = {column: of_people[each.table.casefold()].name for column, each in references.items()}
    rest = frozenset(table.columns) - references.keys()
    held = {column: kind for column, kind in (keys or {}).items() if column in rest}
    held = {**_held(context, table, people, rest - held.keys()), **held} if rest - held.keys() else held
    direct = {column: kinds[0] for column, each in references.items() if (kinds := _kinds(context, named[column], each))}
    subjects = {column: f"{{{kind}: {yaml_word(column)}}}" for column, kind in direct.items()}
    subjects |= {column: subject_of(context, [(column, kind)]) for column, kind in sorted(held.items()) if "." not in kind}
    for column, each in references.items():
        via = yaml_word(column) if column == each.field else f"{{{yaml_word(column)}: {yaml_word(each.field)}}}"
        subjects.setdefault(column, f"{{through: {named[column]}, via: {via}}}")
    subjects |= {column: subject_of(context, [(column, kind)]) for column, kind in sorted(held.items()) if "." in kind}
    said = {column: f"{column} refers to {other}" for column, other in named.items()}
    said |= {column: f"{column} holds keys or addresses of people" for column in held}
    return PeopleInTable(subjects, said) if subjects else None


def entry(context: OpenPlaces, table: UndeclaredTable, found: PeopleInTable) -> str:
    """Return the line that declares a table to be these people's, to paste under ``datasets:``."""
    name = table.dataset.table or table.dataset.name
    place = f"table: {yaml_word(name)}" if table.dataset.table else "path: PATH"
    return subject_line(context, table.dataset.store, name if table.dataset.table else "NAME", place, found.subject)


def subject_line(context: OpenPlaces, store: str, name: str, place: str, subject: str) -> str:
    """Return the line that declares a place to be people's, with the retention of the map where there is one alone."""
    kept = list(context.data_map.retention)
    retention = kept[0] if len(kept) == 1 else _PLAIN_RETENTION
    return entry_line(name, store, place, f"subject: {subject}, retention: {retention}")


def subject_of(context: OpenPlaces, columns: Sequence[tuple[str, str]]) -> str:
    """Return the subject of an entry, as YAML, for columns with the kind of identifier that stands in each.

    A key says whose a row is by itself, and so does the hash of any identifier. Another name of a person leads to their row in the dataset
    that lists them.
    """
    hashed = [(column, *told) for column, kind in columns if (told := kind_and_algorithm(kind))[1]]
    keys = dict.fromkeys((kind, column) for column, kind in columns if "." not in kind and not kind_and_algorithm(kind)[1])
    if keys:
        return f"{{{', '.join(f'{kind}: {yaml_word(column)}' for kind, column in keys)}}}"
    if hashed:
        column, kind, algorithm = hashed[0]
        return f"{{{kind.partition('.')[0]}: {yaml_word(column)}}}, spelling: {{{yaml_word(column)}: {algorithm}}}"
    column, (kind, _, field) = columns[0][0], columns[0][1].partition(".")
    if kind not in context.data_map.identities:
        return f"{{{kind}: {yaml_word(column)}}}"
    via = yaml_word(column) if column == field else f"{{{yaml_word(column)}: {yaml_word(field)}}}"
    return f"{{through: {context.data_map.identities[kind].dataset}, via: {via}}}"


def _held(context: OpenPlaces, table: UndeclaredTable, people: Sequence[Person], columns: frozenset[str]) -> dict[str, str]:
    """Column -> the kind of identifier of some people that stands in it; hashes first, and keys before the other names of a person."""
    found: dict[str, str] = {}
    people = [person.in_every_form() for person in people]
    kinds = {kind for person in people for kind, _ in person.identifiers()}
    # Why hashes first: a query for identifiers finds their hashes as well, and does not say which.
    for kind in sorted(kinds, key=lambda each: (not kind_and_algorithm(each)[1], "." in each, each)):
        known = [
            Person(each.subject, {kind: each.ids[kind]} if kind in each.ids else {}, {kind: each.also[kind]} if kind in each.also else {})
            for each in people
        ]
        for each in mentions.found(context, table.dataset, known, (), columns):
            found.setdefault(each.column, kind)
    return found


def _kinds(context: OpenPlaces, dataset: str, reference: ColumnReference) -> list[str]:
    """The identities that a foreign key refers to by their key."""
    known = context.data_map.identities
    return [kind for kind, each in known.items() if each.dataset == dataset and each.key.casefold() == reference.field.casefold()]
