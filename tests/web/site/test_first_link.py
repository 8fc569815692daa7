"""The first administrator's link: told once at the start, in the place of an earlier one, and in no memory that strangers come near."""

from __future__ import annotations

import json
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
from tests.web.site.kit import free_port, section, site
from tests.web.site.office import Employee, at_the_machine

_LINK = re.compile(r"http://localhost:\d+/staff/enrol/#(expunge-staff-[\w-]{43})\n")


def _memory_of(pid: int) -> bytes:
    """What a process has in memory, as far as it may be read."""
    found = []
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            start, end = (int(each, 16) for each in span.split("-"))
            if "rw" in rights and "[v" not in line:
                memory.seek(start)
                try:
                    found.append(memory.read(end - start))
                except OSError:
                    continue
    return b"".join(found)


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_link_is_told_at_each_start_until_a_person_came_and_no_server_process_holds_it(tmp_path: Path) -> None:
    with site(tmp_path) as served:
        assert served.served.process.stdout
        link = json.loads(served.served.process.stdout.readline())["link"]
        secret = link.rpartition("#")[2].encode()
        server = served.served.process.pid
        named = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in _children(server)}
        workers = [pid for pid, words in named.items() if b"keeper" not in words]
        assert len(workers) == 1
        assert b"Acme Doorbells" in _memory_of(workers[0]), "its memory can be read"
        assert [pid for pid in (server, *workers) if secret in _memory_of(pid)] == []
        newer = at_the_machine(tmp_path, "staff", "first-link", "--json").json["link"]
        person = Employee(served)
        assert "a newer one took its place" in person.enrol(link)["trouble"]
        assert "to" in person.enrol(newer)
        assert served.served.stderr() == ""


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
