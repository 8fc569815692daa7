"""The gate over one snapshot file. It reads the file again when it changes, while callers go on asking."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from expunge import clock
from expunge.core.gate.gate_entry import former_entry, kind_key
from expunge.core.retention.collection_permission import with_broader
from expunge.core.values.signature import Cmac
from expunge.gate.batches import Passed, RowFilter, allowed
from expunge.gate.decisions import Decision, GateReason, Subject
from expunge.gate.manifests import ManifestWriter
from expunge.gate.snapshot_view import PurposeView, SnapshotView, load
from expunge.gate.spelling_rules import common_spelling, joint_reason

MAX_AGE = timedelta(seconds=60)
"""How old a snapshot may be, unless the pipeline says otherwise."""
READ_AT_ONCE = 1 << 20
"""Bytes: larger snapshots are read by a thread of their own, while answers come from the one before."""
LOOK_EVERY = 0.001
"""Seconds between two looks at the file: a look takes as long as an answer."""

_Stamp = tuple[int, int, int, int]


class Gate:
    """Answers from one snapshot file; safe between threads, and in processes forked from this one."""

    def __init__(
        self,
        snapshot: Path,
        key: bytes,
        public_keys: Sequence[bytes],
        max_age: timedelta = MAX_AGE,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._path = snapshot
        self._name = os.fspath(snapshot)
        self._key = key
        self._publics = tuple(public_keys)
        self._max_age = max_age
        self._now = now or clock.now
        self._look_again = 0.0
        self._loaded: tuple[_Stamp | None, SnapshotView | GateReason] = (None, GateReason.MISSING)
        self._begin()
        _OPEN.add(self)

    def _begin(self) -> None:
        self._guard = threading.Lock()
        self._reading = threading.Lock()
        self._own = _Makers()

    def __reduce__(self) -> tuple[type[Gate], tuple[object, ...]]:
        return (Gate, (self._path, self._key, self._publics, self._max_age))

    @classmethod
    def open(cls, snapshot: str | os.PathLike[str], key: bytes, public_key: bytes | Sequence[bytes], max_age: timedelta = MAX_AGE) -> Gate:
        """Open a gate; never fails. Every answer reports a fault of the snapshot.

        Args:
            snapshot: path of the file that ``expunge gate publish`` writes.
            key: the gate key, 32 bytes.
            public_key: raw Ed25519 public key of the signer, 32 bytes, or several while it is being rotated.
            max_age: a snapshot older than this allows nothing.
        """
        return cls(Path(snapshot), key, (public_key,) if isinstance(public_key, bytes) else public_key, max_age)

    def may_use(self, subject: Subject | str, purpose: str, recorded: datetime | None = None) -> Decision:
        """Return whether a person's data may be used for a purpose.

        Args:
            subject: the person: a :class:`Subject`, or ``profile:p-17``.
            purpose: a purpose of the data map; where the map declares none, any word.
            recorded: when the data was recorded (aware), to ask as well whether it may still be kept for the purpose.

        Raises:
            ValueError: when no purpose is named.
        """
        if not purpose:
            raise ValueError("name the purpose")
        view = self.current()
        if isinstance(view, GateReason):
            return Decision(allowed=False, reason=view, as_of=None)
        return self._decide(view, subject, purpose, recorded)

    def may_collect(self, name: str) -> Decision:
        """Return whether a type of data may be collected.

        The type is a dataset of the data map, a category that a dataset declares, or a category below a declared one.

        A snapshot without a list of types allows none. Raises ValueError when nothing is named.
        """
        if not name:
            raise ValueError("name the type of data")
        view = self.current()
        if isinstance(view, GateReason):
            return Decision(allowed=False, reason=view, as_of=None)
        scheduled = not (view.head.collect or {}).keys().isdisjoint(with_broader(name))
        reason = GateReason.SCHEDULED if scheduled else GateReason.UNSCHEDULED
        return Decision(scheduled, reason, view.head.published, view.head.policy)

    def may_use_each(self, subjects: Iterable[Subject | str], purpose: str) -> Iterator[Decision]:
        """Yield one decision for each subject, in order; all from the same snapshot, looked at once, when iteration begins."""
        if not purpose:
            raise ValueError("name the purpose")
        return self._decide_each(subjects, purpose)

    def _decide_each(self, subjects: Iterable[Subject | str], purpose: str) -> Iterator[Decision]:
        view = self.current()
        for subject in subjects:
            if isinstance(view, GateReason):
                yield Decision(allowed=False, reason=view, as_of=None)
            else:
                yield self._decide(view, subject, purpose, None)

    def _decide(self, view: SnapshotView, subject: Subject | str, purpose: str, recorded: datetime | None) -> Decision:
        if isinstance(subject, str):
            subject = Subject.of(subject)
        lens = view.lens(purpose)
        if not subject.value:
            return lens.answers[GateReason.NO_SUBJECT]
        if lens.head.kinds is not None and subject.kind not in lens.head.kinds:
            return lens.answers[GateReason.UNKNOWN_KIND]
        return lens.answers[self.reason_of(lens, subject, recorded)]

    def reason_of(self, lens: PurposeView, subject: Subject, recorded: datetime | None = None) -> GateReason:
        """Return why a subject, whose kind is known, may or may not be used: under the spelling given, and under the one for all."""
        reason = self._reason_as_written(lens, subject, recorded)
        common = common_spelling(lens.head.spelling(subject.kind), subject.value)
        if common == subject.value:
            return reason
        return joint_reason(reason, self._reason_as_written(lens, Subject(subject.kind, common), recorded))

    def _reason_as_written(self, lens: PurposeView, subject: Subject, recorded: datetime | None) -> GateReason:
        if lens.former is not None and lens.former.holds(former_entry(self._key, subject.kind, subject.value)):
            return GateReason.SUPPRESSED
        return lens.reason(self.entry(subject), recorded, self._now)

    def allowed(
        self,
        data: Any,
        column: str | None,
        kind: str,
        purpose: str,
        *,
        recorded: str | None = None,
        manifest: ManifestWriter | None = None,
    ) -> Passed:
        """Return the rows that may be used for a purpose, in a value of the same type, and the number of refusals by reason.

        Args:
            data: pyarrow Table, RecordBatch, RecordBatchReader or array; polars or pandas DataFrame; or an iterable of mappings or values.
            column: the column of the identifier; None where the values themselves are the identifiers. A row without one is refused.
            kind: its kind in the data map: ``profile``.
            purpose: as in :meth:`may_use`.
            recorded: the column with the time at which a row was recorded, to refuse data that may not be kept for the purpose any more.
            manifest: enters the admitted subjects.

        Raises:
            UsageError: for a column that is missing or holds no identifiers, or data of another type.
            ValueError: when kind or purpose are not named, or the manifest is for another purpose.
        """
        if manifest is not None and manifest.purpose != purpose:
            raise ValueError("the manifest is for another purpose")
        return allowed(RowFilter(self, kind, purpose, manifest), data, column, recorded)

    def entry(self, subject: Subject) -> bytes:
        """Return the 16 bytes that stand for a subject in snapshots and manifests."""
        makers = self._own.by_kind
        maker = makers.get(subject.kind)
        if maker is None:
            maker = makers[subject.kind] = Cmac(kind_key(self._key, subject.kind))
        return maker.of(subject.value.encode("utf-8", "surrogatepass"))

    @property
    def key(self) -> bytes:
        """The gate key."""
        return self._key

    def now(self) -> datetime:
        """The gate's clock."""
        return self._now()

    # ---- the file ----------------------------------------------------------------------------------------------

    def current(self) -> SnapshotView | GateReason:
        """The snapshot as it is now, or why there is none that can be relied on."""
        if monotonic() < self._look_again:
            view = self._loaded[1]
            if not isinstance(view, GateReason):
                return self._in_time(view)
        try:
            # Why no Path: this is done for nearly every answer, and a Path takes longer than the question.
            stamp = _stamp(os.stat(self._name))  # noqa: PTH116
        except FileNotFoundError:
            self._loaded = (None, GateReason.MISSING)
            return GateReason.MISSING
        except OSError:
            self._loaded = (None, GateReason.UNREADABLE)
            return GateReason.UNREADABLE
        known, view = self._loaded
        if stamp != known:
            return self._changed(stamp, view)
        self._look_again = monotonic() + LOOK_EVERY
        return view if isinstance(view, GateReason) else self._in_time(view)

    def _in_time(self, view: SnapshotView) -> SnapshotView | GateReason:
        now = self._now()
        if now > view.latest or now - view.head.published > self._max_age:
            return GateReason.STALE
        return view if now >= view.earliest else GateReason.FUTURE

    def _changed(self, stamp: _Stamp, before: SnapshotView | GateReason) -> SnapshotView | GateReason:
        """There is another file: read it, or have it read, and answer from the one before as long as that holds."""
        if stamp[1] > READ_AT_ONCE and not isinstance(before, GateReason):
            usable = self._in_time(before)
            if not isinstance(usable, GateReason):
                if self._reading.acquire(blocking=False):
                    threading.Thread(target=self._read_beside, name="gate snapshot", daemon=True).start()
                return usable
        view = self._read(stamp)
        return view if isinstance(view, GateReason) else self._in_time(view)

    def _read_beside(self) -> None:
        try:
            self._read(None)
        finally:
            self._reading.release()

    def _read(self, seen: _Stamp | None) -> SnapshotView | GateReason:
        with self._guard:
            if seen is not None and self._loaded[0] == seen:
                return self._loaded[1]  # read by another thread meanwhile
            try:
                with self._path.open("rb") as file:
                    stamp = _stamp(os.fstat(file.fileno()))
                    self._loaded = (stamp, load(file, self._publics, self._key))
            except FileNotFoundError:
                self._loaded = (None, GateReason.MISSING)
            except OSError:
                self._loaded = (None, GateReason.UNREADABLE)
            return self._loaded[1]


class _Makers(threading.local):
    """Of each thread its own: what makes entries of each kind."""

    def __init__(self) -> None:
        self.by_kind: dict[str, Cmac] = {}


def _stamp(status: os.stat_result) -> _Stamp:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


_OPEN: weakref.WeakSet[Gate] = weakref.WeakSet()


def _after_fork() -> None:
    # Why: a lock that another thread of the parent held would stay held for ever in the child.
    for gate in list(_OPEN):
        gate._begin()  # noqa: SLF001


os.register_at_fork(after_in_child=_after_fork)
