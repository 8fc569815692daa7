"""One household with models, built once and copied for each story."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import household
from tests.models import nursery
from tests.models.nursery import Nursery

pytest.importorskip("sklearn")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Nursery:
    return nursery.build(tmp_path_factory.mktemp("nursery") / "home")


@pytest.fixture
def home(built: Nursery, tmp_path: Path) -> Nursery:
    return Nursery(household.copy(built, tmp_path / "home").folder)
