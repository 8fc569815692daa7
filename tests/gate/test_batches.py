"""Many rows at once: each kind of table comes out as it went in, without the rows of people who said no."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.gate.gate_entry import gate_entry, kind_key
from expunge.errors import UsageError
from expunge.gate import Gate, GateReason, Subject
from expunge.gate.columns import arrow_texts, texts_of_values
from expunge.gate.entry_hashes import entries_of
from expunge.gate.entry_list import EntryList
from tests.gate.world import AGREED, EVERYBODY, GONE, HOUR, KEY, LONG_GONE, NOW, SILENT, contents, gate, publish


@pytest.fixture
def opened(tmp_path: Path) -> Gate:
    return gate(publish(tmp_path / "snapshot"))


ROWS = [*EVERYBODY, None, AGREED]
"""The last two: a row that nobody knows the owner of, and a second one of somebody."""
WHY = {
    "allowed": 2, "suppressed": 2, "frozen": 1, "no_consent": 1, "withdrawn": 1, "ended": 1, "no_subject": 1,
}  # fmt: skip


def numbered(values: list[str | None]) -> dict[str, list[Any]]:
    return {"n": list(range(len(values))), "profile_id": values}


TABLES: dict[str, Callable[[list[str | None]], Any]] = {
    "arrow": lambda rows: pa.table(numbered(rows)),
    "arrow in chunks": lambda rows: pa.table({"profile_id": pa.chunked_array([rows[:3], rows[3:]], pa.string())}),
    "arrow batch": lambda rows: pa.RecordBatch.from_pydict(numbered(rows)),
    "arrow dictionary": lambda rows: pa.table({"profile_id": pa.array(rows).dictionary_encode()}),
    "arrow large": lambda rows: pa.table({"profile_id": pa.array(rows, pa.large_string())}),
    "arrow bytes": lambda rows: pa.table({"profile_id": pa.array([row and row.encode() for row in rows], pa.binary())}),
    "arrow slice": lambda rows: pa.table(numbered(["p-before", None, *rows, "p-after"])).slice(2, len(rows)),
    "polars": lambda rows: pl.DataFrame(numbered(rows)),
    "pandas": lambda rows: pd.DataFrame(numbered(rows)),
    "rows": lambda rows: [{"profile_id": row} for row in rows],
}


def names(rows: Any) -> list[Any]:
    if isinstance(rows, pa.Table | pa.RecordBatch):
        return [value.decode() if isinstance(value, bytes) else value for value in rows.column("profile_id").to_pylist()]
    if isinstance(rows, pl.DataFrame | pd.DataFrame):
        return list(rows["profile_id"])
    return [row["profile_id"] for row in rows]


@pytest.mark.parametrize("name", TABLES)
def test_who_said_no_does_not_come_out_and_the_type_stays(opened: Gate, name: str) -> None:
    data = TABLES[name](list(ROWS))
    passed = opened.allowed(data, "profile_id", "profile", "train")
    assert names(passed.rows) == [AGREED, AGREED]
    assert passed.tally.as_json() == WHY
    assert isinstance(passed.rows, Iterator) if isinstance(data, list) else type(passed.rows) is type(data)


def test_where_the_purpose_needs_no_consent_only_those_who_are_gone_or_disputed_stay_out(opened: Gate) -> None:
    passed = opened.allowed(pa.table(numbered(list(EVERYBODY))), "profile_id", "profile", "answer")
    assert passed.tally.as_json() == {"allowed": 4, "suppressed": 2, "frozen": 1}


def test_a_purpose_that_the_map_does_not_have_lets_nobody_through(opened: Gate) -> None:
    passed = opened.allowed(pa.table(numbered(list(EVERYBODY))), "profile_id", "profile", "advertise")
    assert passed.rows.num_rows == 0
    assert passed.tally.as_json() == {"allowed": 0, "suppressed": 2, "frozen": 1, "unknown_purpose": 4}


def test_where_the_map_declares_no_purposes_only_suppressions_count(tmp_path: Path) -> None:
    opened = gate(publish(tmp_path / "snapshot", contents(purposes=False)))
    passed = opened.allowed(pa.table(numbered(list(EVERYBODY))), "profile_id", "profile", "anything")
    assert passed.tally.as_json() == {"allowed": 4, "suppressed": 2, "frozen": 1}


def test_batch_and_single_questions_have_one_answer(opened: Gate) -> None:
    for purpose in ("train", "answer", "advertise"):
        single = [name for name in EVERYBODY if opened.may_use(Subject("profile", name), purpose)]
        assert names(opened.allowed(pa.table(numbered(list(EVERYBODY))), "profile_id", "profile", purpose).rows) == single


def test_numbers_are_asked_for_as_they_are_written(tmp_path: Path) -> None:
    opened = gate(publish(tmp_path / "snapshot", contents(["17"], purposes=False)))
    for data in (pa.table({"id": [16, 17, 18]}), pl.DataFrame({"id": [16, 17, 18]}), pd.DataFrame({"id": [16, 17, 18]})):
        passed = opened.allowed(data, "id", "profile", "train")
        assert list(passed.rows["id"].to_pylist() if isinstance(passed.rows, pa.Table) else passed.rows["id"]) == [16, 18]


def test_an_array_and_plain_values_are_asked_for_themselves(opened: Gate) -> None:
    assert opened.allowed(pa.array([GONE, AGREED]), None, "profile", "train").rows.to_pylist() == [AGREED]
    assert list(opened.allowed(iter([GONE, AGREED]), None, "profile", "train").rows) == [AGREED]


def test_a_reader_is_asked_about_batch_by_batch(opened: Gate, tmp_path: Path) -> None:
    """Who is erased while it is read does not come out of the batches that follow."""
    batch = pa.RecordBatch.from_pydict({"profile_id": [AGREED, SILENT, GONE]})

    def batches() -> Iterator[pa.RecordBatch]:
        yield batch
        publish(tmp_path / "snapshot", contents([GONE, AGREED]))
        yield batch

    reader = pa.RecordBatchReader.from_batches(batch.schema, batches())
    live = Gate(tmp_path / "snapshot", KEY, opened._publics, HOUR, now=lambda: NOW)
    passed = live.allowed(reader, "profile_id", "profile", "answer")
    first, second = (part.column(0).to_pylist() for part in passed.rows)
    assert first == [AGREED, SILENT]
    assert second in ([SILENT], [AGREED, SILENT])  # a look at the file is a millisecond old at most
    assert passed.tally.allowed == len(first) + len(second)


# ---- how old it may be -----------------------------------------------------------------------------------------------

TIMES = [NOW - timedelta(days=89), NOW - timedelta(days=90), NOW - timedelta(days=400), None, NOW]


@pytest.mark.parametrize(
    "data",
    [
        pa.table({"profile_id": [AGREED] * 5, "at": pa.array(TIMES, pa.timestamp("us", "UTC"))}),
        pa.table({"profile_id": [AGREED] * 5, "at": pa.array([at and at.replace(tzinfo=None) for at in TIMES], pa.timestamp("ns"))}),
        pl.DataFrame({"profile_id": [AGREED] * 5, "at": TIMES}),
        pd.DataFrame({"profile_id": [AGREED] * 5, "at": pd.Series(TIMES)}),
        [{"profile_id": AGREED, "at": at} for at in TIMES],
    ],
    ids=["arrow", "arrow without a zone", "polars", "pandas", "rows"],
)
def test_what_is_older_than_its_purpose_allows_stays_out(opened: Gate, data: Any) -> None:
    passed = opened.allowed(data, "profile_id", "profile", "train", recorded="at")
    assert len(names(passed.rows)) == 2
    assert passed.tally.as_json() == {"allowed": 2, "ended": 2, "no_time": 1}


def test_a_single_question_knows_when_the_time_is_over(opened: Gate) -> None:
    subject = Subject("profile", AGREED)
    assert opened.may_use(subject, "train", NOW - timedelta(days=90) + timedelta(microseconds=1))
    assert opened.may_use(subject, "train", NOW - timedelta(days=90)).reason is GateReason.ENDED
    assert opened.may_use(subject, "answer", NOW - timedelta(days=9000))


# ---- what is wrong ---------------------------------------------------------------------------------------------------


def test_a_gate_that_knows_nothing_lets_nobody_through_and_says_so(tmp_path: Path) -> None:
    shut = gate(tmp_path / "none")
    for build in TABLES.values():
        passed = shut.allowed(build([AGREED, SILENT]), "profile_id", "profile", "train")
        assert names(passed.rows) == []
        assert passed.tally.shut is GateReason.MISSING
        assert passed.tally.as_json() == {"allowed": 0, "missing": 2}
    stale = gate(publish(tmp_path / "snapshot"), now=NOW + 2 * HOUR)
    assert stale.allowed(pa.array([AGREED]), None, "profile", "train").tally.as_json() == {"allowed": 0, "stale": 1}


@pytest.mark.parametrize(
    ("data", "column", "said"),
    [
        (pa.table({"profile_id": ["a"]}), "user_id", "no single column"),
        (pa.table([["a"], ["b"]], names=["id", "id"]), "id", "no single column"),
        (pa.table({"id": [1.5]}), "id", "text or a whole number"),
        (pa.table({"id": [[1]]}), "id", "text or a whole number"),
        (pa.table({"id": [AGREED, GONE], "text": pa.array(["a", "b"], pa.string_view())}), "id", "cannot filter"),
        (pl.DataFrame({"id": [1.5]}), "id", "text or a whole number"),
        (pd.DataFrame({"id": [1.5]}), "id", "text or a whole number"),
        (pl.DataFrame({"id": ["a"]}).lazy(), "id", "LazyFrame"),
        ("profile", None, "cannot look through"),
        (17, None, "cannot look through"),
        ([{"id": 1.5}], "id", "text or a whole number"),
        ([("a", "b")], "id", "mapping"),
    ],
)
def test_what_identifies_nobody_is_said(opened: Gate, data: Any, column: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        list(opened.allowed(data, column, "profile", "train").rows)
    assert error.value.help


def test_kind_and_purpose_must_be_named(opened: Gate) -> None:
    for kind, purpose in (("", "train"), ("profile", "")):
        with pytest.raises(ValueError, match="name"):
            opened.allowed(pa.table({"id": ["a"]}), "id", kind, purpose)


def test_no_rows_are_no_rows(opened: Gate) -> None:
    for build in TABLES.values():
        passed = opened.allowed(build([]), "profile_id", "profile", "train")
        assert names(passed.rows) == []
        assert passed.tally.as_json() == {"allowed": 0}


# ---- against a plain model -------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.none(), st.text(max_size=40), st.integers(0, 10**12)), max_size=60))
def test_many_hashes_at_once_are_those_of_one_at_a_time(values: list[str | int | None]) -> None:
    first, second = entries_of(texts_of_values(values), kind_key(KEY, "profile"))
    for at, value in enumerate(values):
        if value is not None:
            assert int(first[at]).to_bytes(8, "big") + int(second[at]).to_bytes(8, "big") == gate_entry(KEY, "profile", str(value))


@given(st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=40)), max_size=60), st.integers(0, 5))
def test_arrow_columns_hash_as_their_values_do(values: list[str | None], cut: int) -> None:
    column = pa.array(values, pa.string()).slice(cut)
    for texts in arrow_texts(column):
        assert list(texts.valid) == [value is not None for value in values[cut:]]
        ours, plain = entries_of(texts, bytes(32)), entries_of(texts_of_values(values[cut:]), bytes(32))
        assert (ours[0][texts.valid] == plain[0][texts.valid]).all()
        assert (ours[1][texts.valid] == plain[1][texts.valid]).all()


WORD = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**63, 2**64 - 1])


@given(st.sets(st.tuples(WORD, WORD), min_size=1, max_size=60), st.lists(st.tuples(WORD, WORD), max_size=20), st.booleans())
def test_a_list_holds_what_a_set_holds(members: set[tuple[int, int]], others: list[tuple[int, int]], exact: bool) -> None:
    data = np.array(sorted(members), ">u8").tobytes()
    listed = EntryList.read(io.BytesIO(data).read, len(members), sha256(data).hexdigest(), exact=exact)
    asked = [*members, *others]
    expected = [pair in members if exact else pair[0] in {first for first, _ in members} for pair in asked]
    assert [listed.holds(first.to_bytes(8, "big") + second.to_bytes(8, "big")) for first, second in asked] == expected
    words = np.array(asked, np.uint64).reshape(-1, 2)
    assert list(listed.among(words[:, 0], words[:, 1])) == expected


@pytest.mark.parametrize("exact", [False, True])
def test_a_long_list_holds_its_members_and_nobody_else(exact: bool) -> None:
    """Long enough for several reads and for the widest shelves; some members and strangers share their first 52 bits, or all 64."""
    rng = np.random.default_rng(1)
    words = rng.integers(0, 2**64 - 1, (300_000, 2), np.uint64, endpoint=True)
    words[1000:2000, 0] = words[:1000, 0]
    words[2000:3000, 0] = words[:1000, 0] ^ np.uint64(0xFFF)
    words = np.unique(words, axis=0)
    members, strangers = words[::2], words[1::2]
    data = members.astype(">u8").tobytes()
    listed = EntryList.read(io.BytesIO(data).read, len(members), sha256(data).hexdigest(), exact=exact)
    first = {int(each) for each in members[:, 0]}
    assert listed.among(members[:, 0], members[:, 1]).all()
    expected = np.array([not exact and int(each) in first for each in strangers[:, 0]])
    assert (listed.among(strangers[:, 0], strangers[:, 1]) == expected).all()
    some = [*range(0, len(strangers), 100), *np.flatnonzero(expected)[:50]]
    assert [listed.holds(strangers[at].astype(">u8").tobytes()) for at in some] == [bool(expected[at]) for at in some]


def test_long_gone_people_are_found_in_a_batch_by_their_former_entries(opened: Gate) -> None:
    passed = opened.allowed(pa.array([LONG_GONE, AGREED]), None, "profile", "answer")
    assert passed.tally.as_json() == {"allowed": 1, "suppressed": 1}
