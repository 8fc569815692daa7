from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.families.recorded_company import Company
from tests.engine.review.desk_company import DeskCompany, at_desk, copied, made


@pytest.fixture(scope="session")
def desk_template(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Built once; never changed."""
    return made(tmp_path_factory.mktemp("desk") / "home")


@pytest.fixture
def desk_home(desk_template: Company, tmp_path: Path) -> Company:
    """A fresh installation for one story."""
    return copied(desk_template, tmp_path / "home")


@pytest.fixture
def office(desk_home: Company) -> Iterator[DeskCompany]:
    """Its desk."""
    with at_desk(desk_home) as office:
        yield office
