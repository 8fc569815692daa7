"""Rights of staff in the words of pages."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

from expunge.core.accounts.staff import StaffRight

_WORDS = {
    StaffRight.ENTER_ORDERS: gettext_noop("Enter orders for people who asked"),
    StaffRight.EXECUTE_ORDERS: gettext_noop("Carry out orders that are approved"),
    StaffRight.APPROVE_ORDERS: gettext_noop("Approve the plans of orders"),
    StaffRight.FOLLOW_ORDERS: gettext_noop("Follow orders and their deadlines"),
    StaffRight.REQUEST_VIEWS: gettext_noop("Ask to see part of a recording"),
    StaffRight.APPROVE_VIEWS: gettext_noop("Approve that another person sees a recording"),
    StaffRight.SEE_VIEWS: gettext_noop("See the part of a recording that was approved"),
    StaffRight.CHECK_FORMS: gettext_noop("Check signed forms of people who ask to be guardian"),
    StaffRight.MANAGE_STAFF: gettext_noop("Invite people, and grant and revoke rights"),
    StaffRight.CONFIRM_RIGHTS: gettext_noop("Confirm that rights are still needed"),
    StaffRight.READ_STAFF: gettext_noop("Read who of the staff may do what"),
    StaffRight.READ_EVIDENCE: gettext_noop("Read receipts and evidence"),
}


def right_words(right: StaffRight) -> str:
    """Return what a right lets a person do, in the language of the page."""
    return gettext(_WORDS[right])
