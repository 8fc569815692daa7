"""The conformance suite of the transparency log port."""

# ruff: noqa: D102 - the name of a story says what it shows
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from expunge import faults
from expunge.core import merkle
from expunge.core.log import checkpoint
from expunge.core.note import VerifierKey, open_strict
from expunge.errors import Busy, EvidenceInvalid
from expunge.ports.log import TransparencyLog
from expunge.testing.forked import in_child, start

_SIZES = (1, 2, 3, 250, 256, 300, 512, 700)


def leaves(count: int, start: int = 0) -> list[bytes]:
    """Distinct leaves, one of them empty and one of the greatest length."""
    made = [b"leaf %d" % number for number in range(start, start + count)]
    return [{0: b"", 1: b"x" * 65_535}.get(number, leaf) for number, leaf in enumerate(made, start)]


def tree(entries: Sequence[bytes]) -> merkle.Node:
    """Return the same tree, in memory."""
    return merkle.nodes_of([merkle.leaf_hash(entry) for entry in entries])


class LogSuite:
    """Subclass it, say how to open a log; run it with pytest.

    ::

        class TestOurLog(LogSuite):
            failpoints = ("log.publish.swap:before", ...)
            def open(self, folder): return OurLog(folder, ...)
            def verifiers(self): return (ed25519_key, p256_key)
    """

    failpoints: tuple[str, ...] = ()
    """Every failpoint that an append from size 5 to size 300 passes."""

    def open(self, folder: Path) -> TransparencyLog:
        """Open the log in a folder, making it at first; called in children too."""
        raise NotImplementedError

    def verifiers(self) -> Sequence[VerifierKey]:
        """Return the keys that sign its checkpoints, in order."""
        raise NotImplementedError

    def check(self, log: TransparencyLog, entries: Sequence[bytes]) -> None:
        """The log publishes exactly these entries, and everything about it verifies."""
        head = log.head()
        text, signed = open_strict(head.checkpoint, self.verifiers())
        assert len(signed) == len(self.verifiers())
        root = merkle.tree_root(len(entries), tree(entries))
        assert checkpoint.parse(text) == checkpoint.Checkpoint(log.origin, len(entries), root)
        assert (head.size, head.root) == (len(entries), root)
        for index in {0, len(entries) // 2, len(entries) - 1} if entries else set():
            assert log.entry(index) == entries[index]
            path = log.prove_inclusion(index, head.size)
            merkle.verify_inclusion(merkle.leaf_hash(entries[index]), index, head.size, path, root)

    def test_an_empty_log_is_signed_too(self, tmp_path: Path) -> None:
        self.check(self.open(tmp_path), [])

    @pytest.mark.parametrize("batch", [1, 7, 256, 300, 1000])
    def test_entries_and_proofs_are_those_of_the_same_tree_in_memory(self, tmp_path: Path, batch: int) -> None:
        entries = leaves(1000)[: 1000 if batch > 1 else 300]
        log = self.open(tmp_path)
        indexes: list[int] = []
        for at in range(0, len(entries), batch):
            indexes += log.append(entries[at : at + batch])
        assert indexes == list(range(len(entries)))
        self.check(log, entries)
        node = tree(entries)
        for again in (log, self.open(tmp_path)):
            for size in (each for each in (*_SIZES, len(entries)) if each <= len(entries)):
                for index in {0, size // 3, size - 1}:
                    assert again.prove_inclusion(index, size) == merkle.prove_inclusion(index, size, node)
                assert again.prove_consistency(size, len(entries)) == merkle.prove_consistency(size, len(entries), node)

    def test_appending_nothing_publishes_nothing(self, tmp_path: Path) -> None:
        log = self.open(tmp_path)
        before = log.head()
        assert log.append([]) == ()
        assert log.head() == before

    def test_a_leaf_that_is_too_long_is_refused_and_nothing_is_appended(self, tmp_path: Path) -> None:
        log = self.open(tmp_path)
        with pytest.raises(EvidenceInvalid):
            log.append([b"good", b"x" * 65_536])
        self.check(log, [])

    def test_a_leaf_is_found_at_or_after_where_one_looks(self, tmp_path: Path) -> None:
        log = self.open(tmp_path)
        entries = [*leaves(290), b"twice", *leaves(260, 300), b"twice", b"last"]
        log.append(entries)
        assert log.find(b"twice", 0) == log.find(b"twice", 290) == 290
        assert log.find(b"twice", 291) == 551
        assert log.find(b"last", 552) == 552
        assert log.find(b"last", 553) is None
        assert log.find(b"never", 0) is None
        assert log.find_all([(b"twice", 291), (b"never", 0), (b"twice", 0)]) == (551, None, 290)
        assert log.find_all([]) == ()

    def test_many_proofs_at_once_are_those_of_each(self, tmp_path: Path) -> None:
        log = self.open(tmp_path)
        log.append(leaves(300))
        indexes = [299, 0, 255, 256, 0]
        assert log.prove_all(indexes, 300) == tuple(log.prove_inclusion(index, 300) for index in indexes)
        assert log.prove_all([], 300) == ()
        with pytest.raises(EvidenceInvalid):
            log.prove_all([0, 300], 300)

    def test_what_is_beyond_the_published_size_is_refused(self, tmp_path: Path) -> None:
        log = self.open(tmp_path)
        log.append(leaves(10))
        for index in (10, -1, True):
            with pytest.raises(EvidenceInvalid):
                log.entry(index)
        for index, size in ((10, 10), (0, 11), (0, 0)):
            with pytest.raises(EvidenceInvalid):
                log.prove_inclusion(index, size)
        for size1, size2 in ((0, 10), (5, 11), (6, 5)):
            with pytest.raises(EvidenceInvalid):
                log.prove_consistency(size1, size2)

    def test_another_process_appends_and_this_one_goes_on_from_there(self, tmp_path: Path) -> None:
        log = self.open(tmp_path)
        log.append(leaves(300))
        in_child(lambda: self.open(tmp_path).append(leaves(300, 300))).returned()
        self.check(log, leaves(600))
        assert log.append(leaves(2, 600)) == (600, 601)
        self.check(self.open(tmp_path), leaves(602))

    def test_two_writers_lose_nothing(self, tmp_path: Path) -> None:
        self.open(tmp_path)
        children = [start(lambda who=who: self._write_many(tmp_path, who)) for who in (b"a", b"b")]  # type: ignore[misc]
        taken = [index for child in children for index in child.wait().returned()]
        assert sorted(taken) == list(range(80))
        log = self.open(tmp_path)
        assert sorted(log.entry(index) for index in range(80)) == sorted(b"%b %d" % (who, n) for who in (b"a", b"b") for n in range(40))

    def _write_many(self, folder: Path, who: bytes) -> list[int]:
        log = self.open(folder)
        taken: list[int] = []
        for number in range(40):
            while True:
                try:
                    taken += log.append([b"%b %d" % (who, number)])
                    break
                except Busy:
                    continue
        return taken

    def test_killed_at_every_point_it_publishes_the_old_tree_or_the_new_one_and_goes_on(self, tmp_path: Path) -> None:
        assert self.failpoints, "name the failpoints"
        for number, point in enumerate(self.failpoints):
            folder = tmp_path / str(number)
            self.open(folder).append(leaves(5))
            ended = in_child(lambda folder=folder, point=point: self._append_armed(folder, point, "kill"))  # type: ignore[misc]
            assert ended.killed_by, f"{point} was not passed"
            self._goes_on(folder, point)

    def test_a_full_or_failing_disk_at_every_point_leaves_the_old_tree_or_the_new_one_and_goes_on(self, tmp_path: Path) -> None:
        for number, point in enumerate(self.failpoints):
            for action in ("full", "fail"):
                folder = tmp_path / f"{number}-{action}"
                log = self.open(folder)
                log.append(leaves(5))
                with pytest.raises(Exception, match=r"\w"), faults.arm(point, action):
                    log.append(leaves(295, 5))
                assert log.head().size in (5, 300)
                self._goes_on(folder, point)
                assert log.append([b"more"]) == (302,), "the object that met the fault goes on as well"

    def _append_armed(self, folder: Path, point: str, action: str) -> None:
        log = self.open(folder)
        with faults.arm(point, action):
            log.append(leaves(295, 5))

    def _goes_on(self, folder: Path, point: str) -> None:
        log = self.open(folder)
        size = log.head().size
        assert size in (5, 300), point
        self.check(log, leaves(size))
        if size == 5:
            assert log.find(leaves(295, 5)[-1], 5) is None
            log.append(leaves(295, 5))
        log.append(leaves(2, 300))
        self.check(log, leaves(302))
