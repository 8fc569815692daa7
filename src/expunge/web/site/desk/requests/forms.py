"""The forms by which a reviewer asks to see part of a recording: the usual one, and the one for emergencies."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Sound
from expunge.core.review.new_review import NewReview
from expunge.ports.review.desk_door import RequestPage
from expunge.web.site.desk import sentences
from expunge.web.site.desk.words import choices

_TIME = re.compile(r"(?:(\d{1,3}):)?(\d{1,5})(?:\.(\d{1,3}))?")
_CASE = re.compile(r"[A-Z][A-Z0-9]{1,9}-[0-9]{1,9}")
_MOST_NAME, _MOST_TEXT = 1000, 2000
_SECONDS_OF_A_MINUTE = 60
_NARROW = (Clarity.TRANSCRIPT, Clarity.PIXELATED, Clarity.FACES_HIDDEN)
"""What an emergency may ask for."""
_TYPED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def _offered(kind: type[StrEnum]) -> list[tuple[str, str | Promise]]:
    return [(value, str(capfirst(said))) for value, said in choices(kind)]


def _place(text: str) -> int | None:
    """Return milliseconds for ``1:05``, ``65`` or ``1:05.5``; None for a text that is no place in a recording."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    minutes, seconds, part = found.groups()
    if minutes is not None and int(seconds) >= _SECONDS_OF_A_MINUTE:
        return None
    return (int(minutes or 0) * _SECONDS_OF_A_MINUTE + int(seconds)) * 1000 + int((part or "0").ljust(3, "0"))


class AskForm(forms.Form):
    """A request."""

    purpose = forms.ChoiceField(
        label=gettext_lazy("What for"),
        help_text=gettext_lazy("There is no other purpose. Where none fits, the recording is not looked at."),
        error_messages={"required": gettext_lazy("Choose what it is for.")},
    )
    case_kind = forms.ChoiceField(label=gettext_lazy("Kind of case"), error_messages={"required": gettext_lazy("Choose the kind of case.")})
    case_number = forms.CharField(
        label=gettext_lazy("Case"),
        max_length=20,
        help_text=gettext_lazy("Its key alone, such as LE-88. The customer reads it."),
        error_messages={"required": gettext_lazy("Write the key of the case.")},
        widget=forms.TextInput(_TYPED),
    )
    recording = forms.CharField(
        label=gettext_lazy("Recording"),
        max_length=_MOST_NAME,
        help_text=gettext_lazy("As the case names it: the kind of data, a slash, and the name. There is no list and no search."),
        error_messages={"required": gettext_lazy("Write the name of one recording.")},
        widget=forms.TextInput(_TYPED),
    )
    first = forms.CharField(
        label=gettext_lazy("From"),
        max_length=12,
        initial="00:00",
        help_text=gettext_lazy("Minutes and seconds, such as 01:30."),
        widget=forms.TextInput({**_TYPED, "inputmode": "text"}),
    )
    last = forms.CharField(
        label=gettext_lazy("To"),
        max_length=12,
        help_text=gettext_lazy("No more than the case needs."),
        error_messages={"required": gettext_lazy("Write where the part ends.")},
        widget=forms.TextInput({**_TYPED, "inputmode": "text"}),
    )
    clarity = forms.ChoiceField(
        label=gettext_lazy("The clearest picture"),
        initial=Clarity.PIXELATED.value,
        help_text=gettext_lazy("A look begins in grey blocks, without sound. Each step beyond is written down when you take it."),
    )
    sound = forms.ChoiceField(label=gettext_lazy("The clearest sound"), initial=Sound.MUTE.value)
    why = forms.CharField(
        label=gettext_lazy("Why less would not do"),
        max_length=_MOST_TEXT,
        help_text=gettext_lazy("For the person who approves. It is sealed, and erased with the person it is about."),
        error_messages={"required": gettext_lazy("Write in a sentence or two why less would not do.")},
        widget=forms.Textarea({"rows": 4}),
    )
    extends = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput)

    break_glass = False

    def __init__(self, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        """Offer the closed lists."""
        super().__init__(data, initial=initial)
        offered: dict[str, list[tuple[str, str | Promise]]] = {
            "purpose": [(each.value, said) for each, said in sentences.PURPOSES.items() if self._offers(each)],
            "case_kind": _offered(CaseKind),
            "clarity": [each for each in _offered(Clarity) if not self.break_glass or each[0] in _NARROW],
            "sound": [each for each in _offered(Sound) if not self.break_glass or each[0] != Sound.CLEAR],
        }
        for name, each in offered.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = each if name in {"clarity", "sound"} or len(each) == 1 else [("", _("Choose one")), *each]

    def _offers(self, purpose: ReviewPurpose) -> bool:
        return not self.break_glass or purpose is ReviewPurpose.HARM

    def clean_case_number(self) -> str:
        """Take the key of a case, in capitals."""
        number: str = self.cleaned_data["case_number"].strip().upper()
        if not _CASE.fullmatch(number):
            raise ValidationError(_("Write letters, a hyphen and a number, such as LE-88. No name of a person."))
        return number

    def clean_recording(self) -> str:
        """Take a kind of data and a name."""
        recording: str = self.cleaned_data["recording"].strip()
        dataset, slash, name = recording.partition("/")
        if not (dataset and slash and name):
            raise ValidationError(_("Write the kind of data, a slash, and the name."))
        return recording

    def clean_first(self) -> int:
        """Take a place in milliseconds."""
        return self._taken("first")

    def clean_last(self) -> int:
        """Take a place in milliseconds."""
        return self._taken("last")

    def clean(self) -> dict[str, Any]:
        """Hold the two places against each other."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("first") is not None and cleaned.get("last") is not None and cleaned["first"] >= cleaned["last"]:
            self.add_error("last", _("The part ends before it begins. Write a later time."))
        return cleaned

    def wanted(self) -> NewReview:
        """Return the request of a form that is filled."""
        typed = self.cleaned_data
        dataset, _slash, name = typed["recording"].partition("/")
        return NewReview(
            ReviewPurpose(typed["purpose"]),
            CaseKind(typed["case_kind"]),
            typed["case_number"],
            dataset,
            name,
            typed["first"],
            typed["last"],
            Clarity(typed["clarity"]),
            Sound(typed["sound"]),
            typed["why"],
            typed["extends"],
            self.break_glass,
        )

    def _taken(self, name: str) -> int:
        found = _place(self.cleaned_data[name])
        if found is None:
            raise ValidationError(_("Write minutes and seconds, such as 01:30."))
        return found


class EmergencyForm(AskForm):
    """A request that asks no other person first."""

    knows = forms.BooleanField(
        label=gettext_lazy("I know: the customer is told at once, and another person judges this within 24 hours"),
        error_messages={"required": gettext_lazy("Confirm that you know what follows.")},
    )
    break_glass = True


def extension_of(page: RequestPage) -> dict[str, Any]:
    """Return what a request that goes on with another one begins with: the same case, recording and purpose, and the part behind."""
    card = page.card
    return {
        "purpose": card.purpose.value,
        "case_kind": card.case_kind.value,
        "case_number": card.case_number,
        "recording": page.recording or "",
        "first": sentences.clock_of(card.last_ms),
        "clarity": card.clarity.value,
        "sound": card.sound.value,
        "extends": card.request,
    }
