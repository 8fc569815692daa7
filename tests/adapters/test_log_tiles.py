"""The log on disk: what is published stays, whatever happens to the process, the disk or the folder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge import faults
from expunge.adapters.log.audit import verify_log
from expunge.adapters.log.tile_log import TileLog
from expunge.core import merkle
from expunge.core.log import checkpoint, log_tiles
from expunge.core.note import VerifierKey
from expunge.errors import Busy, EvidenceInvalid, StateCorrupt, StateUnavailable
from expunge.testing.forked import alongside, in_child
from expunge.testing.log_suite import LogSuite, leaves
from tests.evidence_kit import ORIGIN, SeededKeys

KEYS = SeededKeys()


def opened(folder: Path, **settings: object) -> TileLog:
    return TileLog(folder, ORIGIN, KEYS, **settings)  # type: ignore[arg-type]


def passed(start: int, end: int, folder: Path) -> tuple[str, ...]:
    """Failpoints of one append, in order, without repeats."""
    log = opened(folder)
    if start:
        log.append(leaves(start))
    with faults.record() as names:
        log.append(leaves(end - start, start))
    return tuple(dict.fromkeys(names))


APPEND = tuple(
    f"log.{name}:{side}"
    for name in (
        "append.data",
        "append.folder",
        "publish.data",
        "publish.swap",
        "publish.folder",
        "drop.partial",
        "drop.folder",
    )
    for side in ("before", "after")
)


class TestTileLog(LogSuite):
    failpoints = APPEND

    def open(self, folder: Path) -> TileLog:
        return opened(folder)

    def verifiers(self) -> Sequence[VerifierKey]:
        return KEYS.log_keys()


def test_the_list_of_failpoints_is_what_an_append_passes(tmp_path: Path) -> None:
    assert passed(5, 300, tmp_path) == APPEND


@pytest.mark.parametrize("passes", range(1, 9))
def test_killed_between_one_tile_and_the_next_the_tree_stays(tmp_path: Path, passes: int) -> None:
    opened(tmp_path).append(leaves(5))

    def die() -> None:
        with faults.arm("log.append.data:after", "kill", passes):
            opened(tmp_path).append(leaves(1000, 5))

    assert in_child(die).killed_by
    log = opened(tmp_path)
    assert log.head().size == 5
    log.append([b"another"])
    audit = verify_log(tmp_path, KEYS.policy())
    assert audit.head.size == 6
    assert audit.leftover == (), "the next append sweeps up what the dead one left"
    assert log.entry(5) == b"another"


@pytest.mark.parametrize("point", ["log.create.data:before", "log.create.data:after", "log.create.swap:before", "log.create.swap:after"])
def test_killed_while_the_log_is_made_it_is_made_the_next_time(tmp_path: Path, point: str) -> None:
    def die() -> None:
        with faults.arm(point, "kill"):
            opened(tmp_path)

    assert in_child(die).killed_by
    assert opened(tmp_path).append([b"one"]) == (0,)
    assert verify_log(tmp_path, KEYS.policy()).leftover == ()


def test_killed_while_sweeping_it_sweeps_the_next_time(tmp_path: Path) -> None:
    points = ("log.sweep.temporary", "log.sweep.partial", "log.sweep.full")
    for number, point in enumerate(points):
        folder = tmp_path / str(number)
        opened(folder).append(leaves(5))
        for at in ("log.append.folder:after", "log.publish.data:after"):
            in_child(lambda at=at, folder=folder: _armed_append(folder, at, 700))  # type: ignore[misc]
        for side in ("before", "after"):
            assert in_child(lambda side=side, point=point, folder=folder: _armed_append(folder, f"{point}:{side}", 1)).killed_by  # type: ignore[misc]
        opened(folder).append([b"x"])
        audit = verify_log(folder, KEYS.policy())
        assert (audit.head.size, audit.leftover) == (6, ())
        assert not list(folder.glob(".expunge-*"))


def _armed_append(folder: Path, point: str, count: int) -> None:
    with faults.arm(point, "kill"):
        opened(folder).append(leaves(count, 5))


def test_a_torn_tile_beyond_the_published_size_is_written_over(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(leaves(5))
    for name in ("tile/0/000.p/9", "tile/entries/000.p/9", "tile/0/000", "tile/1/000.p/1"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"torn")
    again = opened(tmp_path)
    again.append(leaves(4, 5))
    assert verify_log(tmp_path, KEYS.policy()).head.size == 9
    again.append(leaves(300, 9))
    assert verify_log(tmp_path, KEYS.policy()).leftover == ()


def published(folder: Path, size: int = 700) -> TileLog:
    log = opened(folder)
    for at in range(0, size, 100):
        log.append(leaves(min(100, size - at), at))
    return log


FILES = (
    "checkpoint",
    "tile/0/000",
    "tile/0/001",
    "tile/0/002.p/188",
    "tile/1/000.p/2",
    "tile/entries/000",
    "tile/entries/001",
    "tile/entries/002.p/188",
)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["changed", "cut", "gone", "empty"])
@pytest.mark.duty("NST-08")
def test_damage_to_anything_published_is_found_and_nothing_is_signed_over_it(tmp_path: Path, name: str, damage: str) -> None:
    published(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    match damage:
        case "gone":
            path.unlink()
        case "changed":
            path.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
        case _:
            path.write_bytes(b"" if damage == "empty" else content[:-7])
    with pytest.raises(EvidenceInvalid):
        verify_log(tmp_path, KEYS.policy())
    with pytest.raises(StateCorrupt):
        read_all(tmp_path)


def read_all(folder: Path) -> None:
    log = opened(folder)
    for index in (0, 300, 699):
        log.entry(index)
        log.prove_inclusion(index, 700)


def test_a_full_tile_swapped_for_another_trees_tile_is_found(tmp_path: Path) -> None:
    published(tmp_path / "a")
    other = opened(tmp_path / "b")
    other.append([b"other %d" % n for n in range(700)])
    for name in ("tile/0/000", "tile/entries/000"):
        shutil.copy(tmp_path / "b" / name, tmp_path / "a" / name)
    with pytest.raises(StateCorrupt):
        opened(tmp_path / "a").prove_inclusion(3, 700)
    with pytest.raises(EvidenceInvalid):
        verify_log(tmp_path / "a", KEYS.policy())


@pytest.mark.parametrize("size", [700, 188])
def test_entries_and_tile_at_the_right_edge_changed_together_do_not_pass_for_what_was_signed(tmp_path: Path, size: int) -> None:
    published(tmp_path / "a", size)
    published(tmp_path / "b", size - 1).append([b"something else"])
    for name in (log_tiles.tile_name(log_tiles.TileAddress(0, size // 256, 188)), log_tiles.bundle_name(size // 256, 188)):
        shutil.copy(tmp_path / "b" / name, tmp_path / "a" / name)
    with pytest.raises(StateCorrupt, match="root that was signed"):
        opened(tmp_path / "a")


def test_an_old_copy_put_back_is_refused_by_whoever_saw_more(tmp_path: Path) -> None:
    folder, copy = tmp_path / "log", tmp_path / "copy"
    log = published(folder, 300)
    shutil.copytree(folder, copy)
    log.append(leaves(100, 300))
    known = (400, log.head().root)
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    with pytest.raises(StateCorrupt, match="old copy"):
        log.append([b"fork"])
    with pytest.raises(StateCorrupt, match="old copy") as caught:
        opened(folder, anchor=lambda: known)
    assert "restore" in caught.value.help
    with pytest.raises(EvidenceInvalid, match="shorter"):
        verify_log(folder, KEYS.policy(), [known])
    assert verify_log(folder, KEYS.policy()).head.size == 300, "without anything known elsewhere an old copy cannot be told"


def test_a_fork_of_the_same_length_is_refused_by_whoever_knows_an_earlier_root(tmp_path: Path) -> None:
    log = published(tmp_path / "log", 300)
    known = (300, log.head().root)
    other = opened(tmp_path / "other")
    other.append([b"fork %d" % n for n in range(400)])
    shutil.rmtree(tmp_path / "log")
    shutil.copytree(tmp_path / "other", tmp_path / "log")
    with pytest.raises(StateCorrupt, match="another log"):
        log.head()
    with pytest.raises(StateCorrupt, match="another log"):
        opened(tmp_path / "log", anchor=lambda: known)
    with pytest.raises(EvidenceInvalid, match="first 300 entries"):
        verify_log(tmp_path / "log", KEYS.policy(), [known])


@pytest.mark.parametrize("left", ["nothing", "tiles"])
def test_a_lost_folder_is_not_begun_again_where_a_log_is_known(tmp_path: Path, left: str) -> None:
    log = published(tmp_path, 300)
    known = (300, log.head().root)
    (tmp_path / "checkpoint").unlink()
    if left == "nothing":
        shutil.rmtree(tmp_path / "tile")
    with pytest.raises(StateCorrupt, match="checkpoint is missing"):
        opened(tmp_path, anchor=lambda: known if left == "nothing" else None)
    assert not (tmp_path / "checkpoint").exists()


def test_the_log_goes_on_under_an_anchor_that_lags_behind(tmp_path: Path) -> None:
    log = published(tmp_path, 300)
    known = (300, log.head().root)
    log.append(leaves(50, 300))
    again = opened(tmp_path, anchor=lambda: known)
    assert again.append([b"next"]) == (350,)


def test_an_anchor_that_moves_on_while_the_log_is_opened_is_no_alarm(tmp_path: Path) -> None:
    log = published(tmp_path, 300)

    def another_process_publishes() -> tuple[int, bytes]:
        head = log.head()
        log.append([b"meanwhile"])
        return head.size, head.root

    assert opened(tmp_path, anchor=another_process_publishes).head().size == 301


def test_another_log_key_does_not_continue_the_log(tmp_path: Path) -> None:
    published(tmp_path, 10)
    with pytest.raises(StateCorrupt, match="does not verify"):
        TileLog(tmp_path, ORIGIN, SeededKeys("other"))  # type: ignore[arg-type]
    with pytest.raises(StateCorrupt):
        TileLog(tmp_path, "other.example", KEYS)  # type: ignore[arg-type]
    with pytest.raises(EvidenceInvalid):
        verify_log(tmp_path, SeededKeys("other").policy())


def test_a_second_writer_is_told_that_the_log_is_busy(tmp_path: Path) -> None:
    published(tmp_path, 10)
    marker, release = tmp_path.parent / "held", tmp_path.parent / "release"

    def hold() -> None:
        log = opened(tmp_path)
        with log._lock.held():
            marker.touch()
            while not release.exists():
                sleep(0.01)

    with alongside(hold) as child:
        while not marker.exists():
            sleep(0.01)
        with pytest.raises(Busy):
            opened(tmp_path, wait=0.1).append([b"x"])
        assert opened(tmp_path, wait=0.1).head().size == 10, "readers need no lock"
        release.touch()
        child.wait().returned()


def test_readers_that_open_the_log_while_it_grows_never_take_its_growth_for_damage(tmp_path: Path) -> None:
    opened(tmp_path)

    def write() -> None:
        log = opened(tmp_path)
        for number in range(600):
            log.append([b"%d" % number])

    with alongside(write) as child:
        size = 0
        while size < 600:
            log = opened(tmp_path)
            head = log.head()
            assert head.size >= size
            size = head.size
            if size:
                path = log.prove_inclusion(size - 1, size)
                merkle.verify_inclusion(merkle.leaf_hash(log.entry(size - 1)), size - 1, size, path, head.root)
        child.wait().returned()


def test_a_full_disk_is_told_in_words_and_nothing_is_published(tmp_path: Path) -> None:
    log = published(tmp_path, 10)
    with faults.arm("log.append.data:before", "full"), pytest.raises(StateUnavailable, match="no space left"):
        log.append([b"x"])
    assert log.head().size == 10
    assert log.append([b"x"]) == (10,)


def test_a_lost_reply_is_settled_by_looking_for_the_leaf(tmp_path: Path) -> None:
    log = published(tmp_path, 10)
    with faults.arm("log.publish.swap:after", "lost"), pytest.raises(faults.ReplyLost):
        log.append([b"mine"])
    assert log.find(b"mine", 10) == 10
    with faults.arm("log.append.folder:after", "lost"), pytest.raises(faults.ReplyLost):
        log.append([b"never"])
    assert log.find(b"never", 10) is None


def test_partial_forms_go_when_the_tile_is_full_and_stay_until_then(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for number in range(255):
        log.append([b"%d" % number])
    assert len(list((tmp_path / "tile/0/000.p").iterdir())) == 255
    log.append([b"255", b"256"])
    assert sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "tile").rglob("*") if path.is_file()) == [
        "tile/0/000",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/1",
    ]


def test_an_audit_finds_a_partial_tile_that_disagrees_with_what_came_later(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(leaves(5))
    log.append(leaves(5, 5))
    assert verify_log(tmp_path, KEYS.policy()).leftover == ()
    (tmp_path / "tile/0/000.p/5").write_bytes(bytes(160))
    with pytest.raises(EvidenceInvalid, match=r"000\.p/5"):
        verify_log(tmp_path, KEYS.policy())


def test_an_audit_confirms_earlier_checkpoints_and_names_stray_files(tmp_path: Path) -> None:
    log = published(tmp_path, 700)
    known = [(size, log.root(size)) for size in (0, 1, 256, 257, 512, 699, 700)]
    (tmp_path / "tile/0/009").write_bytes(b"stray")
    audit = verify_log(tmp_path, KEYS.policy(), known)
    assert (audit.known, audit.leftover, audit.signers) == (7, ("tile/0/009",), 2)
    for size in (1, 256, 300):
        with pytest.raises(EvidenceInvalid):
            verify_log(tmp_path, KEYS.policy(), [(size, bytes(32))])


@pytest.mark.parametrize(("n", "path"), [(0, "000"), (67, "067"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")])
def test_tiles_are_named_as_the_specification_says(n: int, path: str) -> None:
    assert log_tiles.tile_name(log_tiles.TileAddress(2, n, 256)) == f"tile/2/{path}"
    assert log_tiles.bundle_name(n, 5) == f"tile/entries/{path}.p/5"


def test_the_tiles_of_seventy_thousand_leaves_are_those_of_the_specifications_example(tmp_path: Path) -> None:
    assert log_tiles.edge_places(70_000) == ((0, 273, 112), (1, 1, 17), (2, 0, 1))
    assert log_tiles.edge_places(256) == ((1, 0, 1),)
    log = opened(tmp_path)
    log.append([b"%d" % n for n in range(70_000)])
    full = [path for path in (tmp_path / "tile").rglob("*") if path.is_file() and not path.parent.name.endswith(".p")]
    assert sum(path.parts[-2] == "0" for path in full) == 273
    assert sum(path.parts[-2] == "1" for path in full) == 1
    assert {path.stat().st_size for path in full if "entries" not in path.parts} == {8192}
    node = merkle.nodes_of([merkle.leaf_hash(b"%d" % n) for n in range(70_000)])
    assert log.head().root == merkle.tree_root(70_000, node)
    assert log.prove_inclusion(65_535, 70_000) == merkle.prove_inclusion(65_535, 70_000, node)
    assert verify_log(tmp_path, KEYS.policy()).bundles == 274


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_however_it_is_cut_into_batches_the_tree_is_the_same(tmp_path_factory: pytest.TempPathFactory, batches: list[int]) -> None:
    folder = tmp_path_factory.mktemp("log")
    at = 0
    for batch in batches:
        assert opened(folder).append(leaves(batch, at)) == tuple(range(at, at + batch))
        at += batch
    audit = verify_log(folder, KEYS.policy())
    node = merkle.nodes_of([merkle.leaf_hash(each) for each in leaves(at)])
    assert audit.head == checkpoint.Checkpoint(ORIGIN, at, merkle.tree_root(at, node))
    assert audit.leftover == ()
