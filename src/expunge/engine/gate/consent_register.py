"""The part of the register of consents that orders and exports need: guardians, birthdays, and the actions that a dispute stops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from threading import Lock
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from expunge.core.consent import consent_events as ce
from expunge.core.consent.consent import Consents
from expunge.core.consent.consent_events import ConsentEvent
from expunge.core.consent.consent_rules import lacks
from expunge.core.datamap.person import Person
from expunge.core.journal import events as ev
from expunge.core.journal.peek import peek, read_flat
from expunge.core.values.cause import ByGuardian, ByRule, ByWithdrawal, Cause, OnRequest, Reappeared, check_words
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderKind
from expunge.core.values.periods import Period, end_of
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS
from expunge.engine.subjects.locating import names_of
from expunge.errors import KeyDestroyed, NeedsApproval, UsageError
from expunge.ports.journal import Journal

BORN = "born.sealed"
OVER = frozenset({ce.EndReason.GREW_UP, ce.EndReason.ERASED, ce.EndReason.MISTAKEN})
"""Ends of an authority after which nobody needs the child's birthday."""
SPOKEN_FOR = frozenset({OrderKind.ERASURE, OrderKind.WITHDRAWAL})
"""Orders that somebody wants whatever their cause; of the other kinds those that people asked for: see :func:`is_wanted`."""


def load(context: Context) -> Consents:
    """Return the register ``consents``, folded with the map as it is now; to be read only.

    What was folded before in this process is gone on with.
    """
    with _LOCK:
        known = _FOLDED.setdefault(context.journal, _Folded())
        for data in context.journal.read(CONSENTS, known.length):
            event = _decoded(data)
            if isinstance(event, ConsentEvent):
                known.consents.apply(event)
            if isinstance(event, ce.GuardianEnded) and event.why in OVER:
                known.born.pop(event.proof, None)
            known.length += 1
        grows_up = _birthdays(context, known.born)
        return replace(known.consents, purposes=context.data_map.purposes, texts=context.data_map.texts, grows_up=grows_up)


@dataclass
class _Folded:
    """How far a register was folded."""

    consents: Consents = field(default_factory=lambda: Consents({}, {}))
    length: int = 0
    born: dict[str, date] = field(default_factory=dict, repr=False)
    """Proof -> birthday, of those that were unsealed."""


_FOLDED: WeakKeyDictionary[Journal, _Folded] = WeakKeyDictionary()
_LOCK = Lock()


def _decoded(data: bytes) -> ev.Event:
    """One event; those of which there are many by the short way."""
    kind = peek(data, ce.ConsentGiven, ce.ConsentWithdrawn)
    return ev.decode(data) if kind is None else read_flat(data, kind)


def _birthdays(context: Context, known: dict[str, date]) -> Callable[[ce.GuardianProven], datetime | None]:
    """When the child of a guardianship decides alone, by the map's rule as it is now; each birthday is unsealed once, when it matters."""

    def grows_up(proven: ce.GuardianProven) -> datetime | None:
        age = context.data_map.guardians.get(proven.kind)
        born = known.get(proven.proof) or _born(context, proven.proof)
        if age is None or born is None:
            return None
        known[proven.proof] = born
        return decides_alone(born, age, proven.zone)

    return grows_up


def decides_alone(born: date, age: Period, zone: str = "") -> datetime:
    """Return the instant from which a child decides alone: the beginning of that birthday where the child lives; UTC without a zone.

    Whoever was born on 29 February has the birthday on 1 March in other years: the year of life is over then, wherever one counts.
    """
    birthday = end_of(born, age)
    if (born.month, born.day) == (2, 29) and not age.days and (birthday.month, birthday.day) == (2, 28):
        birthday += timedelta(days=1)
    return datetime.combine(birthday, time(0), place(zone)).astimezone(UTC)


def place(zone: str) -> tzinfo:
    """Return a time zone by its name; UTC for none. Raises UsageError for a name that nobody gave to one."""
    try:
        return ZoneInfo(zone) if zone else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{zone!r} is no time zone"
        raise UsageError(message, help="name the one that the child lives in: America/Los_Angeles") from error


def birthday_of(born: date, zone: str = "") -> date:
    """Return a birthday that may come with a time: a time with an offset is a day where the child lives, one without is of its own day."""
    if not isinstance(born, datetime):
        return born
    try:
        return born.astimezone(place(zone)).date() if born.tzinfo else born.date()
    except OverflowError as error:
        message = "the birthday is not within the years 1 to 9999"
        raise UsageError(message, help="write it as 2017-05-04") from error


def _born(context: Context, proof: str) -> date | None:
    sealed = context.shelf.get(OrderId(proof), BORN)
    try:
        return date.fromisoformat(context.keys.open(OrderId(proof), BORN, sealed).decode()) if sealed is not None else None
    except KeyDestroyed:
        return None


def born_under(context: Context, proof: str) -> date | None:
    """Return the child's birthday that lies sealed under a proof; None once it was destroyed."""
    return _born(context, proof)


def is_wanted(kind: OrderKind, cause: Cause) -> bool:
    """Whether somebody wants an order. The others stand on a rule, and a dispute between guardians does not hold them up."""
    return kind in SPOKEN_FOR or isinstance(cause, OnRequest | ByGuardian)


def require_orders(context: Context, orders: Iterable[tuple[OrderKind, Sequence[Person], Cause]]) -> None:
    """Check the causes of orders before they are received: no person is in dispute, and a guardian who asked has authority.

    The order that a withdrawal causes is received all the same, and waits for the end of a dispute before it is carried out.

    Args:
        context: the composition.
        orders: of each its kind, its people and its cause.

    Raises UsageError for a proof without authority over all people of an order and for words that look like an authority, NeedsApproval
    during a dispute.
    """
    consents = load(context)
    for kind, people, cause in orders:
        if isinstance(cause, OnRequest | ByRule):
            check_words(cause.identified if isinstance(cause, OnRequest) else cause.rule)
        if is_wanted(kind, cause) and not isinstance(cause, ByWithdrawal | Reappeared):
            require_no_dispute(context, consents, people)
        if isinstance(cause, ByGuardian):
            _require_authority(context, consents, people, cause.proof)


def _require_authority(context: Context, consents: Consents, people: Sequence[Person], proof: str) -> None:
    """Raise UsageError unless a proof gives authority over each of these people now."""
    for person in people:
        why = lacks(consents, person.subject, proof, context.clock.now())
        if why is not None:
            message = f"the proof gives no authority: {why}"
            raise UsageError(message, help="`expunge guardian list NAME` shows the proofs that are in force")


def require_no_dispute(context: Context, consents: Consents, people: Sequence[Person]) -> None:
    """Raise NeedsApproval while guardians of any of these people are in dispute."""
    names = {consents.of(name) for person in people for name in names_of(context, person)} if consents.frozen else set()
    if names & consents.frozen.keys():
        message = "guardians of somebody in it are in dispute: neither side sees or orders anything"
        raise NeedsApproval(message, help="`expunge guardian release NAME --by NAME --reason ...`, once it is settled")
