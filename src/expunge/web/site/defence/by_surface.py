"""Tries by way in and hour, for people who look after the pages: numbers alone, in which no person, account or machine is named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.db import connection
from django.db.models import F, Sum

from expunge import clock
from expunge.core.attempts.attempt_limits import Surface
from expunge.web.site.defence.models import SurfaceTries

KEPT = timedelta(days=90)
_HOUR = 3600
_ADD = (
    "INSERT INTO expunge_surface_tries (name, hour, surface, outcome, tries) VALUES (%s, %s, %s, %s, 1) "
    "ON CONFLICT (name) DO UPDATE SET tries = expunge_surface_tries.tries + 1"
)


class TryOutcome(StrEnum):
    """How a try ended, as far as its way in tells."""

    RIGHT = "right"
    """What was shown was right."""
    FAILED = "failed"
    REFUSED = "refused"
    """It was not looked at: it came too soon, or there were too many."""
    TAKEN = "taken"
    """The way in does not tell which tries succeed."""


@dataclass(frozen=True)
class SurfaceNumbers:
    """The tries at one way in over some time."""

    surface: Surface
    right: int = 0
    failed: int = 0
    refused: int = 0
    taken: int = 0


def count(surface: Surface, outcome: TryOutcome) -> None:
    """Count one try."""
    hour = int(clock.timestamp()) // _HOUR
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [f"{hour} {surface.value} {outcome.value}", hour, surface.value, outcome.value])


def turned_out_right(surface: Surface) -> None:
    """Count a try as right that was counted as failed, because only a later request tells."""
    failed = f"{int(clock.timestamp()) // _HOUR} {surface.value} {TryOutcome.FAILED.value}"
    SurfaceTries.objects.filter(name=failed, tries__gt=0).update(tries=F("tries") - 1)
    count(surface, TryOutcome.RIGHT)


def numbers(within: timedelta) -> tuple[SurfaceNumbers, ...]:
    """Return the tries of a time until now, in whole hours, by way in; those without any are left out."""
    since = (int(clock.timestamp()) - int(within.total_seconds())) // _HOUR
    rows = SurfaceTries.objects.filter(hour__gt=since).values_list("surface", "outcome").annotate(all=Sum("tries"))
    return _by_surface(rows)


def sweep() -> None:
    """Remove what is older than :data:`KEPT`."""
    SurfaceTries.objects.filter(hour__lt=(int(clock.timestamp()) - int(KEPT.total_seconds())) // _HOUR).delete()


def _by_surface(rows: Iterable[tuple[str, str, int]]) -> tuple[SurfaceNumbers, ...]:
    found: dict[str, dict[str, int]] = {}
    for surface, outcome, tries in rows:
        found.setdefault(surface, {})[outcome] = tries
    return tuple(SurfaceNumbers(each, **found[each.value]) for each in Surface if each.value in found)
