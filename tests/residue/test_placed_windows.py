"""The search by owner finds what the search over all content finds, and says whose it is."""

from __future__ import annotations

import base64
import gzip
import io
import struct
from collections.abc import Callable

import pytest

from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import Tracer
from expunge.residue.scanning.scanner import ResidueScanner
from tests.residue.planting import MARY, SENTENCE, text_traces, traces_of

ANNA, BELA = Pseudonym("control-1"), Pseudonym("control-2")
NUMBER = 52.51638127


def hand_over(tracer: Tracer, subject: Pseudonym, value: bytes | float) -> None:
    if isinstance(value, bytes):
        tracer.blob(subject, "notes", "text", io.BytesIO(value))
    else:
        tracer.number(subject, "notes", "text", value)


@pytest.mark.parametrize("before", [b"", b"x", b"xy"])
@pytest.mark.parametrize("write", [bytes.hex, lambda data: base64.b64encode(data).decode()], ids=["hex", "base64"])
def test_a_small_blob_explains_what_was_traced_in_hex_and_base64(before: bytes, write: object) -> None:
    written = write(before + SENTENCE.encode())  # type: ignore[operator]
    traces = text_traces(written)
    everything = range(len(traces.traces))
    holder, placed = ResidueScanner().holder(traces, everything), ResidueScanner().placed(traces, everything)
    for subject, value in ((BELA, b"quite another matter"), (ANNA, before + SENTENCE.encode())):
        hand_over(holder, subject, value)
        hand_over(placed, subject, value)
    assert placed.held() == holder.held()
    assert BELA not in placed.held_by()


@pytest.mark.parametrize("write", ["hex", "base64+0", "base64+1", "base64+2"])
def test_windows_in_hex_and_base64_are_held_by_whom_the_bytes_are_of(write: str) -> None:
    packed = struct.pack("<d", NUMBER) + b"and what else there was"
    traces = traces_of(lambda tracer: tracer.blob(MARY, "notes", "text", io.BytesIO(packed)))
    wanted = [index for index, trace in enumerate(traces.traces) if trace.form == write]
    placed, holder = (make(traces, wanted) for make in (ResidueScanner().placed, ResidueScanner().holder))
    for tracer in (placed, holder):
        hand_over(tracer, BELA, b"quite another matter")
        hand_over(tracer, ANNA, packed)
    assert wanted
    assert placed.held_by() == {ANNA: frozenset(wanted)}
    assert holder.held() == frozenset(wanted)


@pytest.mark.parametrize("write", [lambda data: data, base64.b64encode, lambda data: data.hex().encode()], ids=["packed", "base64", "hex"])
def test_what_a_container_holds_is_not_of_whom_the_one_before_it_is(write: Callable[[bytes], bytes]) -> None:
    traces = text_traces(SENTENCE)
    search = ResidueScanner().placed(traces, range(len(traces.traces)))
    for owner, said in (("before", "quite another matter"), ("own", SENTENCE), ("after", "nothing of it either")):
        search.blob(Pseudonym(owner), "notes", "text", io.BytesIO(write(gzip.compress(said.encode()))))
    assert search.held_by().keys() == {"own"}
