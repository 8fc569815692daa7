from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.keeper.kept import Kept


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A keystore whose keeper has not been started."""
    state = tmp_path / "state"
    state.mkdir()
    kept = Kept.make(state)
    yield kept
    kept.end()
