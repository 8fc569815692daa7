"""The register of staff: decide, invite, enrol, and note what is used.

Each decision is taken from the whole register and appended right behind it. Of two that exclude one another, the second is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time
from hashlib import sha256
from uuid import UUID

from expunge.core.accounts import staff_acts
from expunge.core.accounts import staff_events as ev
from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import InviteStaff, NewLink, StaffAct
from expunge.core.accounts.staff_events import StaffActor
from expunge.core.accounts.staff_state import Staff, StaffStanding
from expunge.core.journal.events import Event
from expunge.core.values import b64
from expunge.engine.kernel.journal_streams import STAFF, read_register, register_behind
from expunge.errors import Refused, UsageError
from expunge.ports.accounts.staff_directory import StaffActed
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal

Random = Callable[[int], bytes]
SECRET_BYTES = 32
_PREFIX = "expunge-staff-"


def load(journal: Journal) -> Staff:
    """Return the register as it is now. Raises StateUnavailable, StateCorrupt."""
    return Staff(read_register(journal, STAFF))


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


def decide(journal: Journal, clock: Clock, random: Random, act: StaffAct, by: StaffActor) -> StaffActed:
    """Enter a decision. Raises UsageError and Refused as :func:`expunge.core.accounts.staff_acts.decide`, Busy."""
    link, secret = new_link(random) if isinstance(act, InviteStaff) else (None, "")

    def conclude(events: list[Event]) -> Sequence[ev.StaffEvent]:
        return (staff_acts.decide(Staff(events), act, by, clock.now(), link),)

    (event,) = register_behind(journal, STAFF, conclude)
    return StaffActed(getattr(event, "account", ""), secret)


def invite_first(journal: Journal, clock: Clock, random: Random, by: StaffActor) -> StaffActed:
    """Invite the first administrator. Raises Refused once a person is enrolled, Busy."""
    link, secret = new_link(random)
    register_behind(journal, STAFF, lambda events: (staff_acts.first_link(Staff(events), by, clock.now(), link),))
    return StaffActed(link.account, secret)


def redeem(journal: Journal, clock: Clock, secret: str, claim: str) -> str:
    """Use a link; return its account. Raises Refused as :func:`expunge.core.accounts.staff_acts.enrol`, Busy."""
    found: list[str] = []

    def conclude(events: list[Event]) -> Sequence[ev.StaffEvent]:
        account, event = staff_acts.enrol(Staff(events), digest_of(secret), digest_of(claim), clock.now())
        found[:] = [account]
        return () if event is None else (event,)

    register_behind(journal, STAFF, conclude)
    return found[0]


def note(journal: Journal, clock: Clock, account: str, right: StaffRight | None) -> None:
    """Note that an account is seen today, and that it uses a right. Raises Refused where it may not, Busy."""

    def conclude(events: list[Event]) -> Sequence[ev.StaffEvent]:
        return due_notes(Staff(events), clock.now(), account, right)

    register_behind(journal, STAFF, conclude)


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
