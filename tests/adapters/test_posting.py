"""What is posted names people or carries a token: it goes to the address that was named, encrypted or to this machine, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from expunge.adapters.asking.messages import HttpTextGateway
from expunge.adapters.outbound import posting
from expunge.adapters.outbound.courier_http import HttpCourier
from expunge.adapters.outbound.lineage_http import post as tell
from expunge.core.datamap.lineage_spec import Emission
from expunge.core.values.service_address import is_safe
from expunge.errors import Misconfigured, StoreUnavailable, Undelivered


@contextmanager
def elsewhere(status: int) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A service that sends everybody on to another address of its own; what came in, with the token of each."""
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            seen.append((f"{self.command} {self.path}", self.headers.get("Authorization")))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status if self.path == "/in" else 200)
            self.send_header("Location", "/stolen")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET = answer  # noqa: N815 - the base class calls them so

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/in", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_followed_to_another_address(status: int) -> None:
    with elsewhere(status) as (url, seen):
        with pytest.raises(StoreUnavailable, match=str(status)):
            HttpTextGateway(url, "key").send("+14155550100", "text")
        with pytest.raises(StoreUnavailable, match=str(status)):
            tell(Emission(url, "key"), b"{}")
        with pytest.raises(Undelivered, match=str(status)):
            HttpCourier().deliver(url, b"{}")
    assert seen == [("POST /in", "Bearer key"), ("POST /in", "Bearer key"), ("POST /in", None)]


@pytest.mark.parametrize(
    "url",
    [
        "http://sms.example/",
        "http://localhost:80@sms.example/",
        "http://127.0.0.1:80@sms.example/",
        "http://localhost.example/",
        "ftp://127.0.0.1/",
        "http://127.0.0.1:port/",
        "",
    ],
)
def test_an_address_that_only_looks_like_this_machine_gets_nothing(url: str) -> None:
    assert not is_safe(url)
    with pytest.raises(posting.UnsafeAddress):
        posting.post(url, b"{}")
    with pytest.raises(Misconfigured, match="without encryption"):
        HttpTextGateway(url, "key").send("+14155550100", "text")
