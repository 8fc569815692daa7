"""Staff at the keeper: the web process learns who may do what, and changes no right without a permit that a device signed."""

from __future__ import annotations

import contextlib
import getpass
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from expunge import faults
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.keeper import staff_requests as ask
from expunge.adapters.keeper.keeper_staff import KeeperStaff
from expunge.adapters.keeper.server import Keeper
from expunge.adapters.state.url import sqlite_url
from expunge.bootstrap.accounts import staff_desks
from expunge.core.accounts import staff_acts
from expunge.core.accounts.staff import JobFunction, StaffRight
from expunge.core.accounts.staff_acts import (
    GrantRights,
    InviteStaff,
    RestoreStaff,
    RevokeRights,
    StaffAct,
    SuspendStaff,
    WithdrawInvitation,
)
from expunge.core.accounts.staff_events import RightUsed, StaffReason
from expunge.core.accounts.staff_state import Staff, StaffStanding
from expunge.engine.kernel.journal_streams import STAFF, read_register
from expunge.errors import AlreadyThere, DecisionRefused, KeeperAway, Refused, UsageError
from tests.adapters.keeper.kept import PATIENCE, Kept
from tests.engine.reports.packs import Set

R, F = StaffRight, JobFunction
NOON = datetime(2031, 5, 2, 12, tzinfo=UTC)


SESSION = "5e" * 32


class SignedPermits:
    """Permits as devices sign them, used up in a file: ``account.nonce.signature`` in hex, over the session and the decision."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def enrol(self, account: str, public: bytes) -> None:
        (self._folder / f"{account}.key").write_bytes(public)

    def use_permit(self, permit: str, account: str, session: str, decision: bytes) -> None:
        named, _, rest = permit.partition(".")
        nonce, _, signature = rest.partition(".")
        key = self._folder / f"{account}.key"
        used = self._folder / f"{nonce}.used"
        try:
            if not account or named != account or not key.is_file() or used.exists():
                raise InvalidSignature
            Ed25519PublicKey.from_public_bytes(key.read_bytes()).verify(
                bytes.fromhex(signature), f"{nonce}\n{session}\n".encode() + decision
            )
        except (InvalidSignature, ValueError) as error:
            raise Refused("there is no permit for this", help="ask the employee to confirm it with their device") from error
        used.touch()


class Device:
    """The device of an employee."""

    def __init__(self, permits: SignedPermits, account: str) -> None:
        self.account, self._key = account, Ed25519PrivateKey.generate()
        permits.enrol(account, self._key.public_key().public_bytes_raw())

    def permit(self, act: StaffAct) -> str:
        nonce = secrets.token_hex(8)
        signed = self._key.sign(f"{nonce}\n{SESSION}\n".encode() + staff_acts.encode(act))
        return f"{self.account}.{nonce}.{signed.hex()}"


class StaffedKeeper:
    """A keeper with a journal and a desk for staff, in a process of its own."""

    def __init__(self, kept: Kept) -> None:
        self.kept, self.url = kept, sqlite_url(kept.state / "state.db")
        self.folder = kept.state / "permits"
        self.folder.mkdir()
        self.permits = SignedPermits(self.folder)
        open_journal(self.url).close()
        self.client = KeeperStaff(kept.place, PATIENCE)

    def start(self, fault: tuple[str, str, int] | None = None) -> StaffedKeeper:
        def keep(ready: Callable[[], object]) -> list[str]:
            place = self.kept.place
            with contextlib.ExitStack() as stack:
                stack.enter_context(place.held())
                journal = stack.enter_context(open_journal(self.url))
                found = staff_desks.directory(journal, Set(NOON), secrets.token_bytes)
                desk = ask.StaffDesk(lambda: found, self.permits)
                if fault:
                    stack.enter_context(faults.arm(*fault))
                with place.listen(for_others=False) as listening:
                    Keeper(desk.handlers(), place.identity).run(listening, ready)
                    place.leave()
            return []

        self.kept.begin(keep)
        return self

    def events(self) -> list[object]:
        with open_journal(self.url) as journal:
            return list(read_register(journal, STAFF))


@pytest.fixture
def staffed(kept: Kept) -> Iterator[StaffedKeeper]:
    keeper = StaffedKeeper(kept)
    yield keeper
    keeper.client.close()


def test_the_web_process_changes_no_right_without_a_permit_for_exactly_that(staffed: StaffedKeeper) -> None:
    """Code in the web process knows every account and every word of the protocol, and gets nowhere with them."""
    web = staffed.start().client
    secret = web.first_administrator()
    assert secret is not None
    admin = web.redeem(secret)
    assert web.first_administrator() is None
    assert web.rights(admin) == {R.MANAGE_STAFF, R.READ_STAFF}
    device = Device(staffed.permits, admin)
    invite, other = InviteStaff("desk-1", F.REVIEWER), InviteStaff("desk-9", F.OFFICER)
    for permit in ("", admin, f"{admin}.00.00", device.permit(other)):
        with pytest.raises(Refused, match="no permit"):
            web.decide(invite, permit, admin, SESSION)
    permit = device.permit(invite)
    made = web.decide(invite, permit, admin, SESSION)
    assert web.decide(invite, permit, admin, SESSION) == made, "asked again after a lost answer"
    with pytest.raises(Refused, match="no permit"):
        web.decide(SuspendStaff(made.account, StaffReason.LEFT), permit, admin, SESSION)
    desk = web.redeem(made.secret)
    member = web.member(desk)
    assert member is not None
    assert (member.label, member.standing, member.rights) == ("desk-1", StaffStanding.ACTIVE, {R.REQUEST_VIEWS, R.SEE_VIEWS})
    assert web.member("nobody") is None
    assert [each.account for each in web.members(admin)] == [admin, desk]
    with pytest.raises(Refused, match="read-staff"):
        web.members(desk)
    wrong = GrantRights(admin, F.OPERATOR, (R.ENTER_ORDERS,), StaffReason.NEEDED)
    with pytest.raises(Refused, match="its own rights"):
        web.decide(wrong, device.permit(wrong), admin, SESSION)
    desks = Device(staffed.permits, desk)
    takes = SuspendStaff(admin, StaffReason.LEFT)
    with pytest.raises(Refused, match="manage-staff"):
        web.decide(takes, desks.permit(takes), desk, SESSION)
    web.note_use(desk, R.REQUEST_VIEWS)
    web.note_seen(desk)
    with pytest.raises(Refused, match="approve-views"):
        web.note_use(desk, R.APPROVE_VIEWS)
    used = [(each.account, each.right) for each in staffed.events() if isinstance(each, RightUsed)]
    assert used == [(admin, R.MANAGE_STAFF), (desk, R.REQUEST_VIEWS)]
    with pytest.raises(Refused, match="not known"):
        web.redeem("é")


def test_a_keeper_that_dies_while_it_decides_leaves_the_decision_whole_or_undone(staffed: StaffedKeeper) -> None:
    web = staffed.start().client
    secret = web.first_administrator()
    assert secret is not None
    admin = web.redeem(secret)
    device = Device(staffed.permits, admin)
    staffed.kept.kill()
    for number, point in enumerate(("journal.register:before", "journal.register:after"), start=1):
        staffed.start((point, "kill", 2 if number == 1 else 1))
        invite = InviteStaff(f"desk-{number}", F.REVIEWER)
        before = len(staffed.events())
        impatient = KeeperStaff(staffed.kept.place, 0.0)
        with pytest.raises(KeeperAway, match="not running"):
            impatient.decide(invite, device.permit(invite), admin, SESSION)
        impatient.close()
        whole = len(staffed.events())
        assert whole - before == (2 if number == 1 else 1)
        staffed.start()
        if number == 2:
            with pytest.raises(UsageError, match="has rights, or is invited"):
                web.decide(invite, device.permit(invite), admin, SESSION)
            gone = WithdrawInvitation(web.members(admin)[-1].account)
            web.decide(gone, device.permit(gone), admin, SESSION)
        assert web.decide(invite, device.permit(invite), admin, SESSION).secret
        staffed.kept.kill()


def test_what_the_keeper_does_not_know_is_refused(staffed: StaffedKeeper) -> None:
    web = staffed.start().client
    for request, body in (
        (ask.NoteStaffUse("nobody", "see-everything"), b""),
        (ask.DecideStaff("permit", "account", SESSION, 0), b"{}"),
        (ask.DecideStaff("permit", "account", SESSION, 0), b"not json"),
    ):
        with pytest.raises(UsageError, match=r"not known|no decision"):
            web._connections.ask(request, body)
    assert staffed.events() == []


@pytest.mark.duty("FAIL-05")
def test_the_register_is_told_to_a_reader_alone_without_names_and_that_it_was_read_is_noted(staffed: StaffedKeeper) -> None:
    web = staffed.start().client
    admin = web.redeem(web.first_administrator() or "")
    device = Device(staffed.permits, admin)
    invite = InviteStaff("desk-1", F.REVIEWER, "priya")
    made = web.decide(invite, device.permit(invite), admin, SESSION)
    desk = web.redeem(made.secret)
    web.note_use(desk, R.SEE_VIEWS)
    with pytest.raises(Refused, match="read-staff"):
        web.register(desk)
    told = web.register(admin)
    assert [each.right for each in staffed.events() if isinstance(each, RightUsed)] == [R.MANAGE_STAFF, R.SEE_VIEWS, R.READ_STAFF]
    assert told.at == NOON
    folded, whole = Staff(told.events), Staff(staffed.events())
    assert {name: each.rights(NOON) for name, each in folded.accounts.items()} == {
        name: each.rights(NOON) for name, each in whole.accounts.items()
    }
    assert folded.accounts[desk].used == whole.accounts[desk].used == {R.SEE_VIEWS: NOON.date()}
    assert folded.accounts[desk].changes == whole.accounts[desk].changes == 2
    assert whole.accounts[desk].user == "priya"
    assert "priya" not in repr(told)
    assert getpass.getuser() not in repr([each for each in told.events if not isinstance(each, RightUsed)])


def test_a_decision_is_tried_out_and_one_that_came_between_is_told(staffed: StaffedKeeper) -> None:
    web = staffed.start().client
    admin = web.redeem(web.first_administrator() or "")
    device = Device(staffed.permits, admin)
    invite = InviteStaff("desk-1", F.REVIEWER)
    desk = web.redeem(web.decide(invite, device.permit(invite), admin, SESSION).secret)
    takes = RevokeRights(desk, F.REVIEWER, (R.SEE_VIEWS,), StaffReason.UNUSED)
    before = len(staffed.events())
    web.try_out(InviteStaff("desk-2", F.REVIEWER), admin)
    web.try_out(takes, admin, changes=2)
    assert len(staffed.events()) == before
    refused = {
        GrantRights(desk, F.OFFICER, (R.APPROVE_VIEWS,), StaffReason.NEEDED): "conflict approve-views request-views",
        GrantRights(desk, F.REVIEWER, (R.SEE_VIEWS,), StaffReason.NEEDED): "has-it see-views",
        SuspendStaff(admin, StaffReason.AWAY): "own-rights",
        RestoreStaff(desk, StaffReason.BACK): "in-use",
    }
    for act, reason in refused.items():
        with pytest.raises(DecisionRefused) as caught:
            web.try_out(act, admin)
        assert caught.value.reason == reason
    with pytest.raises(AlreadyThere):
        web.try_out(invite, admin)
    web.decide(takes, device.permit(takes), admin, SESSION, changes=2)
    suspend = SuspendStaff(desk, StaffReason.AWAY)
    for call in (
        lambda: web.try_out(suspend, admin, changes=2),
        lambda: web.decide(suspend, device.permit(suspend), admin, SESSION, changes=2),
    ):
        with pytest.raises(DecisionRefused) as caught:
            call()
        assert caught.value.reason == "changed"
    web.decide(suspend, device.permit(suspend), admin, SESSION, changes=3)
    assert web.rights(desk) == frozenset()
