"""The pages to which links of messages lead: an answer to a request, an invitation, and the requests of an account.

The token stands behind the ``#`` of a link and waits in the sealed session while its person logs in. A look spends nothing.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from expunge.core.consent.guardian_faults import GuardianFault
from expunge.core.consent.scans import ScanFault
from expunge.errors import GuardianshipRefused
from expunge.ports.families.guardian_door import RequestCard, RequestState
from expunge.web.site.accounts.guarding import account_of, guard
from expunge.web.site.defence.outcomes import note_success
from expunge.web.site.factors import protecting
from expunge.web.site.portal.guardians import choosing, scan_upload, words
from expunge.web.site.portal.member import clerk
from expunge.web.site.portal.request_words import method_name

_LINK = "expunge_consent_link"
_TOKEN = re.compile(r"(?:(ask-[0-9a-f]{16})\.)?([A-Za-z0-9_=%-]{16,128})")
_OPEN = frozenset(RequestState) - {RequestState.AGREED, RequestState.ENDED}


@require_http_methods(["GET", "POST"])
def arrive(request: HttpRequest) -> HttpResponse:
    """Take a link, or say what the one that waits is for."""
    if request.method == "POST":
        found = _TOKEN.fullmatch(request.POST.get("token", "").strip().rpartition("#")[2])
        if found is None:
            return _fault(request, GuardianFault.NO_LINK)
        request.session[_LINK] = [found[1] or "", found[2].replace("%3D", "=")]
        return redirect("consent_arrive")
    if _LINK not in request.session:
        return render(request, "portal/consent/arrive.html")
    if not request.user.is_authenticated:
        return render(request, "portal/consent/first.html", {"login_next": reverse("consent_arrive")})
    return redirect("consent_answer")


@require_http_methods(["GET", "POST"])
@login_required
def answer(request: HttpRequest) -> HttpResponse:
    """Show what the link that waits asks, and take the answer."""
    asked, token = request.session.get(_LINK, ("", ""))
    if not token:
        return redirect("consent_requests")
    try:
        return _message(request, asked, token) if asked else _invitation(request, token)
    except GuardianshipRefused as refusal:
        return _fault(request, choosing.fault_of(refusal))


def _message(request: HttpRequest, asked: str, token: str) -> HttpResponse:
    door, account = clerk().guardians, account_of(request).pk
    notice = door.look(account, asked, token, choosing.language())
    if request.method != "POST":
        return render(request, "portal/consent/answer.html", choosing.shown(request, notice))
    if request.POST.get("notice") != notice.digest:
        return render(request, "portal/consent/answer.html", choosing.shown(request, notice, GuardianFault.NOTICE_CHANGED), status=400)
    door.answer(account, asked, token)
    _spent(request)
    return redirect("consent_request", asked)


def _invitation(request: HttpRequest, token: str) -> HttpResponse:
    door, account = clerk().guardians, account_of(request).pk
    notice = door.invitation(account, token, choosing.language())
    template = "portal/consent/take_over.html" if notice.oneself else "portal/consent/invited.html"
    if request.method != "POST":
        return _unprotected(request) or render(request, template, choosing.shown(request, notice))
    if notice.oneself:
        door.take_over(account, token)
        _spent(request)
        messages.success(request, _("Your account decides now."))
        return redirect("portal_families")
    try:
        made = door.take(account, token, choosing.chosen(request))
    except GuardianshipRefused as refusal:
        fault = choosing.fault_of(refusal)
        if fault is GuardianFault.UNDER_WAY:
            return redirect("consent_requests")
        if fault is GuardianFault.AWAY:
            _spent(request)
            messages.info(request, _("Our message cannot go out right now. Your request is kept, and we try again by ourselves."))
            return redirect("consent_requests")
        if fault in {GuardianFault.DISPUTE, GuardianFault.OVER, GuardianFault.NO_LINK}:
            raise
        return render(request, template, choosing.shown(request, notice, fault), status=400)
    _spent(request)
    return redirect("consent_request", made)


def _unprotected(request: HttpRequest) -> HttpResponse | None:
    """Lead an invited account without a way to confirm to add one, once: the first one waits a day where it comes after the membership."""
    here = reverse("consent_answer")
    if protecting.leads_to(request, here) or guard().credentials(account_of(request).pk):
        return None
    why = _("Add a passkey or a code app first. One that you add after you are guardian opens recordings only a day later.")
    return protecting.protect_first(request, here, why)


def _spent(request: HttpRequest) -> None:
    note_success(request)
    protecting.arrived(request)
    request.session.pop(_LINK, None)


@require_POST
@login_required
def other_account(request: HttpRequest) -> HttpResponse:
    """Log out, and keep the link for the account that it is for, in this browser."""
    link = request.session.get(_LINK)
    logout(request)
    if link:
        request.session[_LINK] = link
    return redirect("consent_arrive")


@require_safe
@login_required
def requests(request: HttpRequest) -> HttpResponse:
    """Show the requests of the account."""
    cards = clerk().guardians.requests(account_of(request).pk)
    return render(request, "portal/consent/requests.html", {"requests": [_told(card) for card in cards]})


@require_safe
@login_required
def one(request: HttpRequest, asked: str) -> HttpResponse:
    """Show where a request stands, and what is to be done."""
    card = _card(request, asked)
    return redirect("consent_requests") if card is None else render(request, "portal/consent/request.html", _told(card))


@require_safe
@login_required
def form(request: HttpRequest, asked: str) -> HttpResponse:
    """Hand out the form of a request, to print."""
    try:
        media_type, body = clerk().guardians.form(account_of(request).pk, asked)
    except GuardianshipRefused as refusal:
        return _fault(request, choosing.fault_of(refusal))
    name = "consent.pdf" if media_type.startswith("application/pdf") else "consent.html"
    return HttpResponse(body, content_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@require_POST
@login_required
def scan(request: HttpRequest, asked: str) -> HttpResponse:
    """Take the scan of a form."""
    card = _card(request, asked)
    if card is None:
        return redirect("consent_requests")
    sent = request.FILES.get("scan")
    if sent is None:
        fault: ScanFault | None = ScanFault.TOO_BIG if scan_upload.is_too_big(request.META.get("CONTENT_LENGTH", "")) else ScanFault.EMPTY
    else:
        try:
            fault = clerk().guardians.hand_in(account_of(request).pk, asked, sent.read())
        except GuardianshipRefused as refusal:
            return _fault(request, choosing.fault_of(refusal))
    if fault is None:
        messages.success(request, _("Your form is here. A person looks at it. You see here what becomes of it."))
        return redirect("consent_request", asked)
    return render(request, "portal/consent/request.html", {**_told(card), "wrong": words.SCANS[fault]}, status=HTTPStatus.BAD_REQUEST.value)


@require_POST
@login_required
def withdraw(request: HttpRequest, asked: str) -> HttpResponse:
    """End a request of the account."""
    try:
        clerk().guardians.withdraw(account_of(request).pk, asked)
    except GuardianshipRefused as refusal:
        return _fault(request, choosing.fault_of(refusal))
    messages.success(request, _("You took the request back. What was kept to ask you is erased."))
    return redirect("consent_request", asked)


@require_safe
@login_required
def receipt(request: HttpRequest, asked: str, number: int) -> HttpResponse:
    """Hand out the signed receipt of a consent."""
    card = _card(request, asked)
    if card is None or not 0 < number <= len(card.consents):
        return redirect("consent_requests")
    body = clerk().guardians.receipt(account_of(request).pk, asked, card.consents[number - 1])
    attached = {"Content-Disposition": 'attachment; filename="consent-receipt.dsse.json"'}
    return HttpResponse(body, content_type="application/json", headers=attached)


def _card(request: HttpRequest, asked: str) -> RequestCard | None:
    return next((card for card in clerk().guardians.requests(account_of(request).pk) if card.request == asked), None)


def _told(card: RequestCard) -> dict[str, object]:
    return {
        "card": card,
        "state": words.STATES[card.state],
        "reason": words.REASONS.get(card.reason, ""),
        "method": method_name(card.method),
        "open": card.state in _OPEN,
        "by_form": card.method == "signed form" and card.state in _OPEN,
        "done": card.state is RequestState.AGREED,
    }


def _fault(request: HttpRequest, fault: GuardianFault) -> HttpResponse:
    if fault is not GuardianFault.OTHER_ACCOUNT and fault is not GuardianFault.NOT_YET:
        # Why kept otherwise: the person may log in with the other account, or come again on that day.
        request.session.pop(_LINK, None)
    what, do = words.FAULTS[fault]
    values = {"what": what, "do": do, "fault": fault.value}
    return render(request, "portal/consent/fault.html", values, status=HTTPStatus.BAD_REQUEST.value)
