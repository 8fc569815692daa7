"""Rows of several people in Parquet: a member leaves the list, and the row stays for the others."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.core.values.copy import Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Reason, Unable
from expunge.stores import open_store

KEY = IdempotencyKey("key-1")
LISTS = [["ann", "bob"], ["ann"], None, [], ["cara", None, "ann", "ann"], ["bob", "cara"]]


def erase(root: Path, field: str, *people: str, times: int = 1) -> list[object]:
    dataset = Dataset("groups", "lake", ByField({"person": field}), "life", layout=PathLayout(("groups.parquet",)), members=True)
    store = open_store(StoreSpec("lake", "parquet", str(root)), (dataset,))
    selectors = [Selector(Pseudonym(f"s-{name}"), {field: frozenset({name})}) for name in people]
    copies = list(store.locate(dataset, selectors))
    outcomes: list[object] = []
    for _ in range(times):
        outcomes += store.erase(dataset, copies, KEY).values()
    assert [each.items for each in store.probe(dataset, copies)] == [0] * len(copies)
    store.close()
    return outcomes


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.string()), pa.list_(pa.field("element", pa.string()))])
def test_a_member_leaves_and_every_other_value_stays(tmp_path: Path, compression: str, version: str, kind: pa.DataType) -> None:
    count = 60
    table = pa.table({
        "n": list(range(count)),
        "members": pa.array([LISTS[number % len(LISTS)] for number in range(count)], kind),
        "title": [f"title {number}" for number in range(count)],
        "x": pa.array([[float(number)] * 3 for number in range(count)]),
    })  # fmt: skip
    path = tmp_path / "groups.parquet"
    pq.write_table(
        table, path, row_group_size=25, compression=compression, data_page_version=version, write_page_index=True, write_statistics=True
    )
    first, second = erase(tmp_path, "members", "ann", times=2)
    assert isinstance(first, Erased)
    assert (first.items, second) == (30, Absent())
    left = [row for row in table.to_pylist() if row["members"] != ["ann"]]
    expected = [{**row, "members": row["members"] and [name for name in row["members"] if name != "ann"]} for row in left]
    assert pq.read_table(path).to_pylist() == expected
    assert pq.read_table(path).schema.equals(table.schema)
    assert b"ann" not in path.read_bytes()


def test_the_whole_struct_of_a_list_leaves(tmp_path: Path) -> None:
    table = pa.table({"members": [[{"id": "ann", "said": "from the shed"}, {"id": "bob", "said": "hm"}], [{"id": "ann", "said": "alone"}]]})
    path = tmp_path / "groups.parquet"
    pq.write_table(table, path)
    assert [type(each) for each in erase(tmp_path, "members.id", "ann")] == [Erased]
    assert pq.read_table(path).to_pylist() == [{"members": [{"id": "bob", "said": "hm"}]}]
    assert b"shed" not in path.read_bytes()


def test_two_members_leave_together(tmp_path: Path) -> None:
    path = tmp_path / "groups.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3], "members": [["ann", "bob", "cara"], ["ann", "bob"], ["bob"]]}), path)
    assert [type(each) for each in erase(tmp_path, "members", "ann", "bob")] == [Erased, Erased]
    assert pq.read_table(path).to_pylist() == [{"n": 1, "members": ["cara"]}]


def test_lists_in_lists_are_said(tmp_path: Path) -> None:
    path = tmp_path / "groups.parquet"
    pq.write_table(pa.table({"members": [[["ann"], ["bob"]]]}), path)
    before = path.read_bytes()
    dataset = Dataset("groups", "lake", ByField({"person": "members"}), "life", layout=PathLayout(("groups.parquet",)), members=True)
    store = open_store(StoreSpec("lake", "parquet", str(tmp_path)), (dataset,))
    copies = list(store.locate(dataset, [Selector(Pseudonym("s"), {"members": frozenset({"ann"})})]))
    (outcome,) = store.erase(dataset, copies, KEY).values()
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.UNSUPPORTED
    assert path.read_bytes() == before
