"""The register of threads (register ``threads``): messages, appeals and answers about an order, between its person and the company.

No event holds a text. Texts lie sealed on the shelf of the thread, under a key of the thread's own, which dies some time after the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.tags import tagged


class ThreadSide(StrEnum):
    """The writer of a message."""

    PERSON = "person"
    COMPANY = "company"


class MessageKind(StrEnum):
    """The kind of a message."""

    MESSAGE = "message"
    QUESTION = "question"
    """The company needs an answer before it can go on."""
    APPEAL = "appeal"
    """The person does not accept a refusal or a partial result."""
    ACCEPTED = "accepted"
    """The company's answer to an appeal: it looks at the order again."""
    REJECTED = "rejected"
    """The company's answer to an appeal: the result stands."""


@tagged("MessageWritten")
@dataclass(frozen=True)
class MessageWritten:
    """Commit point of a message: its sealed text is on the thread's shelf."""

    at: datetime
    message: str
    """Its id: 16 hex digits."""
    order: OrderId
    subject: Pseudonym
    """The person of the order whose thread it is: orders about several people have a thread for each."""
    side: ThreadSide
    kind: MessageKind
    by: str
    """The account of a person, a random UUID; of the company, the account of the operating system or the label of an employee."""


@tagged("ThreadEnded")
@dataclass(frozen=True)
class ThreadEnded:
    """The key of a thread is gone, and with it every text in it."""

    at: datetime
    order: OrderId
    subject: Pseudonym


ThreadEvent: TypeAlias = MessageWritten | ThreadEnded
