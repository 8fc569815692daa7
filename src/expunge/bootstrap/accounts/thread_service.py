"""The service for what people write about their orders, and the company's answers."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace

from expunge.bootstrap.service import DomainService
from expunge.core.journal.thread_events import MessageKind, MessageWritten, ThreadSide
from expunge.core.journal.threads import Thread, ThreadId
from expunge.core.values.ids import OrderId
from expunge.engine.kernel.journal_streams import Recorder
from expunge.engine.threads import appeals, messages
from expunge.engine.threads.messages import Note, ReadMessage
from expunge.errors import UsageError

__all__ = ["ThreadService"]


@dataclass(frozen=True)
class ThreadService(DomainService):
    """Writes as the account of the operating system that runs this process."""

    def every(self) -> tuple[Thread, ...]:
        """Return all threads, in the order in which they were begun."""
        return tuple(appeals.every(self.context).values())

    def waiting(self) -> tuple[Thread, ...]:
        """Return the threads in which the company has to answer, open appeals first."""
        return messages.waiting(self.context)

    def read(self, order: OrderId, number: int = 1) -> tuple[ReadMessage, ...]:
        """Return the messages of a thread with their texts: of the n-th person of an order. Raises UsageError for no such thread."""
        return messages.read(self.context, self._thread(order, number))

    def answer(self, order: OrderId, number: int, kind: MessageKind, text: str) -> MessageWritten:
        """Write for the company, to the n-th person of an order; raises as :func:`expunge.engine.threads.messages.write`."""
        with self.changing():
            note = Note(self._thread(order, number), ThreadSide.COMPANY, kind, getpass.getuser(), "")
            return messages.write(self.context, replace(note, text=text))

    def _thread(self, order: OrderId, number: int) -> ThreadId:
        subjects = Recorder(self.context.journal, self.context.clock, order).run.subjects
        if not 1 <= number <= len(subjects):
            message = f"the order names {len(subjects)} people; there is no number {number}"
            raise UsageError(message, help="count from 1")
        return ThreadId(order, subjects[number - 1])
