"""A regulator's order of destruction as data: for each limb the data, the people, the dates, the deadline and the exemptions.

The vocabulary is that of the orders of the Federal Trade Commission since 2019: covered information, affected work product, data products.
``expunge.maps.destruction`` reads the file and returns valid orders only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from expunge.core.datamap.artefact import LEARNT, ArtefactKind, Cohort
from expunge.core.datamap.datamap import Dataset, ModelLayout
from expunge.core.values.periods import Period, end_of
from expunge.core.values.scope import Window
from expunge.core.values.tags import tagged

EVERYBODY = "all"


class Trigger(StrEnum):
    """The event that brings covered data, or its products, under a limb. The dates of the limb bound the time of this event."""

    COLLECTED = "collected"
    """That it was collected: itself goes, and of what was made from it what the limb takes."""
    USED = "used"
    """That something was made with it: what was made goes, itself stays."""
    REVIEWED = "reviewed or annotated"
    """That people reviewed or annotated it: those items go, and what was made from the review. What was made without it stays."""


class Direction(StrEnum):
    """The direction in which a limb looks from the deletion."""

    RETROACTIVE = "retroactive"
    """What was derived in whole or in part is destroyed."""
    FORWARD = "forward"
    """Data that was deleted must not enter anything made after the deletion was processed; what was made before stays."""


@tagged("Covered")
@dataclass(frozen=True)
class CoveredData:
    """The data that an order is about."""

    kinds: tuple[ArtefactKind, ...] = (ArtefactKind.RAW,)
    categories: tuple[str, ...] = ()
    """Fideslang categories; those below one count too. Empty: any."""

    def covers(self, dataset: Dataset) -> bool:
        """Return whether a dataset of the map is part of it."""
        return kind_of(dataset) in self.kinds and (
            not self.categories
            or any(
                category == covered or category.startswith(f"{covered}.") for covered in self.categories for category in dataset.categories
            )
        )


@tagged("Clock")
@dataclass(frozen=True)
class LimbDeadline:
    """The deadline of a limb: a period from a named event."""

    period: Period
    start: str
    """``entry`` of the order, or another event in the order's words."""

    def due(self, starts: Mapping[str, datetime]) -> datetime | None:
        """Return the end of the period. Return None while its event has not happened or is not recorded."""
        return end_of(starts[self.start], self.period) if self.start in starts else None


@tagged("Limb")
@dataclass(frozen=True)
class Limb:
    """One duty of an order."""

    name: str
    provision: str
    """Where the order says it: ``II.A.1``."""
    takes: tuple[ArtefactKind, ...]
    direction: Direction
    trigger: Trigger
    covered: CoveredData
    subjects: str | Cohort = EVERYBODY
    """``all``, a cohort of the map by name, or one that the order itself describes."""
    since: datetime | None = None
    until: datetime | None = None
    """Of what the trigger names; before this instant."""
    clocks: Mapping[str, LimbDeadline] = field(default_factory=dict)
    """What is due when: ``delete``, ``recipients`` ..."""
    infeasible: str = ""
    """Who has to swear that something cannot technically be done; empty: the order knows no such way out."""
    counts: tuple[str, ...] = ()
    """What the statement has to count: names of cohorts of the map."""
    where: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    """Dataset -> field -> values: of that dataset only items with one of them are covered (a sensitive place, a label)."""
    unused_for: Period | None = None
    """Only people whose last interaction is so long ago."""

    def window(self, name: str) -> Window | None:
        """The dates of the limb over a field; None where it has none."""
        return Window(name, self.since, self.until) if self.since or self.until else None


@tagged("Exemption")
@dataclass(frozen=True)
class Exemption:
    """A reason of the order for which items may stay while it lasts. It takes effect only through a claim for each item, with an end."""

    name: str
    ground: str
    authority: str
    limbs: tuple[str, ...]
    kinds: tuple[ArtefactKind, ...]
    since: datetime | None = None
    until: datetime | None = None
    """When it may be claimed at all; None: the order names no date, the claim has to."""

    def permits(self, limb: str, kind: ArtefactKind, until: datetime) -> bool:
        """Return whether an item of that kind may stay until then under it."""
        return limb in self.limbs and kind in self.kinds and (self.until is None or until <= self.until)


@tagged("Recipient")
@dataclass(frozen=True)
class LimbRecipient:
    """A recipient of data that a limb takes. It has to be told."""

    name: str
    limbs: tuple[str, ...]
    kinds: tuple[ArtefactKind, ...]
    given_by: str = ""
    """Another recipient who passed it on; empty: we did."""
    clocks: Mapping[str, LimbDeadline] = field(default_factory=dict)
    """``instruct`` and ``confirm``, where the order says."""
    blocked: bool = True
    """Nothing more is shared until they have confirmed."""


@tagged("Sworn")
@dataclass(frozen=True)
class StatementDuty:
    """The statement that closes an order."""

    by: str
    """Who has to sign."""
    penalty: bool
    """Under penalty of perjury (28 U.S.C. 1746)."""
    clocks: Mapping[str, LimbDeadline] = field(default_factory=dict)
    """``statement``, and ``further``: how long after an item that was kept no longer may be."""


@tagged("Disgorgement")
@dataclass(frozen=True)
class Disgorgement:
    """One order of a regulator or a court."""

    name: str
    authority: str
    docket: str
    source: str
    """Where the text that this was written from is."""
    facts: tuple[str, ...]
    """What the source says, each in our own words with its provision: what a reviewer compares with the limbs."""
    entered: datetime
    limbs: tuple[Limb, ...]
    exemptions: tuple[Exemption, ...] = ()
    recipients: tuple[LimbRecipient, ...] = ()
    sworn: StatementDuty | None = None
    zone: str = ""
    """The time zone of its dates, by name; empty: UTC."""

    @property
    def retroactive(self) -> tuple[Limb, ...]:
        """The limbs that destroy data or artefacts."""
        return tuple(limb for limb in self.limbs if limb.direction is Direction.RETROACTIVE)

    @property
    def forward(self) -> tuple[Limb, ...]:
        """The limbs that forbid new products."""
        return tuple(limb for limb in self.limbs if limb.direction is Direction.FORWARD)


def kind_of(dataset: Dataset) -> ArtefactKind:
    """Return a dataset's kind: the map's, else a model where it names one, derived data where it names sources, raw otherwise."""
    if dataset.kind is not None:
        return dataset.kind
    if isinstance(dataset.layout, ModelLayout):
        return ArtefactKind.MODEL
    return ArtefactKind.DERIVED if dataset.derived_from else ArtefactKind.RAW


def holds_data(kind: ArtefactKind) -> bool:
    """Return whether such an artefact holds the data it was made from, rather than parameters learnt from it."""
    return kind not in LEARNT
