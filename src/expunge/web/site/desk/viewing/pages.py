"""A view begins, is watched, and becomes clearer or less clear."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from expunge.core.accounts.staff import StaffRight
from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review.rendition import FormKind, MediaForm
from expunge.errors import DeskRefused, ExpungeError, IllegalTransition, ItemGone, Unplayable
from expunge.ports.review.desk_door import DeskCaller, LeaseCard, RequestCard
from expunge.web.site.desk.requests.pages import begins
from expunge.web.site.desk.seating import DeskRequest, desk, desk_page
from expunge.web.site.desk.viewing import forms, words
from expunge.web.site.desk.words import word
from expunge.web.site.shell.headers import POLICY

_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_PLAYER_POLICY = POLICY.replace("media-src 'self'", "media-src 'self' blob:")
"""Why ``blob:``: a player that is given pieces hands them to the browser under such an address, which this page alone makes."""


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(StaffRight.SEE_VIEWS)
def start(request: DeskRequest, request_id: str) -> HttpResponseBase:
    """Show what an approved request shows once it begins; begin its lease where that is asked for."""
    who = request.seat
    try:
        card = desk().request(who, request_id).card
        if request.method == "POST":
            return redirect("desk_view", desk().activate(who, request_id).lease)
    except (DeskRefused, IllegalTransition) as error:
        return _refused(request, error)
    if card.lease is not None:
        return redirect("desk_view", card.lease.lease)
    return render(request, "desk/viewing/start.html", about(card) | {"ready": begins(card)})


@require_safe
@desk_page(StaffRight.SEE_VIEWS)
def view(request: DeskRequest, lease: str) -> HttpResponseBase:
    """Show a lease: its player while it runs, and afterwards why it ended."""
    who = request.seat
    try:
        card = desk().lease(who, lease)
        asked = desk().request(who, card.request).card
        if not card.runs:
            owed = asked.outcome is None and asked.recused is None
            return render(request, "desk/viewing/over.html", about(asked) | {"why": words.why_ended(card), "lease": card, "owed": owed})
        shown = _shown(who, card, asked, request.GET)
    except (ItemGone, Unplayable) as error:
        return _refused(request, error, card)
    except DeskRefused as error:
        return _refused(request, error)
    answer = render(request, f"desk/viewing/{shown['template']}.html", about(asked) | shown)
    answer.headers["Content-Security-Policy"] = _PLAYER_POLICY
    return answer


@require_POST
@desk_page(StaffRight.SEE_VIEWS)
def step(request: DeskRequest, lease: str) -> HttpResponseBase:
    """Make a view clearer or less clear. Each step is entered; what refuses it is said."""
    at = request.POST.get("at", "")
    try:
        clarity, sound = Clarity(request.POST.get("clarity", "")), Sound(request.POST.get("sound", ""))
        card = desk().step(request.seat, lease, clarity, sound)
        messages.success(request, _("From here on: %(clear)s.") % {"clear": words.clearness(card.clarity, card.sound)})
    except ValueError:
        messages.error(request, _("There is no such step."))
    except DeskRefused as refusal:
        messages.error(request, _("Not made clearer. %(reasons)s") % {"reasons": words.trouble(refusal)})
    there = reverse("desk_view", args=[lease])
    return redirect(f"{there}?at={at}" if _NUMBER.fullmatch(at) else there)


def _shown(who: DeskCaller, card: LeaseCard, asked: RequestCard, given: QueryDict) -> dict[str, Any]:
    values = {
        "lease": card,
        "left": f"{card.seconds_left // 60}:{card.seconds_left % 60:02}",
        "clear": words.clearness(card.clarity, card.sound),
    }
    if card.clarity is Clarity.TRANSCRIPT:
        return values | {"template": "transcript", "transcript": desk().transcript(who, card.lease)}
    form = forms.form_of(who, card.lease)
    values["steps"] = _steps(card, asked, form)
    if form.kind is FormKind.PICTURE:
        return values | {"template": "still"}
    first, last = forms.shown_range(who, card, asked)
    begin = min(max(_asked_for(given, first), first), last - 1)
    return values | {
        "template": "player",
        "form": form,
        "first": first,
        "last": last,
        "at": begin,
        "seconds": range_seconds(first, last),
        "last_second": range_seconds(first, last) - 1,
        "playing": "from" in given,
        "at_second": (begin - first) // 1000,
        "mute": card.sound is Sound.MUTE or not form.has_sound,
        "silent": form.kind is FormKind.SOUND and card.sound is Sound.MUTE,
    }


def _asked_for(given: QueryDict, first: int) -> int:
    """Return the millisecond of the recording from which on a page is asked to show it: ``at``, or ``from`` in seconds of the range."""
    at, seconds = given.get("at", ""), given.get("from", "")
    if _NUMBER.fullmatch(at):
        return int(at)
    return first + int(seconds) * 1000 if _NUMBER.fullmatch(seconds) else first


def range_seconds(first: int, last: int) -> int:
    """Return the whole seconds of a range, rounded up."""
    return -(-(last - first) // 1000)


def _steps(card: LeaseCard, asked: RequestCard, form: MediaForm) -> list[dict[str, Any]]:
    """Return the steps of clarity and of sound beside the present ones, up to what was asked for, of what the recording has."""
    pictures = [
        _step(each.step > card.clarity.step, each, card.sound, word(each))
        for each in Clarity
        if form.kind is not FormKind.SOUND
        and each is not Clarity.TRANSCRIPT
        and abs(each.step - card.clarity.step) == 1
        and each.step <= asked.clarity.step
    ]
    sounds = [
        _step(each.step > card.sound.step, card.clarity, each, word(each))
        for each in Sound
        if form.has_sound and abs(each.step - card.sound.step) == 1 and each.step <= asked.sound.step
    ]
    return pictures + sounds


def _step(up: bool, clarity: Clarity, sound: Sound, text: str) -> dict[str, Any]:
    return {"up": up, "clarity": clarity.value, "sound": sound.value, "words": text}


def about(asked: RequestCard) -> dict[str, Any]:
    """Return what every page of a view says about its request."""
    return {
        "asked": asked,
        "case": asked.case_number,
        "asked_clear": words.clearness(asked.clarity, asked.sound),
    }


def _refused(request: DeskRequest, error: ExpungeError, lease: LeaseCard | None = None) -> HttpResponseBase:
    """Say why nothing is shown. Raises the error itself where a passkey that is shown now would mend it."""
    if isinstance(error, IllegalTransition):
        messages.error(request, _("This request had its view. To go on takes a new request."))
        return redirect("desk_home")
    status = HTTPStatus.FORBIDDEN if isinstance(error, DeskRefused) else HTTPStatus.OK
    return render(request, "desk/viewing/refused.html", {"why": words.trouble(error), "lease": lease}, status=status)
