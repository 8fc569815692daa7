"""Inactive profiles: found by their last use, told about, kept or given up, then erased by an order.

The register decides every race. Each change is appended only behind the state that was read (compare and append), so a request to keep a
profile and a request to give it up cannot both succeed. Whoever keeps a profile, or uses it, after it was given up is heard as long as
nothing of it was erased: the order is cancelled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC

from expunge.core.datamap.clocks import ClockState
from expunge.core.orders.run import Run
from expunge.core.retention.inactivity import (
    ASKED,
    SPARED,
    IdleFlagged,
    IdleGivenUp,
    IdleGone,
    IdleKept,
    IdleOrdered,
    IdleState,
    IdleUsed,
    InactiveProfile,
    fold_idle,
    is_unused,
    watched_for,
)
from expunge.core.values.cause import ByInactivity
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.periods import Period
from expunge.engine.intake import cancelling, person_orders
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import IDLE, Recorder, read_register, register, register_behind
from expunge.engine.recipients import deadlines
from expunge.engine.retention import last_uses
from expunge.engine.retention.last_uses import LastUse
from expunge.engine.subjects import resolving
from expunge.errors import UsageError

_UNUSED = "Nobody has used this profile for a long time. It will be erased with everything in it unless you keep it or use it again."
_USED_AGAIN, _KEPT = "the profile was used again before anything was erased", "the profile was kept before anything was erased"
_CANCELLABLE = frozenset({OrderState.RECEIVED, OrderState.FENCED, OrderState.PLANNED, OrderState.APPROVED})
_UNDECIDED = frozenset({IdleState.FLAGGED, IdleState.GIVEN_UP, IdleState.ORDERED})
_MAY_BE_FLAGGED = SPARED | {IdleState.GONE}


@dataclass(frozen=True)
class InactivityWatch:
    """The findings and actions of one look."""

    evaluated: int
    """Profiles whose last use could be told."""
    flagged: tuple[InactiveProfile, ...] = ()
    used: tuple[InactiveProfile, ...] = ()
    """Flagged before, used again since."""
    orders: tuple[OrderId, ...] = ()
    """To be planned and applied: for profiles that nobody kept in time."""
    could_not: tuple[str, ...] = ()
    """Datasets that could not be asked: nobody is flagged or given up of the kinds whose use they would tell."""
    named: dict[Pseudonym, str] = field(default_factory=dict, repr=False)
    """``kind:value`` of those flagged: for the operator, who tells the parents."""


def states(context: Context) -> dict[Pseudonym, InactiveProfile]:
    """Return every profile that was ever flagged, as it stands."""
    return fold_idle(read_register(context.journal, IDLE))


def watch(context: Context) -> InactivityWatch:
    """Look at every kind of profile that the map watches: flag, take back, give up, and receive the orders of those given up.

    A person who comes of age meanwhile is watched all the same: only the last use counts.
    """
    could_not: list[str] = []
    seen: dict[Pseudonym, LastUse] = {}
    asked: set[str] = set()
    for identity in context.data_map.identities.values():
        if not identity.last_used:
            continue
        try:
            seen.update({use.subject: use for use in last_uses.note(context, identity)})
            seen.update({use.subject: use for use in _elsewhere(context, identity.kind, seen)})
        except store_calls.TROUBLE as error:
            unable = store_calls.as_unable(error)
            could_not.append(f"{identity.kind}: {unable.detail or unable.reason.value}")
        else:
            asked.add(identity.kind)
    flagged, used = _flag(context, seen), _take_back(context, seen)
    _give_up(context, seen)
    _close(context, seen, asked)
    known = states(context)
    return InactivityWatch(
        len(seen),
        tuple(known[each] for each in flagged),
        tuple(known[each] for each in used),
        tuple(_orders(context, seen)),
        tuple(could_not),
        {each: f"{seen[each].kind}:{seen[each].value}" for each in flagged},
    )


def _elsewhere(context: Context, kind: str, seen: Mapping[Pseudonym, LastUse]) -> list[LastUse]:
    """Flagged profiles that no dataset lists and none tells a use of, found by their identifiers in any other dataset."""
    known = states(context)
    wanted = {each.subject for each in known.values() if each.kind == kind and each.subject not in seen and each.state in _UNDECIDED}
    found = last_uses.find(context, kind, wanted) if wanted else {}
    return [LastUse(kind, value, subject, known[subject].last_used, known[subject].source) for subject, value in found.items()]


def _flag(context: Context, seen: Mapping[Pseudonym, LastUse]) -> list[Pseudonym]:
    now = context.clock.now()

    def decide(known: dict[Pseudonym, InactiveProfile]) -> list[IdleFlagged]:
        return [
            IdleFlagged(now, each.kind, each.subject, each.last, each.source)
            for each in seen.values()
            if (state := known.get(each.subject)) is None or state.state in _MAY_BE_FLAGGED
            if (period := _period(context, each.kind)) is not None and is_unused(each.last, state, period, now)
        ]

    # Told before it is written down: a crash between lets somebody be told twice, never not at all.
    until = {"until": (now + ASKED).date().isoformat()}
    context.outbox.put_all([(OrderId(f"unused-{each.subject}-{now:%Y%m%d}"), "unused", _UNUSED, until) for each in decide(states(context))])
    done = register_behind(context.journal, IDLE, lambda events: decide(fold_idle(events)))
    return [each.subject for each in done if isinstance(each, IdleFlagged)]


def _period(context: Context, kind: str) -> Period | None:
    return watched_for(context.data_map, context.data_map.identities[kind])


def _take_back(context: Context, seen: Mapping[Pseudonym, LastUse]) -> list[Pseudonym]:
    """Those that were used since they were flagged, as long as nothing of them was erased."""
    back = {each.subject for each in states(context).values() if _used_since(each, seen) and _withdraw(context, each, _USED_AGAIN)}
    now = context.clock.now()

    def decide(known: dict[Pseudonym, InactiveProfile]) -> list[IdleUsed]:
        return [
            IdleUsed(now, each.subject, seen[each.subject].last)
            for each in known.values()
            if each.subject in back and _used_since(each, seen)
        ]

    return [
        each.subject
        for each in register_behind(context.journal, IDLE, lambda events: decide(fold_idle(events)))
        if isinstance(each, IdleUsed)
    ]


def _used_since(state: InactiveProfile, seen: Mapping[Pseudonym, LastUse]) -> bool:
    """Whether it was used on a later day than the one that it was flagged for: noted uses have no time of day."""
    if state.state not in _UNDECIDED or state.subject not in seen:
        return False
    return seen[state.subject].last.astimezone(UTC).date() > state.last_used.astimezone(UTC).date()


def _withdraw(context: Context, state: InactiveProfile, why: str) -> bool:
    """Cancel the order for a profile. Return False where it erases already, or has."""
    if state.order is None:
        return True
    run = Recorder(context.journal, context.clock, state.order).run
    if run.state is OrderState.CANCELLED:
        return True
    if run.state not in _CANCELLABLE or not run.erased_nothing:
        return False
    cancelling.cancel(context, state.order, why)
    return True


def _give_up(context: Context, seen: Mapping[Pseudonym, LastUse]) -> None:
    """Those whom nobody kept in time. Only of kinds that could be looked at now: a use that nobody could see would be overlooked."""
    now = context.clock.now()

    def decide(known: dict[Pseudonym, InactiveProfile]) -> list[IdleGivenUp]:
        late = [each for each in known.values() if each.open and now >= each.asked_until() and each.subject in seen]
        return [IdleGivenUp(now, each.subject) for each in late]

    # commit point: from here on it goes, unless it is kept or used before anything of it was erased.
    register_behind(context.journal, IDLE, lambda events: decide(fold_idle(events)))


def _close(context: Context, seen: Mapping[Pseudonym, LastUse], asked: set[str]) -> None:
    """Those of which nothing is left, whoever erased it. Only of kinds that could be looked for everywhere."""
    now = context.clock.now()

    def decide(known: dict[Pseudonym, InactiveProfile]) -> list[IdleGone]:
        gone = [each for each in known.values() if each.state in _UNDECIDED and each.kind in asked and each.subject not in seen]
        return [IdleGone(now, each.subject) for each in gone if each.order is None or not _under_way(context, each.order)]

    register_behind(context.journal, IDLE, lambda events: decide(fold_idle(events)))


def _under_way(context: Context, order: OrderId) -> bool:
    run = Recorder(context.journal, context.clock, order).run
    return not run.final and run.state is not OrderState.CANCELLED


def _orders(context: Context, seen: Mapping[Pseudonym, LastUse]) -> Iterator[OrderId]:
    """An order for each profile that was given up, also where a crash came before the order, or the order was cancelled."""
    for idle in states(context).values():
        if idle.subject not in seen or not _to_be_ordered(context, idle):
            continue
        used = seen[idle.subject]
        person = resolving.resolve(context, f"{used.kind}:{used.value}", several=True)
        request = person_orders.OrderRequest((person,), "schedule", ByInactivity(used.kind), kind=OrderKind.INACTIVITY)
        with context.journal.changing():
            # Why again: a profile may be kept beside a look, after it was given up.
            if not _to_be_ordered(context, states(context)[idle.subject]):
                continue
            order = person_orders.receive(context, request).order
            register(context.journal, IDLE, IdleOrdered(context.clock.now(), idle.subject, order))
        yield order


def _to_be_ordered(context: Context, idle: InactiveProfile) -> bool:
    if idle.state not in {IdleState.GIVEN_UP, IdleState.ORDERED}:
        return False
    return idle.order is None or Recorder(context.journal, context.clock, idle.order).run.state is OrderState.CANCELLED


def keep(context: Context, subject: Pseudonym, by: str, *, late: bool = False) -> InactiveProfile:
    """Keep a flagged profile.

    Args:
        context: the composition.
        subject: the profile.
        by: who asked for it.
        late: also one that was given up, as long as nothing of it was erased: its order is cancelled. Only with the right to change.

    Raises UsageError when it is not flagged, or was given up or erased before.
    """
    if not by.strip():
        message = "somebody keeps it: say who"
        raise UsageError(message, help="--by 'the parent, by phone': a role or a case number, no identifier")
    state = states(context).get(subject)
    may = late and state is not None and state.state in _UNDECIDED and _withdraw(context, state, _KEPT)

    def decide(known: dict[Pseudonym, InactiveProfile]) -> Sequence[IdleKept]:
        state = known.get(subject)
        if state is None or not (state.open or may):
            message = "the profile is not flagged" if state is None else f"the profile is {state.state.value}"
            raise UsageError(message, help="only a flagged profile can be kept; `expunge retention inactive` shows them")
        return [IdleKept(context.clock.now(), subject, by)]

    register_behind(context.journal, IDLE, lambda events: decide(fold_idle(events)))
    return states(context)[subject]


def spare(context: Context, runs: Sequence[Run]) -> tuple[OrderId, ...]:
    """Cancel those of some orders that are about to erase a profile which was kept or used again meanwhile. Return them.

    Raises as the stores do: a use that nobody could see would be overlooked.
    """
    waiting = {run.order for run in runs if run.received.kind is OrderKind.INACTIVITY and run.state in _CANCELLABLE and run.erased_nothing}
    meant = [each for each in states(context).values() if each.order in waiting] if waiting else []
    kinds = {each.kind for each in meant} & context.data_map.identities.keys()
    seen = {use.subject: use for kind in sorted(kinds) for use in last_uses.last_uses(context, context.data_map.identities[kind])}
    back = _take_back(context, {each.subject: seen[each.subject] for each in meant if each.subject in seen})
    kept = [each for each in meant if each.state in SPARED and _withdraw(context, each, _KEPT)]
    return tuple(each.order for each in meant if each.order is not None and (each.subject in back or each in kept))


def owed(context: Context) -> tuple[deadlines.Deadline, ...]:
    """Return the deadline for each flagged profile to be gone: by the clock rules of the map, and by the rule that flags it."""
    now = context.clock.now()
    found: list[deadlines.Deadline] = []
    for state in states(context).values():
        if state.state in _MAY_BE_FLAGGED or (state.order is not None and _over(context, state.order)):
            continue
        what = f"unused {state.kind} {state.subject}"
        found += deadlines.owed(context, what, "inactive profile", {"flagged": state.flagged, "last used": state.last_used})
        standing = ClockState.OVERDUE if now >= state.gone_by() else ClockState.RUNNING
        duty = "erase it, unless it is kept or used again"
        found.append(deadlines.Deadline(what, duty, "unused", "the map's `inactive_after`", state.gone_by(), standing, state.state.value))
    return tuple(found)


def _over(context: Context, order: OrderId) -> bool:
    return Recorder(context.journal, context.clock, order).run.final
