"""The queue: a hint to workers that something can be done. The journal is the truth; a lost or doubled hint changes nothing."""

from __future__ import annotations

from typing import Protocol

from expunge.core.ids import OrderId


class Queue(Protocol):
    """Hands pieces of work to whoever is free.

    ``put`` inside a transaction of the state database takes effect with its commit, and not at all when it is rolled back. The same work
    put twice while it waits is there once. Arguments are opaque ids: orders and steps, never anything about a person.
    """

    def put(self, orders: tuple[OrderId, ...], step: str) -> None:
        """Somebody should take this step of these orders (they share it), now."""
        ...

    def waiting(self) -> int:
        """How many pieces of work wait or are being worked on."""
        ...
