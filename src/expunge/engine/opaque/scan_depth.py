"""How much of a store a look reads: all of it, what has changed since an earlier look of the same order, or a sample.

The shelf holds ``looked-<whose>-<store>``: when the last look began, which traces it looked for, and a keyed digest of each file in
which it saw none of them, with the file's stamp. A later look passes over the bytes of a file whose digest is the same. A file with a
sighting, of people who stay as well, is read again: so the same hits are explained anew, and the same controls are seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from expunge.core.datamap.grounding import ScanDepth
from expunge.core.evidence.trace_evidence import blinding
from expunge.core.evidence.traces import Traces
from expunge.core.values import canonical
from expunge.core.values.ids import OrderId
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.shelf_words import shelf_word
from expunge.errors import EvidenceInvalid
from expunge.ports.scanner import FileStamp, ScanExtent, Scanned

_DIGEST = 16
_TICK_NS = 2 * 10**9
"""A file that changed so short a time before it was stamped may change again without another stamp."""
_FEWEST_PLACES = 5
"""As many as a scan reports at least: of a trace with fewer places, all are known."""


ALL = "all"
"""Stands for the order where a look was for everybody of a round."""


@dataclass
class LookExtent:
    """The extent of one look at one store, and what it tells the next look of the same order."""

    context: Context
    owner: OrderId
    """Whose shelf has the traces."""
    store: str
    whose: str = ALL
    """The order whose people were looked for, and nobody else."""
    since: datetime | None = None
    """When the look began whose files are passed over; None where everything is read."""
    earlier: frozenset[bytes] = frozenset()
    _began: datetime = field(init=False)
    _stamps: dict[Path, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began = self.context.clock.now()
        self._depth = self.context.data_map.stores[self.store].scan
        self._key = self.context.keys.trace_key(self.owner) if self._depth is ScanDepth.CHANGED else b""

    @property
    def sampled(self) -> bool:
        """Whether a sample is read."""
        return self._depth is ScanDepth.SAMPLE

    def scan(self) -> ScanExtent:
        """Return the extent for the scanner, once for each attempt."""
        self._stamps.clear()
        if self.sampled:
            return ScanExtent(draw=lambda below: int.from_bytes(self.context.random(4)) % below)
        return ScanExtent(passes=self._passes) if self._depth is ScanDepth.CHANGED else ScanExtent()

    def _passes(self, path: Path, stamp: FileStamp) -> bool:
        now = int(self.context.clock.now().timestamp() * 10**9)
        digest = blake2b(f"{stamp!r}".encode() + bytes(path), key=self._key, digest_size=_DIGEST).digest()
        if max(stamp[3:]) < now - _TICK_NS:
            self._stamps[path] = digest
        return digest in self.earlier

    def remember(self, scanned: Scanned, traces: Traces, places: int | None) -> None:
        """Put on the shelf what a later look may pass over: nothing where it is not known in which files what was seen.

        Args:
            scanned: the scan, with its places.
            traces: what it looked for.
            places: how many of each trace it reported at most; None for the scanner's own few.
        """
        if self._depth is not ScanDepth.CHANGED:
            return
        counts = Counter(each.trace for each in scanned.found)
        most = _FEWEST_PLACES if places is None else places
        if blinding(scanned.coverage.skipped) or any(
            count >= most and trace.subject not in traces.controls for trace, count in counts.items()
        ):
            self.context.shelf.remove(self.owner, _name(self.whose, self.store))
            return
        read = {each.path for each in scanned.found} | {each.path for each in scanned.unread}
        head = canonical.encode({"at": self._began.astimezone(UTC).isoformat(), "traces": _traced(self.context, self.owner)})
        digests = sorted(digest for path, digest in self._stamps.items() if path not in read)
        self.context.shelf.put(self.owner, _name(self.whose, self.store), b"".join((head, b"\n", *digests)))


def later(context: Context, owner: OrderId, store: str, order: OrderId) -> LookExtent:
    """Return the extent of a later look of an order: of what has changed since the last look, where the map says so and that is known."""
    extent = LookExtent(context, owner, store, order)
    if context.data_map.stores[store].scan is not ScanDepth.CHANGED:
        return extent
    for whose in (order, ALL):
        head, _, digests = (context.shelf.get(owner, _name(whose, store)) or b"").partition(b"\n")
        match _said(head):
            case {"at": str(at), "traces": list(traced)} if traced == _traced(context, owner):
                extent.since = datetime.fromisoformat(at)
                extent.earlier = frozenset(digests[start : start + _DIGEST] for start in range(0, len(digests), _DIGEST))
                return extent
    return extent


def _said(head: bytes) -> canonical.Json:
    try:
        return canonical.decode(head) if head else None
    except EvidenceInvalid:
        # A hint that was damaged is none.
        return None


def _name(whose: str, store: str) -> str:
    return f"looked-{whose}-{shelf_word(store)}"


def _traced(context: Context, owner: OrderId) -> list[canonical.Json]:
    """Name the files of the shelf that say what is looked for: with others, an earlier look says nothing."""
    return [each for each in sorted(context.shelf.names(owner)) if each.startswith(("traces-", "crowded-"))]
