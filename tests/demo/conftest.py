"""One company for the whole area: tones instead of voices, on servers of its own, built once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from expunge.demo.company import services
from expunge.demo.company.build import build_company
from expunge.demo.company.world import World
from expunge.demo.voices.speech import Tones


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Running; read only: tests that change something build another one beside it."""
    folder: Path = tmp_path_factory.mktemp("a company")
    with services.running(folder / "servers", folder / "world") as running:
        yield build_company(folder, running, 7, Tones())
