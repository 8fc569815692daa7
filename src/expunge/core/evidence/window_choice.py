"""The choice of windows: exclusive ones first. Of a value that has any, windows that many places hold are not looked for.

A look before the erasure counts the places of each window in a store. A window with more than :data:`CROWD` places is *crowded*: each of
its places would have to be explained after the erasure, and nearly all of them are other people's. Four rules say which crowded windows a
store is not searched for:

1. A window that has an exclusive one beside it. A window is exclusive if a scan saw it before the erasure, in a form of the content as it
   is, and it is not crowded in this store. *Beside* means: taken from the same value of the same item. Where several values of a person
   have the crowded window, each of them needs an exclusive one.
2. Of a value that has no exclusive window, all but the one with the fewest places.
3. Never an identifier of the order, in any form. A fragment of one is no identifier.
4. Never a window of a bystander, or of what is made from everybody's data.

So each value keeps a window by which a scan can tell that it is gone.
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from expunge.core.evidence.traces import Trace, Traces
from expunge.core.values.ids import Pseudonym

CROWD = 16
"""Places of a window in one store up to which each of them is explained, whatever else its value has."""
COUNTED = 1024
"""Places up to which a look before the erasure counts."""
AS_IT_IS = frozenset({"utf-8", "bytes", "pcm16", "float32", "float16", "float64"})
"""Forms of content as it is."""
FRAGMENT = "fragment"
"""The form of a part of a short value."""
_COUNT = struct.Struct(">16sI")
Window = tuple[str, Pseudonym, bytes]
"""Dataset, subject and digest of a trace."""
Value = tuple[str, int]
"""The file of traces and the number of a value in it."""


class ValueCount(NamedTuple):
    """The values of one person in one dataset that are long enough to be looked for."""

    values: int = 0
    with_window: int = 0
    """Those of which a window is looked for."""

    @property
    def share(self) -> int:
        """Those with a window in percent, in steps of ten, rounded down."""
        return self.with_window * 10 // self.values * 10 if self.values else 0


NONE_COUNTED = ValueCount()


def window(trace: Trace) -> Window:
    """Return what tells a trace from all others of an order."""
    return trace.dataset, trace.subject, trace.digest


def dump_values(values: Sequence[Sequence[int]]) -> bytes:
    """Pack the numbers of the values that each trace was taken from, in the sequence of the traces."""
    return b"".join(struct.pack(f">{1 + len(numbers)}I", len(numbers), *numbers) for numbers in values)


def load_values(data: bytes) -> Iterator[tuple[int, ...]]:
    """Unpack what :func:`dump_values` packed; what was cut off is missing."""
    words = [word for (word,) in struct.iter_unpack(">I", data[: len(data) // 4 * 4])]
    at = 0
    while at < len(words) and at + words[at] < len(words):
        yield tuple(words[at + 1 : at + 1 + words[at]])
        at += 1 + words[at]


def dump_value_counts(counts: Mapping[tuple[Pseudonym, str], ValueCount]) -> bytes:
    """Pack how many values each person has in each dataset, and how many of them have a window."""
    people: dict[str, dict[str, list[int]]] = {}
    for (subject, dataset), count in sorted(counts.items()):
        people.setdefault(dataset, {})[subject] = list(count)
    return json.dumps(people, separators=(",", ":")).encode()


def load_value_counts(files: Iterable[bytes]) -> dict[tuple[Pseudonym, str], ValueCount]:
    """Return the sums of what :func:`dump_value_counts` packed for several rounds or stores."""
    values: Counter[tuple[Pseudonym, str]] = Counter()
    having: Counter[tuple[Pseudonym, str]] = Counter()
    for data in files:
        for dataset, people in json.loads(data).items():
            for subject, (count, with_window) in people.items():
                values[Pseudonym(subject), dataset] += count
                having[Pseudonym(subject), dataset] += with_window
    return {whose: ValueCount(count, having[whose]) for whose, count in values.items()}


def dump_counts(traces: Traces, counts: Mapping[int, int]) -> bytes:
    """Pack the places of crowded traces, by digest."""
    return b"".join(sorted(_COUNT.pack(traces.traces[index].digest, places) for index, places in counts.items()))


def load_counts(data: bytes) -> dict[bytes, int]:
    """Unpack what :func:`dump_counts` packed, as digest -> places; nothing where the bytes are cut off."""
    return dict(_COUNT.iter_unpack(data)) if len(data) % _COUNT.size == 0 else {}


def left_out(
    traces: Traces,
    values: Mapping[Window, Collection[Value]],
    seen: Collection[int],
    crowded: Mapping[int, int],
    identifiers: Collection[bytes],
    whole: Collection[Pseudonym],
) -> frozenset[int]:
    """Return the windows that are not looked for in a store, as indexes.

    Args:
        traces: all of the order.
        values: window -> the values that it was taken from. A window without any is looked for.
        seen: windows that any look of the order saw before anything was erased.
        crowded: windows that were crowded in this store, with the places that were counted.
        identifiers: digests of the traces of the order's identifiers (rule 3).
        whole: subjects of whom every window is looked for (rule 4).
    """

    def sources(index: int) -> Collection[Value]:
        return values.get(window(traces.traces[index]), ())

    there = [index for index in seen if traces.traces[index].form in AS_IT_IS]
    exclusive = {value for index in there if index not in crowded for value in sources(index)}
    fewest: dict[Value, int] = {}
    for index in there:
        if index in crowded:
            for value in sources(index):
                fewest[value] = min(crowded[index], fewest.get(value, crowded[index]))
    return frozenset(
        index
        for index, places in crowded.items()
        if sources(index)
        and all(value in exclusive or places > fewest.get(value, places) for value in sources(index))
        and traces.traces[index].digest not in identifiers
        and traces.traces[index].subject not in whole
    )
