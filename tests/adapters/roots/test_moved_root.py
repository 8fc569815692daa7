"""A root over two: the suite of all roots, with the epochs in either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from expunge.adapters.keys import key_files
from expunge.adapters.roots.local_root import LocalRoot
from expunge.adapters.roots.moved_root import MovedRoot
from expunge.errors import KeyDestroyed
from expunge.testing.root_keys_suite import RootKeysSuite


@pytest.fixture(autouse=True)
def _cheap_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_files, "_SCRYPT", {"n": 2**10, "r": 8, "p": 1})


class TestMovedRoot(RootKeysSuite):
    def open(self, folder: Path) -> MovedRoot:
        return MovedRoot(LocalRoot(folder / "roots", "word"), LocalRoot(folder / "former", "word"))

    def open_wrongly(self, folder: Path) -> MovedRoot:
        return MovedRoot(LocalRoot(folder / "roots", "wrong"), LocalRoot(folder / "former", "word"))

    @contextmanager
    def away(self, folder: Path) -> Iterator[None]:
        hidden = folder / "pulled"
        (folder / "roots").rename(hidden)
        (folder / "roots").write_bytes(b"")
        try:
            yield
        finally:
            (folder / "roots").unlink()
            hidden.rename(folder / "roots")


def test_epochs_from_before_open_and_die_where_they_were_made(tmp_path: Path) -> None:
    """No epoch of the former root is made again in the other, whether it lives or was destroyed."""
    former, current = LocalRoot(tmp_path / "former"), LocalRoot(tmp_path / "roots")
    for epoch in (1, 2):
        former.make(epoch)
    kept = former.open(2)
    root = MovedRoot(current, former)
    root.make(2)
    root.make(3)
    assert list(root.epochs()) == [1, 2, 3]
    assert (list(former.epochs()), list(current.epochs())) == ([1, 2], [3])
    assert root.open(2) == kept
    root.destroy(1)
    root.destroy(1)
    assert list(former.epochs()) == [2]
    for act in (root.open, root.make):
        with pytest.raises(KeyDestroyed):
            act(1)
