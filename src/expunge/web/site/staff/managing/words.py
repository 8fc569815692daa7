"""Rights, job functions, reasons and standings in words for people."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from expunge.core.accounts.staff import JobFunction, StaffRight
from expunge.core.accounts.staff_events import AccessMethod, ByStaff, StaffActor, StaffReason
from expunge.core.accounts.staff_overview import StaffDecision, StaffDeed
from expunge.core.accounts.staff_state import GrantStanding, Staff, StaffStanding
from expunge.web.site.staff.right_words import right_words

FUNCTIONS: dict[JobFunction, str | Promise] = {
    JobFunction.OPERATOR: gettext_lazy("Operator"),
    JobFunction.REVIEWER: gettext_lazy("Reviewer"),
    JobFunction.OFFICER: gettext_lazy("Officer"),
    JobFunction.ASSESSOR: gettext_lazy("Assessor"),
    JobFunction.ADMINISTRATOR: gettext_lazy("Administrator"),
}
REASONS: dict[StaffReason, str | Promise] = {
    StaffReason.NEEDED: gettext_lazy("The job function needs it"),
    StaffReason.UNUSED: gettext_lazy("It was not used"),
    StaffReason.MOVED: gettext_lazy("The job function has changed"),
    StaffReason.LEFT: gettext_lazy("The person works here no longer"),
    StaffReason.AWAY: gettext_lazy("The person is away for a time"),
    StaffReason.BACK: gettext_lazy("The person is back"),
    StaffReason.INCIDENT: gettext_lazy("An incident is looked into"),
    StaffReason.MISTAKE: gettext_lazy("It was decided by mistake"),
}
STANDINGS: dict[StaffStanding, str | Promise] = {
    StaffStanding.INVITED: gettext_lazy("Invited"),
    StaffStanding.EXPIRED: gettext_lazy("Link is over"),
    StaffStanding.ACTIVE: gettext_lazy("Active"),
    StaffStanding.SUSPENDED: gettext_lazy("Suspended"),
    StaffStanding.IDLE: gettext_lazy("Closed: not seen for 90 days"),
}
GRANTS: dict[GrantStanding, str | Promise] = {
    GrantStanding.HELD: gettext_lazy("Counts"),
    GrantStanding.AWAITED: gettext_lazy("Waits for a second person"),
    GrantStanding.LAPSED: gettext_lazy("Lapsed"),
}
METHODS: dict[AccessMethod, str | Promise] = {
    AccessMethod.TOTP: gettext_lazy("A password and a code of a device"),
    AccessMethod.CERTIFICATE: gettext_lazy("A certificate of the device and a password"),
    AccessMethod.PROVIDER: gettext_lazy("The company's own login"),
}
_DEEDS: dict[StaffDeed, str | Promise] = {
    StaffDeed.INVITED: gettext_lazy("Invited as %(function)s"),
    StaffDeed.WITHDRAWN: gettext_lazy("Link withdrawn"),
    StaffDeed.ENROLLED: gettext_lazy("Enrolled with the link"),
    StaffDeed.KEYS_CONFIRMED: gettext_lazy("Passkeys confirmed"),
    StaffDeed.GRANTED: gettext_lazy("Granted as %(function)s: %(rights)s"),
    StaffDeed.REVOKED: gettext_lazy("Taken away as %(function)s: %(rights)s"),
    StaffDeed.KEPT: gettext_lazy("Confirmed as %(function)s: %(rights)s"),
    StaffDeed.SUSPENDED: gettext_lazy("Suspended"),
    StaffDeed.RESTORED: gettext_lazy("Restored"),
    StaffDeed.EQUIVALENCE: gettext_lazy("Another way to log in was recorded as equivalent"),
    StaffDeed.EQUIVALENCE_ENDED: gettext_lazy("The equivalent way to log in was ended"),
}


def listed(rights: Iterable[str]) -> str:
    """Return rights in words, in one line."""
    return ", ".join(right_words(StaffRight(each)) for each in rights)


def deed(decision: StaffDecision) -> str:
    """Return what was decided, in one line."""
    function = FUNCTIONS[JobFunction(decision.function)] if decision.function else ""
    return str(_DEEDS[decision.what]) % {"function": function, "rights": listed(decision.rights)}


def why(decision: StaffDecision) -> str:
    """Return the reason and the reference of a decision; empty where it has none."""
    parts = [str(REASONS[StaffReason(decision.reason)])] if decision.reason else []
    return " · ".join([*parts, decision.reference] if decision.reference else parts)


def who(staff: Staff, by: StaffActor | None) -> str:
    """Return who decided: the label of an account, or the machine."""
    if by is None:
        return ""
    return staff.accounts[by.account].label if isinstance(by, ByStaff) else _("the command line of the machine")
