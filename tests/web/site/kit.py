"""A small company that serves pages for people: a real ``expunge serve`` with its keeper, and a mail server that keeps what it is sent."""

from __future__ import annotations

import contextlib
import email
import email.policy
import itertools
import re
import signal
import socket
import sqlite3
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from aiosmtpd.controller import Controller

from expunge.adapters.state.url import sqlite_url
from expunge.bootstrap.state_folder import DATABASE
from expunge.servers.postgres import PostgresServer
from tests.engine.accounts.company import ISSUER, Company
from tests.web.serving import Served, company, serving

_OF_THE_SERVER = ("django_migrations", "django_content_type", "auth_permission", "sqlite_sequence")
"""Tables of the accounts' database that the server fills when it begins."""
_OF_PEOPLE = ("account", "account_recovery", "code_device", "credential", "hand_over", "membership", "notice")
"""Tables of the keeper with rows about customers."""
LITTLE_MEMORY = "password_memory: 19 MiB"
"""The least that a map may say: a hash takes a sixth of the time of one with the default."""
BACK_IN = ("Your code to get back into Acme Doorbells", "Su código para volver a entrar en Acme Doorbells")
CODE = re.compile(r"^\s*([A-Z0-9]{3,4}-?[A-Z0-9]{3,4}(?:-?[A-Z0-9]{3})?)\s*$", re.MULTILINE)


@dataclass
class Sink:
    """Keeps the mail that it is sent."""

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refusing: bool = False
    """Whether it takes nothing for now."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refusing:
            return "451 not now"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append((list(envelope.rcpt_tos), message))
        return "250 kept"

    def to(self, address: str, count: int = 1, within: float = 20.0) -> list[EmailMessage]:
        """Wait until an address has had so many mails, and return them, oldest first."""
        until = time.monotonic() + within
        while True:
            found = [message for recipients, message in self.mails if address in recipients]
            if len(found) >= count:
                return found
            assert time.monotonic() < until, f"{len(found)} mails of {count}"
            time.sleep(0.05)

    def count(self, address: str) -> int:
        """How many mails an address has had."""
        return sum(address.lower() in [each.lower() for each in recipients] for recipients, _ in self.mails)

    def about(self, address: str, subject: str, within: float = 20.0) -> EmailMessage:
        """Wait until an address has had a mail of a subject, and return the newest."""
        until = time.monotonic() + within
        while True:
            found = [message for recipients, message in self.mails if address in recipients and message["Subject"] == subject]
            if found:
                return found[-1]
            assert time.monotonic() < until, self.subjects(address)
            time.sleep(0.05)

    def kept_code(self, address: str, before: int = 0) -> str:
        """The code in the newest letter of the keeper to an address about getting back in, once it had more than ``before`` of them."""
        until = time.monotonic() + 20
        while len(letters := [each for each in self.to(address) if each["Subject"] in BACK_IN]) <= before:
            assert time.monotonic() < until, self.subjects(address)
            time.sleep(0.02)
        body = letters[-1].get_body(("plain",))
        assert body is not None
        found = re.search(r"\b\d{8}\b", body.get_content())
        assert found is not None
        return found[0]

    def subjects(self, address: str) -> list[str]:
        """The subjects of the mails of an address, oldest first."""
        return [str(message["Subject"]) for recipients, message in self.mails if address in recipients]

    def code(self, address: str, count: int = 1) -> str:
        """The newest code in the mails of an address from the ``count``-th on, once it has come: others may come between."""
        until = time.monotonic() + 20
        while True:
            for message in reversed(self.to(address, count)[count - 1 :]):
                body = message.get_body(("plain",))
                assert body is not None
                if found := CODE.search(body.get_content()):
                    return found[1]
            assert time.monotonic() < until, "no mail with a code"
            time.sleep(0.05)


@dataclass
class SiteServed:
    """The running pages."""

    served: Served
    origin: str
    sink: Sink
    folder: Path
    controller: Controller
    company: Company
    """Signs hand-over tokens that these pages take."""

    @property
    def database(self) -> Path:
        return self.folder / ".expunge-accounts" / "accounts.db"

    @property
    def state(self) -> str:
        """The URL of the keeper's database."""
        return sqlite_url(self.folder / "state" / DATABASE)

    def kept(self, statement: str, *values: Any) -> list[Any]:
        """Ask the keeper's own tables, or change them, as no page could."""
        with contextlib.closing(sqlite3.connect(self.folder / "state" / "state.db", timeout=10)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Ask the accounts' database, or change it, as no page could."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def begin_worker_anew(self) -> None:
        """Have another worker begin, which has nothing in memory of those who came before, and wait for it."""
        before, until = self._children(), time.monotonic() + 60
        self.served.process.send_signal(signal.SIGHUP)
        while before <= self._children() or not self._ready():
            assert time.monotonic() < until, self.served.stderr()
            time.sleep(0.05)

    def _children(self) -> set[str]:
        server = self.served.process.pid
        return set(Path(f"/proc/{server}/task/{server}/children").read_text().split())

    def _ready(self) -> bool:
        # Why suppressed: the worker that ends closes what it had accepted.
        with contextlib.suppress(OSError):
            return self.served.get("readyz").status == HTTPStatus.OK
        return False

    def forget_everyone(self) -> None:
        """Remove customers, sessions, counters, attacks and mails, as no page could. The journal stays, with the register of staff."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=20)) as connection, connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in set(tables) - set(_OF_THE_SERVER):
                connection.execute(f'DELETE FROM "{name}"')
        with contextlib.closing(sqlite3.connect(self.folder / "state" / "state.db", timeout=20)) as connection, connection:
            for name in _OF_PEOPLE:
                connection.execute(f"DELETE FROM expunge_{name}")
        self.sink.mails.clear()


@contextlib.contextmanager
def databases(server: PostgresServer) -> Iterator[dict[str, str]]:
    """Lend `site` two empty databases on a server, as its arguments ``database`` and ``state``."""
    number = next(_DATABASES)
    names = {"database": f"site_accounts_{number}", "state": f"site_state_{number}"}
    try:
        yield {what: server.database(name) for what, name in names.items()}
    finally:
        server.start()
        for name in names.values():
            server.drop(name)


@dataclass
class SiteOnServers(SiteServed):
    """The running pages, with the accounts and the keeper's tables on PostgreSQL."""

    accounts: str = ""
    journal: str = ""

    @property
    def state(self) -> str:
        return self.journal

    def kept(self, statement: str, *values: Any) -> list[Any]:
        return _asked(self.journal, statement, values)

    def sql(self, statement: str, *values: Any) -> list[Any]:
        return _asked(self.accounts, statement, values)

    def forget_everyone(self) -> None:
        found = self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = sorted({name for (name,) in found} - set(_OF_THE_SERVER))
        self.sql(f"TRUNCATE {', '.join(names)}")
        self.kept(f"TRUNCATE {', '.join(f'expunge_{name}' for name in _OF_PEOPLE)}")
        self.sink.mails.clear()


def _asked(database: str, statement: str, values: Sequence[Any]) -> list[Any]:
    """Ask as the tests ask SQLite, and return what it would."""
    with psycopg.connect(database) as connection:
        answer = connection.execute(statement.replace("?", "%s").encode(), values)
        rows = answer.fetchall() if answer.description else []
    return [tuple(each.hex if isinstance(each, UUID) else each for each in row) for row in rows]


_DATABASES = itertools.count(1)
_CLIENTS = itertools.count(1)


def client_address() -> str:
    """An address that no other client of this process has, in a network of its own; `site` believes it, as a proxy's word."""
    number = next(_CLIENTS)
    return f"10.{number >> 8 & 255}.{number & 255}.7"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def mail_server() -> Iterator[tuple[Sink, Controller]]:
    sink = Sink(free_port())
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    try:
        yield sink, controller
    finally:
        # Why suppressed: a test may have stopped it, to see what holds without mail.
        with contextlib.suppress(AssertionError):
            controller.stop()


def section(origin: str, mail_port: int, database: str = "", networks: str = "", further: str = "", company: Company | None = None) -> str:
    keys = ", ".join(f"{name}: {key}" for name, key in company.spec().keys) if company else ""
    return (
        "company: {name: Acme Doorbells, contact: help@acme.example}\n"
        f"accounts:\n  origin: {origin}\n"
        f"  mail: {{server: 'smtp://127.0.0.1:{mail_port}', sender: privacy@acme.example}}\n"
        + (f"  database: '{database}'\n" if database else "")
        + (f"  networks: [{networks}]\n" if networks else "")
        + (f"  handover: {{issuer: '{ISSUER}', keys: {{{keys}}}}}\n" if keys else "")
        + (f"  {further}\n" if further else "")
    )


@contextlib.contextmanager
def site(
    folder: Path,
    *options: str | Path,
    database: str = "",
    state: str = "",
    networks: str = "",
    proxies: tuple[str, ...] = ("127.0.0.1", "::1"),
    port: int = 0,
    further: str = "",
    hashing: str = LITTLE_MEMORY,
    enrich: Callable[[Path], None] | None = None,
    **environ: str,
) -> Iterator[SiteServed]:
    """Serve the pages of a company in a folder until the block ends. What tests say of their address is believed, as from a proxy.

    Args:
        folder: of the company.
        options: of `expunge serve`.
        database: its URL, where it is not the default one.
        state: the URL of the keeper's database, likewise.
        networks: of staff, where not all are.
        proxies: those that are believed.
        port: to listen at; 0 for a free one.
        further: the end of the map's section, and what comes after it.
        hashing: the line of the map about the hashes of passwords; empty for the default.
        enrich: adds to the stores and the map of the company, before it is served.
        environ: further variables.
    """
    token = company(folder, state)
    port = port or free_port()
    origin = f"http://localhost:{port}"
    signer = Company(origin)
    with mail_server() as (sink, controller):
        if enrich:
            enrich(folder)
        path = folder / "expunge.yaml"
        more = "\n  ".join(line for line in (hashing, further) if line)
        path.write_text(path.read_text() + section(origin, sink.port, database, networks, more, signer))
        told = [word for proxy in proxies for word in ("--proxy", proxy)]
        with serving(folder, token, "--port", str(port), *told, *options, **environ) as served:
            _wait_for(f"{origin}/account/login/")
            running = served, origin, sink, folder, controller, signer
            yield SiteOnServers(*running, accounts=database, journal=state) if state and database else SiteServed(*running)


def _wait_for(page: str, within: float = 60.0) -> None:
    """Wait for a first answer: the tables are made once a worker begins, which is after the server listens."""
    until = time.monotonic() + within
    while True:
        try:
            with urllib.request.urlopen(page, timeout=within):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
