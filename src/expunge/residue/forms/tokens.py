"""Runs of letters and digits without a space: base64, base32, hexadecimal. They are found by words of eight bytes, and then exactly."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.residue.forms.written import Places, Written
from expunge.residue.matching.matcher import Bytes

SHORTEST = 22
"""Characters of the shortest run: two whole words, wherever it begins."""
LONG = 512
"""Characters from which on a run is read by itself, so that a container in it ends where it ends."""
_ONES = 0x0101010101010101
_LOWEST, _HIGH = np.uint64(_ONES * 0x2B), np.uint64(_ONES * 0x80)
_CLOSE = 3
"""Words between two stretches that may be the end of a line."""
_LINE = 40
"""Characters of the shortest line of a run of several."""
_LETTER, _HEX, _UPPER = 1, 2, 4
_CLASS = np.zeros(256, np.uint8)
_CLASS[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_", np.uint8)] = _LETTER
_CLASS[np.frombuffer(b"0123456789abcdefABCDEF", np.uint8)] |= _HEX
_CLASS[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", np.uint8)] |= _UPPER
_CLASS_TABLE = _CLASS.tobytes()
_DENSE = 4
"""Where such words are one part in so many of a block, all of it is looked at."""
_PART = 1 << 14
"""Words that are looked at together."""
_TO_PLAIN = bytes.maketrans(b"-_", b"+/")
_UUID, _DASH = 36, ord("-")
_BEFORE = frozenset(b"\"',:;= \r\n\t>(.")
"""What stands before a value that begins where its run does."""
_ENDS = bytes(each for each in range(256) if not _CLASS[each])
_GROUPS = {"hex": (2, 1), "base32": (8, 5), "base64": (4, 3)}
_FILLED = {"base64": (1, 2), "base32": (1, 3, 4, 6)}


class Runs(NamedTuple):
    """The runs of a block, as columns: one row each. A run of several lines is one."""

    begins: Places
    ends: Places
    """Where the last character ends; what fills it up comes behind."""
    sizes: Places
    """Its characters, without ends of lines."""
    kinds: npt.NDArray[np.uint8]
    """The classes that all of its characters have."""
    lines: npt.NDArray[np.bool_]
    """Whether it has several lines."""

    def only(self, chosen: npt.NDArray[np.bool_]) -> Runs:
        """Return some of them."""
        return Runs(self.begins[chosen], self.ends[chosen], self.sizes[chosen], self.kinds[chosen], self.lines[chosen])


def find(block: Bytes, whole: bytes, end: int) -> Runs | None:
    """Return the runs of a block; None where there are none."""
    stretches = _stretches(block, end)
    if stretches is None:
        return None
    firsts, lasts = stretches
    sizes = lasts - firsts
    if int(sizes.sum()) > end // _DENSE:
        places = None
        text = block[:end]
        kinds = np.frombuffer(bytearray(whole[:end].translate(_CLASS_TABLE)), np.uint8)
    else:
        places = np.arange(int(sizes.sum())) + np.repeat(firsts - np.cumsum(sizes) + sizes, sizes)
        text = block[places]
        kinds = _CLASS[text]
    # what PostgreSQL begins bytes in hexadecimal with
    (slashes,) = (text[:-1] == ord("\\")).nonzero()
    kinds[slashes[text[slashes + 1] == ord("x")] + 1] = 0
    letters = kinds != 0
    change = np.empty(letters.size + 1, np.bool_)
    change[0] = change[-1] = True
    np.not_equal(letters[1:], letters[:-1], out=change[1:-1])
    if places is not None:
        change[1:-1] |= places[1:] - places[:-1] != 1
    edges = change.nonzero()[0]
    of_letters = letters[edges[:-1]]
    starts, stops = edges[:-1][of_letters], edges[1:][of_letters]
    if not starts.size or (stops - starts).max() < SHORTEST:
        return None
    every = np.bitwise_and.reduceat(kinds, edges[:-1])[of_letters]
    if places is not None:
        starts, stops = places[starts], places[stops - 1] + 1
    return _of_lines(block, starts, stops, every)


def _stretches(block: Bytes, end: int) -> tuple[Places, Places] | None:
    """Return where words without a space, a quotation mark or a byte beyond ASCII follow one another, with something around."""
    count = end // 8
    if count < 2:
        return None
    words = np.ndarray((count,), dtype="<u8", buffer=block)
    clean = np.empty(count, np.bool_)
    for base in range(0, count, _PART):
        # Why in parts: what fits into the caches is several times as fast.
        part = words[base : base + _PART]
        bad = part - _LOWEST
        bad |= part
        bad &= _HIGH
        np.equal(bad, 0, out=clean[base : base + _PART])
    (at,) = (clean[1:] & clean[:-1]).nonzero()
    if not at.size:
        return None
    breaks = (np.diff(at) > _CLOSE + 1).nonzero()[0]
    firsts = np.maximum(at[np.concatenate(([0], breaks + 1))] * 8 - 8, 0)
    lasts = at[np.concatenate((breaks, [at.size - 1]))] * 8 + 24
    # Why so far behind a long one: the last line of a wrapped run may be short.
    lasts = np.minimum(lasts + np.where(lasts - firsts > _LINE, 88, 0), end)
    lasts[:-1] = np.minimum(lasts[:-1], firsts[1:])
    return firsts, lasts


def _of_lines(block: Bytes, begins: Places, ends: Places, kinds: npt.NDArray[np.uint8]) -> Runs | None:
    """Put lines of the same length and kind together, and a last one that is shorter; leave out what is too short."""
    sizes = ends - begins
    gap = begins[1:] - ends[:-1]
    ends_line = (block[ends[:-1]] == 10) | ((block[ends[:-1]] == 13) & (block[ends[:-1] + 1] == 10) & (gap > 1))
    behind = ends[:-1] + 1 + (block[ends[:-1]] == 13)
    ends_line &= (behind == begins[1:]) | ((behind + 1 == begins[1:]) & ((block[behind] == 32) | (block[behind] == 9)))
    joins = ends_line & (sizes[:-1] >= _LINE) & (sizes[1:] <= sizes[:-1]) & (sizes[:-1] % 4 == 0)
    joins &= (kinds[:-1] & (_HEX | _UPPER)) == (kinds[1:] & (_HEX | _UPPER)) & (kinds[:-1] & (_HEX | _UPPER))
    if joins.any():
        heads = np.concatenate(([True], ~joins)).nonzero()[0]
        several = np.diff(np.concatenate((heads, [sizes.size]))) > 1
        kinds, sizes = np.bitwise_and.reduceat(kinds, heads), np.add.reduceat(sizes, heads)
        begins, ends = begins[heads], ends[np.concatenate((heads[1:] - 1, [ends.size - 1]))]
    else:
        several = np.zeros(sizes.size, np.bool_)
    enough = sizes >= SHORTEST
    uuids = ((sizes == _UUID) & (block[begins + 8] == _DASH) & (block[begins + 13] == _DASH)).nonzero()[0]
    enough[uuids[block[begins[uuids] + 18] == _DASH]] = False
    return Runs(begins[enough], ends[enough], sizes[enough], kinds[enough], several[enough]) if enough.any() else None


def gathered(block: Bytes, whole: bytes, runs: Runs) -> Iterator[Written]:
    """Yield what the runs say in each way in which they may have to be read: long ones alone, short ones of a form together."""
    hexadecimal = runs.kinds & _HEX != 0
    upper = (runs.kinds & _UPPER != 0) & ~hexadecimal
    for form, chosen in (("hex", hexadecimal), ("base32", upper), ("base64", ~hexadecimal)):
        if not chosen.any():
            continue
        some = runs.only(chosen)
        alone = (some.sizes >= LONG) | some.lines
        for at in alone.nonzero()[0].tolist():
            yield from _long(form, whole, int(some.begins[at]), int(some.ends[at]), several=bool(some.lines[at]))
        if not alone.all():
            yield from _short(form, block, some.only(~alone))


def _filling(whole: bytes, end: int) -> int:
    """Count the signs behind a run that fill it up."""
    count = 0
    while whole[end + count : end + count + 1] == b"=" and count < 7:
        count += 1
    return count


def _long(form: str, whole: bytes, begin: int, end: int, *, several: bool) -> Iterator[Written]:
    text = whole[begin:end].translate(_TO_PLAIN, _ENDS if several else b"")
    group = _GROUPS[form][0]
    filling = _filling(whole, end)
    phases: Sequence[int] = range(group)
    if filling in _FILLED.get(form, ()):
        phases = ((len(text) + filling) % group,)
    elif several or (form == "base64" and begin and whole[begin - 1] in _BEFORE):
        phases = (0,)
    step = (_GROUPS[form][0] * (end - begin), _GROUPS[form][1] * len(text))
    for phase in phases:
        yield Written(form, _say(form, text[phase:]), [(begin + phase, end, 0)], step)


def _say(form: str, text: bytes) -> bytes:
    if form == "hex":
        return binascii.unhexlify(text[: len(text) // 2 * 2])
    if form == "base32":
        keep = len(text) - {1: 1, 3: 1, 6: 1}.get(len(text) % 8, 0)
        return base64.b32decode(text[:keep] + b"=" * (-keep % 8))
    keep = len(text) - (len(text) % 4 == 1)
    return binascii.a2b_base64(text[:keep] + b"=" * (-keep % 4))


def _short(form: str, block: Bytes, runs: Runs) -> Iterator[Written]:
    """Yield what runs of one line say, each form in one piece, for each of its phases."""
    group, makes = _GROUPS[form]
    fill = (block[runs.ends] == ord("=")).astype(np.int64)
    fill += fill & (block[runs.ends + 1] == ord("="))
    known = (runs.sizes + fill) % group if form == "base64" else runs.sizes
    for phase in range(group):
        chosen = (fill == 0) | (known == phase) if form == "base64" else np.ones(runs.sizes.size, np.bool_)
        if not chosen.any():
            continue
        begins, sizes = runs.begins[chosen] + phase, runs.sizes[chosen] - phase
        # filled up to whole groups, and one more group between two runs
        rooms = (sizes + group - 1) // group * group + group
        offsets = np.cumsum(rooms) - rooms
        text = np.full(int(rooms.sum()), ord("0") if form == "hex" else ord("A"), np.uint8)
        each = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        text[np.repeat(offsets, sizes) + each] = block[np.repeat(begins, sizes) + each]
        starts = offsets // group * makes
        said = _say(form, text.tobytes().translate(_TO_PLAIN))
        yield Written(form, said, np.stack([begins, begins + sizes, starts], axis=1), (group, makes))
