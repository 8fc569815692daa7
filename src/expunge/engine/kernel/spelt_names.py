"""The names of a person in the journal and at the gate, whatever spelling an identifier comes in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.spelling import canonical, groups
from expunge.core.values.ids import Pseudonym, pseudonym
from expunge.phones import e164


def stands_for(data_map: DataMap, kind: str, value: str) -> str:
    """Return the spelling that stands for an identifier of a kind and for all others of the same person."""
    return canonical(data_map.spelling(kind), value, e164)


def spelt(data_map: DataMap, kind: str, values: Iterable[str]) -> frozenset[str]:
    """Return identifiers with the spellings that stand for them."""
    return frozenset({spelling for value in values for spelling in (value, stands_for(data_map, kind, value))})


def name_of(data_map: DataMap, key: bytes, kind: str, value: str) -> Pseudonym:
    """Return the pseudonym of a person: that of the spelling that stands for all of theirs."""
    return pseudonym(key, kind, stands_for(data_map, kind, value))


def together(data_map: DataMap, kind: str, values: Iterable[str]) -> Iterator[frozenset[str]]:
    """Yield identifiers of a kind, those of each person together."""
    yield from map(frozenset, groups(data_map.spelling(kind), values, e164).values())
