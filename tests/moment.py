"""The day of a run. ``EXPUNGE_TEST_DAY`` names one of :data:`DAYS`, or a moment in ISO 8601; without it the clock stays as it is.

pytest, its workers and each Python that a test starts have their clocks put ahead. Servers, browsers and file systems keep the machine's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from expunge import clock

DAY = "EXPUNGE_TEST_DAY"
_MOVED = Path(__file__).parent / "moved"
_AHEAD = "EXPUNGE_TEST_AHEAD"
_HALF_AN_HOUR = timedelta(minutes=30)


def _leap_day(now: datetime) -> datetime:
    year = next(year for year in range(now.year, now.year + 9) if year % 4 == 0 and year % 100 and datetime(year, 3, 1, tzinfo=UTC) > now)
    return datetime(year, 2, 29, 23, 30, tzinfo=UTC)


def _change_of_summer_time(place: str) -> Callable[[datetime], datetime]:
    def before(now: datetime) -> datetime:
        zone = ZoneInfo(place)
        hour = now.replace(minute=0, second=0, microsecond=0)
        offset = (hour := hour + timedelta(hours=2)).astimezone(zone).utcoffset()
        while hour.astimezone(zone).utcoffset() == offset:
            hour += timedelta(hours=1)
        return hour - _HALF_AN_HOUR

    return before


DAYS: dict[str, tuple[Callable[[datetime], datetime], str]] = {
    "today": (lambda now: now, ""),
    "tomorrow": (lambda now: now + timedelta(days=1), ""),
    "leap-day": (_leap_day, ""),
    "year-end": (lambda now: datetime(now.year, 12, 31, 23, 30, tzinfo=UTC), ""),
    "new-york": (_change_of_summer_time("America/New_York"), "America/New_York"),
    "berlin": (_change_of_summer_time("Europe/Berlin"), "Europe/Berlin"),
    "in-400-days": (lambda now: now + timedelta(days=400), ""),
}
"""Of each day: its moment, given that of the machine, and the time zone of the machine that is played."""


def drawn(now: datetime) -> str:
    """Return the name of the day that an ordinary run takes today: another one each day."""
    return list(DAYS)[now.date().toordinal() % len(DAYS)]


def move() -> str:
    """Put the clock of this process ahead as the environment asks, and hand the same over to its children. Return how it reads."""
    sys.path.insert(0, str(_MOVED))
    try:
        travelling = import_module("travelling")
    finally:
        sys.path.remove(str(_MOVED))
    named = os.environ.get(DAY, "")
    if not named:
        return "as the machine's clock says"
    if _AHEAD not in os.environ:
        now = clock.now()
        moment, zone = _named(named, now)
        os.environ[_AHEAD] = str(round((moment - now) / timedelta(microseconds=1)) * 1000)
        if zone:
            os.environ["TZ"] = zone
        os.environ["PYTHONPATH"] = beside(_MOVED)
    travelling.begin()
    return f"{clock.now():%Y-%m-%d %H:%M} UTC; {DAY}={named} repeats it"


def _named(name: str, now: datetime) -> tuple[datetime, str]:
    if name in DAYS:
        of, zone = DAYS[name]
        return of(now), zone
    try:
        moment = datetime.fromisoformat(name)
    except ValueError:
        sys.exit(f"{DAY}={name} is neither a moment in ISO 8601 nor one of: {', '.join(DAYS)}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC), ""


def beside(*folders: Path | str) -> str:
    """Return a ``PYTHONPATH`` with folders before those that children have as it is."""
    return os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH", "")])])


def planted(code: str) -> str:
    """Return a ``sitecustomize`` that takes the place of that of a moved day, and moves the clock first."""
    return f"import travelling\ntravelling.begin()\n{code}" if str(_MOVED) in beside().split(os.pathsep) else code


@cache
def first_day() -> date:
    """Return the day on which this process first asked: what is dated from it agrees, though midnight passes meanwhile."""
    return clock.today()


def days_ago(days: int) -> str:
    """Return a day before :func:`first_day`, in ISO 8601."""
    return (first_day() - timedelta(days=days)).isoformat()


def dated(*places: Path, ago: timedelta = timedelta()) -> None:
    """Give files, and those in folders, the time of this run, or one so long ago: a file system dates them by the machine's clock."""
    at = clock.timestamp() - ago.total_seconds()
    for place in places:
        for path in (place, *place.rglob("*")):
            os.utime(path, (at, at))


def _travelling() -> bool:
    return "time_machine" in sys.modules and bool(sys.modules["time_machine"].traveller_stack)


def of_the_machine() -> datetime:
    """Return the time of the machine's clock, which servers and file systems keep whatever day this run takes."""
    if not _travelling():
        return clock.now()
    machine: Any = sys.modules["time_machine"].escape_hatch
    return machine.datetime.datetime.now(UTC)  # type: ignore[no-any-return]


@contextmanager
def kept_to_the_machine() -> Iterator[None]:
    """Have this process and its children keep the machine's clock for a while, whatever day this run takes."""
    if not _travelling():
        yield
        return
    ahead, traveller = os.environ.pop(_AHEAD), sys.modules["time_machine"].traveller_stack[-1]
    try:
        traveller._destination_timestamp_ns = 0
        yield
    finally:
        traveller._destination_timestamp_ns, os.environ[_AHEAD] = int(ahead), ahead


def stored(**ahead: float) -> str:
    """Return a moment so far ahead of now (the arguments of ``timedelta``), as Django keeps it in SQLite."""
    return f"{clock.now() + timedelta(**ahead):%Y-%m-%d %H:%M:%S.%f}"


if __name__ == "__main__":
    print(*DAYS if sys.argv[1:] == ["all"] else [drawn(clock.now())])
