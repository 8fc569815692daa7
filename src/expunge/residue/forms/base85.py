"""Base85 in its three alphabets: Ascii85 (with its frame or without), that of RFC 1924, and Z85.

Nearly all signs of text are in these alphabets. So a run counts that is long, has no space, and has many different signs between its
letters: words of a program have quotation marks and brackets in the wrong places for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from expunge.residue.forms.written import LONG, Places, Written, in_groups
from expunge.residue.matching.matcher import Bytes

SHORTEST = 32
"""Characters of the shortest run."""
_WORDS = 3
"""Whole words that lie in the shortest run, wherever it begins."""
_LETTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ALPHABETS = {
    "ascii85": bytes(range(0x21, 0x76)),
    "base85": _LETTERS + b"!#$%&()*+-;<=>?@^_`{|}~",
    "z85": b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
}
_LOOKED_AT = 256
"""Characters of which it is asked whether they may be such text."""
_SIGNS = {"ascii85": (6, 5), "base85": (5, 20), "z85": (5, 20)}
"""How many different signs that are no letters have to be among these, and that one in so many characters at least is one."""
_FEWEST, _FEWEST_LETTERS = {"ascii85": 5, "base85": 3, "z85": 3}, 10
"""Signs that are no letters in three words, and letters."""
_FEWEST_RARE = 2
"""Signs in three words that are not among the common ones."""
_FEW = 64
"""Stretches of a block that are looked at one by one."""
_GROUP, _MAKES = 5, 4
_LAST = 84
"""The digit that fills a group up."""
_POWERS = np.array([85**power for power in (4, 3, 2, 1, 0)], np.uint64)


def _digits(alphabet: bytes) -> npt.NDArray[np.uint64]:
    table = np.zeros(256, np.uint64)
    table[np.frombuffer(alphabet, np.uint8)] = range(85)
    return table


_DIGITS = {form: _digits(alphabet) for form, alphabet in _ALPHABETS.items()}
_BITS = {form: 1 << number for number, form in enumerate(_ALPHABETS)}
_COMMON = b"-:._/,=;+\"'{}()"
"""Signs of times, keys, paths and JSON: a run in which there are no others is no such text."""
_SIGN, _RARE = 0x80, 0x40
_CLASS = bytes(
    sum(bit for form, bit in _BITS.items() if each in _ALPHABETS[form])
    | (0 if each in _LETTERS else _SIGN)
    | (0 if each in _LETTERS + _COMMON else _RARE)
    for each in range(256)
)
_ONES = 0x0101010101010101
_RUNS = {
    form: re.compile(b"[%b]{%d,}(?:\r?\n[%b]+)*" % (re.escape(alphabet), SHORTEST, re.escape(alphabet)))
    for form, alphabet in _ALPHABETS.items()
}
_LINES = b"\r\n"


def find(whole: bytes, end: int, dense: npt.NDArray[np.bool_]) -> Iterator[tuple[str, int, int]]:
    """Yield (alphabet, begin, end) for each run.

    Args:
        whole: the block.
        end: where it ends.
        dense: which of its words of eight bytes have neither a space nor a byte beyond ASCII.
    """
    at = (dense[2:] & dense[1:-1] & dense[:-2]).nonzero()[0] if dense.size >= _WORDS else np.zeros(0, np.int64)
    if not at.size:
        return
    firsts, lasts = _stretches(at, end)
    if firsts.size > _FEW:
        # Why all of it: one pass over a block costs less than many over its parts.
        yield from _runs(whole, 0, end)
    else:
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
            yield from _runs(whole, first // 8 * 8, last)


def _runs(whole: bytes, first: int, last: int) -> Iterator[tuple[str, int, int]]:
    classes = np.frombuffer(whole[first : last + 8 - (last - first) % 8].translate(_CLASS), "<u8")
    rare = _counted(classes, _RARE) >= _FEWEST_RARE
    if not rare.any():
        return
    signs = _counted(classes, _SIGN)
    rare &= signs <= 8 * _WORDS - _FEWEST_LETTERS
    for form, bit in _BITS.items():
        full = classes & np.uint64(bit * _ONES) == np.uint64(bit * _ONES)
        full = full[2:] & full[1:-1] & full[:-2]
        (here,) = (full & rare & (signs >= _FEWEST[form])).nonzero()
        if here.size:
            begins, ends = _stretches(full.nonzero()[0], last - first)
            chosen = np.unique(np.searchsorted(begins, here * 8, side="right") - 1)
            for begin, end in zip((begins[chosen] + first).tolist(), (ends[chosen] + first).tolist(), strict=True):
                if not _may_be(form, whole[begin:end]):
                    continue
                for run in _RUNS[form].finditer(whole, begin, end):
                    if run.span() == (begin, end) or _may_be(form, run[0]):
                        yield form, run.start(), run.end()


def _counted(classes: npt.NDArray[np.uint64], bit: int) -> npt.NDArray[np.uint64]:
    """Return how many characters of each three words have a bit of their class."""
    ones = (classes & np.uint64(_ONES * bit)) >> np.uint64(bit.bit_length() - 1)
    each = ones * np.uint64(_ONES) >> np.uint64(56)
    counted: npt.NDArray[np.uint64] = each[2:] + each[1:-1] + each[:-2]
    return counted


def _stretches(at: Places, end: int) -> tuple[Places, Places]:
    """Return where three words and more follow one another, with a word on both sides."""
    breaks = (np.diff(at) > _WORDS + 1).nonzero()[0]
    firsts = np.maximum(at[np.concatenate(([0], breaks + 1))] * 8 - 8, 0)
    lasts = np.minimum(at[np.concatenate((breaks, [at.size - 1]))] * 8 + 8 * _WORDS + 8, end)
    return firsts, lasts


def _may_be(form: str, text: bytes) -> bool:
    """Return whether in some part of it there are signs between the letters, many and different ones."""
    different, share = _SIGNS[form]
    if len(text) <= _LOOKED_AT:
        signs = text.translate(None, _LETTERS)
        return len(signs) * share >= len(text) >= 2 * len(signs) and len(set(signs)) >= different
    if len(set(text.translate(None, _LETTERS))) < different:
        return False
    for at in range(0, len(text), _LOOKED_AT):
        part = text[at : at + _LOOKED_AT]
        signs = part.translate(None, _LETTERS)
        if len(signs) * share >= len(part) >= 2 * len(signs) and len(set(signs)) >= different:
            return True
    return False


def gathered(block: Bytes, whole: bytes, runs: Sequence[tuple[str, int, int]]) -> Iterator[Written]:
    """Yield what runs say, from each character of a group on: long ones alone, short ones of an alphabet together."""
    short: dict[str, list[tuple[int, int]]] = {}
    for form, begin, end in runs:
        marked = whole[max(0, begin - 2) : begin] == b"<~"
        if not marked and end - begin < LONG and whole.find(b"\n", begin, end) < 0:
            short.setdefault(form, []).append((begin, end))
            continue
        text = whole[begin:end].translate(None, _LINES)
        step = (_GROUP * (end - begin), _MAKES * len(text))
        for phase in (0,) if marked else range(_GROUP):
            yield Written(form, _say(form, text[phase:]), [(begin + phase, end, 0)], step)
    for form, some in short.items():
        begins, ends = np.array(some).T
        for phase in range(_GROUP):
            yield _short(form, block, begins + phase, ends)


def _say(form: str, text: bytes) -> bytes:
    missing = -len(text) % _GROUP
    said = _said(np.concatenate([_DIGITS[form][np.frombuffer(text, np.uint8)], np.full(missing, _LAST, np.uint64)]))
    return said[: len(said) - missing]


def _short(form: str, block: Bytes, begins: Places, ends: Places) -> Written:
    """Return what runs of one line say that begin with a whole group."""
    text, offsets = in_groups(block, begins, ends - begins, _GROUP, _ALPHABETS[form][_LAST])
    return Written(form, _said(_DIGITS[form][text]), np.stack([begins, ends, offsets // _GROUP * _MAKES], axis=1), (_GROUP, _MAKES))


def _said(digits: npt.NDArray[np.uint64]) -> bytes:
    said: bytes = (digits.reshape(-1, _GROUP) @ _POWERS).astype(np.uint32).astype(">u4").tobytes()
    return said
