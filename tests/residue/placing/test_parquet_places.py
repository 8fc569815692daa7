"""Places of a Parquet file lead to the rows whose values lie there, whatever the codec, the encoding and the form of the pages."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.ports.optional.placing import LiveRows, Lying, NothingLive
from expunge.ports.scanner import Residue
from expunge.residue.placing.parquet.places import ParquetPlaces
from expunge.residue.placing.reader import NoRows, open_reader
from expunge.residue.scanning.scanner import scan
from tests.residue.planting import text_traces

WORDS = "the purple hedgehog sleeps under the piano of her grandmother"
TRACES = text_traces(WORDS, budget=3)


def lying(path: Path, place: Residue) -> Lying:
    with closing(ParquetPlaces(path)) as reader:
        if place.hidden in {"plain", place.trace.form}:
            return reader.at(place.offset, place.trace.length)
        return reader.at_decoded(place.offset, place.hidden, place.inner, 0)


def rows_at_hits(path: Path) -> list[tuple[str, Lying]]:
    return [(place.hidden, lying(path, place)) for place in scan([path], TRACES, per_file=1000) if place.hidden != "file name"]


def table(count: int = 300, *at: int) -> pa.Table:
    """Rows of which some hold the words: in a text, in a list of structs, and in bytes; every seventh has none of it all."""
    dice = random.Random(count)

    def text(row: int) -> str | None:
        return f"{row} {WORDS} {row}" if row in at else None if row % 7 == 0 else f"row {row} says {dice.random()}"

    return pa.table(
        {
            "n": list(range(count)),
            "text": [text(row) for row in range(count)],
            "talk": [[{"line": text(row + 1), "by": None}] * (row % 3) + [{"line": text(row), "by": [1.5]}] for row in range(count)],
            "blob": [None if (said := text(row)) is None else said.encode() for row in range(count)],
        }
    )


def holding(rows: pa.Table) -> set[int]:
    return {number for number, row in enumerate(rows.to_pylist()) if WORDS in repr(row)}


CASES: list[dict[str, Any]] = [
    {},
    {"compression": "none"},
    {"compression": "none", "use_dictionary": False, "data_page_size": 512, "write_batch_size": 7},
    {"compression": "snappy", "use_dictionary": False, "row_group_size": 64},
    {"compression": "zstd", "data_page_version": "2.0", "row_group_size": 100, "data_page_size": 512, "write_batch_size": 7},
    {"compression": "none", "data_page_version": "2.0", "write_page_index": True},
]
MORE = [
    {"compression": codec, "use_dictionary": dictionary, "data_page_version": version, "row_group_size": 70, "write_page_index": True}
    for codec in ("none", "snappy", "gzip", "brotli", "lz4", "zstd")
    for dictionary in (True, False)
    for version in ("1.0", "2.0")
]
ENCODED = [
    {
        "compression": codec,
        "use_dictionary": False,
        "column_encoding": {"text": encoding, "blob": encoding, "talk.list.element.line": encoding},
    }
    for codec in ("none", "zstd")
    for encoding in ("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN")
]


@pytest.mark.parametrize("options", [*CASES, *ENCODED[:1], *(pytest.param(each, marks=pytest.mark.soak) for each in (*MORE, *ENCODED[1:]))])
def test_every_place_leads_to_the_row_whose_value_lies_there(tmp_path: Path, options: dict[str, Any]) -> None:
    rows = table(300, 5, 64, 150, 151, 299)
    pq.write_table(rows, tmp_path / "a.parquet", **options)
    met: set[int] = set()
    for hidden, answer in rows_at_hits(tmp_path / "a.parquet"):
        assert isinstance(answer, LiveRows), hidden
        named = {int(row) for row in answer.rows}
        assert named <= holding(rows), (hidden, named)
        met |= named
    assert met == holding(rows)


def test_an_entry_of_a_dictionary_lies_at_the_rows_with_that_value(tmp_path: Path) -> None:
    said = [WORDS if row % 10 == 3 else f"row {row % 5} says something else" for row in range(200)]
    pq.write_table(pa.table({"said": said}), tmp_path / "a.parquet", compression="snappy", row_group_size=100)
    answers = [answer for hidden, answer in rows_at_hits(tmp_path / "a.parquet") if hidden == "parquet snappy"]
    assert {answer.rows for answer in answers if isinstance(answer, LiveRows)} == {
        tuple(str(row) for row in range(first, first + 100) if row % 10 == 3) for first in (0, 100)
    }


def test_a_bound_lies_at_the_rows_with_that_value_alone(tmp_path: Path) -> None:
    said = [f"zz {row % 4}" if row != 77 else WORDS for row in range(100)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"said": said}), path, compression="snappy", row_group_size=50, write_page_index=True)
    data = path.read_bytes()
    plain = [answer for hidden, answer in rows_at_hits(path) if hidden == "plain"]
    assert data.count(WORDS.encode()) > 1, "a bound in the page index and one in the footer"
    assert {answer.rows for answer in plain if isinstance(answer, LiveRows)} == {("77",)}
    assert all(isinstance(answer, LiveRows) for answer in plain)


def test_a_bound_in_a_summary_lies_at_the_rows_of_the_file_that_has_them(tmp_path: Path) -> None:
    collected: list[Any] = []
    for name, said in (("a", ["zz 1", "zz 2", WORDS, "zz 3"]), ("b", ["zz 4", "zz 5"])):
        pq.write_table(
            pa.table({"n": list(range(len(said))), "said": said}),
            tmp_path / f"{name}.parquet",
            row_group_size=2,
            metadata_collector=collected,
        )
        for metadata in collected[-1:]:
            metadata.set_file_path(f"{name}.parquet")
    pq.write_metadata(pa.schema([("n", pa.int64()), ("said", pa.string())]), tmp_path / "_metadata", metadata_collector=collected)
    place = (tmp_path / "_metadata").read_bytes().index(WORDS.encode())
    with closing(open_reader(tmp_path / "_metadata") or NoRows("")) as reader:
        assert reader.at(place, 20) == LiveRows(str(tmp_path / "a.parquet"), ("2",))
        assert reader.at(place - 1, 20) == NothingLive("footer")
    pq.write_table(pa.table({"n": [0] * 4, "said": ["zz 1"] * 4}), tmp_path / "a.parquet", row_group_size=2)
    with closing(open_reader(tmp_path / "_metadata") or NoRows("")) as reader:
        assert reader.at(place, 20) == NothingLive("bound of no row")


def test_bytes_of_no_row_are_told(tmp_path: Path) -> None:
    rows = pa.table({"said": ["nothing of the kind", "and nothing else"]}).replace_schema_metadata({"title": WORDS})
    path = tmp_path / "a.parquet"
    pq.write_table(rows, path, compression="none", use_dictionary=False)
    data = path.read_bytes()
    size = int.from_bytes(data[-8:-4], "little") + 8
    path.write_bytes(data[:-size] + WORDS.encode() + data[-size:])
    assert {answer for _, answer in rows_at_hits(path)} == {NothingLive("footer"), NothingLive("between pages")}


def test_a_file_without_a_footer_has_no_rows(tmp_path: Path) -> None:
    pq.write_table(table(20), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-6])
    assert isinstance(open_reader(tmp_path / "a.parquet"), ParquetPlaces)
    assert isinstance(open_reader(tmp_path / "b.parquet"), NoRows)


def test_packed_bytes_that_show_no_value_lie_at_rows_of_their_page_and_text_does_not(tmp_path: Path) -> None:
    said = [f"row {row} says {random.Random(row).random()}" for row in range(300)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"said": said}), path, compression="zstd", use_dictionary=False, row_group_size=100)
    data = path.read_bytes()
    with closing(ParquetPlaces(path)) as reader:
        header = reader.at(4, 12)
        body = reader.at(data.index(b"\x28\xb5\x2f\xfd") + 40, 12)
    assert isinstance(header, LiveRows)
    assert isinstance(body, LiveRows)
    rows = [row.partition(":") for row in (*header.rows, *body.rows)]
    assert all(int(row) < 100 for row, _, _ in rows)
    first, last = map(int, rows[0][2].split("-"))
    assert first <= 24
    assert last > 100
    path.write_bytes(data[:4] + b"not a header" + data[16:])
    with closing(ParquetPlaces(path)) as reader:
        assert not isinstance(reader.at(4, 12), LiveRows)
