"""Sealed content: opens as it was, from any place; whatever was done to it, nothing of it is given out that was not sealed so."""

from __future__ import annotations

import gc
import io
import os
import tracemalloc
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import SealInvalid, UsageError
from expunge.vault.chunked import (
    CHUNK,
    HEADER,
    SealingWriter,
    UnsealingReader,
    object_context,
    open_sealed,
    opened_size,
    seal,
    sealed_size,
)
from tests.soaking import examples
from tests.vault import sealing_by_hand as by_hand

KEY, CONTEXT = bytes(range(32)), object_context("recordings", "front-door/0001")
SEALED_CHUNK = CHUNK + 16
AROUND = [CHUNK * count + more for count in (0, 1, 2, 15, 16, 17, 33) for more in (-1, 0, 1) if CHUNK * count + more >= 0]
sizes = st.one_of(st.sampled_from(AROUND), st.integers(0, 3 * CHUNK))
numbers = st.integers(0, 2**32 - 1)


def drawn(size: int) -> bytes:
    return Random(size).randbytes(size)


def written(content: bytes, cuts: list[int]) -> bytes:
    """What a writer makes of content that comes in pieces."""
    out = io.BytesIO()
    with SealingWriter(out, KEY, CONTEXT) as writer:
        places = [0, *sorted(cuts), len(content)]
        for start, end in pairwise(places):
            assert writer.tell() == start
            writer.write(content[start:end])
    return out.getvalue()


def reader(sealed: bytes) -> UnsealingReader:
    return UnsealingReader(io.BytesIO(sealed), KEY, CONTEXT)


def refused(sealed: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> None:
    with pytest.raises(SealInvalid):
        open_sealed(key, sealed, context)


def refused_unopened(sealed: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> None:
    """Refused before a size is told or a byte could be asked for."""
    refused(sealed, key, context)
    with pytest.raises(SealInvalid):
        UnsealingReader(io.BytesIO(sealed), key, context)


@pytest.mark.parametrize("size", AROUND)
def test_whatever_its_size_content_opens_as_it_was_in_all_ways(size: int) -> None:
    content = drawn(size)
    sealed = seal(KEY, content, CONTEXT)
    assert len(sealed) == sealed_size(size)
    assert opened_size(len(sealed)) == size
    assert by_hand.unseal(KEY, sealed, CONTEXT) == content == open_sealed(KEY, memoryview(sealed), CONTEXT) == reader(sealed).read()
    assert reader(sealed).size == size
    assert seal(KEY, content, CONTEXT)[:HEADER] != sealed[:HEADER], "every sealing has a salt of its own"


@given(sizes, st.data())
def test_written_in_any_pieces_it_is_the_same(size: int, data: st.DataObject) -> None:
    content = drawn(size)
    cuts = data.draw(st.lists(st.integers(0, size), max_size=12))
    sealed = written(content, cuts)
    assert sealed == by_hand.seal(KEY, content, CONTEXT, sealed[:24])


@given(sizes, st.data())
def test_any_part_is_the_slice(size: int, data: st.DataObject) -> None:
    content, sealed = drawn(size), _sealed(size)
    opened = reader(sealed)
    for _ in range(data.draw(st.integers(1, 8))):
        near = st.builds(lambda count, more: max(0, count * CHUNK + more), st.integers(0, size // CHUNK + 1), st.integers(-2, 2))
        start = data.draw(st.one_of(near, st.integers(0, size + 2)))
        length = data.draw(st.one_of(st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 20 * CHUNK]), st.integers(0, size + 2)))
        whence = data.draw(st.sampled_from([(start, os.SEEK_SET), (start - opened.tell(), os.SEEK_CUR), (start - size, os.SEEK_END)]))
        assert opened.seek(*whence) == start == opened.tell()
        assert opened.read(length) == content[start : start + length]
        assert opened.tell() == start + len(content[start : start + length])


def _sealed(size: int) -> bytes:
    if size not in _MADE:
        _MADE[size] = seal(KEY, drawn(size), CONTEXT)
    return _MADE[size]


_MADE: dict[int, bytes] = {}


@given(sizes, numbers, st.integers(1, 255))
def test_a_changed_bit_anywhere_gives_nothing_of_its_chunk(size: int, at: int, mask: int) -> None:
    sealed = bytearray(_sealed(size))
    at %= len(sealed)
    sealed[at] ^= mask
    number = (at - HEADER) // SEALED_CHUNK
    if at < HEADER or number == size // CHUNK:
        refused_unopened(bytes(sealed))
        return
    refused(bytes(sealed))
    opened, content = reader(bytes(sealed)), drawn(size)
    for each in range(size // CHUNK + 1):
        buffer = bytearray(b"\xff" * CHUNK)
        opened.seek(each * CHUNK)
        if each == number:
            with pytest.raises(SealInvalid):
                opened.readinto(buffer)
            assert not any(buffer), "what came out of the cipher before its tag was checked is wiped"
            assert opened.tell() == each * CHUNK
        else:
            assert buffer[: opened.readinto(buffer)] == content[each * CHUNK : (each + 1) * CHUNK]
    buffer = bytearray(b"\xff" * size)
    opened.seek(0)
    with pytest.raises(SealInvalid):
        opened.readinto(buffer)
    assert not any(buffer)


@given(sizes, numbers)
def test_cut_at_any_place_it_is_refused_at_once(size: int, at: int) -> None:
    sealed = _sealed(size)
    refused_unopened(sealed[: at % len(sealed)])


@pytest.mark.parametrize("size", [0, 5, CHUNK, 2 * CHUNK + 9])
def test_cut_where_chunks_end_it_is_refused_at_once(size: int) -> None:
    sealed = _sealed(size)
    for chunk in range(size // CHUNK + 1):
        for place in range(-17, 18):
            at = HEADER + chunk * SEALED_CHUNK + place
            if at < len(sealed):
                refused_unopened(sealed[:at])


@given(sizes, st.integers(1, 2 * SEALED_CHUNK))
def test_with_more_at_its_end_it_is_refused_at_once(size: int, more: int) -> None:
    sealed = _sealed(size)
    refused_unopened(sealed + Random(more).randbytes(more))
    refused_unopened(sealed + sealed[-(more % len(sealed)) or -1 :])


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 2), (0, 3), (2, 3)])
def test_chunks_in_each_others_place_are_refused(first: int, second: int) -> None:
    content = drawn(3 * CHUNK + 9)
    sealed = _sealed(len(content))
    chunks = [sealed[start : start + SEALED_CHUNK] for start in range(HEADER, len(sealed), SEALED_CHUNK)]
    chunks[first], chunks[second] = chunks[second], chunks[first]
    mixed = sealed[:HEADER] + b"".join(chunks)
    if second == 3:
        refused_unopened(mixed)
        return
    refused(mixed)
    opened = reader(mixed)
    for number in (first, second):
        opened.seek(number * CHUNK + 3)
        with pytest.raises(SealInvalid):
            opened.read(5)


def test_chunks_of_another_sealing_of_the_same_content_are_refused() -> None:
    content = drawn(2 * CHUNK + 9)
    one, other = seal(KEY, content, CONTEXT), seal(KEY, content, CONTEXT)
    refused(one[: HEADER + SEALED_CHUNK] + other[HEADER + SEALED_CHUNK :])
    refused_unopened(one[:HEADER] + other[HEADER:])


@given(sizes, st.binary(max_size=60))
def test_under_another_context_or_key_it_is_refused_at_once(size: int, other: bytes) -> None:
    sealed = _sealed(size)
    if other != CONTEXT:
        refused_unopened(sealed, context=other)
    refused_unopened(sealed, key=bytes([*KEY[:31], KEY[31] ^ 1]))


@given(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4), st.text(max_size=4))
def test_no_two_objects_have_one_context(dataset: str, name: str, other_dataset: str, other_name: str) -> None:
    if "\0" in dataset + other_dataset:
        with pytest.raises(UsageError):
            object_context(dataset if "\0" in dataset else other_dataset, name)
        return
    same = (dataset, name) == (other_dataset, other_name)
    assert (object_context(dataset, name) == object_context(other_dataset, other_name)) == same


class Failing(io.BytesIO):
    """A file that takes so many bytes, and has no room for the next."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        taken = super().write(data[: self.room - self.tell()])
        if not taken:
            raise OSError(28, "No space left on device")
        return taken


def _write_and_close(writer: SealingWriter, content: bytes) -> None:
    writer.write(content)
    writer.close()


@given(sizes, numbers)
def test_a_file_without_room_holds_nothing_that_opens(size: int, room: int) -> None:
    """The caller goes on as if nothing had happened."""
    out = Failing(room % sealed_size(size))
    try:
        writer = SealingWriter(out, KEY, CONTEXT)
    except OSError:
        refused_unopened(out.getvalue())
        return
    with pytest.raises(OSError, match="No space"):
        _write_and_close(writer, drawn(size))
    out.room = 2**40
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"more")
    refused_unopened(out.getvalue())


class Forgetful(io.BytesIO):
    """A file that takes all, and loses the reply to one write."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.writes, self.lost = 0, lost

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        self.writes += 1
        taken = super().write(data)
        if self.writes == self.lost:
            raise OSError(5, "Input/output error")
        return taken


@pytest.mark.parametrize("lost", [2, 3])
def test_a_write_whose_reply_was_lost_cannot_be_tried_again(lost: int) -> None:
    """What arrived would come twice, and open."""
    out, content = Forgetful(lost), drawn(CHUNK)
    writer = SealingWriter(out, KEY, CONTEXT)
    for _ in range(2, lost):
        writer.write(content)
    with pytest.raises(OSError, match="Input/output"):
        writer.write(content)
    with pytest.raises(ValueError, match="closed"):
        writer.write(content)
    writer.close()
    refused_unopened(out.getvalue())


def _write_and_leave(writer: SealingWriter, content: bytes, leave: type[BaseException]) -> None:
    with writer:
        writer.write(content)
        raise leave


@given(sizes)
def test_a_writer_left_by_an_exception_makes_nothing_that_opens(size: int) -> None:
    for leave in (RuntimeError, KeyboardInterrupt, GeneratorExit):
        out = io.BytesIO()
        writer = SealingWriter(out, KEY, CONTEXT)
        with pytest.raises(leave):
            _write_and_leave(writer, drawn(size), leave)
        writer.close()
        refused_unopened(out.getvalue())


def test_a_forgotten_writer_makes_nothing_that_opens() -> None:
    out = io.BytesIO()
    SealingWriter(out, KEY, CONTEXT).write(drawn(CHUNK + 1))
    gc.collect()
    refused_unopened(out.getvalue())


@pytest.mark.parametrize("wrap", [io.BufferedWriter, io.TextIOWrapper])
def test_no_buffer_that_closes_when_an_exception_passes_goes_over_a_writer(wrap: type[io.IOBase]) -> None:
    with pytest.raises(AttributeError):
        wrap(SealingWriter(io.BytesIO(), KEY, CONTEXT))  # type: ignore[call-arg]


class Counting(io.BytesIO):
    """A file that notes which of its bytes were read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.read_from: list[tuple[int, int]] = []

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        start = self.tell()
        taken = super().readinto(buffer[:1000])
        self.read_from.append((start, start + taken))
        return taken


def test_only_the_chunks_that_are_touched_are_read() -> None:
    file = Counting(_sealed(33 * CHUNK + 1))
    opened = UnsealingReader(file, KEY, CONTEXT)
    assert {start // SEALED_CHUNK for start, _ in file.read_from} == {0, 33}, "the header and the last chunk"
    file.read_from.clear()
    opened.seek(7 * CHUNK + 100)
    assert opened.read(CHUNK) == drawn(33 * CHUNK + 1)[7 * CHUNK + 100 :][:CHUNK]
    assert min(file.read_from)[0] == HEADER + 7 * SEALED_CHUNK
    assert max(file.read_from)[1] == HEADER + 9 * SEALED_CHUNK


def test_a_file_that_is_cut_while_it_is_read_is_refused() -> None:
    file = io.BytesIO(_sealed(3 * CHUNK))
    opened = UnsealingReader(file, KEY, CONTEXT)
    file.truncate(HEADER + SEALED_CHUNK + 7)
    assert opened.read(10) == drawn(3 * CHUNK)[:10]
    opened.seek(CHUNK)
    with pytest.raises(SealInvalid):
        opened.read(10)


def test_a_part_at_hand_stays_right_after_another_was_refused() -> None:
    sealed, content = bytearray(_sealed(3 * CHUNK)), drawn(3 * CHUNK)
    sealed[HEADER + SEALED_CHUNK + 9] ^= 1
    opened = reader(bytes(sealed))
    assert opened.read(10) == content[:10]
    opened.seek(CHUNK + 20)
    with pytest.raises(SealInvalid):
        opened.read(10)
    opened.seek(0)
    assert opened.read(100) == content[:100]


def test_readers_of_the_standard_library_go_over_it() -> None:
    text = "".join(f"line {number}: grüße\n" for number in range(3000))
    opened = io.TextIOWrapper(io.BufferedReader(reader(seal(KEY, text.encode(), CONTEXT))), encoding="utf-8")
    assert opened.readlines() == text.splitlines(keepends=True)


def test_memory_stays_flat_however_long_the_content_is(tmp_path: Path) -> None:
    piece, rounds = drawn(2**20), examples(24, 512)
    buffer = bytearray(2**20)
    path = tmp_path / "long.sealed"
    tracemalloc.start()
    try:
        with path.open("wb", buffering=0) as file, SealingWriter(file, KEY, CONTEXT) as writer:
            for _ in range(rounds):
                writer.write(piece)
        with path.open("rb", buffering=0) as file, UnsealingReader(file, KEY, CONTEXT) as opened:
            read = 0
            while taken := opened.readinto(buffer):
                assert buffer == piece
                read += taken
        assert read == rounds * 2**20
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("key", [b"", KEY[:16], KEY + b"\0"])
def test_a_key_of_another_length_is_refused(key: bytes) -> None:
    for act in (
        lambda: seal(key, b"", CONTEXT),
        lambda: open_sealed(key, _sealed(1), CONTEXT),
        lambda: SealingWriter(io.BytesIO(), key, CONTEXT),
        lambda: UnsealingReader(io.BytesIO(_sealed(1)), key, CONTEXT),
    ):
        with pytest.raises(UsageError):
            act()


def test_four_pebibytes_are_too_many() -> None:
    most = 2**38 * CHUNK - 1
    assert opened_size(sealed_size(most)) == most
    with pytest.raises(UsageError):
        sealed_size(most + 1)
    with pytest.raises(SealInvalid):
        opened_size(sealed_size(most) + 17)


def test_a_writer_takes_no_chunk_beyond_the_last_number() -> None:
    def begun(number: int) -> tuple[io.BytesIO, SealingWriter]:
        file = io.BytesIO()
        writer = SealingWriter(file, KEY, CONTEXT)
        writer._number = number
        return file, writer

    file, writer = begun(2**38 - 3)
    writer.write(bytes(2 * CHUNK))
    writer.close()
    assert len(file.getvalue()) == HEADER + 2 * CHUNK + 3 * 16
    for number, chunks in ((2**38 - 3, 4), (2**38 - 1, 2), (2**38, 1)):
        file, writer = begun(number)
        with pytest.raises(UsageError):
            writer.write(bytes(chunks * CHUNK))
        assert writer.closed
        assert len(file.getvalue()) == HEADER, "no chunk of a call that goes too far"
    _, writer = begun(2**38)
    with pytest.raises(UsageError):
        writer.close()


def test_messages_hold_neither_key_nor_content() -> None:
    content = b"a voice in the kitchen" * 2000
    sealed = bytearray(seal(KEY, content, CONTEXT))
    sealed[HEADER + 3] ^= 1
    for bad, key in ((bytes(sealed), KEY), (bytes(sealed), bytes(32)), (bytes(sealed[:70]), KEY)):
        with pytest.raises(SealInvalid) as caught:
            open_sealed(key, bad, CONTEXT)
        assert caught.value.help
        assert caught.value.__cause__ is None
        for secret in (KEY.hex(), repr(KEY), "kitchen", "front-door"):
            assert secret not in f"{caught.value!r} {caught.value.help}"


def test_closed_is_closed() -> None:
    opened = reader(_sealed(5))
    opened.close()
    for act in (opened.read, lambda: opened.readinto(bytearray(1)), lambda: opened.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            act()
    again = reader(_sealed(5))
    with pytest.raises(ValueError, match="no such place"):
        again.seek(-1)
