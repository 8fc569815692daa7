"""What can be done with the recordings that were chosen on a timeline. Other pages offer it: this one hands them the selection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise

from expunge.core.families.selection import Selection
from expunge.web.site.portal.member import Member


@dataclass(frozen=True)
class ChosenAct:
    """One button below a timeline."""

    name: str
    """Its value in the form: small letters."""
    words: str | Promise
    act: Callable[[HttpRequest, Member, Selection], HttpResponseBase]
    """Shows the page on which the person goes on. Nothing is done yet."""
    icon: str
    danger: bool = False


ACTS: dict[str, ChosenAct] = {}
"""Name -> button, in the order in which they are shown."""


def offer(act: ChosenAct) -> None:
    """Show a button below each timeline."""
    ACTS[act.name] = act
