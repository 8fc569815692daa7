"""Which windows a store is not searched for: crowded ones of values that have another."""

from __future__ import annotations

from collections.abc import Collection

from expunge.core.evidence import window_choice
from expunge.core.evidence.traces import Trace, Traces
from expunge.core.values.ids import Pseudonym

MARY, TOM = Pseudonym("mary"), Pseudonym("tom")
A, B = ("traces-1-app", 1), ("traces-1-app", 2)


def trace(number: int, *, form: str = "utf-8", subject: Pseudonym = MARY) -> Trace:
    return Trace(subject, "notes", "text", form, number, 16, 24, bytes([number]) * 16)


def left_out(
    *taken: tuple[Trace, list[window_choice.Value]], seen: set[int], crowded: dict[int, int], known: Collection[bytes] = ()
) -> set[int]:
    traces = Traces(bytes(32), tuple(each for each, _ in taken), frozenset({TOM}))
    values = {window_choice.window(each): sources for each, sources in taken}
    return set(window_choice.left_out(traces, values, seen, crowded, known, traces.controls))


def test_a_crowded_window_is_left_out_where_its_value_has_an_exclusive_one() -> None:
    assert left_out((trace(1), [A]), (trace(2), [A]), seen={0, 1}, crowded={1: 40}) == {1}


def test_an_exclusive_window_is_one_that_a_scan_saw_as_it_is() -> None:
    assert left_out((trace(1), [A]), (trace(2), [A]), seen={1}, crowded={1: 40}) == set(), "never seen: it proves nothing"
    assert left_out((trace(1, form="hex"), [A]), (trace(2), [A]), seen={0, 1}, crowded={1: 40}) == set()
    assert left_out((trace(1), [B]), (trace(2), [A]), seen={0, 1}, crowded={1: 40}) == set(), "of another value"


def test_a_value_of_crowded_windows_keeps_the_one_with_the_fewest_places() -> None:
    assert left_out((trace(1), [A]), (trace(2), [A]), seen={0, 1}, crowded={0: 900, 1: 40}) == {0}
    assert left_out((trace(1), [A]), seen={0}, crowded={0: 900}) == set()


def test_each_value_that_has_a_crowded_window_needs_another() -> None:
    assert left_out((trace(1), [A]), (trace(2), [A, B]), seen={0, 1}, crowded={1: 40}) == set()
    assert left_out((trace(1), [A]), (trace(2), [A, B]), (trace(3), [B]), seen={0, 1, 2}, crowded={1: 40}) == {1}


def test_identifiers_bystanders_and_windows_of_unknown_values_are_looked_for() -> None:
    taken = ((trace(1), [A]), (trace(2), [A]))
    assert left_out(*taken, seen={0, 1}, crowded={1: 40}, known={bytes([2]) * 16}) == set()
    assert left_out((trace(1, subject=TOM), [A]), (trace(2, subject=TOM), [A]), seen={0, 1}, crowded={1: 40}) == set()
    assert left_out((trace(1), [A]), (trace(2), []), seen={0, 1}, crowded={1: 40}) == set()


def test_packed_numbers_and_counts_are_read_again_and_damage_drops_nothing_else() -> None:
    values = [(1, 2, 3), (), (7,)]
    packed = window_choice.dump_values(values)
    assert list(window_choice.load_values(packed)) == values
    assert list(window_choice.load_values(packed[:-1])) == values[:2]
    traces = Traces(bytes(32), (trace(1), trace(2)))
    counts = window_choice.dump_counts(traces, {1: 1024, 0: 17})
    assert window_choice.load_counts(counts) == {bytes([1]) * 16: 17, bytes([2]) * 16: 1024}
    assert window_choice.load_counts(counts[:-1]) == {}
