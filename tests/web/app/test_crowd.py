"""An app that asks for more at once than is worked on is told so, as a problem; another customer is served meanwhile."""

from __future__ import annotations

import contextlib
import json
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
        answers = []
        for client in clients:
            with contextlib.suppress(OSError), client.makefile("rb") as file:
                answers.append(file.read().decode())
    turned_away = [each for each in answers if each.startswith("HTTP/1.1 503 ")]
    assert len(turned_away) >= 4
    for each in turned_away:
        assert "Content-Type: application/problem+json" in each
        assert "Retry-After: 10" in each
        problem = json.loads(each.partition("\r\n\r\n")[2])
        assert problem["type"] == "urn:expunge:problem:too-many-at-once"
        assert problem.keys() == {"type", "title", "status", "detail", "where", "help"}
