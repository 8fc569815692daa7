"""Web hooks to the company's app: the form of a message, its signature, and when it is tried again.

Signatures are those of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA-256 over id, time and body, apart by full stops.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from expunge.core.families.order_steps import OrderStep, StepName
from expunge.core.values import canonical, codec
from expunge.core.values.canonical import Json
from expunge.core.values.ids import OrderId, Pseudonym

TRIED_FOR = timedelta(days=1)
"""From the first try on; then the message is given up."""
TOLD_FOR = timedelta(days=30)
"""A step is found for so long; what was told of it is remembered for longer."""
KEPT = TOLD_FOR + timedelta(days=1)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=4)
_LEAST_SECRET, _MOST_SECRET = 24, 64
_PREFIX = "whsec_"


@dataclass(frozen=True)
class WebhookMessage:
    """One message to one web hook."""

    id: str
    hook: str
    order: OrderId
    name: StepName
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


def message_of(step: OrderStep, hook: str, handle_of: Callable[[Pseudonym], str], now: datetime) -> WebhookMessage:
    """Return the message about a step. It names the order and the handles of families, and no person."""
    data: dict[str, Json] = {"order": str(step.order), "families": sorted(map(handle_of, step.subjects))}
    if step.name is StepName.ENDED:
        data["in_part"] = step.in_part
    body = canonical.encode({"type": step.name.value, "timestamp": codec.instant(step.at), "data": data})
    return WebhookMessage(step.message_id(hook), hook, step.order, step.name, step.at, body, due_at=now)


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
