"""An app that asks for more at once than is worked on is told so, as a problem; another customer is served meanwhile."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from urllib.parse import urlsplit

from tests.web.app.company_app import App


def test_more_than_one_tokens_part_is_turned_away_with_a_problem(app: App) -> None:
    customer = app.customer("profile:p-tom")
    assert customer.ask("GET", "orders").status == 200
    url = urlsplit(app.site.origin)
    head = [
        "POST /api/v1/app/token HTTP/1.1",
        f"Host: {url.netloc}",
        f"Authorization: Bearer {app.client}",
        "Content-Type: application/json",
        "Content-Length: 2000",
    ]
    sent = ("\r\n".join([*head, "", ""]) + "{").encode()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection((url.hostname or "", url.port or 0), timeout=30)) for _ in range(20)]
        for client in clients:
            client.sendall(sent)
        time.sleep(1)
        begun = time.monotonic()
        assert customer.ask("GET", "orders").status == 200
        assert time.monotonic() - begun < 6
        turned_away: list[str] = []
        until = time.monotonic() + 25
        while len(turned_away) < 4 and time.monotonic() < until:
            for client in clients:
                # Why sent: a body of which nothing more comes is given up, and its thread is free.
                with contextlib.suppress(OSError):
                    client.send(b" ")
            for client in select.select(clients, [], [], 1.0)[0]:
                clients.remove(client)
                with contextlib.suppress(OSError), client.makefile("rb") as file:
                    turned_away += [answer for answer in [file.read().decode()] if answer.startswith("HTTP/1.1 503 ")]
    assert len(turned_away) >= 4
    for each in turned_away:
        assert "Content-Type: application/problem+json" in each
        assert "Retry-After: 10" in each
        problem = json.loads(each.partition("\r\n\r\n")[2])
        assert problem["type"] == "urn:expunge:problem:too-many-at-once"
        assert problem.keys() == {"type", "title", "status", "detail", "where", "help"}
