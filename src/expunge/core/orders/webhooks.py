"""Web hooks to the company's app: the form of a message, its signature, and when it is tried again.

Signatures are those of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA-256 over id, time and body, apart by full stops.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from expunge.core.journal.notice_events import NoticeKind
from expunge.core.orders.order_notices import OrderNotice
from expunge.core.values import canonical, codec
from expunge.core.values.canonical import Json
from expunge.core.values.ids import OrderId, Pseudonym

TRIED_FOR = timedelta(days=1)
"""From the first try on; then the message is given up."""
TOLD_FOR = timedelta(days=30)
"""A step is found for so long; what was told of it is remembered for longer."""
KEPT = TOLD_FOR + timedelta(days=1)
ENDED = "order.ended"
TYPES: Mapping[NoticeKind, str] = {
    NoticeKind.RECEIVED: "order.received",
    NoticeKind.EXTENDED: "order.extended",
    NoticeKind.DONE: ENDED,
    NoticeKind.IN_PART: ENDED,
    NoticeKind.CANCELLED: "order.cancelled",
    NoticeKind.CAME_BACK: "order.reopened",
}
"""Step of an order -> the type of the message about it. What people and company write to each other is not told."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=4)
_LEAST_SECRET, _MOST_SECRET = 24, 64
_PREFIX = "whsec_"


@dataclass(frozen=True)
class WebhookMessage:
    """One message to one web hook."""

    id: str
    hook: str
    order: OrderId
    type: str
    at: datetime
    body: bytes = field(repr=False)
    tries: int = 0
    first_at: datetime | None = None
    """The time of the first try."""
    due_at: datetime | None = None
    """The time of the next try; None once it was taken, or was given up."""
    taken_at: datetime | None = None
    fault: str = ""
    """Why the last try failed."""

    @property
    def dead(self) -> bool:
        """Return whether it was given up."""
        return self.due_at is None and self.taken_at is None


def message_of(notice: OrderNotice, hook: str, handle_of: Callable[[Pseudonym], str], now: datetime) -> WebhookMessage | None:
    """Return the message about a step of an order; None for a step that apps are not told of.

    It names the order and the handles of families, and no person. Found again after a crash, it has the same id.
    """
    type_ = TYPES.get(notice.kind)
    if type_ is None:
        return None
    data: dict[str, Json] = {"order": str(notice.order), "families": sorted(map(handle_of, notice.subjects))}
    if type_ == ENDED:
        data["in_part"] = notice.kind is NoticeKind.IN_PART
    body = canonical.encode({"type": type_, "timestamp": codec.instant(notice.at), "data": data})
    name = "msg_" + sha256(f"{hook}\n{notice.order}\n{notice.kind}\n{notice.at.isoformat()}".encode()).hexdigest()[:32]
    return WebhookMessage(name, hook, notice.order, type_, notice.at, body, due_at=now)


def next_try(message: WebhookMessage, now: datetime) -> datetime | None:
    """Return when a message that failed now is tried again; None where it is given up.

    The pause grows from 5 seconds by four times each, up to 4 hours.
    """
    pause = min(_FIRST_PAUSE * 4 ** min(message.tries, 10), _LONGEST_PAUSE)
    due = now + pause
    return due if due <= (message.first_at or now) + TRIED_FOR else None


def read_secret(text: str) -> bytes:
    """Return the key of a secret, ``whsec_`` and base64. Raises ValueError."""
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or not _LEAST_SECRET <= len(key) <= _MOST_SECRET:
        message = f"the secret is not {_PREFIX} and the base64 of {_LEAST_SECRET} to {_MOST_SECRET} bytes"
        raise ValueError(message)
    return key


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header ``webhook-signature`` of a message. ``timestamp``: seconds since 1970, of this try."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
