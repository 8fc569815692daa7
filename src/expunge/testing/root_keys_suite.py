"""The conformance suite of the vault's roots."""

# ruff: noqa: D102 - the name of a story says what it shows
from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from expunge import clock, faults
from expunge.errors import KeyDestroyed, KeystoreLocked, KeyUnknown, RootUnavailable
from expunge.ports.vault.root_keys import RootKeys
from expunge.testing.forked import in_child
from expunge.testing.plain_search import contents


class RootKeysSuite:
    """Subclass it and say how a root is opened; run it with pytest.

    ::

        class TestOurRoot(RootKeysSuite):
            def open(self, folder): return OurRoot(folder / "root", pin="1234")
            def open_wrongly(self, folder): return OurRoot(folder / "root", pin="4321")
    """

    def open(self, folder: Path) -> RootKeys:
        """Open the root of a folder, making it at first; called in children too."""
        raise NotImplementedError

    def open_wrongly(self, folder: Path) -> RootKeys:
        """Open the same with a wrong passphrase, PIN or token."""
        raise NotImplementedError

    @contextmanager
    def away(self, folder: Path) -> Iterator[None]:
        """Take the place of the keys away for the length of a block: a server that is stopped, a token that is pulled."""
        raise NotImplementedError

    def test_an_epoch_opens_after_reopening_and_is_like_no_other(self, tmp_path: Path) -> None:
        roots = self.open(tmp_path)
        assert dict(roots.epochs()) == {}
        roots.make(1)
        roots.make(2)
        again = self.open(tmp_path)
        assert [roots.open(1), roots.open(2)] == [again.open(1), again.open(2)]
        assert len(roots.open(1)) == len(roots.open(2)) == 32
        assert roots.open(1) != roots.open(2)
        assert list(again.epochs()) == [1, 2]
        assert all(abs(clock.now() - at) < timedelta(minutes=10) for at in again.epochs().values())

    def test_making_again_changes_nothing(self, tmp_path: Path) -> None:
        roots = self.open(tmp_path)
        roots.make(1)
        key, made = roots.open(1), roots.epochs()
        self.open(tmp_path).make(1)
        assert roots.open(1) == key
        assert roots.epochs() == made

    def test_an_epoch_that_was_never_made_is_unknown(self, tmp_path: Path) -> None:
        with pytest.raises(KeyUnknown):
            self.open(tmp_path).open(1)

    def test_a_destroyed_epoch_is_gone_for_everybody_and_its_number_is_not_used_again(self, tmp_path: Path) -> None:
        roots, other = self.open(tmp_path), self.open(tmp_path)
        roots.make(1)
        roots.make(2)
        kept = other.open(2)
        roots.destroy(1)
        roots.destroy(1)
        roots.destroy(7)
        for each in (roots, other, self.open(tmp_path)):
            assert list(each.epochs()) == [2]
            assert each.open(2) == kept
            for epoch in (1, 7):
                with pytest.raises(KeyDestroyed):
                    each.open(epoch)
                with pytest.raises(KeyDestroyed):
                    each.make(epoch)

    def test_the_key_of_an_epoch_lies_plain_in_no_file(self, tmp_path: Path) -> None:
        roots = self.open(tmp_path)
        roots.make(1)
        key = roots.open(1)
        assert not [path for path, data in contents(tmp_path) if key in data]

    def test_files_of_a_destroyed_epoch_that_are_put_back_open_nothing(self, tmp_path: Path) -> None:
        """Its marks stay; with a root that is not copyable, a copy of the whole folder opens nothing either."""
        roots = self.open(tmp_path)
        roots.make(1)
        kept = [(path, data) for path, data in contents(tmp_path) if path.name == "epoch-1.key"]
        assert kept
        copy = tmp_path.with_name(tmp_path.name + "-copy")
        shutil.copytree(tmp_path, copy, symlinks=True, ignore=lambda *_: [])
        roots.destroy(1)
        for path, data in kept:
            path.write_bytes(data)
        for each in (roots, self.open(tmp_path)):
            with pytest.raises(KeyDestroyed):
                each.open(1)
        if not roots.copyable:
            with pytest.raises((KeyDestroyed, KeyUnknown)):
                self.open(copy).open(1)

    def test_a_wrong_word_opens_nothing_and_destroys_nothing(self, tmp_path: Path) -> None:
        self.open(tmp_path).make(1)
        with pytest.raises(KeystoreLocked):
            self.open_wrongly(tmp_path).open(1)
        assert len(self.open(tmp_path).open(1)) == 32

    def test_away_is_said_and_nothing_is_lost(self, tmp_path: Path) -> None:
        roots = self.open(tmp_path)
        roots.make(1)
        key = roots.open(1)
        with self.away(tmp_path):
            for act in (lambda: roots.make(2), lambda: roots.open(1), lambda: roots.destroy(1)):
                with pytest.raises(RootUnavailable):
                    act()
        again = self.open(tmp_path)
        assert again.open(1) == key
        assert list(again.epochs()) == [1]
        again.make(2)
        assert list(again.epochs()) == [1, 2]

    def test_killed_at_every_point_an_epoch_is_made_or_not_and_destroyed_for_good(self, tmp_path: Path) -> None:
        for verb in ("make", "destroy"):
            scratch = tmp_path / verb
            scratch.mkdir()
            names = in_child(partial(self._passed, scratch, verb)).returned()
            for at, name in enumerate(names):
                folder = tmp_path / f"{verb}-{at}"
                folder.mkdir()
                count = names[: at + 1].count(name)
                child = in_child(partial(self._killed, folder, verb, name, count))
                assert child.killed_by == 9, f"{name}@{count} was not passed"
                roots = self.open(folder)
                getattr(roots, verb)(1)
                if verb == "make":
                    assert len(roots.open(1)) == 32
                else:
                    with pytest.raises(KeyDestroyed):
                        roots.open(1)
                    assert not [path for path, _ in contents(folder) if path.name == "epoch-1.key"]

    def _passed(self, folder: Path, verb: str) -> list[str]:
        roots = self.open(folder)
        if verb == "destroy":
            roots.make(1)
        with faults.record() as names:
            getattr(roots, verb)(1)
        return names

    def _killed(self, folder: Path, verb: str, name: str, count: int) -> None:
        roots = self.open(folder)
        if verb == "destroy":
            roots.make(1)
        with faults.arm(name, "kill", count):
            getattr(roots, verb)(1)
