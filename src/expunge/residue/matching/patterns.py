"""The traces that a scan looks for, as columns of numbers: small, quick to sort, and quick to hand to another process."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from expunge.core.evidence.traces import Trace, Traces

DIGEST = 16


@dataclass(frozen=True)
class TracePatterns:
    """Fingerprints of traces; one row each."""

    key: bytes = field(repr=False)
    """The trace key that makes them comparable."""
    indexes: npt.NDArray[np.int64]
    """Which trace a row is, ascending."""
    anchors: npt.NDArray[np.uint64] = field(repr=False)
    widths: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.uint8]
    folds: npt.NDArray[np.uint8]
    """How far each is folded."""
    ends: npt.NDArray[np.uint16] = field(repr=False)
    """Hashes of their last bytes, or 0."""
    digests: bytes = field(repr=False)
    """16 bytes for each row."""
    controls: frozenset[int] = frozenset()
    """Those of the indexes whose traces are of bystanders."""

    def digest(self, row: int) -> bytes:
        """Return the deciding digest of a row."""
        return self.digests[DIGEST * row : DIGEST * (row + 1)]

    def only(self, rows: npt.NDArray[np.bool_]) -> TracePatterns:
        """Return some of them."""
        if rows.all():
            return self
        digests = np.frombuffer(self.digests, np.uint8).reshape(-1, DIGEST)[rows].tobytes()
        columns = (self.indexes[rows], self.anchors[rows], self.widths[rows], self.lengths[rows], self.folds[rows], self.ends[rows])
        return TracePatterns(self.key, *columns, digests, self.controls)

    @classmethod
    def of(cls, traces: Traces, wanted: Iterable[int] | None = None) -> TracePatterns:
        """All traces, or those of the given indexes."""
        indexes = np.arange(len(traces.traces)) if wanted is None else np.unique(np.fromiter(wanted, dtype=np.int64))
        chosen = traces.traces if wanted is None else [traces.traces[index] for index in indexes.tolist()]
        # Why all at once: a scan of little has hundreds of thousands of traces as well.
        columns = dict(zip(Trace._fields, zip(*chosen, strict=True), strict=True)) if chosen else dict.fromkeys(Trace._fields, ())
        widths, lengths, folds = (np.frombuffer(bytes(columns[name]), np.uint8) for name in ("width", "length", "fold"))
        subjects = zip(indexes.tolist(), columns["subject"], strict=True) if traces.controls else ()
        return cls(
            traces.key,
            indexes.astype(np.int64),
            np.frombuffer(array("Q", columns["anchor"]), np.uint64),
            widths,
            lengths,
            folds,
            np.frombuffer(array("H", columns["end"]), np.uint16),
            b"".join(columns["digest"]),
            frozenset(index for index, subject in subjects if subject in traces.controls),
        )
