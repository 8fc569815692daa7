"""Bytes as programs print them for people: xxd, hexdump and od, in hexadecimal, in octal and as characters; arrays of C.

A dump has a few bytes a line, so lines that follow one another are read as one. Its columns are told by their spaces: these stand at
every third to seventh place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from expunge.residue.forms.written import Places, Written
from expunge.residue.matching.marks import marked
from expunge.residue.matching.matcher import Bytes

_SIXES, _FOURS, _ARRAY, _FEW, _SIXES_BEHIND, _FOURS_BEHIND, _ARRAY_BEHIND, _PAIRS = (1 << number for number in range(8))
"""Kinds of columns, by how many characters there are between two spaces; and what the next eight bytes are of three of them."""
_BEHIND = 4
"""The difference of the two, in bits."""
_TWO = _SIXES | _FOURS | _ARRAY
_SPACES: dict[int, tuple[tuple[int, ...], ...]] = {
    _SIXES: ((0, 7), (3,)),
    _SIXES_BEHIND: ((6,), (2,)),
    _FOURS: ((0, 5), (1, 6)),
    _FOURS_BEHIND: ((2, 7), (3,)),
    _ARRAY: ((0, 6), (1, 7)),
    _ARRAY_BEHIND: ((4,), (5,)),
    _PAIRS: ((0, 3, 6), (1, 4, 7)),
    # Three digits and a space, or three spaces and another character; of both, two such words follow one another.
    _FEW: (*((last, last + 4) for last in range(4)), *(tuple(place for place in range(8) if (place - last) % 4) for last in range(4))),
}
"""The places of spaces among eight bytes. Wherever columns begin, there are words like these in each line."""
_KINDS = bytes(
    sum(kind for kind, words in _SPACES.items() if any(mask == 0xFF ^ sum(0x80 >> place for place in places) for places in words))
    for mask in range(256)
)
"""The kinds by the mask of the ink."""
_LETTERS = {
    _PAIRS | _FOURS: b" 0123456789abcdefABCDEF",
    _ARRAY: b" 0123456789abcdefABCDEFxX,",
    _SIXES: b" 01234567",
    _FEW: bytes(range(0x20, 0x7F)),
}
_ALLOWED = np.zeros(256, np.uint8)
"""Of each byte, the kinds of columns in which it may stand."""
for _kind, _signs in _LETTERS.items():
    _ALLOWED[np.frombuffer(_signs, np.uint8)] |= _kind
_SPARSE = np.array([mask.bit_count() == 2 for mask in range(256)])
"""Masks of words with two characters: all others that may be of few characters are of digits alone."""
_OF_PAIRS = np.array([mask in {0xFF ^ 0x92, 0xFF ^ 0x49, 0xFF ^ 0x24} for mask in range(256)])
"""Masks of words with a space at each third place."""
_EACH = 0x0101010101010101
_APART = 24
"""Words between two stretches of columns that may be of one dump: the characters beside them, and a line that says that some are alike."""
LINE = 160
"""Bytes of the longest line, and those before and behind columns in which the dump may begin and end."""
_FEWEST = 8
"""Bytes that the shortest dump says: no window has fewer."""


class _Form(NamedTuple):
    name: str
    line: re.Pattern[bytes]
    """One line, with its end; its group is the columns."""
    between: bytes
    """Stands between the columns of two lines where these are put together."""
    readings: tuple[Callable[[bytes], bytes], ...]
    """The ways in which columns may have to be read."""


def _pattern(text: bytes) -> re.Pattern[bytes]:
    return re.compile(text.replace(b"H", b"[0-9A-Fa-f]{2}").replace(b"W", b"[01][0-7]{5}").replace(b"B", b"[0-3][0-7]{2}"))


def _hexadecimal(columns: bytes) -> bytes:
    return bytes.fromhex(columns.decode())


def _lowest_first(columns: bytes) -> bytes:
    """Return words of 16 bits with the lower byte first, as a processor has them; of an odd last byte nothing."""
    said = _hexadecimal(columns)
    return np.frombuffer(said[: len(said) // 2 * 2], ">u2").astype("<u2").tobytes()


def _octal(columns: bytes, width: int, kind: str) -> bytes:
    digits = np.frombuffer(columns.translate(None, b" "), np.uint8).reshape(-1, width).astype(np.uint32) - ord("0")
    return (digits @ (8 ** np.arange(width)[::-1]).astype(np.uint32)).astype(kind).tobytes()


def _elements(columns: bytes) -> bytes:
    """Return the bytes of ``0x41, 0x6e``."""
    digits = np.frombuffer(columns.translate(None, b"xX, \t\r\n"), np.uint8).reshape(-1, 3)
    return _hexadecimal(digits[:, 1:].tobytes())


def _characters(columns: bytes) -> bytes:
    """Return the bytes of cells: a character, an escape with a backslash, or three octal digits, which may be all that there are."""
    columns = _WIDE.sub(lambda found: b"".join([b" %03o" % byte for byte in found[1]]), columns)
    cells = np.frombuffer(columns, np.uint8).reshape(-1, 4)
    octal = _octal(np.where(cells[:, 1:] == ord(" "), ord("0"), cells[:, 1:]).astype(np.uint8).tobytes(), 3, "u1")
    said = np.where(cells[:, 2] == ord("\\"), _ESCAPED[cells[:, 3]], cells[:, 3])
    return np.where(cells[:, 1] == ord(" "), said, np.frombuffer(octal, np.uint8)).tobytes()


_WIDE = re.compile(rb"   ([\xc2-\xf4][\x80-\xbf]{1,3})(?:  \*\*){0,3}")
"""A character of several bytes in the cell of the first, and the cells of the others."""
_ESCAPED = np.zeros(256, np.uint8)
_ESCAPED[np.frombuffer(b"0abtnvfr", np.uint8)] = np.frombuffer(b"\0\a\b\t\n\v\f\r", np.uint8)

_OFFSET = rb"[ \t]*(?:(?:0x)?[0-9A-Fa-f]{4,16}:[ \t]{1,2}|[0-9A-Fa-f]{6,16} {1,3})?"
_REST = rb"(?: {2,}[ -~]{0,80}| )?(?:\r?\n(?:\*\r?\n)?)?"
"""The characters beside the columns, the end of the line, and the line that stands for others like it."""
# Why eight: between two such halves stand two spaces, and so they do before the characters of a line that has no halves.
_IN_PAIRS = _pattern(_OFFSET + rb"((?:H ){7}H  H(?: H)*|H(?: H)+|(?<= )H)" + _REST)
_IN_FOURS = _pattern(_OFFSET + rb"(HH(?: HH)+(?: H)?|(?<= )HH(?: H)?|(?<= )H)" + _REST)
# Why so: six digits are an offset where a whole line follows.
_IN_SIXES = _pattern(rb"[ \t]*(?:[0-9A-Fa-f]{7,16} |[0-9A-Fa-f]{6} (?=(?:W ){7}W))?(W(?: W)*)" + _REST)
_IN_CELLS = _pattern(rb"(?:[0-9A-Fa-f]{6,16})?((?: (?:  (?:[ -~]|[\xc2-\xf4][\x80-\xbf]{1,3})| \\[0abtnvfr]| \*\*|B))+)" + _REST)
_AN_ARRAY = _pattern(rb"((?:0[xX]H,?[ \t\r\n]{0,16})+)")

_FORMS: tuple[tuple[int, _Form], ...] = (
    (_PAIRS, _Form("hex dump", _IN_PAIRS, b" ", (_hexadecimal,))),
    (_FOURS, _Form("hex dump", _IN_FOURS, b" ", (_hexadecimal, _lowest_first))),
    (_ARRAY, _Form("array", _AN_ARRAY, b" ", (_elements,))),
    (_SIXES, _Form("octal dump", _IN_SIXES, b" ", (partial(_octal, width=6, kind="<u2"),))),
    (_FEW, _Form("character dump", _IN_CELLS, b"", (_characters,))),
)


class Dump(NamedTuple):
    """Lines of one form that follow one another."""

    form: _Form
    begin: int
    end: int
    lines: tuple[tuple[int, int], ...]
    """Where the columns of each begin and end."""


def find(block: Bytes, whole: bytes, end: int, inked: Bytes) -> Iterator[Dump]:
    """Yield the dumps of a block; ``inked`` has the masks of its ink."""
    for first, last, kinds in _stretches(block, end, inked):
        for kind, form in _FORMS:
            if kinds & kind:
                yield from _lines(form, whole, first, last)


def _stretches(block: Bytes, end: int, inked: Bytes) -> list[tuple[int, int, int]]:
    """Return (begin, end, kinds) of each part of a block in which there are columns, with lines around."""
    at, kinds = _columns(block, inked)
    if not at.size:
        return []
    breaks = (np.diff(at) > _APART).nonzero()[0]
    begins = np.concatenate(([0], breaks + 1))
    firsts = np.maximum(at[begins] * 8 - 2 * LINE, 0)
    lasts = np.minimum(at[np.concatenate((breaks, [at.size - 1]))] * 8 + 2 * LINE, end)
    every = np.bitwise_or.reduceat(kinds, begins)
    # Why: where the lines around two of them meet, each line is read once.
    lasts[:-1] = np.minimum(lasts[:-1], np.maximum(firsts[1:], at[breaks] * 8 + 24))
    firsts[1:] = np.maximum(firsts[1:], lasts[:-1])
    return list(zip(firsts.tolist(), lasts.tolist(), every.tolist(), strict=True))


def _columns(block: Bytes, inked: Bytes) -> tuple[Places, Bytes]:
    """Return the words of eight bytes that are a part of columns, and the kinds of each."""
    every = np.frombuffer(inked.tobytes().translate(_KINDS), np.uint8)
    begun = every[1:] >> _BEHIND
    begun &= np.uint8(_TWO)
    begun |= every[1:] & np.uint8(_FEW)
    begun |= np.uint8(_PAIRS)
    begun &= every[:-1]
    at = marked(begun != 0)
    words = np.ndarray((inked.size,), "<u8", buffer=block)[at]
    # Why by bits at first: a table takes eight times as long. Of the letters those from a to g have neither the fourth nor the fifth bit.
    kept = (words >> np.uint64(2)) & (words | words << np.uint64(1)) & np.uint64(0x10 * _EACH) == 0
    kinds, sparse = begun[at], _SPARSE[inked[at]]
    kept |= sparse
    (arrays,) = (kinds & np.uint8(_ARRAY) != 0).nonzero()
    kept[arrays] = (block[at[arrays] * 8 + 2] | 0x20 == ord("x")) | (block[at[arrays] * 8 + 3] | 0x20 == ord("x"))
    at, kinds, sparse = at[kept], kinds[kept], sparse[kept]
    letters = np.bitwise_and.reduce(_ALLOWED[block[at[:, None] * 8 + np.arange(8)]], axis=1)
    letters[~sparse & (letters & np.uint8(_SIXES) == 0)] &= np.uint8(0xFF ^ _FEW)
    # Of halves of a line two words lie in it whole: the word before is the other where the next one is not.
    letters[~(_OF_PAIRS[inked[at - 1]] | _OF_PAIRS[inked[at + 1]])] &= np.uint8(0xFF ^ _PAIRS)
    kinds &= letters
    return at[kinds != 0], kinds[kinds != 0]


def _lines(form: _Form, whole: bytes, first: int, last: int) -> Iterator[Dump]:
    """Yield the dumps of a form in a part of a block."""
    lines: list[tuple[int, int]] = []
    begin = end = 0
    for line in form.line.finditer(whole, first, last):
        if lines and (line.start() != end or whole[end - 1] != ord("\n")):
            yield Dump(form, begin, end, tuple(lines))
            lines = []
        if not lines:
            begin = line.start()
        lines.append(line.span(1))
        end = line.end()
    if lines:
        yield Dump(form, begin, end, tuple(lines))


def gathered(whole: bytes, dump: Dump) -> Iterator[Written]:
    """Yield what a dump says in each way in which it may have to be read."""
    columns = dump.form.between.join([whole[first:last] for first, last in dump.lines])
    for says in dump.form.readings:
        data = says(columns)
        if len(data) >= _FEWEST:
            runs = [(dump.begin, dump.end, 0)]
            yield Written(dump.form.name, data, runs, places=partial(_places, dump.lines, len(data)))


def _places(lines: Sequence[tuple[int, int]], size: int) -> Places:
    """Return about where each byte is written: they stand evenly in the columns."""
    firsts, lasts = np.array(lines).T
    ends = np.cumsum(lasts - firsts)
    at = np.arange(size) * int(ends[-1]) // size
    number = np.searchsorted(ends, at, side="right")
    places: Places = lasts[number] - (ends[number] - at)
    return places
