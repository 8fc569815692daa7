"""Code in the worker rewrites no line of the access log: another process has the file."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from tests.moment import beside
from tests.web.inside import listening, needs_landlock
from tests.web.serving import Served, company, serving

TELLS = "    said = json.load(open({said!r}))\n    acts.tell(TO, acts.on_log(said))"


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def asked(served: Served, path: Path, count: int) -> None:
    """Ask the server until the log has so many lines."""
    until = time.monotonic() + 30
    while len(lines(path)) < count:
        assert time.monotonic() < until
        assert served.get("healthz").status == 200
        time.sleep(0.05)


@needs_landlock
def test_code_in_the_worker_changes_no_line(tmp_path: Path) -> None:
    token, path = company(tmp_path), tmp_path / "access.log"
    with listening() as inside:
        inside.plant(TELLS.format(said=str(inside.folder / "said")))
        with serving(tmp_path, token, "--access-log", path, PYTHONPATH=beside(inside.folder)) as served:
            asked(served, path, 3)
            before = lines(path)
            told = json.loads(inside.heard({"log": str(path)}))
            asked(served, path, len(before) + 3)
            assert lines(path)[: len(before)] == before
    assert told.pop("descriptors") == []
    assert {came.partition(":")[0] for came in told.values()} == {"PermissionError"}


def test_the_writer_is_started_again_and_ends_with_the_server(tmp_path: Path) -> None:
    token, path = company(tmp_path), tmp_path / "access.log"
    with serving(tmp_path, token, "--access-log", path) as served:
        asked(served, path, 2)
        writers = [pid for pid in children(served.process.pid) if holds(pid, path)]
        assert len(writers) == 1
        os.kill(writers[0], signal.SIGTERM)
        asked(served, path, len(lines(path)) + 2)
        assert holds(writers[0], path), "it ends with the server alone"
        os.kill(writers[0], signal.SIGKILL)
        asked(served, path, len(lines(path)) + 2)
        last = [pid for pid in children(served.process.pid) if holds(pid, path)]
        assert writers != last
    until = time.monotonic() + 10
    while holds(last[0], path):
        assert time.monotonic() < until
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def holds(pid: int, path: Path) -> bool:
    try:
        return str(path) in {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return False
