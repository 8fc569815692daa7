"""Runs of letters and digits without a space: base64, base32, hexadecimal. They are found by words of eight bytes, and then exactly."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.residue.forms.written import LONG, Places, Written, in_groups
from expunge.residue.matching.marks import marked
from expunge.residue.matching.matcher import Bytes

SHORTEST = 22
"""Characters of the shortest run: two whole words, at seven of eight places. Identifiers that say no more have windows in base64 too."""
_ONES = 0x0101010101010101
_LOWEST, _HIGH = np.uint64(_ONES * 0x2B), np.uint64(_ONES * 0x80)
_CLOSE = 3
"""Words between two stretches that may be the end of a line."""
_LINE = 16
"""Characters of the shortest line of a run of several."""
_FURTHER = 40
"""Bytes from which on a stretch may be a run of several lines."""
_LETTER, _HEX, _UPPER, _LOWER, _WORD = 1, 2, 4, 8, 16
"""Kinds of runs; the last is that of a run of letters of one case, which is no base64 by itself."""
_KINDS = _HEX | _UPPER | _LOWER
_CLASS = np.zeros(256, np.uint8)
_CLASS[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_", np.uint8)] = _LETTER
_CLASS[np.frombuffer(b"0123456789abcdefABCDEF", np.uint8)] |= _HEX
_CLASS[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", np.uint8)] |= _UPPER
_CLASS[np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)] |= _LOWER
_CLASS_TABLE = _CLASS.tobytes()
_SHORT = 64
"""Characters of a run up to which base64 is told from words by its capitals and small letters."""
_FEWEST_OF_A_CASE = 2
"""Capitals, and small letters, of the shortest base64: one of 22 characters with fewer is rarer than one in five thousand."""
_DENSE = 4
"""Where such words are one part in so many of a block, all of it is looked at."""
TO_PLAIN = bytes.maketrans(b"-_", b"+/")
_UUID, _DASH = 36, ord("-")
_BEFORE = frozenset(b"\"',:;= \r\n\t>(.")
"""What stands before a value that begins where its run does."""
_LETTERS_OF = {kind: bytes(each for each in range(256) if _CLASS[each] & kind == kind) for kind in set(_CLASS.tolist())}
_LINE_BEFORE = re.compile(rb"[A-Za-z0-9+/_-]\r?\n[ \t]?\Z")
"""A line of letters right before the first line of a run: a shorter one, behind other words."""
_FEWEST_LINES = 3
"""Lines of the shortest run of very short ones."""
_ENDS = bytes(each for each in range(256) if not _CLASS[each])
_DIGITS = np.zeros(256, np.uint64)
for _letters in (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"abcdefghijklmnopqrstuvwxyz234567"):
    _DIGITS[np.frombuffer(_letters, np.uint8)] = range(32)
_SHIFTS = np.arange(35, -1, -5).astype(np.uint64)
GROUPS = {"hex": (2, 1), "base32": (8, 5), "base64": (4, 3)}
"""Of each form: the letters of a group, and the bytes that they say."""
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

    def beside(self, other: Runs) -> Runs:
        """Return these and others."""
        if not other.begins.size:
            return self
        begins, ends, sizes = (np.concatenate(each) for each in zip(self[:3], other[:3], strict=True))
        return Runs(begins, ends, sizes, np.concatenate((self.kinds, other.kinds)), np.concatenate((self.lines, other.lines)))

    def only(self, chosen: npt.NDArray[np.bool_]) -> Runs:
        """Return some of them."""
        return Runs(self.begins[chosen], self.ends[chosen], self.sizes[chosen], self.kinds[chosen], self.lines[chosen])


def find(block: Bytes, whole: bytes, end: int, dense: npt.NDArray[np.bool_]) -> Runs | None:
    """Return the runs of a block, and those of fewer kinds of letters within others; None where there are none.

    ``dense`` says which words of eight bytes have neither a space nor a byte beyond ASCII.
    """
    stretches = _stretches(block, end, dense)
    if stretches is None:
        return None
    firsts, lasts = stretches
    sizes = lasts - firsts
    if int(sizes.sum()) > end // _DENSE:
        places, joints = None, np.zeros(0, np.int64)
        kinds = np.frombuffer(whole[:end].translate(_CLASS_TABLE), np.uint8)
    else:
        joints = np.cumsum(sizes) - sizes
        places = np.arange(int(sizes.sum())) + np.repeat(firsts - joints, sizes)
        joints = joints[1:][firsts[1:] != lasts[:-1]]
        kinds = _CLASS[block[places]]
    edges = _edges(kinds != 0, joints)
    starts, stops = _lines(edges, kinds, joints, lambda stops: block[_ends(places, stops)])
    longest = int((stops - starts).max(initial=0))
    if longest < SHORTEST and (longest < _LINE or not _may_be_lines(block, *_placed(places, starts, stops))):
        return None
    every = _of_all(kinds, starts, stops)
    text = block[:end] if places is None else block[places]
    every[_one_case(text, starts, stops) & (every & _KINDS == 0)] |= _WORD
    within = [_within(kinds, joints, starts, every, kind) for kind in (_HEX, _UPPER, _LOWER)] if longest >= SHORTEST else []
    runs = _of_lines(block, whole, end, *_placed(places, starts, stops), every)
    for inner in within:
        if inner is not None:
            begins, ends = _placed(places, inner[0], inner[1])
            runs = runs.beside(Runs(begins, ends, ends - begins, inner[2], np.zeros(begins.size, np.bool_)))
    return runs if runs.begins.size else None


def _one_case(text: Bytes, starts: Places, stops: Places) -> npt.NDArray[np.bool_]:
    """Return which short runs have too few capitals, or too few small letters, for base64: keys, dates and words that are joined."""
    found = np.zeros(starts.size, np.bool_)
    (short,) = ((stops - starts >= SHORTEST) & (stops - starts <= _SHORT)).nonzero()
    for first in (ord("A"), ord("a")):
        if short.size:
            bounds = np.stack([starts[short], np.minimum(stops[short], text.size - 1)], axis=1).ravel()
            # Why in bytes: what lies between two runs may be too much for one, and is not asked for.
            few = np.add.reduceat((text - np.uint8(first) < 26).view(np.uint8), bounds, dtype=np.uint8)[::2] < _FEWEST_OF_A_CASE
            found[short[few]] = True
            # Why fewer: most are told by the first of the two.
            short = short[~few]
    return found


def _may_be_lines(block: Bytes, begins: Places, ends: Places) -> bool:
    """Return whether any run is long enough for a line, and ends with it."""
    behind = block[ends[ends - begins >= _LINE]]
    return bool(((behind == 10) | (behind == 13)).any())


def _placed(places: Places | None, starts: Places, stops: Places) -> tuple[Places, Places]:
    return (starts if places is None else places[starts]), _ends(places, stops)


def _ends(places: Places | None, stops: Places) -> Places:
    return stops if places is None else places[stops - 1] + 1


def _edges(inside: npt.NDArray[np.bool_], joints: Places) -> Places:
    """Return where a mask changes, where pieces of text are put together, and both ends."""
    change = np.empty(inside.size + 1, np.bool_)
    change[0] = change[-1] = True
    np.not_equal(inside[1:], inside[:-1], out=change[1:-1])
    change[joints] = True
    return marked(change)


def _lines(edges: Places, kinds: npt.NDArray[np.uint8], joints: Places, behind: Callable[[Places], Bytes]) -> tuple[Places, Places]:
    """Return where the runs of letters begin and end that may be lines, and where each next one does: a last line may be short.

    ``behind`` tells of ends of runs which bytes of the block follow there.
    """
    if joints.size:
        of_letters = kinds[edges[:-1]] != 0
        starts, stops = edges[:-1][of_letters], edges[1:][of_letters]
    else:
        # Why so: where nothing was put together, each second one is of letters.
        first = int(kinds[0] == 0)
        starts, stops = edges[first:-1:2], edges[first + 1 :: 2]
    kept = stops - starts >= _LINE
    (long,) = kept[:-1].nonzero()
    following = behind(stops[long])
    kept[long[(following == 10) | (following == 13)] + 1] = True
    return starts[kept], stops[kept]


def _of_all(kinds: npt.NDArray[np.uint8], starts: Places, stops: Places) -> npt.NDArray[np.uint8]:
    """Return the classes that all characters of each run have."""
    every = np.full(starts.size, _LETTER, np.uint8)
    whole = (starts + 7) >> 3
    words = kinds[: kinds.size // 8 * 8].view(np.uint64)
    rest = stops - starts < 2 * 8 - 1
    # Why first: a word that lies in a run whole shows of most that they have nothing more in common.
    some = words.take(whole, mode="clip")
    some &= np.uint64(_ONES * _KINDS)
    for bits in (32, 16, 8):
        some &= some >> np.uint64(bits)
    rest |= some & np.uint64(_KINDS) != 0
    if rest.any():
        bounds = np.stack([starts[rest], stops[rest]], axis=1).ravel()
        if bounds[-1] == kinds.size:
            bounds = bounds[:-1]
        every[rest] = np.bitwise_and.reduceat(kinds, bounds)[::2]
    return every


def _within(
    kinds: npt.NDArray[np.uint8], joints: Places, starts: Places, every: npt.NDArray[np.uint8], kind: int
) -> tuple[Places, Places, npt.NDArray[np.uint8]] | None:
    """Return the runs of one kind of letters that lie in runs of other letters: hexadecimal behind ``0x``, base32 between slashes."""
    words = kinds[: kinds.size // 8 * 8].view(np.uint64) & np.uint64(_ONES * kind)
    full = words == np.uint64(_ONES * kind)
    at = (full[1:] & full[:-1]).nonzero()[0] * 8
    if at.size:
        at = at[every[np.searchsorted(starts, at, side="right") - 1] & _KINDS == 0]
    if not at.size:
        return None
    edges = _edges(kinds & kind != 0, joints)
    here = np.unique(np.searchsorted(edges, at, side="right") - 1)
    begins, ends = edges[here], edges[here + 1]
    enough = ends - begins >= SHORTEST
    return begins[enough], ends[enough], np.full(int(enough.sum()), _LETTER | kind, np.uint8)


def _stretches(block: Bytes, end: int, dense: npt.NDArray[np.bool_]) -> tuple[Places, Places] | None:
    """Return where words of nothing but letters, digits and the signs among them follow one another, with something around."""
    (at,) = (dense[1:] & dense[:-1]).nonzero()
    if at.size:
        words = np.ndarray((dense.size,), dtype="<u8", buffer=block)
        first, second = words[at], words[at + 1]
        at = at[((first - _LOWEST | second - _LOWEST) & _HIGH) == 0]
    if not at.size:
        return None
    breaks = (np.diff(at) > _CLOSE + 1).nonzero()[0]
    firsts = np.maximum(at[np.concatenate(([0], breaks + 1))] * 8 - 8, 0)
    lasts = at[np.concatenate((breaks, [at.size - 1]))] * 8 + 24
    # Why so far behind a long one: the last line of a wrapped run may be short.
    lasts = np.minimum(lasts + np.where(lasts - firsts > _FURTHER, 88, 0), end)
    lasts[:-1] = np.minimum(lasts[:-1], firsts[1:])
    return firsts, lasts


def _of_lines(block: Bytes, whole: bytes, end: int, begins: Places, ends: Places, kinds: npt.NDArray[np.uint8]) -> Runs:
    """Put lines of the same length and kind together, and a last one that is shorter; leave out what is too short."""
    sizes = ends - begins
    gap = begins[1:] - ends[:-1]
    ends_line = (block[ends[:-1]] == 10) | ((block[ends[:-1]] == 13) & (block[ends[:-1] + 1] == 10) & (gap > 1))
    behind = ends[:-1] + 1 + (block[ends[:-1]] == 13)
    ends_line &= (behind == begins[1:]) | ((behind + 1 == begins[1:]) & ((block[behind] == 32) | (block[behind] == 9)))
    joins = ends_line & (sizes[:-1] >= _LINE) & (sizes[1:] <= sizes[:-1])
    same = kinds[:-1] & kinds[1:] & _KINDS
    joins &= (same != 0) | ((kinds[:-1] | kinds[1:]) & _KINDS == 0)
    enough = (sizes >= SHORTEST) & (kinds & _WORD == 0) & ~_uuids(block, begins, sizes)
    kinds = kinds & np.uint8(~_WORD & 0xFF)
    if not joins.any():
        every = Runs(begins, ends, sizes, kinds, np.zeros(sizes.size, np.bool_))
        return every.only(enough).beside(_short_lines(block, whole, end, every, every.only(enough)))
    heads = np.concatenate(([True], ~joins)).nonzero()[0]
    several = np.diff(np.concatenate((heads, [sizes.size]))) > 1
    lasts = ends[np.concatenate((heads[1:] - 1, [ends.size - 1]))]
    joined = Runs(begins[heads], lasts, np.add.reduceat(sizes, heads), np.bitwise_and.reduceat(kinds, heads), several)
    joined = joined.only((joined.sizes >= SHORTEST) & (several | enough[heads]))
    # Why both: lines that hold no whole groups may be parts of one run, or one run each.
    lines = np.repeat(several & (sizes[heads] % 4 != 0), np.diff(np.concatenate((heads, [sizes.size])))) & enough
    every = Runs(begins, ends, sizes, kinds, np.zeros(sizes.size, np.bool_))
    return joined.beside(every.only(lines)).beside(_short_lines(block, whole, end, every, joined))


def _uuids(block: Bytes, begins: Places, sizes: Places) -> npt.NDArray[np.bool_]:
    found = np.zeros(sizes.size, np.bool_)
    (at,) = (sizes == _UUID).nonzero()
    if at.size:
        found[at] = np.logical_and.reduce([block[begins[at] + place] == _DASH for place in (8, 13, 18)])
    return found


def _short_lines(block: Bytes, whole: bytes, end: int, every: Runs, joined: Runs) -> Runs:
    """Return runs of lines so short that words of eight bytes show some of them only."""
    made: list[tuple[int, int, int, int, bool]] = []
    known = 0
    (short,) = ((every.sizes >= _LINE) & (every.sizes < SHORTEST + 1)).nonzero()
    behind = every.begins[short] + every.sizes[short]
    # Why first: keys in a database are as long as such lines, and no line ends behind them.
    short = short[(block[behind] == 10) | ((block[behind] == 13) & (block[behind + 1] == 10))]
    for at in short.tolist():
        first, size, kind = int(every.begins[at]), int(every.sizes[at]), int(every.kinds[at])
        step = size + 1 + (whole[first + size : first + size + 1] == b"\r")
        if first < known:
            continue
        while first >= step and _is_line(whole, first - step, size, step, kind):
            first -= step
        last, lines = first + step, 1
        while last + step <= end and _is_line(whole, last, size, step, kind):
            last, lines = last + step, lines + 1
        rest = whole[last : min(last + size, end)]
        tail = len(rest) - len(rest.lstrip(_LETTERS_OF[kind]))
        said = size * lines + tail
        known = last = last + tail if tail else last - (step - size)
        if lines >= _FEWEST_LINES and said >= SHORTEST:
            made.append((first, last, said, kind, True))
    if not made:
        return joined.only(np.zeros(joined.begins.size, np.bool_))
    begins, ends, sizes, kinds, several = (np.array(column) for column in zip(*made, strict=True))
    runs = Runs(begins, ends, sizes, kinds.astype(np.uint8), several)
    # Why: where words showed all lines, they are a run already.
    return runs.only(~np.isin(runs.begins, joined.begins) | ~np.isin(runs.ends, joined.ends))


def _is_line(whole: bytes, first: int, size: int, step: int, kind: int) -> bool:
    """Return whether a line of one kind of letters lies at a place."""
    ending = b"\r\n" if step - size > 1 else b"\n"
    return whole[first + size : first + step] == ending and not whole[first : first + size].translate(None, _LETTERS_OF[kind])


def gathered(block: Bytes, whole: bytes, runs: Runs) -> Iterator[Written]:
    """Yield what the runs say in each way in which they may have to be read: long ones alone, short ones of a form together."""
    for form, some in _by_form(runs):
        alone = (some.sizes >= LONG) | some.lines
        for at in alone.nonzero()[0].tolist():
            yield from _long(form, whole, int(some.begins[at]), int(some.ends[at]), several=bool(some.lines[at]))
        if not alone.all():
            yield from _short(form, block, some.only(~alone))


def _by_form(runs: Runs) -> Iterator[tuple[str, Runs]]:
    hexadecimal = runs.kinds & _HEX != 0
    alike = (runs.kinds & (_UPPER | _LOWER) != 0) & ~hexadecimal
    for form, chosen in (("hex", hexadecimal), ("base32", alike), ("base64", ~hexadecimal & ~alike)):
        if chosen.any():
            yield form, runs.only(chosen)


def named(runs: Runs) -> Iterator[tuple[str, int, bool]]:
    """Yield the form, the begin, and whether there are several lines, of each run."""
    for form, some in _by_form(runs):
        yield from ((form, begin, lines) for begin, lines in zip(some.begins.tolist(), some.lines.tolist(), strict=True))


def phases_of(form: str, whole: bytes, begin: int, *, several: bool) -> Sequence[int]:
    """Return the characters at which the groups of a run may begin."""
    # Why what stands before: in a record of a database a letter before the value reads as its first, of a longer first line.
    apart = not begin or whole[begin - 1] in _BEFORE
    if apart and several and not _LINE_BEFORE.search(whole, max(0, begin - 4), begin):
        first = whole.find(b"\n", begin)
        second = whole.find(b"\n", first + 1, 2 * first - begin + 2)
        return (0,) if second < 0 or second - first == first + 1 - begin else range(GROUPS[form][0])
    if form == "base64" and not several and begin and apart:
        return (0,)
    return range(GROUPS[form][0])


def _filling(whole: bytes, end: int) -> int:
    """Count the signs behind a run that fill it up."""
    count = 0
    while whole[end + count : end + count + 1] == b"=" and count < 7:
        count += 1
    return count


def _long(form: str, whole: bytes, begin: int, end: int, *, several: bool) -> Iterator[Written]:
    text = whole[begin:end].translate(TO_PLAIN, _ENDS if several else b"")
    group = GROUPS[form][0]
    filling = _filling(whole, end)
    phases = phases_of(form, whole, begin, several=several)
    if filling in _FILLED.get(form, ()):
        phases = ((len(text) + filling) % group,)
    step = (GROUPS[form][0] * (end - begin), GROUPS[form][1] * len(text))
    for phase in phases:
        yield Written(form, say(form, text[phase:]), [(begin + phase, end, 0)], step)


def say(form: str, text: bytes) -> bytes:
    """Return what letters say that begin with a whole group."""
    if form == "hex":
        return binascii.unhexlify(text[: len(text) // 2 * 2])
    if form == "base32":
        digits = _DIGITS[np.frombuffer(text + b"A" * (-len(text) % 8), np.uint8)].reshape(-1, 8)
        bits = (digits << _SHIFTS).sum(axis=1, dtype=np.uint64)
        said: bytes = bits.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 3:].tobytes()
        return said[: len(text) * 5 // 8]
    keep = len(text) - (len(text) % 4 == 1)
    return binascii.a2b_base64(text[:keep] + b"=" * (-keep % 4))


def _short(form: str, block: Bytes, runs: Runs) -> Iterator[Written]:
    """Yield what runs of one line say, each form in one piece, for each of its phases."""
    group, makes = GROUPS[form]
    fill = (block[runs.ends] == ord("=")).astype(np.int64)
    fill += fill & (block[runs.ends + 1] == ord("="))
    known = (runs.sizes + fill) % group if form == "base64" else runs.sizes
    for phase in range(group):
        chosen = (fill == 0) | (known == phase) if form == "base64" else np.ones(runs.sizes.size, np.bool_)
        if not chosen.any():
            continue
        begins, sizes = runs.begins[chosen] + phase, runs.sizes[chosen] - phase
        text, offsets = in_groups(block, begins, sizes, group, ord("0") if form == "hex" else ord("A"))
        starts = offsets // group * makes
        said = say(form, text.tobytes().translate(TO_PLAIN))
        yield Written(form, said, np.stack([begins, begins + sizes, starts], axis=1), (group, makes))
