"""One company for the whole area: tones instead of voices, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.demo.company import build_company
from expunge.demo.speech import Tones
from expunge.demo.world import World


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Read only: tests that change it copy it first."""
    folder: Path = tmp_path_factory.mktemp("company")
    return build_company(folder, 7, Tones())
