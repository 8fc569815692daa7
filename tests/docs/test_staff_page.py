"""An operator who decides about staff as the page says sees what the page shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.test_approvals_page import make_installation
from tests.docs.test_tutorial import ROOT, prints_what_is_shown


@pytest.mark.slow
@pytest.mark.soak
def test_every_command_about_staff_prints_what_is_shown(tmp_path: Path) -> None:
    make_installation(tmp_path)
    prints_what_is_shown(ROOT / "docs/howto/staff.md", tmp_path, {}, at_least=24)
