"""Windows of the words of a text, without what stands between them: a copy may have them one by one, each with its time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from expunge.residue.forms.words import FEWEST, LONGEST
from expunge.residue.matching.keyed_hash import MAX_LENGTH
from expunge.residue.take.written_forms import spread, utf8

LEAST = 24
"""Bytes of the shortest window, as many as one of a text has."""
_ALONE = rb"(?:\xE0[\xB8-\xBB][\x80-\xBF]|\xE1[\x80-\x82\x9E\x9F][\x80-\xBF]|\xE3[\x81-\xBF][\x80-\xBF]|[\xE4-\xE9][\x80-\xBF]{2})"
"""A letter of a script that puts no space between words: each is read as a word."""
_LETTER = rb"(?:[A-Za-z]|[\xC3-\xDF][\x80-\xBF]|(?!" + _ALONE + rb")[\xE0\xE1\xEA-\xED][\x80-\xBF]{2})"
_WORD = re.compile(_ALONE + rb"|" + _LETTER + rb"+(?:(?:'|\xE2\x80\x99)" + _LETTER + rb"+)*")
_SIGN = rb"(?:[,.;:!?\"()'-]|\xC2[\xA0\xAB\xBB]|\xE2\x80[\x80-\xBF]|\xE3\x80[\x80-\x9F]|\xEF\xBC[\x81-\x9F])"
_BETWEEN = re.compile(_SIGN + rb"{0,4}[ \t\r\n]" + _SIGN + rb"{0,4}[ \t\r\n]{0,4}" + _SIGN + rb"{0,2}")
"""What stands between two words of a sentence. Where anything else stands, a number say, a sentence ends."""
_SIGNS = re.compile(_SIGN + rb"{0,4}")
_APOSTROPHES = re.compile(rb"'|\xE2\x80\x99")
_IS_ALONE = re.compile(_ALONE)
_LETTERS_OF_A_WORD = 2
"""Letters of such a script that count as a word."""


class SaidWord(NamedTuple):
    """One word of a sentence."""

    letters: bytes
    weight: float
    """For how many words it counts: a part of one behind a hyphen for none."""


def sentences(text: str) -> Iterator[list[SaidWord]]:
    """Yield the words of each sentence of a text: a word once that stands there twice in a row, and without apostrophes."""
    data = utf8(text if text.isascii() else unicodedata.normalize("NFC", text))
    found: list[SaidWord] = []
    end, alone = 0, False
    for word in _WORD.finditer(data):
        was_alone, alone = alone, _IS_ALONE.match(word[0]) is not None
        spaced = _BETWEEN.fullmatch(data, end, word.start()) is not None
        joined = not spaced and (data[end : word.start()] == b"-" or ((alone or was_alone) and _SIGNS.fullmatch(data, end, word.start())))
        if found and (not (spaced or joined) or len(word[0]) > LONGEST):
            yield found
            found = []
        end = word.end()
        letters = _APOSTROPHES.sub(b"", word[0])
        if len(word[0]) <= LONGEST and (not found or found[-1].letters.lower() != letters.lower()):
            found.append(SaidWord(letters, 1 / _LETTERS_OF_A_WORD if alone else 1 if spaced or not found else 0))
    yield found


def normal(text: str) -> Iterator[bytes]:
    """Yield each sentence of a text as it is looked for: its words with one space between them."""
    yield from (_joined(words) for words in sentences(text) if words)


def windows(text: str, most: int) -> list[bytes]:
    """Return at most so many windows of a text, evenly spread: enough words, and enough bytes."""
    found = list(dict.fromkeys(window for words in sentences(text) for window in _of_sentence(words)))
    return [found[index] for index in spread(len(found), most)]


def _of_sentence(words: Sequence[SaidWord]) -> Iterator[bytes]:
    for begin in range(len(words)):
        size, weight = -1, 0.0
        for count, word in enumerate(words[begin:], 1):
            size += len(word.letters) + 1
            weight += word.weight
            if weight >= FEWEST and size >= LEAST:
                yield _joined(words[begin : begin + count])[:MAX_LENGTH].decode("utf-8", "ignore").strip().encode()
                break


def _joined(words: Sequence[SaidWord]) -> bytes:
    return b" ".join([word.letters for word in words])
