"""Publishes the gate's snapshot as a file that pipelines read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from expunge import durable
from expunge.adapters.guarded import guarded
from expunge.core.gate_snapshot import publish_snapshot
from expunge.ports.keys import Keys

VALID_FOR = timedelta(days=7)
"""After this a snapshot that nobody renewed allows nothing, however patient the reader; readers set a shorter limit of their own."""


class FileGatePublisher:
    """Writes the snapshot to ``path``, readable by all: it says nothing to whoever lacks the gate key."""

    def __init__(self, path: Path, keys: Keys, valid_for: timedelta = VALID_FOR) -> None:
        self._path = path
        self._keys = keys
        self._valid_for = valid_for

    def __call__(self, now: datetime, entries: Iterable[str]) -> None:
        """Publish the entries (hex, of ``gate_entry``); a reader sees the old snapshot or the new one. Raises StateUnavailable."""
        raw = (bytes.fromhex(entry) for entry in entries)
        gate_key = self._keys.gate_key()
        data = publish_snapshot(raw, gate_key, published=now, valid_until=now + self._valid_for, sign=self._keys.sign_receipt)
        with guarded("the gate's snapshot could not be published"):
            # commit point: pipelines see the new suppressions from here on.
            durable.write_bytes(self._path, data, at="gate.publish", mode=0o644)
