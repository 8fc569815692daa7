"""Code in the real web process makes no call of the system that a server of pages does not need. Controls make the same calls outside."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from expunge.adapters.host import seccomp
from tests.web.acts import DONE
from tests.web.inside import infested, listening, outside
from tests.web.serving import company
from tests.web.site.kit import mail_server, section

TELLS = "    said = json.load(open({said!r}))\n    acts.tell(TO, acts.on_calls(said))"
NOT_HERE = {"raw", "bpf", "userfaultfd", "io_uring", "performance", "unshare", "mount", "keys"}
"""Calls that a container, or the kernel to an ordinary user, may refuse anyhow, so that a control shows nothing."""

pytestmark = pytest.mark.skipif(not seccomp.known(), reason="this machine's calls cannot be filtered")


@pytest.mark.parametrize("server", [pytest.param("127.0.0.1", marks=pytest.mark.soak), "mail.example"], ids=["address", "name"])
def test_the_worker_makes_no_call_that_it_does_not_need(tmp_path: Path, server: str) -> None:
    token = company(tmp_path)
    path = tmp_path / "expunge.yaml"
    with mail_server() as (sink, _), listening() as inside, socket.create_server(("127.0.0.1", 0)) as elsewhere:
        path.write_text(path.read_text() + section("http://localhost:1", sink.port).replace("127.0.0.1", server))
        inside.plant(TELLS.format(said=str(inside.folder / "said")))
        said = {"port": elsewhere.getsockname()[1], "mail": sink.port, "own": str(inside.folder / "said")}
        with infested(tmp_path, token, inside) as served:
            told = json.loads(inside.heard(said))
            assert served.get("readyz").status in {200, 503}
            assert ("datagrams" in served.stderr()) == (server == "mail.example")
        control = outside(said, "calls")["calls"]
    needed = {"local socket", "mail server", "thread"} | ({"datagram"} if server == "mail.example" else set())
    assert {act for act, came in told.items() if came == DONE} == needed
    assert {act: came for act, came in told.items() if act not in needed and not came.startswith("PermissionError")} == {}
    assert {act for act, came in control.items() if came.startswith("PermissionError")} <= NOT_HERE
    assert control["multipath"] == control["fast open"] == control["datagram"] == control["another's memory"] == control["fork"] == DONE
