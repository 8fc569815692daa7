"""An emptied folder is told from one whose disk is away, in each kind of store that is a folder, and by a disk that is really mounted."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from expunge.adapters.files.places_files import FilePlaces
from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Reason, Unable
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.ports.optional.known_places import FollowedPlaces
from expunge.ports.store import Store
from expunge.stores import open_store
from expunge.stores.files.presence import FolderPresence

WANTED = Selector(Pseudonym("s-1"), {"profile_id": frozenset({"p-1"})})
PATHS = {"files": "voice/{profile_id}/{recording}.wav", "parquet": "voice/{day}.parquet", "faiss": "voice/{shard}.faiss"}


def lying(kind: str, root: Path, known: FilePlaces) -> tuple[Store, Dataset]:
    """A store of a kind that has something in its folder, and its dataset."""
    path = PATHS[kind].format(profile_id="p-1", recording="r-1", day="2026-11-30", shard="1")
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(b"x")
    return opened(kind, root, known)


def opened(kind: str, root: Path, known: FilePlaces) -> tuple[Store, Dataset]:
    fields = {"profile": "profile_id"}
    dataset = Dataset("voice", "media", ByField(fields), "life", layout=PathLayout((PATHS[kind],)))
    store = open_store(StoreSpec("media", kind, str(root)), (dataset,))
    assert isinstance(store, FollowedPlaces)
    store.follow(known)
    return store, dataset


def seen(store: Store, dataset: Dataset) -> None:
    """Look once; that the bytes of a test are no index and no table is no matter here."""
    with suppress(CouldNotLook):
        list(store.locate(dataset, [WANTED]))


@pytest.mark.parametrize("kind", sorted(PATHS))
def test_each_kind_says_that_it_cannot_look_and_erases_nothing(tmp_path: Path, kind: str) -> None:
    known, root = FilePlaces(tmp_path / "places"), tmp_path / "media"
    seen(*lying(kind, root, known))
    root.rename(tmp_path / "away")
    root.mkdir()
    store, dataset = opened(kind, root, known)
    with pytest.raises(StoreUnavailable, match="not the folder in which data lay before"):
        list(store.locate(dataset, [WANTED]))
    copy = Copy("voice", Pseudonym("s-1"), ("voice/p-1/r-1.wav",), 1, selector=WANTED)
    for outcome in (*store.erase(dataset, [copy], IdempotencyKey("k")).values(), store.purge([dataset], IdempotencyKey("k"))):
        assert isinstance(outcome, Unable)
        assert outcome.reason is Reason.UNREACHABLE
    (probed,) = store.probe(dataset, [copy])
    assert "not the folder in which data lay before" in probed.could_not
    assert [each.mend for each in store.check([]) if "lay before" in each.what]
    root.rmdir()
    (tmp_path / "away").rename(root)
    seen(*opened(kind, root, known))


def test_what_is_known_is_no_more_than_places_of_the_map_and_digests(tmp_path: Path) -> None:
    known = FilePlaces(tmp_path / "places")
    seen(*lying("files", tmp_path / "media", known))
    text = (tmp_path / "places" / "media.json").read_text()
    assert set(known.recall("media")) == {"voice"}
    assert "p-1" not in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize("damage", ["{ damaged", "[]", '{"voice": 7}'])
def test_where_what_was_known_is_damaged_no_empty_folder_is_believed(tmp_path: Path, damage: str) -> None:
    known, root = FilePlaces(tmp_path / "places"), tmp_path / "media"
    seen(*lying("files", root, known))
    (tmp_path / "places" / "media.json").write_text(damage)
    store, dataset = opened("files", root, known)
    seen(store, dataset)
    # What was seen in one place since says nothing of the others.
    (root / "voice").rename(tmp_path / "away")
    (root / "voice").mkdir()
    further = Dataset("places", "media", ByField({"profile": "profile_id"}), "life", layout=PathLayout(("places/{profile_id}.json",)))
    (root / "places").mkdir()
    both = open_store(StoreSpec("media", "files", str(root)), (dataset, further))
    assert isinstance(both, FollowedPlaces)
    both.follow(known)
    for each in (dataset, further):
        with pytest.raises(StoreUnavailable, match="lay before"):
            list(both.locate(each, [WANTED]))
    known.forget("media")
    seen(both, dataset)
    seen(both, further)


@pytest.mark.parametrize("kind", sorted(PATHS))
def test_a_disk_that_goes_away_while_it_is_looked_through_is_no_look(tmp_path: Path, kind: str) -> None:
    known, root = FilePlaces(tmp_path / "places"), tmp_path / "media"
    store, dataset = lying(kind, root, known)
    seen(store, dataset)
    for path in (root / "voice").rglob("*"):
        if path.is_file():
            path.rename(path.with_name("unrelated"))
    looking = store.locate(dataset, [WANTED])
    require, times = FolderPresence.require, []

    def away(presence: FolderPresence, *datasets: str) -> None:
        require(presence, *datasets)
        if not times:
            times.append(1)
            root.rename(tmp_path / "away")
            (root / "voice").mkdir(parents=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FolderPresence, "require", away)
        with pytest.raises(StoreUnavailable, match="lay before"):
            list(looking)
    assert times


def test_a_folder_that_never_held_anything_is_empty_and_one_that_moved_is_known_anew(tmp_path: Path) -> None:
    known, root = FilePlaces(tmp_path / "places"), tmp_path / "media"
    root.mkdir()
    seen(*opened("files", root, known))
    (root / ".keep").touch()
    seen(*opened("files", root, known))
    assert known.recall("media") == {}
    seen(*lying("files", root, known))
    before = known.recall("media")
    root.rename(tmp_path / "old disk")
    seen(*lying("files", root, known))
    assert known.recall("media") != before
    (root / "voice" / "p-1" / "r-1.wav").unlink()
    seen(*opened("files", root, known))


MOUNTED = """
import subprocess, sys
from pathlib import Path
from expunge.adapters.files.places_files import FilePlaces
from expunge.errors import StoreUnavailable
from tests.stores.files.test_presence import lying, opened, seen

folder = Path(sys.argv[1])
root, known = folder / "media", FilePlaces(folder / "places")
at = root / "voice" if sys.argv[2] == "inside" else root
at.mkdir(parents=True)
# An entry, so that the mount point and what is mounted differ in nothing but themselves.
subprocess.run(["mount", "-t", "tmpfs", "disk", at], check=True)
seen(*lying("files", root, known))
for each in sorted((root / "voice").rglob("*"), reverse=True):
    each.rmdir() if each.is_dir() else each.unlink()
seen(*opened("files", root, known))
seen(*lying("files", root, known))
subprocess.run(["umount", at], check=True)
(root / "voice").mkdir(exist_ok=True)
try:
    seen(*opened("files", root, known))
except StoreUnavailable as error:
    print("away" if "lay before" in error.message else error.message)
"""


REPLACED = """
import subprocess, sys
from pathlib import Path
from expunge.adapters.files.places_files import FilePlaces
from expunge.errors import StoreUnavailable
from tests.stores.files.test_presence import lying, opened, seen

root, known = Path(sys.argv[1]) / "media", FilePlaces(Path(sys.argv[1]) / "places")
at = root / "voice"
at.mkdir(parents=True)
subprocess.run(["mount", "-t", "tmpfs", "disk", at], check=True)
device = at.stat().st_dev, at.stat().st_ino
store, dataset = lying("files", root, known)
seen(store, dataset)
subprocess.run(["umount", at], check=True)
subprocess.run(["mount", "-t", "tmpfs", "blank", at], check=True)
assert (at.stat().st_dev, at.stat().st_ino) == device, "the kernel gave another number: the test shows nothing"
try:
    seen(store, dataset)
except StoreUnavailable as error:
    print("away" if "lay before" in error.message else error.message)
"""


SHARDS = """
import subprocess, sys
from pathlib import Path
from expunge.adapters.files.places_files import FilePlaces
from expunge.errors import StoreUnavailable
from tests.stores.files.test_presence import lying, opened, seen

root, known = Path(sys.argv[1]) / "media", FilePlaces(Path(sys.argv[1]) / "places")
disks = [root / "voice" / name for name in ("disk-1", "disk-2")]
for disk in disks:
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", disk.name, disk], check=True)
    (disk / "r-9.wav").write_bytes(b"x")
store, dataset = lying("files", root, known)
seen(store, dataset)
assert "disk" not in (Path(sys.argv[1]) / "places" / "media.json").read_text()
# One that is emptied, and one that is away while others are there.
(disks[0] / "r-9.wav").unlink()
seen(store, dataset)
subprocess.run(["umount", disks[1]], check=True)
for each in (store, opened("files", root, known)[0]):
    try:
        seen(each, dataset)
    except StoreUnavailable as error:
        assert "expunge restored media --empty" in error.help
    else:
        raise AssertionError
known.forget("media")
seen(store, dataset)
print("away")
"""


@pytest.mark.parametrize("where", ["at the root", "inside"])
def test_a_disk_that_is_really_unmounted(tmp_path: Path, where: str) -> None:
    mounting(MOUNTED, tmp_path, where)


def test_another_disk_with_the_number_of_the_one_that_is_away(tmp_path: Path) -> None:
    mounting(REPLACED, tmp_path)


def test_one_of_several_disks_below_a_place(tmp_path: Path) -> None:
    mounting(SHARDS, tmp_path)


def mounting(program: str, *arguments: object) -> None:
    """Run a program that mounts, and expect that it finds the disk away."""
    own = ["unshare", "-rm"]
    if subprocess.run([*own, "mount", "-t", "tmpfs", "disk", "/mnt"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets no user mount in a namespace of their own")
    ran = subprocess.run([*own, sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.returncode) == ("away\n", 0), ran.stderr
