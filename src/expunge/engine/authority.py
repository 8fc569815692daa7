"""Who decides for whom, as far as orders and exports must know it: the register of consents with birthdays, and what a dispute stops."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from threading import Lock
from weakref import WeakKeyDictionary

from expunge.core import consent_events as ce
from expunge.core import events as ev
from expunge.core.consent import Consents
from expunge.core.consent_events import ConsentEvent
from expunge.core.consent_rules import lacks
from expunge.core.ids import OrderId
from expunge.core.order import OrderKind
from expunge.core.person import Person
from expunge.core.retention import end_of
from expunge.engine.context import Context
from expunge.engine.locating import names_of
from expunge.engine.recording import CONSENTS
from expunge.errors import KeyDestroyed, NeedsApproval, UsageError
from expunge.ports.journal import Journal

BORN = "born.sealed"
BY_GUARDIAN = "guardian "
"""How the word begins on which an order stands that a guardian asked for; the proof's id follows."""
SPOKEN_FOR = frozenset({OrderKind.ERASURE, OrderKind.WITHDRAWAL})
"""Orders that somebody wants; the others stand on a rule, and a dispute between guardians does not hold them up."""


def load(context: Context) -> Consents:
    """The register ``consents``, folded with the map as it is now. What was folded before in this process is gone on with."""
    with _LOCK:
        known = _FOLDED.setdefault(context.journal, _Folded())
        for data in context.journal.read(CONSENTS, known.length):
            event = _decoded(data)
            if isinstance(event, ConsentEvent):
                known.consents.apply(event)
            known.length += 1
        return known.consents.under(context.data_map.purposes, context.data_map.texts, birthdays(context))


@dataclass
class _Folded:
    """How far a register was folded."""

    consents: Consents = field(default_factory=lambda: Consents({}, {}))
    length: int = 0


_FOLDED: WeakKeyDictionary[Journal, _Folded] = WeakKeyDictionary()
_LOCK = Lock()


def _decoded(data: bytes) -> ev.Event:
    """One event; those of which there are many by a short way: that they are as they were written, the journal has checked."""
    kind = next((each for mark, each in _MANY if mark in data), None)
    if kind is None:
        return ev.decode(data)
    value = json.loads(data)
    del value["is"]
    value["at"] = datetime.fromisoformat(value["at"])
    if kind is ce.ConsentGiven:
        return ce.ConsentGiven(**{**value, "act": ce.Act(value["act"])})
    return ce.ConsentWithdrawn(**{**value, "datasets": tuple(value["datasets"])})


_MANY: tuple[tuple[bytes, type], ...] = ((b'"is":"ConsentGiven"', ce.ConsentGiven), (b'"is":"ConsentWithdrawn"', ce.ConsentWithdrawn))


def birthdays(context: Context) -> Callable[[ce.GuardianProven], datetime | None]:
    """When the child of a guardianship decides alone, by the map's rule as it is now; each birthday is unsealed once, when it matters."""
    known: dict[str, datetime | None] = {}

    def grows_up(proven: ce.GuardianProven) -> datetime | None:
        if proven.proof not in known:
            known[proven.proof] = _grows_up(context, proven)
        return known[proven.proof]

    return grows_up


def _grows_up(context: Context, proven: ce.GuardianProven) -> datetime | None:
    age = context.data_map.guardians.get(proven.kind)
    sealed = context.shelf.get(OrderId(proven.proof), BORN)
    if age is None or sealed is None:
        return None
    try:
        born = date.fromisoformat(context.keys.open(OrderId(proven.proof), BORN, sealed).decode())
    except KeyDestroyed:
        return None
    return datetime.combine(end_of(born, age), time(0), UTC)


def attested(proof: str) -> str:
    """How an order says that it stands on a guardian's word."""
    return f"{BY_GUARDIAN}{proof}"


def require_order(context: Context, kind: OrderKind, people: Sequence[Person], attested: str) -> None:
    """Before somebody's order to erase is received: nobody in it is in dispute, and the guardian on whose word it stands has authority.

    What a withdrawal owes is received all the same, and waits for the end of a dispute before it is carried out.

    Raises UsageError for a proof without authority over everybody in it, NeedsApproval during a dispute.
    """
    if kind is not OrderKind.ERASURE:
        return
    consents = load(context)
    require_no_dispute(context, people)
    for each in people if attested.startswith(BY_GUARDIAN) else ():
        why = lacks(consents, each.subject, attested.removeprefix(BY_GUARDIAN), context.clock.now())
        if why is not None:
            message = f"the proof gives no authority: {why}"
            raise UsageError(message, help="`expunge guardian list NAME` shows the proofs that are in force")


def require_no_dispute(context: Context, people: Sequence[Person]) -> None:
    """Raise NeedsApproval while guardians of somebody among these people are in dispute."""
    consents = load(context)
    names = {consents.of(name) for person in people for name in names_of(context, person)} if consents.frozen else set()
    if names & consents.frozen.keys():
        message = "guardians of somebody in it are in dispute: neither side sees or orders anything"
        raise NeedsApproval(message, help="`expunge guardian release NAME --by NAME --reason ...`, once it is settled")
