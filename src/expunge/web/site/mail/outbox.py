"""The Django backend of mail: it seals a message and puts it into the outbox, so that no page waits for a mail server."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage
from django.db import transaction
from django.db.models import Min

from expunge import clock
from expunge.errors import Busy, UsageError
from expunge.web.site.mail.models import MailTrouble, WaitingMail
from expunge.web.site.mail.sealed_message import Letter, seal, sealed_address

LONGEST = timedelta(days=1)
"""For so long sending is tried, where the message says no earlier end."""
MOST_WAITING = 10_000
MOST_FOR_ONE = 20
"""Messages to one address that wait; a further one takes the place of the oldest. A person has no use for more, and a flood of requests
for codes fills no queue."""
MOST_BYTES = 256 * 1024
STUCK = timedelta(minutes=10)
"""A message that has been due for so long says that mail does not go out."""
_LINE_END = re.compile(rb"\r?\n")
AWAKE = threading.Event()
"""Set when a message of this process waits; the sender of the process does not sleep on."""


class OutboxBackend(BaseEmailBackend):
    """Puts messages into the outbox. A message is in it when the transaction that it was sent in is committed.

    The header ``Expires`` (RFC 4021) of a message says until when it is worth sending: a code is not sent once it has ended.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Queue messages, and return their number.

        Raises:
            UsageError: a message has attachments, is too long, or has not exactly one recipient. Content of recordings is never mailed.
            Busy: too many messages wait.
            KeeperAway: nothing can be sealed now.
        """
        for message in email_messages:
            _queue(message)
        if email_messages:
            transaction.on_commit(AWAKE.set)
        return len(email_messages)


@dataclass(frozen=True)
class OutboxStanding:
    """The state of the outbox. It names no message."""

    waiting: int
    overdue: timedelta
    """How long the message that is most overdue has been due; zero where none is."""
    troubled: int
    """Addresses that mail does not reach."""

    @property
    def stuck(self) -> bool:
        """Return whether mail does not go out."""
        return self.overdue > STUCK


def standing() -> OutboxStanding:
    """Return the state of the outbox."""
    now = clock.now()
    first = WaitingMail.objects.aggregate(first=Min("due"))["first"]
    overdue = max(timedelta(), now - first) if first is not None else timedelta()
    return OutboxStanding(WaitingMail.objects.count(), overdue, MailTrouble.objects.count())


def message_id(mail: uuid.UUID, sender: str) -> str:
    """Return the Message-ID (RFC 5322, 3.6.4) of a queued message, the same at each attempt."""
    return f"<{mail.hex}@{sender.rpartition('@')[2]}>"


def _queue(message: EmailMessage) -> None:
    recipients = message.recipients()
    if message.attachments or len(recipients) != 1:
        raise UsageError("a message has attachments, or not one recipient", help="send one message to each person, and link to the pages")
    mail, now = uuid.uuid4(), clock.now()
    content = message.message()
    del content["Message-ID"]
    content["Message-ID"] = message_id(mail, settings.EXPUNGE_SITE.mail.sender)
    # RFC 3834: nobody's holiday answers it.
    content["Auto-Submitted"] = "auto-generated"
    data = _LINE_END.sub(b"\r\n", content.as_bytes())
    if len(data) > MOST_BYTES:
        too_long = f"a message has more than {MOST_BYTES // 1024} KiB"
        raise UsageError(too_long, help="link to the pages instead")
    if WaitingMail.objects.count() >= MOST_WAITING:
        too_many = f"{MOST_WAITING} messages wait to be sent"
        raise Busy(too_many, help="make the mail server reachable; /readyz says whether mail goes out")
    fields: Any = settings.EXPUNGE_FIELDS
    recipient = sealed_address(fields, recipients[0])
    key, body = seal(fields, mail, Letter(recipients[0], data))
    with transaction.atomic():
        _make_room(recipient)
        WaitingMail.objects.create(
            id=mail, recipient=recipient, key=key, body=body, queued=now, due=now, ends=min(_end(message, now), now + LONGEST)
        )


def _make_room(recipient: str) -> None:
    if not recipient:
        return
    older = WaitingMail.objects.filter(recipient=recipient).order_by("-queued").values_list("pk", flat=True)
    WaitingMail.objects.filter(pk__in=list(older[MOST_FOR_ONE - 1 :])).delete()


def _end(message: EmailMessage, now: datetime) -> datetime:
    told = message.extra_headers.get("Expires")
    return parsedate_to_datetime(told) if told else now + LONGEST
