from __future__ import annotations

from pathlib import Path

import pytest

from tests.orders.camera import Home, build


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A camera company, and nothing entered yet."""
    return build(tmp_path)
