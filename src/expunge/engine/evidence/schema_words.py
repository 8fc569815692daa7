"""Gather the words that the map and the stores' schemas hold: they are no content, and are never traced."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from expunge.core.datamap.datamap import DataMap, Dataset, ExperimentLayout, ModelLayout, PathLayout, TableLayout, Through
from expunge.core.datamap.person import Person
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.locating import LocatedCopies
from expunge.ports.optional.schema_naming import SchemaNaming

_LITERAL = re.compile(r"[^{}/*]+")
_MOST_IN_A_STORE = 20_000
"""Words of one store; what lies beyond is traced as ever."""


def of_estate(context: Context, located: LocatedCopies) -> frozenset[str]:
    """Return the words of the map, and of the schema of every store that can be asked now. A store that failed already is not asked."""
    words = set(of_map(context.data_map))
    failed = {context.data_map.datasets[name].store for name in located.failed}
    for name in context.data_map.stores.keys() - failed:
        try:
            store = context.open_store(name)
            if isinstance(store, SchemaNaming):
                words.update(store_calls.schema_words(store, _MOST_IN_A_STORE))
        except store_calls.TROUBLE:
            # What stands in the way of a store's own steps is their outcome; more is traced without its words, never less.
            continue
    return frozenset(words)


def of_map(data_map: DataMap) -> Iterator[str]:
    """Yield every name that the map declares: datasets, stores, identities, fields, tables, models, rules, and fixed parts of paths."""
    yield from (*data_map.stores, *data_map.datasets, *data_map.retention, *data_map.purposes, *data_map.recipients, *data_map.texts)
    for kind, identity in data_map.identities.items():
        yield from (kind, identity.key, *identity.also, *identity.last_used.values())
    yield from (rule.start for rule in data_map.retention.values())
    for dataset in data_map.datasets.values():
        yield from _of_dataset(dataset)


def _of_dataset(dataset: Dataset) -> Iterator[str]:
    fields = [*dataset.subject_fields, *dataset.follow, dataset.collected, dataset.artefact]
    if isinstance(dataset.subject, Through):
        fields.append(dataset.subject.via)
    for field in filter(None, fields):
        # As the map says it, and as the store does: `tags.profile_id` is the tag `profile_id`.
        yield from (field, *field.split("."), field.partition(".")[2])
    match dataset.layout:
        case TableLayout(name):
            yield from (name, *name.split("."))
        case PathLayout(templates):
            for template in templates:
                yield from _LITERAL.findall(template)
                yield from re.findall(r"\{(\w+)", template)
        case ModelLayout(name) | ExperimentLayout(name):
            yield name


def of_others(located: LocatedCopies) -> Iterator[str]:
    """Yield identifiers of people who stay, as the items name them that go: the payee of a payment. Such a word is the other person's."""
    values = (value for copies in located.copies.values() for copy in copies for values in copy.others.values() for value in values)
    yield from islice(values, _MOST_IN_A_STORE)


def identifiers(people: Iterable[Person], located: LocatedCopies) -> frozenset[str]:
    """Return the identifiers of the order's people, and every value by which something of theirs is found."""
    named = {value for person in people for _, value in person.in_every_form().identifiers()}
    for selectors in located.selectors.values():
        named.update(value for selector in selectors.values() for values in selector.match.values() for value in values)
    return frozenset(named)
