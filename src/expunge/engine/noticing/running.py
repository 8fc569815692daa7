"""Hold the view log against the rules, and open findings. Whatever stops it, it goes on with the same days the next time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from expunge.core.accounts.review_spec import WorkingHours
from expunge.core.journal.finding_events import FindingEvent, FindingGrew, FindingOpened, NoticingRun
from expunge.core.journal.peek import peek, read_flat
from expunge.core.journal.review_events import OutcomeEntered, ReviewRequested, ViewRefused, ViewServed
from expunge.core.noticing.findings import Findings, finding_id
from expunge.core.noticing.judging import JudgedDay, judge
from expunge.core.noticing.looks import Look, LookReader
from expunge.core.noticing.rules import WINDOW_DAYS, Rulebook
from expunge.core.values import canonical, codec
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import FINDINGS, REVIEWS, read_register, register_behind
from expunge.ports.noticing.rollups import RollupMark, RollupShelf, ViewRollup

_KINDS = (ViewServed, ViewRefused, ReviewRequested, OutcomeEntered)
_AT_A_TIME = 100_000


@dataclass(frozen=True)
class Noticed:
    """The result of a run."""

    since: date
    through: date
    judged: tuple[JudgedDay, ...]
    """Every reviewer's day that was judged."""
    opened: tuple[str, ...]
    """Ids of findings that are new, or grew."""
    events: int
    """Events of the register of reviews that were read."""
    anew: bool
    """Whether the roll-up was made anew."""

    @property
    def untold(self) -> int:
        """The days of which it cannot be told yet whether some rule is met."""
        return sum(bool(each.untold) for each in self.judged)


def run(
    context: Context, shelf: RollupShelf, rulebook: Rulebook, hours: WorkingHours, since: date | None = None, *, anew: bool = False
) -> Noticed:
    """Judge the days since the last run, and enter what is found.

    Args:
        context: the composition.
        shelf: where the roll-up is kept.
        rulebook: the rules.
        hours: the working hours of the map.
        since: the first day to judge; without it the last day of the run before, and 28 days where the rules have changed since.
        anew: make the roll-up anew from the journal.

    Raises StateUnavailable, StateCorrupt, Busy; OSError where the roll-up cannot be kept.
    """
    rollup, mark, made_anew = current(context, shelf, hours, anew=anew)
    now = context.clock.now()
    today = now.astimezone(ZoneInfo(hours.zone)).date()
    known = Findings(read_register(context.journal, FINDINGS))
    first = since or _since(known.last_run, rulebook, today)
    wanted = [first + timedelta(days=each) for each in range((today - first).days + 1)]
    judged = tuple(judge(rollup.days(first - timedelta(days=WINDOW_DAYS)), wanted, rulebook))
    untold = sum(bool(each.untold) for each in judged)

    def conclude(events: Sequence[object]) -> list[FindingEvent]:
        found = Findings(events)
        new = [event for each in judged if each.finding and (event := _event(found, each, rulebook, context)) is not None]
        return [*new, NoticingRun(now, first.isoformat(), mark.events, len(judged), untold, rulebook.digest)]

    entered = register_behind(context.journal, FINDINGS, conclude)
    opened = tuple(each.finding for each in entered if isinstance(each, FindingOpened | FindingGrew))
    return Noticed(first, today, judged, opened, mark.events, made_anew)


def current(context: Context, shelf: RollupShelf, hours: WorkingHours, *, anew: bool = False) -> tuple[ViewRollup, RollupMark, bool]:
    """Return the roll-up with everything that the journal has now, and keep it; and whether it was made anew."""
    mark, rollup = shelf.load()
    form = sha256(canonical.encode(codec.to_json(hours))).hexdigest()
    fits = not anew and mark.hours == form and mark.events > 0 and _last(context, mark.events) == mark.last
    if not fits:
        mark, rollup = RollupMark(hours=form), shelf.empty()
    reader, looks, last, events = LookReader(hours, rollup.needs), list[Look](), mark.last, mark.events
    data = b""
    for data in context.journal.read(REVIEWS, mark.events):
        events += 1
        look = _look(reader, data)
        if look is not None:
            looks.append(look)
        if len(looks) >= _AT_A_TIME:
            rollup.take(looks)
            looks = []
    rollup.take(looks)
    if events != mark.events or not fits:
        last = sha256(data).hexdigest() if data else last
        mark = RollupMark(events, last, form)
        reader.forget(context.clock.now())
        shelf.keep(mark, rollup, reader.needs)
    return rollup, mark, not fits


def _look(reader: LookReader, data: bytes) -> Look | None:
    kind = peek(data, *_KINDS)
    return None if kind is None else reader.take(read_flat(data, kind))


def _last(context: Context, events: int) -> str:
    """Return the hex SHA-256 of the last of so many events of the register; empty where it has fewer."""
    if context.journal.length(REVIEWS) < events:
        return ""
    return sha256(next(iter(context.journal.read(REVIEWS, events - 1)))).hexdigest()


def _since(last: NoticingRun | None, rulebook: Rulebook, today: date) -> date:
    """Return the first day to judge: the last day of the run before was not over then."""
    if last is None or last.rules != rulebook.digest:
        return today - timedelta(days=WINDOW_DAYS)
    return min(last.at.date() - timedelta(days=1), today)


def _event(found: Findings, judged: JudgedDay, rulebook: Rulebook, context: Context) -> FindingEvent | None:
    """Return what is entered for a day to look at; None where that is known."""
    day, met, now = judged.day, {each.rule.name: each.number for each in judged.met}, context.clock.now()
    name = finding_id(day.reviewer, day.day)
    known = found.findings.get(name)
    if known is None:
        return FindingOpened(now, name, day.reviewer, day.function, day.day.isoformat(), met, rulebook.digest)
    if met.keys() <= known.met.keys():
        return None
    return FindingGrew(now, name, {**known.met, **met}, rulebook.digest)
