from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from expunge.adapters.keys import key_files
from expunge.adapters.roots.local_root import LocalRoot
from expunge.errors import KeystoreLocked, Misconfigured
from expunge.testing.root_keys_suite import RootKeysSuite


@pytest.fixture(autouse=True)
def _cheap_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_files, "_SCRYPT", {"n": 2**10, "r": 8, "p": 1})


class TestLocalRoot(RootKeysSuite):
    word: str | None = "correct horse"

    def open(self, folder: Path) -> LocalRoot:
        return LocalRoot(folder / "roots", self.word)

    def open_wrongly(self, folder: Path) -> LocalRoot:
        return LocalRoot(folder / "roots", "wrong" if self.word else "one where there is none")

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


class TestPlainLocalRoot(TestLocalRoot):
    word = None


def test_epochs_without_their_root_key_are_said_and_no_other_is_made(tmp_path: Path) -> None:
    LocalRoot(tmp_path / "roots").make(1)
    (tmp_path / "roots" / "root.json").unlink()
    with pytest.raises(Misconfigured, match="no root key"):
        LocalRoot(tmp_path / "roots")


def test_a_root_that_others_can_read_is_refused(tmp_path: Path) -> None:
    LocalRoot(tmp_path / "roots")
    (tmp_path / "roots").chmod(0o755)
    with pytest.raises(Misconfigured, match="read by other users"):
        LocalRoot(tmp_path / "roots")


def test_what_a_copy_of_a_local_root_is_worth(tmp_path: Path) -> None:
    """The docs say so: with a copy of the folder, made before, a destroyed epoch still opens."""
    import shutil

    root = LocalRoot(tmp_path / "roots", "word")
    root.make(1)
    key = root.open(1)
    shutil.copytree(tmp_path / "roots", tmp_path / "copy")
    root.destroy(1)
    assert root.copyable
    assert LocalRoot(tmp_path / "copy", "word").open(1) == key
    with pytest.raises(KeystoreLocked):
        LocalRoot(tmp_path / "copy", "other")
