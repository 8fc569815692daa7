"""The third parties that the public is told of: who gets what of which kind, and for what; from the recipients and purposes of the map.

Source: 16 CFR 312.4(d)(2) asks for the identities or categories of third parties, and the purposes of the disclosure.
"""

from __future__ import annotations

from dataclasses import dataclass

from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.protected_kinds import ProtectedKind, kinds_of


@dataclass(frozen=True)
class PublicRecipient:
    """One third party."""

    name: str
    datasets: tuple[str, ...]
    kinds: tuple[ProtectedKind, ...]
    """Those that its datasets are of, in the order of the kinds."""
    purposes: tuple[str, ...]
    """The descriptions of the purposes that name it; empty where none does."""


def public_recipients(data_map: DataMap) -> tuple[PublicRecipient, ...]:
    """Return everybody who gets data by the map, under ``recipients`` or in a purpose, by name."""
    named = {*data_map.recipients, *(each for purpose in data_map.purposes.values() for each in purpose.recipients)}
    found = []
    for name in sorted(named):
        uses = [purpose for purpose in data_map.purposes.values() if name in purpose.recipients]
        declared = data_map.recipients[name].gets if name in data_map.recipients else ()
        datasets = tuple(sorted({*declared, *(dataset for use in uses for dataset in use.datasets)}))
        held = frozenset[ProtectedKind]().union(*(kinds_of(data_map, each) for each in datasets if each in data_map.datasets))
        found.append(
            PublicRecipient(
                name,
                datasets,
                tuple(each for each in ProtectedKind if each in held),
                tuple(dict.fromkeys(each.description for each in uses)),
            )
        )
    return tuple(found)
