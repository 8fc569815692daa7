from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vault.doorbells import Doorbells, build, copy
from tests.vault.kept_home import KeptHome, build_kept, copy_kept


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Doorbells:
    """Built once; never changed."""
    return build(tmp_path_factory.mktemp("doorbells") / "home")


@pytest.fixture
def home(empty_home: Doorbells, tmp_path: Path) -> Doorbells:
    """A fresh installation for one story."""
    return copy(empty_home, tmp_path / "home")


@pytest.fixture(scope="session")
def empty_kept(tmp_path_factory: pytest.TempPathFactory) -> KeptHome:
    """Built once; never changed."""
    return build_kept(tmp_path_factory.mktemp("kept") / "home")


@pytest.fixture
def kept(empty_kept: KeptHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptHome]:
    """A fresh installation for one story, whose keeper has not been started, and a process without the passphrase."""
    monkeypatch.delenv("EXPUNGE_PASSPHRASE", raising=False)
    home = copy_kept(empty_kept, tmp_path / "home")
    yield home
    home.end()
