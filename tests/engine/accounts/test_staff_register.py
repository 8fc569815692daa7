"""The register of staff on a real journal: links, races, crashes, and what is noted of use."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge import faults
from expunge.adapters.database.journal_django import DjangoJournal, open_journal
from expunge.adapters.state.url import sqlite_url
from expunge.core.accounts.fingerprints import fingerprint, read_fingerprint
from expunge.core.accounts.staff import RIGHTS, JobFunction, StaffRight
from expunge.core.accounts.staff_acts import (
    ConfirmKeys,
    ConfirmRights,
    GrantRights,
    InviteStaff,
    RestoreStaff,
    RevokeRights,
    StaffAct,
    SuspendStaff,
    WithdrawInvitation,
)
from expunge.core.accounts.staff_events import ByMachineUser, RightUsed, StaffEnrolled, StaffReason, StaffSeen
from expunge.core.accounts.staff_state import StaffStanding
from expunge.engine.accounts import staff_register
from expunge.engine.accounts.staff_directory import JournalStaffDirectory
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.kernel.journal_streams import STAFF, read_register
from expunge.errors import ExpungeError, Refused, UsageError
from expunge.testing.forked import in_child, start
from tests.engine.reports.packs import Set

R, F = StaffRight, JobFunction
NOON = datetime(2031, 5, 2, 12, tzinfo=UTC)
OMAR = ByMachineUser("omar")
FIRST, SECOND = "k3qd-7h2m-xw5a-p4ty", "2222-3333-4444-5555"


class Office:
    """A journal, a clock, and people who are invited and come."""

    def __init__(self, journal: DjangoJournal, clock: Set) -> None:
        self.journal, self.clock = journal, clock
        self.directory = self.another()

    def another(self) -> JournalStaffDirectory:
        """The directory as another process has it."""
        return JournalStaffDirectory(self.journal, self.clock, secrets.token_bytes, "omar")

    def at_the_machine(self, act: StaffAct) -> tuple[str, str]:
        made = staff_register.decide(StaffStream(self.journal), self.clock, secrets.token_bytes, act, OMAR)
        return made.account, made.secret

    def comes(self, label: str, function: JobFunction, user: str = "") -> str:
        _, secret = self.at_the_machine(InviteStaff(label, function, user))
        return self.directory.redeem(secret)

    def passes(self, days: int) -> None:
        self.clock.at += timedelta(days=days)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_journal(sqlite_url(tmp_path / "state.db")) as journal:
        yield Office(journal, Set(NOON))


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.help
    return caught.value.message


# --- links --------------------------------------------------------------------------------------------------


def test_a_link_works_once_within_72_hours_and_the_journal_has_its_digest_alone(office: Office) -> None:
    account, secret = office.at_the_machine(InviteStaff("desk-1", F.REVIEWER))
    _, late = office.at_the_machine(InviteStaff("desk-2", F.REVIEWER))
    withdrawn, gone = office.at_the_machine(InviteStaff("desk-3", F.REVIEWER))
    office.at_the_machine(WithdrawInvitation(withdrawn))
    assert office.directory.rights(account) == frozenset(), "nothing before enrolment"
    assert office.directory.redeem(secret, "one") == account
    assert office.directory.rights(account) == {R.REQUEST_VIEWS, R.SEE_VIEWS}
    assert office.directory.redeem(secret, "one") == account, "the same use, asked again after a lost reply"
    assert "used already" in refused(lambda: office.directory.redeem(secret, "two"))
    assert "used already" in refused(lambda: office.directory.redeem(secret))
    assert "withdrawn" in refused(lambda: office.directory.redeem(gone))
    assert "not known" in refused(lambda: office.directory.redeem("expunge-staff-made-up"))
    office.clock.at += timedelta(hours=72)
    assert "ended" in refused(lambda: office.directory.redeem(late))
    stored = b"".join(office.journal.read(STAFF))
    assert not any(each.encode() in stored for each in (secret, late, gone))
    assert len([each for each in read_register(office.journal, STAFF) if isinstance(each, StaffEnrolled)]) == 1


def test_links_of_an_administrator_who_is_suspended_open_nothing(office: Office) -> None:
    first, second = office.comes("admin-1", F.ADMINISTRATOR), office.comes("admin-2", F.ADMINISTRATOR)
    made = office.directory.decide(InviteStaff("desk-1", F.OPERATOR), first)
    office.directory.decide(SuspendStaff(first, StaffReason.INCIDENT, "SEC-1"), second)
    assert "invite no more" in refused(lambda: office.directory.redeem(made.secret))


def test_the_first_link_gives_way_to_a_newer_one_and_to_the_first_person(office: Office) -> None:
    """A server that is started again prints a new one; after the first person came there is none."""
    former, newer = office.directory.first_administrator(), office.another().first_administrator()
    assert former is not None
    assert newer is not None
    assert "gave way" in refused(lambda: office.directory.redeem(former))
    account = office.directory.redeem(newer)
    assert office.directory.rights(account) == {R.MANAGE_STAFF, R.READ_STAFF}
    assert office.another().first_administrator() is None
    assert "first administrator is enrolled" in refused(lambda: office.directory.redeem(former))


def _races(url: str, clock: Set, acts: list[Callable[[JournalStaffDirectory], object]]) -> list[str]:
    """Each act in a process of its own, all at once; what came of each."""

    def act(call: Callable[[JournalStaffDirectory], object]) -> str:
        with open_journal(url) as journal:
            try:
                return f"done {call(JournalStaffDirectory(journal, clock, secrets.token_bytes, 'omar'))}"
            except ExpungeError as error:
                return f"{type(error).__name__}: {error.message}"

    children = [start(lambda call=call: act(call)) for call in acts]  # type: ignore[misc]
    return [child.wait().returned() for child in children]


def both_enrol_as_first(url: str) -> None:
    """Two people with the same link, and two more: exactly one comes in, the others are told why not."""
    with open_journal(url) as journal:
        secret = JournalStaffDirectory(journal, Set(NOON), secrets.token_bytes, "omar").first_administrator()
    assert secret is not None
    ends = _races(url, Set(NOON), [lambda directory: directory.redeem(secret)] * 4)
    assert sum(each.startswith("done") for each in ends) == 1, ends
    assert all(each.startswith("done") or "the first administrator is enrolled already" in each for each in ends), ends
    with open_journal(url) as journal:
        staff = StaffStream(journal).known()
        assert len(staff.administrators(NOON)) == 1
        assert len([each for each in read_register(journal, STAFF) if isinstance(each, StaffEnrolled)]) == 1


def test_of_people_who_enrol_the_first_administrator_at_once_one_wins(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "state.db")
    open_journal(url).close()
    both_enrol_as_first(url)


@pytest.mark.servers
def test_of_people_who_enrol_the_first_administrator_at_once_one_wins_on_postgres(database: str) -> None:
    open_journal(database).close()
    both_enrol_as_first(database)


def test_two_administrators_who_suspend_each_other_at_once_leave_one(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "state.db")
    with open_journal(url) as journal:
        office = Office(journal, Set(NOON))
        first, second = office.comes("admin-1", F.ADMINISTRATOR), office.comes("admin-2", F.ADMINISTRATOR)
    pairs = ((first, second), (second, first))
    ends = _races(
        url,
        Set(NOON),
        [lambda directory, by=by, whom=whom: directory.decide(SuspendStaff(whom, StaffReason.INCIDENT), by) for by, whom in pairs],
    )  # type: ignore[misc]
    assert sorted(each.partition(":")[0].partition(" ")[0] for each in ends) == ["DecisionRefused", "done"], ends
    with open_journal(url) as journal:
        assert len(StaffStream(journal).known().administrators(NOON)) == 1


# --- rights -------------------------------------------------------------------------------------------------


@pytest.mark.duty("RNG-18")
def test_each_has_what_the_job_function_needs_and_nothing_besides(office: Office) -> None:
    admin, desk = office.comes("admin-1", F.ADMINISTRATOR), office.comes("desk-1", F.REVIEWER)
    need = StaffReason.NEEDED
    for right in (R.APPROVE_VIEWS, R.MANAGE_STAFF, R.ENTER_ORDERS):
        assert "does not need" in refused(lambda right=right: office.directory.decide(GrantRights(desk, F.REVIEWER, (right,), need), admin))
    assert "one person may not have both" in refused(
        lambda: office.directory.decide(GrantRights(desk, F.OFFICER, (R.APPROVE_VIEWS,), need), admin)
    )
    office.directory.decide(RevokeRights(desk, F.REVIEWER, (R.SEE_VIEWS,), StaffReason.UNUSED), admin)
    assert office.another().rights(desk) == {R.REQUEST_VIEWS}
    office.directory.decide(GrantRights(desk, F.OPERATOR, (R.ENTER_ORDERS,), need, "HR-9"), admin)
    assert office.directory.rights(desk) == {R.REQUEST_VIEWS, R.ENTER_ORDERS}
    assert "has enter-orders already" in refused(
        lambda: office.directory.decide(GrantRights(desk, F.OPERATOR, (R.ENTER_ORDERS,), need), admin)
    )
    assert "takes the right manage-staff" in refused(lambda: office.directory.decide(SuspendStaff(admin, need), desk))
    for wrong in (GrantRights(desk, F.OPERATOR, (), need), GrantRights(desk, F.OPERATOR, (R.FOLLOW_ORDERS,), need, "Ann Lee")):
        with pytest.raises(UsageError):
            office.directory.decide(wrong, admin)
    with pytest.raises(UsageError, match="a label is"):
        office.directory.decide(InviteStaff("ann.lee@owl.example", F.OPERATOR), admin)
    with pytest.raises(UsageError, match="that label has rights"):
        office.directory.decide(InviteStaff("desk-1", F.OPERATOR), admin)


def test_none_decides_about_oneself_at_either_door_and_the_last_administrator_stays(office: Office) -> None:
    admin = office.comes("admin-1", F.ADMINISTRATOR, user="omar")
    for act in (
        SuspendStaff(admin, StaffReason.AWAY),
        GrantRights(admin, F.OPERATOR, (R.ENTER_ORDERS,), StaffReason.NEEDED),
        ConfirmRights(admin, F.ADMINISTRATOR, (R.MANAGE_STAFF, R.READ_STAFF), (), StaffReason.NEEDED),
        RestoreStaff(admin, StaffReason.BACK),
    ):
        assert "its own rights" in refused(lambda act=act: office.at_the_machine(act))  # type: ignore[misc]
    other = office.comes("admin-2", F.ADMINISTRATOR)
    assert "its own rights" in refused(lambda: office.directory.decide(SuspendStaff(other, StaffReason.AWAY), other))
    office.directory.decide(SuspendStaff(other, StaffReason.AWAY), admin)
    priya = ByMachineUser("priya")
    for act in (SuspendStaff(admin, StaffReason.LEFT), RevokeRights(admin, F.ADMINISTRATOR, (R.MANAGE_STAFF,), StaffReason.LEFT)):
        said = refused(lambda act=act: staff_register.decide(StaffStream(office.journal), office.clock, secrets.token_bytes, act, priya))  # type: ignore[misc]
        assert "last account that may manage staff" in said
    assert "its own rights" in refused(lambda: office.directory.decide(RestoreStaff(admin, StaffReason.BACK), admin))


def test_two_accounts_of_one_person_hold_together_what_one_may(office: Office) -> None:
    """An account of the machine says that they are one person's, from the invitation on."""
    office.at_the_machine(InviteStaff("desk-1", F.REVIEWER, "priya"))
    assert "both approve-views and request-views" in refused(lambda: office.at_the_machine(InviteStaff("officer-1", F.OFFICER, "priya")))
    office.at_the_machine(InviteStaff("officer-1", F.OFFICER, "zoe"))
    desk = office.comes("desk-2", F.OPERATOR, "zoe2")
    office.comes("admin-1", F.ADMINISTRATOR, "zoe2")
    for function, right in ((F.REVIEWER, R.SEE_VIEWS), (F.OFFICER, R.APPROVE_ORDERS)):
        grant = GrantRights(desk, function, (right,), StaffReason.NEEDED)
        assert "one person may not have both" in refused(lambda grant=grant: office.at_the_machine(grant))  # type: ignore[misc]


@pytest.mark.duty("FAIL-12")
def test_an_officer_whom_an_administrator_invites_approves_nothing_before_another_person_has_confirmed(office: Office) -> None:
    admin, officer = office.comes("admin-1", F.ADMINISTRATOR), office.comes("officer-1", F.OFFICER)
    assert R.APPROVE_VIEWS in office.directory.rights(officer), "invited at the machine"
    made = office.directory.decide(InviteStaff("officer-2", F.OFFICER), admin)
    invented = office.directory.redeem(made.secret)
    assert office.directory.rights(invented) == frozenset()
    keep = ConfirmRights(invented, F.OFFICER, tuple(sorted(RIGHTS[F.OFFICER])), (), StaffReason.NEEDED)
    assert "takes the right confirm-rights" in refused(lambda: office.directory.decide(keep, admin))
    office.directory.decide(keep, officer)
    assert R.APPROVE_VIEWS in office.directory.rights(invented)


@pytest.mark.duty("RNG-18", "AMZ-16")
def test_a_right_that_is_not_confirmed_for_twelve_months_lapses_and_comes_back_by_a_new_grant_alone(office: Office) -> None:
    office.comes("admin-1", F.ADMINISTRATOR)
    officer, desk = office.comes("officer-1", F.OFFICER), office.comes("desk-1", F.REVIEWER)

    def months_pass(days: int) -> None:
        for _ in range(days // 60):
            office.passes(60)
            for each in (officer, desk):
                office.directory.note_seen(each)
        office.passes(days % 60)

    months_pass(330)
    part = ConfirmRights(desk, F.REVIEWER, (R.REQUEST_VIEWS,), (), StaffReason.NEEDED)
    with pytest.raises(UsageError, match="each right has to be kept or revoked"):
        office.directory.decide(part, officer)
    office.directory.decide(ConfirmRights(desk, F.REVIEWER, (R.REQUEST_VIEWS,), (R.SEE_VIEWS,), StaffReason.UNUSED), officer)
    assert office.directory.rights(desk) == {R.REQUEST_VIEWS}, "what was not kept is gone at once"
    months_pass(35)
    assert office.directory.rights(officer) == RIGHTS[F.OFFICER]
    office.passes(1)
    assert office.directory.rights(officer) == frozenset(), "twelve months to the day"
    assert office.directory.rights(desk) == {R.REQUEST_VIEWS}
    assert "could be confirmed" in refused(
        lambda: office.at_the_machine(ConfirmRights(officer, F.OFFICER, (R.APPROVE_VIEWS,), (), StaffReason.NEEDED))
    )
    office.at_the_machine(GrantRights(officer, F.OFFICER, (R.APPROVE_VIEWS,), StaffReason.NEEDED))
    assert office.directory.rights(officer) == {R.APPROVE_VIEWS}


@pytest.mark.duty("NST-10")
def test_an_account_that_is_not_seen_for_ninety_days_does_nothing_until_another_person_restores_it(office: Office) -> None:
    admin, desk = office.comes("admin-1", F.ADMINISTRATOR), office.comes("desk-1", F.OPERATOR)
    office.passes(60)
    office.directory.note_seen(admin)
    office.passes(30)
    assert office.directory.may(desk, R.ENTER_ORDERS)
    office.passes(1)
    assert office.directory.rights(desk) == frozenset()
    assert "90 days" in refused(lambda: office.directory.note_use(desk, R.ENTER_ORDERS))
    assert "90 days" in refused(lambda: office.directory.note_seen(desk))
    member = office.directory.member(desk)
    assert member is not None
    assert (member.standing, member.functions) == (StaffStanding.IDLE, ("operator",))
    office.directory.decide(RestoreStaff(desk, StaffReason.BACK), admin)
    assert office.directory.may(desk, R.ENTER_ORDERS)


# --- use ----------------------------------------------------------------------------------------------------


@pytest.mark.duty("FAIL-05")
def test_use_is_noted_once_a_day_as_a_day_and_by_none_who_may_not(office: Office) -> None:
    desk = office.comes("desk-1", F.OPERATOR)
    length = office.journal.length(STAFF)
    for directory in (office.directory, office.another()):
        for _ in range(3):
            directory.note_use(desk, R.ENTER_ORDERS)
    notes = list(read_register(office.journal, STAFF))[length:]
    midnight = NOON.replace(hour=0)
    assert notes == [StaffSeen(midnight, desk), RightUsed(midnight, desk, R.ENTER_ORDERS)]
    office.passes(1)
    office.directory.note_use(desk, R.ENTER_ORDERS)
    assert office.journal.length(STAFF) == length + 4
    assert "approve-orders" in refused(lambda: office.directory.note_use(desk, R.APPROVE_ORDERS))
    assert "not known" in refused(lambda: office.directory.note_use("nobody", R.APPROVE_ORDERS))


# --- crashes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["journal.register:before", "journal.register:after"])
@pytest.mark.parametrize("action", ["full", "lost"])
@pytest.mark.parametrize("what", ["redeem", "decide", "note", "first"])
def test_a_verb_that_fails_half_way_is_whole_or_nothing_and_may_be_tried_again(office: Office, point: str, action: str, what: str) -> None:
    if what == "first":
        calls: dict[str, Callable[[JournalStaffDirectory], object]] = {"first": lambda directory: directory.first_administrator()}
    else:
        admin, desk = office.comes("admin-1", F.ADMINISTRATOR), office.comes("desk-1", F.OPERATOR)
        secret = office.at_the_machine(InviteStaff("desk-2", F.REVIEWER))[1]
        calls = {
            "redeem": lambda directory: directory.redeem(secret, "one"),
            "decide": lambda directory: directory.decide(SuspendStaff(desk, StaffReason.AWAY), admin),
            "note": lambda directory: directory.note_use(desk, R.ENTER_ORDERS),
        }
    length = office.journal.length(STAFF)
    with faults.arm(point, action), pytest.raises((OSError, faults.ReplyLost)):
        calls[what](office.directory)
    entered = office.journal.length(STAFF) > length
    assert entered == (point == "journal.register:after")
    if what == "decide" and entered:
        assert "cannot be suspended" in refused(lambda: calls[what](office.another()))
    else:
        calls[what](office.another())
    again = office.journal.length(STAFF)
    wanted = {"redeem": 1, "decide": 1, "note": 2, "first": 2 if entered else 1}[what]
    assert again == length + wanted, "a note and a use are entered once; a first link that was lost gives way to the next"
    assert office.directory.members() == office.another().members()


@pytest.mark.parametrize("point", ["journal.register:before", "journal.register:after"])
def test_a_process_that_is_killed_while_a_link_is_used_leaves_it_used_or_not(tmp_path: Path, point: str) -> None:
    url = sqlite_url(tmp_path / "state.db")
    with open_journal(url) as journal:
        secret = Office(journal, Set(NOON)).at_the_machine(InviteStaff("desk-1", F.REVIEWER))[1]

    def dies() -> None:
        with open_journal(url) as journal, faults.arm(point, "kill"):
            Office(journal, Set(NOON)).directory.redeem(secret, "one")

    assert in_child(dies).killed_by
    with open_journal(url) as journal:
        office = Office(journal, Set(NOON))
        used = point == "journal.register:after"
        assert bool(office.directory.members()[0].rights) == used
        if used:
            assert "used already" in refused(lambda: office.directory.redeem(secret, "two"))
        account = office.directory.redeem(secret, "one")
        assert office.directory.rights(account) == {R.REQUEST_VIEWS, R.SEE_VIEWS}
        assert len([each for each in read_register(journal, STAFF) if isinstance(each, StaffEnrolled)]) == 1


# --- passkeys that come by a link ---------------------------------------------------------------------------


def test_an_account_that_enrolled_a_passkey_does_nothing_before_another_person_confirmed_it(office: Office) -> None:
    """The first person to use a link enrols a passkey: only another one who hears that person tells whose it is."""
    keys: dict[str, frozenset[str]] = {}
    seen = JournalStaffDirectory(office.journal, office.clock, secrets.token_bytes, "omar", lambda account: keys.get(account, frozenset()))
    admin = office.comes("admin-1", F.ADMINISTRATOR)
    _, secret = office.at_the_machine(InviteStaff("desk-1", F.REVIEWER))
    account = seen.redeem(secret, "one", keyed=True)
    member = seen.member(account)
    assert member
    assert (member.awaits_key, member.rights, member.standing) == (True, frozenset(), StaffStanding.ACTIVE)
    assert "no passkey yet" in refused(lambda: seen.decide(ConfirmKeys(account, (FIRST,)), admin))
    keys[account] = frozenset({FIRST, SECOND})
    for wrong in ((), (FIRST,), (FIRST, SECOND, "aaaa-aaaa-aaaa-aaaa"), ("aaaa-aaaa-aaaa-aaaa", SECOND)):
        assert "not the fingerprints" in refused(lambda named=wrong: seen.decide(ConfirmKeys(account, named), admin))  # type: ignore[misc]
    assert "manage-staff" in refused(lambda: seen.decide(ConfirmKeys(account, (FIRST, SECOND)), account))
    seen.decide(ConfirmKeys(account, (SECOND, FIRST)), admin)
    assert office.another().rights(account) == {R.REQUEST_VIEWS, R.SEE_VIEWS}
    assert "awaits" in refused(lambda: seen.decide(ConfirmKeys(account, (FIRST, SECOND)), admin))


def test_an_administrator_who_came_by_a_link_confirms_neither_itself_nor_another(office: Office) -> None:
    """So two accounts of one attacker do not vouch for each other; the command line confirms the first."""
    seen = JournalStaffDirectory(office.journal, office.clock, secrets.token_bytes, "omar", lambda _: frozenset({FIRST}))
    secret = seen.first_administrator()
    assert secret
    account = seen.redeem(secret, "one", keyed=True)
    assert "manage-staff" in refused(lambda: seen.decide(ConfirmKeys(account, (FIRST,)), account))
    staff_register.decide(
        StaffStream(office.journal), office.clock, secrets.token_bytes, ConfirmKeys(account, (FIRST,)), OMAR, lambda _: frozenset({FIRST})
    )
    assert seen.rights(account) == {R.MANAGE_STAFF, R.READ_STAFF}
    assert "its own rights" in refused(lambda: seen.decide(ConfirmKeys(account, (FIRST,)), account))


@pytest.mark.parametrize(
    ("typed", "read"),
    [("K3QD 7h2m xw5a p4ty", "k3qd-7h2m-xw5a-p4ty"), ("k3qd7h2mxw5ap4ty", "k3qd-7h2m-xw5a-p4ty"), ("k3qd-7h2m-xw5a", ""), ("0189" * 4, "")],
    ids=["as it is said", "without groups", "too short", "other letters"],
)
def test_a_fingerprint_is_read_as_people_type_it(typed: str, read: str) -> None:
    assert read_fingerprint(typed) == read
    assert read_fingerprint(fingerprint(b"credential")) == fingerprint(b"credential")
