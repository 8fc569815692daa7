"""The regulator's story, told with tones: every claim holds, and what the drafts point to verifies."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from expunge.core.verification import receipt_verify
from expunge.demo.company.narration import Narrator
from expunge.demo.story import regulator
from expunge.demo.voices.speech import Tones

pytestmark = [pytest.mark.slow, pytest.mark.soak]


@pytest.mark.duty("AMZ-08", "RNG-02", "RNG-03", "RNG-04", "RNG-06", "DSG-07")
def test_both_orders_end_in_drafts_whose_numbers_can_be_checked(tmp_path: Path) -> None:
    out = io.StringIO()
    stage = regulator.tell(tmp_path / "demo", speech=Tones(), narrator=Narrator(Console(file=out, width=300)))
    assert stage.failures == []
    assert "✗" not in out.getvalue()
    folders = sorted((tmp_path / "demo" / "statements").iterdir())
    assert [each.name for each in folders] == ["camera-order", "voice-assistant-order"]
    for folder in folders:
        page = (folder / "statement.html").read_text("utf-8")
        assert all((folder / href).is_file() for href in re.findall(r'href="([^"]+)"', page))
        for receipt in (folder / "receipts").iterdir() if (folder / "receipts").is_dir() else ():
            files = {path.name: path.read_bytes() for path in receipt.iterdir()}
            receipt_verify.verify(files, files["trust-policy.txt"], at=None)
    assert "4 items of clips destroyed" in re.sub(r"<[^>]+>", "", (folders[0] / "statement.html").read_text("utf-8"))
