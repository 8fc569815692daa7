"""One person with two accounts, two names or two keys is one person at the desk, and what takes two people takes two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from fido2 import cbor

from expunge.bootstrap.accounts.approver_passkeys import holders_of
from expunge.core.accounts.accounts_spec import AccountsSpec
from expunge.core.accounts.staff import RIGHTS, JobFunction
from expunge.core.accounts.staff_events import ByMachineUser, StaffEnrolled, StaffInvited, StaffSeen
from expunge.core.journal.review_words import Clarity, RecusalReason, Sound
from expunge.engine.kernel.journal_streams import STAFF, register
from expunge.engine.review import requesting
from expunge.engine.review.refusals import ReviewRefused
from tests.approval_kit import DANA, EVE, OFFICER_KEY
from tests.engine.review.desk_company import OFFICER, REVIEWER, SECOND_OFFICER, DeskCompany
from tests.engine.review.test_desk import approved, leased, rules_of

OTHER_LOGIN = str(UUID(int=21, version=4))
"""A second account of the person of ``REVIEWER``."""


def join(office: DeskCompany, account: str, function: JobFunction, user: str) -> None:
    """Enrol an account of staff for the holder of an account of the operating system."""
    began, digest = office.clock.now() - timedelta(hours=1), sha256(account.encode()).hexdigest()
    by, until = ByMachineUser("omar"), began + timedelta(hours=72)
    rights = tuple(sorted(RIGHTS[function]))
    events = (
        StaffInvited(began, account, f"again-{user}", function, rights, by, digest, until, user, first=False),
        StaffEnrolled(began, account, digest),
        StaffSeen(datetime.combine(office.clock.now().date(), time(), UTC), account),
    )
    register(office.expunge.context.journal, STAFF, *events)


def named(office: DeskCompany, **approvers: tuple[str, ...]) -> None:
    """Have the map name approvers."""
    context = office.desk.context
    changed = replace(context, data_map=replace(context.data_map, approvers=approvers))
    object.__setattr__(office.desk, "context", changed)


def test_who_gave_a_recording_back_does_not_come_back_by_a_second_account(office: DeskCompany) -> None:
    lease = leased(office).begun
    join(office, OTHER_LOGIN, JobFunction.REVIEWER, "user0")
    second = office.seat(OTHER_LOGIN, b"t" * 32)
    waiting = requesting.ask(office.desk, second, office.new()).id
    requesting.approve(office.desk, office.seat(OFFICER, b"o" * 32), waiting)
    running = office.viewing.activate(second, waiting).begun.lease
    assert office.fetch(running, seat=second)
    requesting.recuse(office.desk, REVIEWER, lease.request, RecusalReason.KNOWS_PERSON)
    with pytest.raises(ReviewRefused) as error:
        office.fetch(running, seat=second)
    assert rules_of(error) == {"recused"}
    with pytest.raises(ReviewRefused) as error:
        requesting.ask(office.desk, second, office.new())
    assert rules_of(error) == {"recused"}


def test_the_day_of_a_person_is_not_begun_anew_by_a_second_account(office: DeskCompany) -> None:
    lease = leased(office).begun.lease
    office.fetch(lease, 0, 2000)
    join(office, OTHER_LOGIN, JobFunction.REVIEWER, "user0")
    requesting.ask(office.desk, office.seat(OTHER_LOGIN, b"t" * 32), office.new())
    assert office.policy.asked[-1].watched_seconds_today == 2


def test_an_emergency_that_waits_for_its_judgement_is_not_left_behind_with_an_account(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new(break_glass=True)).id
    office.viewing.activate(office.seat(), request)
    office.clock.ahead = timedelta(hours=25)
    join(office, OTHER_LOGIN, JobFunction.REVIEWER, "user0")
    requesting.ask(office.desk, office.seat(OTHER_LOGIN, b"t" * 32), office.new(break_glass=True))
    assert office.policy.asked[-1].break_glass_overdue


def test_the_voice_of_a_child_in_the_clear_takes_two_people(office: DeskCompany) -> None:
    """A pixelated picture with a clear voice is no lesser look."""
    lease = leased(office, clarity=Clarity.PIXELATED, sound=Sound.CLEAR).begun.lease
    office.viewing.step(office.seat(), lease, Clarity.PIXELATED, Sound.MASKED)
    with pytest.raises(ReviewRefused) as error:
        office.viewing.step(office.seat(), lease, Clarity.PIXELATED, Sound.CLEAR)
    assert rules_of(error) == {"no-approval"}
    other = leased(office, OFFICER, SECOND_OFFICER, clarity=Clarity.PIXELATED, sound=Sound.CLEAR).begun.lease
    assert office.viewing.step(office.seat(), other, Clarity.PIXELATED, Sound.CLEAR).sound is Sound.CLEAR


def test_one_key_under_two_names_of_the_map_approves_once(office: DeskCompany) -> None:
    named(office, dana=(OFFICER_KEY,), night=(str(EVE.key), OFFICER_KEY), omid=(str(DANA.key),))
    request = requesting.ask(office.desk, office.seat(), office.new()).id
    requesting.approve_signed(office.desk, request, "dana", "c2ln")
    requesting.approve_signed(office.desk, request, "dana", "c2ln")
    with pytest.raises(ReviewRefused) as error:
        requesting.approve_signed(office.desk, request, "night", "c2ln")
    assert rules_of(error) == {"same-person"}
    requesting.approve_signed(office.desk, request, "omid", "c2ln")
    assert office.reviews().requests[request].approvers == ("approver:dana", "approver:omid")


def test_an_approver_of_the_map_with_the_reviewers_passkey_does_not_approve(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new()).id
    with pytest.raises(ReviewRefused) as error:
        requesting.approve_signed(office.desk, request, "release", "c2ln", [REVIEWER])
    assert rules_of(error) == {"own-request"}


def test_an_officer_does_not_approve_again_by_a_key_of_the_map(office: DeskCompany) -> None:
    request = approved(office, OFFICER)
    with pytest.raises(ReviewRefused) as error:
        requesting.approve_signed(office.desk, request, "release", "c2ln", [OFFICER])
    assert rules_of(error) == {"same-person"}
    requesting.approve_signed(office.desk, request, "release", "c2ln", [SECOND_OFFICER])


@dataclass(frozen=True)
class Credential:
    """A passkey, as the keeper's tables have it."""

    key: bytes
    credential: bytes = b"c" * 16
    copied_at: None = None


@dataclass(frozen=True)
class Tables:
    """The keeper's tables, with the passkey of one account."""

    account: str
    passkey: Credential

    def credentials(self, account: UUID) -> Iterator[Credential]:
        if str(account) == self.account:
            yield self.passkey


def test_the_holder_of_a_passkey_that_the_map_names_is_known_by_its_key(office: DeskCompany) -> None:
    named(office, release=(OFFICER_KEY, str(EVE.key)), other=(OFFICER_KEY,))
    context = office.desk.context
    spec = AccountsSpec("https://elsewhere.example")
    context = replace(context, data_map=replace(context.data_map, accounts=spec))
    raw = EVE.private.public_key().public_bytes_raw()  # type: ignore[union-attr]
    tables = Tables(REVIEWER, Credential(cbor.encode({1: 1, 3: -8, -1: 6, -2: raw})))
    assert holders_of(context, "release", tables) == {REVIEWER}  # type: ignore[arg-type]
    assert holders_of(context, "other", tables) == frozenset()  # type: ignore[arg-type]
    assert holders_of(context, "unknown", tables) == frozenset()  # type: ignore[arg-type]
