"""Tags of the desk's templates: words of closed lists, times within a recording, and pages that may not be there."""

from __future__ import annotations

from django import template
from django.urls import NoReverseMatch, reverse

from expunge.web.site.desk.words import word

register = template.Library()
register.filter(word)
_SECOND_MS, _MINUTE = 1000, 60


@register.filter
def clock(milliseconds: int) -> str:
    """Return a time within a recording, such as 1:05."""
    minutes, seconds = divmod(milliseconds // _SECOND_MS, _MINUTE)
    return f"{minutes}:{seconds:02}"


@register.simple_tag
def reachable(name: str, *parts: str) -> str:
    """Return the address of a page by name; empty where there is no such page."""
    try:
        return reverse(name, args=parts)
    except NoReverseMatch:
        return ""
