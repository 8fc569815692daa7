"""Counting in one statement: several processes and threads lose no try, on SQLite as on PostgreSQL."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F

from expunge import clock
from expunge.core.attempts.attempt_limits import FREE_FAILURES, LONGEST_DELAY, Budget, delay_after
from expunge.web.site.defence import by_surface
from expunge.web.site.defence.models import FailedRun, Tally
from expunge.web.site.defence.names import keyed

_ADD = (
    "INSERT INTO expunge_tally (name, tries, ends) VALUES (%s, 1, %s) "
    "ON CONFLICT (name) DO UPDATE SET tries = expunge_tally.tries + 1 RETURNING tries"
)
_DELAYS = [
    (failures, delay_after(failures)) for failures in range(FREE_FAILURES, FREE_FAILURES + 16) if delay_after(failures) < LONGEST_DELAY
]
_DELAY = (
    "(CASE "
    + " ".join(f"WHEN expunge_failed_run.failures + 1 = {failures} THEN {delay}" for failures, delay in _DELAYS)
    + f" WHEN expunge_failed_run.failures + 1 < {FREE_FAILURES} THEN 0.0 ELSE {LONGEST_DELAY} END)"
)
# Only our own numbers are written into the text.
_CLAIM = (
    "INSERT INTO expunge_failed_run (name, failures, since, ready, ends) VALUES (%s, 1, %s, %s, %s) "  # noqa: S608
    "ON CONFLICT (name) DO UPDATE SET failures = expunge_failed_run.failures + 1, "
    f"ready = (CASE WHEN %s = 1 THEN %s + {_DELAY} ELSE 0.0 END), ends = %s "
    "WHERE expunge_failed_run.ready <= %s AND expunge_failed_run.failures < %s RETURNING failures, since"
)
_ONE_IN = 200
_AT_ONCE = 5000


_IN_TURN = threading.RLock()


@contextmanager
def in_turn() -> Iterator[None]:
    """Write one after the other where the database takes one writer: SQLite has the others sleep, up to a tenth of a second."""
    with _IN_TURN if connection.vendor == "sqlite" else nullcontext():
        yield


@dataclass(frozen=True)
class ClaimedTry:
    """A try that may be looked at. It counts as a failure until it turns out to be none."""

    failures: int
    """In a row, this one counted."""
    since: float
    """Unix seconds of the first of them."""


def add(budget: Budget, now: float, kind: str, *parts: object) -> tuple[str, int]:
    """Count a try in the present window. Return its row's name and how many there are."""
    name = keyed(kind, budget.window(now), *parts)
    with connection.cursor() as cursor:
        # Why a window longer: the one before is asked for too.
        cursor.execute(_ADD, [name, budget.ends(now) + budget.seconds])
        return name, int(cursor.fetchone()[0])


def tries(budget: Budget, now: float, kind: str, *parts: object) -> int:
    """Return how many tries the present window has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tries FROM expunge_tally WHERE name = %s", [keyed(kind, budget.window(now), *parts)])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def take_back(names: list[str]) -> None:
    """Count one try less in each of some rows."""
    Tally.objects.filter(name__in=names, tries__gt=0).update(tries=F("tries") - 1)


def claim(name: str, most: int, now: float, *, delayed: bool, ends: float | None) -> ClaimedTry | None:
    """Count a failure in a row, unless the next one is not due yet or there were too many; then return None.

    Args:
        name: of the run.
        most: failures after which there is no further one.
        now: Unix seconds.
        delayed: whether failures put off the next try.
        ends: when the row may be removed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [name, now, now + (delay_after(1) if delayed else 0.0), ends, int(delayed), now, ends, now, most])
        row = cursor.fetchone()
    return None if row is None else ClaimedTry(int(row[0]), float(row[1]))


def end_runs(names: list[str]) -> None:
    """End runs of failures: a success, or a reset of the password."""
    FailedRun.objects.filter(name__in=names).delete()


def sweep(*, always: bool = False) -> None:
    """Remove rows whose time is over: now and then, so that the tables stay as small as the last hour's tries."""
    if not always and secrets.randbelow(_ONE_IN):
        return
    by_surface.sweep()
    now = clock.timestamp()
    for model, key in ((Tally, "name"), (FailedRun, "name")):
        with transaction.atomic():
            over = list(model.objects.filter(ends__lt=now).values_list(key, flat=True)[:_AT_ONCE])
            model.objects.filter(name__in=over, ends__lt=now).delete()
