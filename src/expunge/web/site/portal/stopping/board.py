"""The consent board: a switch for each purpose, and the page of one purpose with its text, its history and what the gate says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.views.decorators.http import require_http_methods, require_safe

from expunge.core.consent.board import GROUPS, BoardEntry, BoardSwitch
from expunge.core.consent.consent import ConsentReason
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.purposes import Ground
from expunge.web.site.portal import kind_words
from expunge.web.site.portal.member import Member, clerk
from expunge.web.site.portal.request_words import method_name
from expunge.web.site.portal.stopping import words
from expunge.web.site.portal.stopping.reaching import address_of, stopping_page

BOARD, USE = "portal_stop", "portal_use"
_AGREE = ("portal_guardians_ask", "portal_guardians")
"""Pages of another room, on which a guardian agrees by a method that the law asks for."""
_ORDER = ("portal_request",)
"""The page of another room, which says what becomes of an order."""


@dataclass(frozen=True)
class Recipient:
    """A third party, in words."""

    name: str
    kinds: str
    open: bool


@dataclass(frozen=True)
class Line:
    """One line of a history, in words."""

    at: datetime
    given: bool
    by: str | Promise
    method: str | Promise
    version: str


@dataclass(frozen=True)
class Switch:
    """One purpose, in words."""

    switch: BoardSwitch

    @property
    def state(self) -> str | Promise:
        """What stands, in a word or two."""
        return words.STATES.get(self.switch.why, words.NOT_ALLOWED)

    @property
    def asked(self) -> bool:
        """Whether the family decides."""
        return self.switch.needs is Ground.CONSENT

    @property
    def reason(self) -> str | Promise:
        """Why it stands so, in a sentence; empty where the state says it."""
        return words.REASONS.get(self.switch.why, "") if self.asked else words.GROUNDS[self.switch.needs]

    @property
    def kinds(self) -> str:
        """The kinds of data that are used."""
        return listed(self.switch.kinds)

    @property
    def follows(self) -> list[str]:
        """What a withdrawal takes away, or took."""
        return [capfirst(str(words.ACTS[each.act]) % {"kind": kind_words.IN_TEXT[each.kind]}) for each in self.switch.follows]

    @property
    def learnt(self) -> str:
        """What learnt from it and stays."""
        return listed(self.switch.learnt)

    @property
    def stopped(self) -> BoardEntry | None:
        """The withdrawal that stands."""
        return self.switch.history[-1] if self.switch.why is ConsentReason.WITHDRAWN and self.switch.history else None

    @property
    def refused(self) -> bool:
        """Whether the gate refuses programs."""
        return self.switch.gate is not None and not self.switch.gate.allowed

    @property
    def recipients(self) -> list[Recipient]:
        """The third parties."""
        return [Recipient(each.name, listed(each.gets), each.open) for each in self.switch.recipients]

    @property
    def history(self) -> Iterator[Line]:
        """What happened, the newest first."""
        for each in reversed(self.switch.history):
            yield Line(each.at, each.given, words.SPEAKERS[each.by], method_name(each.method), each.version)


@dataclass(frozen=True)
class Group:
    """One of the four parts of the board."""

    title: str | Promise
    about: str | Promise
    switches: tuple[Switch, ...]


@require_safe
@stopping_page(back="portal_home")
def board(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show what is allowed and what is not."""
    found = clerk().stopping.board(member.account, member.family)
    return render(request, "portal/stopping/board.html", {"groups": tuple(_groups(found)), "agree": address_of(member, *_AGREE)})


@require_http_methods(["GET", "HEAD", "POST"])
@stopping_page(back=BOARD)
def use(request: HttpRequest, member: Member, purpose: str) -> HttpResponseBase:
    """Show one purpose; or end the consent to it, and then show what the gate says of it."""
    doors = clerk().stopping
    if request.method == "POST":
        doors.stop(member.account, member.family, purpose)
        # Why the page is asked for anew: it reads the gate's own list again, and a reload withdraws nothing.
        return redirect(USE, member.slug, purpose)
    found = next((each for each in doors.board(member.account, member.family) if each.purpose == purpose), None)
    if found is None:
        raise Http404
    order = address_of(member, *_ORDER, further=(found.order,)) if found.order else ""
    return render(request, "portal/stopping/use.html", {"each": Switch(found), "agree": address_of(member, *_AGREE), "order": order})


def listed(kinds: Iterable[DataKind]) -> str:
    """Return kinds of data in a list."""
    return ", ".join(str(kind_words.IN_TEXT[each]) for each in kinds)


def _groups(found: tuple[BoardSwitch, ...]) -> Iterator[Group]:
    for uses in GROUPS:
        title, about = words.GROUPS[uses[0]]
        yield Group(title, about, tuple(Switch(each) for each in found if each.use in uses))
