"""A reviewer's own requests, a new one, one for an emergency, and the page of one request."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from expunge.core.accounts.staff import StaffRight
from expunge.core.review.request import RequestStanding
from expunge.errors import Busy, DeskRefused, IllegalTransition, UsageError
from expunge.ports.review.desk_door import RequestCard, RequestPage
from expunge.web.site.desk import refusals
from expunge.web.site.desk.requests.forms import AskForm, EmergencyForm, extension_of
from expunge.web.site.desk.seating import DeskRequest, desk, desk_page

_OPEN = (RequestStanding.WAITING, RequestStanding.APPROVED, RequestStanding.ACTIVE, RequestStanding.OUTCOME_OWED)


@require_safe
@desk_page(StaffRight.REQUEST_VIEWS)
def mine(request: DeskRequest) -> HttpResponse:
    """Show the account's own requests: those that go on, then those that are over."""
    found = desk().mine(request.seat)
    values = {
        "open": [each for each in found if each.standing in _OPEN],
        "over": [each for each in found if each.standing not in _OPEN],
    }
    return render(request, "desk/requests/mine.html", values)


@require_http_methods(["GET", "POST"])
@desk_page(StaffRight.REQUEST_VIEWS)
def new(request: DeskRequest) -> HttpResponse:
    """Ask to see part of a recording."""
    return _asked(request, AskForm(request.POST if request.method == "POST" else None), "desk/requests/new.html")


@require_http_methods(["GET", "POST"])
@desk_page(StaffRight.REQUEST_VIEWS)
def emergency(request: DeskRequest) -> HttpResponse:
    """Ask without another person, because harm would come sooner."""
    return _asked(request, EmergencyForm(request.POST if request.method == "POST" else None), "desk/requests/emergency.html")


@require_safe
@desk_page(StaffRight.REQUEST_VIEWS)
def extend(request: DeskRequest, which: str) -> HttpResponse:
    """Ask to go on: a new request, filled with what the one before named."""
    page = desk().request(request.seat, which)
    if not page.own:
        return redirect("desk_request", which)
    values = {"form": AskForm(initial=extension_of(page)), "before": page.card}
    return render(request, "desk/requests/new.html", values)


@require_safe
@desk_page()
def one(request: DeskRequest, which: str) -> HttpResponse:
    """Show one request: what was asked, how it stands, and what happens next."""
    page = desk().request(request.seat, which)
    return render(request, "desk/requests/one.html", _shown(request, page))


@require_POST
@desk_page(StaffRight.REQUEST_VIEWS)
def withdraw(request: DeskRequest, which: str) -> HttpResponse:
    """Take an own request back before anything was seen."""
    try:
        desk().withdraw(request.seat, which)
    except (DeskRefused, IllegalTransition) as error:
        messages.error(request, refusals.in_one_line(error))
    else:
        messages.success(request, _("The request is withdrawn. Nothing can be seen by it."))
    return redirect("desk_request", which)


@require_POST
@desk_page()
def stop(request: DeskRequest, which: str) -> HttpResponse:
    """End a running lease of any reviewer."""
    desk().revoke(request.seat, which)
    messages.success(request, _("The lease is over. The next part is not shown."))
    return redirect("desk_request", which)


def _asked(request: DeskRequest, form: AskForm, template: str) -> HttpResponse:
    values: dict[str, Any] = {"form": form}
    if request.method != "POST" or not form.is_valid():
        return render(request, template, values)
    try:
        card = desk().ask(request.seat, form.wanted())
    except DeskRefused as error:
        values["refused"] = refusals.reasons(error)
    except UsageError as error:
        form.add_error(None, refusals.in_one_line(error))
    except Busy:
        form.add_error(None, refusals.busy())
    else:
        messages.success(request, _("The request is made. It is on this page until it is closed."))
        return redirect("desk_request", card.request)
    return render(request, template, values)


def _shown(request: DeskRequest, page: RequestPage) -> dict[str, Any]:
    card = page.card
    rights = request.staff.rights
    waits = card.standing in {RequestStanding.WAITING, RequestStanding.APPROVED}
    return {
        "page": page,
        "card": card,
        "withdraws": page.own and waits,
        "extends": page.own and card.standing in {RequestStanding.OUTCOME_OWED, RequestStanding.CLOSED, RequestStanding.EXPIRED},
        "approves": not page.own and waits and StaffRight.APPROVE_VIEWS in rights and not card.takes_family_word,
        "judges": not page.own and card.judge_until is not None and StaffRight.APPROVE_VIEWS in rights,
        "stops": card.lease is not None and card.lease.runs,
        "begins": begins(card),
        "next": next_step(card, page.needed),
        "withdrawn": any(not each.granted and each.name and each.name.account == card.reviewer.account for each in page.answers),
    }


def begins(card: RequestCard) -> bool:
    """Return whether there is something to begin: the desk decides about it once it is asked to."""
    waits = card.standing is RequestStanding.WAITING and (card.break_glass or card.takes_family_word)
    return waits or card.standing is RequestStanding.APPROVED


def next_step(card: RequestCard, needed: int | None) -> str:
    """Return what happens next, in one sentence."""
    if card.standing is RequestStanding.WAITING:
        if card.break_glass:
            return _("You can begin at once. Another person judges it within 24 hours after that.")
        if card.takes_family_word:
            return _("The customer is asked. Until then nothing is shown, and no approval by staff stands in for it.")
        return _("Another person has to approve it. You can do nothing more until then.")
    lacks = needed is not None and len(card.approvers) < needed and not card.allowed_by_family
    if card.standing is RequestStanding.APPROVED and lacks:
        return _("One more person has to approve it, because of what it asks for.")
    return str(_NEXT[card.standing])


_NEXT: dict[RequestStanding, str | Promise] = {
    RequestStanding.APPROVED: gettext_lazy("The reviewer can begin. The lease counts from then on."),
    RequestStanding.ACTIVE: gettext_lazy("The reviewer may look while the lease runs."),
    RequestStanding.OUTCOME_OWED: gettext_lazy("The lease is over. The reviewer enters the outcome, which closes the request."),
    RequestStanding.DENIED: gettext_lazy("Nothing can be seen by this request any more. That is final."),
    RequestStanding.EXPIRED: gettext_lazy("It was not approved, or not begun, in time. A new request can be made."),
    RequestStanding.RECUSED: gettext_lazy("The reviewer gave it back, and is never shown this recording."),
    RequestStanding.CLOSED: gettext_lazy("Nothing is left to do."),
}
