"""Tags of the desk's templates: words of closed lists, times within a recording, and pages that may not be there."""

from __future__ import annotations

from django import template
from django.urls import NoReverseMatch, reverse

from expunge.web.site.desk import plain_words
from expunge.web.site.desk.words import word

register = template.Library()
register.filter(word)


@register.filter
def clock(milliseconds: int) -> str:
    """Return a time within a recording, such as 01:05."""
    return plain_words.clock_of(milliseconds)


@register.simple_tag
def reachable(name: str, *parts: str) -> str:
    """Return the address of a page by name; empty where there is no such page."""
    try:
        return reverse(name, args=parts)
    except NoReverseMatch:
        return ""
