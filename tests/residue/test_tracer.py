"""What is traced of numbers, vectors and names; that budgets hold; that the holder sees what others have."""

from __future__ import annotations

import io
import json
import random
import sqlite3
import struct
from collections import Counter
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.evidence.window_choice import ValueCount
from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import SEAM
from expunge.residue.scanning.scanner import ResidueScanner
from expunge.residue.take.tracer import Collector
from expunge.residue.take.value_windows import OF_A_VALUE, ValueWindows
from expunge.residue.take.window_sample import FORMS
from tests.residue.planting import KEY, MARY, SENTENCE, look, text_traces, traces_of, ways

NUMBER = 52.51638127
TOM = Pseudonym("tom")


@pytest.mark.parametrize(
    "data",
    [struct.pack("<d", NUMBER), struct.pack(">d", NUMBER), str(NUMBER).encode(), json.dumps({"lat": NUMBER}).encode()],
    ids=["little", "big", "printed", "json"],
)
def test_a_number_is_found_packed_and_printed(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(b"???" + data + b"?")
    assert look(tmp_path, traces_of(lambda tracer: tracer.number(MARY, "places", "lat", NUMBER), budget=3)).found


def test_a_number_in_a_database_is_found(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "f.db")) as connection:
        connection.execute("CREATE TABLE t (x REAL)")
        connection.execute("INSERT INTO t VALUES (?)", (NUMBER,))
        connection.commit()
    assert "float64-be" in ways(tmp_path, traces_of(lambda tracer: tracer.number(MARY, "places", "lat", NUMBER)))


@pytest.mark.parametrize("dull", [0, 1, 42, 0.0, 1.5, -2.0, 1234567, float("inf"), float("nan")])
def test_a_number_that_says_too_little_is_not_traced(dull: float) -> None:
    tracer = Collector(KEY, 8)
    tracer.number(MARY, "d", "f", dull)
    assert tracer.traces().traces == ()
    assert tracer.rejected() == 1


def test_a_long_whole_number_is_traced_as_printed(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"tel=4915112345678;")
    assert look(tmp_path, traces_of(lambda tracer: tracer.number(MARY, "d", "f", 4915112345678))).found


def embedding(seed: int, size: int = 64) -> list[float]:
    rng = random.Random(seed)
    return [struct.unpack("<f", struct.pack("<f", rng.gauss(0, 1)))[0] for _ in range(size)]


def as_float32(value: float) -> str:
    return next(text for digits in range(6, 10) if struct.pack("<f", float(text := f"{value:.{digits}g}")) == struct.pack("<f", value))


@pytest.mark.parametrize("form", ["<f", ">f", "<d", ">d", "<e", "json", "json of singles"])
def test_a_vector_is_found_packed_and_printed(tmp_path: Path, form: str) -> None:
    vector = embedding(1)
    if form == "json":
        data = json.dumps(vector).encode()
    elif form == "json of singles":
        data = ("[" + ",".join(as_float32(each) for each in vector) + "]").encode()
    else:
        data = struct.pack(f"{form[0]}{len(vector)}{form[1]}", *vector)
    (tmp_path / "f").write_bytes(b"_" + data)
    traces = traces_of(lambda tracer: tracer.vector(MARY, "voices", "embedding", vector))
    assert look(tmp_path, traces).found
    (tmp_path / "f").write_bytes(data[: len(data) // 2])
    assert look(tmp_path, traces).found


def test_somebody_elses_vector_holds_nothing(tmp_path: Path) -> None:
    traces = traces_of(lambda tracer: tracer.vector(MARY, "voices", "embedding", embedding(1)))
    (tmp_path / "f").write_bytes(json.dumps(embedding(2)).encode() + struct.pack("<64f", *embedding(3)) + bytes(1000))
    assert not look(tmp_path, traces).found


@pytest.mark.parametrize("vector", [[], [0.0] * 64, [1.0, 0.0] * 32])
def test_a_vector_that_says_too_little_is_not_traced(vector: list[float]) -> None:
    assert traces_of(lambda tracer: tracer.vector(MARY, "d", "f", vector)).traces == ()


@given(st.integers(1, 12), st.lists(st.text(max_size=120), max_size=30), st.binary(max_size=4000))
def test_the_budget_is_kept_for_every_subject_and_field(budget: int, texts: list[str], data: bytes) -> None:
    tracer = Collector(KEY, budget)
    for number, text in enumerate(texts):
        for subject in (MARY, TOM):
            tracer.text(subject, "d", "one" if number % 2 else "two", text)
            tracer.name(subject, "d", text)
    tracer.blob(MARY, "d", "blob", io.BytesIO(data))
    counts = Counter((each.subject, each.dataset, each.part) for each in tracer.traces().traces)
    values = len(texts) + 1 + sum(len(text) for text in texts) // 8
    assert all(count <= budget + OF_A_VALUE * values + FORMS * (budget - 1) for count in counts.values())


def test_a_large_budget_buys_content_and_not_more_ways_of_writing_it() -> None:
    tracer = Collector(KEY, 1024)
    for number in range(2000):
        tracer.text(MARY, "d", "one", f"sentence number {number} about {number * 7919}")
    forms = Counter(each.form == "utf-8" for each in tracer.traces().traces)
    assert 2000 <= forms[True] <= 1024 + 2000 * OF_A_VALUE
    assert forms[False] <= FORMS * 7


def test_each_of_many_values_has_a_window() -> None:
    tracer = Collector(KEY, 1024)
    texts = [f"{number}: thank you for your message of May, and kind regards to {number * 7919}" for number in range(3000)]
    for text in texts:
        tracer.text(MARY, "notes", "said", text)
    traces = tracer.traces()
    for text in texts[::100]:
        holder = ResidueScanner().holder(traces, range(len(traces.traces)))
        holder.text(TOM, "notes", "said", text)
        assert holder.held()
    assert tracer.counts() == {(MARY, "notes"): ValueCount(3000, 3000)}


def test_where_more_values_come_than_fit_each_field_keeps_its_share_whatever_the_sequence() -> None:
    texts = [f"the number of this sentence is {number * 7919}, and no other" for number in range(400)]
    kept = []
    for sequence in (texts, texts[::-1]):
        windows = ValueWindows(most=100)
        for number, text in enumerate(sequence):
            windows.begin()
            for where, data in (((TOM if number % 40 else MARY, "notes", "said"), text), ((TOM, "notes", "title"), text[:40])):
                windows.begin()
                if windows.wants(where, crc32(data.encode())):
                    windows.add(where, data.encode(), "utf-8", crc32(data.encode()), number)
        fields = [(subject, "notes", field) for subject in (MARY, TOM) for field in ("said", "title")]
        kept.append([len(windows.of(field)) for field in fields])
        assert sum(kept[-1]) <= 100
        assert windows.counts()[TOM, "notes"].share == 10
    assert kept[0] == kept[1] == [10, 0, 45, 45]


def test_a_budget_of_one_takes_one_window_as_it_is() -> None:
    (only,) = (trace for trace in text_traces(SENTENCE, budget=1).traces if trace.form != "words")
    assert only.form == "utf-8"


def test_a_sample_does_not_depend_on_the_order() -> None:
    texts = [f"{number} is the number of this sentence, {number * 31}" for number in range(300)]
    forth, back = text_traces(*texts, budget=10), text_traces(*reversed(texts), budget=10)
    assert {each.digest for each in forth.traces} == {each.digest for each in back.traces}
    assert len(forth.traces) > 10


def test_the_same_value_twice_is_taken_once() -> None:
    assert len(text_traces(SENTENCE, SENTENCE).traces) == len(text_traces(SENTENCE).traces)


def test_traces_show_no_content() -> None:
    traces = text_traces(SENTENCE, "zelda.fitz@example.org")
    for shown in (repr(traces), str(traces.traces[0])):
        assert "boat" not in shown
        assert "zelda" not in shown
        assert str(traces.traces[0].anchor) not in shown
        assert repr(KEY) not in shown


def test_a_budget_of_nothing_and_a_short_key_are_refused() -> None:
    with pytest.raises(ValueError, match="budget"):
        Collector(KEY, 0)
    with pytest.raises(ValueError, match="32 bytes"):
        Collector(KEY[:31], 1)


def test_the_holder_sees_what_others_have_in_every_form() -> None:
    traces = text_traces(SENTENCE, "zelda.fitz@example.org")
    holder = ResidueScanner().holder(traces, range(len(traces.traces)))
    holder.text(TOM, "notes", "text", "He said: " + SENTENCE + " - and left")
    held = holder.held()
    # all forms of all windows of the sentence, none of the address
    address = {each.digest for each in text_traces("zelda.fitz@example.org").traces}
    assert held == {index for index, each in enumerate(traces.traces) if each.digest not in address}


@given(st.text(min_size=8, max_size=60), st.text(max_size=10), st.text(max_size=10))
def test_whatever_others_hold_at_any_offset_is_held(text: str, before: str, after: str) -> None:
    traces = text_traces(text)
    holder = ResidueScanner().holder(traces, range(len(traces.traces)))
    holder.text(TOM, "d", "f", before + text + after)
    missed = [each.form for index, each in enumerate(traces.traces) if index not in holder.held()]
    assert set(missed) <= {"fragment"}


def test_the_holder_sees_numbers_vectors_names_and_recordings() -> None:
    tracer = Collector(KEY, 8)
    tracer.number(MARY, "d", "n", NUMBER)
    tracer.vector(MARY, "d", "v", embedding(1))
    tracer.name(MARY, "d", "shared-birthday-2024.flac")
    blob = random.Random(1).randbytes(50_000)
    tracer.blob(MARY, "d", "b", io.BytesIO(blob))
    traces = tracer.traces()
    everything = frozenset(range(len(traces.traces)))
    holder = ResidueScanner().holder(traces, everything)
    assert holder.held() == frozenset()
    holder.number(TOM, "e", "n", NUMBER)
    holder.vector(TOM, "e", "v", embedding(1))
    holder.name(TOM, "e", "shared-birthday-2024.flac")
    holder.blob(TOM, "e", "b", io.BytesIO(b"xx" + blob))
    missed = everything - holder.held()
    assert {traces.traces[index].form for index in missed} == set()


def test_the_holder_knows_a_number_that_somebody_else_keeps_as_text() -> None:
    traces = text_traces("4915112345678", budget=1)
    holder = ResidueScanner().holder(traces, [0])
    holder.number(TOM, "e", "telephone", 4915112345678)
    assert holder.held() == {0}


def test_the_holder_answers_for_candidates_only() -> None:
    traces = text_traces(SENTENCE)
    holder = ResidueScanner().holder(traces, [1])
    holder.text(TOM, "d", "f", SENTENCE)
    assert holder.held() == {1}


def test_the_holder_is_not_taken_in_by_others_data() -> None:
    traces = text_traces(SENTENCE)
    holder = ResidueScanner().holder(traces, range(len(traces.traces)))
    for number in range(2000):
        holder.text(TOM, "d", "f", f"An unrelated sentence about the number {number}")
    assert holder.held() == frozenset()


def test_the_holder_reads_the_strings_of_documents() -> None:
    label = "Küchenlautsprecher"
    traces = text_traces(label)
    holder = ResidueScanner().holder(traces, range(len(traces.traces)))
    holder.blob(TOM, "d", "sidecar", io.BytesIO(json.dumps({"label": label}).encode()))
    assert holder.held() == frozenset(range(len(traces.traces)))


def test_a_word_in_a_text_index_is_found_without_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(b"\x02\x0catherstone7q\x00")
    assert ways(tmp_path, text_traces("Featherstone7Q"))


def test_a_joint_does_not_begin_with_a_moment(tmp_path: Path) -> None:
    joint = b"-08-12T19:15:00Z" + struct.pack("<dd", NUMBER, NUMBER + 1)
    (trace, *_) = traces_of(lambda tracer: tracer.blob(MARY, "places", SEAM, io.BytesIO(joint)), budget=1).traces
    assert trace.length == len(joint) - 8
    (tmp_path / "f").write_bytes(b"2026" + joint)
    assert look(tmp_path, traces_of(lambda tracer: tracer.blob(MARY, "places", SEAM, io.BytesIO(joint)))).found


def test_the_values_of_each_trace_are_told(tmp_path: Path) -> None:
    tracer = Collector(KEY, 8)
    for text in ("a stork stood on one leg by the pond", "a stork stood on one leg by the lake", "quite another matter than that"):
        tracer.text(MARY, "notes", "text", text)
    values = tracer.values()
    assert len(values) == len(tracer.traces().traces)
    assert {sources for sources in values if len(sources) > 1} == {(1, 2)}, "what two values begin with is a window of both"
    assert {(1,), (2,), (3,)} <= set(values)
