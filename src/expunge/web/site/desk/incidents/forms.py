"""The forms of incidents. Every time is UTC, and no field takes a text: the ticket has the rest."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from expunge.core.accounts.staff_acts import check_reference
from expunge.core.journal.incident_events import IncidentFact, IncidentKind, IncidentVerdict, IncidentWord, ScopeSource
from expunge.errors import UsageError
from expunge.ports.review.incident_door import IncidentChange, IncidentEntry, IncidentReach
from expunge.web.site.desk.incidents.incident_words import incident_choices

_Word = TypeVar("_Word", bound=StrEnum)
_MOST_WHO, _MOST_ID = 64, 16
_FORM = "%Y-%m-%dT%H:%M"
_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def _time(label: Any, *, required: bool = True, words: Any = "") -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        required=required,
        help_text=words,
        input_formats=[_FORM, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
        widget=forms.DateTimeInput({"type": "datetime-local"}, format=_FORM),
        error_messages={"required": gettext_lazy("Write the day and the time."), "invalid": gettext_lazy("Write it as 2027-01-31 14:30.")},
    )


class _Referring(forms.Form):
    """A form that takes the key of a ticket."""

    reference = forms.CharField(
        label=gettext_lazy("Ticket"),
        max_length=20,
        help_text=gettext_lazy("Its key alone, such as SEC-1042. What you know stands there, and not here."),
        error_messages={"required": gettext_lazy("Write the key of the ticket.")},
        widget=forms.TextInput(_PLAIN),
    )

    def clean_reference(self) -> str:
        """Take the key of a ticket, in capitals."""
        reference: str = self.cleaned_data["reference"].strip().upper()
        try:
            check_reference(reference)
        except UsageError as error:
            raise ValidationError(_("Write the key of a ticket, such as SEC-1042, and no text.")) from error
        return reference


class _Reaching(_Referring):
    """A form that takes whom an incident reaches."""

    source = forms.ChoiceField(label=gettext_lazy("Who is affected?"), required=False)
    who = forms.CharField(
        label=gettext_lazy("Account"),
        required=False,
        max_length=_MOST_WHO,
        help_text=gettext_lazy("The label of a member of staff, or the id of the account. No name of a customer."),
        widget=forms.TextInput(_PLAIN),
    )
    since = _time(gettext_lazy("From (UTC)"), required=False)
    until = _time(gettext_lazy("Until (UTC)"), required=False)

    def __init__(self, data: object = None, **kwargs: Any) -> None:
        """Offer the lists in the language of the page."""
        super().__init__(data, **kwargs)  # type: ignore[arg-type]
        sources = [each for each in incident_choices(ScopeSource) if each[0] != ScopeSource.NOWHERE.name.lower()]
        _offer(self, "source", [("", _("No register tells")), *sources])

    def reach(self, since: datetime, until: datetime) -> IncidentReach | None:
        """Return whom it reaches; None where no register tells.

        Args:
            since: where the form names no beginning.
            until: where it names no end.
        """
        values = self.cleaned_data
        if not values["source"]:
            return None
        return IncidentReach(_named(ScopeSource, values["source"]), values["who"], values["since"] or since, values["until"] or until)

    def clean(self) -> dict[str, Any]:
        """Require an account where a register is named."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("source") and not values.get("who"):
            self.add_error("who", _("Write the account."))
        return values


class EntryForm(_Reaching):
    """A new incident."""

    kind = forms.ChoiceField(label=gettext_lazy("What happened?"), error_messages={"required": gettext_lazy("Choose what happened.")})
    what = forms.MultipleChoiceField(label=gettext_lazy("Which data?"), error_messages={"required": gettext_lazy("Tick one at least.")})
    began = _time(gettext_lazy("It began (UTC)"))
    discovered = _time(gettext_lazy("It was discovered (UTC)"))

    def __init__(self, data: object = None, **kwargs: Any) -> None:
        """Offer the lists in the language of the page."""
        super().__init__(data, **kwargs)
        _offer(self, "kind", [("", _("Choose one")), *incident_choices(IncidentKind)])
        _offer(self, "what", incident_choices(IncidentWord))

    @property
    def ticks(self) -> list[dict[str, object]]:
        """What may be ticked, with what is."""
        ticked = self.data.getlist("what") if hasattr(self.data, "getlist") else []
        return [{"value": value, "words": words, "ticked": value in ticked} for value, words in incident_choices(IncidentWord)]

    def entry(self) -> IncidentEntry:
        """Return what a valid form enters."""
        values = self.cleaned_data
        began, discovered = values["began"], values["discovered"]
        what = tuple(_named(IncidentWord, each) for each in values["what"])
        return IncidentEntry(
            _named(IncidentKind, values["kind"]), began, discovered, what, values["reference"], self.reach(began, discovered)
        )


class FactForm(_Referring):
    """What was done, or found out."""

    fact = forms.ChoiceField(label=gettext_lazy("What was done or found out?"), error_messages={"required": gettext_lazy("Choose one.")})
    on = _time(gettext_lazy("When (UTC)"))
    number = forms.IntegerField(
        label=gettext_lazy("Accounts"),
        required=False,
        min_value=1,
        max_value=10**9,
        help_text=gettext_lazy("Only where they were counted otherwise. It counts where it is more than the registers say."),
    )

    def __init__(self, data: object = None, **kwargs: Any) -> None:
        """Offer the list in the language of the page."""
        super().__init__(data, **kwargs)  # type: ignore[arg-type]
        _offer(self, "fact", [("", _("Choose one")), *incident_choices(IncidentFact)])

    def change(self) -> IncidentChange:
        """Return what a valid form enters."""
        values = self.cleaned_data
        return IncidentChange(values["reference"], _named(IncidentFact, values["fact"]), values["on"], values["number"] or 0)


class ReachForm(_Reaching):
    """Whom an incident reaches further."""

    def clean(self) -> dict[str, Any]:
        """Require a register and both ends."""
        values = super().clean()
        for name in ("source", "since", "until"):
            if not values.get(name) and name not in self.errors:
                self.add_error(name, _("This is needed."))
        return values

    def change(self) -> IncidentChange:
        """Return what a valid form enters."""
        values = self.cleaned_data
        return IncidentChange(values["reference"], reach=self.reach(values["since"], values["until"]))


class JoinForm(_Referring):
    """The incident that it is a part of."""

    into = forms.CharField(label=gettext_lazy("It is a part of"), max_length=_MOST_ID, widget=forms.TextInput(_PLAIN))

    def change(self) -> IncidentChange:
        """Return what a valid form enters."""
        return IncidentChange(self.cleaned_data["reference"], into=self.cleaned_data["into"])


class CloseForm(_Referring):
    """A judgement."""

    verdict = forms.ChoiceField(label=gettext_lazy("How do you judge it?"), error_messages={"required": gettext_lazy("Choose one.")})

    def __init__(self, data: object = None, **kwargs: Any) -> None:
        """Offer the list in the language of the page."""
        super().__init__(data, **kwargs)  # type: ignore[arg-type]
        _offer(self, "verdict", [("", _("Choose one")), *incident_choices(IncidentVerdict)])

    @property
    def chosen(self) -> IncidentVerdict:
        """The verdict of a valid form."""
        return _named(IncidentVerdict, self.cleaned_data["verdict"])


def _offer(form: forms.Form, name: str, choices: list[tuple[str, str]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices


def _named(kind: type[_Word], name: str) -> _Word:
    return kind[name.upper()]
