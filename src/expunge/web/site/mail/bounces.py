"""Bounces: reports of mail servers (RFC 3464) that a message did not arrive, and what they say of an address.

A report counts where it names a message that was sent from here: by its envelope's id (RFC 3461, 4.4), or by the Message-ID of what it
quotes. Both are random, and only the recipient and mail servers on the way know them. A report that names an address alone proves nothing.
"""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage, Message
from enum import StrEnum
from uuid import UUID

from django.db import DatabaseError, transaction

from expunge.errors import StateUnavailable
from expunge.web.site.mail.addresses import TroubleKind, note_trouble
from expunge.web.site.mail.models import SentMail, WaitingMail

MOST_BYTES = 1024 * 1024
"""Of a report. More is not read."""
_MAIL = re.compile(r"\b([0-9a-f]{32})(?:@|\s*$)")
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")


class Bounce(StrEnum):
    """The result of reading a message that came back."""

    MARKED = "marked"
    """The address is marked: mail does not reach it."""
    DELAYED = "delayed"
    """It says that the message is late, or arrived: nothing is marked."""
    UNKNOWN = "unknown"
    """It names no message that was sent from here in the last week."""
    NO_REPORT = "no report"
    """It is no report of a mail server."""


def note_bounce(data: bytes) -> Bounce:
    """Read a message that came back, and mark the address that it is about.

    Raises StateUnavailable where the accounts' database cannot be written: the same call is safe to repeat.
    """
    report = email.message_from_bytes(data[:MOST_BYTES], policy=email.policy.default)
    status = next((part for part in report.walk() if part.get_content_type() == "message/delivery-status"), None)
    if report.get_content_type() != "multipart/report" or status is None:
        return Bounce.NO_REPORT
    blocks = [block for block in status.get_payload() if isinstance(block, Message)] if status.is_multipart() else []
    failed = [block for block in blocks if str(block.get("Action", "")).strip().lower() == "failed"]
    named = _named(report, blocks)
    if named is None:
        return Bounce.UNKNOWN
    try:
        return _mark(named, failed)
    except DatabaseError as error:
        raise StateUnavailable("the accounts' database cannot be written", help="start `expunge serve`, and repeat the command") from error


@transaction.atomic
def _mark(mail: UUID, failed: list[Message]) -> Bounce:
    recipient = _recipient(mail)
    if recipient is None:
        return Bounce.UNKNOWN
    if not failed:
        return Bounce.DELAYED
    found = _STATUS.match(str(failed[0].get("Status", "")))
    note_trouble(recipient, TroubleKind.BOUNCED, found[1] if found else "")
    WaitingMail.objects.filter(pk=mail).delete()
    SentMail.objects.filter(pk=mail).delete()
    return Bounce.MARKED


def _named(report: Message, blocks: list[Message]) -> UUID | None:
    told = [str(block.get("Original-Envelope-Id", "")) for block in blocks]
    for part in report.walk():
        if part.get_content_type() == "message/rfc822":
            told += [str(inner.get("Message-ID", "")) for inner in part.get_payload() if isinstance(inner, Message)]
        elif part.get_content_type() == "text/rfc822-headers" and isinstance(part, EmailMessage):
            told.append(str(email.message_from_string(str(part.get_content())).get("Message-ID", "")))
    found = next((match for text in told if (match := _MAIL.search(text)) is not None), None)
    return UUID(hex=found[1]) if found is not None else None


def _recipient(mail: UUID) -> str | None:
    """Return the sealed address of a message; also of one that waits, for which a process died before it wrote down that it was sent."""
    for table in (SentMail, WaitingMail):
        row = table.objects.filter(pk=mail).values_list("recipient", flat=True).first()
        if row is not None:
            return str(row)
    return None
