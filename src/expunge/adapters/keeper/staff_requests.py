"""Requests about staff, and their answers from the directory. A decision about rights takes a permit that an employee's device gave.

The web process is believed about who is logged in for reading and for notes of use, and for nothing that changes rights.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Right
from expunge.adapters.keeper.requests import Request, Threads
from expunge.core.accounts import staff_acts
from expunge.core.accounts.staff import StaffRight
from expunge.core.journal import events as journalled
from expunge.core.values import codec
from expunge.core.values.canonical import Json
from expunge.errors import Refused, UsageError
from expunge.ports.accounts.staff_directory import StaffActed, StaffDirectory, StaffMember

MOST_ACT = 16_384
"""The most bytes of one decision."""
_REMEMBERED = 256
"""Permits whose answers are remembered, for a caller whose answer was lost."""
_REMEMBERED_SECONDS = 120.0
"""For so long: as a permit lasts. An answer may hold the secret of a link."""


class DecisionPermits(Protocol):
    """Permits for one decision each, which an employee confirmed with a device."""

    def use_permit(self, permit: str, account: str, session: str, decision: bytes) -> None:
        """Use a permit up that an account gave, in a web session, for exactly these bytes. Raises Refused or ProofRefused for any other."""
        ...


@dataclass(frozen=True)
class StaffMemberOf(Request):
    """One account, with what it may do now."""

    name = "staff-member"
    needs = Right.SERVE
    threads = Threads.ACCOUNTS
    account: str


@dataclass(frozen=True)
class StaffMembers(Request):
    """Every account, for an account that may read the register."""

    name = "staff-members"
    needs = Right.SERVE
    threads = Threads.ACCOUNTS
    account: str


@dataclass(frozen=True)
class StaffRegisterFor(Request):
    """The register for people, for an account that may read it. That it was read is noted first."""

    name = "staff-register"
    needs = Right.SERVE
    threads = Threads.ACCOUNTS
    account: str


@dataclass(frozen=True)
class RedeemStaffLink(Request):
    """The use of a link, without a credential: the pages use an invitation of the account guard. The secret is the body, in no head."""

    name = "redeem-staff-link"
    with_body = True
    most_body = 256
    needs = Right.KEYS
    threads = Threads.ACCOUNTS
    claim: str


@dataclass(frozen=True)
class NoteStaffUse(Request):
    """A day on which an account was seen, and used a right where one is named."""

    name = "note-staff-use"
    needs = Right.SERVE
    threads = Threads.ACCOUNTS
    account: str
    right: str


@dataclass(frozen=True)
class FirstStaffLink(Request):
    """A link for the first administrator, while no person is enrolled. Only who may have keys used asks it: who has the link decides."""

    name = "first-staff-link"
    needs = Right.KEYS
    threads = Threads.ACCOUNTS


@dataclass(frozen=True)
class TryStaffDecision(Request):
    """A decision about staff, in the body, that is held against the rules and not entered."""

    name = "try-staff-decision"
    with_body = True
    most_body = MOST_ACT
    needs = Right.SERVE
    threads = Threads.ACCOUNTS
    account: str
    changes: int


@dataclass(frozen=True)
class StaffBegun(Request):
    """The question whether a person was ever enrolled; a server tells its operator where none was."""

    name = "staff-begun"
    needs = Right.SERVE
    threads = Threads.ACCOUNTS


@dataclass(frozen=True)
class DecideStaff(Request):
    """A decision about staff, in the body, as the permit was given for it."""

    name = "decide-staff"
    with_body = True
    most_body = MOST_ACT
    needs = Right.SERVE
    threads = Threads.ACCOUNTS
    permit: str
    account: str
    """The account that gave it."""
    session: str
    """Hex SHA-256 of the key of the web session that it was given in."""
    changes: int
    """The number of decisions about the account when the page was made; 0 where it does not matter."""


class StaffDesk:
    """Answers requests about staff."""

    def __init__(
        self, directory: Callable[[], StaffDirectory], permits: DecisionPermits, now: Callable[[], float] = time.monotonic
    ) -> None:
        """``directory``: gives the directory for one request, or raises the error that the caller is answered with."""
        self._directory_of, self._permits, self._now = directory, permits, now
        self._answered: OrderedDict[tuple[str, str, str, bytes], tuple[float, StaffActed]] = OrderedDict()
        self._guard = threading.Lock()

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[Any, bytes], Answer]] = {
            StaffMemberOf: lambda ask, _: Answer(_written(self._directory.member(ask.account))),
            StaffMembers: self._members,
            StaffRegisterFor: self._register,
            RedeemStaffLink: lambda ask, body: Answer(self._directory.redeem(_text(body), ask.claim)),
            NoteStaffUse: self._note,
            FirstStaffLink: lambda *_: Answer(self._directory.first_administrator()),
            TryStaffDecision: self._try,
            StaffBegun: lambda *_: Answer(self._directory.begun()),
            DecideStaff: self._decide,
        }
        return {kind: _answering(act) for kind, act in acts.items()}

    @property
    def _directory(self) -> StaffDirectory:
        return self._directory_of()

    def _members(self, ask: StaffMembers, _: bytes) -> Answer:
        if not self._directory.may(ask.account, StaffRight.READ_STAFF):
            message = f"this takes the right {StaffRight.READ_STAFF.value}, and the account does not have it now"
            raise Refused(message, help="an administrator grants rights")
        return Answer(body=json.dumps([_written(each) for each in self._directory.members()]).encode())

    def _register(self, ask: StaffRegisterFor, _: bytes) -> Answer:
        self._directory.note_use(ask.account, StaffRight.READ_STAFF)
        told = self._directory.register()
        return Answer(codec.instant(told.at), b"\n".join(map(journalled.encode, told.events)))

    def _try(self, ask: TryStaffDecision, body: bytes) -> Answer:
        self._directory.try_out(staff_acts.decode(body), ask.account, ask.changes)
        return Answer()

    def _note(self, ask: NoteStaffUse, _: bytes) -> Answer:
        if ask.right:
            self._directory.note_use(ask.account, read_right(ask.right))
        else:
            self._directory.note_seen(ask.account)
        return Answer()

    def _decide(self, ask: DecideStaff, body: bytes) -> Answer:
        # Why remembered: a client that lost the answer asks again, and the permit is used up by then.
        use = ask.permit, ask.account, ask.session, body
        with self._guard:
            while self._answered and next(iter(self._answered.values()))[0] <= self._now():
                self._answered.popitem(last=False)
            _, known = self._answered.get(use, (0.0, None))
            if known is None:
                act = staff_acts.decode(body)
                self._permits.use_permit(ask.permit, ask.account, ask.session, body)
                self._directory.note_use(ask.account, staff_acts.needed(act))
                known = self._directory.decide(act, ask.account, ask.changes)
                self._answered[use] = self._now() + _REMEMBERED_SECONDS, known
                while len(self._answered) > _REMEMBERED:
                    self._answered.popitem(last=False)
        return Answer([known.account, known.secret])


def read_right(word: str) -> StaffRight:
    """Return the right of that name. Raises UsageError."""
    try:
        return StaffRight(word)
    except ValueError as error:
        message = "a request names a right that is not known"
        raise UsageError(message, help="ask with the same version of Expunge as the keeper runs") from error


def _answering(act: Callable[[Any, bytes], Answer]) -> Handler:
    return lambda _, ask, body: act(ask, body)


def _text(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError:
        return ""


def _written(member: StaffMember | None) -> Json:
    if member is None:
        return None
    equivalence = member.equivalence.value if member.equivalence else None
    rights: list[Json] = [each.value for each in sorted(member.rights)]
    return [member.account, member.label, member.standing.value, list(member.functions), rights, equivalence, member.awaits_key]
