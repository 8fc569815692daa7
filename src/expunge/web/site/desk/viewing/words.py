"""A lease in words: how clear it is, why it ended, why something was refused."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from expunge.core.journal.review_words import Clarity, LeaseEnding, ReviewOutcome, ReviewPurpose, Sound
from expunge.core.review.request import LeaseStanding
from expunge.errors import DeskRefused, ExpungeError, ItemGone, Unplayable, UsageError
from expunge.ports.review.desk_door import LeaseCard

ENDED = frozenset({"no-lease", "not-active", "lease-over", "session-ended", "no-session", "erasure", "dispute", "no-consent", "recused"})
"""Rules that say that nothing more is shown under a lease, ever."""
PICTURES: dict[Clarity, str | Promise] = {
    Clarity.TRANSCRIPT: gettext_lazy("the words alone, names hidden"),
    Clarity.PIXELATED: gettext_lazy("coarse blocks without colour"),
    Clarity.FACES_HIDDEN: gettext_lazy("in colour, faces hidden"),
    Clarity.CLEAR: gettext_lazy("a clear picture"),
}
SOUNDS: dict[Sound, str | Promise] = {
    Sound.MUTE: gettext_lazy("no sound"),
    Sound.MASKED: gettext_lazy("voices changed"),
    Sound.CLEAR: gettext_lazy("clear sound"),
}
PURPOSES: dict[ReviewPurpose, str | Promise] = {
    ReviewPurpose.LAW: gettext_lazy("the law asks for it"),
    ReviewPurpose.ILLEGAL_ACTIVITY: gettext_lazy("to find out about something against the law"),
    ReviewPurpose.LEGAL_RIGHTS: gettext_lazy("a legal claim"),
    ReviewPurpose.HARM: gettext_lazy("to keep harm or a loss away"),
    ReviewPurpose.AUTHORISED: gettext_lazy("the family agreed to it"),
}
OUTCOMES: dict[ReviewOutcome, str | Promise] = {
    ReviewOutcome.RESOLVED: gettext_lazy("What was seen settled the case."),
    ReviewOutcome.NOTHING_SEEN: gettext_lazy("The recording did not help the case."),
    ReviewOutcome.HANDED_ON: gettext_lazy("Another person goes on with the case."),
    ReviewOutcome.REPORTED: gettext_lazy("What was seen was reported, as the law asks."),
    ReviewOutcome.NOT_VIEWED: gettext_lazy("Nothing was looked at."),
}
_ENDINGS: dict[LeaseEnding, str | Promise] = {
    LeaseEnding.OUTCOME: gettext_lazy("You entered the result."),
    LeaseEnding.RECUSED: gettext_lazy("You gave this recording back. It is not shown to you again."),
    LeaseEnding.REVOKED: gettext_lazy("Another person stopped this view."),
    LeaseEnding.CONSENT_WITHDRAWN: gettext_lazy("The family withdrew the consent that this view stood on."),
    LeaseEnding.ERASURE: gettext_lazy("The recording is being erased, or the person in it is."),
    LeaseEnding.DISPUTE: gettext_lazy("Guardians of a person in this recording disagree. Nothing of it is shown until that is settled."),
    LeaseEnding.RIGHTS_ENDED: gettext_lazy("Your account does not have the right to see recordings any more."),
    LeaseEnding.SESSION_ENDED: gettext_lazy("The login in which this view began has ended."),
    LeaseEnding.FAMILY_DENIED: gettext_lazy("The family does not allow this view any more."),
}
_RULES: dict[str, str | Promise] = {
    "another-session": gettext_lazy("This view belongs to another login of yours. It goes on there."),
    "clearer-than-asked": gettext_lazy("The request asked for less. What is clearer takes a new request."),
    "more-than-granted": gettext_lazy("Less than this was agreed to. What is clearer takes a new request."),
    "login-weak": gettext_lazy("This login is not strong enough. Log in with a passkey."),
    "no-approval": gettext_lazy("Not enough other people have approved this."),
    "two-people-approve": gettext_lazy(
        "In the clear, a child or a room inside a home takes two approvals, or the family's word on this request."
    ),
    "nobody-agreed": gettext_lazy("Neither the family nor another person agreed to this."),
    "no-consent": gettext_lazy("The family has not agreed to this, or does not any more."),
    "customer-has-to-agree": gettext_lazy("The family has to agree to this. An approval by staff is not enough."),
    "customer-bars-review": gettext_lazy("The family allows nobody to review this recording."),
    "emergency-is-narrow": gettext_lazy("An emergency shows faces hidden and voices changed at most."),
    "erasure": gettext_lazy("The recording is being erased, or the person in it is."),
    "erasure-ordered": gettext_lazy("The recording is being erased, or the person in it is."),
    "dispute": gettext_lazy("Guardians of a person in this recording disagree. Nothing of it is shown until that is settled."),
    "live-view": gettext_lazy("The camera is recording now. A camera is never watched live."),
    "no-right": gettext_lazy("Your account does not have the right for this now."),
    "not-a-reviewer": gettext_lazy("Your account does not have the right for this now."),
    "no-session": gettext_lazy("The login in which this view began has ended."),
    "session-ended": gettext_lazy("The login in which this view began has ended."),
    "no-lease": gettext_lazy("The view is over."),
    "not-active": gettext_lazy("The view is over."),
    "lease-over": gettext_lazy("The view is over."),
    "not-approved": gettext_lazy("The request is not approved, or not any more."),
    "other-network": gettext_lazy("Recordings are not shown in this network."),
    "outside-hours": gettext_lazy("Recordings are not shown at this hour, but in an emergency."),
    "recused": gettext_lazy("You gave this recording back. It is not shown to you again."),
    "seen-enough-today": gettext_lazy("You have seen as much today as is good for a person. Go on tomorrow, or hand the case on."),
    "training-lapsed": gettext_lazy("Your yearly training about recordings is missing or too old."),
    "purpose-training-lapsed": gettext_lazy("Your training for this purpose is missing or too old."),
    "attestation-lapsed": gettext_lazy("Your statement about this purpose is missing or too old."),
    "another-recording": gettext_lazy("The recording of the request is not there any more."),
}


def clearness(clarity: Clarity, sound: Sound) -> str:
    """Return how clear a view is: *coarse blocks without colour, no sound*."""
    return f"{PICTURES[clarity]}, {SOUNDS[sound]}" if clarity is not Clarity.TRANSCRIPT else str(PICTURES[clarity])


def why_ended(card: LeaseCard) -> str:
    """Return why a lease runs no more."""
    if card.standing is LeaseStanding.TIME_OVER or card.ended is None:
        return time_over()
    return str(_ENDINGS[card.ended])


def refused(refusal: DeskRefused) -> str:
    """Return every reason of a refusal, each once. A rule that a company has added speaks in its own words."""
    known = [str(_RULES[rule]) for rule in refusal.rules if rule in _RULES]
    return " ".join(dict.fromkeys(known)) if len(known) == len(refusal.rules) and known else f"{refusal.message}."


def trouble(error: ExpungeError) -> str:
    """Return what stands in the way of a view."""
    match error:
        case DeskRefused():
            return refused(error)
        case ItemGone():
            return _("The recording is not there any more.")
        case Unplayable():
            return unplayable()
        case UsageError():
            return _("There is no such view. Look at your requests.")
        case _:
            return away()


def time_over() -> str:
    """Return that the time of a lease is over."""
    return _("The time of this view is over. To go on takes a new request.")


def elsewhere() -> str:
    """Return that a lease is watched in another window by now."""
    return _("This view goes on in another window of yours.")


def begin_anew() -> str:
    """Return that a film which broke off is not gone on with."""
    return _("The film broke off. Open the page of the view again: it says why.")


def unplayable() -> str:
    """Return that a recording cannot be shown."""
    return _("This recording cannot be shown: it is damaged, or of a form that is not known here.")


def away() -> str:
    """Return that a question could not be asked, so that nothing is shown."""
    return _("Whether this may be shown cannot be asked now, so nothing is. Try again in a moment.")
