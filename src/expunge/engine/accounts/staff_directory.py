"""The directory of staff over the journal. It keeps the folded register, and reads what was appended since at each call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import StaffAct
from expunge.core.accounts.staff_events import ByMachineUser, ByStaff
from expunge.core.accounts.staff_state import GrantStanding, Staff, StaffAccount, StaffStanding
from expunge.engine.accounts import staff_register
from expunge.engine.accounts.staff_register import KeysOf, Random, StaffStream, no_keys
from expunge.errors import Refused
from expunge.ports.accounts.staff_directory import StaffActed, StaffMember, StaffRegister
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal

Withheld = Callable[[StaffAccount, datetime], frozenset[StaffRight]]
"""Returns the rights that an account was granted, and that do not count at a time."""


def nothing_withheld(_: StaffAccount, __: datetime) -> frozenset[StaffRight]:
    """Return none: for a register without a ledger beside it."""
    return frozenset()


class JournalStaffDirectory:
    """Implements ``expunge.ports.accounts.staff_directory.StaffDirectory`` over a journal."""

    def __init__(
        self, journal: Journal, clock: Clock, random: Random, user: str, keys_of: KeysOf = no_keys, withheld: Withheld = nothing_withheld
    ) -> None:
        """Read nothing yet.

        Args:
            journal: where the register is.
            clock: for times.
            random: returns so many random bytes.
            user: the account of the operating system that this process runs as.
            keys_of: returns the fingerprints of an account's passkeys that count.
            withheld: returns the rights that an account was granted, and that do not count now.
        """
        self._clock, self._random, self._user, self._keys_of, self._withheld = clock, random, user, keys_of, withheld
        self._guard = threading.Lock()
        self._stream = StaffStream(journal)

    def rights(self, account: str) -> frozenset[StaffRight]:
        """See the port."""
        with self._known() as (staff, now):
            found = staff.accounts.get(account)
            return frozenset() if found is None else self._rights(found, now)

    def may(self, account: str, right: StaffRight) -> bool:
        """See the port."""
        return right in self.rights(account)

    def confirmed_keys(self, account: str) -> frozenset[str]:
        """See the port."""
        with self._known() as (staff, _):
            found = staff.accounts.get(account)
            return frozenset() if found is None else found.keys

    def member(self, account: str) -> StaffMember | None:
        """See the port."""
        with self._known() as (staff, now):
            found = staff.accounts.get(account)
            return None if found is None else self._member(found, now)

    def members(self) -> tuple[StaffMember, ...]:
        """See the port."""
        with self._known() as (staff, now):
            return tuple(self._member(each, now) for each in staff.accounts.values())

    def redeem(self, secret: str, claim: str = "", *, keyed: bool = False) -> str:
        """See the port."""
        with self._guard:
            return staff_register.redeem(self._stream, self._clock, secret, claim or self._random(16).hex(), keyed=keyed)

    def note_seen(self, account: str) -> None:
        """See the port."""
        self._note(account, None)

    def note_use(self, account: str, right: StaffRight) -> None:
        """See the port."""
        self._note(account, right)

    def begun(self) -> bool:
        """See the port."""
        with self._known() as (staff, _):
            return staff.begun

    def first_administrator(self) -> str | None:
        """See the port."""
        with self._guard:
            if self._stream.known().begun:
                return None
            try:
                return staff_register.invite_first(self._stream, self._clock, self._random, ByMachineUser(self._user)).secret
            except Refused:
                return None

    def register(self) -> StaffRegister:
        """See the port."""
        with self._guard:
            return StaffRegister(self._clock.now(), self._stream.told())

    def try_out(self, act: StaffAct, account: str, changes: int = 0) -> None:
        """See the port."""
        with self._known() as (staff, now):
            staff_register.try_out(staff, now, act, ByStaff(account), self._keys_of, changes)

    def decide(self, act: StaffAct, account: str, changes: int = 0) -> StaffActed:
        """See the port."""
        with self._guard:
            return staff_register.decide(self._stream, self._clock, self._random, act, ByStaff(account), self._keys_of, changes)

    def _note(self, account: str, right: StaffRight | None) -> None:
        with self._guard:
            found = self._stream.known().accounts.get(account)
            if found is not None and right is not None and right in self._withheld(found, self._clock.now()):
                message = f"this takes the right {right.value}, which does not count while the yearly training has lapsed"
                raise Refused(message, help="an officer enters the training once it was done")
            staff_register.note(self._stream, self._clock, account, right)

    @contextmanager
    def _known(self) -> Iterator[tuple[Staff, datetime]]:
        """Give the register as it is now, for the length of a block, and the time."""
        with self._guard:
            yield self._stream.known(), self._clock.now()

    def _rights(self, account: StaffAccount, now: datetime) -> frozenset[StaffRight]:
        rights = account.rights(now)
        return rights - self._withheld(account, now) if rights else rights

    def _member(self, account: StaffAccount, now: datetime) -> StaffMember:
        held = (each for each in account.grants.values() if each.standing(now) is not GrantStanding.LAPSED)
        functions = {each.function.value for each in held}
        if account.standing(now) is StaffStanding.INVITED:
            functions = {account.invited.function.value}
        equivalence = account.equivalent(now)
        return StaffMember(
            account.id, account.label, account.standing(now), tuple(sorted(functions)), self._rights(account, now),
            equivalence.method if equivalence else None, account.awaits_key,
        )  # fmt: skip
