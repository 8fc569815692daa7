from __future__ import annotations

from pathlib import Path

import pytest

from tests.vault.doorbells import Doorbells, build, copy


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Doorbells:
    """Built once; never changed."""
    return build(tmp_path_factory.mktemp("doorbells") / "home")


@pytest.fixture
def home(empty_home: Doorbells, tmp_path: Path) -> Doorbells:
    """A fresh installation for one story."""
    return copy(empty_home, tmp_path / "home")
