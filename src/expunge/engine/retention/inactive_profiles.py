"""Inactive profiles: found by their last write, told about, kept or given up, then erased by an order.

The register decides every race. Each change is appended only behind the state that was read (compare and append), so a request to keep a
profile and a request to give it up cannot both succeed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from expunge.core.datamap.clocks import ClockState
from expunge.core.datamap.datamap import ByField, IdentitySpec
from expunge.core.retention.inactivity import (
    ASKED,
    IdleFlagged,
    IdleGivenUp,
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
from expunge.core.values.order import OrderKind
from expunge.core.values.periods import Period
from expunge.engine.intake import person_orders
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import IDLE, Recorder, read_register, register, register_behind
from expunge.engine.recipients import deadlines
from expunge.engine.subjects import resolving
from expunge.errors import UsageError

_UNUSED = "Nobody has used this profile for a long time. It will be erased with everything in it unless you keep it or use it again."


@dataclass(frozen=True)
class LastUse:
    """The time at which a profile was last used."""

    kind: str
    value: str = field(repr=False)
    subject: Pseudonym
    last: datetime
    source: str
    """The dataset that says so."""


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
    for identity in context.data_map.identities.values():
        if not identity.last_used:
            continue
        try:
            seen.update({use.subject: use for use in last_uses(context, identity)})
        except store_calls.TROUBLE as error:
            unable = store_calls.as_unable(error)
            could_not.append(f"{identity.kind}: {unable.detail or unable.reason.value}")
    flagged, used = _flag(context, seen), _take_back(context, seen)
    _give_up(context, seen)
    known = states(context)
    return InactivityWatch(
        len(seen),
        tuple(known[each] for each in flagged),
        tuple(known[each] for each in used),
        tuple(_orders(context, seen)),
        tuple(could_not),
        {each: f"{seen[each].kind}:{seen[each].value}" for each in flagged},
    )


def last_uses(context: Context, identity: IdentitySpec) -> Iterator[LastUse]:
    """Yield the last use of every identifier of a kind, over all datasets that tell it."""
    key = context.keys.pseudonym_key()
    last: dict[str, tuple[datetime, str]] = {}
    for name, when in identity.last_used.items():
        dataset = context.data_map.datasets[name]
        by = identity.key if name == identity.dataset else ""
        if isinstance(dataset.subject, ByField):
            by = dataset.subject.fields.get(identity.kind, by)
        for span in store_calls.spans(context.open_store(dataset.store), dataset, by, when):
            if span.last is not None and (span.value not in last or span.last > last[span.value][0]):
                last[span.value] = span.last, name
    for values in spelt_names.together(context.data_map, identity.kind, last):
        # Why the newest of all spellings: whoever used it under any of them used it.
        value = max(sorted(values), key=lambda spelling: last[spelling][0])
        yield LastUse(identity.kind, value, spelt_names.name_of(context.data_map, key, identity.kind, value), *last[value])


def _flag(context: Context, seen: dict[Pseudonym, LastUse]) -> list[Pseudonym]:
    now = context.clock.now()

    def decide(known: dict[Pseudonym, InactiveProfile]) -> list[IdleFlagged]:
        return [
            IdleFlagged(now, each.kind, each.subject, each.last, each.source)
            for each in seen.values()
            if (state := known.get(each.subject)) is None or state.state in {IdleState.KEPT, IdleState.USED}
            if (period := _period(context, each.kind)) is not None and is_unused(each.last, state, period, now)
        ]

    # Told before it is written down: a crash between lets somebody be told twice, never not at all.
    until = {"until": (now + ASKED).date().isoformat()}
    context.outbox.put_all([(OrderId(f"unused-{each.subject}-{now:%Y%m%d}"), "unused", _UNUSED, until) for each in decide(states(context))])
    done = register_behind(context.journal, IDLE, lambda events: decide(fold_idle(events)))
    return [each.subject for each in done if isinstance(each, IdleFlagged)]


def _period(context: Context, kind: str) -> Period | None:
    return watched_for(context.data_map, context.data_map.identities[kind])


def _take_back(context: Context, seen: dict[Pseudonym, LastUse]) -> list[Pseudonym]:
    """Those that were used since they were flagged."""
    now = context.clock.now()

    def decide(known: dict[Pseudonym, InactiveProfile]) -> list[IdleUsed]:
        return [
            IdleUsed(now, each.subject, seen[each.subject].last)
            for each in known.values()
            if each.open and each.subject in seen and seen[each.subject].last > each.last_used
        ]

    return [
        each.subject
        for each in register_behind(context.journal, IDLE, lambda events: decide(fold_idle(events)))
        if isinstance(each, IdleUsed)
    ]


def _give_up(context: Context, seen: dict[Pseudonym, LastUse]) -> None:
    """Those whom nobody kept in time. Only of kinds that could be looked at now: a use that nobody could see would be overlooked."""
    now = context.clock.now()

    def decide(known: dict[Pseudonym, InactiveProfile]) -> list[IdleGivenUp]:
        late = [each for each in known.values() if each.open and now >= each.asked_until() and each.subject in seen]
        return [IdleGivenUp(now, each.subject) for each in late]

    # commit point: from here on it goes; who comes to keep it now is told so.
    register_behind(context.journal, IDLE, lambda events: decide(fold_idle(events)))


def _orders(context: Context, seen: dict[Pseudonym, LastUse]) -> Iterator[OrderId]:
    """An order for each profile that was given up; one for which none was received before a crash gets it now."""
    for idle in states(context).values():
        if idle.state is not IdleState.GIVEN_UP or idle.subject not in seen:
            continue
        used = seen[idle.subject]
        person = resolving.resolve(context, f"{used.kind}:{used.value}", several=True)
        request = person_orders.OrderRequest((person,), "schedule", ByInactivity(used.kind), kind=OrderKind.INACTIVITY)
        order = person_orders.receive(context, request).order
        register(context.journal, IDLE, IdleOrdered(context.clock.now(), idle.subject, order))
        yield order


def keep(context: Context, subject: Pseudonym, by: str) -> InactiveProfile:
    """Keep a flagged profile. Raises UsageError when it is not flagged, or was given up before."""
    if not by.strip():
        message = "somebody keeps it: say who"
        raise UsageError(message, help="--by 'the parent, by phone': a role or a case number, no identifier")

    def decide(known: dict[Pseudonym, InactiveProfile]) -> Sequence[IdleKept]:
        state = known.get(subject)
        if state is None or not state.open:
            message = "the profile is not flagged" if state is None else f"the profile is {state.state.value}"
            raise UsageError(message, help="only a flagged profile can be kept; `expunge retention inactive` shows them")
        return [IdleKept(context.clock.now(), subject, by)]

    register_behind(context.journal, IDLE, lambda events: decide(fold_idle(events)))
    return states(context)[subject]


def owed(context: Context) -> tuple[deadlines.Deadline, ...]:
    """Return the deadline for each flagged profile to be gone: by the clock rules of the map, and by the rule that flags it."""
    now = context.clock.now()
    found: list[deadlines.Deadline] = []
    for state in states(context).values():
        if state.state in {IdleState.KEPT, IdleState.USED} or (state.order is not None and _over(context, state.order)):
            continue
        what = f"unused {state.kind} {state.subject}"
        found += deadlines.owed(context, what, "inactive profile", {"flagged": state.flagged, "last used": state.last_used})
        standing = ClockState.OVERDUE if now >= state.gone_by() else ClockState.RUNNING
        duty = "erase it, unless it is kept or used again"
        found.append(deadlines.Deadline(what, duty, "unused", "the map's `inactive_after`", state.gone_by(), standing, state.state.value))
    return tuple(found)


def _over(context: Context, order: OrderId) -> bool:
    return Recorder(context.journal, context.clock, order).run.final
