"""The queue port: a hint to workers that there is work. The journal is the truth. A lost or doubled hint changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Protocol

from expunge.core.values.ids import OrderId


class Queue(Protocol):
    """Hands pieces of work to free workers.

    ``put`` inside a transaction of the state database takes effect with its commit, and not at all when it is rolled back. The same work
    put twice while it waits is there once. Arguments are opaque ids: orders and steps, never anything about a person.
    """

    def put(self, orders: tuple[OrderId, ...], step: str) -> None:
        """Ask for a worker to take this step of these orders (they share it), now."""
        ...

    def take_back(self, orders: tuple[OrderId, ...], step: str) -> None:
        """Withdraw this step: the process that put or found it works on it. Like ``put``, it takes effect with the transaction."""
        ...

    def waiting(self) -> int:
        """Return the number of pieces of work that wait or are being worked on."""
        ...

    def work(
        self, handle: Callable[[tuple[OrderId, ...], str], object], *, name: str, stop: Event, poll: float = 5.0, heartbeat: float = 10.0
    ) -> None:
        """Pass pieces of work to ``handle``, in a thread, until ``stop`` is set. Work that has begun is finished before this returns.

        Args:
            handle: takes a step of some orders; whatever it raises, the journal records the work that is left.
            name: of this worker.
            stop: ends it.
            poll: seconds between two looks into the queue.
            heartbeat: seconds between two signs of life; the work of a silent worker is given to another.
        """
        ...
