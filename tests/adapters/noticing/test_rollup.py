"""The daily roll-up: roll-up plus tail equals the whole, its numbers are those of plain sums, and a file that is broken is made anew."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.adapters.noticing.daily_rollup import DailyRollup
from expunge.adapters.noticing.rollup_file import RollupFile
from expunge.core.noticing.looks import Look, Need
from expunge.core.noticing.measures import Measure, ReviewerDay
from expunge.ports.noticing.rollups import RollupMark

DAY = date(2026, 11, 2).toordinal()
BIG = st.sampled_from([0, 1000, 2000, 61_000])
NAMES = st.sampled_from
LOOKS = st.lists(
    st.builds(
        Look,
        day=st.integers(DAY, DAY + 40),
        reviewer=NAMES(["ann", "bea", "cyd"]),
        function=st.just("reviewer"),
        household=NAMES(["h1", "h2", "h3", "h4"]),
        recording=NAMES(["r1", "r2", "r3"]),
        case=NAMES(["c1", "c2", "c3"]),
        begins=st.booleans(),
        shown_ms=BIG,
        private_ms=BIG,
        off_ms=BIG,
        past_ms=BIG,
    )
    | st.builds(
        Look,
        day=st.integers(DAY, DAY + 40),
        reviewer=NAMES(["ann", "bea", "cyd", "dee"]),
        function=st.just(""),
        household=NAMES(["h1", "h9"]),
        recording=NAMES(["", "r1"]),
        case=NAMES(["", "c1"]),
        refusals=st.integers(1, 5),
        caseless=st.integers(0, 5),
    ),
    max_size=60,
)


def plain(looks: list[Look]) -> list[ReviewerDay]:
    """Return the numbers by plain loops."""
    days: dict[tuple[int, str], list[Look]] = defaultdict(list)
    for look in looks:
        days[look.day, look.reviewer].append(look)
    found = []
    for (day, reviewer), mine in sorted(days.items()):
        seen = [look for look in mine if not look.refusals]
        before = [look for look in looks if look.reviewer == reviewer and not look.refusals and day - 28 < look.day < day]
        again = 0
        changed = 0
        for household in {look.household for look in seen}:
            leases = sum(look.begins for look in seen if look.household == household)
            earlier = [look for look in before if look.household == household]
            again += leases if earlier else max(0, leases - 1)
            cases = sorted({look.case for look in seen if look.household == household})
            if earlier:
                last = max(look.day for look in earlier)
                cases = [max(look.case for look in earlier if look.day == last), *cases]
            changed += sum(one != other for one, other in pairwise(cases))
        numbers = {
            Measure.HOUSEHOLDS: len({look.household for look in seen}),
            Measure.RECORDINGS: len({look.recording for look in seen}),
            Measure.LEASES: sum(look.begins for look in seen),
            Measure.SECONDS: sum(look.shown_ms for look in seen) // 1000,
            Measure.SECONDS_IN_PRIVATE_ROOMS: sum(look.private_ms for look in seen) // 1000,
            Measure.SECONDS_OFF_HOURS: sum(look.off_ms for look in seen) // 1000,
            Measure.SECONDS_PAST_NEED: sum(look.past_ms for look in seen) // 1000,
            Measure.LEASES_AGAIN: again,
            Measure.CHANGED_CASES: changed,
            Measure.HOUSEHOLDS_OF_ONE_CASE: max(
                (len({look.household for look in seen if look.case == case}) for case in {look.case for look in seen}), default=0
            ),
            Measure.REFUSALS: sum(look.refusals for look in mine),
            Measure.REFUSALS_WITHOUT_CASE: sum(look.caseless for look in mine),
        }
        function = "reviewer" if seen else ""
        found.append(ReviewerDay(date.fromordinal(day), reviewer, function, {name: value for name, value in numbers.items() if value}))
    return found


def of(*parts: list[Look]) -> DailyRollup:
    rollup = DailyRollup(["", "c1", "c2", "c3"])
    for part in parts:
        rollup.take(part)
    return rollup


@settings(deadline=None, max_examples=60)
@given(LOOKS, st.integers(0, 60))
def test_roll_up_plus_tail_equals_the_whole_and_plain_sums(looks: list[Look], at: int) -> None:
    whole = of(looks).days()
    kept = of(looks[:at]).to_bytes({}, {})
    _, parts = DailyRollup.from_bytes(kept)
    parts.take(looks[at:])
    assert parts.days() == whole
    assert list(whole) == plain(looks)


@settings(deadline=None, max_examples=20)
@given(LOOKS)
def test_days_from_one_on_are_those_of_the_whole(looks: list[Look]) -> None:
    since = date.fromordinal(DAY + 30)
    assert list(of(looks).days(since)) == [each for each in of(looks).days() if each.day >= since]


def test_a_file_that_is_not_there_or_broken_is_an_empty_roll_up(tmp_path: Path) -> None:
    shelf = RollupFile(tmp_path / "noticing" / "rollup.npz")
    assert shelf.load()[0] == RollupMark()
    mark, need = RollupMark(3, "ab", "cd"), Need(datetime(2026, 11, 2, tzinfo=UTC), 0, 1000, 400, closed=True)
    rollup = of([Look(DAY, "ann", "reviewer", "h1", "r1", "c1", begins=True, shown_ms=5000)])
    shelf.keep(mark, rollup, {"0a" * 8: need})
    known, kept = shelf.load()
    assert (known, kept.needs, kept.days()) == (mark, {"0a" * 8: need}, rollup.days())
    path = tmp_path / "noticing" / "rollup.npz"
    whole = path.read_bytes()
    for broken in (b"", b"PK\x03\x04", whole[:200], whole[: len(whole) // 2], b"{}"):
        path.write_bytes(broken)
        assert shelf.load()[0] == RollupMark()
