from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.household import ANNA, Erased, Household, build, copy


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """Built once; never changed."""
    return build(tmp_path_factory.mktemp("household") / "home")


@pytest.fixture
def home(template: Household, tmp_path: Path) -> Household:
    """A fresh installation for one story."""
    return copy(template, tmp_path / "home")


@pytest.fixture(scope="session")
def erased_template(template: Household, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    """Erased once; never changed."""
    home = copy(template, tmp_path_factory.mktemp("erased") / "home")
    return Erased(home, home.erase(f"profile:{ANNA}"))


@pytest.fixture
def erased(erased_template: Erased, tmp_path: Path, request: pytest.FixtureRequest) -> Erased:
    """An installation for one story that begins after ANNA's order was fulfilled.

    Not for a test with the mark ``duty``: a guard of a duty is taken out while such a test runs, and the order has run before.
    """
    assert request.node.get_closest_marker("duty") is None
    return Erased(copy(erased_template.home, tmp_path / "home"), erased_template.run)
