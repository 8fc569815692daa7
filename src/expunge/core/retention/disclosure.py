"""What the public is told of the retention of whereabouts and voices, from the schedule that the map enforces (AMZ-09).

Source: the Amazon order, IV: a clear disclosure of retention and deletion where location is asked for, and one about voice, with purposes
and the ways of users and of parents to have data deleted; the company adheres to it. The digest names one version of the facts, whatever
the language in which a page tells them.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import AboutNobody, DataMap, Dataset, EraseAct, Inherited
from expunge.core.datamap.protected_kinds import ProtectedKind, in_scope, kind_held
from expunge.core.retention.public_claims import counted_from
from expunge.core.retention.public_recipients import public_recipients
from expunge.core.values import canonical
from expunge.core.values.canonical import Json
from expunge.core.values.periods import Period

DISCLOSED = (ProtectedKind.LOCATION, ProtectedKind.VOICE)
SHORT = 12
"""Characters of a digest that pages show."""


@dataclass(frozen=True)
class DisclosedData:
    """One kind of data under one schedule."""

    kind: DataKind
    period: Period | None
    """None for what is made as a whole, and goes with what it was made from."""
    counted: str
    """The field from which the period runs, in words; empty without a period."""
    purpose: str
    need: str
    uses: tuple[str, ...]
    """Descriptions of the purposes of the map that use it."""
    kept: str
    """The ground on which an erasure leaves it; empty where it goes."""


@dataclass(frozen=True)
class RetentionDisclosure:
    """The facts about one kind that duties are about."""

    of: ProtectedKind
    data: tuple[DisclosedData, ...]
    recipients: tuple[str, ...]
    """Third parties that get such data, by name."""

    @property
    def name(self) -> str:
        """What the register of postings calls it."""
        return f"disclosure:{self.of.value}"

    @property
    def digest(self) -> str:
        """Hex SHA-256 over the facts."""
        return sha256(canonical.encode(self.to_json())).hexdigest()

    def to_json(self) -> dict[str, Json]:
        """Encode the facts."""
        return {
            "of": self.of.value,
            "recipients": list(self.recipients),
            "data": [
                {
                    "kind": each.kind.value,
                    "months": each.period.months if each.period else 0,
                    "days": each.period.days if each.period else 0,
                    "counted": each.counted,
                    "purpose": each.purpose,
                    "need": each.need,
                    "uses": list(each.uses),
                    "kept": each.kept,
                }
                for each in self.data
            ],
        }


def disclosures(data_map: DataMap) -> tuple[RetentionDisclosure, ...]:
    """Return what is to be disclosed of each kind that the map holds of people; nothing of a kind that it does not hold."""
    found = []
    for scope in in_scope(data_map):
        if scope.kind in DISCLOSED and scope.datasets:
            held = [data_map.datasets[name] for name in scope.datasets]
            data = dict.fromkeys(_data(data_map, dataset) for dataset in held if not isinstance(dataset.subject, AboutNobody))
            told = sorted(data, key=lambda each: (list(DataKind).index(each.kind), each.purpose, str(each.period)))
            handed = tuple(each.name for each in public_recipients(data_map) if scope.kind in each.kinds)
            found.append(RetentionDisclosure(scope.kind, tuple(told), handed))
    return tuple(found)


def _data(data_map: DataMap, dataset: Dataset) -> DisclosedData:
    schedule = data_map.retention[dataset.retention]
    whole = isinstance(dataset.subject, Inherited)
    uses = (purpose.description for purpose in data_map.purposes.values() if dataset.name in purpose.datasets)
    return DisclosedData(
        kind_held(data_map, dataset.name),
        None if whole else schedule.period,
        "" if whole else counted_from(schedule.start),
        schedule.purpose,
        schedule.need,
        tuple(dict.fromkeys(uses)),
        dataset.on_erase.argument if dataset.on_erase.act is EraseAct.KEEP else "",
    )
