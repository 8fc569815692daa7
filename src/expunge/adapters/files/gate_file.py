"""Publishes the gate's snapshot as a file that pipelines read."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from expunge import durable
from expunge.adapters.host.disk_errors import guarded
from expunge.core.gate.gate_head import MOST_HEADER_BYTES, SIGNATURE_BYTES, read_head
from expunge.core.gate.gate_snapshot import Contents, publish_snapshot
from expunge.errors import EvidenceInvalid
from expunge.ports.keys import Keys

VALID_FOR = timedelta(days=7)
"""After this a snapshot that nobody renewed allows nothing, however patient the reader; readers set a shorter limit of their own."""


class FileGatePublisher:
    """Implements ``expunge.ports.gate.GatePublisher``: one file, readable by all. Without the gate key it says nothing."""

    def __init__(self, path: Path, keys: Keys, valid_for: timedelta = VALID_FOR) -> None:
        self._path = path
        self._keys = keys
        self._valid_for = valid_for

    def __call__(self, now: datetime, contents: Contents, until: datetime | None = None) -> None:
        """Publish; a reader sees the old snapshot or the new one. Raises StateUnavailable."""
        gate_key = self._keys.gate_key()
        end = now + self._valid_for
        # Why a second at least: times of snapshots are in whole seconds, and one that ends when it begins is none.
        end = max(min(end, until), now + timedelta(seconds=1)) if until else end
        data = publish_snapshot(contents, gate_key, published=now, valid_until=end, sign=self._keys.sign_receipt)
        with guarded("the gate's snapshot could not be published"):
            # commit point: pipelines see the new suppressions from here on.
            durable.write_bytes(self._path, data, at="gate.publish", mode=0o644)

    def age(self, now: datetime) -> timedelta | None:
        """Return the file's age. None where it is missing, or differs from the current signer's. Raises StateUnavailable."""
        with guarded("the gate's snapshot cannot be read"):
            if not self._path.exists():
                return None
            with self._path.open("rb") as file:
                head, signature = file.readline(MOST_HEADER_BYTES), file.read(SIGNATURE_BYTES)
        try:
            return now - read_head(head, signature, [self._keys.signer_public()]).published
        except EvidenceInvalid:
            return None
