"""Clients without a token who take answers slowly, or send what nobody asked for: they hold up themselves alone."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.web.sending import place
from tests.web.serving import Served, company, serving

LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
ENDLESS = {
    "an answer that is the last": LAST,
    "no HTTP": b"walrus\r\n\r\n",
    "half a body without a token": b"POST /api/v1/lineage HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx",
    "half a stream without a token": b"POST /api/v1/lineage HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwal",
}


@pytest.mark.parametrize("sent", ENDLESS)
def test_clients_that_never_close_hold_up_nobody(served: Served, sent: str) -> None:
    """More of them than threads: each has its answer, and others are answered at once."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(place(served), timeout=20)) for _ in range(20)]
        for each in clients:
            each.sendall(ENDLESS[sent])
        begun = time.monotonic()
        assert [each.recv(9) for each in clients] == [b"HTTP/1.1 "] * 20
        assert served.get("healthz").status == 200
        assert time.monotonic() - begun < 3
        # Their connections end by themselves, and soon.
        for each in clients:
            while each.recv(65536):
                pass
    assert served.stderr() == ""


@pytest.mark.soak
def test_more_connections_than_files_end_no_request(tmp_path: Path) -> None:
    """Whoever opens as many as fit is not served beyond that; the process goes on, and so do others afterwards."""
    with serving(tmp_path, company(tmp_path)) as served, contextlib.ExitStack() as stack:
        assert served.get("healthz").status == 200
        before = workers(served)
        for _ in range(900):
            connection = stack.enter_context(socket.socket())
            connection.settimeout(0.05)
            with contextlib.suppress(OSError):
                connection.connect(place(served))
        time.sleep(2)
        stack.close()
        assert served.get("healthz").status == 200
        assert workers(served) == before


def workers(served: Served) -> str:
    return Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text()


@pytest.mark.soak
def test_a_broken_map_at_sighup_is_told_and_the_server_goes_on(tmp_path: Path) -> None:
    """The signal is there for certificates: it must not end the server because of the map of this moment."""
    with serving(tmp_path, company(tmp_path)) as served:
        assert served.get("healthz").status == 200
        path = tmp_path / "expunge.yaml"
        text = path.read_text()
        path.write_text("nonsense")
        os.kill(served.process.pid, signal.SIGHUP)
        until = time.monotonic() + 20
        while not served.stderr() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1)
        assert "the earlier ones stay in use" in served.stderr()
        assert served.get("healthz").status == 200
        before = workers(served)
        path.write_text(text)
        os.kill(served.process.pid, signal.SIGHUP)
        while workers(served) == before and time.monotonic() < until:
            time.sleep(0.05)
        assert workers(served) != before
        assert served.get("healthz").status == 200
