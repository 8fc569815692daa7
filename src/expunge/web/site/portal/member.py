"""The family that a page is about. Addresses name it by a slug that one session alone knows."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.memberships import MembershipRole
from expunge.errors import NeedsApproval, NotPermitted, OpeningNeeded
from expunge.ports.families.doors import FamilyDoors
from expunge.web.site.accounts.guarding import account_of, guard_session
from expunge.web.site.factors import asking
from expunge.web.site.shell import views

_SLUGS = "expunge_families"
_P = ParamSpec("_P")


@dataclass(frozen=True)
class Member:
    """An account in a family, as a page names both to the clerk."""

    account: UUID
    family: str = field(repr=False)
    """The pseudonym of the subject."""
    role: MembershipRole
    label: str = field(repr=False)
    """What the page calls the subject."""
    slug: str
    session: bytes = field(repr=False)
    """By which the guard and the clerk know the browser's session."""


def clerk() -> FamilyDoors:
    """Return the clerk's doors."""
    found: FamilyDoors = settings.EXPUNGE_CLERK
    return found


def members(request: HttpRequest) -> tuple[Member, ...]:
    """Return the families of the account that is logged in, each with its slug. Raises ClerkAway."""
    account = account_of(request).pk
    cards = clerk().families.families(account)
    known: dict[str, str] = {family: slug for slug, family in request.session.get(_SLUGS, {}).items()}
    slugs = {card.family: known.get(card.family) or secrets.token_hex(4) for card in cards}
    if slugs != known:
        request.session[_SLUGS] = {slug: family for family, slug in slugs.items()}
    session = guard_session(request)
    return tuple(
        Member(account, card.family, card.role, card.label or _unnamed(card.role, number, len(cards)), slugs[card.family], session)
        for number, card in enumerate(cards, 1)
    )


def family_page(
    view: Callable[Concatenate[HttpRequest, Member, _P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Stand before a view of a family's page: log the person in, and hand the view the member that the slug of the address means.

    Where content is shown and the account has not confirmed that it is at the keys, the person is asked to, and comes back.
    """

    @wraps(view)
    @login_required
    def page(request: HttpRequest, slug: str, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        found = next((each for each in members(request) if each.slug == slug), None)
        if found is None:
            # Why no error: the session is a new one, and the address is of an earlier.
            return redirect("portal_families")
        vars(request)["member"] = found
        try:
            return view(request, found, *args, **kwargs)
        except OpeningNeeded:
            return ask_to_open(request, found)
        except NeedsApproval:
            messages.error(request, _("Guardians of this child disagree. Until that is settled, nothing is erased, and nothing is shown."))
            return redirect("portal_home", slug)
        except NotPermitted as refusal:
            return views.not_allowed(request, refusal)

    return page


def ask_to_open(request: HttpRequest, member: Member, after: str = "") -> HttpResponse:
    """Lead to the page on which the account confirms an opening; it then goes on to ``after``, or to the page that was asked for."""
    after = after or (request.get_full_path() if request.method == "GET" else "")
    ask = Ask(AskKind.PLAYBACK, member.account, member.family)
    return asking.begin(request, ask, label=member.label, slug=member.slug, after=after)


def _unnamed(role: MembershipRole, number: int, many: int) -> str:
    if role is MembershipRole.SELF:
        return _("You")
    return _("Your child") if many == 1 else _("Child %(number)s") % {"number": number}
