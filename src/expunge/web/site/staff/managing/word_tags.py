"""Filters of the templates: rights and their standings in words."""

from __future__ import annotations

from django import template

from expunge.core.accounts.staff_state import GrantStanding
from expunge.web.site.staff.managing import words
from expunge.web.site.staff.right_words import right_words

register = template.Library()
register.filter(right_words)


@register.filter
def grant_words(standing: str) -> str:
    """Return the standing of a right in words."""
    return str(words.GRANTS[GrantStanding(standing)])
