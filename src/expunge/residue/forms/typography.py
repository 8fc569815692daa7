"""Text with signs that programs put in when they set it: other spaces, hyphens and quotation marks, wide letters, hidden joiners."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from expunge.residue.forms.written import Places, Written
from expunge.residue.matching.keyed_hash import MAX_LENGTH
from expunge.residue.matching.marks import marked
from expunge.residue.matching.matcher import Bytes

_AROUND = MAX_LENGTH
"""Bytes on both sides of such a sign of which a window may be a part ..."""
_BEFORE = 4 * _AROUND
"""... and bytes in which one may be written: a wide letter takes three, and a joiner may stand behind each."""
_PART = 1 << 17
_NOTHING = 0
_SPACES = (*range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_JOINERS = (0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF)
_LOOKING = {
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(_JOINERS, ""),
    **dict.fromkeys(range(0x2010, 0x2014), "-"),
    **dict.fromkeys(range(0x2018, 0x201C), "'"),
    **dict.fromkeys(range(0x201C, 0x2020), '"'),
    **{sign: chr(sign - 0xFEE0) for sign in range(0xFF01, 0xFF5F)},
}
"""What each sign looks like in ASCII."""
_ANY = re.compile(f"[{''.join(map(chr, _LOOKING))}]")
_IS_ONE = np.zeros(1 << 16, np.bool_)
_LOOKS = np.zeros(1 << 16, np.uint8)
"""By the last two bytes of a sign."""
for _sign, _looks in _LOOKING.items():
    _written = chr(_sign).encode()
    _key = int.from_bytes(_written[-2:], "big")
    _IS_ONE[_key], _LOOKS[_key] = True, ord(_looks or "\0")


def simplified(text: str) -> str:
    """Return a text with such signs as they look in ASCII, and letters of other widths as ordinary ones."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _ANY.sub(lambda found: _LOOKING[ord(found[0])], text))


def is_set(text: str, size: int) -> bool:
    """Return whether such signs stand so close that no window of so many bytes is without one."""
    if text.isascii() or simplified(text) == unicodedata.normalize("NFC", text):
        return False
    plain = "".join(sign if ord(sign) not in _LOOKING and unicodedata.is_normalized("NFKC", sign) else "\0" for sign in text)
    return max(len(each.encode("utf-8", "surrogatepass")) for each in plain.split("\0")) < size


def gathered(block: Bytes, end: int, whole: bytes, since: int) -> Iterator[Written]:
    """Yield what the text of a block says around such signs; what ended before ``since`` was looked at before."""
    at = _signs(block, end, max(0, since - _BEFORE))
    if at.size:
        yield _around(block, whole, end, at, since)


def _signs(block: Bytes, end: int, begin: int) -> Places:
    """Return where such signs begin."""
    found: list[Places] = []
    for base in range(begin, end, _PART):
        part = block[base : min(base + _PART, end)]
        if part.size < 3 or int(part.max()) < 0x80:
            continue
        first, second = part[:-1], part[1:]
        # Why in this way: each step takes many bytes at once, a table takes one.
        near = ((first & np.uint8(0xFE)) == 0xE2) & ((second & np.uint8(0xFE)) == 0x80)
        near |= (first == 0xEF) & ((second - np.uint8(0xBB)) < 3)
        near |= (first == 0xC2) & (second == 0xAD)
        at = marked(near)
        if at.size:
            found.append(at + base)
    if not found:
        return np.zeros(0, np.int64)
    at = np.concatenate(found)
    at = at[at + 3 <= end]
    wide = (block[at] != 0xC2).astype(np.int64)
    keys = block[at + wide].astype(np.int64) << 8 | block[at + wide + 1]
    keys[wide == 0] = 0xC2AD
    only: Places = at[_IS_ONE[keys] & _of_its_lead(block[at], keys)]
    return only


def _of_its_lead(leads: Bytes, keys: Places) -> npt.NDArray[np.bool_]:
    """Whether the last two bytes make such a sign with the first: other signs end alike."""
    wanted = np.full(keys.size, 0xE2)
    wanted[keys == 0x8080] = 0xE3
    wanted[keys >= 0xBB00] = 0xEF
    wanted[keys == 0xC2AD] = 0xC2
    same: npt.NDArray[np.bool_] = leads == wanted
    return same


def _around(block: Bytes, whole: bytes, end: int, at: Places, since: int) -> Written:
    breaks = (np.diff(at) > 2 * _AROUND + 3).nonzero()[0]
    begins = np.concatenate(([0], breaks + 1))
    firsts = np.maximum(at[begins] - _AROUND, 0)
    lasts = np.minimum(at[np.concatenate((breaks, [at.size - 1]))] + _AROUND + 3, end)
    sizes = lasts - firsts
    behind = firsts - np.cumsum(sizes) + sizes
    places = np.arange(int(sizes.sum())) + np.repeat(behind, sizes)
    text, keep = block[places], np.ones(places.size, np.bool_)
    signs = at - np.repeat(behind, np.diff(np.concatenate((begins, [at.size]))))
    wide = text[signs] != 0xC2
    keys = np.where(wide, text[signs + 1].astype(np.int64) << 8 | text[np.minimum(signs + 2, text.size - 1)], 0xC2AD)
    looks = _LOOKS[keys]
    text[signs] = looks
    keep[signs] = looks != _NOTHING
    keep[signs + 1] = False
    keep[signs[wide] + 2] = False
    places = places[keep]
    runs = np.stack([firsts, lasts, np.searchsorted(places, firsts)], axis=1)
    return Written("typography", text[keep].tobytes(), runs, places=places, source=whole, since=since - 2 * _AROUND, leaf=True)
