"""The invariants, whatever happens in whatever order: over simulated stores that lie, refuse and lose replies, and over real local ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from expunge.stores import REGISTRY
from tests.estate.machine import Machine, bounded
from tests.estate.simulated import Simulated
from tests.estate.worlds import LocalWorld, SimulatedWorld


@pytest.fixture(scope="module", autouse=True)
def _worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    REGISTRY["simulated"] = Simulated
    for machine, kind in ((OverSimulatedStores, SimulatedWorld), (OverRealStores, LocalWorld)):
        machine.template = kind(tmp_path_factory.mktemp("template") / "home")
        machine.template.build()
    yield
    del REGISTRY["simulated"]


class OverSimulatedStores(Machine):
    """A desk and a shelf, in any mood."""


class OverRealStores(Machine):
    """SQLite, files and a Parquet lake; their moods stay good."""


TestOverSimulatedStores = OverSimulatedStores.TestCase
TestOverSimulatedStores.settings = bounded(4, 50, steps=20)
TestOverRealStores = OverRealStores.TestCase
TestOverRealStores.settings = bounded(2, 20)
