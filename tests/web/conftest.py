from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vault.doorbells import Doorbells, build, copy
from tests.web.serving import Served, company, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests of a module."""
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, company(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Doorbells:
    """A company with a vault: built once, never changed."""
    return build(tmp_path_factory.mktemp("doorbells") / "home")


@pytest.fixture
def home(empty_home: Doorbells, tmp_path: Path) -> Doorbells:
    """A fresh one for one story."""
    return copy(empty_home, tmp_path / "home")
