"""The folder of a watch: heads of one log that were seen, when, and how far its entries were read.

``SIZE-TIME.checkpoint`` is a head, byte for byte; ``evidence-KIND-TIME.checkpoint`` one that cannot be; ``watch.json`` the rest. Of days
that are over, the last head stays: each continues the one before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from expunge import durable
from expunge.adapters.host.disk_errors import guarded
from expunge.core.log.signed_head import SignedHead, open_earlier
from expunge.core.log.trust import TrustPolicy
from expunge.core.values import canonical
from expunge.core.verification.entry_order import KeptHead
from expunge.errors import EvidenceInvalid, StateCorrupt

_STATE = "watch.json"
_FORMAT = "expunge.log-watch/1"
_TIME = "%Y%m%dT%H%M%SZ"
_HEAD = re.compile(r"([0-9]{19})-([0-9]{8}T[0-9]{6}Z)\.checkpoint")
_READ = "what the watch kept could not be read"
_WRITE = "what the watch saw could not be kept"


@dataclass(frozen=True)
class WatchState:
    """How far a watch has come."""

    audited: int = 0
    """Entries, from the first on, that were read and checked."""
    answered: datetime | None = None
    """When the log last answered."""


class WatchFolder:
    """One folder; made where it does not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def heads(self, policy: TrustPolicy, now: datetime) -> list[KeptHead]:
        """Every head that was kept, smallest first. Raises EvidenceInvalid for one that is not signed by a log of the policy."""
        with guarded(_READ):
            return [self._kept(path, seen, policy, now) for path, seen in self._files()]

    def latest(self, policy: TrustPolicy, now: datetime) -> KeptHead | None:
        """The largest of them. Raises EvidenceInvalid."""
        with guarded(_READ):
            files = self._files()
            return self._kept(*files[-1], policy, now) if files else None

    def keep(self, signed: SignedHead, now: datetime) -> None:
        """Keep a head that continues all others."""
        with guarded(_WRITE):
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"{signed.head.size:019d}-{now.astimezone(UTC).strftime(_TIME)}.checkpoint"
            durable.write_bytes(self._folder / name, signed.note, at="watch.keep", mode=0o644)
            # commit point: from here on the log is held against this head.
            last_of_day = {seen.date(): path for path, seen in self._files()}
            for path, seen in self._files():
                if seen.date() < now.astimezone(UTC).date() and last_of_day[seen.date()] != path:
                    durable.unlink(path, at="watch.thin")

    def keep_evidence(self, kind: str, note: bytes, now: datetime) -> Path:
        """Keep a head that cannot be, beside those that it contradicts; returns its file."""
        path = self._folder / f"evidence-{kind}-{now.astimezone(UTC).strftime(_TIME)}.checkpoint"
        with guarded(_WRITE):
            self._folder.mkdir(parents=True, exist_ok=True)
            durable.write_bytes(path, note, at="watch.evidence", mode=0o644)
        return path

    def state(self) -> WatchState:
        """How far the watch has come. Raises StateCorrupt."""
        with guarded(_READ):
            try:
                data = (self._folder / _STATE).read_bytes()
            except FileNotFoundError:
                return WatchState()
        try:
            match canonical.decode(data):
                case {"format": "expunge.log-watch/1", "audited": int(audited), "answered": str(answered)}:
                    return WatchState(audited, datetime.strptime(answered, _TIME).replace(tzinfo=UTC))
        except (EvidenceInvalid, ValueError):
            pass
        message = f"{_STATE} of the watch cannot be read"
        raise StateCorrupt(message, help="remove that file: the entries are read again from the first")

    def write_state(self, audited: int, answered: datetime) -> None:
        """Note how far the watch has come."""
        data = canonical.encode({"format": _FORMAT, "audited": audited, "answered": answered.astimezone(UTC).strftime(_TIME)})
        with guarded(_WRITE):
            self._folder.mkdir(parents=True, exist_ok=True)
            durable.write_bytes(self._folder / _STATE, data, at="watch.state", mode=0o644)

    def _files(self) -> list[tuple[Path, datetime]]:
        if not self._folder.is_dir():
            return []
        found = ((path, _HEAD.fullmatch(path.name)) for path in sorted(self._folder.iterdir()))
        return [(path, datetime.strptime(match[2], _TIME).replace(tzinfo=UTC)) for path, match in found if match]

    def _kept(self, path: Path, seen: datetime, policy: TrustPolicy, now: datetime) -> KeptHead:
        head = open_earlier(path.read_bytes(), policy, now=now).head
        return KeptHead(path.name, head, head.size, seen)
