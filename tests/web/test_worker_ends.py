"""A worker that ends by itself, whatever it says on the way, is begun anew; one that cannot begin at the start ends the server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.web.inside import infested, listening
from tests.web.serving import Served, company
from tests.web.site.kit import free_port, section

ENDS = "    said = json.load(open({said!r}))\n    acts.tell(TO, acts.os.getpid())\n    acts.os._exit(said)"


def answers(served: Served, within: float = 30.0) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until and served.process.poll() is None:
        try:
            if served.get("healthz").status == 200:
                return True
        except OSError:
            pass
        time.sleep(0.2)
    return False


@pytest.mark.soak
def test_a_worker_that_says_that_it_could_not_begin_ends_no_server(tmp_path: Path) -> None:
    """Codes 3 and 4 mean to gunicorn that no worker can begin: code in a worker could end the server by them."""
    token = company(tmp_path)
    with listening() as inside:
        inside.plant(ENDS.format(said=str(inside.folder / "said")))
        with infested(tmp_path, token, inside) as served:
            pid = int(inside.heard(3))
            # The next worker of the planted code would end as well.
            (inside.folder / "go").unlink()
            assert answers(served), served.stderr()
            assert served.process.poll() is None
            assert not Path(f"/proc/{pid}").exists()
            assert "the web process ended by itself" in served.stderr()


def test_a_worker_that_cannot_begin_at_the_start_ends_the_server_with_its_reason(tmp_path: Path) -> None:
    company(tmp_path)
    path = tmp_path / "expunge.yaml"
    path.write_text(path.read_text() + section("http://localhost:1", 1, f"postgresql://u@127.0.0.1:{free_port()}/x"))
    command = [sys.executable, "-m", "expunge", "serve", "--json", "--port", "0"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, env={**os.environ})
    assert ran.returncode == 3, ran.stderr
    assert "refused" in ran.stderr
