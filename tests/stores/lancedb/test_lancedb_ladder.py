"""What deletions from LanceDB tables leave, read back through the engine and from its files, and what each rung takes away; bad input."""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import timedelta

import lance
import numpy as np
import pyarrow as pa
import pytest
from lance.file import LanceFileReader
from lance.fragment import write_fragments

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout
from expunge.core.values.copy import Copy, FindingKind, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Reason, Unable
from expunge.errors import CouldNotLook, Misconfigured
from expunge.faults import ReplyLost, arm
from expunge.stores import open_store
from expunge.stores.lancedb import ladder as lancedb_ladder
from expunge.stores.lancedb import store as lancedb_store
from expunge.stores.lancedb.store import LanceDb
from tests.moment import dated

KEY = IdempotencyKey("lancedb-ladder")
KIM = Pseudonym("kim")
CLIPS = Dataset("clips", "vectors", ByField({"person": "person"}), "voice", layout=TableLayout("clips"))
SECRET = "zz-kims-secret-word"
"""The last of all texts in the order of letters, as a bound of a column is."""
ROWS = 1000
KIMS = Selector(KIM, {"person": frozenset({"kim"})})
VECTORS = np.random.default_rng(3).random((ROWS, 8), np.float32)


def rows(count=ROWS, *, kims=(500,)):
    people = ["kim" if number in kims else f"other-{number}" for number in range(count)]
    said = [f"{SECRET} hello" if number in kims else f"word{number} hello" for number in range(count)]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS[:count].ravel()), 8)
    return pa.table({"person": people, "text": said, "vector": vectors})


@pytest.fixture
def clips(tmp_path):
    """One large fragment, of which one row in a thousand is Kim's."""
    (tmp_path / "db").mkdir()
    path = tmp_path / "db" / "clips.lance"
    lance.write_dataset(rows(), str(path))
    return path


def opened(path, **options):
    return closing(LanceDb(StoreSpec("vectors", "lancedb", str(path.parent), options), (CLIPS,)))


def forget(path, *, purge=True, **options):
    with opened(path, **options) as store:
        copies = list(store.locate(CLIPS, [KIMS])) or [Copy("clips", KIM, (), 0, selector=KIMS)]
        outcomes = store.erase(CLIPS, copies, KEY)
        answer = store.purge([CLIPS], KEY) if purge else Absent()
        (seen,) = store.probe(CLIPS, copies)
    return outcomes[KIM], answer, seen


def decoded(path):
    """Where the secret stands in the columns of any data file, read past the table: every row there is, deleted or not."""
    found = set()
    for file in (path / "data").glob("*.lance"):
        if any(SECRET in (text or "") for text in LanceFileReader(str(file)).read_all().to_table().column("text").to_pylist()):
            found.add(file.name)
    return found


def made(path):
    """Index -> the folder of its files."""
    return {each.name: str(each.segments[0].uuid) for each in lance.dataset(str(path)).describe_indices()}


@contextmanager
def without(monkeypatch, rung):
    with monkeypatch.context() as patched:
        patched.setattr(lancedb_ladder, "LADDER", tuple(each for each in lancedb_ladder.LADDER if each.__name__ != rung))
        yield


def test_below_a_tenth_the_engine_never_rewrites_a_file(clips):
    """``optimize`` and the clearing of old versions answer success, and the row lies in the live data file."""
    table = lance.dataset(str(clips))
    table.delete("person = 'kim'")
    table.optimize.compact_files()
    table.cleanup_old_versions(timedelta(0), delete_unverified=True)
    assert len(table.versions()) == 1
    assert table.count_rows("person = 'kim'") == 0
    assert decoded(clips)
    outcome, answer, _ = forget(clips)
    assert (outcome, isinstance(answer, Erased)) == (Absent(), True), "a purge mends what was deleted by others"
    assert decoded(clips) == set()
    assert lance.dataset(str(clips)).count_rows() == ROWS - 1


def test_a_setting_of_the_table_that_forbids_the_rewriting_is_overruled(clips):
    lance.dataset(str(clips)).update_config({"lance.compaction.materialize_deletions": "false"})
    outcome, answer, seen = forget(clips)
    assert (outcome, isinstance(answer, Erased), seen.items) == (Erased(1), True, 0)
    assert decoded(clips) == set()


@pytest.mark.parametrize("rung", ["compact", "versions"])
def test_without_this_rung_the_row_can_be_read_and_with_it_it_cannot(clips, monkeypatch, rung):
    with without(monkeypatch, rung):
        forget(clips)
        assert decoded(clips)
    _, answer, seen = forget(clips)
    assert isinstance(answer, Erased)
    assert seen.items == 0
    assert decoded(clips) == set()


def test_old_versions_are_read_by_the_probe(clips):
    _, _, seen = forget(clips, purge=False)
    assert seen.items == 1
    assert "old versions" in seen.paths


def bounds(path):
    """What the zone maps of the table hold as greatest texts."""
    files = list(path.rglob("zonemap.lance"))
    assert files
    return {text for file in files for text in LanceFileReader(str(file)).read_all().to_table().column("max").to_pylist()}


def test_a_zone_map_keeps_the_bounds_of_deleted_rows_through_a_compaction(clips, monkeypatch):
    """So does a filter of hashes, and centroids; which is why every index is made anew."""
    lance.dataset(str(clips)).create_scalar_index("text", "ZONEMAP")
    with without(monkeypatch, "indexes"):
        _, answer, _ = forget(clips)
        assert isinstance(answer, Erased)
    assert decoded(clips) == set()
    assert bounds(clips) == {f"{SECRET} hello"}
    lance.dataset(str(clips)).insert(rows(1, kims=()))
    forget(clips)
    assert bounds(clips) == {"word999 hello", "word0 hello"}


def test_indexes_of_every_kind_are_made_anew_with_their_settings(clips):
    table = lance.dataset(str(clips))
    table.create_scalar_index("person", "BTREE")
    table.create_scalar_index("text", "INVERTED", stem=False, with_position=True)
    table.create_scalar_index("person", "BLOOMFILTER", name="bloom")
    table.create_index("vector", "IVF_PQ", num_partitions=2, num_sub_vectors=2, metric="cosine")
    before = made(clips)
    outcome, answer, _ = forget(clips)
    assert (outcome, isinstance(answer, Erased)) == (Erased(1), True)
    after, table = made(clips), lance.dataset(str(clips))
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    details = {each.name: each.details for each in table.describe_indices()}
    assert (details["text_idx"]["stem"], details["text_idx"]["with_position"]) == (False, True)
    assert (details["vector_idx"]["metric_type"], details["vector_idx"]["compression"]["num_sub_vectors"]) == ("COSINE", 2)
    assert table.to_table(full_text_query="word7").column("person").to_pylist() == ["other-7"]
    near = table.to_table(nearest={"column": "vector", "q": VECTORS[7], "k": 1, "nprobes": 2, "refine_factor": 50})
    assert near.column("person").to_pylist() == ["other-7"]


@pytest.mark.parametrize(
    "at", ["lancedb.purge.compact:after", "lancedb.purge.index:before", "lancedb.purge.index:after", "lancedb.purge.versions:after"]
)
def test_a_climb_that_was_interrupted_is_begun_again(clips, at):
    lance.dataset(str(clips)).create_scalar_index("text", "ZONEMAP")
    with arm(at, "lost" if at.endswith("after") else "fail"):
        if at.endswith("after"):
            with pytest.raises(ReplyLost):
                forget(clips)
        else:
            assert isinstance(forget(clips)[1], Unable)
    _, _, seen = forget(clips)
    assert (seen.items, decoded(clips)) == (0, set())
    assert f"{SECRET} hello" not in bounds(clips)
    assert lance.dataset(str(clips)).count_rows() == ROWS - 1


def test_an_index_with_nobody_left_to_learn_from_is_dropped(tmp_path):
    path = tmp_path / "db" / "clips.lance"
    path.parent.mkdir()
    table = lance.write_dataset(rows(300, kims=range(300)), str(path))
    table.create_index("vector", "IVF_FLAT", num_partitions=2)
    outcome, answer, _ = forget(path)
    assert (outcome, isinstance(answer, Erased)) == (Erased(300), True)
    assert made(path) == {}
    assert list((path / "data").glob("*.lance")) == []


# --- tags and branches -----------------------------------------------------------------------------


def test_a_tag_keeps_an_old_version_and_is_said_before_anything_is_done(clips):
    lance.dataset(str(clips)).tags.create("training-2026", 1)
    with opened(clips) as store:
        copies = list(store.locate(CLIPS, [KIMS]))
        assert [each.reason for each in store.preflight(CLIPS, copies)] == [Reason.REFERENCED]
        assert FindingKind.UNSUPPORTED in {each.kind for each in store.check(())}
    outcome, answer, seen = forget(clips)
    assert outcome == Erased(1)
    assert isinstance(answer, Unable)
    assert answer.reason is Reason.REFERENCED
    assert seen.items == 1
    _, answer, seen = forget(clips, tags="remove")
    assert isinstance(answer, Erased)
    assert (seen.items, decoded(clips)) == (0, set())
    assert lance.dataset(str(clips)).tags.list() == {}


def test_a_branch_is_erased_from_as_the_main_line_is(clips):
    main = lance.dataset(str(clips))
    branch = main.create_branch("trial")
    branch.insert(rows(3, kims=(1,)))
    with opened(clips) as store:
        (copy,) = store.locate(CLIPS, [KIMS])
        assert copy.items == 3
    outcome, answer, seen = forget(clips)
    assert (outcome, isinstance(answer, Erased), seen.items) == (Erased(3), True, 0)
    assert decoded(clips) == set()
    assert decoded(clips / "tree" / "trial") == set()
    assert lance.dataset(str(clips)).checkout_version(("trial", None)).count_rows() == ROWS - 1 + 2
    assert lance.dataset(str(clips)).count_rows() == ROWS - 1


# --- others at work --------------------------------------------------------------------------------


@pytest.mark.usefixtures("machines_clock")
def test_a_writer_between_file_and_commit_loses_nothing(clips):
    """Clearing with ``delete_unverified`` would take the file from under it; here it is left, seen by the probe, and its commit holds."""
    coming = write_fragments(rows(5, kims=(2,)), str(clips), mode="append")
    outcome, _, seen = forget(clips)
    assert (outcome, seen.items) == (Erased(1), 1), "the probe reads what is not committed yet"
    table = lance.dataset(str(clips))
    lance.LanceDataset.commit(str(clips), lance.LanceOperation.Append(coming), read_version=table.version)
    assert lance.dataset(str(clips)).count_rows() == ROWS - 1 + 5
    outcome, _, seen = forget(clips)
    assert (outcome, seen.items, decoded(clips)) == (Erased(1), 0, set())


def test_a_version_that_was_just_replaced_stays_for_who_looked_it_up(clips):
    """A writer that looked up the newest version reads it a moment later, though another writer has replaced it meanwhile."""
    looked_up = []

    def replaced():
        looked_up.append(lance.dataset(str(clips)).version)
        lance.write_dataset(rows(5, kims=()), str(clips), mode="append")

    with arm("lancedb.purge.versions:before", replaced):
        _, answer, _ = forget(clips)
    assert isinstance(answer, Erased)
    assert lance.dataset(str(clips), version=looked_up[0]).count_rows() == ROWS - 1
    assert [version["version"] for version in lance.dataset(str(clips)).versions()] == [looked_up[0], looked_up[0] + 1]
    assert decoded(clips) == set()


def test_what_a_dead_writer_left_goes_once_it_is_old(clips):
    write_fragments(rows(5, kims=(2,)), str(clips), mode="append")
    dated(clips)
    with opened(clips) as store:
        assert [each.kind for each in store.check(())] == [FindingKind.NOTE]
    forget(clips)
    assert decoded(clips)
    _, answer, seen = forget(clips, unfinished=0)
    assert isinstance(answer, Erased)
    assert (seen.items, decoded(clips)) == (0, set())


def test_numbers_of_rows_that_others_moved_meanwhile_hit_nobody_else(clips, monkeypatch):
    """Between looking and deleting, somebody rewrites the table: row 500 is another person's then."""
    table = lance.dataset(str(clips))
    table.delete("person = 'other-0'")
    once = iter([True])
    whole = lancedb_store.where

    def meanwhile(leaving):
        if next(once, False):
            lance.dataset(str(clips)).optimize.compact_files(materialize_deletions_threshold=0.0)
        return whole(leaving)

    monkeypatch.setattr(lancedb_store, "where", meanwhile)
    outcome, _, _ = forget(clips)
    assert outcome == Erased(1)
    left = set(lance.dataset(str(clips)).to_table(columns=["person"]).column("person").to_pylist())
    assert left == {f"other-{number}" for number in range(1, ROWS) if number != 500}


def test_no_identifier_is_written_down_by_the_deletion(clips):
    """The engine keeps the condition of a deletion in the transaction's file: ours names rows by number."""
    lance.dataset(str(clips)).delete("person = 'other-3'")
    assert any(b"other-3" in each.read_bytes() for each in (clips / "_transactions").iterdir())
    forget(clips, purge=False)
    assert not any(b"kim" in each.read_bytes() for each in (clips / "_transactions").iterdir())


# --- bad input -------------------------------------------------------------------------------------


def test_a_table_that_is_not_there_is_said(tmp_path):
    (tmp_path / "db").mkdir()
    with opened(tmp_path / "db" / "clips.lance") as store:
        assert [each.kind for each in store.check(())] == [FindingKind.MISSING]
        with pytest.raises(CouldNotLook, match="no such table"):
            list(store.locate(CLIPS, [KIMS]))
        answer = store.erase(CLIPS, [], KEY)
        assert answer == {}
        purged = store.purge([CLIPS], KEY)
        assert isinstance(purged, Unable)
        assert purged.reason is Reason.SCHEMA_CHANGED


def test_a_column_that_is_not_there_is_said(clips):
    lance.dataset(str(clips)).drop_columns(["person"])
    with opened(clips) as store:
        assert FindingKind.SUBJECT_PATH in {each.kind for each in store.check(())}
        with pytest.raises(CouldNotLook, match="no column person"):
            list(store.locate(CLIPS, [KIMS]))


@pytest.mark.parametrize("options", [{"tags": "keep"}, {"unfinished": -1}, {"unfinished": "soon"}])
def test_senseless_options_are_faults_of_the_map(tmp_path, options):
    with pytest.raises(Misconfigured):
        open_store(StoreSpec("vectors", "lancedb", str(tmp_path), options), (CLIPS,))


def test_a_name_that_leads_out_of_the_folder_is_a_fault_of_the_map(tmp_path):
    with pytest.raises(Misconfigured, match="name"):
        LanceDb(StoreSpec("v", "lancedb", str(tmp_path)), (Dataset("c", "v", ByField({"p": "p"}), "voice", layout=TableLayout("../c")),))


def test_a_shallow_clone_keeps_its_rows_elsewhere_and_is_refused(clips):
    copy = clips.parent / "copy.lance"
    lance.dataset(str(clips)).shallow_clone(str(copy), 1)
    dataset = Dataset("clips", "vectors", ByField({"person": "person"}), "voice", layout=TableLayout("copy"))
    with closing(LanceDb(StoreSpec("vectors", "lancedb", str(clips.parent)), (dataset,))) as store:
        copies = list(store.locate(dataset, [KIMS]))
        assert Reason.UNSUPPORTED in {each.reason for each in store.preflight(dataset, copies)}
