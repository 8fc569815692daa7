"""The pages of a hand-over: take the token, say what it says, have the account confirm it, and tell the end of it.

This process neither reads a token nor decides about one: the keeper does both. A token waits in the sealed session while a person logs in.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.hand_over import MOST_TOKEN, HandOverFault, digest_of
from expunge.errors import Busy, ChallengeEnded, CredentialCopied, HandOverRefused, NotPermitted, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import CodeProof, PasskeyProof
from expunge.ports.accounts.hand_overs import HandOverCard, HandOvers
from expunge.web.site.accounts.guarding import account_of, guard, guard_session
from expunge.web.site.defence.outcomes import note_success

_TOKEN, _ASKED, _DONE = "expunge_hand_over", "expunge_hand_over_asked", "expunge_hand_over_done"
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
    return render(request, "families/told.html", {"card": card})


@require_http_methods(["GET", "POST"])
@login_required
def confirm(request: HttpRequest) -> HttpResponse:
    """Have the account confirm the token that waits, with a passkey or a code."""
    token = request.session.get(_TOKEN, "")
    if not token:
        return redirect("families_hand_over")
    ask = Ask(AskKind.HAND_OVER, account_of(request).pk, details=(("token", digest_of(token)),))
    trouble: Any = ""
    if request.method == "POST":
        try:
            card = _redeemed(request, ask, token)
        except HandOverRefused as refusal:
            return _fault(request, HandOverFault(refusal.reason))
        except CredentialCopied:
            trouble = _("This security key was copied, so it does not count any more. Confirm with another one, and tell us.")
        except ChallengeEnded:
            trouble = _("That took too long. Confirm once more.")
        except (ProofRefused, UsageError):
            trouble = _("That did not confirm it. Try again, or wait for the next code.")
        except NotPermitted:
            return render(request, "families/protect.html")
        except Busy:
            trouble = _("There were too many wrong codes. Wait an hour, then try again.")
        else:
            note_success(request)
            del request.session[_TOKEN]
            request.session[_DONE] = _shown(card)
            return redirect("families_hand_over_done")
    try:
        card = _hand_overs().look(token)
        ceremony = guard().begin_ask(guard_session(request), ask)
    except HandOverRefused as refusal:
        return _fault(request, HandOverFault(refusal.reason))
    except NotPermitted:
        return render(request, "families/protect.html")
    request.session[_ASKED] = ceremony.token
    values = {"card": card, "options": ceremony.options, "takes_code": ceremony.takes_code, "trouble": trouble}
    return render(request, "families/confirm.html", values, status=(HTTPStatus.BAD_REQUEST if trouble else HTTPStatus.OK).value)


@require_safe
@login_required
def done(request: HttpRequest) -> HttpResponse:
    """Say what the account is connected with now."""
    card = request.session.get(_DONE)
    return redirect("home") if card is None else render(request, "families/done.html", {"card": card})


def _redeemed(request: HttpRequest, ask: Ask, token: str) -> HandOverCard:
    """Use the token, by what the person confirmed it with. Raises HandOverRefused, ProofRefused, NotPermitted, UsageError, Busy."""
    code, response = request.POST.get("code", "").replace(" ", ""), request.POST.get("response", "")
    proof = CodeProof(code) if code else PasskeyProof(response.encode())
    session = guard_session(request)
    permit = guard().finish_ask(request.session.pop(_ASKED, ""), session, ask, proof)
    return _hand_overs().redeem(permit, session, ask, token)


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
