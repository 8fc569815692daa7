"""Filters of the templates: rights and their standings in words."""

from __future__ import annotations

from datetime import UTC, datetime

from django import template
from django.utils.formats import date_format

from expunge.core.accounts.staff_state import GrantStanding
from expunge.web.site.staff.managing import words
from expunge.web.site.staff.right_words import right_words

register = template.Library()
register.filter(right_words)


@register.filter
def moment(at: datetime) -> str:
    """Return a date and a time of day, in UTC."""
    return f"{date_format(at, 'DATE_FORMAT')}, {at.astimezone(UTC):%H:%M} UTC"


@register.filter
def grant_words(standing: str) -> str:
    """Return the standing of a right in words."""
    return str(words.GRANTS[GrantStanding(standing)])
