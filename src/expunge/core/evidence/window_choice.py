"""The choice of windows: of a value that has exclusive windows, those that many places hold are left out.

A look before the erasure counts the places of each window, up to :data:`CROWD`. A window with more places is *crowded*: that a scan sees it
after the erasure says next to nothing, and each of its places would have to be explained. A crowded window is not looked for in a store if
all of this holds:

1. Another window of the same value is exclusive: a scan saw it before anything was erased, and it is not crowded in this store.
2. That other window is of the content as it is, not of another written form or a fragment.
3. The crowded window is no identifier of the order.

So each value keeps a window that can show that it is gone. A value all of whose windows are crowded keeps every one of them.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence

from expunge.core.evidence.traces import Trace, Traces
from expunge.core.values.ids import Pseudonym

CROWD = 16
"""Places of a window in one store up to which each of them is explained, whatever else its value has."""
AS_IT_IS = frozenset({"utf-8", "bytes", "pcm16", "float32", "float16", "float64"})
"""Forms of content as it is."""
Window = tuple[str, Pseudonym, bytes]
"""Dataset, subject and digest of a trace."""


def window(trace: Trace) -> Window:
    """Return what tells a trace from all others of an order."""
    return trace.dataset, trace.subject, trace.digest


def dump(values: Sequence[int]) -> bytes:
    """Pack the number of the value that each trace was taken from, in the sequence of the traces."""
    return struct.pack(f">{len(values)}I", *values)


def load(data: bytes, count: int) -> tuple[int, ...]:
    """Unpack what :func:`dump` packed for so many traces; nothing where the bytes are of another length."""
    return struct.unpack(f">{count}I", data) if len(data) == 4 * count else ()


def left_out(
    traces: Traces,
    values: Mapping[Window, tuple[str, int]],
    seen: Collection[int],
    crowded: Collection[int],
    identifiers: Collection[bytes],
    whole: Collection[Pseudonym],
) -> frozenset[int]:
    """Return the windows that are not looked for in a store, as indexes.

    Args:
        traces: all of the order.
        values: window -> the value that it was taken from.
        seen: windows that any look of the order saw before anything was erased.
        crowded: windows that were crowded in this store.
        identifiers: digests of the traces of the order's identifiers.
        whole: subjects of whom every window counts: bystanders, and what is made from everybody's data.
    """
    there = frozenset(seen) - frozenset(crowded)
    exclusive = {values[key] for index in there if (trace := traces.traces[index]).form in AS_IT_IS and (key := window(trace)) in values}
    return frozenset(
        index
        for index in crowded
        if (trace := traces.traces[index]).subject not in whole
        and trace.digest not in identifiers
        and values.get(window(trace)) in exclusive
    )
