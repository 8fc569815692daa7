"""What goes wrong with a login at a company. A person is told which of these it is, and nothing that the provider wrote."""

from __future__ import annotations

from enum import StrEnum


class Problem(StrEnum):
    """What went wrong."""

    DENIED = "denied"
    """The person, or the company, said no."""
    AWAY = "away"
    """The provider does not answer, or too slowly, or says that it cannot now."""
    CLOCK = "clock"
    """Its clock and ours are apart by more than a minute."""
    UNTRUSTED = "untrusted"
    """Its answer is not what it should be: a wrong key, issuer, client or nonce, or another form."""
    LATE = "late"
    """The answer belongs to no login that this browser began within ten minutes, or came a second time."""
    NOT_SET_UP = "not set up"
    """The operator's secret cannot be read, or the provider refuses it."""
    NOT_CONNECTED = "not connected"
    """The company's login is connected to no account of staff."""
    TOO_WEAK = "too weak"
    """The company's login can be phished, and nothing stands in for it."""
    CLOSED = "closed"
    """The account of staff is suspended, idle, or none any more."""
    ANOTHER_ACCOUNT = "another account"
    """It is connected to another account than the one that it should prove."""


class ProviderTrouble(Exception):
    """A login at a company went wrong."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        """Take what went wrong.

        Args:
            problem: what the person is told.
            detail: for the operator: names of parameters and claims, never a value of them.
        """
        super().__init__(f"{problem}: {detail}" if detail else str(problem))
        self.problem, self.detail = problem, detail
