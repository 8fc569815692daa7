"""The gate port: publish the gate's snapshot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from expunge.core.gate.gate_snapshot import Contents


class GatePublisher(Protocol):
    """Writes the signed file that pipelines read."""

    def __call__(self, now: datetime, contents: Contents, until: datetime | None = None) -> None:
        """Publish; a reader sees the old snapshot or the new one, and the new one survives a power cut. Raises StateUnavailable.

        Args:
            now: the time of publishing.
            contents: of the snapshot.
            until: when something lapses that the contents rest on: the snapshot allows nothing from then on.
        """
        ...

    def age(self, now: datetime) -> timedelta | None:
        """Return the age of the published snapshot, or None without a snapshot that pipelines would accept. Raises StateUnavailable."""
        ...
