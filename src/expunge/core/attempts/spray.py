"""Telling an attack from people who mistype: many failures that share their source or their password, over many accounts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WATCH = 600.0
"""Seconds over which failures are gathered before they are looked at anew."""
QUIET = 600.0
"""Seconds without a try after which an attack has ended."""
QUIET_ACCOUNT = 2400.0
"""The same for an attack on one account, which its delays slow down to a try in a quarter of an hour."""
ACCOUNTS_OF_A_SUSPECT = 3
"""Accounts at which a client has failed when it is a suspect."""
ACCOUNTS_OF_A_SUSPECT_NETWORK = 8
"""The same for a network."""
ACCOUNTS_OF_A_SHARED_PASSWORD = 5
"""The same for a password."""
_SUSPECT_TRIES = 20
_ACCOUNTS = 20
_WIDE = 40
_FAILURES_FOR_A_SUCCESS = 10
_CONCENTRATED = 20
_BUSY_MINUTE = 60


class AttackKind(StrEnum):
    """What was attacked."""

    SPRAY = "spray"
    """Many accounts."""
    CONCENTRATED = "concentrated"
    """One account."""


@dataclass(frozen=True)
class SourceCounts:
    """What is known of the source of a try, in its window."""

    client_accounts: int = 0
    """Accounts at which the client has failed."""
    network_accounts: int = 0
    """Accounts at which its network has failed."""
    password_accounts: int = 0
    """Accounts at which the password has failed."""


@dataclass(frozen=True)
class WatchedTries:
    """What was gathered in a watch."""

    tries: int
    suspects: int
    """Tries from suspects."""
    successes: int
    """Logins of unknown browsers whose first factor was right."""
    accounts: int
    """Accounts at which a try failed or was refused."""


def is_suspect(source: SourceCounts) -> bool:
    """Return whether a source tries the accounts of others."""
    return (
        source.client_accounts >= ACCOUNTS_OF_A_SUSPECT
        or source.network_accounts >= ACCOUNTS_OF_A_SUSPECT_NETWORK
        or source.password_accounts >= ACCOUNTS_OF_A_SHARED_PASSWORD
    )


def is_spray(watched: WatchedTries) -> bool:
    """Return whether tries are one attack on many accounts.

    Either suspects have tried many accounts; or so many accounts failed, and so few logins succeeded, that people who mistype do not
    explain it, however many addresses the tries came from.
    """
    shared = watched.suspects >= _SUSPECT_TRIES and watched.accounts >= _ACCOUNTS
    wide = watched.accounts >= _WIDE and watched.tries >= _FAILURES_FOR_A_SUCCESS * max(1, watched.successes)
    return shared or wide


def is_concentrated(failures: int) -> bool:
    """Return whether failures in a row at one account are an attack on it."""
    return failures >= _CONCENTRATED


def belongs(*, refused: bool, suspect: bool, failures_this_minute: int) -> bool:
    """Return whether a try that failed while a spray is under way is part of it."""
    return refused or suspect or failures_this_minute >= _BUSY_MINUTE
