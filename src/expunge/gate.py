"""May this person's data be used? Answered from the signed snapshot file alone: no database, no engine, no network.

A pipeline asks before it stores, copies, trains on or shows anything of a person::

    gate = Gate.open("gate.snapshot", key, public_key, max_age=timedelta(hours=1))
    if gate.may_use(Subject("profile", profile_id), "train"):
        ...

Whatever is wrong (no file, a file too old, forged, unreadable, made with another key) means *not allowed*, with the reason. The snapshot is
read again when the file changes, so a gate may stay open as long as the pipeline runs. Read-only and safe between threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from expunge.core.gate_snapshot import Snapshot, gate_entry, key_check, parse_snapshot
from expunge.errors import EvidenceInvalid

SKEW = timedelta(minutes=5)
"""How far the publisher's clock may be ahead of ours."""


class GateReason(StrEnum):
    """Why the gate said yes or no."""

    NOT_SUPPRESSED = "not suppressed"
    SUPPRESSED = "suppressed"
    MISSING = "no snapshot: the file is not there"
    UNREADABLE = "no snapshot: the file cannot be read"
    FORGED = "no snapshot: it is not signed by the key given, or was changed"
    WRONG_KEY = "no snapshot: it was made with another gate key"
    STALE = "no snapshot: it is too old"
    FUTURE = "no snapshot: it comes from the future; a clock is wrong"


@dataclass(frozen=True)
class Subject:
    """An identifier as the stores hold it, with its identity kind in the data map."""

    kind: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class Decision:
    """The answer; true in an ``if`` exactly when the data may be used."""

    allowed: bool
    reason: GateReason
    as_of: datetime | None
    """When the snapshot was published; None where there is none that can be relied on."""

    def __bool__(self) -> bool:
        return self.allowed


class Gate:
    """Answers from one snapshot file.

    Snapshots of this version suppress a person for every purpose; the purpose is asked for so that callers need not change when
    consent for single purposes arrives.
    """

    def __init__(
        self,
        snapshot: Path,
        key: bytes,
        public_keys: Sequence[bytes],
        max_age: timedelta,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._path = snapshot
        self._key = key
        self._publics = tuple(public_keys)
        self._max_age = max_age
        self._now = now or _utc_now
        self._guard = threading.Lock()
        self._stamp: tuple[int, int, int, int] | None = None
        self._loaded: Snapshot | GateReason = GateReason.MISSING

    @classmethod
    def open(cls, snapshot: str | os.PathLike[str], key: bytes, public_key: bytes | Sequence[bytes], max_age: timedelta) -> Gate:
        """Open a gate; never fails: what is wrong is said by every answer.

        Args:
            snapshot: path of the file that ``expunge gate publish`` writes.
            key: the gate key, 32 bytes.
            public_key: raw Ed25519 public key of the signer, 32 bytes, or several while it is being rotated.
            max_age: a snapshot older than this allows nothing.
        """
        return cls(Path(snapshot), key, (public_key,) if isinstance(public_key, bytes) else public_key, max_age)

    def may_use(self, subject: Subject, purpose: str) -> Decision:
        """Whether data of ``subject`` may be used for ``purpose``."""
        return next(iter(self.may_use_each([subject], purpose)))

    def may_use_each(self, subjects: Iterable[Subject], purpose: str) -> Iterator[Decision]:
        """One decision for each subject, in order; all from the same snapshot, looked at once, when iteration begins."""
        if not purpose:
            raise ValueError("name the purpose")
        return self._decide(subjects)

    def _decide(self, subjects: Iterable[Subject]) -> Iterator[Decision]:
        snapshot = self._usable()
        for subject in subjects:
            if isinstance(snapshot, GateReason):
                yield Decision(allowed=False, reason=snapshot, as_of=None)
            elif snapshot.holds(gate_entry(self._key, subject.kind, subject.value)):
                yield Decision(allowed=False, reason=GateReason.SUPPRESSED, as_of=snapshot.published)
            else:
                yield Decision(allowed=True, reason=GateReason.NOT_SUPPRESSED, as_of=snapshot.published)

    def _usable(self) -> Snapshot | GateReason:
        with self._guard:
            loaded = self._load()
        if isinstance(loaded, GateReason):
            return loaded
        now = self._now()
        if loaded.published > now + SKEW:
            return GateReason.FUTURE
        if now > min(loaded.valid_until, loaded.published + self._max_age):
            return GateReason.STALE
        return loaded

    def _load(self) -> Snapshot | GateReason:
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                if stamp != self._stamp:
                    self._loaded = self._read(file.read())
                    self._stamp = stamp
        except FileNotFoundError:
            self._stamp, self._loaded = None, GateReason.MISSING
        except OSError:
            self._stamp, self._loaded = None, GateReason.UNREADABLE
        return self._loaded

    def _read(self, data: bytes) -> Snapshot | GateReason:
        try:
            snapshot = parse_snapshot(data, self._publics)
        except EvidenceInvalid:
            return GateReason.FORGED
        return snapshot if snapshot.key_check == key_check(self._key) else GateReason.WRONG_KEY


def _utc_now() -> datetime:
    return datetime.now(UTC)
