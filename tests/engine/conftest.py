from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.household import Household, build, copy


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """Built once; never changed."""
    return build(tmp_path_factory.mktemp("household") / "home")


@pytest.fixture
def home(template: Household, tmp_path: Path) -> Household:
    """A fresh installation for one story."""
    return copy(template, tmp_path / "home")
