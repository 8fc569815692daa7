"""A company whose own app offers its customers what the pages offer: its server's token, its signed statements, and a client by hand."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expunge import clock
from tests.engine.accounts.company import Company
from tests.web.serving import Answer, ask, issue
from tests.web.site.family_company import enrich
from tests.web.site.kit import SiteServed, site

ALL = "read stop delete receipts"
PURPOSES = """\
purposes:
  training:
    description: make the recogniser understand children better
    needs: consent
    use: training
    datasets: [voiceprints]
    text: training
texts:
  training:
    - {version: 1, file: training.md}
"""


def statement(company: Company, *subjects: str, role: str = "guardian", **claims: Any) -> str:
    """A statement for these people, made just now by a customer who has just authenticated. A claim that is None is left out."""
    now = claims.pop("now", clock.timestamp())
    further = {"sid": "session-1", "auth_time": int(now), "scope": ALL, **claims}
    header = {"typ": "onbehalf+jwt", **further.pop("header", {})}
    told = [(subject, role) for subject in subjects or ("profile:p-mia",)]
    kid = further.pop("kid", "app-1")
    return company.token(now, *told, kid=kid, header=header, further=further)


def said(company: Company, subject: str = "profile:p-mia", **claims: Any) -> str:
    """An event of the assistant: the customer said to delete something. A claim that is None is left out."""
    now = claims.pop("now", clock.timestamp())
    further = {"families": None, "subject": subject, **claims}
    header = {"typ": "said+jwt", **further.pop("header", {})}
    return company.token(now, kid=further.pop("kid", "app-1"), header=header, further=further)


@dataclass
class App:
    """The server of the company's app."""

    site: SiteServed
    client: str
    """Its own token."""

    def ask(self, method: str, path: str, token: str = "", body: Any = None, **headers: str) -> Answer:
        """Send one request below ``/api/v1/app/``."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        if data is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.site.origin}/api/v1/app/{path}", data, sent, method=method)
        return ask(request)

    def statement(self, *subjects: str, **claims: Any) -> str:
        return statement(self.site.company, *subjects, **claims)

    def exchange(self, *subjects: str, scope: str = "", **claims: Any) -> Answer:
        body = {"statement": self.statement(*subjects, **claims), "scope": scope}
        return self.ask("POST", "token", self.client, body)

    def customer(self, *subjects: str, **claims: Any) -> Customer:
        """A customer who is logged in at the app."""
        answer = self.exchange(*subjects, **claims)
        assert answer.status == 200, answer.body
        return Customer(self, answer.json["access_token"], answer.json["families"])


@dataclass
class Customer:
    """A customer of the app, for whom its server has an access token."""

    app: App
    token: str
    families: list[str]

    def ask(self, method: str, path: str = "", body: Any = None, **headers: str) -> Answer:
        """Send one request about the first family."""
        return self.app.ask(method, f"families/{self.families[0]}/{path}", self.token, body, **headers)

    def delete(self, key: str = "") -> Answer:
        return self.ask("POST", "orders", Idempotency_Key=key or secrets.token_hex(16))


def with_purposes(folder: Path, further: str) -> None:
    """Give the company what families look at, and a purpose that rests on consent; ``further``: more of the map."""
    enrich(folder)
    (folder / "training.md").write_text("# We would like to use your voice for training\n\nYou can say no.\n")
    path = folder / "expunge.yaml"
    path.write_text(path.read_text() + PURPOSES + further)


@contextlib.contextmanager
def app_site(folder: Path, section: str = "app: {}", further: str = "cooling_off: 1 days\n") -> Iterator[App]:
    """Serve such a company. By itself it waits for a day, so that no test erases anything."""
    with site(folder, "--access-log", folder / "access.log", enrich=lambda place: with_purposes(place, further), further=section) as served:
        app, until = App(served, issue(folder, "app", "families")), time.monotonic() + 60
        while app.exchange().status == 503:
            # The clerk begins beside the server.
            assert time.monotonic() < until
            time.sleep(0.1)
        yield app
