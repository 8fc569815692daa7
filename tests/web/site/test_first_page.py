from __future__ import annotations

import os
import urllib.request
from pathlib import Path

from tests.web.site.kit import SiteServed, site


def test_pages_are_served_beside_the_api(served_site: SiteServed) -> None:
    with urllib.request.urlopen(f"{served_site.origin}/", timeout=20) as page:
        assert page.status == 200
        assert "'self'" in page.headers["Content-Security-Policy"]
    assert served_site.served.get("healthz").status == 200
    with urllib.request.urlopen(f"{served_site.origin}/account/login/", timeout=20) as page:
        assert b"password" in page.read()


def test_the_worker_has_no_terminal_and_the_server_no_socket_to_command_it(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with site(tmp_path, XDG_RUNTIME_DIR=str(tmp_path / "run"), HOME=str(tmp_path)) as served:
        arbiter = served.served.process.pid
        children = Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text().split()
        workers = [each for each in children if b"keeper" not in Path(f"/proc/{each}/cmdline").read_bytes()]
        assert len(workers) == 1
        facts = dict(line.split(":", 1) for line in Path(f"/proc/{workers[0]}/status").read_text().splitlines())
        assert os.getsid(int(workers[0])) == int(workers[0]), "a session of its own, without the terminal of the operator"
        assert Path(f"/proc/{workers[0]}/fd/0").readlink() == Path(os.devnull)
        assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == 0
        assert list(tmp_path.rglob("*.ctl")) == []
