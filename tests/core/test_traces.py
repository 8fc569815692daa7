"""Stored traces: small, strict, and worthless without the key."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.ids import Pseudonym
from expunge.core.traces import Trace, Traces, dump, load
from expunge.errors import StateCorrupt

KEY = bytes(range(32))
OTHER = bytes(32)

traces = st.builds(
    Trace,
    subject=st.sampled_from([Pseudonym("a" * 32), Pseudonym("control-0"), Pseudonym("")]),
    dataset=st.text(max_size=20),
    part=st.text(st.characters(exclude_categories=[]), max_size=20),
    form=st.sampled_from(["utf-8", "base64+1", "pcm16"]),
    anchor=st.integers(0, 2**64 - 1),
    width=st.sampled_from([8, 16]),
    length=st.integers(8, 64),
    digest=st.binary(min_size=16, max_size=16),
)
many = st.builds(
    lambda found, controls: Traces(KEY, tuple(found), frozenset(controls)),
    st.lists(traces, max_size=30),
    st.sets(st.sampled_from([Pseudonym("control-0"), Pseudonym("control-1")])),
)


def some(count: int = 50) -> Traces:
    rng = random.Random(1)
    made = [Trace(Pseudonym("a" * 32), "d", "f", "utf-8", rng.getrandbits(64), 16, 24, rng.randbytes(16)) for _ in range(count)]
    return Traces(KEY, tuple(made), frozenset({Pseudonym("control-0")}))


@given(many)
def test_what_was_packed_is_unpacked(given_traces: Traces) -> None:
    packed = dump(given_traces)
    assert load(packed, KEY) == given_traces
    assert dump(load(packed, KEY)) == packed


def test_a_trace_takes_less_than_fifty_bytes() -> None:
    assert len(dump(some(1000))) < 50 * 1000


def test_another_key_is_refused() -> None:
    with pytest.raises(StateCorrupt):
        load(dump(some()), OTHER)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, flip: int) -> None:
    packed = bytearray(dump(some()))
    packed[place % len(packed)] ^= flip
    with pytest.raises(StateCorrupt):
        load(bytes(packed), KEY)


@given(st.integers(0, 10_000))
def test_any_cut_and_anything_added_is_refused(cut: int) -> None:
    packed = dump(some())
    with pytest.raises(StateCorrupt):
        load(packed[: cut % len(packed)], KEY)
    with pytest.raises(StateCorrupt):
        load(packed + b"\0", KEY)


def test_neither_the_key_nor_an_anchor_is_stored() -> None:
    taken = some()
    packed = dump(taken)
    assert KEY not in packed
    assert KEY[:8] not in packed
    for each in taken.traces:
        assert each.anchor.to_bytes(8, "big") not in packed
        assert each.anchor.to_bytes(8, "little") not in packed


def test_the_mask_differs_from_trace_to_trace() -> None:
    taken = some()
    same = Traces(KEY, tuple(Trace(each.subject, "d", "f", "utf-8", 5, 16, 24, each.digest) for each in taken.traces))
    packed = dump(same)
    masked = {packed[-42 * number :][16:24] for number in range(1, len(taken.traces) + 1)}
    assert len(masked) == len(taken.traces)
