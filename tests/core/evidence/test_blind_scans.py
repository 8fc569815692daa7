"""A scan that could not read a part of a store says so, and never says gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from expunge.core.evidence.receipt import ScanVerdict
from expunge.core.evidence.trace_evidence import BLINDING, Figures, ScanComparison, TraceLedger, blinding
from expunge.core.evidence.traces import Trace, Traces
from expunge.core.values.ids import Pseudonym

MARY, TOM, STAYS = Pseudonym("mary"), Pseudonym("tom"), Pseudonym("control-0")


def traces(*owners: tuple[Pseudonym, str]) -> Traces:
    made = [Trace(who, dataset, "f", "utf-8", number, 16, 24, bytes([number]) * 16) for number, (who, dataset) in enumerate(owners)]
    return Traces(bytes(32), tuple(made), frozenset({STAYS}))


FOUR = traces((MARY, "notes"), (MARY, "notes"), (TOM, "notes"), (STAYS, "notes"))


def figures(
    before: Iterable[int],
    after: Iterable[int],
    held: Iterable[int] = (),
    *,
    blind: int = 0,
    who: Pseudonym = MARY,
    of: Traces = FOUR,
    untold: Mapping[int, str] | None = None,
) -> Figures:
    sight = ScanComparison(frozenset(before), frozenset(after), frozenset(held), untold or {})
    return TraceLedger(of, sight, ["notes"], blind).figures("notes", who)


def test_residue_is_residue_however_blind_the_scan_was() -> None:
    assert figures([0, 1, 3], [1], blind=2).verdict is ScanVerdict.PRESENT


def test_a_part_that_could_not_be_read_means_cannot_tell() -> None:
    assert figures([0, 1, 3], [3], blind=1).verdict is ScanVerdict.CANNOT_TELL
    assert figures([0, 1, 3], [3], blind=0).verdict is ScanVerdict.GONE


def test_people_are_told_apart() -> None:
    assert figures([0, 1, 2, 3], [2, 3], who=MARY).verdict is ScanVerdict.GONE
    assert figures([0, 1, 2, 3], [2, 3], who=TOM).verdict is ScanVerdict.PRESENT


def test_what_was_seen_where_it_cannot_be_told_whose_it_is_means_cannot_tell() -> None:
    doubtful = figures([0, 1, 3], [0, 1, 3], [0], untold={1: "a structure"})
    assert (doubtful.verdict, doubtful.found, doubtful.usable, doubtful.untold) == (ScanVerdict.CANNOT_TELL, 0, 1, ("a structure",))
    assert figures([0, 1, 3], [0, 1, 3], untold={1: "a structure"}).verdict is ScanVerdict.PRESENT
    assert figures([0, 1, 2, 3], [2, 3], untold={2: "a structure"}).verdict is ScanVerdict.GONE, "it is another person's"


def test_what_of_other_stores_cannot_be_told_means_cannot_tell() -> None:
    sight = ScanComparison(frozenset({0, 3}), frozenset({0, 3}), frozenset(), {0: "a structure"})
    elsewhere = TraceLedger(FOUR, sight, ["another"]).elsewhere(MARY)
    assert (elsewhere.verdict, elsewhere.found, elsewhere.untold) == (ScanVerdict.CANNOT_TELL, 0, ("a structure",))


def test_only_what_may_hold_bytes_makes_blind() -> None:
    skipped = (("socket", 3), ("device", 1), ("fifo", 1), ("symlink", 4), ("vanished", 2), ("encrypted", 1), ("permission", 2))
    assert blinding(skipped) == 3
    assert blinding([(reason, 1) for reason in sorted(BLINDING)]) == len(BLINDING)


indexes = st.frozensets(st.integers(0, 3))


@given(indexes, indexes, indexes, st.integers(0, 1))
def test_gone_is_said_only_where_the_rule_allows_it(
    before: frozenset[int], after: frozenset[int], held: frozenset[int], blind: int
) -> None:
    found = figures(before, after, held, blind=blind)
    own = frozenset({0, 1})
    if found.verdict is ScanVerdict.GONE:
        assert own & before - held
        assert not own & after - held
        assert 3 not in before or 3 in after
        assert not blind
    if own & after - held:
        assert found.verdict is ScanVerdict.PRESENT
