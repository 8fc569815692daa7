"""The pages of a hand-over: take the token, say what it says, have the account confirm it, and tell the end of it.

This process neither reads a token nor decides about one: the keeper does both. A token waits in the sealed session while a person logs in.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.hand_over import MOST_TOKEN, HandOverFault, digest_of
from expunge.errors import HandOverRefused
from expunge.ports.accounts.hand_overs import HandOverCard, HandOvers
from expunge.web.site.accounts.guarding import account_of, guard, guard_session
from expunge.web.site.defence.outcomes import note_success
from expunge.web.site.factors import asking

_TOKEN, _DONE = "expunge_hand_over", "expunge_hand_over_done"
_FAULTS = {
    HandOverFault.MALFORMED: (_("This link is not whole"), _("A part of it was lost on the way. Open it again in the app it came from.")),
    HandOverFault.NOT_THIS_COMPANY: (
        _("This link is not from us"),
        _("It was not made by our app, or not for these pages. Nothing was changed."),
    ),
    HandOverFault.ENDED: (_("This link has ended"), _("For your safety it works for ten minutes at most. Open a new one in the app.")),
    HandOverFault.CLOCK: (
        _("A clock is wrong"),
        _("The link is of a time that has not come yet, so it does not count. It is our fault: tell us."),
    ),
    HandOverFault.USED: (_("This link was used before"), _("Each works once. If it was you, there is nothing to do. If not, tell us.")),
    HandOverFault.OTHER_ADDRESS: (
        _("This link is for another account"),
        _("It is for an account with another mail address. Log in with the address that the app has, or change the address in the app."),
    ),
    HandOverFault.UNKNOWN_KIND: (_("This link names no one we know"), _("It is our fault: tell us. Nothing was changed.")),
    HandOverFault.NOT_TAKEN: (_("These pages take no such links"), _("It is our fault: tell us. Nothing was changed.")),
}
"""Fault -> what the page says."""


@require_http_methods(["GET", "POST"])
def arrive(request: HttpRequest) -> HttpResponse:
    """Take a token, or say what the one that waits says."""
    if request.method == "POST":
        # Why the last part: without JavaScript a person pastes the whole link.
        token = request.POST.get("token", "").strip().rpartition("#")[2]
        if not token or len(token) > MOST_TOKEN:
            return _fault(request, HandOverFault.MALFORMED)
        try:
            _hand_overs().look(token)
        except HandOverRefused as refusal:
            return _fault(request, HandOverFault(refusal.reason))
        note_success(request)
        request.session[_TOKEN] = token
        return redirect("families_hand_over")
    token = request.session.get(_TOKEN, "")
    if not token:
        return render(request, "families/arrive.html")
    try:
        card = _hand_overs().look(token)
    except HandOverRefused as refusal:
        return _fault(request, HandOverFault(refusal.reason))
    return render(request, "families/told.html", {"card": card, "login_next": reverse("families_hand_over")})


@require_safe
@login_required
def confirm(request: HttpRequest) -> HttpResponse:
    """Lead to the page on which the account confirms the token that waits."""
    token, account = request.session.get(_TOKEN, ""), account_of(request).pk
    if not token:
        return redirect("families_hand_over")
    try:
        card = _hand_overs().look(token)
    except HandOverRefused as refusal:
        return _fault(request, HandOverFault(refusal.reason))
    if not guard().credentials(account):
        return render(request, "families/protect.html")
    told = {name: str(int(number)) for name, number in _shown(card).items()}
    return asking.begin(request, Ask(AskKind.HAND_OVER, account, details=(("token", digest_of(token)),)), **told)


@require_POST
@login_required
def other_account(request: HttpRequest) -> HttpResponse:
    """Log out, and keep the token for the account that it is for, in this browser. It ends by itself, ten minutes after it was made."""
    token = request.session.get(_TOKEN, "")
    logout(request)
    if token:
        request.session[_TOKEN] = token
    return redirect("families_hand_over")


@require_safe
@login_required
def done(request: HttpRequest) -> HttpResponse:
    """Say what the account is connected with now."""
    card = request.session.get(_DONE)
    return redirect("home") if card is None else render(request, "families/done.html", {"card": card})


def offer_asks() -> None:
    """Show asks to use a token."""
    asking.offer(
        AskKind.HAND_OVER,
        asking.AskPage(
            title=lambda _request, _ask, _given: gettext("Confirm the connection?"),
            text=lambda _request, _ask, _given: gettext("%(company)s says:") % {"company": settings.EXPUNGE_SITE.company},
            act=_redeem,
            back="families_hand_over",
            detail=_detail,
        ),
    )


def _detail(request: HttpRequest, _ask: Ask, given: asking.Given) -> SafeString:
    return render_to_string("families/says.html", {"card": {name: int(number) for name, number in given.items()}}, request)


def _redeem(request: HttpRequest, ask: Ask, permit: str, _given: asking.Given) -> HttpResponse:
    """Use the token that waits. Where it is another one by now, the keeper refuses it."""
    try:
        card = _hand_overs().redeem(permit, guard_session(request), ask, request.session.get(_TOKEN, ""))
    except HandOverRefused as refusal:
        return _fault(request, HandOverFault(refusal.reason))
    note_success(request)
    request.session.pop(_TOKEN, None)
    request.session[_DONE] = _shown(card)
    return redirect("families_hand_over_done")


def _fault(request: HttpRequest, fault: HandOverFault) -> HttpResponse:
    if fault is not HandOverFault.OTHER_ADDRESS:
        # Why kept otherwise: the person may log in with the other account.
        request.session.pop(_TOKEN, None)
    what, do = _FAULTS[fault]
    return render(request, "families/fault.html", {"what": what, "do": do, "fault": fault.value}, status=HTTPStatus.BAD_REQUEST.value)


def _shown(card: HandOverCard) -> dict[str, Any]:
    return {"guardian_of": card.guardian_of, "oneself": card.oneself, "ends": card.ends}


def _hand_overs() -> HandOvers:
    hand_overs: HandOvers = settings.EXPUNGE_HAND_OVERS
    return hand_overs
