"""Findings: the list, one finding beside what is usual for others, and the judgement of two people, never of its subject."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import is_reference
from expunge.core.journal.finding_events import FindingReason, FindingVerdict
from expunge.core.noticing.findings import FindingStanding
from expunge.errors import Busy, Conflict, DecisionRefused, DeskRefused, ExpungeError, UsageError
from expunge.ports.review.desk_door import FindingCard
from expunge.web.site.desk import refusals, sentences
from expunge.web.site.desk.seating import DeskRequest, desk, desk_page
from expunge.web.site.desk.words import word

_REFUSALS: dict[str, str | Promise] = {
    "own-finding": gettext_lazy("It is about your own account. Another person judges it."),
    "approved-these-views": gettext_lazy("You approved views that it is about. Another person judges it."),
    "same-person": gettext_lazy("You have judged it with another account."),
    "no-right": gettext_lazy("Your account does not have the right for this now. An administrator grants rights."),
    "closed": gettext_lazy("It is closed. Nothing is left to judge."),
}


@dataclass(frozen=True)
class RuleLine:
    """One rule that a day met, beside what is usual."""

    says: str
    counts: str
    number: int
    usual: str
    """What others have on such a day; empty where that cannot be told."""
    times: str
    """How many times as much it is; empty likewise."""


class DecideForm(forms.Form):
    """A judgement."""

    reason = forms.ChoiceField(label=gettext_lazy("What do you find?"), error_messages={"required": gettext_lazy("Choose what you find.")})
    reference = forms.CharField(
        label=gettext_lazy("Ticket"),
        max_length=20,
        help_text=gettext_lazy("Its key alone, such as HR-1042. What you know stands there, and not here."),
        error_messages={"required": gettext_lazy("Write the key of the ticket.")},
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, data: object = None) -> None:
        """Offer the reasons, by their verdict."""
        super().__init__(data)  # type: ignore[arg-type]
        reason = self.fields["reason"]
        assert isinstance(reason, forms.ChoiceField)
        groups = [
            (_verdict(verdict), [(each.name, capfirst(word(each))) for each in FindingReason if each.verdict is verdict])
            for verdict in FindingVerdict
        ]
        reason.choices = [("", _("Choose one")), *groups]

    def clean_reference(self) -> str:
        """Take the key of a ticket, in capitals."""
        reference: str = self.cleaned_data["reference"].strip().upper()
        if not is_reference(reference):
            raise ValidationError(_("Write the key of a ticket, such as HR-1042, and no text."))
        return reference


@require_safe
@desk_page(StaffRight.READ_EVIDENCE)
def findings(request: DeskRequest) -> HttpResponse:
    """List findings: those that wait, then those that are closed."""
    found = desk().findings(request.seat)
    rows = [{"card": each, "says": [_says(rule) for rule, _number in each.met]} for each in found]
    values = {
        "open": [row for row, each in zip(rows, found, strict=True) if not each.standing.closed],
        "closed": [row for row, each in zip(rows, found, strict=True) if each.standing.closed],
    }
    return render(request, "desk/findings/findings.html", values)


@require_http_methods(["GET", "POST"])
@desk_page(StaffRight.READ_EVIDENCE)
def finding(request: DeskRequest, which: str) -> HttpResponse:
    """Show one finding, and take a judgement: the form, then what it means."""
    card = desk().finding(request.seat, which)
    form = DecideForm(request.POST if request.method == "POST" else None)
    values = {"card": card, "lines": _lines(request, card), "form": form, "decisions": _decisions(card)}
    if request.method != "POST" or request.POST.get("step") == "change" or not form.is_valid():
        return render(request, "desk/findings/finding.html", values)
    reason = FindingReason[form.cleaned_data["reason"]]
    if request.POST.get("step") != "enter":
        seen = {"words": word(reason), "verdict": _verdict(reason.verdict), "confirms": reason.verdict is FindingVerdict.CONFIRMED}
        return render(request, "desk/findings/confirm.html", {**values, **seen})
    changes = request.POST.get("changes", "")
    try:
        seen_changes = int(changes) if changes.isascii() and changes.isdecimal() and len(changes) < 9 else 0
        desk().decide_finding(request.seat, which, reason, form.cleaned_data["reference"], seen_changes)
    except (DeskRefused, DecisionRefused, Conflict, UsageError, Busy) as error:
        form.add_error(None, _refused(error))
        return render(request, "desk/findings/finding.html", {**values, "card": desk().finding(request.seat, which)})
    messages.success(request, _("Your judgement is entered. It is closed once two people judge alike."))
    return redirect("desk_findings")


def _verdict(verdict: FindingVerdict) -> str:
    return str(capfirst(word(FindingStanding(verdict.value))))


def _refused(error: ExpungeError) -> str:
    if isinstance(error, DecisionRefused) and error.reason in _REFUSALS:
        return str(_REFUSALS[error.reason])
    if isinstance(error, Conflict):
        return _("More came to light in between. Look at it again, and judge it then.")
    return refusals.in_one_line(error)


def _says(rule: str) -> str:
    return str(sentences.RULES[rule][0]) if rule in sentences.RULES else rule


def _decisions(card: FindingCard) -> list[dict[str, object]]:
    return [{"card": each, "words": word(each.reason), "verdict": _verdict(each.reason.verdict)} for each in card.decisions]


def _lines(request: DeskRequest, card: FindingCard) -> list[RuleLine]:
    usual = {each.rule: each for each in desk().compared(request.seat, card.finding)}
    found = []
    for rule, number in card.met:
        says, counts = sentences.RULES.get(rule, (rule, ""))
        peers = usual.get(rule)
        told = "" if peers is None or peers.usual is None else f"{peers.usual:.1f}".removesuffix(".0")
        times = "" if peers is None or not peers.usual else f"{number / peers.usual:.0f}"
        found.append(RuleLine(str(says), str(counts), number, told, times))
    return found
