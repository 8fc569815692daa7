"""The locate index in files: what it knows, what it forgets for good, and that nothing about its own files is ever an error."""

from __future__ import annotations

import signal
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.adapters.files.index_files import FileIndex
from expunge.faults import arm
from expunge.ports.index import IndexUnit, LocateIndex, RowRuns
from expunge.testing.forked import in_child

KEY = b"k" * 32
ANNA, BERT, CARA = (f"person\0{name}-a7f0f1e2d3c4" for name in ("anna", "bert", "cara"))
FIRST, SECOND, THIRD = (IndexUnit(f"day=1/{name}.parquet", "v1") for name in ("first", "second", "third"))


def runs(*rows):
    """Runs from (value, unit, start, count)."""
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return RowRuns(*(np.ascontiguousarray(column).data for column in columns))


def found(index, *values, units=(FIRST, SECOND), key=KEY, space="events"):
    answer, unknown = index.find(key, space, values, units)
    rows = zip(*(np.asarray(column).tolist() for column in (answer.values, answer.units, answer.starts, answer.counts)), strict=True)
    return sorted((values[value], units[unit].name, start, count) for value, unit, start, count in rows), list(unknown)


@pytest.fixture
def index(tmp_path: Path) -> FileIndex:
    made = FileIndex(tmp_path / "index")
    made.learn(KEY, "events", [ANNA, BERT], [FIRST, SECOND], runs((0, 0, 3, 2), (0, 1, 0, 1), (1, 1, 7, 1)), [FIRST, SECOND])
    return made


def bytes_in(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def hashed(value, key=KEY):
    return blake2b(value.encode(), digest_size=8, key=key, person=b"value").digest()


def test_it_is_what_the_port_asks_for(index):
    typed: LocateIndex = index
    assert typed is index


def test_knows_where_values_lie_and_which_units_it_has_not_seen(index):
    assert found(index, ANNA, BERT, CARA, units=(SECOND, THIRD, FIRST)) == (
        [(ANNA, FIRST.name, 3, 2), (ANNA, SECOND.name, 0, 1), (BERT, SECOND.name, 7, 1)],
        [1],
    )


def test_another_version_of_a_unit_is_unknown(index):
    changed = IndexUnit(FIRST.name, "v2")
    assert found(index, ANNA, units=(changed, SECOND)) == ([(ANNA, SECOND.name, 0, 1)], [0])


def test_under_another_key_or_in_another_space_everything_is_unknown(index):
    assert found(index, ANNA, key=b"other key") == ([], [0, 1])
    assert found(index, ANNA, space="clips") == ([], [0, 1])


def test_a_unit_without_anybody_is_known(index):
    index.learn(KEY, "events", [], [THIRD], runs(), [FIRST, SECOND, THIRD])
    assert found(index, ANNA, units=(THIRD,)) == ([], [])


def test_no_name_and_no_value_stands_in_its_files(index, tmp_path):
    data = bytes_in(tmp_path)
    assert hashed(ANNA) in data
    for text in ("anna", "person", "first.parquet", "day=1", "events"):
        assert text.encode() not in data
        assert not any(text in path.name for path in tmp_path.rglob("*"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "index").rglob("*"))


def test_whoever_is_forgotten_is_in_no_file_and_their_units_are_read_again(index, tmp_path):
    index.learn(KEY, "events", [CARA], [THIRD], runs((0, 0, 0, 9)), [FIRST, SECOND, THIRD])
    assert index.forget(KEY, "events", [BERT]) == 1
    assert hashed(BERT) not in bytes_in(tmp_path)
    assert found(index, ANNA, BERT, CARA, units=(FIRST, SECOND, THIRD)) == ([(ANNA, FIRST.name, 3, 2), (CARA, THIRD.name, 0, 9)], [1])
    assert index.forget(KEY, "events", [ANNA, CARA]) == 2
    assert not list((tmp_path / "index").rglob("*.segment"))
    assert index.forget(KEY, "events", [ANNA]) == 0


def test_forgetting_holds_for_whoever_opens_it_anew(index, tmp_path):
    index.forget(KEY, "events", [BERT])
    assert found(FileIndex(tmp_path / "index"), ANNA, BERT) == ([(ANNA, FIRST.name, 3, 2)], [1])


@pytest.mark.parametrize("damage", ["cut short", "a bit turned", "emptied", "something else"])
def test_a_damaged_file_is_forgotten_and_learned_anew(index, tmp_path, damage):
    (segment,) = (tmp_path / "index").rglob("*.segment")
    data = segment.read_bytes()
    turned = bytearray(data)
    turned[len(data) // 2] ^= 1
    segment.write_bytes({"cut short": data[:-3], "a bit turned": bytes(turned), "emptied": b"", "something else": b"\x89PNG" * 99}[damage])
    fresh = FileIndex(tmp_path / "index")
    assert found(fresh, ANNA) == ([], [0, 1])
    assert not segment.exists()
    fresh.learn(KEY, "events", [ANNA], [FIRST, SECOND], runs((0, 0, 3, 2)), [FIRST, SECOND])
    assert found(fresh, ANNA) == ([(ANNA, FIRST.name, 3, 2)], [])


def test_damage_shows_to_a_process_that_had_it_open(index, tmp_path):
    assert found(index, ANNA)[1] == []
    (segment,) = (tmp_path / "index").rglob("*.segment")
    segment.write_bytes(segment.read_bytes()[:-8])
    assert found(index, ANNA) == ([], [0, 1])


def test_many_small_lessons_end_in_few_files_and_what_is_no_more_goes(tmp_path):
    index = FileIndex(tmp_path / "index")
    units = [IndexUnit(f"{number}.parquet", "v1") for number in range(200)]
    for number, unit in enumerate(units):
        index.learn(KEY, "events", [ANNA, f"person\0{number}"], [unit], runs((0, 0, number, 1), (1, 0, 0, 1)), units[max(0, number - 9) :])
    assert len(list((tmp_path / "index").rglob("*.segment"))) <= 6
    rows, unknown = found(index, ANNA, "person\x00199", "person\x00195", units=units[-5:])
    assert unknown == []
    assert rows == sorted(
        [*((ANNA, f"{n}.parquet", n, 1) for n in range(195, 200)), *((f"person\0{n}", f"{n}.parquet", 0, 1) for n in (199, 195))]
    )
    assert len(bytes_in(tmp_path)) < 60 * 100


@pytest.mark.parametrize("point", ["index.segment.data", "index.segment.swap", "index.segment.folder", "index.segment.unlink"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_killed_while_it_forgets_it_still_tells_the_truth(index, tmp_path, point, side):
    def die():
        with arm(f"{point}:{side}", "kill"):
            FileIndex(tmp_path / "index").forget(KEY, "events", [BERT])

    assert in_child(die).killed_by == signal.SIGKILL
    fresh = FileIndex(tmp_path / "index")
    rows, unknown = found(fresh, ANNA, BERT)
    assert (ANNA, FIRST.name, 3, 2) in rows
    assert rows.count((ANNA, FIRST.name, 3, 2)) == 1
    assert unknown == [1] or (BERT, SECOND.name, 7, 1) in rows
    fresh.forget(KEY, "events", [BERT])
    assert hashed(BERT) not in bytes_in(tmp_path)
    assert not list(tmp_path.rglob(".expunge-*"))


def test_a_full_disk_while_learning_is_no_error_and_while_forgetting_it_is_said(index):
    with arm("index.segment.data:before", "full"):
        index.learn(KEY, "events", [CARA], [THIRD], runs((0, 0, 0, 1)), [THIRD])
    assert found(index, CARA, units=(THIRD,)) == ([], [0])
    with arm("index.segment.data:before", "full"), pytest.raises(OSError, match="no space"):
        index.forget(KEY, "events", [BERT])
    assert index.forget(KEY, "events", [BERT]) == 1


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    index = FileIndex(tmp_path / "file" / "index")
    index.learn(KEY, "events", [ANNA], [FIRST], runs((0, 0, 0, 1)), [FIRST])
    assert found(index, ANNA) == ([], [0, 1])
    assert index.forget(KEY, "events", [ANNA]) == 0


@given(
    lessons=st.lists(
        st.tuples(st.integers(0, 7), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 50), st.integers(1, 4)), max_size=12)),
        max_size=12,
    ),
    forgotten=st.lists(st.integers(0, 5), max_size=3),
)
def test_it_agrees_with_a_plain_dictionary(tmp_path_factory, lessons, forgotten):
    index = FileIndex(tmp_path_factory.mktemp("index"))
    truth: dict[int, set[tuple[int, int, int]]] = {}
    units = [IndexUnit(str(number), "v") for number in range(8)]
    values = [f"f\0{number}" for number in range(6)]
    for unit, rows in lessons:
        if unit in truth:
            continue
        truth[unit] = {(value, start * 5, count) for value, start, count in rows}
        index.learn(KEY, "s", values, [units[unit]], runs(*((value, 0, start, count) for value, start, count in truth[unit])), units)
    index.forget(KEY, "s", [values[number] for number in forgotten])
    truth = {unit: rows for unit, rows in truth.items() if not any(value in forgotten for value, _, _ in rows)}
    rows, unknown = found(index, *values, units=units, space="s")
    assert unknown == [number for number in range(8) if number not in truth]
    assert rows == sorted((values[value], str(unit), start, count) for unit, held in truth.items() for value, start, count in held)
