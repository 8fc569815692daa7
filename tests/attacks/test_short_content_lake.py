"""Rows too short for a window in a Parquet lake: every byte of its files is accounted for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.core.evidence.receipt import ScanVerdict
from expunge.core.values.order import OrderState
from expunge.stores.parquet.store import Parquet
from tests.attacks.mention_company import MentionCompany, company
from tests.attacks.test_short_content import CUSTOMERS, CUSTOMERS_SET, PERSON, entry, once_purged, seldom

LAKE_SET = "enrolments: {store: lake, path: 'enrolments/{part}.parquet', subject: {customer: customer_id}, retention: life}"
ROWS = pa.table({
    "customer_id": pa.array([None if i % 50 == 9 else i * 7919 % 300 + 101 for i in range(3000)], pa.int32()),
    "course_id": pa.array([None if i % 11 == 0 else i % 37 for i in range(3000)], pa.int64()),
    "on": pa.array([i % 2 == 0 for i in range(3000)]),
    "kind": [("a", "bb", "", "ccc")[i % 4] for i in range(3000)],
    "tags": pa.array([[i % 3, i % 5][: i % 3] for i in range(3000)], pa.list_(pa.int16())),
    "share": pa.array([(i % 8) / 4 for i in range(3000)], pa.float32()),
})  # fmt: skip
OPTIONS: dict[str, dict[str, object]] = {
    "dictionaries": {},
    "plain": {"use_dictionary": False, "compression": "none"},
    "groups and indexes": {"row_group_size": 700, "write_page_index": True, "compression": "zstd", "data_page_size": 300},
    "second version": {"data_page_version": "2.0", "compression": "gzip", "write_batch_size": 100, "data_page_size": 200},
    "no statistics": {"write_statistics": False, "compression": "lz4"},
    "split floats": {"use_dictionary": False, "use_byte_stream_split": ["share"]},
    "checksums": {"write_page_checksum": True, "compression": "brotli"},
}


def enrolled(folder: Path, **options: object) -> MentionCompany:
    made = company(folder, CUSTOMERS, f"{CUSTOMERS_SET}}}", LAKE_SET, lake=True)
    (made.database.parent / "lake" / "enrolments").mkdir()
    pq.write_table(ROWS, file(made), **options)
    pq.write_table(ROWS.slice(0, 50), file(made, "two"), **options)
    return made


def file(made: MentionCompany, part: str = "one") -> Path:
    return made.database.parent / "lake" / "enrolments" / f"{part}.parquet"


@pytest.mark.parametrize("twin", [each if each == "groups and indexes" else seldom(each) for each in OPTIONS])
def test_a_lake_of_short_values_is_accounted_for(tmp_path: Path, twin: str) -> None:
    made = enrolled(tmp_path, **OPTIONS[twin])
    run = made.erase(f"customer:{PERSON}")
    found = entry(made, run)
    assert run.state is OrderState.FULFILLED, (run.reasons, found)
    assert pq.read_table(file(made)).to_pylist() == [row for row in ROWS.to_pylist() if row["customer_id"] != PERSON]
    assert found.scan is not None
    assert (found.scan.verdict, found.scan.traces_usable) == (ScanVerdict.GONE, 0)
    assert found.scan.accounted is not None
    assert found.scan.accounted.files == 2


def between(made: MentionCompany) -> None:
    """Have bytes lie between the last page and the footer."""
    data = file(made).read_bytes()
    at = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    file(made).write_bytes(data[:at] + bytes([PERSON, 0]) + data[at:])


def bound(made: MentionCompany) -> None:
    """Have a bound tell a value that no row has."""
    pq.write_table(pq.read_table(file(made), columns=["customer_id"]).slice(0, 1), file(made), use_dictionary=False, compression="none")
    data = file(made).read_bytes()
    at = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    (held,) = pq.read_table(file(made))["customer_id"].to_pylist()
    file(made).write_bytes(data[:at] + data[at:].replace(held.to_bytes(4, "little"), PERSON.to_bytes(4, "little")))


def metadata(made: MentionCompany) -> None:
    pq.write_table(pq.read_table(file(made)).replace_schema_metadata({"left": str(PERSON)}), file(made))


LEFT: dict[str, tuple[Callable[[MentionCompany], None], str]] = {
    "between": (between, "between pages"),
    "bound": (bound, "bound of no row"),
    "metadata": (metadata, "metadata of the file"),
}


@pytest.mark.parametrize("act", [each if each == "bound" else seldom(each) for each in LEFT])
def test_what_is_left_is_not_accounted_for(tmp_path: Path, act: str) -> None:
    made = enrolled(tmp_path, compression="none")
    do, word = LEFT[act]
    with pytest.MonkeyPatch.context() as patch:
        once_purged(patch, Parquet, lambda: do(made))
        run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert word in entry(made, run).detail
