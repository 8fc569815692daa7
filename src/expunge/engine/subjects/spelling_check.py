"""Check the spellings of identifiers: keys that the map takes for one person, stores that compare in another way than the map, hashes."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice

from expunge.core.datamap.compared_fields import field_spelling
from expunge.core.datamap.datamap import ByField, DataMap, Dataset, IdentitySpec
from expunge.core.datamap.spelling import Spelling, canonical, hashed_texts
from expunge.core.values.copy import Finding, FindingKind
from expunge.core.values.hashed_identifiers import HashedField, read
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import spellings
from expunge.phones import e164
from expunge.ports.optional.spelling_search import SpellingSearch, StoreEquality

_LOOKED_AT = 2_000
"""Values of a field of hashes that are looked at."""


def findings(context: OpenPlaces) -> Iterator[Finding]:
    """Yield what is wrong with the spellings of each identity; trouble with a store is told elsewhere and hides nothing here."""
    for identity in context.data_map.identities.values():
        home = context.data_map.datasets[identity.dataset]
        try:
            yield from _keys_in_one(context, identity, home)
        except store_calls.TROUBLE:
            continue
    for dataset in context.data_map.datasets.values():
        try:
            yield from _compared_differently(context, dataset)
            yield from _of_nobody(context, dataset)
        except store_calls.TROUBLE:
            continue


def _keys_in_one(context: OpenPlaces, identity: IdentitySpec, home: Dataset) -> Iterator[Finding]:
    """Keys of the dataset that says who exists. Of each key two digests are kept: memory holds no identifiers."""
    spelling, store = identity.spelling(), context.open_store(home.store)
    keys: dict[bytes, set[bytes]] = {}
    for value in spellings.values_of(store, home, identity.key):
        keys.setdefault(_digest(canonical(spelling, value, e164)), set()).add(_digest(value))
    several = [len(held) for held in keys.values() if len(held) > 1]
    if several:
        people = "1 person" if len(several) == 1 else f"{len(several)} people"
        what = f"{home.name}.{identity.key}: {sum(several)} keys are {people} by the map: they differ in spelling alone"
        mend = f"let one key of each stay; or, if they are different people, `case: exact` for identities.{identity.kind}"
        yield Finding(FindingKind.SPELLING, home.store, home.table or home.name, what, mend)


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _compared_differently(context: OpenPlaces, dataset: Dataset) -> Iterator[Finding]:
    store = context.open_store(dataset.store)
    if not isinstance(store, SpellingSearch):
        return
    for kind, name in sorted(_identifying(context.data_map, dataset)):
        spelling = field_spelling(context.data_map, dataset, name)
        if spelling is None:
            continue
        equality = store_calls.equality(store, dataset, name)
        identity = context.data_map.identities[kind]
        home = identity.dataset == dataset.name and name == identity.key
        if said := _difference(spelling, equality, home=home):
            what, mend = said
            yield Finding(FindingKind.SPELLING, dataset.store, dataset.table or dataset.name, f"{dataset.name}.{name}: {what}", mend)


def _of_nobody(context: OpenPlaces, dataset: Dataset) -> Iterator[Finding]:
    """Fields of hashes whose values are made in another way than the map says: by them nobody would ever be found."""
    for each in dataset.subject.hashed if isinstance(dataset.subject, ByField) else ():
        texts = {text for text in islice(spellings.values_of(context.open_store(dataset.store), dataset, each.name), _LOOKED_AT) if text}
        held = {text: read(text) for text in texts}
        wrong = sum(1 for digest in held.values() if len(digest) != len(each.rule.digest("")))
        where = f"{dataset.name}.{each.name}"
        if wrong:
            what = f"{where}: {wrong} of {len(held)} values are no {each.rule.algorithm} in hex, base64 or bytes"
            mend = "in `spelling` the algorithm of the values; or a field without values of other kinds"
        elif held and not _anybodys(context, each, frozenset(held.values())):
            what = f"{where}: none of {len(held)} values is the {each.rule.algorithm} of an identifier of a person who is there"
            mend = "in `spelling` the algorithm, the salt or key and its place, as the values are made; in `subject` their kind of people"
        else:
            continue
        yield Finding(FindingKind.SPELLING, dataset.store, dataset.table or dataset.name, what, mend)


def _anybodys(context: OpenPlaces, field: HashedField, digests: frozenset[bytes]) -> bool:
    """Whether one of some hashes is that of an identifier of a person who is there."""
    identity = context.data_map.identities[field.kind]
    home = context.data_map.datasets[identity.dataset]
    store = context.open_store(home.store)
    held = ((name, value) for name in (identity.key, *identity.also) for value in spellings.values_of(store, home, name))
    # Why both: a store may hold a phone number as people write it.
    spelt = (text for name, value in held for text in (value, canonical(identity.spelling(name), value, e164)))
    return any(field.rule.digest(text) in digests for value in spelt for text in hashed_texts(value))


def _identifying(data_map: DataMap, dataset: Dataset) -> frozenset[tuple[str, str]]:
    """(identity kind, field) for each field that names people by a key."""
    fields = {(kind, identity.key) for kind, identity in data_map.identities.items() if identity.dataset == dataset.name}
    if isinstance(dataset.subject, ByField):
        fields |= {(kind, name) for kind, name in dataset.subject.pairs() if kind in data_map.identities}
    return frozenset(fields)


def _difference(spelling: Spelling, equality: StoreEquality, *, home: bool) -> tuple[str, str] | None:
    if equality.folds and not spelling.folds:
        what = f"the store takes capitals for the same here ({equality.rule}), and the map compares exactly"
        return what, "case: fold for the identity; or a column that compares exactly"
    apart = home and equality.unique and not equality.unique_folds
    if spelling.folds and spelling.has_case and apart:
        what = "the map takes capitals for the same, and the store lets two keys in that differ in them alone: its key compares exactly"
        return what, "a unique index over lower(...), COLLATE NOCASE or citext, as the store has it; or case: exact for the identity"
    return None
