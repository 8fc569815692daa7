"""Words that stand one by one between times, keys, tags and numbers, read as the sentence that they are.

Speech recognition writes transcripts so: a word an entry of JSON, a word a line, a word a cue, a word a row. A *sequence* is what such
bytes say. Three sequences are read:

1. All words in their order. Left out are tags, tokens with a digit or an underscore, tokens that come again at the same distance (keys,
   channels, names of speakers), and a word that repeats the one before it.
2. The values behind each key. A key is known by its letters and by the bytes between it and its value.
3. Words behind their own length in one byte, as PostgreSQL keeps short text: forwards, and backwards, because pages are filled from their
   end.

A sequence goes on while at most :data:`WIDEST` bytes stand between two words. A window counts that has :data:`FEWEST` words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.residue.forms import escapes
from expunge.residue.forms.written import Places, Written
from expunge.residue.matching.keyed_hash import MAX_LENGTH
from expunge.residue.matching.marks import marked
from expunge.residue.matching.matcher import Bytes

FORM = "words"
FEWEST = 6
"""Words of the shortest window that counts."""
WIDEST = 512
"""Bytes that may stand between two words of a sequence."""
REACH = 8 * WIDEST
"""Bytes of a block that the next one begins with, where words may go on behind it."""
LONGEST = 40
"""Bytes of the longest word."""
_PIECE = 1 << 18
"""Bytes of which the cells are judged together: what that needs besides stays in the caches."""
_CELL = 256
"""Bytes that are judged together: may words stand one by one there?"""
_MOST_LETTERS = 176
"""Letters of a cell; ordinary prose has some 190."""
_FEWEST_LETTERS = 12
_MOST_BEYOND = 96
"""Bytes beyond ASCII in a cell; packed bytes have some 128."""
_FEWEST_BEYOND, _BYTES_OF_A_LETTER = 24, 6
"""Bytes beyond ASCII of a cell without other letters, at least, and how many of them there are for a letter in UTF-8, at most."""
_FEW, _MIDDLE, _FEWEST_IN_MIDDLE = 64, slice(96, 120), 3
_MOST_PAIRS = 15
"""Places of a cell where one space stands between two letters; ordinary prose has some 25."""
_PAIRS, _PAIRS_IN_JSON, _DIGITS_OF_A_PAIR, _KEYS_OF_A_PAIR, _QUOTES, _LINES = 4, 2, 2, 2, 8, 3
"""So many of them are few. In lines with times, which have fewer quotation marks, there may be one for so many digits; in JSON, where a
name may stand beside each word, one for so many keys."""
_TELLING = 16
"""Digits, control characters and quotation marks of a cell ..."""
_TAGS = 4
"""... or signs that begin a tag, of which one with such words has as many at least."""
_DIGITS_OF_A_TIME = 3
"""Digits beside each word of a transcript with times, at least."""
_LONGEST_TAG = 512
_PERIOD = 8
"""Tokens from one to the next of those that come again at the same distance, at most."""
_KEY_GAP = 8
"""Bytes between a key and its value, at most."""
_TOGETHER = 4
"""Words of one entry, at most: more of them with nothing but spaces between are a sentence as it is."""
_ONES, _TOP = np.uint64(0x0101010101010101), np.uint64(56)
_WORD = 8
_SPACE, _BREAK, _CONTROL = 0x20, 0xFF, 0x09
_APOSTROPHE = ord("'")
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SMALL = np.uint64(0x2020202020202020)
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(_WORD)] + [2**64 - 1], np.uint64)
"""By a number of bytes: the part of a word of eight that they fill."""
_LEAD = 0xC3
"""The lowest byte that begins a letter beyond ASCII, here."""
_LEADS = 0xED - _LEAD + 1
_TYPOGRAPHIC = "\u2019".encode()
_GAP = np.full(_WORD + 2, _SPACE, np.uint8)
_NOWHERE: Places = np.zeros(0, np.int64)


def _table(signs: bytes) -> _Mask:
    table = np.zeros(256, np.bool_)
    table[np.frombuffer(signs, np.uint8)] = True
    return table


_Mask = npt.NDArray[np.bool_]
_Hashes = npt.NDArray[np.uint64]
_IS_SIGN, _IS_STOP = _table(b"0123456789_"), _table(b",.;:!?")
_IS_CONSONANT, _IS_PACKED = _table(b"bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ"), _table(bytes(range(_CONTROL)) + bytes(range(0x80, 0x100)))
_IS_KEYED, _IS_BETWEEN = _table(b"\"' :="), _table(b":=\"'")
"""Signs that stand before a value, and those of which one stands between a key and its value."""


class WordSequences(Written):
    """Sequences of words, with one space between two words. A window in them counts if it has enough words and is new."""

    __slots__ = ()

    def shows(self, offset: int, size: int) -> bool:
        """Return whether a window has enough words, reaches into what was not read before, and is not in the block as it is."""
        window = self.data[offset : offset + size]
        if window.count(b" ") < FEWEST - 1 and size < MAX_LENGTH - _WORD:
            return False
        places = self._each_place()
        assert places is not None
        first, last = int(places[offset]), int(places[min(offset + size, places.size) - 1])
        alike = self._source[first : first + size].lower() == window.lower()
        return max(first, last) >= self._since and not alike


def gathered(block: Bytes, whole: bytes, end: int, since: int, *, plain: bool) -> Iterator[Written]:
    """Yield the sequences of a block; what was whole before ``since`` was read before.

    Args:
        block: the bytes, with the padding of the matcher.
        whole: the same.
        end: where the block ends.
        since: where the block before it ended.
        plain: whether all bytes are ASCII without control characters.
    """
    begin = max(0, since - REACH)
    cells = _likely(block[begin:end], plain=plain)
    if not cells.any():
        return
    tokens = _Tokens(_Stretches(block, whole, cells, begin, end))
    sequences = [kept for each in tokens.sequences() if (kept := each.kept()) is not None]
    if sequences:
        yield _written(tokens.text, sequences, whole, since)


def said(data: bytes, *, keyed: bool) -> Iterator[bytes]:
    """Yield the sentences that some text has word by word with times: of a document (``keyed``) those behind one key."""
    whole = data + bytes(_CELL)
    block = np.frombuffer(whole, np.uint8)
    cells = _likely(block[: len(data)], plain=False)
    if not cells.any():
        return
    tokens = _Tokens(_Stretches(block, whole, cells, 0, len(data)))
    for sequence in tokens.sequences(keyed=keyed):
        if (kept := sequence.kept()) is None:
            continue
        written = _written(tokens.text, [kept], whole, 0)
        for run, begin, end in zip(written.runs(), written.begins.tolist(), written.ends.tolist(), strict=True):
            words, digits = run.count(b" ") + 1, sum(data.count(b"%d" % digit, begin, end) for digit in range(10))
            if digits >= _DIGITS_OF_A_TIME * words:
                yield run[:-1]


def goes_on(block: Bytes, end: int) -> int:
    """Return where the next block has to begin, so that sequences that go on are read whole: the end of the block where none does."""
    begin = max(0, end - REACH)
    cells = _likely(block[begin:end], plain=False)
    return begin if cells.size and cells[-1] else end


def _sums(mask: _Mask) -> npt.NDArray[np.uint16]:
    """Count the marks of each cell."""
    words = mask.view(np.uint64) * _ONES
    words >>= _TOP
    counts: npt.NDArray[np.uint16] = words.astype(np.uint8).reshape(-1, _CELL // _WORD).sum(axis=1, dtype=np.uint16)
    return counts


def _letters(part: Bytes) -> _Mask:
    folded = part | np.uint8(0x20)
    folded -= np.uint8(ord("a"))
    return folded < np.uint8(26)


def _likely(part: Bytes, *, plain: bool) -> _Mask:
    """Return the cells in which words may stand one by one, and those beside them."""
    found = np.zeros(-(-part.size // _CELL), np.bool_)
    for at in range(0, part.size, _PIECE):
        piece = part[at : at + _PIECE]
        if piece.size % _CELL:
            piece = np.concatenate((piece, np.full(-piece.size % _CELL, _SPACE, np.uint8)))
        cells = piece.reshape(-1, _CELL)
        left, beyond = (np.arange(len(cells)), None) if plain else _written_cells(cells)
        found[at // _CELL + _judged(cells, left, beyond)] = True
    beside = found.copy()
    beside[1:] |= found[:-1]
    beside[:-1] |= found[1:]
    return beside


def _written_cells(cells: Bytes) -> tuple[Places, npt.NDArray[np.uint16]]:
    """Return the cells that may be text, with the bytes beyond ASCII of each."""
    beyond = _sums(cells.view(np.int8) < 0)
    written = beyond <= _MOST_BEYOND
    others = (~written).nonzero()[0]
    # Why a part first: random bytes have few letters in UTF-8 in it.
    others = others[_letters_in_utf8(cells[:, _MIDDLE])[others] >= _FEWEST_IN_MIDDLE] if others.size > _FEW else others
    written[others] = _in_utf8(cells, others, beyond)
    left = written.nonzero()[0]
    return left, beyond[left]


def _in_utf8(cells: Bytes, chosen: Places, beyond: npt.NDArray[np.uint16]) -> _Mask:
    """Return in which of the chosen cells the bytes beyond ASCII, of which each has so many, are letters in UTF-8."""
    found: _Mask = _letters_in_utf8(cells[chosen]) * _BYTES_OF_A_LETTER >= beyond[chosen]
    return found


def _letters_in_utf8(cells: Bytes) -> Places:
    pairs = ((cells[:, :-1] - np.uint8(_LEAD)) < _LEADS) & ((cells[:, 1:] & np.uint8(0xC0)) == 0x80)
    counts: Places = pairs.sum(axis=1, dtype=np.int64)
    return counts


def _judged(cells: Bytes, left: Places, beyond: npt.NDArray[np.uint16] | None) -> Places:
    """Return those of some cells in which words may stand one by one; each look is at the cells that the looks before it left."""
    if not left.size:
        return left
    part = cells if left.size == len(cells) else cells[left]
    letters = _letters(part)
    pairs = part == _SPACE
    flat, inner = letters.ravel(), pairs.ravel()[1:-1]
    inner &= flat[:-2]
    inner &= flat[2:]
    spaced = _sums(pairs)
    chosen = (spaced <= _MOST_PAIRS).nonzero()[0]
    part, left, spaced, many = part[chosen], left[chosen], spaced[chosen], _sums(letters[chosen])
    fit = many <= _MOST_LETTERS
    if beyond is None:
        fit &= many >= _FEWEST_LETTERS
    else:
        beyond = beyond[chosen]
        few = (many < _FEWEST_LETTERS).nonzero()[0]
        fit[few] = beyond[few] >= _FEWEST_BEYOND
        few = few[fit[few]]
        fit[few] = _in_utf8(part, few, beyond)
    part, left, spaced = part[fit], left[fit], spaced[fit]
    quotes, digits = _sums(part == ord('"')), _sums((part - np.uint8(ord("0"))) < 10)
    telling = quotes + digits + _sums(part < np.uint8(_CONTROL)) >= _TELLING
    lines = (quotes < _QUOTES) & (spaced * _DIGITS_OF_A_PAIR <= digits) & (_sums(part == ord("\n")) >= _LINES)
    few_pairs = spaced <= np.where(quotes < _QUOTES, _PAIRS, _PAIRS_IN_JSON)
    (unsure,) = (telling & ~few_pairs & (quotes >= _QUOTES)).nonzero()
    few_pairs[unsure] = spaced[unsure] * _KEYS_OF_A_PAIR <= _keys(part[unsure])
    telling &= lines | few_pairs
    return left[telling | (_sums(part == ord("<")) >= _TAGS)]


def _keys(cells: Bytes) -> Places:
    """Count the keys of JSON in each cell."""
    counts: Places = ((cells[:, :-1] == ord('"')) & (cells[:, 1:] == ord(":"))).sum(axis=1, dtype=np.int64)
    return counts


class _Stretches:
    """Some stretches of a block, one after the other, without the escapes of JSON and HTML, and where they come from."""

    def __init__(self, block: Bytes, whole: bytes, cells: _Mask, begin: int, end: int) -> None:
        edges = np.diff(np.concatenate(([False], cells, [False])).view(np.int8))
        starts, ends = (edges == 1).nonzero()[0] * _CELL + begin, (edges == -1).nonzero()[0] * _CELL + begin
        ends = np.minimum(ends, end)
        parts: list[Bytes] = []
        escaped = False
        for start, stop in zip(starts.tolist(), ends.tolist(), strict=True):
            # Why a space: what two stretches end and begin with is no word.
            parts += (_GAP, block[start:stop])
            escaped = escaped or whole.find(b"\\u", start, stop) >= 0 or whole.find(b"&", start, stop) >= 0
        self.text = np.concatenate((*parts, _GAP, _GAP))
        sizes = ends - starts + _GAP.size
        self._firsts = np.cumsum(sizes) - sizes + _GAP.size
        self._shifts = starts - self._firsts
        self._lost = _NOWHERE
        if escaped:
            self.text, lost = escapes.undone(self.text)
            self._lost = lost - np.arange(lost.size)

    def places(self, offsets: Places) -> Places:
        """Return the places in the block of places in the text."""
        if self._lost.size:
            offsets = offsets + np.searchsorted(self._lost, offsets, side="right")
        several = self._firsts.size > 1
        number = np.maximum(np.searchsorted(self._firsts, offsets, side="right") - 1, 0) if several else 0
        found: Places = offsets + self._shifts[number]
        return found


class _Sequence(NamedTuple):
    """Words in the order in which they are read."""

    starts: Places
    ends: Places
    places: Places
    """Where each begins in the block."""
    breaks: _Mask
    """Whether a part begins with a word."""

    def kept(self) -> _Sequence | None:
        """Return the parts of it that have enough words."""
        (firsts,) = self.breaks.nonzero()
        sizes = np.diff(np.concatenate((firsts, [self.breaks.size])))
        keep = np.repeat(sizes >= FEWEST, sizes)
        if not keep.any():
            return None
        return _Sequence(self.starts[keep], self.ends[keep], self.places[keep], self.breaks[keep])


class _Tokens:
    """Runs of letters."""

    def __init__(self, stretches: _Stretches) -> None:
        self.text = text = stretches.text
        self._stretches = stretches
        most = int(text.max())
        letters = _letters(text)
        alone = _beyond(text, letters) if most >= _LEAD else _NOWHERE
        change = letters[1:] != letters[:-1]
        if alone.size:
            starts, ends = _apart(letters, change, alone)
        else:
            edges = marked(change) + 1
            starts, ends = edges[::2], edges[1::2]
        self._starts, self._ends = _with_apostrophes(text, starts, ends)
        self._hashes = _hashes(text, self._starts, self._ends - self._starts)
        self._pieces = _pieces(text) if most == _BREAK else _NOWHERE

    def sequences(self, *, keyed: bool | None = None) -> Iterator[_Sequence]:
        """Yield what is read of these bytes: all of it, or what stands behind keys alone, or all words in their order alone."""
        if self._starts.size < FEWEST:
            return
        before, after = self.text[self._starts - 1], self.text[self._ends]
        is_word = ~(_IS_SIGN[before] | _IS_SIGN[after]) & (self._ends - self._starts <= LONGEST)
        if not keyed:
            yield from self._all(is_word)
        if keyed is not False:
            yield from self._behind_keys(is_word, after)
        if keyed is None and int(self.text.min()) < _CONTROL:
            yield from self._measured(before)

    def _all(self, is_word: _Mask) -> Iterator[_Sequence]:
        """Yield all words in their order."""
        starts, ends, text = self._starts, self._ends, self.text
        tags = _tags(text)
        short = self._in_short_runs()
        chosen = is_word & short & ~((text[ends] == ord('"')) & (text[ends + 1] == ord(":")))
        if tags is not None:
            chosen &= ~_inside(tags, starts)
        # Why not one letter beside bytes that are no text: they are numbers, and so is the letter, unless it may be a word.
        chosen &= ~((ends - starts == 1) & _IS_CONSONANT[text[starts]] & (_IS_PACKED[text[starts - 1]] | _IS_PACKED[text[ends]]))
        (at,) = chosen.nonzero()
        if at.size < FEWEST:
            return
        # Why one of several letters that are words: the distance between keys is counted in entries.
        leads = np.concatenate(([True], starts[at[1:]] != ends[at[:-1]]))
        again = np.zeros(at.size, np.bool_)
        again[leads] = _again(self._in_parts(starts[at[leads]], ends[at[leads]], self._hashes[at[leads]]))
        at = at[~again]
        if at.size >= FEWEST:
            lost = np.cumsum(~short)
            long = np.ones(at.size, np.bool_)
            long[1:] = lost[at[1:]] != lost[at[:-1]]
            yield self._of(starts[at], ends[at], self._hashes[at], long)

    def _in_short_runs(self) -> _Mask:
        """Return which words stand in an entry of a few: the others are parts of a sentence as it is."""
        starts, ends, text = self._starts, self._ends, self.text
        gaps = starts[1:] - ends[:-1]
        last = text[starts[1:] - 1]
        joined = (last == _SPACE) & ((gaps == 1) | ((gaps == 2) & _IS_STOP[text[ends[:-1]]]))
        begins = np.concatenate(([True], ~joined))
        (firsts,) = begins.nonzero()
        sizes = np.diff(np.concatenate((firsts, [starts.size])))
        return np.repeat(sizes <= _TOGETHER, sizes)

    def _behind_keys(self, is_word: _Mask, after: Bytes) -> Iterator[_Sequence]:
        """Yield the words behind each key, one key after the other."""
        starts, ends, text = self._starts, self._ends, self.text
        gaps = starts[1:] - ends[:-1]
        # Why no space behind it: a value of several words is a sentence as it is.
        (at,) = (is_word[1:] & (gaps <= _KEY_GAP) & (after[1:] != _SPACE) & _IS_KEYED[text[starts[1:] - 1]]).nonzero()
        if at.size < FEWEST:
            return
        between = _eight(text, ends[at]) & _MASKS[gaps[at]]
        keyed = _IS_BETWEEN[between.view(np.uint8)].reshape(-1, _WORD).any(axis=1)
        at, between = at[keyed], between[keyed]
        slots = (self._hashes[at] ^ between * _MIX) * _MIX
        order = np.argsort(slots, kind="stable")
        slots, at = slots[order], at[order] + 1
        if at.size >= FEWEST:
            yield self._of(starts[at], ends[at], self._hashes[at], np.concatenate(([True], slots[1:] != slots[:-1])))

    def _measured(self, before: Bytes) -> Iterator[_Sequence]:
        """Yield the words behind their own length: forwards and backwards."""
        sizes = (before.astype(np.int64) >> 1) - 1
        (at,) = ((before & 1 == 1) & (sizes > 0) & (sizes <= self._ends - self._starts)).nonzero()
        starts, ends = self._starts[at], self._starts[at] + sizes[at]
        hashes = _hashes(self.text, starts, sizes[at])
        keep = ~_again(self._in_parts(starts, ends, hashes))
        if np.count_nonzero(keep) >= FEWEST:
            starts, ends, hashes = starts[keep], ends[keep], hashes[keep]
            yield self._of(starts, ends, hashes)
            yield self._of(starts[::-1], ends[::-1], hashes[::-1])

    def _of(self, starts: Places, ends: Places, hashes: _Hashes, breaks: _Mask | None = None) -> _Sequence:
        """Return words in this order, each once that stands there several times in a row."""
        apart = self._breaks(starts, ends)
        apart = apart if breaks is None else apart | breaks
        fresh = apart.copy()
        fresh[1:] |= hashes[1:] != hashes[:-1]
        starts = starts[fresh]
        return _Sequence(starts, ends[fresh], self._stretches.places(starts), apart[fresh])

    def _in_parts(self, starts: Places, ends: Places, hashes: _Hashes) -> _Hashes:
        """Return other numbers for the same words in another part."""
        return hashes ^ np.cumsum(self._breaks(starts, ends)).astype(np.uint64) * _MIX

    def _breaks(self, starts: Places, ends: Places) -> _Mask:
        """Return before which words too much stands, or the end of a piece."""
        apart = np.ones(starts.size, np.bool_)
        apart[1:] = np.abs(self._stretches.places(starts[1:]) - self._stretches.places(ends[:-1])) > WIDEST
        if self._pieces.size:
            apart[1:] |= np.diff(np.searchsorted(self._pieces, starts)) != 0
        return apart


def _beyond(text: Bytes, letters: _Mask) -> Places:
    """Mark the letters beyond ASCII; return where those begin that are words by themselves."""
    at = marked(text >= _LEAD)
    at = at[at + 3 <= text.size]
    first, second, third = text[at], text[at + 1], text[at + 2]
    goes_on = (second & 0xC0) == 0x80
    two = (first >= 0xC3) & (first <= 0xDF) & goes_on
    three = (first >= 0xE0) & (first <= 0xED) & (first != 0xE2) & ~((first == 0xE3) & (second < 0x81)) & goes_on & ((third & 0xC0) == 0x80)
    east = (first >= 0xE3) & (first <= 0xE9)
    thai = (first == 0xE0) & (second >= 0xB8) & (second <= 0xBB)
    khmer = (first == 0xE1) & (((second >= 0x80) & (second <= 0x82)) | (second == 0x9E) | (second == 0x9F))
    letters[at[two | three]] = True
    letters[at[two | three] + 1] = True
    letters[at[three] + 2] = True
    alone: Places = at[three & (east | thai | khmer)]
    return alone


def _apart(letters: _Mask, change: _Mask, alone: Places) -> tuple[Places, Places]:
    """Return where words begin and end, some letters of which are words by themselves."""
    change[alone - 1] = True
    change[alone + 2] = True
    edges = marked(change) + 1
    return edges[letters[edges]], edges[letters[edges - 1]]


def _with_apostrophes(text: Bytes, starts: Places, ends: Places) -> tuple[Places, Places]:
    """Join what an apostrophe stands between."""
    gaps = starts[1:] - ends[:-1]
    joined = (gaps == 1) & (text[ends[:-1]] == _APOSTROPHE)
    wide = (gaps == 3) & (text[ends[:-1]] == _TYPOGRAPHIC[0])
    if wide.any():
        between = ends[:-1]
        joined |= wide & (text[between + 1] == _TYPOGRAPHIC[1]) & (text[between + 2] == _TYPOGRAPHIC[2])
    apart = ~joined
    return starts[np.concatenate(([True], apart))] if starts.size else starts, ends[np.concatenate((apart, [True]))] if ends.size else ends


def _pieces(text: Bytes) -> Places:
    """Return where pieces end that do not belong together: bytes stand there that no text has."""
    at = marked(text == _BREAK)
    return at[_WORD - 1 :][at[_WORD - 1 :] - at[: 1 - _WORD] == _WORD - 1] if at.size >= _WORD else _NOWHERE


def _tags(text: Bytes) -> tuple[Places, Places] | None:
    """Return where tags begin and end; None where there are none."""
    opening = marked(text == ord("<"))
    if opening.size < FEWEST:
        return None
    closing = marked(text == ord(">"))
    following = np.searchsorted(closing, opening)
    opening, closing = opening[following < closing.size], closing[following[following < closing.size]]
    # Why the last one: a sign before it is a comparison.
    last = np.concatenate((closing[1:] != closing[:-1], [True]))[: closing.size]
    short = last & (closing - opening <= _LONGEST_TAG)
    return opening[short], closing[short]


def _inside(tags: tuple[Places, Places], starts: Places) -> _Mask:
    opening, closing = tags
    if not opening.size:
        return np.zeros(starts.size, np.bool_)
    number = np.searchsorted(opening, starts) - 1
    inside: _Mask = (number >= 0) & (starts < closing[number])
    return inside


def _eight(text: Bytes, places: Places) -> _Hashes:
    """Return the eight bytes at each place."""
    words: _Hashes = np.ndarray((text.size - 7,), "<u8", buffer=text, strides=(1,))
    return words[places]


def _hashes(text: Bytes, starts: Places, sizes: Places) -> _Hashes:
    """Return a number for each word: the same for the same letters, small or capital."""
    first = (_eight(text, starts) | _SMALL) & _MASKS[np.minimum(sizes, _WORD)]
    second = (_eight(text, starts + np.minimum(sizes, _WORD)) | _SMALL) & _MASKS[np.clip(sizes - _WORD, 0, _WORD)]
    return (first * _MIX ^ second) * _MIX + sizes.astype(np.uint64)


def _again(hashes: _Hashes) -> _Mask:
    """Return which tokens stand four times at the same distance."""
    found = np.zeros(hashes.size, np.bool_)
    for period in range(2, min(_PERIOD, (hashes.size - 1) // 3) + 1):
        same = hashes[period:] == hashes[:-period]
        often = same[2 * period :] & same[period:-period] & same[: -2 * period]
        if often.any():
            for number in range(4):
                found[number * period : hashes.size - (3 - number) * period] |= often
    return found


def _written(text: Bytes, sequences: list[_Sequence], whole: bytes, since: int) -> Written:
    """Return sequences one after the other."""
    columns = [np.concatenate(column) for column in zip(*sequences, strict=True)]
    data, places, begins = _joined(text, _Sequence(*columns))
    runs = np.stack([np.minimum.reduceat(places, begins), np.maximum.reduceat(places, begins) + 1, begins], axis=1)
    return WordSequences(FORM, data.tobytes(), runs, places=places, source=whole, since=since - WIDEST, leaf=True)


def _joined(text: Bytes, sequence: _Sequence) -> tuple[Bytes, Places, Places]:
    """Return the letters of a sequence with one sign behind each word, the place of each byte, and where its parts begin."""
    starts, sizes = sequence.starts, sequence.ends - sequence.starts
    rooms = sizes + 1
    offsets = np.cumsum(rooms) - rooms
    within = np.arange(int(rooms.sum())) - np.repeat(offsets, rooms)
    separators = offsets + sizes
    within[separators] -= 1
    data = text[within + np.repeat(starts, rooms)]
    places = within + np.repeat(sequence.places, rooms)
    keep = data != _APOSTROPHE
    if data.max(initial=0) >= _TYPOGRAPHIC[0]:
        (at,) = (data[:-2] == _TYPOGRAPHIC[0]).nonzero()
        for number in range(3):
            keep[at + number] = False
    data[separators] = np.where(np.concatenate((sequence.breaks[1:], [True])), _BREAK, _SPACE)
    keep[separators] = True
    begins = (np.cumsum(keep) - 1)[offsets[sequence.breaks]]
    return data[keep], places[keep], begins
