"""The record of sign-ins of staff, and of those that were denied: counts by hour (RNG-17)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from django.db import connection

from expunge import clock
from expunge.web.site.defence.models import StaffEntry
from expunge.web.site.staff.strength import SignInMethod

KEPT = timedelta(days=400)
"""For so long a count is kept: a review of twelve months has all of them."""
_ADD = (
    "INSERT INTO expunge_staff_entry (name, hour, outcome, method, tries) VALUES (%s, %s, %s, %s, 1) "
    "ON CONFLICT (name) DO UPDATE SET tries = expunge_staff_entry.tries + 1"
)


class Outcome(StrEnum):
    """How a sign-in, or an enrolment, ended."""

    CAME_IN = "came in"
    ENROLLED = "enrolled"
    NOT_PROVEN = "not proven"
    """The passkey's answer did not hold, or it is of no account of staff."""
    COPIED = "copied key"
    CLOSED = "closed account"
    """The account is suspended, idle or not enrolled."""
    TOO_WEAK = "too weak"
    """The account has a way in that can be phished, and no equivalence for the method that was used."""
    BAD_LINK = "bad link"
    OTHER_NETWORK = "other network"


def note(outcome: Outcome, method: SignInMethod | None = None) -> None:
    """Count one. No person, account, address or machine is written."""
    now = clock.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    how = method.value if method else ""
    written = connection.ops.adapt_datetimefield_value(hour)
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [f"{hour:%Y-%m-%dT%H} {outcome.value} {how}", written, outcome.value, how])
    if outcome is Outcome.CAME_IN:
        StaffEntry.objects.filter(hour__lt=now - KEPT).delete()
