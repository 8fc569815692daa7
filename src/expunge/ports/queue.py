"""The queue port: a hint to workers that there is work. The journal is the truth. A lost or doubled hint changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Protocol

from expunge.core.values.ids import OrderId


class Queue(Protocol):
    """Hands pieces of work to whoever is free.

    ``put`` inside a transaction of the state database takes effect with its commit, and not at all when it is rolled back. The same work
    put twice while it waits is there once. Arguments are opaque ids: orders and steps, never anything about a person.
    """

    def put(self, orders: tuple[OrderId, ...], step: str) -> None:
        """Somebody should take this step of these orders (they share it), now."""
        ...

    def take_back(self, orders: tuple[OrderId, ...], step: str) -> None:
        """Nobody need take this step: whoever put it, or found it, is at it. Like ``put``, it takes effect with the transaction."""
        ...

    def waiting(self) -> int:
        """How many pieces of work wait or are being worked on."""
        ...

    def work(
        self, handle: Callable[[tuple[OrderId, ...], str], object], *, name: str, stop: Event, poll: float = 5.0, heartbeat: float = 10.0
    ) -> None:
        """Hand pieces of work to ``handle``, in a thread, until ``stop`` is set; then what was begun is finished, and this returns.

        Args:
            handle: takes a step of some orders; whatever it raises, the journal says what is left to do.
            name: of this worker.
            stop: ends it.
            poll: seconds between two looks into the queue.
            heartbeat: seconds between two signs of life; what a silent worker was at is given to another.
        """
        ...
