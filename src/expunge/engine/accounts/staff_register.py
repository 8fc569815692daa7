"""The register of staff: decide, invite, enrol, and note what is used.

Each decision is taken from the whole register and appended right behind it. Of two that exclude one another, the second is refused. A
process folds the register once and reads on from there: days of use make it long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time
from hashlib import sha256
from uuid import UUID

from expunge.core.accounts import staff_acts
from expunge.core.accounts import staff_events as ev
from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import ConfirmKeys, InviteStaff, NewLink, StaffAct
from expunge.core.accounts.staff_events import StaffActor
from expunge.core.accounts.staff_state import Staff, StaffStanding
from expunge.core.journal import events as journalled
from expunge.core.journal.peek import peek, read_flat
from expunge.core.values import b64
from expunge.engine.kernel.journal_streams import MOST_REBASES, STAFF, crowded, register_at
from expunge.errors import Refused, UsageError
from expunge.ports.accounts.staff_directory import StaffActed
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal

Random = Callable[[int], bytes]
KeysOf = Callable[[str], frozenset[str]]
"""Returns the fingerprints of an account's passkeys that count."""
SECRET_BYTES = 32
_PREFIX = "expunge-staff-"


def no_keys(_: str) -> frozenset[str]:
    """Return none: for a register without passkeys beside it."""
    return frozenset()


class StaffStream:
    """The register of staff as one process knows it. Not safe between threads."""

    def __init__(self, journal: Journal) -> None:
        """Read nothing yet."""
        self._journal = journal
        self._staff, self._length = Staff(), 0

    def known(self) -> Staff:
        """Return the register as it is now. The caller changes nothing in it. Raises StateUnavailable, StateCorrupt."""
        length = self._journal.length(STAFF)
        if length < self._length:
            # A journal that was put back from a copy.
            self._staff, self._length = Staff(), 0
        if length > self._length:
            for data in self._journal.read(STAFF, self._length):
                self._staff.apply(read_event(data))
                self._length += 1
        return self._staff

    def enter(self, conclude: Callable[[Staff], Sequence[ev.StaffEvent]]) -> tuple[ev.StaffEvent, ...]:
        """Append a conclusion from the whole register, right behind it. Conclude anew when another process was quicker.

        Returns what was appended. Raises Busy when others keep appending, and what ``conclude`` raises.
        """
        for _ in range(MOST_REBASES):
            events = tuple(conclude(self.known()))
            if not events or register_at(self._journal, STAFF, self._length, events):
                return events
        raise crowded(STAFF)


def read_event(data: bytes) -> object:
    """Read one event of the register. Notes of a day, which are most of it, are read in a fraction of the time."""
    day = peek(data, ev.RightUsed, ev.StaffSeen)
    return journalled.decode(data) if day is None else read_flat(data, day)


def named(staff: Staff, which: str, now: datetime) -> str:
    """Return the id of an account, by its id, the beginning of it, or its label. Raises UsageError for none or several."""
    found = [each for each in staff.accounts.values() if which in (each.id, each.label)]
    found = found or [each for each in staff.accounts.values() if len(which) >= 4 and each.id.startswith(which)]
    if len(found) > 1:
        # A label may be given again once the account before has ended.
        found = [each for each in found if each.grants or each.standing(now) is StaffStanding.INVITED] or found
    if len(found) != 1:
        message = "several accounts have that name" if found else "there is no account of that name"
        raise UsageError(message, help="`expunge staff list` shows labels and ids: give the id")
    return found[0].id


def decide(stream: StaffStream, clock: Clock, random: Random, act: StaffAct, by: StaffActor, keys_of: KeysOf = no_keys) -> StaffActed:
    """Enter a decision. Raises UsageError and Refused as :func:`expunge.core.accounts.staff_acts.decide`, Busy.

    ``keys_of``: returns the fingerprints of an account's passkeys that count.
    """
    link, secret = new_link(random) if isinstance(act, InviteStaff) else (None, "")
    keys = keys_of(act.account) if isinstance(act, ConfirmKeys) else frozenset[str]()
    (event,) = stream.enter(lambda staff: (staff_acts.decide(staff, act, by, clock.now(), link, keys),))
    return StaffActed(getattr(event, "account", ""), secret)


def invite_first(stream: StaffStream, clock: Clock, random: Random, by: StaffActor) -> StaffActed:
    """Invite the first administrator. Raises Refused once a person is enrolled, Busy."""
    link, secret = new_link(random)
    stream.enter(lambda staff: (staff_acts.first_link(staff, by, clock.now(), link),))
    return StaffActed(link.account, secret)


def redeem(stream: StaffStream, clock: Clock, secret: str, claim: str, *, keyed: bool = False) -> str:
    """Use a link, to enrol a passkey where it is ``keyed``; return its account.

    Raises Refused as :func:`expunge.core.accounts.staff_acts.enrol`, Busy.
    """
    found: list[str] = []

    def conclude(staff: Staff) -> Sequence[ev.StaffEvent]:
        account, event = staff_acts.enrol(staff, digest_of(secret), digest_of(claim), clock.now(), keyed=keyed)
        found[:] = [account]
        return () if event is None else (event,)

    stream.enter(conclude)
    return found[0]


def note(stream: StaffStream, clock: Clock, account: str, right: StaffRight | None) -> None:
    """Note that an account is seen today, and that it uses a right. Raises Refused where it may not, Busy."""
    stream.enter(lambda staff: due_notes(staff, clock.now(), account, right))


def due_notes(staff: Staff, now: datetime, account: str, right: StaffRight | None) -> tuple[ev.StaffEvent, ...]:
    """Return what has yet to be noted today. Raises Refused where the account may not."""
    found = staff.accounts.get(account)
    if found is None:
        raise Refused("the account is not known", help="ask an administrator for a link")
    standing = found.standing(now)
    if standing is not StaffStanding.ACTIVE:
        raise Refused(_STANDING[standing], help="another person has to restore it: `expunge staff restore`")
    if right is not None and right not in found.rights(now):
        message = f"this takes the right {right.value}, and the account does not have it now"
        raise Refused(message, help="an administrator grants rights, and an officer confirms them")
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    seen = () if found.seen == today.date() else (ev.StaffSeen(today, account),)
    used = () if right is None or found.used.get(right) == today.date() else (ev.RightUsed(today, account, right),)
    return (*seen, *used)


_STANDING = {
    StaffStanding.INVITED: "the account is not enrolled",
    StaffStanding.EXPIRED: "the account is not enrolled",
    StaffStanding.SUSPENDED: "the account is suspended",
    StaffStanding.IDLE: "the account was not used for 90 days, and is closed until it is restored",
}


def new_link(random: Random) -> tuple[NewLink, str]:
    """Return the random parts of an invitation, and the secret of its link."""
    secret = _PREFIX + b64.encode(random(SECRET_BYTES)).translate(str.maketrans("+/", "-_", "="))
    return NewLink(str(UUID(bytes=random(16), version=4)), digest_of(secret)), secret


def digest_of(secret: str) -> str:
    """Return the stored digest of a secret. It has 256 random bits, so that no list of guesses leads back to it."""
    return sha256(secret.encode()).hexdigest()
