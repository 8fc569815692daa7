"""Encoded words of mail headers (RFC 2047): ``=?utf-8?Q?Caf=C3=A9?=``. Words that follow one another are read as one."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

import numpy as np

from expunge.residue.forms.written import Written
from expunge.residue.matching.keyed_hash import MAX_LENGTH

_ONE = rb"=\?([A-Za-z0-9_.:*-]{2,40})\?([QqBb])\?([ ->@-~\r\n\t]{0,512})\?="
"""One word. Programs that know nothing of them write a space in it, or fold it in itself."""
_FOLD = re.compile(rb"\r?\n[ \t]")
_WORD = re.compile(_ONE)
_WORDS = re.compile(_ONE.replace(b"(", b"(?:") + rb"(?:[ \t\r\n]+" + _ONE.replace(b"(", b"(?:") + rb")*")
_SIGN = b"=?"
_AROUND = MAX_LENGTH
_LONGEST = 640
"""Bytes of the longest word: one that begins before may end here."""


def gathered(whole: bytes, end: int, since: int) -> Iterator[Written]:
    """Yield what encoded words say, with the bytes around them; what ended before ``since`` was looked at before."""
    if whole.find(_SIGN[:1], 0, end) < 0 or whole.find(_SIGN, 0, end) < 0:
        return
    data, places = bytearray(), [np.zeros(0, np.int64)]
    runs: list[tuple[int, int, int]] = []
    last = 0
    for words in _WORDS.finditer(whole, max(0, since - _LONGEST), end):
        first = max(last, words.start() - _AROUND)
        if first > last or not runs:
            data += whole[last : min(last + _AROUND, first)] if runs else b""
            places.append(np.arange(last, min(last + _AROUND, first) if runs else last))
            runs.append((first, end, len(data)))
        said = _say(words[0])
        data += whole[first : words.start()] + said
        places.append(np.arange(first, words.start()))
        places.append(np.linspace(words.start(), words.end() - 1, len(said)).astype(np.int64))
        last = words.end()
    if runs:
        data += whole[last : min(last + _AROUND, end)]
        places.append(np.arange(last, min(last + _AROUND, end)))
        yield Written("encoded words", bytes(data), runs, places=np.concatenate(places), source=whole, since=since - _LONGEST)


def _say(words: bytes) -> bytes:
    """Return what words say, in UTF-8; those of one character set may share a character."""
    said = b""
    waiting, charset = b"", ""
    for word in _WORD.finditer(words):
        named = word[1].decode().partition("*")[0].lower()
        if named != charset:
            said += _in_utf_8(waiting, charset)
            waiting, charset = b"", named
        letters = _FOLD.sub(b"", word[3])
        waiting += _letters(letters) if word[2] in b"Bb" else binascii.a2b_qp(letters, header=True)
    return said + _in_utf_8(waiting, charset)


def _letters(text: bytes) -> bytes:
    letters = text.rstrip(b"=")
    try:
        return binascii.a2b_base64(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")
    except binascii.Error:
        return b""


def _in_utf_8(data: bytes, charset: str) -> bytes:
    try:
        return data if charset in {"", "utf-8", "us-ascii"} else data.decode(charset, "replace").encode()
    except (LookupError, UnicodeError):
        return data
