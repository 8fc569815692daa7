"""Look for some people as an order would, and change nothing: which datasets hold how much of them, and which hold nothing of anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from expunge.core.datamap.datamap import AboutNobody, Dataset, EraseAct, IdentitySpec, Inherited, TableLayout
from expunge.core.datamap.person import Person, selector
from expunge.core.orders.plan import dependents_first
from expunge.core.values.copy import Copy, Finding, FindingKind, Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import orphaned_items, spellings
from expunge.engine.subjects.living_keys import LivingKeys
from expunge.ports.optional.schema_listing import SchemaListing

SHOWN = 3
"""People of each kind who are looked for."""
MOST = 30
"""People of each kind of whom is asked whether rows of others hold something of theirs back."""
_FEW = 200


@dataclass(frozen=True)
class SampledPeople:
    """The findings of orders for some people of one kind."""

    kind: str
    people: int
    items: Mapping[str, tuple[int, int]]
    """Dataset -> the fewest and the most items that one of them has there."""


def sampled(context: OpenPlaces) -> tuple[SampledPeople, ...]:
    """Look for some people of each kind that belongs to no other. A dataset that cannot be looked at is left out."""
    found = []
    for kind, identity in context.data_map.identities.items():
        if identity.member_of:
            continue
        try:
            counted = [_counted(context, person) for person in people(context, identity, SHOWN)]
        except store_calls.TROUBLE:
            continue
        names = [name for name in context.data_map.datasets if any(name in each for each in counted)]
        items = {name: [each[name] for each in counted if name in each] for name in names}
        if counted:
            found.append(SampledPeople(kind, len(counted), {name: (min(each), max(each)) for name, each in items.items()}))
    return tuple(found)


def people(context: OpenPlaces, identity: IdentitySpec, most: int) -> Iterator[Person]:
    """Yield some people of a kind, with those who belong to them. Raises as ``locate`` of the stores."""
    home = context.data_map.datasets[identity.dataset]
    for number, copy in enumerate(store_calls.bystanders(context.open_store(home.store), home, (), most)):
        keys = copy.links.get(identity.key, frozenset())
        if keys:
            ids = {identity.kind: keys}
            _add_members(context, identity, keys, ids)
            also = {f"{identity.kind}.{name}": values for name in identity.also if (values := copy.links.get(name, frozenset()))}
            yield Person(Pseudonym(f"sample-{number}"), ids, also)


def bound(context: OpenPlaces) -> Iterator[Finding]:
    """Yield each dataset in which items of some people could not go, because rows that stay refer to them.

    Some people of each kind are looked at, each as an order would: what rows of other people refer to keeps its order in part. Raises as
    ``locate`` of the stores.
    """
    parents: dict[str, frozenset[str]] = {}
    for identity in context.data_map.identities.values():
        looked_at = [] if identity.member_of else list(people(context, identity, MOST))
        found: dict[tuple[str, str], int] = {}
        for going in _going(context, looked_at).values():
            for dataset, why in _bound(context, going, parents):
                found[dataset, why] = found.get((dataset, why), 0) + 1
        for (name, why), count in found.items():
            what, _, mend = why.partition("; ")
            some = f"dataset {name}: {what.removeprefix(f'table {context.data_map.datasets[name].table}: ')}"
            yield _finding(context.data_map.datasets[name], f"{some}, for {count} of {len(looked_at)} people who were looked at", mend)


def _going(context: OpenPlaces, some: Sequence[Person]) -> dict[Pseudonym, dict[str, tuple[Copy, ...]]]:
    """Person -> dataset -> what an order would erase there, of the datasets whose stores have a schema."""
    found: dict[Pseudonym, dict[str, tuple[Copy, ...]]] = {person.subject: {} for person in some}
    for dataset in reversed(dependents_first(context.data_map)) if some else ():
        store = context.open_store(dataset.store)
        kept = isinstance(dataset.subject, AboutNobody | Inherited) or dataset.on_erase.act is not EraseAct.ERASE
        if kept or not isinstance(store, SchemaListing):
            continue
        upstream = {person.subject: {name: copies[0] for name, copies in found[person.subject].items()} for person in some}
        asked = [each for person in some if (each := selector(context.data_map, dataset, person, upstream[person.subject])) is not None]
        for copy in store_calls.locate(store, dataset, spellings.widened(context, dataset, tuple(asked))) if asked else ():
            found[copy.subject][dataset.name] = (copy,)
    return found


def _bound(context: OpenPlaces, going: Mapping[str, Sequence[Copy]], parents: dict[str, frozenset[str]]) -> Iterator[tuple[str, str]]:
    """Yield (dataset, why) for what cannot go of one person.

    ``parents`` remembers, by store, the datasets that others refer to: a store is asked once for all people.
    """
    for name, copies in going.items():
        dataset = context.data_map.datasets[name]
        store = context.open_store(dataset.store)
        if not isinstance(store, SchemaListing):
            continue
        if dataset.store not in parents:
            parents[dataset.store] = frozenset(parent for _, parent in store_calls.capabilities(store).refers)
        if name in parents[dataset.store]:
            yield from ((name, why.detail) for why in store_calls.binding_references(store, dataset, copies, going).values())


def empty(context: OpenPlaces, dataset: Dataset) -> Iterator[Finding]:
    """Yield a dataset in which no order would find anything, whoever it is about. Raises as ``locate`` of the stores.

    An empty table is none: its rows are still to come. A path that no file fits is a note: files that it should fit are undeclared, and
    found as such. Items that lead to no subject at all are found elsewhere.
    """
    if isinstance(dataset.subject, AboutNobody | Inherited):
        return
    store = context.open_store(dataset.store)
    some = list(islice(store_calls.bystanders(store, dataset, (), _FEW), _FEW))
    if not some:
        if not isinstance(dataset.layout, TableLayout) and dataset.paths:
            what = f"dataset {dataset.name}: no {'record lies in files that fit' if dataset.format else 'file fits'} its path"
            mend = "nothing, where its files are still to come, or have all gone; or correct `path:`"
            yield _finding(dataset, what, mend, FindingKind.NOTE)
        return
    living = LivingKeys(context)
    if any(True for _ in orphaned_items.a_few_owned(context, dataset, some, {}, living)):
        return
    named = any(True for _ in orphaned_items.owned(context, dataset, store_calls.bystanders(store, dataset, (), None), {}))
    if named and not any(
        True for _ in orphaned_items.owned(context, dataset, store_calls.bystanders(store, dataset, (), None), {}, living)
    ):
        what = f"dataset {dataset.name}: none of its items leads to anybody: an order finds nothing in it, whoever asks"
        yield _finding(dataset, what, "correct `subject:`: the column holds no keys of the dataset that lists these people")


def _finding(dataset: Dataset, what: str, mend: str, kind: FindingKind = FindingKind.SUBJECT_PATH) -> Finding:
    return Finding(kind, dataset.store, dataset.table or dataset.name, what, mend, dataset.line)


def _add_members(context: OpenPlaces, owner: IdentitySpec, keys: frozenset[str], ids: dict[str, frozenset[str]]) -> None:
    for kind, identity in context.data_map.identities.items():
        if identity.member_of != owner.kind or kind in ids:
            continue
        home = context.data_map.datasets[identity.dataset]
        asked = spellings.widened(context, home, (Selector(Pseudonym("members"), {owner.key: keys}),))
        copies = store_calls.locate(context.open_store(home.store), home, asked)
        theirs = frozenset(value for copy in copies for value in copy.links.get(identity.key, ()))
        if theirs:
            ids[kind] = theirs
            _add_members(context, identity, theirs, ids)


def _counted(context: OpenPlaces, person: Person) -> dict[str, int]:
    """Dataset -> items of a person."""
    upstream: dict[str, Copy] = {}
    found: dict[str, int] = {}
    for dataset in reversed(dependents_first(context.data_map)):
        if isinstance(dataset.subject, AboutNobody | Inherited):
            continue
        asked = selector(context.data_map, dataset, person, upstream)
        try:
            wide = spellings.widened(context, dataset, (asked,)) if asked is not None else ()
            copies = store_calls.locate(context.open_store(dataset.store), dataset, wide)
        except store_calls.TROUBLE:
            continue
        found[dataset.name] = sum(copy.items for copy in copies)
        if copies:
            upstream[dataset.name] = copies[0]
    return found
