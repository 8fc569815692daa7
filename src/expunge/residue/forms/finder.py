"""Find what the bytes of a block say in other forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from expunge.residue.forms import base85, dumps, escapes, ink, mail_words, scripts, tokens, typography, wide, words
from expunge.residue.forms.written import MOST_FORMS, Written
from expunge.residue.matching.matcher import PADDING, Bytes, Matcher, SameTraces, printed

KEPT = 1 << 10
"""Bytes of a block that the next one has to begin with: a window that is written in the longest form fits."""
MOST_HELD = 1 << 18
"""Bytes of a run that the next block begins with, so that it is read whole; a longer one is read as it comes."""
_EDGE = 4
"""Bytes at the end of a block that may be the end of a line in a run that goes on."""


class LongRun(NamedTuple):
    """A run that goes on behind a block, and is too long to be kept."""

    form: str
    begin: int
    lines: bool
    """Whether it has several lines."""


class FoundForms(NamedTuple):
    """What a block says in other forms."""

    written: list[Written]
    held: int
    """Where a run begins that goes on behind the block; the end of the block where there is none."""
    long: tuple[LongRun, ...] = ()
    """Runs that go on, and are too long to be kept."""
    sequence: int | None = None
    """Where words begin that may go on behind the block; None where there are none."""


class Before(NamedTuple):
    """What was read before of a block."""

    since: int = 0
    """Where the block ends that was read before."""
    waits: int | None = None
    """Where the first run begins that was not read then because it went on; None where all were read."""
    taken: int = 0
    """Where a long run ends that was read as it came."""


_NOTHING = Before()


def find(block: Bytes, whole: bytes, end: int, before: Before = _NOTHING, *, last: bool = True, left: bool = False) -> FoundForms:
    """Return what the runs of a block say that were not read before.

    Args:
        block: the bytes, with the padding of the matcher.
        whole: the same.
        end: where the block ends.
        before: what was read before.
        last: whether nothing is read together with what follows.
        left: whether more bytes come all the same.
    """
    held, edge = end, end if last else end - _EDGE
    since = before.since
    read = since - _EDGE if before.waits is None else min(before.waits, since - _EDGE)
    long: list[LongRun] = []
    found: list[Written] = []
    inked = ink.masks(block, end)
    dense = inked == ink.FULL
    runs = tokens.find(block, whole, end, dense)
    if runs is not None:
        if before.taken:
            runs = runs.only((runs.begins >= since) | (runs.ends > before.taken + _EDGE))
        reaching, short = runs.ends >= end - _EDGE, end - runs.begins <= MOST_HELD
        going_on = reaching & short & (not last)
        held = min(held, int(runs.begins[going_on].min(initial=end)))
        flowing = reaching & ~short & (left or not last)
        long = [LongRun(*each) for each in tokens.named(runs.only(flowing))]
        fresh = ~going_on & ~flowing & (runs.ends >= read)
        if fresh.any():
            found += tokens.gathered(block, whole, runs.only(fresh))
    signs: list[tuple[str, int, int]] = []
    for each in base85.find(whole, end, dense):
        if not last and each[2] >= edge and end - each[1] <= MOST_HELD:
            held = min(held, each[1])
        elif each[2] >= read:
            signs.append(each)
    found += base85.gathered(block, whole, signs)
    for dump in dumps.find(block, whole, end, inked):
        if not last and dump.end >= end - dumps.LINE and end - dump.begin <= MOST_HELD:
            held = min(held, dump.begin)
        elif dump.end >= read:
            found += dumps.gathered(whole, dump)
    # Why asked once: these forms need zeros, or bytes beyond ASCII.
    plain = printed(block[:end])
    wider = None if plain else wide.find(block, end)
    if wider is not None:
        going_on = (wider.ends >= edge) & (end - wider.begins <= MOST_HELD) & (not last)
        held = min(held, int(wider.begins[going_on].min(initial=end)))
        found += wide.say(block, wider.only(~going_on & (wider.ends >= read)))
    found += escapes.gathered(block, whole, end, since)
    found += () if plain else scripts.gathered(block, end, since)
    found += mail_words.gathered(whole, end, since)
    found += () if plain else typography.gathered(block, end, whole, since)
    found += words.gathered(block, whole, end, since, plain=plain)
    return FoundForms(found, held, tuple(long), None if last else words.goes_on(block, end))


Opened = Callable[[Written, Callable[[int], int]], None]
"""Takes what runs say, and a function from a place in it to the place in the data."""


def windows(matcher: Matcher, data: bytes, opened: Opened | None = None, forms: int = MOST_FORMS) -> Iterator[tuple[int, SameTraces]]:
    """Yield (place in the data, traces) for each traced window that the data holds in another form, or in forms in one another."""
    padded = np.frombuffer(data + bytes(PADDING), dtype=np.uint8)
    for written in find(padded, data + bytes(PADDING), len(data)).written:
        inner = np.frombuffer(written.data + bytes(PADDING), dtype=np.uint8)
        for offset, size, alike in matcher.find(inner, len(written.data)):
            if written.shows(offset, size):
                yield written.place(offset), alike
        if written.leaf:
            continue
        if opened is not None:
            opened(written, written.place)
        if forms > 1:
            further = _further(opened, written) if opened is not None else None
            yield from ((written.place(offset), alike) for offset, alike in windows(matcher, written.data, further, forms - 1))


def _further(opened: Opened, outer: Written) -> Opened:
    return lambda written, place: opened(written, lambda offset: outer.place(place(offset)))
