"""What providers say of themselves is fetched once, again after a while, and kept for a day where they do not answer."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from expunge.core.accounts.accounts_spec import ProviderAudience, ProviderSpec
from expunge.web.site.providers.protocol.discovery import AGAIN, FRESH, REST, STALE, Directory
from expunge.web.site.providers.protocol.problems import Problem, ProviderTrouble


@dataclass
class Small:
    """A provider that says what it is told to say."""

    address: str = ""
    told: dict[str, Any] = field(default_factory=dict)
    kid: str = "first"
    asked: int = 0
    away: bool = False
    slow: float = 0.0

    @property
    def spec(self) -> ProviderSpec:
        return ProviderSpec("small", "Small", self.address, "expunge", ProviderAudience.CUSTOMERS)

    def answer(self, path: str) -> tuple[int, Any]:
        time.sleep(self.slow)
        if self.away:
            return 503, {}
        if path == "/keys":
            return 200, {"keys": [RSAKey.generate_key(2048, {"kid": self.kid}).as_dict(private=False)]}
        self.asked += 1
        ends = {name: f"{self.address}/{name}" for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")}
        return 200, {"issuer": self.address, "jwks_uri": f"{self.address}/keys"} | ends | self.told


@pytest.fixture
def small() -> Iterator[Small]:
    provider = Small()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = provider.answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    provider.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def test_a_provider_is_asked_once_and_again_after_a_while(small: Small) -> None:
    now = [0.0]
    directory = Directory(lambda: now[0])
    for at, asked in ((0.0, 1), (FRESH - 1, 1), (FRESH, 2), (FRESH + 1, 2)):
        now[0] = at
        assert directory.provider(small.spec).configuration["issuer"] == small.address
        assert small.asked == asked, at


def test_a_key_that_is_not_known_is_looked_for_though_not_at_every_token(small: Small) -> None:
    now = [0.0]
    directory = Directory(lambda: now[0])
    directory.provider(small.spec)
    small.kid = "second"
    now[0] = AGAIN - 1
    assert [key.key_id for key in directory.again(small.spec).keys] == ["first"]
    now[0] = AGAIN
    assert [key.key_id for key in directory.again(small.spec).keys] == ["second"]


def test_a_provider_that_is_away_counts_for_a_day_by_what_it_said(small: Small) -> None:
    now = [0.0]
    directory = Directory(lambda: now[0])
    small.away = True
    with pytest.raises(ProviderTrouble) as first:
        directory.provider(small.spec)
    assert first.value.problem is Problem.AWAY
    small.away = False
    with pytest.raises(ProviderTrouble):
        directory.provider(small.spec)
    now[0] = REST + 1
    known = directory.provider(small.spec)
    small.away = True
    now[0] += STALE
    assert directory.provider(small.spec) is known
    now[0] += REST + 1
    with pytest.raises(ProviderTrouble):
        directory.provider(small.spec)


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"issuer": "https://other.example"}, "issuer"),
        ({"token_endpoint": "http://other.example/token"}, "token_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({"jwks_uri": None}, "jwks_uri"),
        ({"userinfo_endpoint": "http://other.example/"}, "userinfo_endpoint"),
        ({"code_challenge_methods_supported": ["plain"]}, "code_challenge_methods_supported"),
    ],
    ids=range(6),
)
def test_what_cannot_be_trusted_is_not_used(small: Small, told: dict[str, Any], what: str) -> None:
    small.told = told
    with pytest.raises(ProviderTrouble) as raised:
        Directory().provider(small.spec)
    assert (raised.value.problem, raised.value.detail) == (Problem.UNTRUSTED, what)


def test_many_who_ask_a_slow_provider_wait_together(small: Small) -> None:
    small.slow = 20
    directory = Directory()
    began = time.monotonic()

    def ask() -> None:
        with contextlib.suppress(ProviderTrouble):
            directory.provider(small.spec)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: ask(), range(16)))
    assert time.monotonic() - began < 8
