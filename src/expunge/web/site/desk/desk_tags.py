"""Tags of the desk's templates: words of closed lists, standings as marks, ranges and times, and pages that may not be there."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst

from expunge import clock
from expunge.core.journal.review_words import Clarity, ReviewPurpose, Sound
from expunge.core.noticing.findings import FindingStanding
from expunge.core.review.people import RecordedDuty, RecordStanding
from expunge.core.review.request import RequestStanding
from expunge.web.site.desk import sentences
from expunge.web.site.desk.words import word

register = template.Library()
register.filter(word)
_GOOD = frozenset({RequestStanding.APPROVED, RequestStanding.ACTIVE, RecordStanding.CURRENT})
_CAUTION: frozenset[StrEnum] = frozenset(
    {
        RequestStanding.DENIED,
        RequestStanding.OUTCOME_OWED,
        RecordStanding.DUE,
        RecordStanding.LAPSED,
        RecordStanding.MISSING,
        FindingStanding.OPEN,
        FindingStanding.JUDGED_ONCE,
        FindingStanding.DISPUTED,
        FindingStanding.CONFIRMED,
    }
)


@register.filter
def purpose_words(purpose: str) -> str:
    """Return a purpose of review as a sentence; another text as it is."""
    return str(sentences.PURPOSES[ReviewPurpose(purpose)]) if purpose in {each.value for each in ReviewPurpose} else purpose


@register.filter
def clarity_words(clarity: str) -> str:
    """Return a clarity in words; empty for none."""
    return str(capfirst(word(Clarity(clarity)))) if clarity else ""


@register.filter
def sound_words(sound: str) -> str:
    """Return a sound in words; empty for none."""
    return word(Sound(sound)) if sound else ""


@register.inclusion_tag("desk/mark.html")
def mark(standing: StrEnum) -> dict[str, str]:
    """Show the standing of a request, a record or a finding."""
    look = "good" if standing in _GOOD else "caution" if standing in _CAUTION else ""
    return {"said": str(capfirst(word(standing))), "look": look}


@register.inclusion_tag("desk/mark.html")
def missing_mark() -> dict[str, str]:
    """Show that a record is missing."""
    return mark(RecordStanding.MISSING)


@register.filter
def span(card: object) -> str:
    """Return the range of a card: from, to, and its length."""
    first, last = getattr(card, "first_ms", 0), getattr(card, "last_ms", 0)
    return f"{sentences.part(first, last)} ({sentences.lasting(last - first)})"


@register.filter
def time_left(until: datetime) -> str:
    """Return the time until a moment, in words."""
    return sentences.left((until - clock.now()).total_seconds())


@register.filter
def duty_words(duty: RecordedDuty) -> str:
    """Return what a training or a statement is about."""
    return sentences.duty(duty.role, duty.purpose)


@register.filter
def day_words(day: date | None) -> str:
    """Return a day as ISO 8601 writes it; a dash for none."""
    return day.isoformat() if day else "-"


@register.filter(name="clock")
def clock_filter(milliseconds: int) -> str:
    """Return a time within a recording, such as 01:05."""
    return sentences.clock_of(milliseconds)


@register.simple_tag
def reachable(name: str, *parts: str) -> str:
    """Return the address of a page by name; empty where there is no such page."""
    try:
        return reverse(name, args=parts)
    except NoReverseMatch:
        return ""
