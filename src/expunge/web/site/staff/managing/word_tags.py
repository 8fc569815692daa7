"""Filters of the templates: rights and their standings in words."""

from __future__ import annotations

from django import template

from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_state import GrantStanding
from expunge.web.site.staff.managing import words

register = template.Library()


@register.filter
def right_words(right: str) -> str:
    """Return a right in words."""
    return str(words.RIGHTS[StaffRight(right)])


@register.filter
def grant_words(standing: str) -> str:
    """Return the standing of a right in words."""
    return str(words.GRANTS[GrantStanding(standing)])
