"""Who looked: by recording, by reviewer, and by time, with what was refused, and whether the register is whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from expunge.core.accounts.staff import StaffRight
from expunge.core.families.looks import LookedBy
from expunge.core.journal.review_words import CaseKind
from expunge.errors import Busy, DeskRefused, UsageError
from expunge.ports.review.desk_door import MOST_LOOKS, LookCard
from expunge.web.site.desk import refusals, sentences
from expunge.web.site.desk.seating import DeskRequest, desk, desk_page
from expunge.web.site.desk.words import word

FEW = 100
_TYPED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


@dataclass(frozen=True)
class LookRow:
    """A look, as the page tells it."""

    card: LookCard
    who: str
    part: str
    """Of the recording; empty for programs and families, which open bytes."""
    case: str
    """Its kind in words, and its number; empty for programs and families."""


class LooksForm(forms.Form):
    """Which looks."""

    recording = forms.CharField(
        label=gettext_lazy("Recording"),
        required=False,
        max_length=1000,
        help_text=gettext_lazy("As the case names it, or the number that the record of looks has for it."),
        widget=forms.TextInput(_TYPED),
    )
    reviewer = forms.CharField(
        label=gettext_lazy("Reviewer"),
        required=False,
        max_length=100,
        help_text=gettext_lazy("The label of an account."),
        widget=forms.TextInput(_TYPED),
    )
    first = forms.DateField(label=gettext_lazy("From"), required=False, widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label=gettext_lazy("To"), required=False, widget=forms.DateInput({"type": "date"}))
    more = forms.BooleanField(required=False, widget=forms.HiddenInput)


@require_http_methods(["GET", "POST"])
@desk_page(StaffRight.READ_EVIDENCE)
def looks(request: DeskRequest) -> HttpResponse:
    """Show looks. What is asked for travels in a form, so that no address and no log holds the name of a recording."""
    form = LooksForm(request.POST if request.method == "POST" else None)
    values: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            found = desk().looks(
                request.seat,
                recording=typed["recording"].strip(),
                reviewer=typed["reviewer"].strip(),
                first=typed["first"],
                last=typed["last"],
                most=MOST_LOOKS if typed["more"] else FEW,
            )
        except (DeskRefused, UsageError, Busy) as error:
            form.add_error(None, refusals.in_one_line(error))
        else:
            shown = len(found.looks)
            values |= {"found": found, "rows": [_row(each) for each in found.looks], "more": shown < min(found.total, MOST_LOOKS)}
    return render(request, "desk/looks/looks.html", values)


def _row(card: LookCard) -> LookRow:
    if card.by is LookedBy.STAFF:
        return LookRow(card, card.name, sentences.part(card.first_ms, card.last_ms), _case(card.case))
    return LookRow(card, _("The program %(name)s") % {"name": card.name} if card.by is LookedBy.PROGRAM else _("Its own family"), "", "")


def _case(case: str) -> str:
    kind, _space, number = case.rpartition(" ")
    return f"{word(CaseKind(kind))} {number}" if kind in {each.value for each in CaseKind} else case
