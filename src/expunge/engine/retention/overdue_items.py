"""Which datasets hold items that have outlived their period: what a run of retention would take, and did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from expunge.core.datamap.clocks import ClockState
from expunge.core.retention.public_claims import LATE_DAYS
from expunge.core.retention.retention_rules import RetentionRule, cut_off, rules
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.recipients.deadlines import Deadline
from expunge.engine.retention import expiry
from expunge.engine.retention.expiry import ExpiryDue

_RUN = "`expunge retention run`"
_OVER = tuple(timedelta(days=days) for days in (3650, 1825, 1095, 730, 365, 180, 90, 60, 30, 14, 7, LATE_DAYS, 1))
"""How long over its period the oldest item is at least, as it is told."""


def owed(context: Context) -> tuple[Deadline, ...]:
    """Return a deadline for each dataset with items past their period, overdue once a nightly run would have taken them.

    Items that stay under a hold are none. What nobody has decided, and what cannot be looked at, is listed without a date. Only times are
    read, and counted in the store where it can count.
    """
    undecided = {guess.name for guess in context.data_map.guesses if guess.section == "retention"}
    ran = _last_run(context)
    found: list[Deadline] = [
        Deadline(
            f"retention {name}", "decide it: `expunge map review`", name, _SOURCE, None, ClockState.NOT_STARTED, "nobody has decided it"
        )
        for name in sorted(undecided)
    ]
    late: list[tuple[ExpiryDue, datetime]] = []
    now = context.clock.now()
    for rule in rules(context.data_map):
        if rule.goes_with or rule.schedule in undecided:
            continue
        try:
            late += _past(context, rule, now)
        except store_calls.TROUBLE as error:
            unable = store_calls.as_unable(error)
            why = f"its age cannot be told: {unable.detail or unable.reason.value}; {ran}"
            found.append(Deadline(f"data in {rule.dataset}", f"look: {_RUN}", rule.schedule, _SOURCE, None, ClockState.NOT_STARTED, why))
    found += _deadlines(context, late, ran) if late else ()
    return tuple(found)


_SOURCE = "the map's `retention`"


def _past(context: Context, rule: RetentionRule, now: datetime) -> Iterator[tuple[ExpiryDue, datetime]]:
    """What has outlived its period, with the time at which the oldest of it had done so at the latest."""
    dataset = context.data_map.datasets[rule.dataset]
    moments = sorted({*(cut_off(now - over, rule.period) for over in _OVER), cut_off(now, rule.period)})
    counts = store_calls.ages(context.open_store(dataset.store), dataset, rule.field, moments).items[: len(moments)]
    oldest = next((at for at, items in enumerate(counts) if items), None)
    if oldest is not None:
        over = next((each for each in _OVER if cut_off(now - each, rule.period) == moments[oldest]), timedelta())
        yield ExpiryDue(rule, moments[-1], sum(counts)), now - over


def _deadlines(context: Context, late: Sequence[tuple[ExpiryDue, datetime]], ran: str) -> Iterator[Deadline]:
    since = {each.rule.dataset: at for each, at in late}
    waiting = expiry.unfinished(context)
    mend = f"apply order {waiting[0]}" if waiting else _RUN
    now = context.clock.now()
    for due in expiry.free_of_holds(context, [each for each, _ in late]):
        at = since[due.rule.dataset] + timedelta(days=LATE_DAYS)
        over = (now - since[due.rule.dataset]).days
        items = f"{due.items} item{'s' if due.items > 1 else ''} past {due.rule.period} from {due.rule.field}"
        told = f"{items}, the oldest by {over} day{'s' if over > 1 else ''} at least" if over else items
        standing = ClockState.OVERDUE if over >= LATE_DAYS else ClockState.RUNNING
        yield Deadline(f"data in {due.rule.dataset}", f"erase it: {mend}", due.rule.schedule, _SOURCE, at, standing, f"{told}; {ran}")


def _last_run(context: Context) -> str:
    """When retention made an order last, in words."""
    last = max((run.received.at for run in expiry.expiries(context)), default=None)
    return f"the last order of retention is of {last:%Y-%m-%d}" if last else "retention has never made an order here"
