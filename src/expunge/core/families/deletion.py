"""A deletion that a family asks for: the preview of it, and how far it has come. Numbers, days and words of the map, and no content."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.values import canonical
from expunge.core.values.canonical import Json
from expunge.core.values.codec import instant
from expunge.core.values.ids import OrderId
from expunge.core.values.outcome import Reason

_ORDER = {kind: place for place, kind in enumerate(DataKind)}


class StayReason(StrEnum):
    """Why data stays after a deletion."""

    GROUND = "ground"
    """A legal duty or a hold, in the operator's words."""
    SHARED = "shared"
    """People who stay are in it as well."""
    UNLINKED = "unlinked"
    """Nothing says from which of the items it was made."""
    UNDATED = "undated"
    """It has no time that can be read, and a stretch of time was chosen."""
    LEFT = "left"
    """A model that can forget a whole person alone."""
    BACKUP = "backup"
    """It lies in backups, until they end."""


@dataclass(frozen=True)
class Going:
    """The items of one kind that a deletion erases."""

    kind: DataKind
    items: int


@dataclass(frozen=True)
class Staying:
    """Items that stay, and why."""

    kind: DataKind
    items: int
    reason: StayReason
    ground: str = ""
    """The operator's words for it, where there are any."""
    until: datetime | None = None
    """When the reason ends, aware UTC; None where no day is known."""


@dataclass(frozen=True)
class Remade:
    """A thing that learnt from the data, and what is done with it."""

    kind: DataKind
    act: EraseAct


@dataclass(frozen=True)
class Unread:
    """Data that could not be looked through: what is held of it is not known, and not nothing."""

    kind: DataKind
    reason: Reason


@dataclass(frozen=True)
class DeletionPreview:
    """What a deletion would do, computed from its plan."""

    going: tuple[Going, ...]
    staying: tuple[Staying, ...]
    remade: tuple[Remade, ...]
    unread: tuple[Unread, ...]
    others: int
    """People outside the order who lose something by it, because an item of several people goes as a whole."""
    cooling_seconds: int
    """For so long it can be called off."""
    basis: str
    """The digest of map, plan and holds that it was computed from."""

    @property
    def items(self) -> int:
        """How many items go."""
        return sum(each.items for each in self.going)

    @property
    def digest(self) -> str:
        """Hex SHA-256 of everything in it: a confirmation names the preview that the person saw."""
        body: dict[str, Json] = {
            "going": [[each.kind.value, each.items] for each in self.going],
            "staying": [
                [each.kind.value, each.items, each.reason.value, each.ground, instant(each.until) if each.until else None]
                for each in self.staying
            ],
            "remade": [[each.kind.value, each.act.value] for each in self.remade],
            "unread": [[each.kind.value, each.reason.value] for each in self.unread],
            "others": self.others,
            "cooling_seconds": self.cooling_seconds,
            "basis": self.basis,
        }
        return sha256(b"expunge/deletion-preview/1\0" + canonical.encode(body)).hexdigest()


def basis(map_digest: str, holds: Iterable[str], steps: Iterable[str]) -> str:
    """Return the digest of what a preview was computed from: the map, the holds that bind, and the steps of the plan."""
    return sha256(canonical.encode({"map": map_digest, "holds": sorted(holds), "steps": list(steps)})).hexdigest()


def going_together(found: Iterable[Going]) -> tuple[Going, ...]:
    """Return one entry for each kind, in the order in which people are told."""
    by_kind: dict[DataKind, int] = {}
    for each in found:
        by_kind[each.kind] = by_kind.get(each.kind, 0) + each.items
    return tuple(Going(kind, by_kind[kind]) for kind in sorted(by_kind, key=_ORDER.__getitem__) if by_kind[kind])


def staying_together(found: Iterable[Staying]) -> tuple[Staying, ...]:
    """Return one entry for each kind, reason and end, in the order in which people are told."""
    by: dict[Staying, int] = {}
    for each in found:
        slot = replace(each, items=0)
        by[slot] = by.get(slot, 0) + each.items
    entries = (replace(slot, items=items) for slot, items in by.items() if items)
    return tuple(sorted(entries, key=lambda each: (_ORDER[each.kind], each.reason.value, each.ground, str(each.until))))


class Stage(StrEnum):
    """How far an order has come."""

    COOLING = "cooling"
    """It can be called off, and nothing was erased."""
    WAITING = "waiting"
    """It begins as soon as it can."""
    COMPANY = "company"
    """A person of the company has to say yes first."""
    WORKING = "working"
    DONE = "done"
    IN_PART = "in-part"
    """What could be done is done; the rest has a reason each, and is tried again where the reason can pass."""
    CANCELLED = "cancelled"
    CAME_BACK = "came-back"
    """Data of it was found again, and is erased by another order."""


class PlaceState(StrEnum):
    """How far one place has come. Four of these are the verbs of receipts."""

    WAITING = "waiting"
    ERASED = "erased"
    """Nothing reads it any more; whether traces are left is looked for next."""
    VERIFIED = "verified"
    EXPIRING = "expiring"
    """It is in backups until a day."""
    KEPT = "kept"
    NOT_YET = "not-yet"


@dataclass(frozen=True)
class Place:
    """One place of an order: a dataset, by the kind of data that people are told it holds."""

    kind: DataKind
    state: PlaceState
    items: int
    until: datetime | None = None
    """Of expiring and kept data: until when, aware UTC; None where no day is known."""
    reason: StayReason | Reason | None = None
    """Why data is kept (a StayReason), or could not be erased yet (a Reason)."""
    ground: str = ""
    """The operator's words for why data is kept."""

    @property
    def settled(self) -> bool:
        """Return whether nothing more is done here in this round."""
        return self.state in {PlaceState.VERIFIED, PlaceState.EXPIRING, PlaceState.KEPT}


@dataclass(frozen=True)
class DeletionStatus:
    """How far a deletion has come."""

    order: OrderId
    stage: Stage
    everything: bool
    """Everything of the person, rather than some items."""
    asked: datetime
    begins: datetime
    """The end of the time in which it can be called off."""
    due: datetime | None
    """The earliest end of a rule of the map that says by when it has to be done."""
    ended: datetime | None
    may_cancel: bool
    places: tuple[Place, ...]
    version: int
    """Grows with each step: two answers of one version are alike."""
    final: bool = False
    """Nothing is left that a later try could do."""

    @property
    def done(self) -> int:
        """How many places have come to their end."""
        return sum(each.settled for each in self.places)

    @property
    def over(self) -> bool:
        """Return whether no further step is expected without an act of a person or a day."""
        return self.stage in {Stage.DONE, Stage.CANCELLED, Stage.IN_PART, Stage.CAME_BACK}


def in_order(places: Iterable[Place]) -> tuple[Place, ...]:
    """Return places in the order in which people are told of kinds."""
    return tuple(sorted(places, key=lambda each: _ORDER[each.kind]))
