"""The matcher finds exactly what a naive search finds, at every offset, whatever lies around it."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.evidence.traces import ANCHOR_FOLDED, FOLDED, Trace, Traces
from expunge.core.values.ids import Pseudonym
from expunge.residue.matching import folding
from expunge.residue.matching.keyed_hash import Secret
from expunge.residue.matching.marks import marked
from expunge.residue.matching.matcher import CHUNK, PADDING, Matcher, constant
from tests.residue.planting import KEY

SECRET = Secret(KEY)


def traces_for(windows: list[bytes]) -> Traces:
    made = []
    for window in windows:
        width = 16 if len(window) >= 16 else 8
        made.append(Trace(Pseudonym("s"), "d", "p", "bytes", SECRET.anchor(window, width), width, len(window), SECRET.digest(window)))
    return Traces(KEY, tuple(made))


def find(windows: list[bytes], data: bytes) -> set[tuple[int, int]]:
    buffer = np.frombuffer(data + bytes(PADDING), dtype=np.uint8)
    return {(place, trace) for place, _, alike in Matcher(traces_for(windows)).find(buffer, len(data)) for trace in alike.traces}


def naive(windows: list[bytes], data: bytes) -> set[tuple[int, int]]:
    found = set()
    for number, window in enumerate(windows):
        at = data.find(window)
        while at >= 0:
            found.add((at, number))
            at = data.find(window, at + 1)
    return found


@given(
    st.lists(st.binary(min_size=8, max_size=40).filter(lambda each: len(set(each[:8])) > 1), min_size=1, max_size=20, unique=True),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 19)), max_size=20),
    st.integers(0, 2**32),
)
def test_it_finds_what_a_naive_search_finds(windows: list[bytes], plants: list[tuple[int, int]], seed: int) -> None:
    # few different bytes in the noise, so that windows nearly match
    noise = bytearray(random.Random(seed).choices(b"".join(windows)[:6], k=600))
    for at, number in plants:
        window = windows[number % len(windows)]
        noise[at : at + len(window)] = window
    data = bytes(noise)
    assert find(windows, data) == naive(windows, data)


@pytest.mark.parametrize("edge", [0, CHUNK, 2 * CHUNK, 3 * CHUNK + 1000])
def test_a_window_across_the_edge_of_a_chunk_is_found_at_every_offset(edge: int) -> None:
    window = b"\x01window of thirty two bytes long."
    for around in range(-40, 40):
        at = edge + around
        data = bytearray(random.Random(around).randbytes(3 * CHUNK + 1000))
        if at < 0 or at + len(window) > len(data):
            continue
        data[at : at + len(window)] = window
        assert find([window], bytes(data)) == {(at, 0)}


def test_a_window_at_the_very_end_is_found_and_one_cut_by_the_end_is_not() -> None:
    window = b"exactly sixteen."
    assert find([window], b"x" * 50 + window) == {(50, 0)}
    assert find([window], b"x" * 50 + window[:-1]) == set()


def test_padding_is_never_part_of_a_window() -> None:
    window = b"ends in zeros\0\0\0\0\0\0\0\0"
    assert find([window], window[:15]) == set()


def test_a_window_in_a_sea_of_zeros_is_found() -> None:
    window = b"\0\0\0\0\0\0\0\x01island in zeros"
    data = bytes(CHUNK + 77) + window + bytes(2 * CHUNK)
    assert find([window], data) == {(CHUNK + 77, 0)}


@pytest.mark.parametrize("period", [8, 24, 1000])
def test_a_window_that_comes_again_and_again_is_found_each_time(period: int) -> None:
    window = b"purple hedgehogs sleep under her".ljust(period, b".")[:32]
    data = window[:period].ljust(period, b"x") * (2 * CHUNK // period)
    window = (data[:32])[: 16 if period == 8 else 32]
    assert find([window], data) == naive([window], data)


def test_ten_thousand_windows_are_all_found_among_random_bytes() -> None:
    rng = random.Random(7)
    windows = [rng.randbytes(rng.choice([8, 11, 16, 24, 32])) for _ in range(10_000)]
    data = bytearray(rng.randbytes(1 << 20))
    for number, window in enumerate(windows):
        at = number * 100 + rng.randrange(60)
        data[at : at + len(window)] = window
    assert {trace for _, trace in find(windows, bytes(data))} == set(range(10_000))


def test_random_bytes_hold_none_of_ten_thousand_windows() -> None:
    rng = random.Random(8)
    windows = [rng.randbytes(rng.choice([8, 16, 32])) for _ in range(10_000)]
    assert find(windows, rng.randbytes(8 << 20)) == set()


def test_windows_with_one_anchor_and_different_ends_are_told_apart() -> None:
    windows = [b"the same sixteen" + end for end in (b" one", b" two", b" three")]
    assert find(windows, b"..the same sixteen two..the same sixteen four") == {(2, 1)}


def test_a_window_that_nobody_waits_for_is_passed_over() -> None:
    windows = [b"first window here", b"second window here"]
    matcher = Matcher(traces_for(windows))
    data = b"..".join(windows)
    buffer = np.frombuffer(data + bytes(PADDING), dtype=np.uint8)
    first, second = (alike for _, _, alike in matcher.find(buffer, len(data)))
    matcher.finished(first)
    assert [alike for _, _, alike in matcher.find(buffer, len(data))] == [second]
    assert second.traces == (1,)


def test_another_key_finds_nothing() -> None:
    window = b"a window under one key"
    taken = traces_for([window])
    other = Traces(bytes(32), taken.traces)
    buffer = np.frombuffer(window + bytes(PADDING), dtype=np.uint8)
    assert Matcher(other).find(buffer, len(window)) == []


def test_constant_means_every_byte() -> None:
    part = np.zeros(1000, dtype=np.uint8)
    assert constant(part)
    part[321] = 1
    assert not constant(part)


def folded(window: bytes, fold: int) -> Trace:
    told = SECRET.digest(folding.text(window) if fold == FOLDED else window)
    width = 16 if len(window) >= 16 else 8
    shape = folding.shape(window)
    (end,) = SECRET.ends([shape]) if fold != FOLDED or window[-8:].isascii() else (0,)
    return Trace(Pseudonym("s"), "d", "p", "utf-8", SECRET.anchor(shape, width), width, len(window), told, fold, end)


@given(st.text(min_size=8, max_size=30), st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_text_is_found_in_any_case_that_has_as_many_bytes(text: str, change: Callable[[str], str]) -> None:
    window = text.encode(errors="replace")
    other = "".join(
        each if len(change(each).encode(errors="replace")) != len(each.encode(errors="replace")) else change(each) for each in text
    )
    data = b"(" + other.encode(errors="replace") + b")"
    alike = folding.shape(window) == folding.shape(data[1:-1]) and folding.text(window) == folding.text(data[1:-1])
    buffer = np.frombuffer(data + bytes(PADDING), dtype=np.uint8)
    found = Matcher(Traces(KEY, (folded(window, FOLDED),))).find(buffer, len(data))
    assert bool(found) == (alike and not constant(buffer[: len(data)]))
    # Why not here: what is told from other bytes is never folded.
    exact = Matcher(Traces(KEY, (folded(window, ANCHOR_FOLDED),))).find(buffer, len(data))
    assert bool(exact) == (window in data)


@given(st.binary(max_size=400))
def test_a_part_has_the_shape_that_its_bytes_have(data: bytes) -> None:
    part = np.frombuffer(data + b"x", dtype=np.uint8)
    assert folding.Folder(512).shape(part).tobytes() == folding.shape(data + b"x")


@given(st.binary(min_size=1, max_size=400), st.integers(0, 1 << 17))
def test_a_long_part_is_folded_across_the_edges_of_its_pieces_and_where_it_lies(data: bytes, lead: int) -> None:
    long = data.rjust(len(data) + lead, b"A") + data
    part = np.frombuffer(bytearray(long), dtype=np.uint8)
    folder = folding.Folder(part.size)
    assert folder.shape(part).tobytes() == folding.shape(long)
    folder.shape_into(part, part)
    assert part.tobytes() == folding.shape(long)


@given(st.integers(0, 2000), st.sampled_from([0, 0.001, 0.02, 0.2, 0.9, 1]), st.integers(0, 2**32))
def test_all_marks_of_a_mask_are_placed(size: int, share: float, seed: int) -> None:
    mask = np.random.default_rng(seed).random(size) < share
    assert marked(mask).tolist() == np.flatnonzero(mask).tolist()
    assert marked(mask[3:]).tolist() == np.flatnonzero(mask[3:]).tolist()


@pytest.mark.parametrize("letters", ["aàéöüñ", "абвгдежзийклмнопрстуфхцчшщъыьэюяёїє", "αβγδεζηθικλμνξοπρστυφχψω"])
def test_capitals_of_these_alphabets_have_the_shape_of_small_letters(letters: str) -> None:
    assert folding.shape(letters.upper().encode()) == folding.shape(letters.encode())
    assert folding.text(letters.upper().encode()) == letters.encode()


def test_traces_of_older_versions_are_looked_for_beside_those_of_now() -> None:
    old, new = b"the purple hedgehog sleeps", b"under the old piano of hers"
    traces = Traces(KEY, (*traces_for([old]).traces, folded(new, FOLDED)))
    matcher = Matcher(traces)
    data = old.upper() + b" " + old + b" " + new.upper() + b" " + new.replace(b" ", b"\r\n  ")
    found = matcher.find(np.frombuffer(data + bytes(PADDING), dtype=np.uint8), len(data))
    assert sorted(each.traces for _, _, each in found) == [(0,), (1,), (1,)]
    for _, _, each in found:
        matcher.finished(each)
    places = [(place, size) for place, size, each in found if each.traces == (1,)]
    assert [data[place : place + size].lower().split() for place, size in places] == [new.split(), new.split()]


_ENDINGS = ["and then", "of hers!", "of HERS!", "of  hers", "of\t\n hers!", "été çà öü", "ÉTÉ ÇÀ ÖÜ", "nobody's"]


@given(
    st.lists(st.sampled_from(_ENDINGS), min_size=1, max_size=4, unique=True),
    st.lists(st.sampled_from(_ENDINGS), min_size=1, max_size=8).map(lambda some: some * 300),
    st.integers(16, 30),
    st.sampled_from([FOLDED, ANCHOR_FOLDED]),
)
def test_of_many_places_that_begin_alike_those_are_found_that_end_alike(taken: list[str], lying: list[str], size: int, fold: int) -> None:
    """More places than are decided one by one: how they end is looked at first."""
    begin = "under the old piano in the kitchen"[:size]
    windows = [(begin + each).encode()[:64] for each in taken]
    data = "|".join(begin + each for each in lying).encode()
    buffer = np.frombuffer(data + bytes(PADDING), dtype=np.uint8)
    traces = tuple(folded(each, fold) for each in windows)
    found, without = (
        sorted((place, length, alike.traces) for place, length, alike in Matcher(Traces(KEY, some)).find(buffer, len(data)))
        for some in (traces, tuple(each._replace(end=0) for each in traces))
    )
    assert found == without
    assert fold == FOLDED or {(place, each) for place, _, alike in found for each in alike} == naive(windows, data)


def test_white_space_at_the_edge_of_what_is_decided_at_once_is_part_of_one_of_many_windows() -> None:
    begin, end = b"under the old pi", b"ano in the garden house"
    matcher = Matcher(Traces(KEY, (folded(begin + end, FOLDED),)))
    others = (begin + b".") * (6 * CHUNK // 17)
    for shift in range(2, 70, 4):
        before = others[: 5 * CHUNK - shift]
        data = before + b"." + begin + end.replace(b" garden", b"\r\n  garden") + b"." + others[:20000]
        found = matcher.find(np.frombuffer(data + bytes(PADDING), dtype=np.uint8), len(data))
        assert [place for place, _, _ in found] == [len(before) + 1]
