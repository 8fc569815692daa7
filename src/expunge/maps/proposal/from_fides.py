"""A first map from Fides datasets: the identity kinds, and each collection's path to them, as far as a map can say it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from expunge.maps.proposal.fides_import import FidesCollection, FidesField, FidesImport, FidesReference, LossNote, read_fides
from expunge.maps.proposal.guesses import Guess, IdentityGuess
from expunge.maps.proposal.map_text import SurveyedData, written

_CATEGORY = re.compile(r"user(\.[a-z][a-z0-9_]*)*")
_KIND = "postgres"
"""Fides datasets do not say what kind of store they describe."""


def propose_from_fides(folder: Path, kinds: Iterable[str]) -> tuple[str, tuple[LossNote, ...]]:
    """Return the text of a first map, and the statements that could not be carried into it, in the order of the files.

    ``kinds`` are those that a store of datasets can have. Raises UsageError when the folder holds no Fides dataset.
    """
    fides = read_fides(folder)
    sight = SurveyedData(origin="carried over from Fides datasets")
    stores = dict.fromkeys(collection.dataset for collection in fides.collections)
    sight.stores = [(_name(store), _KIND, f"${{{_name(store).upper()}_URL}}") for store in stores]
    sight.notes += [
        "Fides does not say what kind of store a dataset is: each is taken for a PostgreSQL database whose URL an environment variable",
        f"holds. DECIDE the kind of each: {', '.join(sorted(kinds))}.",
    ]
    names = _names(fides)
    homes = _homes(fides)
    identities = _identities(homes, names)
    guesses = []
    for each in fides.collections:
        if _is_about_nobody(each, fides):
            reason = "no field has a category of people's data, and nothing leads here from people (Fides)"
            sight.ignore.append((_name(each.dataset), "table", each.name, reason))
        else:
            guesses.append(_guess(each, fides, homes, names))
    lost = sorted(fides.lost, key=lambda each: (each.file, each.line))
    return written(sight, guesses, identities), tuple(lost)


def _name(text: str) -> str:
    base = re.sub(r"[^A-Za-z0-9_]", "_", text)[:60]
    return base if base[:1].isalpha() else f"t_{base}"


def _names(fides: FidesImport) -> dict[tuple[str, str], str]:
    """(dataset, collection) -> a name that no other has."""
    found: dict[tuple[str, str], str] = {}
    for collection in fides.collections:
        base = _name(collection.name)
        tries = (base, f"{_name(collection.dataset)}_{base}"[:62], *(f"{base}_{number}" for number in range(2, 9999)))
        found[collection.dataset, collection.name] = next(name for name in tries if name not in found.values())
    return found


def _homes(fides: FidesImport) -> list[tuple[FidesCollection, FidesField, tuple[str, ...]]]:
    """The collections that say who exists, each with its key and what else names its people: an identity and a key that others refer to."""
    referred = {(reference.dataset or each.dataset, reference.collection, reference.field) for each, _, reference in _ways(fides)}
    homes = []
    for each in fides.collections:
        named = tuple(field.name for field in each.fields if field.identity)
        key = next((field for field in each.fields if field.primary and (each.dataset, each.name, field.name) in referred), None)
        if named and key is not None:
            homes.append((each, key, named))
    return homes


def _ways(fides: FidesImport) -> Iterator[tuple[FidesCollection, FidesField, FidesReference]]:
    """Every reference by which rows are found from those of another collection."""
    for collection in fides.collections:
        for field in collection.fields:
            for reference in field.references:
                if not reference.outward:
                    yield collection, field, reference


def _identities(homes: list[tuple[FidesCollection, FidesField, tuple[str, ...]]], names: dict[tuple[str, str], str]) -> list[IdentityGuess]:
    """A kind for each home, and one for what names its people where other collections have only that."""
    found = []
    for collection, key, also in homes:
        kind = names[collection.dataset, collection.name]
        found.append(IdentityGuess(kind, kind, key.name, also))
        if not any(each.kind == _mail(also) for each in found):
            found.append(IdentityGuess(_mail(also), kind, also[0], member_of=kind))
    return found


def _mail(also: tuple[str, ...]) -> str:
    return f"{_name(also[0])}_address" if also[0] == "email" else f"{_name(also[0])}_name"


def _is_about_nobody(collection: FidesCollection, fides: FidesImport) -> bool:
    led = any(each is collection for each, _, _ in _ways(fides))
    return not collection.personal and not led and not any(field.identity for field in collection.fields)


def _guess(
    collection: FidesCollection,
    fides: FidesImport,
    homes: list[tuple[FidesCollection, FidesField, tuple[str, ...]]],
    names: dict[tuple[str, str], str],
) -> Guess:
    name = names[collection.dataset, collection.name]
    kinds: dict[str, str] = {}
    through: tuple[str, ...] = ()
    for home, key, _ in homes:
        kind = names[home.dataset, home.name]
        if home is collection:
            kinds[kind] = key.name
        for field in collection.fields:
            if any(_leads_to(reference, collection, home, key) for reference in field.references):
                kinds.setdefault(kind, field.name)
    named = [field for field in collection.fields if field.identity]
    if named and not any(home is collection for home, _, _ in homes):
        if homes:
            kinds[_mail(homes[0][2])] = named[0].name
        _tell_identities(fides, collection, named, homes)
    if not kinds:
        through = _through(fides, collection, names) or ()
    return Guess(
        name=name,
        store=_name(collection.dataset),
        fields=tuple(field.name for field in collection.fields),
        kinds=kinds,
        table=collection.name,
        through=through,
        # Why without a look: the files of Fides name a field where it says something of people, and no other.
        since="created_at",
        categories=tuple(each for each in collection.personal if _CATEGORY.fullmatch(each)),
    )


def _leads_to(reference: FidesReference, here: FidesCollection, home: FidesCollection, key: FidesField) -> bool:
    there = (reference.dataset or here.dataset, reference.collection, reference.field)
    return not reference.outward and there == (home.dataset, home.name, key.name)


def _tell_identities(
    fides: FidesImport,
    collection: FidesCollection,
    named: list[FidesField],
    homes: list[tuple[FidesCollection, FidesField, tuple[str, ...]]],
) -> None:
    """A dataset has one field for each kind of identity, and each kind one home."""
    for one in named[1:]:
        why = "a field for each kind of identity: declare the table twice by views, or give the kind a name of its own"
        fides.lost.append(LossNote(collection.file, one.line, f"{collection.dataset}.{collection.name}.{one.name} names people too", why))
    if named and len(homes) > 1:
        others = ", ".join(each.name for each, _, _ in homes[1:])
        what = f"{collection.dataset}.{collection.name}.{named[0].name} may name people of {others} as well as of {homes[0][0].name}"
        fides.lost.append(LossNote(collection.file, named[0].line, what, "say in the map whose address it is"))


def _through(fides: FidesImport, collection: FidesCollection, names: dict[tuple[str, str], str]) -> tuple[str, str] | None:
    """The dataset through which its people are found, where both call the linking field the same; else why not."""
    for name, own, there, line, file in _links(fides, collection):
        other = names.get((there[0], there[1]))
        if other is not None and own == there[2]:
            return other, own
        what = f"{name}.{own} holds {there[1]}.{there[2]}"
        why = "the fields that link two datasets have one name in a map: give the table a view in which they do"
        fides.lost.append(LossNote(file, line, what, why if other else f"no file says what {there[0]}.{there[1]} is"))
    return None


def _links(fides: FidesImport, collection: FidesCollection) -> Iterator[tuple[str, str, tuple[str, str, str], int, str]]:
    """(collection, its field, the other's dataset, collection and field, line, file) for each way in, from either side."""
    for each, one, reference in _ways(fides):
        if each is collection:
            there = (reference.dataset or each.dataset, reference.collection, reference.field)
            yield f"{each.dataset}.{each.name}", one.name, there, reference.line, each.file
    for each in fides.collections:
        for one in each.fields:
            for reference in one.references:
                if reference.outward and (reference.dataset or each.dataset, reference.collection) == (collection.dataset, collection.name):
                    where = f"{collection.dataset}.{collection.name}"
                    yield where, reference.field, (each.dataset, each.name, one.name), reference.line, each.file
