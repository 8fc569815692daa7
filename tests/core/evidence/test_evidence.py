"""The rule that decides which traces count, and what a scan may say with them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from expunge.core.evidence.receipt import ScanVerdict
from expunge.core.evidence.trace_evidence import ScanComparison, TraceLedger, each_seen
from expunge.core.evidence.traces import Trace, Traces
from expunge.core.values.ids import Pseudonym

ANNA, CONTROL = Pseudonym("anna"), Pseudonym("control-0")


def trace(subject: Pseudonym, dataset: str, number: int) -> Trace:
    return Trace(subject, dataset, "text", "utf-8", number, 8, 8, number.to_bytes(16, "big"))


TRACES = Traces(
    bytes(32),
    (
        trace(ANNA, "transcripts", 0),
        trace(ANNA, "transcripts", 1),
        trace(ANNA, "recordings", 2),
        trace(ANNA, "identifiers", 3),
        trace(CONTROL, "transcripts", 4),
    ),
    frozenset({CONTROL}),
)


def ledger(before: set[int], after: set[int], held: set[int] = set()) -> TraceLedger:  # noqa: B006 - never changed
    return TraceLedger(TRACES, ScanComparison(frozenset(before), frozenset(after), frozenset(held)), ["transcripts"])


def test_seen_before_and_not_after_is_gone() -> None:
    figures = ledger({0, 1, 4}, {4}).figures("transcripts", ANNA)
    assert (figures.taken, figures.usable, figures.found, figures.verdict) == (2, 2, 0, ScanVerdict.GONE)


def test_seen_after_is_residue() -> None:
    assert ledger({0, 1, 4}, {1, 4}).figures("transcripts", ANNA).verdict is ScanVerdict.PRESENT


def test_what_the_scanner_never_saw_proves_nothing() -> None:
    figures = ledger({4}, {4}).figures("transcripts", ANNA)
    assert (figures.usable, figures.verdict) == (0, ScanVerdict.CANNOT_TELL)


def test_a_window_that_others_hold_as_well_is_no_evidence_either_way() -> None:
    one_left = ledger({0, 1, 4}, {1, 4}, {1}).figures("transcripts", ANNA)
    assert (one_left.usable, one_left.verdict) == (1, ScanVerdict.GONE)
    none_left = ledger({1, 4}, {1, 4}, {1}).figures("transcripts", ANNA)
    assert (none_left.usable, none_left.verdict) == (0, ScanVerdict.CANNOT_TELL)


def test_a_scan_that_missed_people_who_stay_was_blind() -> None:
    assert ledger({0, 1, 4}, set()).figures("transcripts", ANNA).verdict is ScanVerdict.CANNOT_TELL


def test_a_scan_that_never_saw_people_who_stay_cannot_tell() -> None:
    figures = ledger({0, 1}, set()).figures("transcripts", ANNA)
    assert (figures.controls_asked, figures.verdict) == (0, ScanVerdict.CANNOT_TELL)


def test_no_control_is_asked_for_where_nobody_stays() -> None:
    sight = ScanComparison(frozenset({0, 1}), frozenset(), frozenset(), alone=True)
    figures = TraceLedger(TRACES, sight, ["transcripts"]).figures("transcripts", ANNA)
    assert (figures.controls_asked, figures.alone, figures.verdict) == (0, True, ScanVerdict.GONE)


def test_what_came_in_after_the_first_look_is_residue_all_the_same() -> None:
    assert ledger({0, 4}, {1, 4}).figures("transcripts", ANNA).verdict is ScanVerdict.PRESENT


def test_content_of_another_store_and_identifiers_count_as_elsewhere() -> None:
    assert ledger({0, 1, 4}, {2, 3, 4}).elsewhere(ANNA).found == 2
    assert ledger({0, 1, 2, 3, 4}, {4}).elsewhere(ANNA).found == 0


@given(st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)))
def test_gone_is_never_said_while_an_unheld_window_is_seen(before: set[int], after: set[int], held: set[int]) -> None:
    held &= after
    figures = ledger(before, after, held).figures("transcripts", ANNA)
    seen = ({0, 1} & after) - held
    assert (figures.verdict is ScanVerdict.PRESENT) == bool(seen)
    if figures.verdict is ScanVerdict.GONE:
        assert figures.usable > 0
        assert 4 not in before or 4 in after


def test_enough_was_seen_before_when_something_of_everybody_was_from_each_dataset_of_the_store() -> None:
    assert each_seen(TRACES, frozenset({0, 4}), ["transcripts"])
    assert not each_seen(TRACES, frozenset({0, 1}), ["transcripts"]), "nobody who stays"
    assert not each_seen(TRACES, frozenset({4}), ["transcripts"]), "not her"
    assert not each_seen(TRACES, frozenset({0, 4}), ["transcripts", "recordings"]), "not from there"
    assert each_seen(TRACES, frozenset({0, 2, 4}), ["transcripts", "recordings"])
    assert not each_seen(TRACES, frozenset({0, 2, 3, 4}), ["a dataset from which nothing was taken"])
    assert not each_seen(TRACES, frozenset(), [])
