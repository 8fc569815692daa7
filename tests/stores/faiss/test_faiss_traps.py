"""What a deletion from a FAISS index leaves, looked at from outside; every type of index; lists on disk; bad input."""

from __future__ import annotations

import json
from contextlib import closing

import faiss
import numpy as np
import pytest

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec, Through
from expunge.core.values.copy import FindingKind, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Reason, Unable
from expunge.errors import Misconfigured, StoreUnavailable
from expunge.faults import ReplyLost, arm
from expunge.stores.faiss.store import Faiss
from expunge.testing.store_reading import Listener

KEY = IdempotencyKey("faiss-traps")
KIM = Pseudonym("kim")
DIMENSIONS, PEOPLE = 16, 200
faiss.omp_set_num_threads(1)
VOICES = Dataset("voices", "vectors", ByField({"person": "person"}), "voice", layout=PathLayout(("{part}.faiss",)))
POINTS = np.random.default_rng(5).random((PEOPLE, DIMENSIONS), np.float32)
NUMBERS = np.arange(PEOPLE, dtype=np.int64) * 3 + 7
KIMS = np.array([40, 41, 198, 199])
TYPES = [
    "IDMap2,Flat",
    "IDMap,SQ8",
    "IDMap2,HNSW8",
    "IDMap2,HNSW8_SQ8",
    "IDMap2,PQ4x4",
    "IDMap2,RQ2x4",
    "IVF4,Flat",
    "IVF4,PQ4x4",
    "IVF4,SQ8",
    "IVF4_HNSW8,Flat",
    "IDMap,IVF4,Flat",
    "PCAR8,IVF4,Flat",
    "OPQ4_16,IVF4,PQ4x4",
    "IDMap2,Flat,RFlat",
]


def made(factory, *, trained_on=None):
    index = faiss.index_factory(DIMENSIONS, factory)
    index.train(np.random.default_rng(6).random((300, DIMENSIONS), np.float32) if trained_on is None else trained_on)
    index.add_with_ids(POINTS, NUMBERS)
    return index


def put(folder, index, numbers=NUMBERS, *, name="a"):
    folder.mkdir(exist_ok=True)
    faiss.write_index(index, str(folder / f"{name}.faiss"))
    owner = {int(number): "kim" if at in KIMS else f"other-{at}" for at, number in enumerate(numbers)}
    lines = [json.dumps({"id": number, "person": person}) + "\n" for number, person in owner.items()]
    (folder / f"{name}.ids.jsonl").write_text("".join(lines))


def opened(folder, *datasets, **options):
    return closing(Faiss(StoreSpec("vectors", "faiss", str(folder), options), datasets or (VOICES,)))


def forget(folder, *, purge=True):
    with opened(folder) as store:
        copies = list(store.locate(VOICES, [Selector(KIM, {"person": frozenset({"kim"})})]))
        assert store.preflight(VOICES, copies) == ()
        assert store.erase(VOICES, copies, KEY) == {KIM: Erased(4)}
        if purge:
            assert isinstance(store.purge([VOICES], KEY), Erased | Absent)
            (seen,) = store.probe(VOICES, copies)
            assert (seen.items, seen.could_not) == (0, "")


def holding(folder, needles):
    """The files in which one of some byte strings stands."""
    return {path.name for path in folder.rglob("*") if path.is_file() for each in needles if each in path.read_bytes()}


def searched(index, points):
    faiss.ParameterSpace().set_index_parameter(index, "nprobe", 4) if "IVF" in str(type(index)) else None
    return index.search(points, 5)


@pytest.mark.parametrize(
    "factory", [pytest.param(factory, marks=pytest.mark.soak if number % 3 else []) for number, factory in enumerate(TYPES)]
)
def test_of_every_type_who_stays_keeps_number_and_code_and_is_found_as_before(tmp_path, factory):
    put(tmp_path / "v", made(factory))
    before = faiss.read_index(str(tmp_path / "v" / "a.faiss"))
    forget(tmp_path / "v")
    after = faiss.read_index(str(tmp_path / "v" / "a.faiss"))
    assert after.ntotal == PEOPLE - 4
    assert type(after) is type(before)
    staying = np.delete(np.arange(PEOPLE), KIMS)
    _, there = after.search(POINTS, PEOPLE - 4 if "HNSW" not in factory else 20)
    assert not set(there.ravel().tolist()) & set(NUMBERS[KIMS].tolist())
    distances, found = after.search(POINTS[staying[:30]], 1)
    expected, who = before.search(POINTS[staying[:30]], 12)
    left = ~np.isin(who, NUMBERS[KIMS])
    assert np.array_equal(distances[:, 0], [row[mask][0] for row, mask in zip(expected, left, strict=True)])
    assert {int(each) for each in found.ravel()} <= set(NUMBERS[staying].tolist())


@pytest.mark.parametrize(
    "factory", ["IDMap,SQ8", pytest.param("IDMap2,HNSW8_SQ8", marks=pytest.mark.soak), "IVF4,SQ4", "PCA8,SQ6", "IDMap2,Flat"]
)
def test_bounds_of_ranges_that_are_the_persons_own_extremes_are_counted(tmp_path, factory):
    """Kim's numbers are the greatest in each dimension, by far: what the index was trained on says so still when Kim is gone."""
    beside = POINTS.copy()
    beside[KIMS] += 50
    index = faiss.index_factory(DIMENSIONS, factory)
    index.train(beside)
    if factory == "PCA8,SQ6":
        index = faiss.IndexIDMap2(index)
    index.add_with_ids(beside, NUMBERS)
    put(tmp_path / "v", index)
    with opened(tmp_path / "v") as store:
        before = store.remainders()
    forget(tmp_path / "v")
    with opened(tmp_path / "v") as store:
        after = store.remainders()
    if "SQ" not in factory:
        assert (before, after) == ([], [])
        return
    ((was, reached), (kept, unreached)) = ([int(each) for each in said.split() if each.isdigit()] for (said,) in (before, after))
    assert was == kept == 2 * (8 if "PCA" in factory else DIMENSIONS)
    assert unreached > reached
    if factory == "IDMap,SQ8":
        assert (reached, unreached) == (0, DIMENSIONS)


def test_positions_become_numbers_so_that_nobody_is_taken_for_somebody_else(tmp_path):
    """FAISS's own removal moves everybody behind: number 44 would be the vector of 46."""
    plain = faiss.IndexFlatL2(DIMENSIONS)
    plain.add(POINTS)
    moved = faiss.clone_index(plain)
    moved.remove_ids(KIMS)
    assert np.array_equal(moved.reconstruct(44), POINTS[46])
    put(tmp_path / "v", plain, np.arange(PEOPLE))
    with opened(tmp_path / "v") as store:
        assert [each.kind for each in store.check(())] == [FindingKind.NOTE]
    forget(tmp_path / "v")
    after = faiss.read_index(str(tmp_path / "v" / "a.faiss"))
    assert np.array_equal(after.reconstruct(44), POINTS[44])
    assert after.search(POINTS[50:51], 1)[1].item() == 50


def test_a_graph_cannot_forget_by_itself(tmp_path):
    graph = made("IDMap2,HNSW8")
    with pytest.raises(RuntimeError, match="not implemented"):
        graph.remove_ids(NUMBERS[KIMS])
    put(tmp_path / "v", graph)
    assert holding(tmp_path, [POINTS[41].tobytes()]) == {"a.faiss"}
    forget(tmp_path / "v")
    assert holding(tmp_path, [each.tobytes() for each in POINTS[KIMS]]) == set()


def test_a_centroid_that_is_somebodys_vector_goes_with_them(tmp_path):
    """Trained on few, a cell's centroid is a vector bit for bit; FAISS's own removal leaves it."""
    index = made("IVF4,Flat", trained_on=POINTS[38:42])
    kims = [each.tobytes() for each in POINTS[40:42]]
    plainly = faiss.clone_index(index)
    plainly.remove_ids(NUMBERS[KIMS])
    put(tmp_path / "plainly", plainly)
    assert holding(tmp_path / "plainly", kims) == {"a.faiss"}
    put(tmp_path / "v", index)
    forget(tmp_path / "v")
    assert holding(tmp_path / "v", kims) == set()
    after = faiss.read_index(str(tmp_path / "v" / "a.faiss"))
    centres = after.quantizer.reconstruct_n(0, 4)
    assert any((each == POINTS[38]).all() for each in centres), "the centroids of who stays are as they were"


def test_an_entry_of_a_codebook_that_only_they_use_goes_with_them(tmp_path):
    """With as many entries as people, a codebook is a copy of everybody; codes of who stays mean the same afterwards."""
    index = faiss.IndexIDMap2(faiss.IndexPQ(DIMENSIONS, 2, 8))
    index.train(np.concatenate([POINTS, POINTS + 100])[:256])
    index.add_with_ids(POINTS, NUMBERS)
    parts = [half.tobytes() for each in POINTS[KIMS] for half in (each[:8], each[8:])]
    plainly = faiss.clone_index(index)
    plainly.remove_ids(NUMBERS[KIMS])
    put(tmp_path / "plainly", plainly)
    assert holding(tmp_path / "plainly", parts) == {"a.faiss"}
    put(tmp_path / "v", index)
    forget(tmp_path / "v")
    assert holding(tmp_path / "v", parts) == set()
    after = faiss.read_index(str(tmp_path / "v" / "a.faiss"))
    assert all(np.array_equal(after.reconstruct(int(each)), index.reconstruct(int(each))) for each in NUMBERS[100:198])


# --- lists on disk ---------------------------------------------------------------------------------


@pytest.fixture
def lists_on_disk(tmp_path):
    """An index whose lists lie in a file of their own, named relative to a folder that is not the present one."""
    index = made("IVF4,Flat")
    folder = tmp_path / "v"
    folder.mkdir()
    held = faiss.OnDiskInvertedLists(4, index.code_size, str(folder / "lists.ivf"))
    for number in range(4):
        held.add_entries(number, index.invlists.list_size(number), index.invlists.get_ids(number), index.invlists.get_codes(number))
    index.replace_invlists(held, True)
    held.this.disown()
    put(folder, index)
    data = (folder / "a.faiss").read_bytes()
    whole = str(folder / "lists.ivf").encode()
    assert data.count(whole) == 1
    short = data.replace(len(whole).to_bytes(8, "little") + whole, (13).to_bytes(8, "little") + b"was/lists.ivf")
    (folder / "a.faiss").write_bytes(short)
    return folder


def kims_bytes():
    return [each.tobytes() for each in POINTS[KIMS]]


def test_lists_on_disk_are_written_anew_and_the_old_file_goes(lists_on_disk):
    """FAISS's own removal leaves the vectors in slots of the file that no list counts any more."""
    copy = lists_on_disk.parent / "plainly"
    copy.mkdir()
    for name in ("a.faiss", "lists.ivf"):
        (copy / name).write_bytes((lists_on_disk / name).read_bytes())
    plainly = faiss.read_index(str(copy / "a.faiss"), faiss.IO_FLAG_ONDISK_SAME_DIR)
    plainly.remove_ids(NUMBERS[KIMS])
    del plainly
    assert holding(copy, kims_bytes()) == {"lists.ivf"}
    forget(lists_on_disk)
    assert {each.name for each in lists_on_disk.iterdir()} == {"a.faiss", "a.ids.jsonl", "lists.expunge.ivf"}
    assert holding(lists_on_disk, kims_bytes()) == set()
    after = faiss.read_index(str(lists_on_disk / "a.faiss"), faiss.IO_FLAG_ONDISK_SAME_DIR)
    distances, found = searched(after, POINTS[100:110])
    assert found[:, 0].tolist() == NUMBERS[100:110].tolist()
    assert not distances[:, 0].any()
    del after
    with opened(lists_on_disk) as store:
        assert list(store.check(())) == []
        copies = list(store.locate(VOICES, [Selector(KIM, {"person": frozenset({"other-100"})})]))
        store.erase(VOICES, copies, KEY)
        store.purge([VOICES], KEY)
    assert (lists_on_disk / "lists.ivf").exists()
    assert not (lists_on_disk / "lists.expunge.ivf").exists()


def test_whoever_still_searches_the_old_lists_is_waited_for(lists_on_disk):
    reader = faiss.read_index(str(lists_on_disk / "a.faiss"), faiss.IO_FLAG_ONDISK_SAME_DIR | faiss.IO_FLAG_READ_ONLY)
    forget(lists_on_disk, purge=False)
    with opened(lists_on_disk) as store:
        answer = store.purge([VOICES], KEY)
        assert isinstance(answer, Unable)
        assert answer.reason is Reason.READER_OPEN
        assert searched(reader, POINTS[100:101])[1][0, 0] == NUMBERS[100]
        del reader
        assert isinstance(store.purge([VOICES], KEY), Erased)
    assert holding(lists_on_disk, kims_bytes()) == set()


@pytest.mark.parametrize(
    "at", ["faiss.erase.lists.swap:after", "files.rewrite.swap:after", "faiss.lists.blank:before", "faiss.lists.unlink:after"]
)
def test_a_crash_between_lists_and_index_leaves_one_whole_pair(lists_on_disk, at):
    with opened(lists_on_disk) as store:
        copies = list(store.locate(VOICES, [Selector(KIM, {"person": frozenset({"kim"})})]))
        with arm(at, "lost"), pytest.raises(ReplyLost):
            _ = store.erase(VOICES, copies, KEY), store.purge([VOICES], KEY)
    there = faiss.read_index(str(lists_on_disk / "a.faiss"), faiss.IO_FLAG_ONDISK_SAME_DIR)
    assert searched(there, POINTS[100:110])[1][:, 0].tolist() == NUMBERS[100:110].tolist()
    del there
    with opened(lists_on_disk) as store:
        copies = list(store.locate(VOICES, [Selector(KIM, {"person": frozenset({"kim"})})]))
        store.erase(VOICES, copies, KEY)
        assert isinstance(store.purge([VOICES], KEY), Erased | Absent)
    assert holding(lists_on_disk, kims_bytes()) == set()
    assert sum(each.suffix == ".ivf" for each in lists_on_disk.iterdir()) == 1


# --- without a sidecar -----------------------------------------------------------------------------


def test_numbers_lead_to_people_through_another_dataset(tmp_path):
    """The table of clips says which vector is whose: the index needs no sidecar."""
    put(tmp_path / "v", made("IVF4,Flat"))
    (tmp_path / "v" / "a.ids.jsonl").unlink()
    dataset = Dataset("voices", "vectors", Through("clips", "vector_id"), "voice", layout=PathLayout(("{part}.faiss",)))
    with opened(tmp_path / "v", dataset, id="vector_id") as store:
        selector = Selector(KIM, {"vector_id": frozenset(map(str, NUMBERS[KIMS]))})
        copies = list(store.locate(dataset, [selector]))
        assert [each.items for each in copies] == [4]
        heard = Listener()
        store.trace(dataset, copies, heard)
        assert tuple(map(float, POINTS[40])) in heard.heard[KIM]
        assert store.erase(dataset, copies, KEY) == {KIM: Erased(4)}
        assert list(store.locate(dataset, [selector])) == []
        (seen,) = store.probe(dataset, copies)
        assert seen.items == 0
    assert holding(tmp_path, kims_bytes()) == set()


def test_an_index_named_after_a_person_belongs_into_a_store_of_files(tmp_path):
    with pytest.raises(Misconfigured, match="named after one person"):
        Faiss(
            StoreSpec("vectors", "faiss", str(tmp_path)),
            (Dataset("v", "vectors", ByField({"p": "p"}), "voice", layout=PathLayout(("{p}.faiss",))),),
        )


# --- bad input -------------------------------------------------------------------------------------


def _cut(folder):
    (folder / "a.faiss").write_bytes((folder / "a.faiss").read_bytes()[:-100])


def _noise(folder):
    (folder / "a.faiss").write_bytes(b"no index at all")


def _twice(folder):
    with (folder / "a.ids.jsonl").open("a") as file:
        file.write(json.dumps({"id": int(NUMBERS[0]), "person": "kim"}) + "\n")


def _no_number(folder):
    with (folder / "a.ids.jsonl").open("a") as file:
        file.write(json.dumps({"id": "seven", "person": "kim"}) + "\n")


def _parts_that_do_not_fit(folder):
    index = faiss.read_index(str(folder / "a.faiss"))
    wrong = faiss.IndexIDMap2(faiss.IndexFlatL2(DIMENSIONS))
    wrong.add_with_ids(POINTS, NUMBERS)
    faiss.copy_array_to_vector(NUMBERS[:-1], wrong.id_map)
    faiss.write_index(wrong, str(folder / "a.faiss"))
    del index


def _other_type(folder):
    index = faiss.index_factory(DIMENSIONS, "NSG8,Flat")
    index.add(POINTS)
    faiss.write_index(index, str(folder / "a.faiss"))


def _binary(folder):
    index = faiss.IndexBinaryFlat(64)
    index.add(np.zeros((PEOPLE, 8), np.uint8))
    faiss.write_index_binary(index, str(folder / "a.faiss"))


@pytest.mark.parametrize(
    ("spoil", "reason", "says"),
    [
        (_cut, Reason.CORRUPT, "no sound FAISS index"),
        (_noise, Reason.CORRUPT, "no sound FAISS index"),
        (_twice, Reason.CORRUPT, "for the second time"),
        (_no_number, Reason.CORRUPT, "no whole number"),
        (_parts_that_do_not_fit, Reason.CORRUPT, "no sound FAISS index"),
        (_other_type, Reason.UNSUPPORTED, "IndexNSGFlat"),
        (_binary, Reason.UNSUPPORTED, "a binary index"),
    ],
)
def test_what_cannot_be_handled_is_named_and_left_as_it_is(tmp_path, spoil, reason, says):
    folder = tmp_path / "v"
    put(folder, made("IDMap2,Flat"))
    with opened(folder) as store:
        copies = list(store.locate(VOICES, [Selector(KIM, {"person": frozenset({"kim"})})]))
    spoil(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with opened(folder) as store:
        answer = store.erase(VOICES, copies, KEY)[KIM]
        assert isinstance(answer, Unable)
        assert (answer.reason, says in answer.detail) == (reason, True), answer
        assert reason in {each.reason for each in store.preflight(VOICES, copies)}
        assert any(says in each.what for each in store.check(()))
        (seen,) = store.probe(VOICES, copies)
        assert says in seen.could_not
        assert "kim" not in f"{answer}{seen.could_not}"
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_records_without_vectors_are_erased_too_and_vectors_without_records_are_a_finding(tmp_path):
    folder = tmp_path / "v"
    index = made("IDMap2,Flat")
    index.remove_ids(NUMBERS[40:42])
    put(folder, index)
    lines = (folder / "a.ids.jsonl").read_text().splitlines(keepends=True)
    (folder / "a.ids.jsonl").write_text("".join([*lines[:100], *lines[103:]]))
    with opened(folder) as store:
        assert {each.kind for each in store.check(())} == {FindingKind.SUBJECT_PATH, FindingKind.NOTE}
    forget(folder)
    assert "kim" not in (folder / "a.ids.jsonl").read_text()


def test_a_number_that_was_given_to_somebody_else_meanwhile_is_theirs(tmp_path):
    folder = tmp_path / "v"
    put(folder, made("IDMap2,Flat"))
    with opened(folder) as store:
        copies = list(store.locate(VOICES, [Selector(KIM, {"person": frozenset({"kim"})})]))
        sidecar = folder / "a.ids.jsonl"
        sidecar.write_text(sidecar.read_text().replace("kim", "lee"))
        assert store.erase(VOICES, copies, KEY) == {KIM: Absent()}
    assert faiss.read_index(str(folder / "a.faiss")).ntotal == PEOPLE


def test_a_sidecar_alone_is_looked_through_as_well(tmp_path):
    """A crash after the index went: its records are found, and go."""
    folder = tmp_path / "v"
    put(folder, made("IDMap2,Flat"))
    (folder / "a.faiss").unlink()
    forget(folder)
    assert "kim" not in (folder / "a.ids.jsonl").read_text()


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with opened(tmp_path / "nowhere") as store:
        assert [each.kind for each in store.check(())] == [FindingKind.MISSING]
        with pytest.raises(StoreUnavailable, match="not there"):
            list(store.locate(VOICES, [Selector(KIM, {"person": frozenset({"kim"})})]))
