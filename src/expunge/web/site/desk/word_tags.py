"""Filters of the desk's templates: closed lists, ranges and times in words."""

from __future__ import annotations

from datetime import date, datetime

from django import template
from django.utils import timezone

from expunge.core.journal.review_words import CaseKind, Clarity, LeaseEnding, RecusalReason, ReviewOutcome, ReviewPurpose, Room, Sound
from expunge.core.noticing.findings import FindingStanding
from expunge.core.review.people import RecordedDuty, RecordStanding
from expunge.core.review.request import RequestStanding
from expunge.web.site.desk import words
from expunge.web.site.staff.managing.word_tags import moment

register = template.Library()
register.filter("moment", moment)
register.filter("place", words.clock_of)


@register.filter
def purpose_words(purpose: str) -> str:
    """Return a purpose of review in words; another text as it is."""
    return str(words.PURPOSES[ReviewPurpose(purpose)]) if purpose in {each.value for each in ReviewPurpose} else purpose


@register.filter
def case_words(kind: str) -> str:
    """Return the kind of a case in words."""
    return str(words.CASES[CaseKind(kind)])


@register.filter
def clarity_words(clarity: str) -> str:
    """Return a clarity in words; empty for none."""
    return str(words.CLARITIES[Clarity(clarity)]) if clarity else ""


@register.filter
def sound_words(sound: str) -> str:
    """Return a sound in words; empty for none."""
    return str(words.SOUNDS[Sound(sound)]) if sound else ""


@register.filter
def room_words(room: str) -> str:
    """Return a class of place in words."""
    return str(words.ROOMS[Room(room)])


@register.filter
def outcome_words(outcome: str) -> str:
    """Return the result of a review in words."""
    return str(words.OUTCOMES[ReviewOutcome(outcome)])


@register.filter
def recusal_words(why: str) -> str:
    """Return why a request was given back."""
    return str(words.RECUSALS[RecusalReason(why)])


@register.filter
def ending_words(why: str) -> str:
    """Return why a lease ended."""
    return str(words.ENDINGS[LeaseEnding(why)])


@register.inclusion_tag("desk/mark.html")
def request_mark(standing: str) -> dict[str, str]:
    """Show the standing of a request."""
    said, look = words.STANDINGS[RequestStanding(standing)]
    return {"said": str(said), "look": look}


@register.inclusion_tag("desk/mark.html")
def record_mark(standing: str) -> dict[str, str]:
    """Show the standing of a training or a statement."""
    said, look = words.RECORDS[RecordStanding(standing)]
    return {"said": str(said), "look": look}


@register.inclusion_tag("desk/mark.html")
def finding_mark(standing: str) -> dict[str, str]:
    """Show the standing of a finding."""
    said, look = words.FINDINGS[FindingStanding(standing)]
    return {"said": str(said), "look": look}


@register.filter
def span(card: object) -> str:
    """Return the range of a card: from, to, and its length."""
    first, last = getattr(card, "first_ms", 0), getattr(card, "last_ms", 0)
    return f"{words.part(first, last)} ({words.lasting(last - first)})"


@register.filter
def time_left(until: datetime) -> str:
    """Return the time until a moment, in words."""
    return words.left((until - timezone.now()).total_seconds())


@register.filter
def duty_words(duty: RecordedDuty) -> str:
    """Return what a training or a statement is about."""
    return words.duty(duty.role, duty.purpose)


@register.filter
def day_words(day: date | None) -> str:
    """Return a day as ISO 8601 writes it; a dash for none."""
    return day.isoformat() if day else "-"
