"""The outbox and its sender in a process of their own, beside a mail server of the test's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.web.site.kit import Sink, free_port

PREAMBLE = """
import json, sys, time
from datetime import timedelta
from pathlib import Path
from expunge.cli.services.serve import set_up_pages
set_up_pages(Path("expunge.yaml"))
from expunge.adapters.keys.field_seals import FieldSeals
from expunge.bootstrap.accounts.pages import mail_password
from expunge.web.site.application import make_pages
Path(".expunge-accounts").mkdir(exist_ok=True)
fields = FieldSeals(bytes(32))
make_pages(fields)
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from expunge.errors import ExpungeError
from expunge.web.site.mail import addresses, outbox
from expunge.web.site.mail.mail_server import MailServer
from expunge.web.site.mail.models import *
from expunge.web.site.mail.sealed_message import sealed_address
from expunge.web.site.mail.sender import MailSender
spec = settings.EXPUNGE_SITE.mail
counted, told = [], []
def sender(patience=10.0):
    server = MailServer(spec, "localhost", lambda: mail_password(spec), patience)
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
        await asyncio.sleep(self.slow)
        kept = await super().handle_DATA(server, session, envelope)
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


@dataclass
class Office:
    """A folder with a map whose pages send mail."""

    folder: Path
    postmaster: Postmaster

    def write_map(self, server: str = "", further: str = "") -> None:
        server = server or f"smtp://127.0.0.1:{self.postmaster.port}"
        mail = f"{{server: '{server}', sender: privacy@acme.example{further}}}"
        accounts = f"accounts: {{origin: 'http://localhost:8000', company: Acme Doorbells, mail: {mail}}}\n"
        (self.folder / "expunge.yaml").write_text(f"version: 1\nstores: {{}}\ndatasets: {{}}\n{accounts}")

    def run(self, code: str, *, code_of_exit: int = 0, **environ: str) -> Any:
        """Run a program over the outbox, and return what it hands to ``answer``."""
        with self.begin(code, **environ) as process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == code_of_exit, err
        lines = out.splitlines()
        return json.loads(lines[-1]) if lines else None

    def begin(self, code: str, **environ: str) -> subprocess.Popen[str]:
        program = f"{PREAMBLE}\nanswer = lambda value: print(json.dumps(value))\n{textwrap.dedent(code)}"
        return subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=self.folder,
            env={**os.environ, **environ},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @property
    def database(self) -> Path:
        return self.folder / ".expunge-accounts" / "accounts.db"

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return database.execute(f"SELECT * FROM expunge_mail_{table}").fetchall()

    def execute(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute(statement)


def office(folder: Path) -> Office:
    """An office with an empty outbox."""
    made = Office(folder, Postmaster(free_port()))
    made.write_map()
    made.run("")
    return made


def copy(empty: Office, folder: Path) -> Office:
    """Another office like it, with a mail server of its own."""
    shutil.copytree(empty.database.parent, folder / empty.database.parent.name)
    made = Office(folder, Postmaster(free_port()))
    made.write_map()
    return made


def tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
