"""Keeping times that a family chose: shown with what they remove, entered, and carried out by the daily run of retention.

A choice is a word in the register ``periods``. The run of retention makes an order of what outlived it for each person: with a window of
time in each dataset, a scope, and a receipt of its own. What outlived the map's period as well is left to the order of expiry. Items under
a hold stay, and no order is made for them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import ByField, Dataset, EraseAct, Through
from expunge.core.datamap.person import Person, selector
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.retention.own_periods import KindPeriod, OwnPeriod, OwnPeriodChosen, PeriodPreview, fold_own_periods
from expunge.core.retention.retention_rules import RetentionRule, cut_off, following, found_through, rules
from expunge.core.values.cause import ByOwnPeriod
from expunge.core.values.copy import Selector
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.core.values.periods import end_of
from expunge.core.values.scope import ItemScope, Window
from expunge.engine.execution.leaving_people import LeavingPeople
from expunge.engine.gate import consent_register
from expunge.engine.intake import cancelling, person_orders
from expunge.engine.kernel import journal_streams, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import PERIODS, Recorder, read_register, register_behind
from expunge.engine.retention import expiry, last_uses
from expunge.engine.retention.expiry import ExpiryDue
from expunge.engine.subjects import hold_register, locating, spellings
from expunge.engine.subjects.locating import LocatedCopies
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import CouldNotLook, NeedsApproval, UsageError

_CANCELLABLE = frozenset({OrderState.RECEIVED, OrderState.FENCED, OrderState.PLANNED, OrderState.APPROVED})


@dataclass(frozen=True)
class OwnPeriodRun:
    """What a run found for people with a keeping time of their own."""

    orders: tuple[OrderId, ...]
    """To be planned and applied: those that an earlier run left open, and new ones."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Pseudonym -> why nothing was taken."""


# --- choosing ---------------------------------------------------------------------------------------------


def chosen(context: Context) -> dict[Pseudonym, dict[DataKind, OwnPeriodChosen]]:
    """Return every choice that holds now."""
    return fold_own_periods(read_register(context.journal, PERIODS))


def chosen_for(context: Context, person: Person) -> Mapping[str, OwnPeriod]:
    """Return the keeping times of one person that are carried out: dataset -> time."""
    mine = chosen(context).get(person.subject, {})
    return {
        rule.dataset: each.period for kind, each in mine.items() if each.period is not None for rule in _rules_of(context, person, kind)
    }


def ends_on(day: date, rule: RetentionRule, own: OwnPeriod | None, today: date) -> date | None:
    """Return the day on which an item of that day goes by itself: by a family's own time where that is shorter, else by the map's.

    None past the year 9999.
    """
    if own is not None and own.shortens(rule.period):
        if own.period is None:
            return today
        return end_of(day, own.period)
    try:
        return end_of(day, rule.period)
    except OverflowError:
        return None


def offered(context: Context, person: Person) -> tuple[KindPeriod, ...]:
    """Return the kinds of data of a person that a keeping time can be chosen for, in the order in which people are told of kinds.

    A kind has at least one dataset whose items have an age of their own. Datasets that say who exists are left out: with their rows nobody
    could find the rest. Asks no store.
    """
    mine = chosen(context).get(person.subject, {})
    found = []
    for kind in DataKind:
        theirs = _rules_of(context, person, kind)
        if not theirs:
            continue
        longest = max((rule.period for rule in theirs), key=lambda each: each.nominal)
        names = tuple(rule.dataset for rule in theirs)
        others = found_through(context.data_map, names) - set(names)
        along = {kind_held(context.data_map, name) for name in others if name in _going(context, names)} - {kind}
        options = tuple(each for each in OwnPeriod if each.shortens(longest))
        found.append(KindPeriod(kind, names, longest, tuple(each for each in DataKind if each in along), options, mine.get(kind)))
    return tuple(found)


def preview(context: Context, person: Person, kind: DataKind, period: OwnPeriod) -> PeriodPreview:
    """Return what a keeping time removes now, without changing anything: the same look as the order's.

    Raises UsageError for a kind or a period that is not offered.
    """
    _require_offered(context, person, kind, period)
    now = context.clock.now()
    due = [ExpiryDue(rule, period.until(now), 0) for rule in _rules_of(context, person, kind) if period.shortens(rule.period)]
    items: dict[DataKind, int] = {}
    kept, failed = 0, set[DataKind]()
    ends: list[datetime] = []
    for group in expiry.groups(context, due):
        try:
            found = _find(context, person, group, {})
        except store_calls.TROUBLE:
            failed.add(kind)
            continue
        if found is None:
            continue
        located = _look(context, person, found)
        for name in found.scope.datasets:
            of = kind_held(context.data_map, name)
            if name in located.failed:
                failed.add(of)
                continue
            items[of] = items.get(of, 0) + sum(each.items for each in located.copies.get(name, ()))
            for each in (each for by in located.kept.get(name, {}).values() for each in by):
                if each.until is not None:
                    kept += each.items
                    ends.append(each.until)
    along = {each.value: items[each] for each in DataKind if items.get(each) and each is not kind}
    could_not = tuple(each for each in DataKind if each in failed)
    return PeriodPreview(kind, period, items.get(kind, 0), along, kept, max(ends, default=None), could_not)


def choose(context: Context, person: Person, kind: DataKind, period: OwnPeriod | None, account: str) -> bool:
    """Enter a keeping time, or with None that the map's period holds again. Return False where it was chosen already.

    An order by an earlier choice that has erased nothing yet is cancelled. Call it with the right to change.

    Raises UsageError for a kind or a period that is not offered, NeedsApproval while guardians are in dispute.
    """
    _require_offered(context, person, kind, period)
    consent_register.require_no_dispute(context, consent_register.load(context), [person])
    subject = person.subject

    def decide(events: list[ev.Event]) -> list[OwnPeriodChosen]:
        before = fold_own_periods(events).get(subject, {}).get(kind)
        if (before.period if before else None) is period:
            return []
        return [OwnPeriodChosen(context.clock.now(), subject, kind, period, account)]

    # commit point: from the next daily run on it goes by this.
    entered = register_behind(context.journal, PERIODS, decide)
    if entered:
        for run in _standing(context):
            if run.subjects == (subject,) and kind.value in _kinds(run) and run.state in _CANCELLABLE and run.erased_nothing:
                cancelling.cancel(context, run.order, "the family chose another keeping time before anything was erased")
    return bool(entered)


def _require_offered(context: Context, person: Person, kind: DataKind, period: OwnPeriod | None) -> None:
    known = next((each for each in offered(context, person) if each.kind is kind), None)
    if known is None:
        message = f"no keeping time can be chosen for {kind.value}"
        raise UsageError(message, help="choose one of the kinds on the page")
    if period is not None and period not in known.options:
        message = f"{period.value} is not shorter than {known.longest}, which is how long {kind.value} are kept at most"
        raise UsageError(message, help="choose a shorter one")


def _rules_of(context: Context, person: Person, kind: DataKind) -> tuple[RetentionRule, ...]:
    """The rules of the datasets of a kind that may hold items of a person, each with an age of its own."""
    homes = {each.dataset for each in context.data_map.identities.values()}
    return tuple(
        rule
        for rule in rules(context.data_map)
        if not rule.goes_with
        and rule.dataset not in homes
        and kind_held(context.data_map, rule.dataset) is kind
        and context.data_map.datasets[rule.dataset].on_erase.act is not EraseAct.KEEP
        and _may_be_about(context, context.data_map.datasets[rule.dataset], person)
    )


def _may_be_about(context: Context, dataset: Dataset, person: Person) -> bool:
    match dataset.subject:
        case ByField() as rule:
            return any(kind in person.ids for kind in rule.kinds)
        case Through() as rule:
            return any(_may_be_about(context, context.data_map.datasets[name], person) for name in rule.sources)
        case _:
            return False


# --- what goes --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """What has outlived a keeping time: how it is found, and how far the order reaches."""

    scope: ItemScope
    selectors: Mapping[str, Mapping[Pseudonym, Selector]] = field(repr=False)
    until: Mapping[str, datetime] = field(default_factory=dict)


def _find(context: Context, person: Person, group: Sequence[ExpiryDue], since: Mapping[str, datetime]) -> _Found | None:
    """What there is of a person that has outlived its time; None where nothing has. Raises as the stores do."""
    selectors: dict[str, dict[Pseudonym, Selector]] = {}
    roots: dict[str, int] = {}
    for each in group:
        name = each.rule.dataset
        dataset = context.data_map.datasets[name]
        asked = _asked(context, person, dataset)
        if asked is None:
            continue
        window = Window(each.rule.field, since.get(name), each.until)
        asked = spellings.widened(context, dataset, (replace(asked, where=window),))[0]
        items = sum(copy.items for copy in store_calls.locate(context.open_store(dataset.store), dataset, (asked,)))
        if items:
            selectors[name], roots[name] = {person.subject: asked}, items
    if not roots:
        return None
    taking = [each for each in group if each.rule.dataset in roots]
    said = (f"before {each.until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} in {each.rule.dataset}" for each in taking)
    kinds = ", ".join(_kinds_of(context, roots))
    scope = ItemScope(f"keeping time chosen by the family for {kinds}: {'; '.join(said)}", _going(context, list(roots)), roots=roots)
    return _Found(scope, selectors, {each.rule.dataset: each.until for each in taking})


def _asked(context: Context, person: Person, dataset: Dataset) -> Selector | None:
    if isinstance(dataset.subject, ByField):
        return selector(context.data_map, dataset, person, {})
    # Only what leads to its items says which are this person's.
    whole = locating.locate(context, (person,))
    if dataset.name in whole.failed:
        raise CouldNotLook(whole.failed[dataset.name].detail)
    return whole.selectors.get(dataset.name, {}).get(person.subject)


def _kinds_of(context: Context, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({kind_held(context.data_map, name).value for name in names}))


def _going(context: Context, names: Sequence[str]) -> tuple[str, ...]:
    """Datasets with whose items others go: all that are found through them alone, and what the map has follow them; sorted.

    What is found in several ways stays while one of them leads to something that stays. A model that can only forget whole people stays.
    """
    reached = set(names)
    while True:
        more = {
            each.name
            for each in context.data_map.datasets.values()
            if isinstance(each.subject, Through) and each.name not in reached and set(each.subject.sources) <= reached
        }
        if not more:
            acts = {name: context.data_map.datasets[name].on_erase.act for name in following(context.data_map, reached)}
            return tuple(sorted(name for name, act in acts.items() if act is not EraseAct.FORGET))
        reached |= more


def _look(context: Context, person: Person, found: _Found) -> LocatedCopies:
    """The same look as that of the order."""
    holds = hold_register.binding_on(context, [person], found.scope)
    return locating.locate(context, (person,), holds, found.selectors, scope=found.scope, leaving=LeavingPeople(context))


# --- carrying out -----------------------------------------------------------------------------------------


def retire(context: Context) -> OwnPeriodRun:
    """Receive an order for each person of whom something has outlived a keeping time of their own. Orders left open come first.

    Nobody's data is taken while the guardians are in dispute, and nothing of a dataset that could not be looked at.
    """
    waiting = {run.subjects: run.order for run in _standing(context) if not run.final and run.ended_at is None}
    wanted = {subject: mine for subject, mine in chosen(context).items() if (subject,) not in waiting}
    orders, left_out = list(waiting.values()), dict[str, str]()
    for subject, person in locating.people_behind(context, wanted.keys()):
        try:
            orders += _orders_of(context, person, wanted[subject])
        except NeedsApproval as error:
            left_out[subject] = error.message
        except store_calls.TROUBLE as error:
            unable = store_calls.as_unable(error)
            left_out[subject] = unable.detail or unable.reason.value
    return OwnPeriodRun(tuple(orders), left_out)


def _orders_of(context: Context, person: Person, mine: Mapping[DataKind, OwnPeriodChosen]) -> Iterator[OrderId]:
    now = context.clock.now()
    due, since = [], dict[str, datetime]()
    for kind, each in mine.items():
        assert each.period is not None
        for rule in _rules_of(context, person, kind):
            if each.period.shortens(rule.period):
                due.append(ExpiryDue(rule, each.period.until(now), 0))
                # What is older goes by the order of expiry.
                since[rule.dataset] = cut_off(now, rule.period)
    due = [each for each in due if since[each.rule.dataset] < each.until]
    for group in expiry.groups(context, due):
        found = _find(context, person, group, since)
        if found is None:
            continue
        located = _look(context, person, found)
        failed = [name for name in found.scope.roots if name in located.failed]
        if failed:
            raise CouldNotLook(located.failed[failed[0]].detail)
        if not any(copy.items for name in found.scope.roots for copy in located.copies.get(name, ())):
            # A hold keeps all of it: an order would say so every day.
            continue
        last_uses.note_expiring(context, found.until)
        resolved = (ResolvedName("", person, known=True),)
        cause = ByOwnPeriod(_kinds_of(context, found.scope.roots))
        request = person_orders.OrderRequest(resolved, "schedule", cause, selectors=found.selectors, scope=found.scope)
        with context.journal.changing():
            # Why again: the family may have chosen otherwise beside the look.
            if chosen(context).get(person.subject, {}) == mine:
                yield person_orders.receive(context, request).order


def _standing(context: Context) -> Iterator[Run]:
    """Every order by a family's own period, oldest first; of all others only the first event is read."""
    for order in journal_streams.orders(context.journal):
        first = ev.decode(next(iter(context.journal.read(order))))
        if isinstance(first, ev.Received) and isinstance(first.cause, ByOwnPeriod):
            yield Recorder(context.journal, context.clock, order).run


def _kinds(run: Run) -> tuple[str, ...]:
    cause = run.received.cause
    return cause.kinds if isinstance(cause, ByOwnPeriod) else ()
