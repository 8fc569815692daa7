"""What waits for another person: requests to approve or turn down, and emergencies to judge. Each is confirmed before it is entered."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from expunge.core.accounts.staff import StaffRight
from expunge.core.review.request import RequestStanding
from expunge.errors import Busy, DeskRefused, IllegalTransition, UsageError
from expunge.ports.review.desk_door import RequestPage
from expunge.web.site.desk import refusals
from expunge.web.site.desk.seating import DeskRequest, desk, desk_page

APPROVE, TURN_DOWN = "approve", "turn-down"
_REFUSED = (DeskRefused, IllegalTransition, UsageError, Busy)
_WAITS = frozenset({RequestStanding.WAITING, RequestStanding.APPROVED})
_MOST_TEXT = 2000
_CLEAR_TAKES = 2


class JudgeForm(forms.Form):
    """How an emergency is judged."""

    justified = forms.ChoiceField(
        label=gettext_lazy("Was it an emergency?"),
        choices=[
            ("", gettext_lazy("Choose one")),
            ("yes", gettext_lazy("Yes: harm would have come sooner")),
            ("no", gettext_lazy("No: the usual way would have done")),
        ],
        error_messages={"required": gettext_lazy("Choose how you judge it.")},
    )
    note = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=_MOST_TEXT,
        help_text=gettext_lazy("It is sealed, and erased with the person it is about."),
        error_messages={"required": gettext_lazy("Write why, in a sentence or two.")},
        widget=forms.Textarea({"rows": 4}),
    )


@require_safe
@desk_page(StaffRight.APPROVE_VIEWS)
def waiting(request: DeskRequest) -> HttpResponse:
    """Show the requests and the emergencies of others that wait, the shortest time first."""
    today = desk().today(request.seat)
    values = {
        "approvals": sorted(today.approvals, key=lambda each: each.until),
        "judgements": sorted(today.judgements, key=lambda each: (each.judge_until or each.until, each.request)),
    }
    return render(request, "desk/approvals/waiting.html", values)


@require_http_methods(["GET", "POST"])
@desk_page(StaffRight.APPROVE_VIEWS)
def decide(request: DeskRequest, which: str) -> HttpResponse:
    """Show what one request asks for, then what the decision means, and enter it."""
    page = desk().request(request.seat, which)
    values = _shown(page, request.staff.account)
    decision = request.POST.get("decision", "")
    if request.method != "POST" or values["not_yours"] or decision not in {APPROVE, TURN_DOWN}:
        return render(request, "desk/approvals/decide.html", values)
    if "confirmed" not in request.POST:
        return render(request, "desk/approvals/confirm.html", {**values, "approves": decision == APPROVE, "decision": decision})
    try:
        act = desk().approve if decision == APPROVE else desk().deny
        card = act(request.seat, which)
    except _REFUSED as error:
        refused = refusals.listed(error)
        return render(request, "desk/approvals/decide.html", {**values, "refused": refused})
    said = _("You approved it. %(label)s can see it once enough people did.") if decision == APPROVE else _("You turned it down.")
    messages.success(request, said % {"label": card.reviewer.label})
    return redirect("desk_approvals")


@require_http_methods(["GET", "POST"])
@desk_page(StaffRight.APPROVE_VIEWS)
def judge(request: DeskRequest, which: str) -> HttpResponse:
    """Judge an emergency of another person."""
    page = desk().request(request.seat, which)
    form = JudgeForm(request.POST if request.method == "POST" else None)
    values = {**_shown(page, request.staff.account), "form": form}
    if request.method == "POST" and form.is_valid() and not page.own:
        try:
            desk().judge(request.seat, which, form.cleaned_data["note"], justified=form.cleaned_data["justified"] == "yes")
        except _REFUSED as error:
            form.add_error(None, refusals.in_one_line(error))
        else:
            messages.success(request, _("The emergency is judged. The customer reads how."))
            return redirect("desk_approvals")
    return render(request, "desk/approvals/judge.html", values)


def _shown(page: RequestPage, account: str) -> dict[str, Any]:
    card = page.card
    already = any(each.name is not None and each.name.account == account for each in page.answers)
    return {"page": page, "card": card, "not_yours": _not_yours(page, already=already), "warnings": _warnings(page)}


def _not_yours(page: RequestPage, *, already: bool) -> str:
    """Return why an account does not decide about a request; empty where it may."""
    card = page.card
    if page.own:
        return _("This is your own request. Another person decides about it.")
    if card.takes_family_word:
        return _("The customer decides about this one. No approval by staff stands in for it.")
    if card.break_glass:
        return _("An emergency asks no approval. It is judged once it has begun.")
    if card.standing not in _WAITS:
        return _("It waits for no decision any more.")
    return _("You have decided about it. If it takes two approvals, the other one is another person's.") if already else ""


def _warnings(page: RequestPage) -> list[str]:
    """Return what who approves has to know first."""
    found = []
    if page.child:
        found.append(_("There may be a child in this recording."))
    if page.room is not None and page.room.indoors:
        found.append(_("The camera looks into a home, or that is not known."))
    if page.needed == _CLEAR_TAKES:
        found.append(_("A clear picture or a clear voice of this takes two approvals, by two people."))
    if page.child is None:
        found.append(_("The recording cannot be found now. What it may show is not known."))
    return found
