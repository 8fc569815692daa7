"""What the operator's mail server answers to each message (RFC 5321, RFC 3463)."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from expunge.core.accounts.accounts_spec import MailSpec
from expunge.errors import Undelivered
from expunge.web.site.mail.sealed_message import Letter

_ENHANCED = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})\b")


class Handover(StrEnum):
    """The outcome of handing a message to the server."""

    TAKEN = "taken"
    """The server answered 250 to the message: it is the server's to deliver from here on."""
    LATER = "later"
    """The server may take it later."""
    REFUSED = "refused"
    """The server refused recipient or message for good (RFC 5321, 4.2.1: 5yz)."""


@dataclass(frozen=True)
class Reply:
    """What became of one message."""

    outcome: Handover
    status: str = ""
    """The enhanced status code (RFC 3463), or the reply's own; empty where the server said none. Its text is not kept: it has addresses."""


class MailServer:
    """Hands messages to the server that the map names."""

    def __init__(self, spec: MailSpec, connect: Callable[[], smtplib.SMTP]) -> None:
        """Take the server.

        Args:
            spec: of the map.
            connect: returns a connection that is logged in; raises ExpungeError where its password cannot be read.
        """
        self._spec, self._connect = spec, connect

    @contextmanager
    def session(self) -> Iterator[MailSession]:
        """Connect and log in, for as many messages as wait.

        Raises:
            Undelivered: that failed. Nothing was sent.
            KeystoreLocked, Misconfigured: the password cannot be read.
        """
        smtp = self._connected()
        try:
            yield MailSession(smtp, self._spec.sender)
        finally:
            # Why suppressed: each message has its outcome already.
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()

    def _connected(self) -> smtplib.SMTP:
        try:
            return self._connect()
        except ssl.SSLCertVerificationError as error:
            message = f"the certificate of the mail server {self._spec.host} is not trusted: {error.verify_message}"
            raise Undelivered(message, help="name the server as its certificate does; SSL_CERT_FILE names further authorities") from error
        except (OSError, smtplib.SMTPException) as error:
            message = f"the mail server {self._spec.host} cannot be used: {_said(error)}"
            raise Undelivered(message, help="compare `accounts.mail` in the map with what the server's operator says") from error


class MailSession:
    """A connection to the mail server."""

    def __init__(self, smtp: smtplib.SMTP, sender: str) -> None:
        """Take a connection that is logged in."""
        self._smtp, self._sender = smtp, sender

    def hand_over(self, mail: UUID, letter: Letter) -> Reply:
        """Hand over one message. Raises Undelivered where the connection broke: the server may have taken the message all the same."""
        options = ["BODY=8BITMIME"] if self._smtp.has_extn("8bitmime") else []
        of_recipient = []
        if self._smtp.has_extn("dsn"):
            # RFC 3461: a bounce then names the message by this id, whatever it quotes of the message.
            options += [f"ENVID={mail.hex}", "RET=HDRS"]
            of_recipient = ["NOTIFY=FAILURE"]
        if not letter.recipient.isascii():
            if not self._smtp.has_extn("smtputf8"):
                return Reply(Handover.REFUSED, "5.6.7")
            options.append("SMTPUTF8")
        try:
            self._smtp.sendmail(self._sender, [letter.recipient], letter.message, options, of_recipient)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            return _reply(code, text)
        except smtplib.SMTPSenderRefused as error:
            # The sender is our own: whatever is wrong with it is no fault of the recipient's address.
            return Reply(Handover.LATER, _status(error.smtp_code, error.smtp_error))
        except smtplib.SMTPDataError as error:
            return _reply(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            message = f"the mail server went away: {_said(error)}"
            raise Undelivered(message, help="look at the mail server's log") from error
        return Reply(Handover.TAKEN)


def _reply(code: int, text: bytes | str) -> Reply:
    return Reply(Handover.REFUSED if code >= 500 else Handover.LATER, _status(code, text))


def _status(code: int, text: bytes | str) -> str:
    found = _ENHANCED.match(text if isinstance(text, bytes) else text.encode())
    return found[1].decode() if found else str(code)


def _said(error: Exception) -> str:
    """Say what a fault is without its text, which may quote addresses."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answered {_status(error.smtp_code, error.smtp_error)}"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "it does not offer what is needed: STARTTLS, or a way to log in"
    # Why the context: smtplib calls a server that says nothing a disconnected one.
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "it does not answer in time"
    return (error.strerror if isinstance(error, OSError) else None) or "the connection broke"
