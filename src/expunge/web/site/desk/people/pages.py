"""Who can be shown a recording, what of rights is not used or due, training with its dates, and trainings that an officer enters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from expunge import clock
from expunge.core.accounts.staff import StaffRight
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.review.people import PersonAccess, RecordedDuty
from expunge.core.review.statements import ACCESS_ROLE, DELETION_ROLE, purpose_role
from expunge.errors import Busy, DeskRefused, UsageError
from expunge.ports.review.desk_door import PeopleAtDesk
from expunge.web.site.desk import refusals, sentences
from expunge.web.site.desk.seating import DeskRequest, desk, desk_page
from expunge.web.site.desk.words import word
from expunge.web.site.staff.right_words import right_words


@dataclass(frozen=True)
class PersonRow:
    """One account, as the page tells it."""

    access: PersonAccess
    rights: str
    unused: str
    shown: str
    """The purposes for which it can be shown a recording; empty where it can be shown none."""
    due: date | None
    """By when another person confirms its rights."""


class TrainForm(forms.Form):
    """A training that was done."""

    account = forms.ChoiceField(label=gettext_lazy("Who was trained"), error_messages={"required": gettext_lazy("Choose an account.")})
    role = forms.ChoiceField(label=gettext_lazy("About what"), error_messages={"required": gettext_lazy("Choose what it was about.")})
    on = forms.DateField(
        label=gettext_lazy("On which day"),
        widget=forms.DateInput({"type": "date"}),
        error_messages={"required": gettext_lazy("Write the day."), "invalid": gettext_lazy("Write a day, such as 2026-01-31.")},
    )
    certificate = forms.RegexField(
        r"[0-9a-fA-F]{64}",
        label=gettext_lazy("Check sum of the certificate"),
        required=False,
        max_length=64,
        help_text=gettext_lazy("Its SHA-256, in 64 letters and digits, where there is a paper. It can stay empty."),
        error_messages={"invalid": gettext_lazy("Write 64 letters from a to f and digits.")},
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, data: Any, accounts: list[tuple[str, str]]) -> None:
        """Offer the accounts of other people."""
        super().__init__(data, initial={"on": clock.today().isoformat()})
        account, role = self.fields["account"], self.fields["role"]
        assert isinstance(account, forms.ChoiceField)
        assert isinstance(role, forms.ChoiceField)
        account.choices = [("", _("Choose one")), *accounts]
        roles = [(each, sentences.duty(each, None)) for each in (ACCESS_ROLE, DELETION_ROLE)]
        roles += [(purpose_role(each), str(sentences.PURPOSES[each])) for each in ReviewPurpose]
        role.choices = [("", _("Choose one")), *roles]


@require_safe
@desk_page(StaffRight.READ_STAFF)
def people(request: DeskRequest) -> HttpResponse:
    """Show who can be shown a recording, and what of rights and training is open."""
    found = desk().people(request.seat)
    due = dict(found.lapses)
    rows = [_row(each, due.get(each.account)) for each in found.people]
    values = {
        "found": found,
        "sees": [row for row in rows if row.access.sees],
        "rest": [row for row in rows if not row.access.sees],
        "open": _sorted(each for each in found.duties if each.needed and each.open),
        "current": _sorted(each for each in found.duties if not (each.needed and each.open)),
        "trains": StaffRight.CONFIRM_RIGHTS in request.staff.rights,
    }
    return render(request, "desk/people/people.html", values)


@require_http_methods(["GET", "POST"])
@desk_page(StaffRight.CONFIRM_RIGHTS)
def train(request: DeskRequest) -> HttpResponse:
    """Enter that a person was trained, as an officer who is another person."""
    found = desk().people(request.seat)
    form = TrainForm(request.POST if request.method == "POST" else None, _others(found, request.staff.account))
    if request.method != "POST" or not form.is_valid():
        return render(request, "desk/people/train.html", {"form": form})
    typed = form.cleaned_data
    try:
        desk().train(request.seat, typed["account"], typed["role"], typed["on"], typed["certificate"].lower())
    except (DeskRefused, UsageError, Busy) as error:
        form.add_error(None, refusals.in_one_line(error))
        return render(request, "desk/people/train.html", {"form": form})
    messages.success(request, _("The training is entered. It counts at once."))
    return redirect("desk_people")


def _others(found: PeopleAtDesk, own: str) -> list[tuple[str, str]]:
    named = {each.account: each.label for each in found.sealed_only}
    named |= {each.account: each.label for each in found.people} | {each.account: each.label for each in found.duties}
    return sorted(((account, label) for account, label in named.items() if account != own), key=lambda each: each[1])


def _row(access: PersonAccess, due: date | None) -> PersonRow:
    shown = sentences.listed(map(word, access.purposes)) if access.sees else ""
    rights, unused = ("; ".join(sorted(map(right_words, each))) for each in (access.rights, access.unused))
    return PersonRow(access, rights, unused, shown, due)


def _sorted(duties: Any) -> list[RecordedDuty]:
    return sorted(duties, key=lambda each: (each.lapses or date.min, each.label, each.role, each.kind))
