"""The pages of incidents. An incident is named by its id of 16 hex digits; no page has a name of a customer."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from expunge.core.accounts.staff import StaffRight
from expunge.core.incidents.letters import LetterTo
from expunge.errors import Busy, Conflict, DecisionRefused, DeskRefused, ExpungeError, IllegalTransition, UsageError
from expunge.ports.families.doors import FamilyDoors
from expunge.ports.review.incident_door import IncidentCard, IncidentDoor, IncidentPage
from expunge.web.site.desk.incidents.forms import CloseForm, EntryForm, FactForm, JoinForm, ReachForm
from expunge.web.site.desk.incidents.incident_words import incident_words
from expunge.web.site.desk.incidents.letter_blocks import blocks_of
from expunge.web.site.desk.seating import DeskRequest, desk_page

_PROBLEMS = (DeskRefused, DecisionRefused, IllegalTransition, UsageError, Conflict, Busy)
_CHANGES = {"fact": FactForm, "reach": ReachForm, "join": JoinForm}
_MOST_DIGITS = 8


def incident_door() -> IncidentDoor:
    """Return the clerk's door of incidents."""
    from django.conf import settings

    doors: FamilyDoors = settings.EXPUNGE_CLERK
    return doors.incidents


@require_safe
@desk_page(StaffRight.READ_EVIDENCE)
def incidents(request: DeskRequest) -> HttpResponse:
    """List incidents: those that are open, then those that are over."""
    found = incident_door().incidents(request.seat)
    values = {
        "open": [_row(each) for each in found if not each.standing.over],
        "over": [_row(each) for each in found if each.standing.over],
    }
    return render(request, "desk/incidents/incidents.html", values)


@require_safe
@desk_page(StaffRight.READ_EVIDENCE)
def incident(request: DeskRequest, which: str) -> HttpResponse:
    """Show one incident with everything about it."""
    return render(request, "desk/incidents/incident.html", _shown(incident_door().incident(request.seat, which)))


@require_http_methods(["GET", "POST"])
@desk_page(StaffRight.READ_EVIDENCE)
def enter(request: DeskRequest) -> HttpResponse:
    """Take a new incident."""
    form = EntryForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            card = incident_door().enter_incident(request.seat, form.entry())
        except _PROBLEMS as problem:
            form.add_error(None, _said(problem))
        else:
            messages.success(request, _("The incident is entered."))
            return redirect("desk_incident", card.incident)
    return render(request, "desk/incidents/enter.html", {"form": form})


@require_http_methods(["GET", "POST"])
@desk_page(StaffRight.READ_EVIDENCE)
def change(request: DeskRequest, which: str, kind: str) -> HttpResponse:
    """Take what was done or found out, whom it reaches further, or the incident that it is a part of."""
    if kind not in _CHANGES:
        raise Http404
    page = incident_door().incident(request.seat, which)
    form = _CHANGES[kind](request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            card = incident_door().change_incident(request.seat, which, form.change())
        except _PROBLEMS as problem:
            form.add_error(None, _said(problem))
        else:
            messages.success(request, _("It is entered."))
            return redirect("desk_incident", card.incident)
    return render(request, "desk/incidents/change.html", {**_shown(page), "form": form, "change": kind})


@require_http_methods(["GET", "POST"])
@desk_page(StaffRight.READ_EVIDENCE)
def close(request: DeskRequest, which: str) -> HttpResponse:
    """Take a judgement."""
    page = incident_door().incident(request.seat, which)
    form = CloseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        told = request.POST.get("changes", "")
        seen = int(told) if told.isascii() and told.isdecimal() and len(told) <= _MOST_DIGITS else 0
        try:
            incident_door().close_incident(request.seat, which, form.chosen, form.cleaned_data["reference"], seen)
        except _PROBLEMS as problem:
            form.add_error(None, _said(problem))
        else:
            messages.success(request, _("Your judgement is entered. It is closed once two people judge alike."))
            return redirect("desk_incident", which)
    return render(request, "desk/incidents/close.html", {**_shown(page), "form": form})


@require_safe
@desk_page(StaffRight.READ_EVIDENCE)
def letter(request: DeskRequest, which: str, to: str) -> HttpResponse:
    """Show the draft of a letter, to read, copy or print. Nothing is sent."""
    if to not in {each.value for each in LetterTo}:
        raise Http404
    language = "es" if request.GET.get("in", get_language() or "").startswith("es") else "en"
    text = incident_door().letter(request.seat, which, LetterTo(to), language)
    values = {
        "which": which,
        "to": to,
        "blocks": blocks_of(text),
        # The report for an authority is in English alone.
        "language": language if to == LetterTo.PEOPLE else "en",
        "languages": (("en", "English"), ("es", "Español")),
    }
    return render(request, "desk/incidents/letter.html", values)


def _row(card: IncidentCard) -> dict[str, Any]:
    standing = card.verdict or card.standing
    return {
        "card": card,
        "kind": incident_words(card.kind),
        "standing": incident_words(standing),
        "coverage": incident_words(card.coverage),
    }


def _shown(page: IncidentPage) -> dict[str, Any]:
    return {
        **_row(page.card),
        "page": page,
        "what": [incident_words(each) for each in page.what],
        "parts": [{"part": each, "words": incident_words(each.source)} for each in page.parts],
        "steps": [{"step": each, "words": incident_words(each.fact)} for each in page.steps],
        "judgements": [{"judgement": each, "words": incident_words(each.verdict)} for each in page.judgements],
    }


def _said(problem: ExpungeError) -> str:
    """Return a problem and what to do about it, in one line."""
    if isinstance(problem, Conflict):
        return _("More came to light in between. Look at it again, and judge it then.")
    text = problem.message[:1].upper() + problem.message[1:]
    return f"{text}. {problem.help[:1].upper()}{problem.help[1:]}." if problem.help else f"{text}."
