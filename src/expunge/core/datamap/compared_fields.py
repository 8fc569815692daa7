"""The fields of a map whose values are identifiers, and how these compare."""

from __future__ import annotations

from expunge.core.datamap.datamap import ByField, DataMap, Dataset, IdentitySpec, Through
from expunge.core.datamap.spelling import Spelling


def field_spelling(data_map: DataMap, dataset: Dataset, name: str) -> Spelling | None:
    """Return how the values of one field of a dataset compare; None for a field whose values are no identifiers of people.

    A field that is followed (``through``) compares as the field that it follows: addresses do so in every table that repeats them.
    """
    found = field_identity(data_map, dataset, name)
    return found[0].spelling(found[1]) if found else None


def field_identity(data_map: DataMap, dataset: Dataset, name: str) -> tuple[IdentitySpec, str] | None:
    """Return the identity that the values of one field name, and the field of that identity; None where they name none."""
    return _identity(data_map, dataset, name, frozenset())


def _identity(data_map: DataMap, dataset: Dataset, name: str, seen: frozenset[str]) -> tuple[IdentitySpec, str] | None:
    for identity in data_map.identities.values():
        if identity.dataset != dataset.name:
            continue
        if name in (identity.key, *identity.also):
            return identity, name
        owner = data_map.identities.get(identity.member_of or "")
        if owner is not None and name == owner.key:
            return owner, owner.key
    match dataset.subject:
        case ByField() as rule:
            for kind, field in rule.pairs():
                if field == name and kind in data_map.identities:
                    return data_map.identities[kind], data_map.identities[kind].key
        case Through() as path if name == path.via:
            known = [(parent, link) for parent, link in path.ways if parent not in seen and parent in data_map.datasets]
            told = (_identity(data_map, data_map.datasets[parent], link, seen | {dataset.name}) for parent, link in known)
            return next((each for each in told if each is not None), None)
    return None
