"""An opening shows content of one family, to one account, in one web session, for a while: each of these is one of the ways round it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from expunge.engine.families import openings
from expunge.engine.families.openings import IDLE_SECONDS, LONGEST_SECONDS, Openings
from expunge.errors import OpeningNeeded, UsageError

ANA, BEN = UUID(int=1), UUID(int=2)
HERE, THERE = b"h" * 32, b"t" * 32


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Openings, Clock]:
    clock = Clock()
    found = Openings(clock)
    found.begin(ANA, "mia", HERE)
    return found, clock


def test_it_counts_for_its_account_family_and_session_alone() -> None:
    found, _ = opened()
    found.require(ANA, "mia", HERE)
    for account, family, session in ((BEN, "mia", HERE), (ANA, "tom", HERE), (ANA, "mia", THERE)):
        with pytest.raises(OpeningNeeded):
            found.require(account, family, session)
        assert found.left(account, family, session) is None


def test_use_lengthens_it_and_a_look_does_not() -> None:
    found, clock = opened()
    clock.now += IDLE_SECONDS - 1
    assert found.left(ANA, "mia", HERE) == 1
    found.require(ANA, "mia", HERE)
    assert found.left(ANA, "mia", HERE) == IDLE_SECONDS
    clock.now += IDLE_SECONDS
    with pytest.raises(OpeningNeeded):
        found.require(ANA, "mia", HERE)


def test_an_hour_ends_it_however_it_is_used() -> None:
    found, clock = opened()
    began = clock.now
    while clock.now < began + LONGEST_SECONDS - 1:
        found.require(ANA, "mia", HERE)
        clock.now += min(600.0, began + LONGEST_SECONDS - 1 - clock.now)
    found.require(ANA, "mia", HERE)
    clock.now = began + LONGEST_SECONDS
    with pytest.raises(OpeningNeeded):
        found.require(ANA, "mia", HERE)


def test_its_end_counts_at_once() -> None:
    found, _ = opened()
    found.end(ANA, "mia", HERE)
    found.end(ANA, "mia", HERE)
    with pytest.raises(OpeningNeeded):
        found.require(ANA, "mia", HERE)


@pytest.mark.parametrize("session", [b"", b"short", b"x" * 33])
def test_a_malformed_session_opens_nothing(session: bytes) -> None:
    with pytest.raises(UsageError):
        Openings().begin(ANA, "mia", session)


def test_the_one_nearest_to_its_end_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openings, "MOST", 3)
    found, clock = opened()
    for _ in range(3):
        clock.now += 1
        found.begin(uuid4(), "mia", HERE)
    with pytest.raises(OpeningNeeded):
        found.require(ANA, "mia", HERE)


class OpeningsMachine(RuleBasedStateMachine):
    """Whatever is done in whatever order, what is open was begun within the hour and used within the quarter."""

    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.openings = Openings(self.clock)
        self.known: dict[tuple[UUID, str, bytes], list[float]] = {}

    @rule(target=keys, account=st.sampled_from([ANA, BEN]), family=st.sampled_from("mt"), session=st.sampled_from([HERE, THERE]))
    def begin(self, account: UUID, family: str, session: bytes) -> tuple[UUID, str, bytes]:
        self.openings.begin(account, family, session)
        self.known[account, family, session] = [self.clock.now, self.clock.now]
        return account, family, session

    @rule(key=keys)
    def use(self, key: tuple[UUID, str, bytes]) -> None:
        if self._open(key):
            self.openings.require(*key)
            self.known[key][1] = self.clock.now
        else:
            with pytest.raises(OpeningNeeded):
                self.openings.require(*key)

    @rule(key=consumes(keys))
    def end(self, key: tuple[UUID, str, bytes]) -> None:
        self.openings.end(*key)
        self.known.pop(key, None)

    @rule(seconds=st.sampled_from([1.0, 60.0, IDLE_SECONDS / 2, IDLE_SECONDS, LONGEST_SECONDS]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def what_is_left_is_what_was_promised(self) -> None:
        for key in self.known:
            assert (self.openings.left(*key) is not None) is self._open(key)

    def _open(self, key: tuple[UUID, str, bytes]) -> bool:
        if key not in self.known:
            return False
        began, used = self.known[key]
        return self.clock.now < min(used + IDLE_SECONDS, began + LONGEST_SECONDS)


TestOpenings = OpeningsMachine.TestCase
TestOpenings.settings = settings(max_examples=50, stateful_step_count=20)
