"""Mail by SMTP (RFC 5321): a connection that is logged in, one message at a time, or letters in a thread beside, with a few tries.

No error and no log line holds a recipient or a text.
"""

from __future__ import annotations

import contextlib
import queue
import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from expunge import telemetry
from expunge.core.accounts.accounts_spec import MailSpec
from expunge.core.journal.notice_events import LetterResult
from expunge.errors import Busy, Misconfigured, StoreUnavailable, Undelivered, UsageError
from expunge.ports.accounts.letters import Letter

SECONDS = 20.0
PAUSES = (1.0, 5.0, 25.0)
"""Seconds before the second, third and fourth try of a letter."""
TOLD_PAUSES = (120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0)
"""Further ones for a letter that tells of something: eight hours together. A server that lets new senders wait takes ten minutes at times,
and the day in which an owner can stop what was added begins with the letter."""
MOST_TOLD_LATER = 500
"""Letters that wait so long; further ones end with the shorter pauses."""
MOST_WAITING = 500
MOST_ASKED = 250
"""Letters that wait, above which none is taken that was asked for: code in the web process, which asks for codes of accounts of its own,
keeps no person from hearing that a passkey was added."""
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_LOOK = 0.05
"""Seconds between two looks for a message whose next try is due."""
_DOUBT = 30.0
"""Seconds after a failure in which no further letter is taken: a person is told now, and not left waiting for it."""
_PORTS = {"smtp": 587, "smtps": 465}
_EXAMPLE = "smtps://user:password@mail.example.org, or smtp://mail.example.org:587"


class MailDeferred(StoreUnavailable):
    """The server takes a message later: it lets new senders wait, or the mailbox is full."""


@dataclass(frozen=True)
class MailServer:
    """An SMTP server."""

    host: str
    port: int = 587
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = True
    """STARTTLS before anything else; off for a relay on the same machine."""
    wrapped: bool = False
    """TLS from the first byte on (RFC 8314), instead of STARTTLS."""
    context: ssl.SSLContext | None = field(default=None, compare=False, repr=False)
    """Of TLS; None for the system's certificates."""

    @classmethod
    def at(cls, url: str, context: ssl.SSLContext | None = None) -> MailServer:
        """Return the server of a URL: ``smtps://`` has TLS from the first byte, ``smtp://`` STARTTLS, except on this machine.

        Raises Misconfigured, without the URL: it may hold a password.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in _PORTS or not parts.hostname or port == -1 or parts.path.strip("/") or parts.query or parts.fragment:
            raise Misconfigured("the address of the mail server cannot be understood", help=f"write {_EXAMPLE}")
        wrapped = parts.scheme == "smtps"
        tls = wrapped or parts.hostname not in _HERE
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, port or _PORTS[parts.scheme], user, password, tls, wrapped, context)

    @classmethod
    def of(cls, spec: MailSpec, password: str) -> MailServer:
        """Return the server that a map names: in the clear, by STARTTLS or by TLS from the first byte on, as the map says."""
        wrapped = urlsplit(spec.server).scheme == "smtps"
        return cls(spec.host, spec.port, spec.user, password, spec.sealed, wrapped)

    def connected(self, greeting: str | None = None, patience: float = SECONDS) -> smtplib.SMTP:
        """Return a connection that is logged in.

        Args:
            greeting: the name by which this machine greets the server; its own where none is given.
            patience: seconds for which an answer is waited for.

        Raises OSError and smtplib.SMTPException.
        """
        if self.wrapped:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, greeting, timeout=patience, context=self._context())
        else:
            server = smtplib.SMTP(self.host, self.port, greeting, timeout=patience)
        try:
            if self.tls and not self.wrapped:
                server.starttls(context=self._context())
            server.ehlo_or_helo_if_needed()
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def send(self, message: EmailMessage) -> None:
        """Hand over one message. No error says anything of it.

        Raises:
            UsageError: the server refuses the address for good.
            MailDeferred: the server answers, and takes the message later.
            StoreUnavailable: it does not answer, does not speak TLS as it should, or refuses the sender.
        """
        try:
            with self.connected() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refusal:
            if all(400 <= code < 500 for code, _ in refusal.recipients.values()):
                message_ = f"the mail server {self.host}:{self.port} takes the message later"
                raise MailDeferred(message_, help="it is sent again at the next sweep") from None
            raise UsageError("the mail server refuses the address", help="ask the parent for another, or ask in another way") from None
        except (OSError, smtplib.SMTPException) as error:
            text = f"the mail server {self.host}:{self.port} did not take the message: {type(error).__name__}"
            raise StoreUnavailable(text, help="it is sent again at the next sweep") from None

    def _context(self) -> ssl.SSLContext:
        return self.context or ssl.create_default_context()


class SmtpLetters:
    """Implements ``expunge.ports.accounts.letters.Letters``. Its thread begins with the first letter."""

    def __init__(
        self,
        server: MailServer,
        sender: str,
        pauses: tuple[float, ...] = PAUSES,
        now: Callable[[], float] = time.monotonic,
        told_pauses: tuple[float, ...] = TOLD_PAUSES,
    ) -> None:
        """Connect to nothing yet.

        Args:
            server: takes the letters.
            sender: the address that they come from.
            pauses: seconds before each further try.
            now: seconds, from anywhere, never back.
            told_pauses: after these, of a letter that tells of something.
        """
        self._server, self._sender, self._pauses, self._now, self._told_pauses = server, sender, pauses, now, told_pauses
        self._waiting: queue.Queue[Letter] = queue.Queue(MOST_WAITING)
        self._guard = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed_at: float | None = None
        self.sent = self.lost = 0
        """Letters that the server took, and those that could not be sent."""

    def post(self, letter: Letter) -> None:
        """See the port."""
        if not letter.tells and self._failed_at is not None and self._now() < self._failed_at + _DOUBT:
            raise Undelivered("no letter goes out at present: the mail server does not answer", help="try again in a minute")
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="letters", daemon=True)
                self._thread.start()
        try:
            if not letter.tells and self._waiting.qsize() >= MOST_ASKED:
                raise queue.Full
            self._waiting.put_nowait(letter)
        except queue.Full:
            raise Busy("too many letters wait to be sent", help="try again in a few minutes") from None

    def close(self) -> None:
        """See the port."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(SECONDS)

    def _work(self) -> None:
        later: list[tuple[float, int, EmailMessage, bool]] = []
        """Messages that failed: when each is tried again, how often it was, and whether it tells of something."""
        while not (self._ending.is_set() and self._waiting.empty()):
            now = self._now()
            due = [each for each in later if each[0] <= now]
            for each in due:
                later.remove(each)
                self._deliver(each[2], each[1], later, tells=each[3])
            # Why not in turn: one recipient whose server makes us wait would hold up all others.
            with contextlib.suppress(queue.Empty):
                letter = self._waiting.get(timeout=_LOOK)
                self._deliver(message_of(letter, self._sender), 0, later, tells=letter.tells)
        self._lose(len(later))

    def _deliver(self, message: EmailMessage, tries: int, later: list[tuple[float, int, EmailMessage, bool]], *, tells: bool) -> None:
        try:
            self._server.send(message)
        except UsageError:
            # The server knows the address, and refuses it: another try would end the same.
            self._lose(1)
        except StoreUnavailable as error:
            self._failed_at = None if isinstance(error, MailDeferred) else self._now()
            pauses = self._pauses + (self._told_pauses if tells and len(later) < MOST_TOLD_LATER else ())
            if tries < len(pauses) and not self._ending.is_set():
                later.append((self._now() + pauses[tries], tries + 1, message, tells))
            else:
                self._lose(1)
        else:
            self._failed_at = None
            self.sent += 1

    def _lose(self, count: int) -> None:
        for _ in range(count):
            self.lost += 1
            telemetry.log(telemetry.Action.LETTER_LOST)


class SmtpDelivery:
    """Implements ``expunge.ports.accounts.family_letters.LetterDelivery``: one connection for each letter."""

    def __init__(self, server: MailServer, sender: str) -> None:
        """Connect to nothing yet.

        Args:
            server: takes the letters.
            sender: the address that they come from.
        """
        self._server, self._sender = server, sender

    def deliver(self, letter: Letter) -> LetterResult:
        """See the port."""
        try:
            self._server.send(message_of(letter, self._sender))
        except UsageError:
            return LetterResult.REFUSED
        except StoreUnavailable:
            return LetterResult.LATER
        return LetterResult.TAKEN


def message_of(letter: Letter, sender: str) -> EmailMessage:
    """Return a letter as a message (RFC 5322), in text and HTML."""
    message = EmailMessage()
    domain = sender.rpartition("@")[2].strip("> ") or "localhost"
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    # Why hashed: the key is ours, and nothing of it has to be read by others.
    named = f"<{sha256(letter.key.encode()).hexdigest()[:32]}@{domain}>" if letter.key else make_msgid(domain=domain)
    message["Date"], message["Message-ID"] = formatdate(), named
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    return message
