"""The outbox and its sender in a process of their own, beside a mail server of the test's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sqlite3
import ssl
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.web.site.kit import Sink, free_port

PREAMBLE = """
import json, os, sys, time, traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from expunge.cli.services.serve import set_up_pages
set_up_pages(Path("expunge.yaml"))
from expunge.adapters.keys.field_seals import FieldSeals
from expunge.bootstrap.accounts.pages import connect_mail
from expunge.web.site.application import make_pages
Path(".expunge-accounts").mkdir(exist_ok=True)
fields = FieldSeals(bytes(32))
make_pages(fields)
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from expunge import clock
from expunge.errors import ExpungeError
from expunge.web.site.mail import addresses, outbox
from expunge.web.site.mail.mail_server import MailServer
from expunge.web.site.mail.models import *
from expunge.web.site.mail.sealed_message import sealed_address
from expunge.web.site.mail.sender import MailSender
spec = settings.EXPUNGE_SITE.mail
counted, told = [], []
def sender(patience=10.0):
    server = MailServer(spec, lambda: connect_mail(spec, "localhost", patience))
    return MailSender(server, fields, counted.append, told.append, 0.05)
def put(address, text="Hello", headers=None):
    message = EmailMultiAlternatives("A subject", text, to=[address], headers=headers)
    message.attach_alternative(f"<p>{text}</p>", "text/html")
    message.send()
def attempt(patience=10.0):
    try:
        sender(patience).send_due()
        return "sent"
    except ExpungeError as error:
        return error.message
"""


@dataclass
class Postmaster(Sink):
    """A mail server that may be told to refuse, to be slow, or to go away."""

    answers: dict[str, str] = field(default_factory=dict)
    """Command, or command and recipient -> what is answered instead."""
    slow: float = 0.0
    passwords: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if (answer := self.answers.get(f"RCPT {address}")) is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 well"

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 well"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        kept = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(self.slow)
        return self.answers.get(f"DATA {envelope.rcpt_tos[0]}", kept)

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.passwords.append((data.login, data.password))
        return AuthResult(success=data.password == b"hunter2", handled=False)

    @contextlib.contextmanager
    def listening(self, **options: Any) -> Iterator[None]:
        controller = _Controller(self, hostname="127.0.0.1", port=self.port, **options)
        controller.start()
        try:
            yield
        finally:
            controller.stop()


class _Controller(Controller):
    def _trigger_server(self) -> None:
        """Connect without a handshake: a server's context of TLS cannot begin one."""
        socket.create_connection(("127.0.0.1", self.port), 5).close()


CLERK = """
home = spec
for line in sys.stdin:
    asked = json.loads(line)
    spec = replace(home, server=asked["server"], secret_file=asked["secret_file"])
    os.environ.pop("SSL_CERT_FILE", None)
    os.environ.update(asked["environ"])
    counted.clear(); told.clear()
    found = {"answer": None}
    space = {**globals(), "answer": lambda value: found.update(answer=value)}
    try:
        exec(asked["code"], space)
    except BaseException:
        found = {"failed": traceback.format_exc()}
    print(json.dumps(found), flush=True)
"""


@dataclass
class Office:
    """A folder with a map whose pages send mail, a mail server, and a process over the outbox that does what it is told."""

    folder: Path
    postmaster: Postmaster
    server: str = ""
    """As the map would name it; the postmaster in the clear where it is empty."""
    secret_file: str = ""
    database_url: str = "sqlite:///.expunge-accounts/accounts.db"
    _clerk: subprocess.Popen[str] | None = None

    def write_map(self) -> None:
        mail = f"{{server: 'smtp://127.0.0.1:{self.postmaster.port}', sender: privacy@acme.example}}"
        pages = f"origin: 'http://localhost:8000', database: '{self.database_url}', mail: {mail}"
        accounts = f"company: {{name: Acme Doorbells}}\naccounts: {{{pages}}}\n"
        (self.folder / "expunge.yaml").write_text(f"version: 1\nstores: {{}}\ndatasets: {{}}\n{accounts}")

    def run(self, code: str, **environ: str) -> Any:
        """Have the clerk run code over the outbox, and return what it hands to ``answer``."""
        if self._clerk is None:
            self._clerk = self.begin(CLERK)
        assert self._clerk.stdin is not None
        assert self._clerk.stdout is not None
        server = self.server or f"smtp://127.0.0.1:{self.postmaster.port}"
        asked = {"code": textwrap.dedent(code), "server": server, "secret_file": self.secret_file, "environ": environ}
        self._clerk.stdin.write(json.dumps(asked) + "\n")
        self._clerk.stdin.flush()
        found = json.loads(self._clerk.stdout.readline())
        assert "failed" not in found, found["failed"]
        return found["answer"]

    def run_apart(self, code: str, **environ: str) -> int:
        """Run code over the outbox in a process of its own, and return its exit status."""
        with self.begin(code, **environ) as process:
            process.communicate(timeout=120)
        return process.returncode

    def run_by_two(self, code: str) -> tuple[Any, Any]:
        """Run code over the outbox in the clerk and in a process of its own at once, and return what both hand to ``answer``."""
        ready = self.folder / "ready"
        with self.begin(f'Path("ready").touch()\n{code}') as other:
            while not ready.exists():
                assert other.poll() is None, other.communicate()
                time.sleep(0.01)
            own = self.run(code)
            out, err = other.communicate(timeout=120)
        ready.unlink()
        assert other.returncode == 0, err
        return own, json.loads(out)

    def begin(self, code: str, **environ: str) -> subprocess.Popen[str]:
        program = f"{PREAMBLE}\nanswer = lambda value: print(json.dumps(value))\n{textwrap.dedent(code)}"
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen([sys.executable, "-c", program], cwd=self.folder, env={**os.environ, **environ}, text=True, **pipes)

    def close(self) -> None:
        if self._clerk is not None:
            self._clerk.communicate(timeout=60)

    def empty(self) -> None:
        """Begin anew with an empty outbox and another mail server."""
        for table in ("waiting", "sent", "trouble"):
            self.execute(f"DELETE FROM expunge_mail_{table}")
        self.postmaster, self.server, self.secret_file = Postmaster(free_port()), "", ""
        self.write_map()

    @property
    def database(self) -> Path:
        return self.folder / ".expunge-accounts" / "accounts.db"

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return database.execute(f"SELECT * FROM expunge_mail_{table}").fetchall()

    def execute(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute(statement)


@contextlib.contextmanager
def office(folder: Path, database_url: str = Office.database_url) -> Iterator[Office]:
    """An office with an empty outbox, until the block ends."""
    made = Office(folder, Postmaster(free_port()), database_url=database_url)
    made.write_map()
    made.run("")
    try:
        yield made
    finally:
        made.close()


def tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
