"""Read the acts of a page in a PDF file: what they show, and what stands beside it (ISO 32000-1, 8.2 and 9.4)."""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Iterator

from expunge.residue.formats.containers.pdf_fonts import SIGN, UNKNOWN, Font

_LITERAL = rb"(?P<text>\((?:[^()\\]++|\\.|\((?:[^()\\]++|\\.)*+\))*+\))"
_TEXT = re.compile(_LITERAL + rb"|(?P<hex>(?<!<)<[0-9A-Fa-f\s]+>(?!>))", re.DOTALL)
_OWN_SIGNS = re.compile(rb"[\x18-\x1f\x80-\xa0]|\\[0-3][0-7][0-7]|<[\s0-9A-Fa-f]+>")
_UNUSUAL = bytes((*range(0x18, 0x20), *range(0x80, 0xA1)))
_DOCUMENT_SIGNS = dict(zip(_UNUSUAL, "˘ˇˆ˙˝˛˚˜•†‡…—–ƒ⁄‹›−‰„“”‘’‚™ﬁﬂŁŒŠŸŽıłœšž\ufffd€", strict=True))  # noqa: RUF001 - the signs themselves
_TO_THE_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_TURNED = re.compile(f"{SIGN[1]}([^{SIGN[0]}]*){SIGN[0]}")
_LEFTWARD = re.compile(f"[{_TO_THE_LEFT}]")
_RIGHTWARD = re.compile(rf"[^\W{_TO_THE_LEFT}](?:[^\n{_TO_THE_LEFT}]*[^\W{_TO_THE_LEFT}])?")
_WIDE = b"\xfe\xff"
SHOWS = re.compile(rb"(?:^|[\s\]>)])(?:BT)\b")
USED = re.compile(rb"/([^\s/<>\[\]()]*)\s+[-+\d.]+\s+Tf\b")
_TOKEN = re.compile(
    _LITERAL + rb"|(?P<hex><[0-9A-Fa-f\s]*>)|(?P<name>/[^\s/<>\[\]()]*)"
    rb"|(?P<number>[-+]?\d*\.?\d+)|(?P<act>[A-Za-z'\"]\w*\*?)",
    re.DOTALL,
)
_SPELLED = re.compile(rb"#([0-9A-Fa-f]{2})")
_PICTURE = tuple(re.compile(each) for each in (rb"\bBI\b\s*/", rb"\bID\s", rb"\sEI\b"))
"""What a picture among the acts begins with, what its bytes begin with, and what ends it."""
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\r\n": b"", b"\n": b"", b"\r": b""}
PARTS = "\x1f"
"""Between two parts of a line, which may be parts of a word."""
_WIDE_GAP = -180.0
"""Thousandths of the size of letters from which on a gap between two parts of a line is a blank."""
_SMALL = 4096
"""Bytes of a picture among the acts of a page that programs write there (ISO 32000-1, 8.9.7)."""


def plain_name(name: bytes) -> bytes:
    """Return a name with the letters that are written as numbers."""
    return _SPELLED.sub(lambda found: bytes((int(found[1], 16),)), name)


def strings(said: bytes) -> Iterator[str]:
    """Yield the texts of a dictionary, such as a title, that have signs of the encoding which documents have for these (annex D.2)."""
    for found in _TEXT.finditer(said) if _OWN_SIGNS.search(said) else ():
        data = _unescaped(found["text"][1:-1]) if found["text"] else _bytes(found["hex"][1:-1])
        if not data.startswith(_WIDE) and data.translate(None, _UNUSUAL) != data:
            yield data.decode("latin-1").translate(_DOCUMENT_SIGNS)


def in_order_of_reading(text: str) -> str:
    """Return lines with letters that run to the left as they are read: most programs write them in the order in which they are seen.

    Letters that are shown joined are those that are written. Numbers and words of other letters among them keep their order.
    """
    turned = (_TURNED.sub(lambda found: found[1][::-1], line[::-1]) for line in text.split("\n") if _LEFTWARD.search(line))
    return "\n".join(unicodedata.normalize("NFKC", _RIGHTWARD.sub(lambda found: found[0][::-1], line)) for line in turned)


def beside_letters(content: bytes) -> bytes:
    """Return what a page's acts have beside the letters that they show, and beside small pictures."""
    acts, pictures = parted(content)
    rest = _TOKEN.sub(lambda found: b"" if found["text"] else found[0], acts)
    return b"".join((rest, *(each for each in pictures if len(each) > _SMALL)))


def parted(content: bytes) -> tuple[bytes, list[bytes]]:
    """Return the acts of a page without the pictures that stand among them, and these."""
    acts, pictures, at = list[bytes](), list[bytes](), 0
    # Why one after another: a pattern for all of a picture looks from each beginning up to the end of the page.
    while True:
        picture, end = at, at
        for step, mark in enumerate(_PICTURE):
            if (found := mark.search(content, end)) is None:
                return b"".join((*acts, content[at:])), pictures
            picture, end = found.start() if step == 0 else picture, found.end()
        acts.append(content[at:picture])
        pictures.append(content[picture:end])
        at = end


def shown(acts: bytes, fonts: dict[bytes, Font], of_graphics: Font | None) -> tuple[str, set[int]]:
    """Return what acts show, and the numbers in it that say no letter."""
    shown: list[str] = []
    current, parts, numbers, named, dark = UNKNOWN, list[str](), list[float](), b"", set[int]()
    kept: list[Font] = []
    at = height = 0.0
    for token in _TOKEN.finditer(acts):
        kind, word = token.lastgroup, token[0]
        if kind in {"text", "hex"}:
            said, more = current.shown(_unescaped(word[1:-1]) if kind == "text" else _bytes(word[1:-1]))
            parts.append(said)
            dark |= more
        elif kind == "name":
            named = plain_name(word[1:])
        elif kind == "number":
            numbers.append(float(word))
            if parts and numbers[-1] < _WIDE_GAP:
                parts.append(" ")
        else:
            if word in {b"Td", b"TD", b"Tm"} and numbers:
                height = numbers[-1] + (0.0 if word == b"Tm" else height)
                shown.append(PARTS if height == at else "\n")
                at = height
            height = 0.0 if word == b"BT" else height
            shown += _act(word, parts)
            current = _chosen(word, current, fonts.get(named, UNKNOWN), of_graphics, kept)
            parts, numbers = [], []
    return "".join(shown), dark


def _act(word: bytes, parts: list[str]) -> list[str]:
    """Return what an act shows."""
    if word in {b"Tj", b"TJ"}:
        return parts
    if word in {b"'", b'"'}:
        return ["\n", *parts]
    return {b"T*": ["\n"], b"ET": [PARTS]}.get(word, [])


def _chosen(word: bytes, current: Font, named: Font, of_graphics: Font | None, kept: list[Font]) -> Font:
    """Return the font after an act."""
    if word == b"Tf":
        return named
    if word == b"gs" and of_graphics:
        return of_graphics
    if word == b"q":
        kept.append(current)
    return kept.pop() if word == b"Q" and kept else current


def _bytes(digits: bytes) -> bytes:
    digits = b"".join(digits.split())
    return binascii.unhexlify(digits + b"0" * (len(digits) % 2))


def _unescaped(data: bytes) -> bytes:
    return _ESCAPE.sub(_meant, data) if b"\\" in data else data


def _meant(escape: re.Match[bytes]) -> bytes:
    sign = escape[1]
    return bytes((int(sign, 8) & 0xFF,)) if sign[:1].isdigit() and sign[:1] < b"8" else _ESCAPES.get(sign, sign)
