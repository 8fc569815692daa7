"""Carry out retention: the age of every dataset, its expired items, and one order of expiry for them.

The order goes the way of every order: plan, approval where the map asks for one, erase, scan, receipt. Its scope names the schedules and
the moments before which they take. Items under a hold stay: the first order that meets them says so in its receipt and ends in part, and
later ones leave them to it. Items found through expired items go with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from expunge.core.datamap.person import Person
from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.retention.age_histogram import Ages
from expunge.core.retention.retention_rules import (
    DatasetAge,
    RetentionRule,
    changed,
    cut_off,
    edges,
    following,
    found_through,
    learnt_from,
    rules,
)
from expunge.core.values.cause import ByRetention
from expunge.core.values.copy import Selector
from expunge.core.values.hold import Hold
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Unable
from expunge.core.values.periods import Period
from expunge.core.values.scope import Scope, Window
from expunge.engine.intake import class_orders
from expunge.engine.intake.person_orders import Accepted
from expunge.engine.kernel import journal_streams, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.retention import last_uses
from expunge.engine.subjects import hold_register, locating
from expunge.errors import UsageError

MOST = 500_000
"""Items of one dataset that one order takes: its memory grows with them."""
_STEPS, _ROUNDS = 32, 4


def preview(context: Context, proposed: Mapping[str, Period] | None = None) -> tuple[DatasetAge, ...]:
    """Return the age of every dataset's items, those that have outlived their period now, and those that would have with other periods.

    Raises UsageError for a schedule that the map does not have.
    """
    wanted = proposed or {}
    unknown = sorted(wanted.keys() - context.data_map.retention.keys())
    if unknown:
        message = f"the map has no retention {', '.join(unknown)}"
        raise UsageError(message, help=f"it has {', '.join(sorted(context.data_map.retention))}")
    now = context.clock.now()
    return tuple(_aged(context, rule, changed(rule, wanted), now) for rule in rules(context.data_map))


def _aged(context: Context, rule: RetentionRule, other: RetentionRule, now: datetime) -> DatasetAge:
    found = DatasetAge(rule, now, edges(now, (rule, other)), None, None if other == rule else other)
    if rule.goes_with:
        return found
    try:
        return replace(found, ages=_ages(context, rule, found.edges))
    except store_calls.TROUBLE as error:
        return replace(found, trouble=_why(store_calls.as_unable(error)))


def _ages(context: Context, rule: RetentionRule, moments: Sequence[datetime]) -> Ages:
    dataset = context.data_map.datasets[rule.dataset]
    return store_calls.ages(context.open_store(dataset.store), dataset, rule.field, moments)


def _why(unable: Unable) -> str:
    return unable.detail or unable.reason.value


# --- carrying out -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExpiryDue:
    """The items that one order of expiry is about to take from one dataset."""

    rule: RetentionRule
    until: datetime
    items: int
    left: int = 0
    """Items that have outlived the period as well and wait for the next run, because one order takes no more."""


@dataclass(frozen=True)
class HeldItems:
    """Items of a dataset that outlived their period and stay under a hold."""

    dataset: str
    items: int
    until: datetime | None
    """When the last of the holds ends."""


@dataclass(frozen=True)
class ExpiryRun:
    """The findings of a run."""

    orders: tuple[OrderId, ...]
    """To be planned and applied: those that an earlier run left open, else what is due now."""
    due: tuple[ExpiryDue, ...] = ()
    resumed: bool = False
    left_out: Mapping[str, str] | None = None
    """Dataset -> why nothing was taken from it."""
    held: tuple[HeldItems, ...] = ()
    """What outlived its period and stays under a hold, as the receipt of an earlier order says."""
    staying: tuple[str, ...] = ()
    """Datasets that were made from what goes and that stay as they are: what they learnt from it is in them until they are made anew."""
    own: int = 0
    """The last so many of the orders are about one person each, by a keeping time that the family chose."""
    own_left_out: int = 0
    """People with a keeping time of their own of whom nothing was taken: a store could not be asked, or guardians are in dispute."""


def unfinished(context: Context) -> tuple[OrderId, ...]:
    """Orders of expiry that were received and have not come to their end."""
    return tuple(expiry.order for expiry in expiries(context) if not expiry.final and expiry.ended_at is None)


def expiries(context: Context) -> Iterator[Run]:
    """Yield every order of expiry, oldest first; of all others only the first event is read."""
    for order in journal_streams.orders(context.journal):
        first = ev.decode(next(iter(context.journal.read(order))))
        if isinstance(first, ev.Received) and first.kind is OrderKind.EXPIRY:
            yield journal_streams.Recorder(context.journal, context.clock, order).run


def retire(context: Context, *, most: int = MOST, requester: str = "") -> ExpiryRun:
    """Receive an order for items that have outlived their period. Orders that were left open come first.

    Datasets that are found through others go with those; one with a shorter period of its own gets an order of its own, for it cannot be
    reached in two ways by one.
    """
    waiting = unfinished(context)
    if waiting:
        return ExpiryRun(waiting, resumed=True)
    now = context.clock.now()
    found: list[ExpiryDue] = []
    left_out: dict[str, str] = {}
    for rule in rules(context.data_map):
        if rule.goes_with:
            continue
        try:
            due = _due(context, rule, now, most)
        except store_calls.TROUBLE as error:
            left_out[rule.dataset] = _why(store_calls.as_unable(error))
            continue
        if due.items:
            found.append(due)
    free, held, doubtful = _free_of_holds(context, found, most)
    left_out |= dict.fromkeys(doubtful, _DOUBTFUL)
    last_uses.note_expiring(context, {each.rule.dataset: each.until for each in free})
    orders = [_order(context, group, requester, answered=bool(held)).order for group in groups(context, free)]
    return ExpiryRun(tuple(orders), tuple(free), left_out=left_out, staying=_staying(context, free), held=held)


def _staying(context: Context, found: Sequence[ExpiryDue]) -> tuple[str, ...]:
    going = following(context.data_map, found_through(context.data_map, (each.rule.dataset for each in found)))
    return tuple(sorted(learnt_from(context.data_map, going)))


def _due(context: Context, rule: RetentionRule, now: datetime, most: int) -> ExpiryDue:
    """What has outlived the period, or of that the oldest, if it is more than one order takes."""
    until = cut_off(now, rule.period)
    ages = _ages(context, rule, (until,))
    total = ages.items[0]
    if total <= most:
        return ExpiryDue(rule, until, total)
    low, high, taken = until - timedelta(days=200 * 365), until, 0
    for _ in range(_ROUNDS):
        moments = [low + (high - low) * step / _STEPS for step in range(1, _STEPS)]
        counts = _ages(context, rule, moments).items
        before = [sum(counts[: at + 1]) for at in range(len(moments))]
        fits = [at for at, items in enumerate(before) if items <= most]
        if fits:
            low, taken = moments[fits[-1]], before[fits[-1]]
        if not fits or fits[-1] + 1 < len(moments):
            high = moments[fits[-1] + 1 if fits else 0]
    if not taken:
        # More than one order takes lies within minutes of one another: then that is what one order takes.
        low, taken = high, _ages(context, rule, (high,)).items[0]
    return ExpiryDue(rule, low, taken, total - taken)


def groups(context: Context, found: Sequence[ExpiryDue]) -> list[list[ExpiryDue]]:
    """Return what is due in groups that one order each can be about: no dataset of a group is found through another of it."""
    parts: list[list[ExpiryDue]] = []
    left = list(found)
    while left:
        names = {each.rule.dataset for each in left}
        led = {name for name in names if found_through(context.data_map, names - {name}) & {name}}
        first = [each for each in left if each.rule.dataset not in led]
        parts.append(first or left)
        left = [each for each in left if each not in parts[-1]]
    return parts


def _order(context: Context, found: Sequence[ExpiryDue], requester: str, *, answered: bool) -> Accepted:
    names = [each.rule.dataset for each in found]
    said = [
        f"{each.rule.schedule}: {each.rule.period} from {each.rule.field}, before {each.until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} in "
        f"{each.rule.dataset}"
        for each in found
    ]
    said += [hold_register.HELD_ELSEWHERE] if answered else []
    going = following(context.data_map, found_through(context.data_map, names))
    scope = Scope(f"retention {'; '.join(said)}", tuple(sorted(going)), figures={"due": _total(found)})
    selectors = {each.rule.dataset: _selector(each) for each in found}
    cause = ByRetention(tuple(sorted({due.rule.schedule for due in found})))
    return class_orders.receive_class(context, OrderKind.EXPIRY, scope, selectors, cause=cause, requester=requester)


def _selector(due: ExpiryDue, subject: Pseudonym = Pseudonym("")) -> Selector:  # noqa: B008 - a name is immutable
    return Selector(subject, {}, every=True, where=Window(due.rule.field, until=due.until))


def _total(found: Iterable[ExpiryDue]) -> int:
    return sum(each.items for each in found)


# --- holds -----------------------------------------------------------------------------------------------


def free_of_holds(context: Context, found: Sequence[ExpiryDue]) -> tuple[ExpiryDue, ...]:
    """Return what is due less what stays under holds, whether a receipt names that already or not."""
    if not hold_register.active(context):
        return tuple(found)
    free, _, _ = _free_of_holds(context, found, MOST)
    return tuple(each for each in free if each.items)


def _free_of_holds(
    context: Context, found: Sequence[ExpiryDue], most: int
) -> tuple[list[ExpiryDue], tuple[HeldItems, ...], frozenset[str]]:
    """What is due less what holds keep and an earlier order answers for; what these keep; and datasets left out.

    Left out is a dataset in which items are held of a person whom nobody knows any more and no tag tells which. An order whose items all
    stay is made once, so that a receipt names them.
    """
    holds = hold_register.active(context)
    doubtful = locating.nameless(context, holds, locating.held_people(context, holds)) if holds else frozenset[str]()
    answered = hold_register.answered_before(context) if holds else frozenset[str]()
    free: list[ExpiryDue] = []
    held: list[HeldItems] = []
    for due in found:
        name = due.rule.dataset
        if name in doubtful:
            continue
        if not any(locating.leading(context, each.dataset) == locating.leading(context, name) for each in holds):
            free.append(due)
            continue
        goes, listed, told = _less_held(context, due, holds, answered)
        if told and due.left and not goes:
            # Why again: the oldest are all held, and what waits behind them is not.
            due = _due(context, due.rule, context.clock.now(), most + told)  # noqa: PLW2901 - a wider look at the same
            goes, listed, told = _less_held(context, due, holds, answered)
        if told:
            until = max((each.until for each in holds if each.id in answered), default=None)
            held.append(HeldItems(name, told, until))
        if goes or listed:
            free.append(replace(due, items=goes + listed))
    return free, tuple(held), doubtful & {each.rule.dataset for each in found}


def _less_held(context: Context, due: ExpiryDue, holds: Sequence[Hold], answered: frozenset[str]) -> tuple[int, int, int]:
    """How many of the items that are due go, how many stay under holds that no receipt names yet, and how many under others."""
    name, everything = due.rule.dataset, Person(locating.EVERYBODY, {}, {})
    known = {name: {everything.subject: _selector(due, everything.subject)}}
    scope = Scope("what is due", (name,))
    located = locating.locate(context, (everything,), holds, known, scope=scope, answered=answered)
    if name in located.failed:
        return due.items, 0, 0
    goes = sum(each.items for each in located.copies.get(name, ()))
    listed = sum(each.items for kept in located.kept.get(name, {}).values() for each in kept)
    return goes, listed, max(0, due.items - goes - listed)


_DOUBTFUL = "items are held there of a person who cannot be told from others any more: end the hold, or name items"
