"""Stored traces: small, strict, and worthless without the key."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.evidence.traces import ANCHOR_FOLDED, AS_IT_IS, FOLDED, Trace, Traces, dump, load
from expunge.core.values.ids import Pseudonym
from expunge.errors import StateCorrupt

KEY = bytes(range(32))
OTHER = bytes(32)
FIRST_FORM = (
    "657870756e67652f7472616365732f310a0733950055ff5f8cf6abb5d18e2798ae0000000500000001000000030009636f6e74726f6c2d3000206161"
    "61616161616161616161616161616161616161616161616161616161616100016400016600057574662d380000000000000001000000020000000300"
    "000004614a697a74c9b7b51018df6af1d8303e61cdc4bb86c3d1c42710000000010000000200000003000000047543c3fcc6e3118210187bd5d47e44"
    "6fcec2a3d811736110e57800000001000000020000000300000004a4aec01a996e90ef101816c6e9c92d99bf358c2e0718822ce47c"
)
SECOND_FORM = (
    "657870756e67652f7472616365732f320a5578b70f0e74a7e01c7fa341157cb7d80000000500000001000000030009636f6e74726f6c2d3000206161"
    "61616161616161616161616161616161616161616161616161616161616100016400016600057574662d380000000000000001000000010000000100"
    "0000020000000200000002000000030000000300000003000000040000000400000004f7377a5ec38aef8b7b76f27ab680f5a287b4e30dbd6f094a10"
    "1010181818df6af1d8303e61cdc4bb86c3d1c427107bd5d47e446fcec2a3d811736110e57816c6e9c92d99bf358c2e0718822ce47c"
)
THIRD_FORM = (
    "657870756e67652f7472616365732f330a5578b70f0e74a7e01c7fa341157cb7d80000000500000001000000030009636f6e74726f6c2d30002061"
    "6161616161616161616161616161616161616161616161616161616161616100016400016600057574662d38000000000000000100000001000000"
    "01000000020000000200000002000000030000000300000003000000040000000400000004f7377a5ec38aef8b7b76f27ab680f5a287b4e30dbd6f"
    "094a101010181818df6af1d8303e61cdc4bb86c3d1c427107bd5d47e446fcec2a3d811736110e57816c6e9c92d99bf358c2e0718822ce47c"
)

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
    fold=st.sampled_from([AS_IT_IS, ANCHOR_FOLDED, FOLDED]),
    end=st.integers(0, 2**16 - 1),
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


def test_no_end_is_stored_as_it_is() -> None:
    alike = Traces(KEY, tuple(each._replace(end=4711) for each in some(200).traces))
    assert dump(alike).count((4711).to_bytes(2, "big")) < 5


def test_the_mask_differs_from_trace_to_trace() -> None:
    taken = some()
    same = Traces(KEY, tuple(Trace(each.subject, "d", "f", "utf-8", 5, 16, 24, each.digest) for each in taken.traces))
    count = len(taken.traces)
    masked = dump(same)[-28 * count : -20 * count]
    assert len({masked[at : at + 8] for at in range(0, len(masked), 8)}) == count


def test_other_digests_are_under_another_mask() -> None:
    one = Trace(Pseudonym("a"), "d", "f", "utf-8", 5, 16, 24, bytes(16))
    masked = {dump(Traces(KEY, (one._replace(digest=digest),)))[-28:-20] for digest in (bytes(16), bytes(15) + b"\1")}
    assert len(masked) == 2


def test_a_trace_shown_in_a_log_shows_neither_anchor_nor_digest() -> None:
    one = Trace(Pseudonym("a"), "d", "f", "utf-8", 123456789, 16, 24, b"0123456789abcdef", end=4711)
    assert repr(one) == "Trace(subject='a', dataset='d', part='f', form='utf-8', width=16, length=24)"


def test_what_the_first_form_packed_is_still_read() -> None:
    """Written by the version before the second form."""
    assert load(bytes.fromhex(FIRST_FORM), KEY) == some(3)


def test_what_the_second_form_packed_is_still_read() -> None:
    """Written by the version before the third form."""
    assert load(bytes.fromhex(SECOND_FORM), KEY) == some(3)


def test_what_the_third_form_packed_is_still_read() -> None:
    """Written by the version before the fourth form."""
    assert load(bytes.fromhex(THIRD_FORM), KEY) == some(3)
