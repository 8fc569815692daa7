"""The worker closes itself: the state folder is shut wherever it lies, a renewal makes another closed worker, and gaps are told."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from expunge.adapters.host import landlock, seccomp
from expunge.bootstrap.open_state import read_installed
from expunge.bootstrap.serving import closed_worker
from expunge.testing.forked import in_child
from tests.fresh_process import in_fresh_process
from tests.web.inside import needs_landlock
from tests.web.serving import company, issue, serving


@needs_landlock
@in_fresh_process
def test_the_state_is_shut_also_below_a_folder_that_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a folder of modules in which the state lies, all else stays readable. The working folder is none of them."""
    company(tmp_path)
    data_map = read_installed(tmp_path / "expunge.yaml")
    modules = tmp_path / "modules"
    (modules / "deep" / "state").mkdir(parents=True)
    for name in ("module.py", "deep/module.py", "deep/state/state.db"):
        (modules / name).write_text("x = 1")
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(modules), str(tmp_path)])
    monkeypatch.chdir(tmp_path)

    def reads() -> dict[str, str]:
        closed_worker.close(replace(data_map, state=str(modules / "deep" / "state")), write=[own])
        told = {}
        for name in ("module.py", "deep/module.py", "deep/state/state.db", "../expunge.yaml", "../world/app.db"):
            try:
                (modules / name).read_bytes()
                told[name] = "done"
            except PermissionError:
                told[name] = "refused"
        (own / "database").write_text("an application's own")
        return told

    told = in_child(reads).returned()
    assert told == {
        "module.py": "done",
        "deep/module.py": "done",
        "deep/state/state.db": "refused",
        "../expunge.yaml": "refused",
        "../world/app.db": "refused",
    }
    assert (own / "database").exists()


@pytest.mark.soak
def test_a_map_that_was_replaced_counts_after_sighup(tmp_path: Path) -> None:
    """The new worker reads the new file before it closes itself; the process above it is not closed."""
    company(tmp_path)
    asking = issue(tmp_path, "app", scope="collect")
    path = tmp_path / "expunge.yaml"
    with serving(tmp_path, asking) as served:
        for turn in range(2):
            name = f"transcripts_{turn}"
            assert served.get(f"api/v1/collect/{name}", asking).status == 403
            before = path.read_text()
            fresh = tmp_path / "fresh.yaml"
            fresh.write_text(before.replace("transcripts" if not turn else "transcripts_0", name))
            fresh.replace(path)
            os.kill(served.process.pid, signal.SIGHUP)
            until = time.monotonic() + 60
            while served.get(f"api/v1/collect/{name}", asking).status != 200 and time.monotonic() < until:
                time.sleep(0.1)
            assert served.get(f"api/v1/collect/{name}", asking).status == 200
        assert served.get("healthz").status == 200
        assert served.stderr() == ""


def test_what_a_kernel_cannot_shut_is_told_in_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "known", lambda: True)
    known = [landlock.version()]
    monkeypatch.setattr(landlock, "version", lambda: known[0])
    told = {}
    for version in (0, 1, 2, 3, 4, 5, 6, 7):
        known[0] = version
        told[version] = len(closed_worker.gaps())
    assert told == {0: 1, 1: 3, 2: 3, 3: 2, 4: 1, 5: 1, 6: 0, 7: 0}
    monkeypatch.setattr(seccomp, "known", lambda: False)
    assert "every system call" in closed_worker.gaps()[-1]
