"""What the rules of the register have against a decision, in words for the person who decides."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from expunge.core.accounts.staff_acts import LONGEST_LABEL, StaffRule
from expunge.errors import AlreadyThere, ChallengeEnded, CredentialCopied, DecisionRefused, ExpungeError, NotPermitted, ProofRefused
from expunge.web.site.staff.managing import words

_RULES: dict[StaffRule, str | Promise] = {
    StaffRule.NO_RIGHT: gettext_lazy("Your account does not have the right for this now. An administrator grants rights."),
    StaffRule.OWN_RIGHTS: gettext_lazy("An account does not decide about its own rights. Another person has to decide this."),
    StaffRule.NOT_ENROLLED: gettext_lazy("The person has not used the link yet. Withdraw it, and invite again."),
    StaffRule.NOT_OF_FUNCTION: gettext_lazy("The job function does not need this right: %(rights)s."),
    StaffRule.HAS_IT: gettext_lazy("The account has this right already: %(rights)s. To say that it is still needed, confirm it."),
    StaffRule.LACKS_IT: gettext_lazy("The account does not have this right any more: %(rights)s. Look at what it has now."),
    StaffRule.NO_LINK: gettext_lazy("The account has no link that still works. Look at how it stands now."),
    StaffRule.NOT_IN_USE: gettext_lazy("Only an account that is enrolled and not suspended can be suspended. Look at how it stands now."),
    StaffRule.IN_USE: gettext_lazy("The account is neither suspended nor closed. Look at how it stands now."),
    StaffRule.NO_EQUIVALENCE: gettext_lazy("No other way to log in counts for this account. Look at how it stands now."),
    StaffRule.NOTHING_HELD: gettext_lazy("The account has no right left that could be confirmed. A lapsed right is granted anew."),
    StaffRule.SECOND_PERSON: gettext_lazy("A second person confirms what the first one granted. Ask another officer to decide this."),
    StaffRule.CONFLICT: gettext_lazy("One person may not have both: %(rights)s. Take the other one away first, or choose another person."),
    StaffRule.LAST_ADMINISTRATOR: gettext_lazy(
        "This is the last account that manages people and rights. Enrol another administrator first."
    ),
    StaffRule.NO_KEY_WAITS: gettext_lazy("No passkey of this account waits to be confirmed. Look at how it stands now."),
    StaffRule.NO_KEY: gettext_lazy("The account has no passkey yet. The person enrols one, and reads its check letters to you."),
    StaffRule.KEYS_DIFFER: gettext_lazy(
        "The passkeys of the account have other check letters. Compare them once more; if they differ, suspend the account."
    ),
    StaffRule.CHANGED: gettext_lazy("Another decision about this account came in between. Look at it now, and decide again."),
}


def words_of(error: ExpungeError) -> str:
    """Return what is in the way of a decision, and what helps."""
    match error:
        case DecisionRefused():
            return _of_rule(error)
        case AlreadyThere():
            return _("An account with this label has rights or is invited. Choose another label.")
        case CredentialCopied():
            return _("This security key was copied, so it does not count any more. Use another passkey, and tell an administrator.")
        case ChallengeEnded():
            return _("This was decided already, or it took too long. Look at the account before you decide again.")
        case ProofRefused():
            return _("The passkey's answer does not hold. Nothing was decided. Try again.")
        case NotPermitted():
            return _("This takes a right that your account does not have now, or a passkey that another person has confirmed.")
        case _:
            return _("What this page says is not as it was. Nothing was decided. Look at the account, and decide again.")


def changed() -> str:
    """Return what is said where another decision came in between."""
    return str(_RULES[StaffRule.CHANGED])


def label_help() -> str:
    """Return what a label is."""
    return _("Up to %(most)s small letters, digits and hyphens. Name the desk or the duty, never the person.") % {"most": LONGEST_LABEL}


def _of_rule(error: DecisionRefused) -> str:
    rule, *rights = error.reason.split(" ")
    return str(_RULES[StaffRule(rule)]) % {"rights": words.listed(rights)}
