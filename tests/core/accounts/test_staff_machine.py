"""Whatever is decided by whom in whatever order, while years pass: who may do what follows from the register by its rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from expunge.core.accounts import staff_acts
from expunge.core.accounts import staff_events as ev
from expunge.core.accounts.staff import CONFLICTS, RIGHTS, SECOND_LOOK, JobFunction, StaffRight
from expunge.core.accounts.staff_acts import (
    ConfirmRights,
    GrantRights,
    InviteStaff,
    NewLink,
    RestoreStaff,
    RevokeRights,
    StaffAct,
    SuspendStaff,
    WithdrawInvitation,
)
from expunge.core.accounts.staff_events import ByMachineUser, ByStaff, StaffActor, StaffReason
from expunge.core.accounts.staff_state import Staff, StaffStanding
from expunge.core.journal import events as journal
from expunge.errors import ExpungeError, Refused
from tests.soaking import examples

START = datetime(2031, 1, 1, 9, tzinfo=UTC)
WHO = st.integers(0, 5)
FUNCTIONS = st.sampled_from(JobFunction)
REASONS = st.sampled_from(StaffReason)
USERS = st.sampled_from(["", "priya", "omar"])


def naive_rights(events: list[ev.StaffEvent], account: str, now: datetime) -> set[StaffRight]:
    """What an account may do, told from its events alone, by code that shares nothing with the fold."""
    mine = [each for each in events if each.account == account]
    enrolled = next((each for each in mine if isinstance(each, ev.StaffEnrolled)), None)
    if enrolled is None:
        return set()
    closing = [each for each in mine if isinstance(each, ev.StaffSuspended | ev.StaffRestored)]
    if closing and isinstance(closing[-1], ev.StaffSuspended):
        return set()
    signs = [each.at for each in mine if isinstance(each, ev.StaffEnrolled | ev.StaffRestored | ev.StaffSeen)]
    if (now.date() - max(signs).date()).days > 90:
        return set()
    found = set()
    for function in JobFunction:
        for right in RIGHTS[function]:
            if _naive_grant(mine, function, right, now):
                found.add(right)
    return found


def _naive_grant(mine: list[ev.StaffEvent], function: JobFunction, right: StaffRight, now: datetime) -> bool:
    since: datetime | None = None
    counts = False
    invited = next(each for each in mine if isinstance(each, ev.StaffInvited))
    for each in mine:
        match each:
            case ev.StaffEnrolled() if invited.function is function and right in invited.rights:
                since, counts = each.at, not (function in SECOND_LOOK and isinstance(invited.by, ByStaff))
            case ev.RightsChanged() if each.function is function and right in each.rights:
                since = each.at if each.granted else None
                counts = each.granted and not (function in SECOND_LOOK and isinstance(each.by, ByStaff))
            case ev.RightsConfirmed() if each.function is function:
                if right in each.revoked:
                    since = None
                if right in each.kept:
                    since, counts = each.at, True
    if since is None or not counts:
        return False
    day = since.replace(year=since.year + 1) if (since.month, since.day) != (2, 29) else since.replace(year=since.year + 1, day=28)
    return now < day


class Office(RuleBasedStateMachine):
    """People who decide about one another, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.events: list[ev.StaffEvent] = []
        self.staff = Staff()
        self.links: dict[str, str] = {}

    def put(self, event: ev.StaffEvent) -> None:
        """Enter an event as the journal gives it back."""
        read = journal.decode(journal.encode(event))
        assert read == event
        self.events.append(event)
        self.staff.apply(read)

    def link(self) -> NewLink:
        number = len(self.links) + 1
        made = NewLink(str(UUID(int=number)), f"{number:064x}")
        self.links[made.account] = made.digest
        return made

    def one(self, which: int) -> str:
        names = list(self.staff.accounts)
        return names[which % len(names)]

    def actor(self, who: int) -> StaffActor:
        names = list(self.staff.accounts)
        return ByMachineUser(["priya", "omar"][who % 2]) if who >= len(names) else ByStaff(names[who])

    def decided(self, act: StaffAct, by: StaffActor, link: NewLink | None = None) -> bool:
        before = self.staff.administrators(self.now)
        assert staff_acts.decode(staff_acts.encode(act)) == act
        try:
            event = staff_acts.decide(self.staff, act, by, self.now, link)
        except ExpungeError:
            return False
        self.put(event)
        assert self.staff.administrators(self.now) or not before, "no decision takes the last administrator away"
        return True

    @initialize()
    def two_begin(self) -> None:
        first = staff_acts.first_link(self.staff, ByMachineUser("omar"), self.now, self.link())
        self.put(first)
        self.enrols(0, 0)
        self.invites(9, JobFunction.OFFICER, "")
        self.enrols(1, 0)

    @rule(by=WHO, function=FUNCTIONS, user=USERS)
    def invites(self, by: int, function: JobFunction, user: str) -> None:
        made = self.link()
        self.decided(InviteStaff(f"desk-{len(self.links)}", function, user), self.actor(by), made)

    @rule(which=WHO, claim=st.integers(0, 1))
    def enrols(self, which: int, claim: int) -> None:
        name = self.one(which)
        account = self.staff.accounts[name]
        before = account.enrolled
        try:
            found, event = staff_acts.enrol(self.staff, self.links[name], f"{claim:064x}", self.now)
        except Refused:
            assert account.standing(self.now) is not StaffStanding.INVITED or not self._inviter_may(account.invited.by)
            return
        assert found == name
        if event is None:
            assert account.claim == f"{claim:064x}"
            return
        assert before is None
        assert self.now < account.invited.until
        assert self._inviter_may(account.invited.by)
        self.put(event)

    def _inviter_may(self, by: StaffActor) -> bool:
        return isinstance(by, ByMachineUser) or StaffRight.MANAGE_STAFF in naive_rights(self.events, by.account, self.now)

    @rule(by=WHO, which=WHO, function=FUNCTIONS, reason=REASONS, some=st.booleans())
    def grants(self, by: int, which: int, function: JobFunction, reason: StaffReason, some: bool) -> None:
        rights = tuple(sorted(RIGHTS[function]))[: 1 if some else None]
        self.decided(GrantRights(self.one(which), function, rights, reason, "HR-7"), self.actor(by))

    @rule(by=WHO, which=WHO, function=FUNCTIONS, reason=REASONS, some=st.booleans())
    def revokes(self, by: int, which: int, function: JobFunction, reason: StaffReason, some: bool) -> None:
        rights = tuple(sorted(RIGHTS[function]))[: 1 if some else None]
        self.decided(RevokeRights(self.one(which), function, rights, reason), self.actor(by))

    @rule(by=WHO, which=WHO, function=FUNCTIONS, kept=st.integers(0, 6))
    def confirms(self, by: int, which: int, function: JobFunction, kept: int) -> None:
        account = self.staff.accounts[self.one(which)]
        held = tuple(sorted(account.held_against(function, self.now)))
        self.decided(ConfirmRights(account.id, function, held[:kept], held[kept:], StaffReason.NEEDED), self.actor(by))

    @rule(by=WHO, which=WHO, reason=REASONS, what=st.sampled_from([SuspendStaff, RestoreStaff]))
    def closes(self, by: int, which: int, reason: StaffReason, what: Callable[..., StaffAct]) -> None:
        self.decided(what(self.one(which), reason), self.actor(by))

    @rule(by=WHO, which=WHO)
    def withdraws(self, by: int, which: int) -> None:
        self.decided(WithdrawInvitation(self.one(which)), self.actor(by))

    @rule(but=WHO)
    def all_are_seen_but_one(self, but: int) -> None:
        for number, account in enumerate(list(self.staff.accounts.values())):
            if number != but and account.standing(self.now) is StaffStanding.ACTIVE:
                self.put(ev.StaffSeen(self.now.replace(hour=0), account.id))

    @rule(function=FUNCTIONS, enrols=st.booleans())
    def an_administrator_invites(self, function: JobFunction, enrols: bool) -> None:
        for name in sorted(self.staff.administrators(self.now))[:1]:
            made = self.link()
            done = self.decided(InviteStaff(f"desk-{len(self.links)}", function), ByStaff(name), made)
            assert done, "who may manage staff may invite"
            if enrols:
                self.enrols(list(self.staff.accounts).index(made.account), 0)

    @rule(which=WHO)
    def another_restores(self, which: int) -> None:
        account = self.staff.accounts[self.one(which)]
        if account.standing(self.now) in (StaffStanding.SUSPENDED, StaffStanding.IDLE):
            assert self.decided(RestoreStaff(account.id, StaffReason.BACK), ByMachineUser("zoe"))
            assert account.standing(self.now) is StaffStanding.ACTIVE

    @rule(days=st.sampled_from([1, 2, 4, 20, 45, 45, 91, 280]))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @invariant()
    def what_each_may_do_follows_from_its_events(self) -> None:
        for name, account in self.staff.accounts.items():
            assert account.rights(self.now) == naive_rights(self.events, name, self.now)

    @invariant()
    def no_person_holds_what_two_have_to(self) -> None:
        persons: dict[str, set[StaffRight]] = {}
        for account in self.staff.accounts.values():
            persons.setdefault(account.user or account.id, set()).update(account.rights(self.now))
        assert [pair for rights in persons.values() for pair in CONFLICTS if pair <= rights] == []

    @invariant()
    def none_decided_about_itself(self) -> None:
        for event in self.events[-1:]:
            by = getattr(event, "by", None)
            if isinstance(event, ev.StaffInvited | ev.InvitationWithdrawn) or by is None:
                continue
            if isinstance(by, ByStaff):
                assert by.account != event.account
            else:
                assert self.staff.accounts[event.account].user != by.name

    @invariant()
    def a_second_fold_says_the_same(self) -> None:
        assert Staff(self.events).accounts == self.staff.accounts


TestOffice = Office.TestCase
TestOffice.settings = settings(max_examples=examples(25, 400), stateful_step_count=40, deadline=None)
