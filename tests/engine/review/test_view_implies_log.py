"""Whatever staff, families and the operator do, and wherever the process dies: no byte without an entry, and no way round the gate.

Beside the desk runs a model that knows plain facts alone: who approved, who agreed, what ended. It says whether a range may be seen.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from expunge.core.journal.review_events import ReviewsCommitted, ViewServed
from expunge.core.journal.review_words import Clarity, RecusalReason, ReviewOutcome, ReviewPurpose, Sound
from expunge.core.review import commitment
from expunge.engine.review import requesting, who_looked
from expunge.errors import ExpungeError
from expunge.faults import ReplyLost, arm, record
from expunge.testing.forked import in_child, start
from tests.engine.families.recorded_company import Company
from tests.engine.review.desk_company import (
    OFFICER,
    PARENT,
    REVIEWER,
    SECOND_OFFICER,
    SECOND_REVIEWER,
    VOICE,
    DeskCompany,
    at_desk,
    copied,
    made,
)
from tests.soaking import SOAKING, examples

POINTS = ["journal.register:before", "journal.register:after", "log.publish.swap:before", "log.publish.swap:after"]
WHICH = st.integers(0, 9)
CALM = 8
"""Steps before anything ends for good: else most examples are over before they begin."""
SEATS = {REVIEWER: b"s" * 32, SECOND_REVIEWER: b"t" * 32}


@dataclass
class Asked:
    """A request of the model."""

    id: str
    reviewer: str
    purpose: ReviewPurpose
    break_glass: bool
    at: timedelta
    approvers: set[str] = field(default_factory=set)
    denied: bool = False
    allowed: bool = False
    family_denied: bool = False
    lease: str = ""
    began: timedelta = timedelta(0)
    by_family: bool = False
    over: bool = False
    """Whether its lease ended before its time."""
    clarity: Clarity = Clarity.PIXELATED
    closed: bool = False
    views: int = 0


class Desk(RuleBasedStateMachine):
    """Staff, a family and an operator at one desk, which dies now and then."""

    template: Company | None = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="expunge-desk-"))
        self.home = copied(_template(), self.folder / "home")
        self.stack = ExitStack()
        self.office: DeskCompany = self.stack.enter_context(at_desk(self.home))
        self.requests: list[Asked] = []
        self.agreed = self.withdrew = self.barred = self.erased = False
        self.suspended: set[str] = set()
        self.logged_out: set[str] = set()
        self.recused: set[str] = set()
        self.steps = 0

    def teardown(self) -> None:
        self.stack.close()
        shutil.rmtree(self.folder)

    # --- the model ------------------------------------------------------------------------------

    def family(self, asked: Asked) -> bool:
        if self.barred or asked.family_denied:
            return False
        return (self.agreed and not self.withdrew) or asked.allowed

    def word(self, asked: Asked, clarity: Clarity) -> bool:
        if self.family(asked):
            return True
        if asked.purpose is ReviewPurpose.AUTHORISED:
            return False
        return asked.break_glass or len(asked.approvers) >= (2 if clarity is Clarity.CLEAR else 1)

    def person(self, account: str) -> bool:
        return account not in self.suspended | self.logged_out | self.recused and not self.erased

    def denied(self, asked: Asked) -> bool:
        return asked.denied or (asked.family_denied and asked.purpose is ReviewPurpose.AUTHORISED)

    def settle(self) -> None:
        """End leases that something stands against: the desk does it at the next look, and it is final."""
        for asked in self.requests:
            if asked.lease and not asked.over:
                stopped = asked.by_family and not self.family(asked)
                asked.over = stopped or self.erased or asked.reviewer in self.suspended | self.logged_out | self.recused
        self.office.viewing.sweep()

    def runs(self, asked: Asked) -> bool:
        timed = self.office.clock.ahead - asked.began < timedelta(minutes=14)
        return bool(asked.lease) and not asked.over and not asked.closed and timed

    def may_see(self, asked: Asked) -> bool:
        return self.runs(asked) and self.person(asked.reviewer) and self.word(asked, asked.clarity)

    def one(self, which: int) -> Asked:
        return self.requests[which % len(self.requests)]

    # --- people ---------------------------------------------------------------------------------

    @initialize(glass=st.booleans(), approved=st.booleans())
    def begins(self, glass: bool, approved: bool) -> None:
        """One lease runs, unless no person approved it."""
        self.asks(REVIEWER, ReviewPurpose.HARM, glass, "voice")
        if approved:
            self.approves(0, OFFICER)
        self.activates(0)
        self.fetches(0, 0)

    @precondition(lambda self: len(self.requests) < 4)
    @rule(
        who=st.sampled_from(sorted(SEATS)),
        purpose=st.sampled_from([ReviewPurpose.HARM, ReviewPurpose.AUTHORISED]),
        glass=st.booleans(),
        dataset=st.sampled_from(["voice", "bell"]),
    )
    def asks(self, who: str, purpose: ReviewPurpose, glass: bool, dataset: str) -> None:
        changes: dict[str, object] = {"dataset": "voice", "name": VOICE} if dataset == "voice" else {}
        new = self.office.new(purpose=purpose, break_glass=glass, **changes)
        seat = self.office.seat(who, SEATS[who])
        recused = who in self.recused
        if self.person(who) and not recused:
            request = requesting.ask(self.office.desk, seat, new)
            self.requests.append(Asked(request.id, who, purpose, glass, self.office.clock.ahead))
        else:
            assert _refused(lambda: requesting.ask(self.office.desk, seat, new)) or recused

    @rule(which=WHICH, who=st.sampled_from([OFFICER, SECOND_OFFICER, REVIEWER, SECOND_REVIEWER]))
    def approves(self, which: int, who: str) -> None:
        asked = self.one(which)
        may = who in {OFFICER, SECOND_OFFICER} and asked.purpose is not ReviewPurpose.AUTHORISED and not self.erased
        may = may and not asked.lease and not self.denied(asked) and not asked.closed and not self.over(asked)
        refused = _refused(lambda: requesting.approve(self.office.desk, self.office.seat(who, b"o" * 32), asked.id))
        assert refused is not may
        if may:
            asked.approvers.add(who)

    def over(self, asked: Asked) -> bool:
        return self.office.clock.ahead - asked.at >= timedelta(hours=24) or (asked.reviewer in self.recused and asked.closed)

    @rule(which=WHICH)
    def denies(self, which: int) -> None:
        asked = self.one(which)
        if not _refused(lambda: requesting.deny(self.office.desk, OFFICER, asked.id)):
            asked.denied = True

    @rule(which=WHICH, granted=st.booleans())
    def family_answers(self, which: int, granted: bool) -> None:
        asked = self.one(which)
        before = len(self.office.reviews().requests[asked.id].answers)
        with contextlib.suppress(ExpungeError):
            requesting.answer_as_family(self.office.desk, PARENT, self.office.subject(), (), asked.id, granted=granted)
        if len(self.office.reviews().requests[asked.id].answers) > before:
            asked.allowed |= granted
            asked.family_denied |= not granted
        self.settle()

    @precondition(lambda self: not self.erased)
    @rule(agrees=st.booleans())
    def family_decides(self, agrees: bool) -> None:
        if agrees and not self.agreed:
            self.office.consent()
            self.agreed = True
        elif not agrees and self.agreed and not self.withdrew:
            self.office.withdraw()
            self.withdrew = True
        self.settle()

    @rule(barred=st.booleans())
    def family_bars(self, barred: bool) -> None:
        requesting.bar(self.office.desk, PARENT, self.office.subject(), barred=barred)
        self.barred = barred
        self.settle()

    @precondition(lambda self: not self.erased and self.steps > CALM)
    @rule()
    def family_leaves(self) -> None:
        self.office.erase()
        self.erased = True
        self.settle()

    @precondition(lambda self: self.steps > CALM)
    @rule(who=st.sampled_from(sorted(SEATS)), how=st.sampled_from(["suspended", "logged out"]))
    def staff_go(self, who: str, how: str) -> None:
        if how == "suspended" and who not in self.suspended:
            self.office.suspend(who)
            self.suspended.add(who)
        else:
            self.office.logins.ended.add(SEATS[who])
            self.logged_out.add(who)
        self.settle()

    @precondition(lambda self: self.steps > CALM)
    @rule(minutes=st.sampled_from([1, 16, 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.office.clock.ahead += timedelta(minutes=minutes)
        self.settle()

    # --- leases ---------------------------------------------------------------------------------

    @rule(which=WHICH)
    def activates(self, which: int) -> None:
        asked = self.one(which)
        may = not asked.lease and not asked.closed and not self.denied(asked) and not self.over(asked) and self.person(asked.reviewer)
        may = may and self.word(asked, Clarity.PIXELATED)
        seat = self.office.seat(asked.reviewer, SEATS[asked.reviewer])
        try:
            lease = self.office.viewing.activate(seat, asked.id)
        except ExpungeError:
            assert not may
            return
        assert may
        asked.lease, asked.began, asked.by_family = lease.begun.lease, self.office.clock.ahead, lease.begun.by_family
        assert asked.by_family == (not asked.approvers and not asked.break_glass)

    @rule(which=WHICH, clarity=st.sampled_from(list(Clarity)))
    def steps(self, which: int, clarity: Clarity) -> None:
        asked = self.one(which)
        if not asked.lease:
            return
        up = clarity.step > asked.clarity.step
        may = self.runs(asked) and (not up or (self.person(asked.reviewer) and self.word(asked, clarity)))
        seat = self.office.seat(asked.reviewer, SEATS[asked.reviewer])
        assert _refused(lambda: self.office.viewing.step(seat, asked.lease, clarity, Sound.MUTE)) is not may
        if may:
            asked.clarity = clarity

    @rule(which=WHICH, end=st.sampled_from(["revoke", "recuse", "outcome"]))
    def ends(self, which: int, end: str) -> None:
        asked, desk = self.one(which), self.office.desk
        if end == "revoke":
            requesting.revoke(desk, asked.id, OFFICER)
            asked.over |= bool(asked.lease)
        elif end == "recuse":
            requesting.recuse(desk, asked.reviewer, asked.id, RecusalReason.KNOWS_PERSON)
            self.gives_back(asked)
        elif asked.lease and not asked.closed:
            requesting.enter_outcome(desk, asked.reviewer, asked.id, ReviewOutcome.RESOLVED)
            asked.over = asked.closed = True
        self.settle()

    def gives_back(self, asked: Asked) -> None:
        # Why the reviewer and not the recording: the model's two recordings are of one child, so that it is stricter than the desk.
        asked.over = asked.closed = True

    # --- bytes ----------------------------------------------------------------------------------

    @rule(which=WHICH, start=st.sampled_from([0, 2000, 39_000, 41_000]))
    def fetches(self, which: int, start: int) -> None:
        self.fetched_from(self.one(which), start)

    @precondition(lambda self: any(self.may_see(each) for each in self.requests))
    @rule(start=st.sampled_from([0, 2000, 39_000]))
    def fetches_what_may_be_seen(self, start: int) -> None:
        self.fetched_from(next(each for each in self.requests if self.may_see(each)), start)

    def fetched_from(self, asked: Asked, start: int) -> None:
        seat = self.office.seat(asked.reviewer, SEATS[asked.reviewer])
        may = self.may_see(asked) and start + 1000 <= 40_000
        try:
            data = self.office.fetch(asked.lease or "0f" * 8, start, start + 1000, seat)
        except ExpungeError:
            assert not may
            return
        assert may
        assert data.startswith(asked.clarity.value.encode())
        asked.views += 1

    @rule(which=WHICH)
    def another_person_takes_the_lease(self, which: int) -> None:
        asked = self.one(which)
        others = [self.office.seat(OFFICER, b"o" * 32), self.office.seat(asked.reviewer, b"x" * 32), self.office.seat("nobody", b"y" * 32)]
        for seat in others:
            assert _refused(lambda seat=seat: self.office.fetch(asked.lease or "0f" * 8, 0, 1000, seat))  # type: ignore[misc]

    @precondition(lambda self: any(self.may_see(each) for each in self.requests))
    @rule(point=st.sampled_from(POINTS), action=st.sampled_from(["kill", "full", "fail", "lost"]), at=st.integers(1, 3))
    def dies_while_it_shows(self, point: str, action: str, at: int) -> None:
        asked = next(each for each in self.requests if self.may_see(each))
        told, ahead = self.folder / "told", self.office.clock.ahead
        told.unlink(missing_ok=True)

        def show() -> None:
            with at_desk(self.home) as office:
                office.clock.ahead = ahead
                with arm(point, action, at):
                    told.write_bytes(office.fetch(asked.lease, 0, 1000, office.seat(asked.reviewer, SEATS[asked.reviewer])))

        before = self.served(asked)
        in_child(show)
        if told.exists():
            assert self.served(asked) == before + 1
            assert self.office.desk.stream.read(lambda reviews: (reviews.leases[asked.lease].first_position or 0) < reviews.logged_to)
            asked.views += 1

    def served(self, asked: Asked) -> int:
        return sum(isinstance(each, ViewServed) and each.lease == asked.lease for each in self.office.events())

    # --- what holds -----------------------------------------------------------------------------

    @invariant()
    def every_byte_has_its_entry(self) -> None:
        self.steps += 1
        if not self.requests:
            return
        views = [each for each in self.office.events() if isinstance(each, ViewServed)]
        shown = {(each.lease, each.sequence) for each in self.office.rendered}
        assert shown <= {(each.lease, each.sequence) for each in views}
        for asked in self.requests:
            numbers = [each.sequence for each in views if each.lease == asked.lease]
            assert numbers == list(range(len(numbers)))
            assert len(numbers) >= asked.views

    def finish(self) -> None:
        """Check the whole register against the log."""
        self.office.desk.views.flush()
        proof = who_looked.prove(self.office.expunge.context)
        assert proof.faults == []
        entries = [each for each in self.office.events() if isinstance(each, ReviewsCommitted)]
        log = self.office.expunge.context.log
        numbers = [commitment.number_in(log.entry(index)) for index in range(log.head().size)]
        assert [each for each in numbers if each is not None] == [each.number for each in entries], "each entry once"

    @rule()
    def is_checked(self) -> None:
        self.finish()


def _refused(act: object) -> bool:
    try:
        act()  # type: ignore[operator]
    except ExpungeError:
        return True
    return False


def _template() -> Company:
    if Desk.template is None:
        Desk.template = made(Path(tempfile.mkdtemp(prefix="expunge-desks-")) / "home")
    return Desk.template


TestDesk = Desk.TestCase
_PHASES = tuple(Phase) if SOAKING else (Phase.explicit, Phase.reuse, Phase.generate)
"""Why nothing is shrunk but in a soak: each try makes a company anew, so that a failure would take minutes to be told."""
TestDesk.settings = settings(stateful_step_count=20, max_examples=examples(5, 10_000), deadline=None, phases=_PHASES)
KILLS = 100


def test_killed_at_every_failpoint_of_a_view(desk_home: Company, tmp_path: Path) -> None:
    """A first and a second view, killed at each point: no byte without its entry, and the desk goes on."""
    with at_desk(desk_home) as office:
        request = requesting.ask(office.desk, office.seat(), office.new()).id
        requesting.approve(office.desk, office.seat(OFFICER, b"o" * 32), request)
        lease = office.viewing.activate(office.seat(), request).begun.lease
    with at_desk(copied(desk_home, tmp_path / "watched")) as office, record() as names:
        office.fetch(lease)
        office.fetch(lease)
    # Why the first pass alone: each of them in a soak.
    passes = [(name, names[: place + 1].count(name)) for place, name in enumerate(names) if SOAKING or name not in names[:place]]
    assert {"journal.register:before", "log.publish.swap:after"} <= set(names)
    for number, (name, at) in enumerate(passes):
        home = copied(desk_home, tmp_path / f"killed-{number}")
        told = tmp_path / f"told-{number}"

        def show(home: Company = home, told: Path = told, name: str = name, at: int = at) -> None:
            with at_desk(home) as office, arm(name, "kill", at):
                for start in (0, 2000):
                    data = office.fetch(lease, start, start + 2000)
                    with told.open("ab") as file:
                        file.write(data[:1])

        assert in_child(show).killed_by
        count = len(told.read_bytes()) if told.exists() else 0
        with at_desk(home) as office:
            reviews = office.reviews()
            assert reviews.leases[lease].views >= count
            assert not count or (reviews.leases[lease].first_position or 0) < reviews.logged_to
            assert office.fetch(lease, 4000, 6000)
            office.desk.views.flush()
            assert who_looked.prove(office.expunge.context).faults == []
        shutil.rmtree(home.folder)


@pytest.mark.soak
def test_killed_a_hundred_times_while_it_shows(desk_home: Company, tmp_path: Path) -> None:
    """A process that shows one range after the other is killed at any moment, again and again: what was received is entered."""
    with at_desk(desk_home) as office:
        new = office.new(last_ms=40_000)
        request = requesting.ask(office.desk, office.seat(), new).id
        requesting.approve(office.desk, office.seat(OFFICER, b"o" * 32), request)
        lease = office.viewing.activate(office.seat(), request).begun.lease
    told, moments = tmp_path / "told", random.Random(7)

    def show() -> None:
        with at_desk(desk_home) as office, told.open("ab", buffering=0) as file:
            while True:
                file.write(office.fetch(lease, 0, 1000)[:1])

    killed = 0
    while killed < KILLS:
        before = told.stat().st_size if told.exists() else 0
        child = start(show)
        deadline = time.monotonic() + 60
        while (told.stat().st_size if told.exists() else 0) == before and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(moments.random() / 20)
        child.kill()
        killed += 1
        count = told.stat().st_size
        assert count > before, "it showed something before it was killed"
        with at_desk(desk_home) as office:
            reviews = office.reviews()
            assert reviews.leases[lease].views >= count
            assert (reviews.leases[lease].first_position or 0) < reviews.logged_to
    with at_desk(desk_home) as office:
        office.desk.views.flush()
        assert who_looked.prove(office.expunge.context).faults == []


@pytest.mark.parametrize("action", ["full", "fail"])
def test_a_lost_reply_or_a_full_disk_shows_nothing_and_is_made_good(desk_home: Company, action: str) -> None:
    with at_desk(desk_home) as office:
        request = requesting.ask(office.desk, office.seat(), office.new()).id
        requesting.approve(office.desk, office.seat(OFFICER, b"o" * 32), request)
        lease = office.viewing.activate(office.seat(), request).begun.lease
        for point in POINTS:
            with arm(point, action), contextlib.suppress(ExpungeError, OSError, ReplyLost):
                office.fetch(lease)
        assert office.fetch(lease)
        office.desk.views.flush()
        assert who_looked.prove(office.expunge.context).faults == []
