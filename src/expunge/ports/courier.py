"""The courier port: hand instructions to recipients, and ask which data they still hold."""

from __future__ import annotations

from typing import Protocol


class Courier(Protocol):
    """Posts JSON to places that the map names. What is posted holds identifiers: it goes into no log, message or address."""

    def deliver(self, url: str, body: bytes) -> None:
        """Hand something over; returns once the other side has taken it. Raises ``Undelivered`` with a reason that names nobody."""
        ...

    def ask(self, url: str, body: bytes) -> int:
        """Ask how many items are held of what the body names. Raises ``Undelivered``, also for an answer that is no number."""
        ...
