"""The desk as pages reach it, without a socket: who is told of what, and that nothing can be browsed or searched (FAIL-06)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from uuid import UUID

import pytest

from expunge.bootstrap.accounts.approver_passkeys import holders_of
from expunge.bootstrap.clerk.desks.local_desk import LocalDesk
from expunge.bootstrap.clerk.review_room import KeeperSeats, ReviewRoom
from expunge.core.accounts.credential_strength import Level, Method
from expunge.core.accounts.staff import JobFunction, StaffRight
from expunge.core.journal.finding_events import FindingReason
from expunge.core.journal.review_words import Clarity, RecusalReason, ReviewOutcome, ReviewPurpose, Sound
from expunge.core.review.statements import ACCESS_ROLE
from expunge.engine.families.labels import FamilyLabels
from expunge.errors import DeskRefused, KeeperAway, UsageError
from expunge.ports.accounts.account_guard import SignIn
from expunge.ports.review.desk_door import DeskCaller, DeskDoor
from expunge.ports.review.seats import Seat
from tests.engine.review.desk_company import FUNCTIONS, OFFICER, REVIEWER, SECOND_REVIEWER, DeskCompany
from tests.engine.review.test_desk import leased

SESSION = b"s" * 32


@dataclass
class Guard:
    """The keeper's word about sign-ins, as its port has it."""

    known: dict[tuple[UUID, bytes], SignIn] = field(default_factory=dict)
    away: bool = False

    def sign_in_of(self, account: UUID, session: bytes) -> SignIn | None:
        if self.away:
            raise KeeperAway("the keeper is not running", help="start it")
        return self.known.get((account, session))


@dataclass
class ByPages:
    """The door over the desk of a company."""

    office: DeskCompany
    guard: Guard
    door: LocalDesk

    def caller(self, account: str, session: bytes = SESSION) -> DeskCaller:
        return DeskCaller(account, session, "10.1.2.3")


@pytest.fixture
def pages(office: DeskCompany) -> Iterator[ByPages]:
    guard = Guard()
    for account in FUNCTIONS:
        for session in (SESSION, b"o" * 32):
            guard.known[UUID(account), session] = SignIn(frozenset({Method.SECURITY_KEY}), Level.PHISHING_RESISTANT, 10)
    labels = FamilyLabels(office.desk.context, lambda _: None)
    room = ReviewRoom(office.expunge, guard, guard, labels, partial(holders_of, office.desk.context))  # type: ignore[arg-type]
    object.__setattr__(office.desk, "logins", KeeperSeats(guard))  # type: ignore[arg-type]
    room._viewing = office.viewing
    yield ByPages(office, guard, LocalDesk(room))
    room.close()


def acts(door: DeskDoor, request: str, lease: str) -> dict[str, Callable[[DeskCaller], object]]:
    """Every verb of the door, about a request and a lease that there are."""
    return {
        "today": door.today,
        "mine": door.mine,
        "request": lambda by: door.request(by, request),
        "approve": lambda by: door.approve(by, request),
        "withdraw": lambda by: door.withdraw(by, request),
        "deny": lambda by: door.deny(by, request),
        "judge": lambda by: door.judge(by, request, "a note", justified=True),
        "activate": lambda by: door.activate(by, request),
        "step": lambda by: door.step(by, lease, Clarity.PIXELATED, Sound.MUTE),
        "lease": lambda by: door.lease(by, lease),
        "follow": lambda by: door.follow(by, lease, 0.0),
        "describe": lambda by: door.describe(by, lease),
        "segment": lambda by: door.segment(by, lease, 0, 1000),
        "still": lambda by: door.still(by, lease),
        "transcript": lambda by: door.transcript(by, lease),
        "report": lambda by: door.report(by, lease, 1, 0, 0, ended=False),
        "revoke": lambda by: door.revoke(by, request),
        "recuse": lambda by: door.recuse(by, request, RecusalReason.HARMFUL),
        "outcome": lambda by: door.outcome(by, request, ReviewOutcome.RESOLVED),
        "looks": lambda by: door.looks(by, person="profile:p-17"),
        "findings": door.findings,
        "finding": lambda by: door.finding(by, "0" * 16),
        "compared": lambda by: door.compared(by, "0" * 16),
        "decide_finding": lambda by: door.decide_finding(by, "0" * 16, FindingReason.WORK, "SEC-1", 1),
        "records": door.records,
        "attest": lambda by: door.attest(by, ReviewPurpose.LAW, "0" * 43),
        "train": lambda by: door.train(by, SECOND_REVIEWER, ACCESS_ROLE, date(2026, 1, 1)),
        "people": door.people,
        "rights": door.rights,
    }


@pytest.mark.duty("FAIL-06")
def test_no_verb_answers_an_account_that_is_not_logged_in_or_has_no_business_at_the_desk(pages: ByPages) -> None:
    lease = leased(pages.office).begun
    every = acts(pages.door, lease.request, lease.lease)
    verbs = {name for name, each in inspect.getmembers(DeskDoor, inspect.isfunction) if not name.startswith("_")}
    assert verbs == {*every, "ask"}
    operator = next(account for account, function in FUNCTIONS.items() if function is JobFunction.OPERATOR)
    before = len(pages.office.rendered)
    for name, act in every.items():
        for caller in (
            pages.caller(REVIEWER, b"x" * 32),
            pages.caller(str(UUID(int=77, version=4))),
            pages.caller(operator),
            pages.caller(SECOND_REVIEWER, b"y" * 32),
        ):
            try:
                answer = act(caller)
            except (DeskRefused, UsageError):
                continue
            raise AssertionError((name, answer))
    assert len(pages.office.rendered) == before


@pytest.mark.duty("FAIL-06")
def test_nobody_browses_or_searches_recordings_or_requests_of_others(pages: ByPages) -> None:
    """A reviewer reads requests of its own alone, and an officer one by its id; no verb but *who looked* takes a customer."""
    door, lease = pages.door, leased(pages.office).begun
    other = pages.caller(SECOND_REVIEWER)
    assert door.mine(other) == ()
    assert (door.today(other).mine, door.today(other).approvals, door.today(other).findings) == ((), (), None)
    with pytest.raises(UsageError, match="no request"):
        door.request(other, lease.request)
    for verb in (lambda: door.looks(other, person="profile:p-17"), lambda: door.people(other), lambda: door.findings(other)):
        with pytest.raises(DeskRefused, match="right"):
            verb()
    officer = pages.caller(OFFICER)
    with pytest.raises(UsageError, match="name a recording"):
        door.looks(officer)
    takers = {name for name, each in inspect.getmembers(DeskDoor, inspect.isfunction) if "person" in inspect.signature(each).parameters}
    assert takers == {"looks"}
    assert door.request(officer, lease.request).recording is not None


def test_a_login_that_the_keeper_cannot_be_asked_about_shows_nothing(pages: ByPages) -> None:
    lease = leased(pages.office).begun
    pages.guard.away = True
    for name, act in acts(pages.door, lease.request, lease.lease).items():
        if name == "report":
            # It shows nothing, and is entered: what a player says at its end.
            continue
        with pytest.raises(KeeperAway):
            act(pages.caller(REVIEWER))
    assert pages.office.rendered == []
    pages.guard.away = False
    assert pages.door.lease(pages.caller(REVIEWER), lease.lease).runs


def test_a_provider_login_is_none_here(pages: ByPages) -> None:
    """What the keeper did not verify is no login, whatever the web process says."""
    assert not KeeperSeats(pages.guard).login(Seat(REVIEWER, b"p" * 32)).live  # type: ignore[arg-type]
    assert StaffRight.SEE_VIEWS in pages.door.rights(pages.caller(REVIEWER))


def test_a_login_that_ended_before_a_stream_asks_ends_the_lease_and_not_the_next_round(pages: ByPages) -> None:
    """A stream that were told again and again that its lease runs would go on showing it."""
    lease = leased(pages.office).begun
    del pages.guard.known[UUID(REVIEWER), SESSION]
    assert not pages.door.follow(pages.caller(REVIEWER), lease.lease, 5.0).runs
