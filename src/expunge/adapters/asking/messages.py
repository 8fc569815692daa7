"""E-mail plus and text plus: a message, an answer, a second message after a while, a second answer (16 CFR 312.5(b)(2)(viii)-(ix)).

They show only that the holder of the address answered twice. They are not enough where data of the child goes to third parties.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from typing import Protocol

from expunge.adapters.asking import wording
from expunge.adapters.outbound import posting
from expunge.adapters.outbound.mail_smtp import MailServer
from expunge.errors import Misconfigured, StoreUnavailable, UsageError
from expunge.ports.consent_method import Asking, AskingBegun, ConsentEvidence, ConsentMethodOutcome, HandedEvidence, Strength

_ADDRESS = re.compile(r"[^\s@<>\"',;:\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,253}")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
SECONDS = 20.0


@dataclass(frozen=True)
class AnswerLinks:
    """The addresses at which a parent answers."""

    answer: str
    """``https://example.org/consent/{request}/{token}``."""
    revoke: str
    """Where consent is taken back: a page, an address."""

    def __post_init__(self) -> None:
        if not self.answer.startswith(("https://", "http://127.0.0.1", "http://localhost")) or "{token}" not in self.answer:
            message = "the link for a parent's answer is no https address with {token} in it"
            raise Misconfigured(message, help="https://example.org/consent/{request}/{token}")
        if not self.revoke.strip():
            message = "nothing says where a parent takes consent back"
            raise Misconfigured(message, help="a page or an address")

    def to(self, asking: Asking) -> str:
        """Return the link of one message."""
        return self.answer.replace("{request}", asking.request).replace("{token}", urllib.parse.quote(asking.token, safe=""))


def pages_links(origin: str) -> AnswerLinks:
    """Return the links to the pages of an origin. The token stands behind the ``#``, which no browser sends and no log has."""
    return AnswerLinks(f"{origin}/consent/#{{request}}.{{token}}", f"{origin}/child/")


class _Plus:
    """What both have in common."""

    links: AnswerLinks
    pages: AnswerLinks | None

    def _links(self, asking: Asking) -> AnswerLinks:
        return self.pages if asking.on_pages and self.pages is not None else self.links

    strength = Strength.PLUS
    allows_disclosure = False
    steps = 2
    evidence = ConsentEvidence.NOTHING
    evidence_ttl = timedelta(0)
    tells_all = True

    def complete(self, asking: Asking, handed: HandedEvidence) -> ConsentMethodOutcome:
        """The token is the whole answer; that it is the right one was checked."""
        return ConsentMethodOutcome(proven=bool(asking.token) and handed.token == asking.token)


@dataclass(frozen=True)
class EmailPlus(_Plus):
    """The consent method by e-mail."""

    server: MailServer
    sender: str
    links: AnswerLinks
    delay: timedelta = timedelta(hours=24)
    name: str = "email plus"
    pages: AnswerLinks | None = None
    """Where an account of the pages answers."""

    def begin(self, asking: Asking) -> AskingBegun:
        """Send the question, or the second message. Raises UsageError for an invalid address, StoreUnavailable."""
        if not _ADDRESS.fullmatch(asking.contact):
            raise UsageError("this is no e-mail address", help="one address, such as parent@example.org")
        links = self._links(asking)
        link = links.to(asking)
        message = EmailMessage()
        message["From"], message["To"] = self.sender, asking.contact
        message["Subject"] = wording.said(asking.language, "subject" if asking.step == 1 else "subject-again")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(wording.question(asking, link) if asking.step == 1 else wording.confirmation(asking, link, links.revoke))
        self.server.send(message)
        return AskingBegun()


@dataclass(frozen=True)
class InvitationMail:
    """Sends the link of an invitation to the person who is invited."""

    server: MailServer
    sender: str

    def send(self, address: str, link: str, days: int, language: str, *, oneself: bool) -> None:
        """Send one message. Raises UsageError for an invalid address, StoreUnavailable."""
        if not _ADDRESS.fullmatch(address):
            raise UsageError("this is no e-mail address", help="one address, such as parent@example.org")
        message = EmailMessage()
        message["From"], message["To"] = self.sender, address
        message["Subject"], message["Auto-Submitted"] = wording.said(language, "subject-invited"), "auto-generated"
        message.set_content(wording.invitation(language, link, days, oneself=oneself))
        self.server.send(message)


class TextGateway(Protocol):
    """A service that sends text messages."""

    def send(self, number: str, text: str) -> None:
        """Hand over one message. Raises UsageError for a number that is refused, StoreUnavailable when it cannot leave now."""
        ...


@dataclass(frozen=True)
class HttpTextGateway:
    """``POST url`` with ``{"to": ..., "text": ...}``: 2xx took it, 4xx refuses the number, everything else may be tried again."""

    url: str
    key: str = field(repr=False)

    def send(self, number: str, text: str) -> None:
        """As :meth:`TextGateway.send`."""
        body = json.dumps({"to": number, "text": text}).encode()
        try:
            status, _ = posting.post(self.url, body, token=self.key, timeout=SECONDS)
        except posting.UnsafeAddress as error:
            raise Misconfigured("the text gateway is reached without encryption", help="an https address") from error
        except posting.ServiceUnreached as error:
            message = f"the text gateway cannot be reached: {error}"
            raise StoreUnavailable(message, help="it is sent again at the next sweep") from None
        if 200 <= status < 300:
            return
        if 400 <= status < 500 and status not in (401, 403, 408, 429):
            raise UsageError("the text gateway refuses the number", help="ask the parent for another")
        message = f"the text gateway answers {status}"
        raise StoreUnavailable(message, help="see its key and its state; it is sent again at the next sweep")


@dataclass(frozen=True)
class TextPlus(_Plus):
    """The consent method by text message."""

    tells_all = False
    gateway: TextGateway
    links: AnswerLinks
    delay: timedelta = timedelta(hours=24)
    name: str = "text plus"
    pages: AnswerLinks | None = None
    """Where an account of the pages answers."""

    def begin(self, asking: Asking) -> AskingBegun:
        """Send the question, or the second message. Raises UsageError for an invalid number, StoreUnavailable."""
        if not _NUMBER.fullmatch(asking.contact):
            raise UsageError("this is no telephone number", help="with its country, such as +14155550100")
        links = self._links(asking)
        link = links.to(asking)
        first = asking.step == 1
        text = wording.short_question(asking, link) if first else wording.short_confirmation(asking, link, links.revoke)
        self.gateway.send(asking.contact, text)
        return AskingBegun()
