"""The port of the register of staff, for the keeper and the web process: who may do what now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import StaffAct
from expunge.core.accounts.staff_events import AccessMethod, StaffEvent
from expunge.core.accounts.staff_state import StaffStanding


@dataclass(frozen=True)
class StaffActed:
    """The result of a decision about staff."""

    account: str
    secret: str = ""
    """The secret of the link, for an invitation. It is kept nowhere, and told once."""


@dataclass(frozen=True)
class StaffMember:
    """One account as pages show it."""

    account: str
    label: str
    standing: StaffStanding
    functions: tuple[str, ...]
    rights: frozenset[StaffRight]
    """What it may do now."""
    equivalence: AccessMethod | None
    """A way to log in that counts as one that cannot be phished, by a record that holds now."""
    awaits_key: bool = False
    """Whether another person has yet to confirm the fingerprint of its passkey; until then it has no right."""


@dataclass(frozen=True)
class StaffRegister:
    """The register for people who may read it, as events that :class:`expunge.core.accounts.staff_state.Staff` folds.

    It has every decision, and of the notes of days the last of each kind. It has no name of an account of the operating system, so that it
    does not tell which accounts are one person's.
    """

    at: datetime
    """The time by the clock that the rights are held against."""
    events: tuple[StaffEvent, ...]


class StaffDirectory(Protocol):
    """The register of staff. Safe between threads; what one process decided, every other sees at its next call.

    Durability: what a verb enters is in the journal when it returns. Each verb raises Busy where other processes keep writing to the
    register, and StateUnavailable where the state cannot be reached. Each may be called again after a lost reply.
    """

    def rights(self, account: str) -> frozenset[StaffRight]:
        """Return what an account may do now; nothing for an account that is not known, suspended or idle."""
        ...

    def may(self, account: str, right: StaffRight) -> bool:
        """Return whether an account may do now what a right lets it do."""
        ...

    def confirmed_keys(self, account: str) -> frozenset[str]:
        """Return the fingerprints of an account's passkeys that another person confirmed."""
        ...

    def member(self, account: str) -> StaffMember | None:
        """Return an account; None where it is not known."""
        ...

    def members(self) -> tuple[StaffMember, ...]:
        """Return every account, oldest first."""
        ...

    def redeem(self, secret: str, claim: str = "", *, keyed: bool = False) -> str:
        """Use a link, which works once, and return its account.

        Args:
            secret: of the link.
            claim: what the caller calls this use: 16 random bytes in hex. The same again is the same use, and returns the same account.
            keyed: whether the person enrols a passkey with it, which another person then has to confirm.

        Raises Refused for a link that is not known, was used, was withdrawn or has ended.
        """
        ...

    def note_seen(self, account: str) -> None:
        """Note that the account is logged in today. Raises Refused for one that is suspended, idle or not known."""
        ...

    def note_use(self, account: str, right: StaffRight) -> None:
        """Note that a right is used today: before what it lets the account do. Raises Refused where the account may not."""
        ...

    def begun(self) -> bool:
        """Return whether a person was ever enrolled."""
        ...

    def first_administrator(self) -> str | None:
        """Return the secret of a link that enrols the first administrator; None once a person is enrolled.

        Each call makes a new one, and the one before opens nothing any more.
        """
        ...

    def register(self) -> StaffRegister:
        """Return the register for people."""
        ...

    def try_out(self, act: StaffAct, account: str, changes: int = 0) -> None:
        """Raise what :meth:`decide` would raise for the same, and enter nothing."""
        ...

    def decide(self, act: StaffAct, account: str, changes: int = 0) -> StaffActed:
        """Enter a decision by an account of staff, once that account has proven that it decides exactly this.

        Args:
            act: the decision.
            account: who decides.
            changes: what was decided about the account of the decision when it was looked at, as
                :attr:`expunge.core.accounts.staff_state.StaffAccount.changes` counts; 0 where it does not matter.

        Raises UsageError and Refused as :func:`expunge.core.accounts.staff_acts.decide` and
        :func:`expunge.core.accounts.staff_acts.require_unchanged`.
        """
        ...


class StaffDoor(Protocol):
    """The register of staff as the web process asks the keeper for it: it reads, notes use, and changes nothing without a permit.

    Safe between threads. Raises KeeperAway from each verb where the keeper does not answer now, and what the directory raises.
    """

    def member(self, account: str) -> StaffMember | None:
        """Return an account with what it may do now; None where it is not known."""
        ...

    def rights(self, account: str) -> frozenset[StaffRight]:
        """Return what an account may do now."""
        ...

    def members(self, account: str) -> tuple[StaffMember, ...]:
        """Return every account, to one that may read the register. Raises Refused to any other."""
        ...

    def note_seen(self, account: str) -> None:
        """Note that an account is logged in today. Raises Refused for one that is suspended, idle or not known."""
        ...

    def note_use(self, account: str, right: StaffRight) -> None:
        """Note that a right is used today, before what it lets the account do. Raises Refused where the account may not."""
        ...

    def register(self, account: str) -> StaffRegister:
        """Return the register to an account that may read it, and note that it was read. Raises Refused to any other."""
        ...

    def try_out(self, act: StaffAct, account: str, changes: int = 0) -> None:
        """Raise what the rules have against a decision, and enter nothing."""
        ...

    def decide(self, act: StaffAct, permit: str, account: str, session: str, changes: int = 0) -> StaffActed:
        """Have a decision entered, with the permit that an account gave for exactly this, in a web session of that hex SHA-256.

        ``changes`` is that of :meth:`StaffDirectory.decide`. Raises Refused or ProofRefused without a permit.
        """
        ...
