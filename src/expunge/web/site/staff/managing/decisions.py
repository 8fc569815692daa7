"""Decisions about staff: the form of each, the decision that it makes, and what it says before it is confirmed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from expunge.core.accounts.fingerprints import read_fingerprint
from expunge.core.accounts.staff import RIGHTS, SECOND_LOOK, JobFunction, StaffRight
from expunge.core.accounts.staff_acts import (
    LONGEST_LABEL,
    ConfirmKeys,
    ConfirmRights,
    EndEquivalence,
    GrantRights,
    InviteStaff,
    RestoreStaff,
    RevokeRights,
    StaffAct,
    SuspendStaff,
    WithdrawInvitation,
    is_label,
    is_reference,
)
from expunge.core.accounts.staff_events import StaffReason
from expunge.web.site.staff.managing import refusals, words
from expunge.web.site.staff.managing.reading import HeldFunction, Person
from expunge.web.site.staff.right_words import right_words

_R = StaffReason
KEEP, REVOKE = "keep", "revoke"
Typed: TypeAlias = Mapping[str, Any] | None
"""What was typed into a form; None before."""


@dataclass(frozen=True)
class Said:
    """What will be decided, in plain words."""

    what: str
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(what a list is of, its lines)."""
    then: tuple[str, ...] = ()
    """What follows from it."""


class ReasonForm(forms.Form):
    """Why, in one of a few words, and the key of a ticket."""

    reason = forms.ChoiceField(label=gettext_lazy("Reason"), error_messages={"required": gettext_lazy("Choose a reason.")})
    reference = forms.CharField(
        label=gettext_lazy("Ticket"),
        required=False,
        max_length=20,
        help_text=gettext_lazy("Its key alone, such as HR-1042. It can stay empty."),
    )

    def __init__(self, data: Typed, function: HeldFunction | None, reasons: Iterable[StaffReason]) -> None:
        """Offer the reasons that fit."""
        super().__init__(data)
        self.function = function
        reason = self.fields["reason"]
        assert isinstance(reason, forms.ChoiceField)
        reason.choices = [("", _("Choose one"))] + [(each.value, words.REASONS[each]) for each in reasons]

    def clean_reference(self) -> str:
        """Take the key of a ticket, in capitals."""
        reference: str = self.cleaned_data["reference"].strip().upper()
        if reference and not is_reference(reference):
            raise ValidationError(_("Write the key of a ticket, such as HR-1042, and no text."))
        return reference

    def why(self) -> tuple[StaffReason, str]:
        """Return the reason and the reference."""
        return StaffReason(self.cleaned_data["reason"]), self.cleaned_data["reference"]


class RightsForm(ReasonForm):
    """Some rights of a job function, with a reason."""

    rights = forms.MultipleChoiceField(
        label=gettext_lazy("Rights"), error_messages={"required": gettext_lazy("Choose at least one right.")}
    )

    def offer(self, rights: Iterable[StaffRight]) -> RightsForm:
        """Offer rights, and choose all of them at first."""
        self.offered = [(each.value, right_words(each)) for each in rights]
        field = self.fields["rights"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices, field.initial = self.offered, [value for value, _words in self.offered]
        return self

    def chosen(self) -> tuple[StaffRight, ...]:
        """Return the chosen rights."""
        return tuple(sorted(map(StaffRight, self.cleaned_data["rights"])))

    @property
    def ticks(self) -> list[dict[str, Any]]:
        """Return the rights as boxes to tick."""
        chosen = self["rights"].value() or []
        return [{"value": value, "words": said, "ticked": value in chosen} for value, said in self.offered]


class ConfirmForm(ReasonForm):
    """Each right of a job function: kept, or revoked."""

    def __init__(self, data: Typed, function: HeldFunction, reasons: Iterable[StaffReason]) -> None:
        """Ask for each right that has not lapsed."""
        super().__init__(data, function, reasons)
        self.held = function.held
        for right in self.held:
            choices = [(KEEP, _("Still needed")), (REVOKE, _("Take it away"))]
            missing = {"required": _("Choose whether it is still needed.")}
            self.fields[right.value] = forms.ChoiceField(label=right_words(right), choices=choices, error_messages=missing)

    def answered(self, answer: str) -> tuple[StaffRight, ...]:
        """Return the rights with an answer."""
        return tuple(sorted(each for each in self.held if self.cleaned_data[each.value] == answer))

    @property
    def questions(self) -> list[dict[str, Any]]:
        """Return the rights with their use and their answers."""
        assert self.function is not None
        reviewed = {each.grant.right: each for each in self.function.rights}
        return [
            {
                "field": self[each.value],
                "name": each.value,
                "words": right_words(each),
                "right": reviewed[each],
                "chosen": self[each.value].value(),
            }
            for each in self.held
        ]


class KeysForm(forms.Form):
    """The fingerprints of all passkeys, as the person reads them out."""

    fingerprints = forms.CharField(
        label=gettext_lazy("Check letters"),
        max_length=400,
        help_text=gettext_lazy("Four groups of four letters and digits for each passkey. Put a space between two of them."),
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def clean_fingerprints(self) -> tuple[str, ...]:
        """Take them in their one form."""
        read = tuple(map(read_fingerprint, re.findall(r"[^\s,;]+", self.cleaned_data["fingerprints"])))
        if not all(read):
            raise ValidationError(_("These are no check letters. A passkey has four groups of four of them: k3qd-7h2m-xw5a-p4ty."))
        return read


class InviteForm(forms.Form):
    """A new account."""

    label = forms.CharField(label=gettext_lazy("Label"), max_length=LONGEST_LABEL)
    function = forms.ChoiceField(label=gettext_lazy("Job function"), error_messages={"required": gettext_lazy("Choose a job function.")})

    def __init__(self, data: Typed) -> None:
        """Offer the job functions."""
        super().__init__(data)
        self.fields["label"].help_text = refusals.label_help()
        self.fields["label"].widget.attrs |= {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        function = self.fields["function"]
        assert isinstance(function, forms.ChoiceField)
        function.choices = [("", _("Choose one"))] + [(each.value, words.FUNCTIONS[each]) for each in JobFunction]

    def clean_label(self) -> str:
        """Take a label."""
        label: str = self.cleaned_data["label"].strip()
        if not is_label(label):
            raise ValidationError(refusals.label_help())
        return label


@dataclass(frozen=True)
class Kind:
    """One kind of decision about an account that is there."""

    name: str
    """In its address."""
    title: str | Promise
    """With the label of the account."""
    right: StaffRight
    of_function: bool
    """Whether it is about one job function."""
    reasons: tuple[StaffReason, ...] = ()

    def rights(self, function: HeldFunction) -> tuple[StaffRight, ...]:
        """Return the rights of a job function that it can be about."""
        if self.name == "grant":
            return function.missing
        return function.held if self.name == "confirm" else tuple(each.grant.right for each in function.rights)

    def form(self, data: Typed, function: HeldFunction | None) -> forms.Form:
        """Return its form."""
        match self.name:
            case "grant" | "revoke" if function is not None:
                return RightsForm(data, function, self.reasons).offer(self.rights(function))
            case "confirm" if function is not None:
                return ConfirmForm(data, function, self.reasons)
            case "suspend" | "restore":
                return ReasonForm(data, None, self.reasons)
            case "confirm-key":
                return KeysForm(data)
            case _:
                return forms.Form(data)

    def act(self, form: forms.Form, person: Person, function: HeldFunction | None) -> StaffAct:
        """Return the decision of a form that is filled."""
        name = person.account.id
        match form:
            case ConfirmForm() if function is not None:
                return ConfirmRights(name, function.function, form.answered(KEEP), form.answered(REVOKE), *form.why())
            case RightsForm() if function is not None:
                kind = GrantRights if self.name == "grant" else RevokeRights
                return kind(name, function.function, form.chosen(), *form.why())
            case KeysForm():
                return ConfirmKeys(name, form.cleaned_data["fingerprints"])
            case ReasonForm():
                return (SuspendStaff if self.name == "suspend" else RestoreStaff)(name, *form.why())
            case _:
                return WithdrawInvitation(name) if self.name == "withdraw" else EndEquivalence(name)


_MANAGE = StaffRight.MANAGE_STAFF
KINDS = {
    each.name: each
    for each in (
        Kind("withdraw", gettext_lazy("Withdraw the link of %(label)s"), _MANAGE, False),  # noqa: FBT003 - a column of the table
        Kind("confirm-key", gettext_lazy("Confirm the passkeys of %(label)s"), _MANAGE, False),  # noqa: FBT003
        Kind("suspend", gettext_lazy("Suspend %(label)s"), _MANAGE, False, (_R.LEFT, _R.AWAY, _R.MOVED, _R.INCIDENT)),  # noqa: FBT003
        Kind("restore", gettext_lazy("Restore %(label)s"), _MANAGE, False, (_R.BACK, _R.NEEDED, _R.MISTAKE)),  # noqa: FBT003
        Kind("grant", gettext_lazy("Grant rights to %(label)s"), _MANAGE, True, (_R.NEEDED, _R.MOVED, _R.BACK, _R.MISTAKE)),  # noqa: FBT003
        Kind(
            "revoke", gettext_lazy("Take rights away from %(label)s"), _MANAGE, True,  # noqa: FBT003
            (_R.UNUSED, _R.MOVED, _R.LEFT, _R.AWAY, _R.INCIDENT, _R.MISTAKE),
        ),
        Kind(
            "confirm", gettext_lazy("Confirm the rights of %(label)s"), StaffRight.CONFIRM_RIGHTS, True,  # noqa: FBT003
            (_R.NEEDED, _R.UNUSED, _R.MOVED, _R.LEFT, _R.INCIDENT, _R.MISTAKE),
        ),
        Kind("end-equivalence", gettext_lazy("End the other way to log in of %(label)s"), _MANAGE, False),  # noqa: FBT003
    )
}  # fmt: skip
"""Name in an address -> the kind of decision."""


def said(act: StaffAct, label: str) -> Said:
    """Return what a decision means, in plain words."""
    return _SAID[type(act)](act, label)


def done(act: StaffAct, label: str) -> str:
    """Return what was decided, in one sentence."""
    match act:
        case WithdrawInvitation():
            return _("The link of %(label)s opens nothing any more.") % {"label": label}
        case ConfirmKeys():
            return _("The passkeys of %(label)s are confirmed.") % {"label": label}
        case GrantRights():
            return _("Granted to %(label)s: %(rights)s.") % {"label": label, "rights": words.listed(act.rights)}
        case RevokeRights():
            return _("Taken away from %(label)s: %(rights)s.") % {"label": label, "rights": words.listed(act.rights)}
        case SuspendStaff():
            return _("%(label)s is suspended.") % {"label": label}
        case RestoreStaff():
            return _("%(label)s is restored.") % {"label": label}
        case ConfirmRights():
            return _("The rights of %(label)s are decided.") % {"label": label}
        case _:
            return _("The other way to log in of %(label)s counts no longer.") % {"label": label}


def _lines(rights: Iterable[StaffRight]) -> tuple[str, ...]:
    return tuple(right_words(each) for each in rights)


def _as(function: JobFunction) -> dict[str, str]:
    return {"function": str(words.FUNCTIONS[function])}


def _stops() -> str:
    return _("A page that is open stops within seconds.")


def _second(function: JobFunction) -> tuple[str, ...]:
    if function not in SECOND_LOOK:
        return ()
    return (_("None of it counts before a second person has confirmed it."),)


def _invite(act: InviteStaff, label: str) -> Said:
    what = _("You invite %(label)s as %(function)s.") % {"label": label, **_as(act.function)}
    link = _("The link is shown once. It works once, for 72 hours.")
    return Said(what, ((_("The account may then:"), _lines(sorted(RIGHTS[act.function]))),), (link, *_second(act.function)))


def _withdraw(_act: WithdrawInvitation, label: str) -> Said:
    return Said(_("The link of %(label)s opens nothing any more.") % {"label": label}, then=(_("You can invite again at any time."),))


def _confirm_keys(act: ConfirmKeys, label: str) -> Said:
    what = _("You say that the person of %(label)s read these check letters to you.") % {"label": label}
    then = _("From then on the account may do what it has rights for.")
    return Said(what, ((_("Check letters:"), act.fingerprints),), (then,))


def _grant(act: GrantRights, label: str) -> Said:
    what = _("You grant rights to %(label)s as %(function)s.") % {"label": label, **_as(act.function)}
    return Said(what, ((_("The account may then also:"), _lines(act.rights)), _because(act)), _second(act.function))


def _revoke(act: RevokeRights, label: str) -> Said:
    what = _("You take rights away from %(label)s as %(function)s.") % {"label": label, **_as(act.function)}
    return Said(what, ((_("The account may no longer:"), _lines(act.rights)), _because(act)), (_stops(),))


def _suspend(act: SuspendStaff, label: str) -> Said:
    what = _("%(label)s may do nothing until another person restores it.") % {"label": label}
    return Said(what, (_because(act),), (_stops(), _("Its rights stay in the register.")))


def _restore(act: RestoreStaff, label: str) -> Said:
    return Said(_("%(label)s may again do what it has rights for.") % {"label": label}, (_because(act),))


def _confirm(act: ConfirmRights, label: str) -> Said:
    what = _("You decide about the rights of %(label)s as %(function)s.") % {"label": label, **_as(act.function)}
    lists = ((_("Still needed, for twelve months:"), _lines(act.kept)), (_("Taken away:"), _lines(act.revoked)))
    return Said(what, (*(each for each in lists if each[1]), _because(act)), (_stops(),) if act.revoked else ())


def _end_equivalence(_act: EndEquivalence, label: str) -> Said:
    what = _("For %(label)s no other way to log in counts any more.") % {"label": label}
    return Said(what, then=(_("From then on it takes a passkey."),))


def _because(act: GrantRights | RevokeRights | SuspendStaff | RestoreStaff | ConfirmRights) -> tuple[str, tuple[str, ...]]:
    reason = str(words.REASONS[act.reason])
    return _("Why:"), (f"{reason} · {act.reference}" if act.reference else reason,)


_SAID: dict[type[StaffAct], Callable[[Any, str], Said]] = {
    InviteStaff: _invite,
    WithdrawInvitation: _withdraw,
    ConfirmKeys: _confirm_keys,
    GrantRights: _grant,
    RevokeRights: _revoke,
    SuspendStaff: _suspend,
    RestoreStaff: _restore,
    ConfirmRights: _confirm,
    EndEquivalence: _end_equivalence,
}
