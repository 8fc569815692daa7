"""The courier port: hand instructions to recipients, and ask which data they still hold."""

from __future__ import annotations

from typing import Protocol


class Courier(Protocol):
    """Posts JSON to addresses that the map names. The posted data holds identifiers: it goes into no log, message or address."""

    def deliver(self, url: str, body: bytes) -> None:
        """Hand a message over; returns once the other side has taken it. Raises ``Undelivered`` with a reason without personal data."""
        ...

    def ask(self, url: str, body: bytes) -> int:
        """Ask how many items of the body's data are still held. Raises ``Undelivered``, also for an answer that is no number."""
        ...
