"""Events of orders of destruction (register ``disgorgements``), and the state of one order.

Events hold names of the map and of artefacts, counts and digests. They hold nothing about a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

from expunge.core.disgorgement.disgorgement import Disgorgement
from expunge.core.values import canonical, codec
from expunge.core.values.ids import OrderId
from expunge.core.values.tags import tagged
from expunge.errors import UsageError


@tagged("Counted")
@dataclass(frozen=True)
class CountedAnswer:
    """One number that the order asks for, with its query, so that anyone can repeat it."""

    name: str
    query: str
    """Canonical JSON of what was asked."""
    number: int
    answer: str
    """Keyed SHA-256 over the sorted answer, hex: the same answer gives the same, and it tells nothing else."""


@tagged("DisgorgementEntered")
@dataclass(frozen=True)
class DisgorgementEntered:
    """An order of destruction was entered here."""

    at: datetime
    id: str
    by: str
    """Who entered it; empty when nobody said."""
    digest: str
    """Hex SHA-256 of ``order``."""
    order: str
    """The whole order, as canonical JSON: the file may be gone."""


@tagged("LimbExamined")
@dataclass(frozen=True)
class LimbExamined:
    """The examination of one limb: the data that it takes, and the order to erase that resulted."""

    at: datetime
    id: str
    limb: str
    order: OrderId | None
    """None where nothing was found."""
    items: Mapping[str, int]
    """Dataset -> items that go."""
    artefacts: Mapping[str, tuple[str, ...]]
    """Dataset -> names of single artefacts that go."""
    counted: tuple[CountedAnswer, ...]
    failed: Mapping[str, str]
    """Dataset -> why it could not be looked into."""
    unknown: tuple[str, ...] = ()
    """Undecided at that look: items of unknown origin, and items without a readable date. The limb is open while one of them is."""


@tagged("UnknownDecided")
@dataclass(frozen=True)
class UnknownDecided:
    """An operator decided about an artefact of unknown origin."""

    at: datetime
    id: str
    item: str
    tainted: bool
    by: str
    reason: str


@tagged("ItemExcepted")
@dataclass(frozen=True)
class ItemExcepted:
    """An item of a limb stays: an exemption of the order was claimed for it, or it cannot technically be destroyed."""

    at: datetime
    id: str
    limb: str
    item: str
    exemption: str
    """Name in the order; empty: technically infeasible."""
    ground: str
    authority: str
    until: datetime | None
    by: str
    """Who signed, by their name under ``approvers`` of the map."""
    signature: str
    """Base64 Ed25519 signature over :func:`claim`."""


@tagged("StatementDrafted")
@dataclass(frozen=True)
class StatementDrafted:
    """A draft of the sworn statement was made."""

    at: datetime
    id: str
    digest: str
    """Hex SHA-256 of the Markdown."""


DisgorgementEvent: TypeAlias = DisgorgementEntered | LimbExamined | UnknownDecided | ItemExcepted | StatementDrafted


@dataclass(frozen=True)
class DisgorgementState:
    """The state of one order of destruction."""

    entered: DisgorgementEntered
    order: Disgorgement
    examined: tuple[LimbExamined, ...] = ()
    decided: Mapping[str, UnknownDecided] = field(default_factory=dict)
    """By item; the latest counts."""
    excepted: Mapping[tuple[str, str], ItemExcepted] = field(default_factory=dict)
    """By limb and item; the latest counts."""
    drafted: tuple[StatementDrafted, ...] = ()

    @property
    def id(self) -> str:
        """``dis-`` and 16 hex digits."""
        return self.entered.id

    def stays(self, limb: str, item: str, now: datetime) -> ItemExcepted | None:
        """Return the exception by which an item stays now, or None."""
        found = self.excepted.get((limb, item))
        return found if found and (found.until is None or found.until > now) else None

    def of_limb(self, limb: str) -> tuple[LimbExamined, ...]:
        """Every look at one limb, oldest first."""
        return tuple(each for each in self.examined if each.limb == limb)


_LATER = ("zone", "where", "unused_for")
"""Left out of what is journalled where an order does not say it: one that was entered before there were any is the same order still."""


def sealed(order: Disgorgement) -> tuple[str, str]:
    """An order as canonical JSON, and its digest."""
    text = canonical.encode(_said(codec.to_json(order))).decode()
    return text, sha256(text.encode()).hexdigest()


def _said(value: canonical.Json) -> canonical.Json:
    if isinstance(value, Mapping):
        return {key: _said(each) for key, each in value.items() if each or key not in _LATER}
    return [_said(each) for each in value] if isinstance(value, list) else value


def claim(event: ItemExcepted) -> bytes:
    """Return the bytes that the claimant of an exception signs."""
    until = codec.instant(event.until) if event.until else "-"
    lines = (event.id, event.limb, event.item, event.exemption or "technically infeasible", event.ground, event.authority, until)
    return ("expunge exception/1\n" + "\n".join(" ".join(line.split()) for line in lines) + "\n").encode()


def standings(events: Iterable[object]) -> dict[str, DisgorgementState]:
    """Fold the register: id -> where that order stands, oldest first."""
    known: dict[str, DisgorgementState] = {}
    for event in events:
        if isinstance(event, DisgorgementEntered):
            order: Disgorgement = codec.from_json(Disgorgement, canonical.decode(event.order.encode()))
            known[event.id] = DisgorgementState(event, order)
        elif isinstance(event, LimbExamined | UnknownDecided | ItemExcepted | StatementDrafted):
            known[event.id] = _after(known[event.id], event)
    return known


def standing(events: Iterable[object], name: str) -> DisgorgementState:
    """Return the state of one order of destruction. Raises UsageError when no order has that id."""
    known = standings(events)
    if name not in known:
        message = "no order of destruction of that id was entered here"
        raise UsageError(message, help=f"there are {', '.join(known) or 'none: expunge order disgorge FILE enters one'}")
    return known[name]


def _after(now: DisgorgementState, event: LimbExamined | UnknownDecided | ItemExcepted | StatementDrafted) -> DisgorgementState:
    match event:
        case LimbExamined():
            return replace(now, examined=(*now.examined, event))
        case UnknownDecided():
            return replace(now, decided={**now.decided, event.item: event})
        case ItemExcepted():
            return replace(now, excepted={**now.excepted, (event.limb, event.item): event})
        case StatementDrafted():
            return replace(now, drafted=(*now.drafted, event))
