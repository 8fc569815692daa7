"""The reasons why something about guardians cannot be done now: a closed list, each with a page that says what holds."""

from __future__ import annotations

from enum import StrEnum

from expunge.errors import GuardianshipRefused


class GuardianFault(StrEnum):
    """The reasons."""

    NO_LINK = "no-link"
    """The token belongs to no request and no invitation."""
    USED = "used"
    """The link was used; a later one may follow."""
    OVER = "over"
    """The request or the invitation has ended: in time, by its account, or because what was asked changed."""
    DONE = "done"
    """The request was agreed to before."""
    OTHER_ACCOUNT = "other-account"
    """The link is for the account that began the request."""
    DISPUTE = "dispute"
    """Guardians of the child are in dispute."""
    NOTICE_CHANGED = "notice-changed"
    """The notice that the page showed is not the one that holds now."""
    METHOD = "method"
    """The way does not exist here, or is not enough where data goes to third parties."""
    ADDRESS = "address"
    """The mail address cannot be reached, or is none."""
    NUMBER = "number"
    """The telephone number cannot be reached, or is none."""
    BIRTHDAY = "birthday"
    """The birthday is missing or that of a person who decides alone."""
    AWAY = "away"
    """The message cannot leave now. A request that was begun goes on by itself; an invitation was not made."""
    UNDER_WAY = "under-way"
    """The account is answering already."""
    NOT_YET = "not-yet"
    """The young person does not decide alone yet."""
    NOT_ALONE = "not-alone"
    """The young person decides alone: no guardian is invited any more."""
    ALREADY = "already"
    """It is so already."""
    CANNOT = "cannot"
    """It cannot be done as it was asked."""


def refused(fault: GuardianFault, message: str, instead: str = "begin again on the page") -> GuardianshipRefused:
    """Return the error of a fault."""
    return GuardianshipRefused(message, help=instead, reason=fault.value)
