"""A company for tests: its provider in a process of its own, and what a person does at its pages."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from tests.web.certificates import Made
from tests.web.site.kit import free_port

PASSWORD = "a password of the company"
SECRET = "the secret that the company gave us"
CLIENT = "expunge"
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_FIELD = re.compile(r"<input\b([^>]*)>", re.DOTALL)
_VALUE = re.compile(r'([\w-]+)\s*=\s*"([^"]*)"')


@dataclass(frozen=True)
class Person:
    """A person whom a company knows."""

    name: str
    email: str
    proven: bool = True
    """Whether the company says that the address is proven."""


@dataclass
class Company:
    """A provider that runs."""

    id: str
    name: str
    folder: Path
    port: int
    tls: Made | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def issuer(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def entry(self, audience: str = "customers", alias: str = "", *, public: bool = False) -> str:
        """The line of the map."""
        secret = "" if public else f", secret_file: {self.folder / 'client.secret'}"
        named = f", alias: {alias}" if alias else ""
        return f"{{id: {self.id}, name: {self.name}, issuer: '{self.issuer}', client_id: {CLIENT}, for: {audience}{secret}{named}}}"

    def start(self) -> None:
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.web.site.companies.provider_process", str(self.folder)],
                cwd=Path(__file__).parents[4],
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + 60
        while not ready.exists():
            assert self.process.poll() is None, (self.folder / "log.txt").read_text()[-3000:]
            assert time.monotonic() < until, "the company's provider does not begin"
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    @contextlib.contextmanager
    def behaving(self, **conduct: Any) -> Iterator[None]:
        """Behave as ``provider_process`` describes, until the block ends."""
        file = self.folder / "conduct.json"
        file.write_text(json.dumps(conduct))
        try:
            yield
        finally:
            file.unlink()

    def asked(self) -> list[str]:
        """What it was asked so far: method and path, one after the other."""
        file = self.folder / "asked.txt"
        return file.read_text().splitlines() if file.exists() else []


@contextlib.contextmanager
def running(
    folder: Path,
    identity: str,
    name: str,
    people: Sequence[Person],
    origin: str,
    *,
    public: bool = False,
    tls: Made | None = None,
    back: str = "account",
) -> Iterator[Company]:
    """Run a company's provider that knows these people, and the pages at an origin."""
    folder.mkdir()
    company = Company(identity, name, folder, free_port(), tls)
    secret = folder / "client.secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    client = {"id": CLIENT, "redirects": [f"{origin}/{back}/by/{identity}/back/"]} | ({} if public else {"secret": SECRET})
    known = [
        {"name": each.name, "password": PASSWORD, "family": each.name.title(), "email": each.email, "proven": each.proven}
        for each in people
    ]
    (folder / "company.json").write_text(
        json.dumps(
            {
                "port": company.port,
                "name": name,
                "people": known,
                "clients": [client],
                "tls": [str(tls.files.certificate), str(tls.files.key)] if tls else None,
            }
        )
    )
    company.start()
    try:
        yield company
    finally:
        company.stop()


@dataclass
class AtCompany:
    """A browser at a company's pages; its cookies are the company's alone."""

    company: Company
    cookies: dict[str, str] = field(default_factory=dict)

    def log_in(self, there: str, name: str, password: str = PASSWORD) -> str:
        """Log in where the pages led to; returns the address that the company leads back to, which is not asked."""
        address, text = self._ask("GET", there)
        for _ in range(6):
            if not address.startswith(self.company.issuer):
                return address
            action, held = _form(address, text)
            if "login" in held:
                held["login"] = name
            elif "password" in held:
                held["password"] = password
            address, text = self._ask("POST", action, held)
        raise AssertionError(f"the company does not lead back: {address} {text[:2000]}")

    def _ask(self, method: str, url: str, fields: dict[str, str] | None = None) -> tuple[str, str]:
        for _ in range(10):
            parts = urlsplit(url)
            if not url.startswith(f"{self.company.issuer}/"):
                return url, ""
            connection: http.client.HTTPConnection
            if (tls := self.company.tls) is not None:
                context = ssl.create_default_context(cafile=str(tls.files.certificate))
                connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=30, context=context)
            else:
                connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
            body = urlencode(fields) if fields is not None else None
            if body is not None:
                headers |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": url}
            try:
                connection.request(method, f"{parts.path}?{parts.query}", body, headers)
                answer = connection.getresponse()
                text = answer.read().decode()
            finally:
                connection.close()
            for line in answer.headers.get_all("Set-Cookie", []):
                self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
            if answer.status not in {301, 302, 303, 307}:
                return url, text
            method, url, fields = "GET", urljoin(url, answer.headers["Location"]), None
        raise AssertionError(f"led round in circles: {url}")


def _form(address: str, text: str) -> tuple[str, dict[str, str]]:
    for attributes, body in _FORM.findall(text):
        fields = [dict(_VALUE.findall(each)) for each in _FIELD.findall(body)]
        held = {each["name"]: unescape(each.get("value", "")) for each in fields if "name" in each}
        if held.keys() & {"login", "password"}:
            return urljoin(address, unescape(dict(_VALUE.findall(attributes)).get("action", ""))) or address, held
    raise AssertionError(f"no form at {address}: {text[:3000]}")
