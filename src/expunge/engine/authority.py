"""Who decides for whom, as far as orders and exports must know it: the register of consents with birthdays, and what a dispute stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import cast, get_args

from expunge.core import consent_events as ce
from expunge.core.consent import Consents, fold
from expunge.core.consent_rules import lacks
from expunge.core.ids import OrderId
from expunge.core.order import OrderKind
from expunge.core.person import Person
from expunge.core.retention import end_of
from expunge.engine.context import Context
from expunge.engine.locating import names_of
from expunge.engine.recording import CONSENTS, read_register
from expunge.errors import KeyDestroyed, NeedsApproval, UsageError

BORN = "born.sealed"
BY_GUARDIAN = "guardian "
"""How the word begins on which an order stands that a guardian asked for; the proof's id follows."""
SPOKEN_FOR = frozenset({OrderKind.ERASURE, OrderKind.WITHDRAWAL})
"""Orders that somebody wants; the others stand on a rule, and a dispute between guardians does not hold them up."""


def load(context: Context) -> Consents:
    """The register ``consents``, folded with the map as it is now."""
    events = read_register(context.journal, CONSENTS)
    empty = Consents(context.data_map.purposes, context.data_map.texts, birthdays(context))
    return fold(empty, (cast("ce.ConsentEvent", each) for each in events if isinstance(each, get_args(ce.ConsentEvent))))


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
