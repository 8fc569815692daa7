"""Purposes and rules of noticing as whole sentences, ranges and times, as the pages of the desk tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.review.statements import DELETION_ROLE

Words = str | Promise
PURPOSES: Mapping[ReviewPurpose, Words] = MappingProxyType(
    {
        ReviewPurpose.LAW: gettext_lazy("A law or a court asks for it"),
        ReviewPurpose.ILLEGAL_ACTIVITY: gettext_lazy("Something against the law is looked into"),
        ReviewPurpose.LEGAL_RIGHTS: gettext_lazy("A legal claim is made or answered"),
        ReviewPurpose.HARM: gettext_lazy("Harm or a loss of money is to be prevented"),
        ReviewPurpose.AUTHORISED: gettext_lazy("The customer agreed to it"),
    }
)
ADDRESSES: Mapping[ReviewPurpose, str] = MappingProxyType(
    {
        ReviewPurpose.LAW: "law",
        ReviewPurpose.ILLEGAL_ACTIVITY: "activity",
        ReviewPurpose.LEGAL_RIGHTS: "rights",
        ReviewPurpose.HARM: "harm",
        ReviewPurpose.AUTHORISED: "customer",
    }
)
"""Purpose -> its word in an address."""
RULES: Mapping[str, tuple[Words, Words]] = MappingProxyType(
    {
        "many-households": (gettext_lazy("Saw recordings of many more households than others do"), gettext_lazy("households")),
        "long-watching": (gettext_lazy("Watched much longer than others do"), gettext_lazy("seconds")),
        "same-household-again": (gettext_lazy("Came back to the same households"), gettext_lazy("leases for a household seen before")),
        "same-household-other-cases": (
            gettext_lazy("Saw the same household under other cases"),
            gettext_lazy("changes of the case of a household"),
        ),
        "one-case-many-households": (gettext_lazy("Saw many households for one case"), gettext_lazy("households of one case")),
        "bedrooms": (gettext_lazy("Watched bedrooms and bathrooms far more than others do"), gettext_lazy("seconds in such rooms")),
        "off-hours": (gettext_lazy("Watched outside working hours far more than others do"), gettext_lazy("seconds outside working hours")),
        "past-need": (gettext_lazy("Watched more than the request needed"), gettext_lazy("seconds past need")),
        "no-case": (gettext_lazy("Asked without a case"), gettext_lazy("requests without a case")),
        "many-refusals": (gettext_lazy("Was refused far more often than others are"), gettext_lazy("refusals")),
    }
)
"""Rule of noticing -> what it says of the reviewer's day, and what its number counts."""
_MINUTE_MS = 60_000


def duty(role: str, purpose: ReviewPurpose | None) -> str:
    """Return what a training or a statement of a role is about."""
    if purpose is not None:
        return str(PURPOSES[purpose])
    return _("Erasing data, every year") if role == DELETION_ROLE else _("Access to recordings, every year")


def clock_of(milliseconds: int) -> str:
    """Return a place in a recording as minutes and seconds, with tenths where they are not zero: ``01:23`` or ``01:23.4``."""
    minutes, rest = divmod(milliseconds, _MINUTE_MS)
    seconds, tenths = divmod(rest, 1000)
    return f"{minutes:02}:{seconds:02}" + (f".{tenths // 100}" if tenths else "")


def part(first_ms: int, last_ms: int) -> str:
    """Return a range in words."""
    return _("%(first)s to %(last)s") % {"first": clock_of(first_ms), "last": clock_of(last_ms)}


def lasting(milliseconds: int) -> str:
    """Return the length of a range in words."""
    seconds = -(-milliseconds // 1000)
    if seconds < 120:
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // 60)
    return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}


def left(seconds: float) -> str:
    """Return how much time is left, in words, rounded down."""
    hours, minutes = int(seconds // 3600), int(seconds // 60)
    if seconds <= 0:
        return _("no time left")
    if hours >= 2:
        return ngettext("%(count)s hour left", "%(count)s hours left", hours) % {"count": hours}
    return ngettext("%(count)s minute left", "%(count)s minutes left", minutes) % {"count": minutes}


def listed(words: Iterable[Words]) -> str:
    """Return words in one line."""
    return ", ".join(map(str, words))
