"""What the desk has against an act, in words for the person who does it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from expunge.errors import Busy, DeskRefused, ExpungeError, IllegalTransition
from expunge.web.site.desk.seating import LOGIN_RULES

_RULES: Mapping[str, str | Promise] = MappingProxyType(
    {
        "no-right": gettext_lazy("Your account does not have the right for this now. An administrator grants rights."),
        "own-request": gettext_lazy("No person approves or judges a request of their own."),
        "same-person": gettext_lazy("You have approved it already, under another name or account. It takes another person."),
        "own-training": gettext_lazy("No person enters a training of their own."),
        "not-yours": gettext_lazy("The request is another person's."),
        "erasure": gettext_lazy("A person in the recording is being erased, or was."),
        "dispute": gettext_lazy("Guardians of a person in the recording are in dispute. Until that ends nothing is shown."),
        "recused": gettext_lazy("You gave this recording back. It is never shown to you."),
        "takes-the-family": gettext_lazy("For this purpose the customer's own word is needed. No approval stands in for it."),
        "no-such-recording": gettext_lazy("No recording of that name can be asked for. Look at the case again."),
        "training-lapsed": gettext_lazy("The yearly training about recordings is missing, or has lapsed."),
        "purpose-training-lapsed": gettext_lazy("The training for this purpose is missing, or has lapsed."),
        "attestation-lapsed": gettext_lazy("Your statement for this purpose is missing, or has lapsed."),
        "outside-hours": gettext_lazy("Recordings are not looked at by staff at this hour, unless it is an emergency."),
        "other-network": gettext_lazy("Recordings are not looked at by staff from this network."),
        "range-too-long": gettext_lazy("The part is longer than is allowed here. Ask for what the case needs."),
        "two-people-approve": gettext_lazy("A child, or a room inside a home, takes two approvals in the clear."),
        "customer-has-to-agree": gettext_lazy("For this purpose the customer has to agree. An approval by staff is not enough."),
        "customer-denied": gettext_lazy("The customer said no to this request."),
        "customer-bars-review": gettext_lazy("The customer lets no person look at this recording."),
        "emergency-not-reviewed": gettext_lazy("An earlier emergency of yours still waits to be judged."),
        "less-may-do": gettext_lazy("It asks for more than grey blocks without sound, and does not say why less would not do."),
        "another-session": gettext_lazy("This view belongs to another login of yours. It goes on there."),
        "clearer-than-asked": gettext_lazy("The request asked for less. What is clearer takes a new request."),
        "more-than-granted": gettext_lazy("Less than this was agreed to. What is clearer takes a new request."),
        "no-approval": gettext_lazy("Not enough other people have approved this."),
        "nobody-agreed": gettext_lazy("Neither the customer nor another person agreed to this."),
        "no-consent": gettext_lazy("The customer has not agreed to this, or does not any more."),
        "erasure-ordered": gettext_lazy("A person in the recording is being erased, or was."),
        "live-view": gettext_lazy("The camera is recording now. A camera is never watched live."),
        "not-a-reviewer": gettext_lazy("Your account does not have the right for this now. An administrator grants rights."),
        "no-lease": gettext_lazy("The view is over."),
        "not-active": gettext_lazy("The view is over."),
        "lease-over": gettext_lazy("The view is over."),
        "not-approved": gettext_lazy("The request is not approved, or not any more."),
        "out-of-range": gettext_lazy("This part lies outside what was asked for."),
        "seen-enough-today": gettext_lazy("You have seen as much today as is good for a person. Go on tomorrow, or hand the case on."),
        "another-recording": gettext_lazy("The recording of the request is not there any more."),
        "emergency-is-narrow": gettext_lazy("An emergency shows grey blocks, or colour with faces hidden, and no more."),
    }
)
"""Rule -> its words. A rule of a company's own speaks for itself."""


def listed(error: ExpungeError) -> list[str]:
    """Return each reason of a refusal in words, or what else is in the way. Raises as :func:`reasons`."""
    return reasons(error) if isinstance(error, DeskRefused) else [in_one_line(error)]


def reasons(error: DeskRefused) -> list[str]:
    """Return each reason of a refusal in words. Raises it where a passkey shown now would help: the desk leads to the page for that."""
    if not LOGIN_RULES.isdisjoint(error.rules):
        raise error
    said = error.message.split("; ")
    if len(said) != len(error.rules):
        return [str(_RULES[rule]) for rule in error.rules if rule in _RULES] or said
    return list(dict.fromkeys(str(_RULES.get(rule, text)) for rule, text in zip(error.rules, said, strict=True)))


def in_one_line(error: ExpungeError) -> str:
    """Return what is in the way, in one line."""
    match error:
        case DeskRefused():
            return " ".join(reasons(error))
        case IllegalTransition():
            return _("The request stands otherwise by now. Look at it again.")
        case Busy():
            return busy()
        case _:
            return _("This is not taken: %(why)s.") % {"why": error.message}


def busy() -> str:
    """Return what is said where others keep writing."""
    return _("Others are writing at this moment. Nothing was entered. Try again.")
