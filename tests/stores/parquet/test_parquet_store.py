"""What is particular to a lake: schemas, names, companions of data files, table formats, others at work, damage, and the index."""

from __future__ import annotations

import json
import os
import random
import resource
import threading
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from expunge import permit
from expunge.adapters.files.index_files import FileIndex
from expunge.core.datamap.datamap import ByField, Dataset, Ignore, PathLayout, Shared, StoreSpec
from expunge.core.values.copy import FindingKind, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Reason, Unable
from expunge.durable import TEMPORARY_PREFIX
from expunge.errors import TakenOver
from expunge.ports.index import RowRuns
from expunge.ports.optional.placing import LiveRows
from expunge.stores.arrow.values import SearchTexts
from expunge.stores.files import local_tree
from expunge.stores.parquet.lake import lake_files
from expunge.stores.parquet.rewrite import row_cut
from expunge.stores.parquet.store import Parquet
from expunge.testing.forked import in_child
from expunge.testing.plain_search import search, snapshot
from expunge.testing.store_reading import Listener
from tests.moment import dated

KEY = IdempotencyKey("key-1")
PERSON = ByField({"person": "person"})
EVENTS = "events/day={day}/{part}.parquet"


class Lake:
    """A folder and its map, and the verbs of these stories."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.datasets: tuple[Dataset, ...] = ()
        self.index = None

    def declares(self, name="events", *paths, subject=PERSON, **more):
        self.datasets += (Dataset(name, "lake", subject, "voice", layout=PathLayout(paths or (EVENTS,)), **more),)
        return self

    def has(self, name, table, **options):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table) if isinstance(table, dict) else table, path, **{"row_group_size": 2, **options})
        os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000 + len(str(name))))
        return path

    @property
    def store(self):
        store = Parquet(StoreSpec("lake", "parquet", str(self.root)), self.datasets)
        store.index, store.index_key = self.index, b"k" * 32
        return store

    def selectors(self, *values, field="person"):
        return [Selector(Pseudonym(f"s-{value}"), {field: frozenset({value})}) for value in values]

    def locate(self, *values, field="person", dataset=0):
        return list(self.store.locate(self.datasets[dataset], self.selectors(*values, field=field)))

    def erase(self, copies, dataset=0):
        outcomes = self.store.erase(self.datasets[dataset], copies, KEY)
        assert set(outcomes) == {each.subject for each in copies}
        return list(outcomes.values())

    def purge(self):
        return self.store.purge(self.datasets, KEY)

    def preflight(self, copies, kept=(), dataset=0):
        return [each.reason for each in self.store.preflight(self.datasets[dataset], copies, kept)]

    def probe(self, copies, dataset=0):
        return [each.items for each in self.store.probe(self.datasets[dataset], copies)]

    def findings(self, *ignored):
        found = self.store.check([Ignore("lake", pattern, "no personal data") for pattern in ignored])
        return sorted((each.kind, each.where) for each in found)

    def rows(self, name):
        return pq.read_table(pa.BufferReader((self.root / name).read_bytes())).to_pylist()

    def names(self):
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*"))


@pytest.fixture
def lake(tmp_path):
    (tmp_path / "lake").mkdir()
    return Lake(tmp_path / "lake")


@pytest.fixture
def events(lake):
    lake.declares()
    lake.has("events/day=1/a.parquet", {"person": ["p1", "p2", "p1", "p3", "p1"], "n": [1, 2, 3, 4, 5]})
    lake.has("events/day=1/b.parquet", {"person": ["p2", None, "p4"], "n": [6, 7, 8]})
    lake.has("events/day=2/c.parquet", {"person": ["p1", "p1"], "n": [9, 10]})
    return lake


# --- names of what was found ------------------------------------------------------------------------


def test_keys_name_files_and_rows(events):
    (copy,) = events.locate("p1")
    assert copy.keys == ("events/day=1/a.parquet#0,2,4", "events/day=2/c.parquet#0-1")
    assert (copy.items, copy.lasting) == (5, False)


def test_rows_go_and_files_of_nobody_else_go_with_their_folder(events):
    before = snapshot(events.root)
    (outcome,) = events.erase(events.locate("p1"))
    assert isinstance(outcome, Erased)
    assert outcome.items == 5
    assert events.rows("events/day=1/a.parquet") == [{"person": "p2", "n": 2}, {"person": "p3", "n": 4}]
    assert events.names() == ["events", "events/day=1", "events/day=1/a.parquet", "events/day=1/b.parquet"]
    assert snapshot(events.root)[events.root / "events/day=1/b.parquet"] == before[events.root / "events/day=1/b.parquet"]


def test_a_file_whose_name_the_map_knows_stays_as_an_empty_one_of_the_same_schema(lake):
    lake.declares("people", "people.parquet")
    schema = pa.schema([("person", pa.string()), ("at", pa.timestamp("us", "UTC"))], {"made": "by hand"})
    lake.has("people.parquet", pa.Table.from_pylist([{"person": "p1"}], schema))
    assert isinstance(*lake.erase(lake.locate("p1")), Erased)
    assert lake.rows("people.parquet") == []
    assert pq.read_schema(lake.root / "people.parquet").equals(schema, check_metadata=True)


def test_every_file_is_written_once_whoever_is_in_it(events, monkeypatch):
    written = []
    copies = events.locate("p1", "p2", "p3")
    swap = local_tree.rewrite
    monkeypatch.setattr(local_tree, "rewrite", lambda path, cut: (written.append(path.name), swap(path, cut))[1])
    assert all(isinstance(each, Erased) for each in events.erase(copies))
    assert sorted(written) == ["a.parquet", "b.parquet", "c.parquet"]
    assert events.names() == ["events", "events/day=1", "events/day=1/b.parquet"]


def test_what_was_found_first_is_looked_for_again_before_it_goes(events):
    copies = events.locate("p1")
    # Somebody writes the file anew meanwhile: other rows stand at the old places.
    events.has("events/day=1/a.parquet", {"person": ["p9", "p9", "p1", "p9"], "n": [1, 2, 3, 4]})
    assert isinstance(*events.erase(copies), Erased)
    assert [row["n"] for row in events.rows("events/day=1/a.parquet")] == [1, 2, 4]


# --- values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind", "text"),
    [
        (["a", "b", None], pa.string(), "a"),
        (["a", "b", None], pa.large_string(), "a"),
        (["a", "b", None], pa.dictionary(pa.int8(), pa.string()), "a"),
        ([7, 8, None], pa.int64(), "7"),
        ([7, 8, None], pa.uint8(), "7"),
        ([7.0, 7.5, None], pa.float64(), "7"),
        ([7.5, 7.0, None], pa.float64(), "7.5"),
        ([b"a", b"\xff\x00", None], pa.binary(), "a"),
        ([b"\xff\x00", b"a", None], pa.binary(), "ff00"),
        ([True, False, None], pa.bool_(), "true"),
    ],
)
def test_columns_of_every_type_are_compared_as_text(lake, values, kind, text):
    lake.declares()
    lake.has("events/day=1/a.parquet", pa.table({"person": pa.array(values, kind), "n": [1, 2, 3]}))
    (copy,) = lake.locate(text)
    assert copy.keys == ("events/day=1/a.parquet#0",)
    assert isinstance(*lake.erase([copy]), Erased)
    assert [row["n"] for row in lake.rows("events/day=1/a.parquet")] == [2, 3]


@pytest.mark.parametrize("text", ["007", "7.0", "+7", " 7", "7 ", "99999999999999999999999", "", "None", "\udcff"])
def test_what_only_looks_alike_is_nobody(lake, text):
    lake.declares()
    lake.has("events/day=1/a.parquet", {"person": [7, None]})
    assert lake.locate(text) == []


def test_one_field_may_have_another_type_in_each_file(lake):
    lake.declares()
    lake.has("events/day=1/a.parquet", {"person": [7, 8]})
    lake.has("events/day=1/b.parquet", {"person": ["7", "8"]})
    lake.has("events/day=1/c.parquet", {"other": ["7", "8"]})
    assert [copy.keys for copy in lake.locate("7")] == [("events/day=1/a.parquet#0", "events/day=1/b.parquet#0")]


def test_fields_lead_into_structs_and_names_with_dots_are_found_too(lake):
    lake.declares(subject=ByField({"person": "user.id"}))
    lake.has("events/day=1/a.parquet", {"user": [{"id": "p1"}, None, {"id": "p2"}], "n": [1, 2, 3]})
    lake.has("events/day=1/b.parquet", {"user.id": ["p2", "p1"], "n": [4, 5]})
    (copy,) = lake.locate("p1", field="user.id")
    assert copy.keys == ("events/day=1/a.parquet#0", "events/day=1/b.parquet#1")
    assert isinstance(*lake.erase([copy]), Erased)
    assert [row["n"] for name in "ab" for row in lake.rows(f"events/day=1/{name}.parquet")] == [2, 3, 4]


def test_two_fields_that_mean_the_same_person_give_each_row_once(lake):
    lake.declares(subject=ByField({"profile": "profile", "device": "device"}))
    lake.has("events/day=1/a.parquet", {"profile": ["p1", "p2", None], "device": ["d1", "d1", "d9"]})
    match = {"profile": frozenset({"p1"}), "device": frozenset({"d1"})}
    (copy,) = lake.store.locate(lake.datasets[0], [Selector(Pseudonym("s"), match)])
    assert (copy.keys, copy.items) == (("events/day=1/a.parquet#0-1",), 2)


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize(
    "encoding", ["dictionary", "PLAIN", "DELTA_BINARY_PACKED", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "BYTE_STREAM_SPLIT"]
)
def test_every_codec_and_encoding_loses_the_rows_and_nothing_else(lake, codec, encoding):
    lake.declares()
    kinds = {"DELTA_BINARY_PACKED": ["n"], "BYTE_STREAM_SPLIT": ["x"], "DELTA_BYTE_ARRAY": ["text"], "DELTA_LENGTH_BYTE_ARRAY": ["text"]}
    plain = {"use_dictionary": False, "column_encoding": dict.fromkeys(kinds.get(encoding, ["person"]), encoding)}
    people = [f"p{number % 7}" for number in range(1000)]
    texts = [f"{number:05}-said-by-{one}" for number, one in enumerate(people)]
    table = pa.table({"person": people, "n": range(1000), "x": [number / 3 for number in range(1000)], "text": texts})
    path = lake.has("events/day=1/a.parquet", table, compression=codec, row_group_size=300, **({} if encoding == "dictionary" else plain))
    before = pq.ParquetFile(pa.BufferReader(path.read_bytes())).metadata
    assert isinstance(*lake.erase(lake.locate("p3")), Erased)
    with pa.BufferReader(path.read_bytes()) as source:
        file = pq.ParquetFile(source)
        assert file.read().equals(table.filter(pc.not_equal(table["person"], "p3")))
        assert file.metadata.num_row_groups == before.num_row_groups
        assert {file.metadata.row_group(0).column(n).compression for n in range(4)} == {before.row_group(0).column(0).compression}


# --- rows of several people -------------------------------------------------------------------------


@pytest.fixture
def calls(lake):
    lake.declares(subject=ByField({"person": "people.id"}))
    people = [[{"id": "p1"}, {"id": "p2"}], [{"id": "p1"}], None, [{"id": "p3"}, {"id": "p3"}], [], [{"id": "p2"}]]
    lake.has("events/day=1/a.parquet", {"people": people, "n": range(6)}, row_group_size=4)
    return lake


def test_rows_of_several_people_are_told_from_rows_of_one(calls):
    found = {copy.subject: copy for copy in calls.locate("p1", "p3", field="people.id")}
    assert found["s-p1"].keys == ("events/day=1/a.parquet#1", "events/day=1/a.parquet#~0")
    assert found["s-p1"].shared == {"events/day=1/a.parquet#~0"}
    # Twice the same person is no other person.
    assert (found["s-p3"].keys, found["s-p3"].shared, found["s-p3"].items) == (("events/day=1/a.parquet#3",), frozenset(), 1)


def test_where_shared_rows_are_kept_only_the_others_go(calls):
    calls.datasets = (replace(calls.datasets[0], shared=Shared.KEEP),)
    (copy,) = calls.locate("p1", field="people.id")
    (outcome,) = calls.erase([copy.without(copy.shared)])
    assert isinstance(outcome, Erased)
    assert outcome.items == 1
    assert [row["n"] for row in calls.rows("events/day=1/a.parquet")] == [0, 2, 3, 4, 5]


def test_a_held_row_that_would_go_along_is_said_before(calls):
    copies = calls.locate("p1", field="people.id")
    assert calls.preflight(copies, calls.locate("p3", field="people.id")) == []
    assert calls.preflight(copies, calls.locate("p2", field="people.id")) == [Reason.REFERENCED]


def test_export_and_trace_give_a_row_to_everybody_who_is_in_it(calls):
    copies = calls.locate("p1", "p2", field="people.id")
    heard = Listener()
    calls.store.trace(calls.datasets[0], copies, heard)
    assert sorted(value for value in heard.heard["s-p1"] if isinstance(value, float)) == [0.0, 1.0]
    assert sorted(value for value in heard.heard["s-p2"] if isinstance(value, float)) == [0.0, 5.0]
    (item,) = calls.store.export(calls.datasets[0], copies[0])
    assert item.shared
    assert [json.loads(line)["n"] for line in b"".join(item.chunks).splitlines()] == [0, 1]


# --- what lies beside data --------------------------------------------------------------------------


def test_summaries_and_checksums_go_with_the_rows_they_were_computed_from(events):
    (events.root / "events/_SUCCESS").write_bytes(b"")
    summary = events.root / "events/_metadata"
    pq.write_metadata(pq.read_schema(events.root / "events/day=1/a.parquet"), summary)
    for name in ("events/day=1/.a.parquet.crc", "events/day=1/.b.parquet.crc", "events/._metadata.crc"):
        (events.root / name).write_bytes(b"crc\0")
    assert events.findings() == []
    assert isinstance(*events.erase(events.locate("p3")), Erased)
    names = events.names()
    assert "events/day=1/.b.parquet.crc" in names
    assert "events/_SUCCESS" in names
    assert not {"events/_metadata", "events/._metadata.crc", "events/day=1/.a.parquet.crc"} & set(names)


def test_what_others_deleted_leaves_no_summary_and_no_checksum_behind(events):
    (events.root / "events/_metadata").write_bytes(b"PAR1 p1 PAR1")
    os.utime(events.root / "events/_metadata", ns=(1, 1))
    (events.root / "events/day=1/.gone.parquet.crc").write_bytes(b"crc\0")
    assert events.purge() == Erased(2)
    assert not search([events.root], ["gone.parquet"])
    assert events.purge() == Absent()


def test_leftovers_of_a_crash_go(events):
    left = events.root / "events/day=1" / f"{TEMPORARY_PREFIX}0123"
    left.write_bytes(b"p1")
    assert (FindingKind.UNDECLARED, f"events/day=1/{TEMPORARY_PREFIX}0123") in events.findings()
    assert events.purge() == Erased(1)
    assert not left.exists()


@pytest.mark.parametrize("log", ["_delta_log/00000000000000000000.json", ".hoodie/hoodie.properties", "metadata/v1.metadata.json"])
def test_tables_with_a_log_of_their_files_are_left_alone(events, log):
    copies = events.locate("p1")
    path = events.root / "events" / log
    path.parent.mkdir()
    path.write_text("{}")
    before = snapshot(events.root)
    assert events.preflight(copies) == [Reason.UNSUPPORTED]
    (outcome,) = events.erase(copies)
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.UNSUPPORTED
    assert snapshot(events.root) == before
    assert events.findings() == [(FindingKind.UNSUPPORTED, "events/")]


def test_files_that_no_template_fits_are_findings(events):
    events.has("events/day=1/deeper/x.parquet", {"person": ["p1"]})
    (events.root / "events/day=1/_started_17").write_bytes(b"x")
    events.has("elsewhere.parquet", {"person": ["p1"]})
    assert {where for kind, where in events.findings("elsewhere.*") if kind is FindingKind.UNDECLARED} == {
        "events/day=1/deeper/x.parquet",
        "events/day=1/_started_17",
    }


def test_a_file_without_the_subject_column_is_a_finding(events):
    events.has("events/day=1/odd.parquet", {"user": ["p1"]})
    assert events.findings() == [(FindingKind.SUBJECT_PATH, "events/day=1/odd.parquet")]


def test_values_of_partition_folders_are_unescaped(lake):
    lake.declares("voice", "voice/person={person}/{part}.parquet")
    lake.has("voice/person=a%2Fb %25/x.parquet", {"n": [1, 2]})
    lake.has("voice/person=a%2Fb/x.parquet", {"n": [1]})
    (copy,) = lake.locate("a/b %")
    assert (copy.keys, copy.items) == (("voice/person=a%2Fb %25/x.parquet#*",), 2)
    assert lake.erase([copy]) == [Erased(2, copy.bytes)]
    assert lake.names() == ["voice", "voice/person=a%2Fb", "voice/person=a%2Fb/x.parquet"]


def test_an_emptied_partition_folder_is_found_and_goes(lake):
    lake.declares("voice", "voice/person={person}/{part}.parquet")
    (lake.root / "voice/person=p1").mkdir(parents=True)
    (copy,) = lake.locate("p1")
    assert copy.keys == ("voice/person=p1/",)
    assert lake.erase([copy]) == [Erased(1)]
    assert lake.names() == ["voice"]


# --- damage -----------------------------------------------------------------------------------------


def test_a_damaged_file_is_named_and_the_others_go_on(events):
    path = events.root / "events/day=1/b.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    (copy,) = events.locate("p1")
    assert "events/day=1/b.parquet#?" in copy.keys
    assert events.preflight([copy]) == [Reason.CORRUPT]
    (outcome,) = events.erase([copy])
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.CORRUPT
    assert outcome.detail.startswith("events: 1 of 3 places")
    assert [row["person"] for row in events.rows("events/day=1/a.parquet")] == ["p2", "p3"]
    assert events.findings() == [(FindingKind.UNREADABLE, "events/day=1/b.parquet")]
    assert [each.could_not for each in events.store.probe(events.datasets[0], [copy])] == ["a file cannot be read"]


def test_an_encrypted_footer_is_said(events):
    path = events.root / "events/day=1/b.parquet"
    path.write_bytes(path.read_bytes()[:-4] + b"PARE")
    copies = events.locate("p1")
    assert events.preflight(copies) == [Reason.ENCRYPTED]
    (outcome,) = events.erase(copies)
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.ENCRYPTED


def test_damage_inside_a_page_leaves_the_file_as_it_is(events):
    rows = {"person": ["p1", "p2"] * 500, "text": [f"{number:040x}" for number in range(1000)]}
    path = events.has("events/day=1/b.parquet", rows, row_group_size=1000, compression="gzip", use_dictionary=["person"])
    data = bytearray(path.read_bytes())
    at = pq.ParquetFile(pa.BufferReader(bytes(data))).metadata.row_group(0).column(1).data_page_offset + 400
    data[at : at + 64] = bytes(64)
    path.write_bytes(bytes(data))
    (outcome,) = events.erase(events.locate("p1"))
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.CORRUPT
    assert path.read_bytes() == bytes(data)
    assert not list(path.parent.glob(f"{TEMPORARY_PREFIX}*"))


def test_a_further_hard_link_is_said(events, tmp_path):
    os.link(events.root / "events/day=1/a.parquet", tmp_path / "elsewhere")
    (outcome,) = events.erase(events.locate("p3"))
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.REFERENCED


# --- others at work ---------------------------------------------------------------------------------


def test_readers_keep_the_file_that_they_opened(events):
    reader = pq.ParquetFile(pa.OSFile(str(events.root / "events/day=1/a.parquet")))
    events.erase(events.locate("p1"))
    assert reader.read().num_rows == 5
    purged = events.purge()
    assert isinstance(purged, Unable)
    assert purged.reason is Reason.READER_OPEN
    del reader
    assert events.purge() == Absent()


def test_a_writer_who_does_not_let_go_makes_it_locked(events):
    path = events.root / "events/day=1/a.parquet"
    copies = events.locate("p3")
    before = path.read_bytes()
    with path.open("r+b"):
        assert events.preflight(copies) == [Reason.LOCKED]
        (outcome,) = events.erase(copies)
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.LOCKED
    assert path.read_bytes() == before
    assert isinstance(*events.erase(copies), Erased)


def test_a_file_replaced_while_it_is_rewritten_is_not_overwritten(events, monkeypatch):
    real, turns = row_cut.rewrite, []

    def slow(*args, **more):
        done = real(*args, **more)
        if not turns:
            turns.append(events.has("events/day=1/a.parquet", {"person": ["p1", "p7"], "n": [70, 71]}))
        return done

    copies = events.locate("p1")
    monkeypatch.setattr(row_cut, "rewrite", slow)
    assert isinstance(*events.erase(copies), Erased)
    assert turns
    assert events.rows("events/day=1/a.parquet") == [{"person": "p7", "n": 71}]


def test_a_step_that_somebody_else_took_over_changes_nothing(events):
    copies = events.locate("p1", "p2")
    before = snapshot(events.root)

    def taken():
        message = "another worker has it"
        raise TakenOver(message)

    with permit.required(taken), pytest.raises(TakenOver):
        events.erase(copies)
    assert snapshot(events.root) == before


def test_threads_of_one_process_may_look_at_once(events):
    answers: list[list[int]] = [[] for _ in range(8)]

    def look(number):
        answers[number] = [copy.items for copy in events.locate("p1", "p2")]

    threads = [threading.Thread(target=look, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[5, 2]] * 8


# --- sizes ------------------------------------------------------------------------------------------


def huge(path, groups):
    """A file of incompressible rows, 240 kB a row group."""
    rng = np.random.default_rng(1)
    schema = pa.schema([("person", pa.string()), ("load", pa.binary(60))])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as file:
        for group in range(groups):
            people = [f"p{number}" for number in range(group * 4000, (group + 1) * 4000)]
            load = pa.FixedSizeBinaryArray.from_buffers(pa.binary(60), 4000, [None, pa.py_buffer(rng.bytes(4000 * 60))])
            file.write_table(pa.table({"person": people, "load": load}))


@pytest.mark.soak
def test_one_huge_file_is_streamed(lake):
    lake.declares("big", "{part}.parquet")
    grown, sizes = {}, {}
    for groups in (400, 1000):
        huge(lake.root / "big.parquet", groups)
        sizes[groups] = (lake.root / "big.parquet").stat().st_size

        def work():
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            (copy,) = lake.locate("p30000")
            assert copy.keys == ("big.parquet#30000",)
            lake.store.trace(lake.datasets[0], [copy], Listener())
            (outcome,) = lake.erase([copy])
            assert outcome.items == 1
            assert lake.probe([copy]) == [0]
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - pages * resource.getpagesize()

        grown[groups] = in_child(work).returned()
    with pa.OSFile(str(lake.root / "big.parquet")) as source:
        assert pq.ParquetFile(source).metadata.num_rows == 3_999_999
    # Memory is that of what is read at a time, and of the footer.
    assert grown[1000] - grown[400] < (sizes[1000] - sizes[400]) / 3, grown


@pytest.mark.parametrize("count", [2000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_many_small_files(lake, count):
    lake.declares("small", "{part}.parquet")
    tables = [pa.table({"person": [f"p{number}", "everybody"]}) for number in range(50)]
    data = []
    for table in tables:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        data.append(sink.getvalue().to_pybytes())
    for number in range(count):
        (lake.root / f"{number:06}.parquet").write_bytes(data[number % 50])
    (copy,) = lake.locate("p7")
    assert copy.items == count // 50
    (outcome,) = lake.erase([copy])
    assert (outcome.items, lake.locate("p7")) == (count // 50, [])


# --- the index --------------------------------------------------------------------------------------


@pytest.fixture
def indexed(events, tmp_path):
    events.index = FileIndex(tmp_path / "index")
    events.locate("p1")
    return events


def hits(lake, *values, **more):
    return {copy.subject: (copy.keys, copy.items, dict(copy.links)) for copy in lake.locate(*values, **more)}


def reads(lake, monkeypatch):
    """Which files are opened from now on."""
    opened = []
    kind = type(lake.store._lake)
    real = kind.opened
    monkeypatch.setattr(kind, "opened", lambda self, part, *more: (opened.append(part.key), real(self, part, *more))[1])
    return opened


def test_with_the_index_nothing_is_read_and_the_answer_is_the_same(indexed, monkeypatch):
    opened = reads(indexed, monkeypatch)
    with_it = hits(indexed, "p1", "p2", "p3", "p4", "p5")
    assert opened == []
    indexed.index = None
    assert hits(indexed, "p1", "p2", "p3", "p4", "p5") == with_it
    assert len(with_it) == 4


def test_a_new_and_a_changed_file_are_read_and_known_from_then_on(indexed, monkeypatch):
    indexed.has("events/day=3/new.parquet", {"person": ["p1"], "n": [1]})
    indexed.has("events/day=2/c.parquet", {"person": ["p5", "p1", "p1"], "n": [1, 2, 3]})
    opened = reads(indexed, monkeypatch)
    assert indexed.locate("p1")[0].items == 6
    assert sorted(opened) == ["events/day=2/c.parquet", "events/day=3/new.parquet"]
    opened.clear()
    assert [copy.items for copy in indexed.locate("p1", "p5")] == [6, 1]
    assert opened == []


def test_a_file_written_a_moment_ago_is_read_again_each_time(indexed, monkeypatch):
    # Another write within the same tick of the clock would not show in its times. A moment is as long as this test may take.
    monkeypatch.setattr(lake_files, "_SETTLED_S", 600.0)
    dated(indexed.has("events/day=3/new.parquet", {"person": ["p1"]}))
    opened = reads(indexed, monkeypatch)
    assert [indexed.locate("p1")[0].items for _ in range(2)] == [6, 6]
    assert opened == ["events/day=3/new.parquet"] * 2


def test_who_is_erased_is_in_no_file_of_the_index(indexed, tmp_path):
    mark = blake2b(b"person\0p1", digest_size=8, key=b"k" * 32, person=b"value").digest()

    def there():
        return any(mark in path.read_bytes() for path in (tmp_path / "index").rglob("*") if path.is_file())

    assert there()
    indexed.erase(indexed.locate("p1"))
    assert not there()
    assert hits(indexed, "p1", "p3") == {"s-p3": (("events/day=1/a.parquet#1",), 1, {})}
    assert not there()


def test_what_could_not_be_erased_is_still_found_through_the_index(indexed):
    with (indexed.root / "events/day=1/a.parquet").open("r+b"):
        assert isinstance(*indexed.erase(indexed.locate("p1")), Unable)
    assert indexed.locate("p1")[0].items == 3


def test_rows_that_were_kept_are_still_found_through_the_index(indexed):
    (copy,) = indexed.locate("p1")
    held = [key for key in copy.keys if "day=2" in key]
    assert isinstance(*indexed.erase([copy.without(held)]), Erased)
    assert [each.keys for each in indexed.locate("p1")] == [tuple(held)]


class Liar:
    """An index that claims to know every file and finds nobody."""

    def find(self, key, space, values, units):
        empty = memoryview(b"").cast("q")
        return RowRuns(empty, empty, empty, empty), []

    def learn(self, *_):
        """Nothing."""

    def forget(self, *_):
        return 0


def test_a_lying_index_deceives_no_probe_and_no_erasure(events):
    copies = events.locate("p1")
    events.index = Liar()
    assert events.locate("p1") == []
    bare = replace(copies[0], keys=(), items=0)
    assert events.probe([bare]) == [5]
    assert isinstance(*events.erase(copies), Erased)
    assert events.probe([bare]) == [0]


def test_lists_and_followed_fields_are_read_where_the_index_says(lake, tmp_path, monkeypatch):
    lake.declares(subject=ByField({"person": "people.id"}), follow=("clip", "day"))
    lake.has("events/day=1/a.parquet", {"people": [[{"id": "p1"}, {"id": "p2"}], [{"id": "p3"}]], "clip": [11, 12]})
    lake.has("events/day=2/b.parquet", {"people": [[{"id": "p4"}], [{"id": "p1"}]], "clip": [13, 14]})
    expected = hits(lake, "p1", "p3", field="people.id")
    assert expected["s-p1"][2] == {"clip": {"11", "14"}, "day": {"1", "2"}}
    lake.index = FileIndex(tmp_path / "index")
    assert [hits(lake, "p1", "p3", field="people.id") for _ in range(2)] == [expected] * 2
    opened = reads(lake, monkeypatch)
    assert hits(lake, "p3", field="people.id") == {"s-p3": expected["s-p3"]}
    assert opened == ["events/day=1/a.parquet"]


def test_a_damaged_index_is_no_trouble(indexed, tmp_path):
    for path in (tmp_path / "index").rglob("*.segment"):
        path.write_bytes(path.read_bytes()[:-1])
    assert [copy.items for copy in indexed.locate("p1", "p2")] == [5, 2]


def test_bounds_in_footers_leave_row_groups_out_and_the_probe_looks_all_the_same(lake):
    lake.declares("sorted", "{part}.parquet")
    lake.has("a.parquet", {"person": [f"p{number:04}" for number in range(1000)]}, row_group_size=100)
    assert lake.locate("p0777")[0].keys == ("a.parquet#777",)
    assert lake.locate("p9999") == []
    assert lake.probe(lake.locate("p0777")) == [1]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.int64(), pa.int8(), pa.uint16(), pa.float64(), "coded"], ids=str)
def test_where_texts_stand_is_what_comparing_each_value_says(kind):
    """Of columns in pieces that begin anywhere in memory, with and without nulls, empty ones too."""
    seed = random.Random(str(kind))
    for _ in range(60):
        texts = kind == "coded" or pa.types.is_string(kind) or pa.types.is_large_string(kind)
        values = [seed.choice([None, *range(30)] if seed.random() < 0.7 else [*range(30)]) for _ in range(seed.randrange(40))]
        whole = pa.array(
            [None if each is None else str(each) for each in values] if texts else values, pa.string() if kind == "coded" else kind
        )
        pieces = [whole.slice(seed.randrange(len(whole) + 1), seed.randrange(20)) for _ in range(seed.randrange(4))]
        if kind == "coded":
            pieces = [each.dictionary_encode() for each in pieces]
        column = pa.chunked_array(pieces, pa.dictionary(pa.int32(), pa.string()) if kind == "coded" else kind)
        wanted = [*map(str, seed.sample(range(40), seed.randrange(12))), *seed.choice([[], ["x", "\udc80", "007"]])]
        needles = SearchTexts(wanted)
        where, codes = needles.hits(column)
        said = [None if each is None else str(int(each)) if isinstance(each, float) else str(each) for each in column.to_pylist()]
        assert where.tolist() == [at for at, each in enumerate(said) if each in wanted]
        assert [needles.texts[code] for code in codes.tolist()] == [each for each in said if each in wanted]


# --- rows by their places ---------------------------------------------------------------------------


def nominated(lake, path, *rows, erased=()):
    lying = [LiveRows(str(lake.root / path), rows)]
    return [copy for _, copy in lake.store.nominated(lake.datasets[0], lying, erased)]


def heard(lake, copies):
    listener = Listener()
    lake.store.trace(lake.datasets[0], copies, listener)
    return [listener.everything(copy.subject) for copy in copies]


def test_rows_are_read_by_their_numbers_without_those_of_nobody_and_of_the_erased(events):
    copies = nominated(events, "events/day=1/a.parquet", "0", "1", "3", "4", "99", "x", erased=events.locate("p1"))
    assert [copy.keys for copy in copies] == [("events/day=1/a.parquet#=1",), ("events/day=1/a.parquet#=3",)]
    assert [copy.selector.match for copy in copies] == [{"person": frozenset({"p2"})}, {"person": frozenset({"p3"})}]
    assert [b"p2" in told and b"p3" not in told for told in heard(events, copies)] == [True, False]
    assert [copy.keys[0][-2:] for copy in nominated(events, "events/day=1/b.parquet", "0", "1", "2")] == ["=0", "=2"]
    assert nominated(events, "elsewhere/day=1/a.parquet", "0") == []


def test_the_name_of_a_folder_is_read_with_rows_below_it_and_the_value_that_it_says(events):
    events.has("events/day=a long name of a day/d.parquet", {"person": ["p5", None], "n": [1, 2]})
    (copy,) = nominated(events, "events/day=a long name of a day", "name")
    assert copy.selector.match == {"person": frozenset({"p5"})}
    (told,) = heard(events, [copy])
    assert b"a long name of a day" in told
    assert b"p5" in told
    assert nominated(events, "events/day=3", "name") == []


def test_the_name_of_a_file_says_nothing_of_its_rows_unless_it_says_whose_it_is(lake):
    lake.declares("events", "events/{part}.parquet")
    lake.has("events/what was said by p1.parquet", {"person": ["p2", "p3"], "n": ["what was said by p1 and more", "nothing"]})
    copies = nominated(lake, "events/what was said by p1.parquet", "name")
    assert [b"what was said by p1" in told for told in heard(lake, copies)] == [True, False], "a value of the first row holds it"
    lake.datasets = ()
    lake.declares("voice", "voice/{person}/{part}.parquet")
    lake.has("voice/p7/tuesday.parquet", {"n": [1, 2]})
    (told, _) = heard(lake, nominated(lake, "voice/p7/tuesday.parquet", "name"))
    assert b"tuesday" in told


def test_packed_bytes_are_read_with_a_row_of_their_page(events):
    (copy,) = nominated(events, "events/day=1/a.parquet", "1:4-40")
    assert copy.keys == ("events/day=1/a.parquet#=1:4-40",)
    (told,) = heard(events, [copy])
    assert (events.root / "events/day=1/a.parquet").read_bytes()[4:40] in told
