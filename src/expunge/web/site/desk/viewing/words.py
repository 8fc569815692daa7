"""A lease in words: how clear it is, why it ended, why something was refused."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from expunge.core.journal.review_words import Clarity, LeaseEnding, Sound
from expunge.core.review.request import LeaseStanding
from expunge.errors import DeskRefused, ExpungeError, ItemGone, Unplayable, UsageError
from expunge.ports.review.desk_door import LeaseCard
from expunge.web.site.desk import refusals
from expunge.web.site.desk.words import word

ENDED = frozenset({"no-lease", "not-active", "lease-over", "session-ended", "no-session", "erasure", "dispute", "no-consent", "recused"})
"""Rules that say that nothing more is shown under a lease, ever."""
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


def clearness(clarity: Clarity, sound: Sound) -> str:
    """Return how clear a view is: *pixelated, no sound*."""
    return f"{word(clarity)}, {word(sound)}" if clarity is not Clarity.TRANSCRIPT else word(clarity)


def why_ended(card: LeaseCard) -> str:
    """Return why a lease runs no more."""
    if card.standing is LeaseStanding.TIME_OVER or card.ended is None:
        return time_over()
    return str(_ENDINGS[card.ended])


def trouble(error: ExpungeError) -> str:
    """Return what stands in the way of a view. Raises the error itself where a passkey that is shown now would mend it."""
    match error:
        case DeskRefused():
            return " ".join(refusals.reasons(error))
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
    """Return that an account watches in another window by now."""
    return _("You watch in another window by now. What is shown there goes on.")


def begin_anew() -> str:
    """Return that a film which broke off is not gone on with."""
    return _("The film broke off. Open the page of the view again: it says why.")


def unplayable() -> str:
    """Return that a recording cannot be shown."""
    return _("This recording cannot be shown: it is damaged, or of a form that is not known here.")


def away() -> str:
    """Return that a question could not be asked, so that nothing is shown."""
    return _("Whether this may be shown cannot be asked now, so nothing is. Try again in a moment.")
