"""Threads folded from their register: the messages of each, the open appeal, and who has to answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from expunge.core.journal.thread_events import MessageKind, MessageWritten, ThreadEnded, ThreadSide
from expunge.core.values.ids import OrderId, Pseudonym

MOST_MESSAGES = 50
"""Messages of one thread, of both sides. Half of them are the company's: a person can leave it no room to answer otherwise."""
MOST_OF_PERSON = 25
MOST_TEXT = 2000
"""Characters of one message."""
OF_PERSON = frozenset({MessageKind.MESSAGE, MessageKind.APPEAL})
OF_COMPANY = frozenset({MessageKind.MESSAGE, MessageKind.QUESTION, MessageKind.ACCEPTED, MessageKind.REJECTED})
VERDICTS = frozenset({MessageKind.ACCEPTED, MessageKind.REJECTED})
"""The answers to an appeal."""


class ThreadId(NamedTuple):
    """The order and the person of a thread."""

    order: OrderId
    subject: Pseudonym


@dataclass(frozen=True)
class Thread:
    """One thread."""

    id: ThreadId
    messages: tuple[MessageWritten, ...] = field(default=())
    """Oldest first."""
    ended: datetime | None = None
    """The time at which its texts became unreadable."""

    @property
    def open_appeal(self) -> MessageWritten | None:
        """Return the appeal that the company has not answered."""
        for message in reversed(self.messages):
            if message.kind in VERDICTS:
                return None
            if message.kind is MessageKind.APPEAL:
                return message
        return None

    @property
    def waits_for_company(self) -> bool:
        """Return whether the person wrote last, or appealed and has no verdict."""
        return self.open_appeal is not None or bool(self.messages and self.messages[-1].side is ThreadSide.PERSON)

    @property
    def waits_for_person(self) -> bool:
        """Return whether the company asked something, and the person has not written since."""
        for message in reversed(self.messages):
            if message.side is ThreadSide.PERSON:
                return False
            if message.kind is MessageKind.QUESTION:
                return True
        return False

    def room(self, side: ThreadSide) -> int:
        """Return how many messages a side may still write."""
        own = sum(message.side is side for message in self.messages)
        left = MOST_MESSAGES - len(self.messages)
        return max(0, min(left, MOST_OF_PERSON - own) if side is ThreadSide.PERSON else left)


def fold_threads(events: Iterable[object]) -> dict[ThreadId, Thread]:
    """Return every thread, from the register's events in order; events of other kinds are passed over."""
    threads: dict[ThreadId, Thread] = {}
    for event in events:
        match event:
            case MessageWritten():
                name = ThreadId(event.order, event.subject)
                before = threads.get(name, Thread(name))
                threads[name] = replace(before, messages=(*before.messages, event))
            case ThreadEnded():
                name = ThreadId(event.order, event.subject)
                threads[name] = replace(threads.get(name, Thread(name)), ended=event.at)
            case _:
                continue
    return threads
