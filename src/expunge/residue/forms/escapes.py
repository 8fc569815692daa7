"""Text with escapes: percent signs, backslashes, entities, quoted-printable. What stands around them is read with and without."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from expunge.residue.forms.written import Places, Written
from expunge.residue.matching.keyed_hash import MAX_LENGTH
from expunge.residue.matching.marks import marked
from expunge.residue.matching.matcher import Bytes

_AROUND = MAX_LENGTH
"""Bytes on both sides of an escape of which a window may be a part."""
_BEFORE = 12 * _AROUND
"""Bytes in which a window may be written."""
_NONE = 255
_DIGITS = np.full(256, _NONE, np.uint8)
_DIGITS[np.frombuffer(b"0123456789abcdef", np.uint8)] = range(16)
_DIGITS[np.frombuffer(b"ABCDEF", np.uint8)] = range(10, 16)
_SINGLE = np.full(256, _NONE, np.uint8)
_SINGLE[np.frombuffer(b"ntrbf\"'/\\", np.uint8)] = np.frombuffer(b"\n\t\r\b\f\"'/\\", np.uint8)
_ENTITY = re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

_BRACED = re.compile(rb"\\[ux]\{([0-9A-Fa-f]{1,6})\}")

_Mask = npt.NDArray[np.bool_]
_Reading = Callable[[Bytes, Places, Bytes, _Mask], None]
"""Takes a block and the places of some signs in it; changes a copy of the block, and what is kept of it."""


def gathered(block: Bytes, whole: bytes, end: int, since: int) -> Iterator[Written]:
    """Yield what the text of a block says around its escapes, for each kind of escape that is in it.

    What ended before ``since`` was looked at before.
    """
    text = block[:end]
    for form, sign, read, is_one in KINDS:
        if whole.find(sign, 0, end) < 0:
            continue
        at = marked(text == sign)
        at = at[at >= since - _BEFORE] if since > _BEFORE else at
        if at.size and (at := at[is_one(block, at, end)]).size:
            yield _around(form, block, whole, end, at, read, since)


def undone(text: Bytes) -> tuple[Bytes, Places]:
    """Return a text without the escapes of JSON and HTML, and the places of the bytes that were left out of it."""
    padded = np.concatenate((text, np.zeros(16, np.uint8)))
    changed, keep = padded.copy(), np.ones(padded.size, np.bool_)
    for _, sign, read, is_one in KINDS[1:3]:
        at = marked(text == sign)
        if at.size and (at := at[is_one(padded, at, text.size)]).size:
            read(padded, at, changed, keep)
    keep = keep[: text.size]
    return changed[: text.size][keep], marked(~keep)


def _around(form: str, block: Bytes, whole: bytes, end: int, at: Places, read: _Reading, since: int) -> Written:
    breaks = (np.diff(at) > 2 * _AROUND + 12).nonzero()[0]
    firsts = np.maximum(at[np.concatenate(([0], breaks + 1))] - _AROUND, 0)
    lasts = np.minimum(at[np.concatenate((breaks, [at.size - 1]))] + _AROUND + 12, end)
    sizes = lasts - firsts
    behind = firsts - np.cumsum(sizes) + sizes
    places = np.arange(int(sizes.sum())) + np.repeat(behind, sizes)
    text = np.concatenate([block[places], np.zeros(16, np.uint8)])
    changed, keep = text.copy(), np.ones(text.size, dtype=np.bool_)
    read(text, at - np.repeat(behind, np.diff(np.concatenate(([0], breaks + 1, [at.size])))), changed, keep)
    # Why so far back: what stands before an escape that a block begins with was not read with it.
    since -= 2 * _AROUND
    keep = keep[: places.size]
    places = places[keep]
    runs = np.stack([firsts, lasts, np.searchsorted(places, firsts)], axis=1)
    return Written(form, changed[: keep.size][keep].tobytes(), runs, places=places, source=whole, since=since)


def _two_digits(block: Bytes, at: Places, end: int) -> _Mask:
    two: _Mask = (_DIGITS[block[at + 1]] < 16) & (_DIGITS[block[at + 2]] < 16) & (at + 2 < end)
    return two


def _read_two(block: Bytes, at: Places, changed: Bytes, keep: _Mask) -> None:
    changed[at] = _DIGITS[block[at + 1]] * 16 + _DIGITS[block[at + 2]]
    keep[at + 1] = keep[at + 2] = False


def _percent(block: Bytes, at: Places, end: int) -> _Mask:
    """Whether two digits follow, or four behind a letter as the function ``escape`` of browsers writes them."""
    four: _Mask = ((block[at + 1] | 0x20) == ord("u")) & (_DIGITS[block[at + 2]] < 16) & (at + 5 < end)
    return _two_digits(block, at, end) | four


def _read_percent(block: Bytes, at: Places, changed: Bytes, keep: _Mask) -> None:
    changed[block == ord("+")] = ord(" ")
    wide = (block[at + 1] | 0x20) == ord("u")
    _read_two(block, at[~wide], changed, keep)
    if wide.any():
        value = _number(block, at[wide] + 2, 4)
        _write_wide(at[wide][value >= 0], value[value >= 0], 6, changed, keep)


def _soft(block: Bytes, at: Places, end: int) -> _Mask:
    first, second = block[at + 1], block[at + 2]
    ends: _Mask = ((first == 10) & (at + 1 < end)) | ((first == 13) & (second == 10) & (at + 2 < end))
    return _two_digits(block, at, end) | ends


def _read_soft(block: Bytes, at: Places, changed: Bytes, keep: _Mask) -> None:
    first = block[at + 1]
    single, double = at[first == 10], at[first == 13]
    keep[single] = keep[single + 1] = False
    keep[double] = keep[double + 1] = keep[double + 2] = False
    _read_two(block, at[(first != 10) & (first != 13)], changed, keep)


def _number(block: Bytes, at: Places, count: int, bits: int = 4) -> npt.NDArray[np.int64]:
    """The number that so many digits say; below zero where they are none."""
    value, known = np.zeros(at.size, np.int64), np.ones(at.size, np.bool_)
    for number in range(count):
        digit = _DIGITS[block[at + number]]
        known &= digit < 1 << bits
        value = (value << bits) | digit
    return np.where(known, value, -1)


def _backslashed(block: Bytes, at: Places, end: int) -> _Mask:
    """Whether a backslash begins an escape: one that another escapes does not."""
    if not at.size:
        return np.zeros(0, np.bool_)
    joined = np.concatenate(([False], np.diff(at) == 1))
    begins = np.maximum.accumulate(np.where(joined, 0, np.arange(at.size)))
    even = (np.arange(at.size) - begins) % 2 == 0
    second = block[at + 1]
    known = (_SINGLE[second] != _NONE) | ((second | 0x20) == ord("u")) | (second == ord("x")) | (_DIGITS[second] < 8)
    begin: _Mask = even & known & (at + 1 < end)
    return begin


def _read_backslashed(block: Bytes, at: Places, changed: Bytes, keep: _Mask) -> None:
    second = block[at + 1]
    one = at[_SINGLE[second] != _NONE]
    changed[one] = _SINGLE[block[one + 1]]
    keep[one + 1] = False
    packed = at[second == ord("x")]
    packed = packed[(_DIGITS[block[packed + 2]] < 16) & (_DIGITS[block[packed + 3]] < 16)]
    changed[packed] = _DIGITS[block[packed + 2]] * 16 + _DIGITS[block[packed + 3]]
    octal = at[_DIGITS[second] < 4]
    value = _number(block, octal + 1, 3, bits=3)
    octal, value = octal[value >= 0], value[value >= 0]
    changed[octal] = value.astype(np.uint8)
    for number in (1, 2, 3):
        keep[packed + number] = keep[octal + number] = False
    for letter, digits in (("u", 4), ("U", 8)):
        wide = at[second == ord(letter)]
        value = _number(block, wide + 2, digits)
        known = (value >= 0) & (value < 0x110000)
        if known.any():
            _write_wide(wide[known], value[known], 2 + digits, changed, keep)
    # so braces are read too: Rust, PHP and JavaScript write code points of any length
    for place in at[((second == ord("u")) | (second == ord("x"))) & (block[at + 2] == ord("{"))].tolist():
        if found := _BRACED.match(block[place : place + 12].tobytes()):
            said = chr(min(int(found[1], 16), 0x10FFFF)).encode("utf-8", "replace")
            keep[place : place + found.end()] = np.arange(found.end()) < len(said)
            changed[place : place + len(said)] = np.frombuffer(said, np.uint8)


def _write_wide(at: Places, value: npt.NDArray[np.int64], size: int, changed: Bytes, keep: _Mask) -> None:
    """Write characters in UTF-8 where their escapes of so many bytes begin; of a pair of surrogates one character."""
    if not at.size:
        return
    high = (value >= 0xD800) & (value < 0xDC00)
    paired = np.zeros(at.size, np.bool_)
    paired[:-1] = high[:-1] & (value[1:] >= 0xDC00) & (value[1:] < 0xE000) & (np.diff(at) == size)
    seconds = np.concatenate(([False], paired[:-1]))
    value = value.copy()
    (firsts,) = paired.nonzero()
    value[firsts] = 0x10000 + ((value[firsts] - 0xD800) << 10) + (value[firsts + 1] - 0xDC00)
    for number in range(size):
        keep[at + number] = False
    at, value = at[~seconds], value[~seconds]
    for least, most, made in ((0, 0x80, 1), (0x80, 0x800, 2), (0x800, 0x10000, 3), (0x10000, 0x110000, 4)):
        chosen = (value >= least) & (value < most)
        some, says = at[chosen], value[chosen]
        for number in range(made):
            shift = 6 * (made - 1 - number)
            lead = 0 if made == 1 else (0xF00 >> made) & 0xFF
            bits = (says >> shift) & 0x3F | 0x80 if number else (says >> shift) | lead
            changed[some + number] = bits.astype(np.uint8)
            keep[some + number] = True


def _read_entities(block: Bytes, _at: Places, changed: Bytes, keep: _Mask) -> None:
    met: dict[bytes, list[int]] = {}
    for match in _ENTITY.finditer(block.tobytes()):
        met.setdefault(match[0], []).append(match.start())
    for entity, begins in met.items():
        said = _entity_says(entity)
        if said and len(said) <= len(entity):
            at = np.array(begins)
            for number in range(len(entity)):
                keep[at + number] = number < len(said)
            for number, byte in enumerate(said):
                changed[at + number] = byte


@lru_cache(maxsize=4096)
def _entity_says(entity: bytes) -> bytes:
    """Return what an entity says in UTF-8; nothing where it is none."""
    said = html.unescape(entity.decode())
    return said.encode("utf-8", "replace") if said.encode("utf-8", "replace") != entity else b""


def _entity(block: Bytes, at: Places, end: int) -> _Mask:
    """Whether a number or a letter follows, and a semicolon soon."""
    second = block[at + 1]
    letter = ((second | 0x20) >= ord("a")) & ((second | 0x20) <= ord("z"))
    soon = np.logical_or.reduce([block[np.minimum(at + number, block.size - 1)] == ord(";") for number in range(3, 10)])
    begins: _Mask = ((second == ord("#")) | letter) & soon & (at + 3 < end)
    return begins


def _no_break(block: Bytes, at: Places, end: int) -> _Mask:
    begins: _Mask = (block[at + 1] == 0xA0) & (at + 1 < end)
    return begins


def _read_no_break(_block: Bytes, at: Places, changed: Bytes, keep: _Mask) -> None:
    changed[at] = ord(" ")
    keep[at + 1] = False


KINDS: tuple[tuple[str, int, _Reading, Callable[[Bytes, Places, int], _Mask]], ...] = (
    ("percent", ord("%"), _read_percent, _percent),
    ("backslash", ord("\\"), _read_backslashed, _backslashed),
    ("entities", ord("&"), _read_entities, _entity),
    ("quoted-printable", ord("="), _read_soft, _soft),
    ("no-break spaces", 0xC2, _read_no_break, _no_break),
)
