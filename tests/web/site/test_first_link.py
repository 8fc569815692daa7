"""The first administrator's link: told on a terminal at each start, in the place of an earlier one, and never into a file."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import expunge
from tests.web.serving import company
from tests.web.site.kit import free_port, section

_LINK = re.compile(r"http://localhost:\d+/staff/enrol/#(expunge-staff-[\w-]{43})\n")


@pytest.mark.slow
@pytest.mark.soak
def test_a_server_tells_the_link_on_a_terminal_and_never_into_a_file(tmp_path: Path) -> None:
    company(tmp_path)
    origin = f"http://localhost:{free_port()}"
    (tmp_path / "expunge.yaml").write_text((tmp_path / "expunge.yaml").read_text() + section(origin, 1))
    first, said = _started(tmp_path, on_terminal=True)
    found = _LINK.search(first)
    assert found, first
    assert "The first administrator opens this once" in " ".join(first.split())
    _, said = _started(tmp_path, on_terminal=False)
    assert "run `expunge staff first-link`" in said
    assert "expunge-staff-" not in said
    again, _ = _started(tmp_path, on_terminal=True)
    other = _LINK.search(again)
    assert other
    assert other[1] != found[1]
    assert expunge("staff", "list", "--json", cwd=tmp_path).json["accounts"][0]["standing"] == "expired"


def _started(folder: Path, *, on_terminal: bool) -> tuple[str, str]:
    """Start a server, wait until it said whatever it says of staff, and end it; what was on its terminal, and in the file."""
    ours, other = pty.openpty()
    said = folder / "said"
    with said.open("w") as file:
        command = [sys.executable, "-m", "expunge", "serve", "--port", "0"]
        errors = other if on_terminal else file
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)
    os.close(other)
    shown, until = b"", time.monotonic() + 60
    try:
        while b"within 72 hours:" not in shown and b"first-link`" not in said.read_bytes() and time.monotonic() < until:
            if select.select([ours], [], [], 0.2)[0] and on_terminal:
                shown += os.read(ours, 4096)
        while on_terminal and select.select([ours], [], [], 0.5)[0]:
            shown += os.read(ours, 4096)
    finally:
        process.terminate()
        process.wait(30)
        os.close(ours)
    return shown.decode().replace("\r\n", "\n"), said.read_text()
