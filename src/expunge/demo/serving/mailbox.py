"""The mail server of the served demonstration: it keeps letters in memory, shows them on the terminal, and sends nothing on."""

from __future__ import annotations

import email
import email.policy
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import TYPE_CHECKING

from expunge.errors import Misconfigured
from expunge.servers.processes import ServerFailed, free_ports

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

_CODE = re.compile(r"^\s*([A-Z0-9]{3,4}-?[A-Z0-9]{3,4}(?:-?[A-Z0-9]{3})?)\s*$", re.MULTILINE)
_LINK = re.compile(r"https?://localhost:\d+/\S+[^\s.]")
_WAIT = 30.0


@dataclass(frozen=True)
class DemoLetter:
    """A letter that came in."""

    to: str
    subject: str
    text: str

    @property
    def code(self) -> str:
        """The code that stands in a line of its own; empty where there is none."""
        found = _CODE.search(self.text)
        return found[1] if found else ""

    @property
    def links(self) -> tuple[str, ...]:
        """The addresses of pages in it."""
        return tuple(_LINK.findall(self.text))


@dataclass
class Mailbox:
    """The letters so far. Safe between threads."""

    port: int = 0
    told: Callable[[DemoLetter], None] = lambda _: None
    """Called with each letter, from the mail server's thread."""
    letters: list[DemoLetter] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - aiosmtpd's own shape
        """Keep a letter."""
        content = envelope.content
        message = email.message_from_bytes(content if isinstance(content, bytes) else b"", policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        for recipient in envelope.rcpt_tos:
            letter = DemoLetter(recipient, str(message["Subject"]), text)
            with self._came:
                self.letters.append(letter)
                self._came.notify_all()
            self.told(letter)
        return "250 kept"

    def code_for(self, address: str, after: int) -> str:
        """Wait for a letter with a code to an address, beside the first ``after`` letters of all, and return the code.

        Raises ServerFailed where none comes within half a minute.
        """

        def newest() -> str:
            return next((each.code for each in self.letters[after:] if each.to == address and each.code), "")

        with self._came:
            if not self._came.wait_for(newest, _WAIT):
                raise ServerFailed("no letter with a code came", help="see what `expunge serve` says, and begin again")
            return newest()


@contextmanager
def running_mailbox() -> Iterator[Mailbox]:
    """Run the mail server on a free port of this machine, for the length of the block. Raises Misconfigured without its package."""
    try:
        from aiosmtpd.controller import Controller
    except ImportError as error:
        message = f"the served demonstration needs a package that is not installed: {error.name}"
        raise Misconfigured(message, help="pip install 'expunge[demo,serve]'") from error
    (port,) = free_ports(1)
    box = Mailbox(port)
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
