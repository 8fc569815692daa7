"""Compute the written forms of a piece of text or a number, and the windows of each form that are worth looking for."""

from __future__ import annotations

import base64
import html
import json
import re
import struct
import unicodedata
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice

from expunge.residue.forms.typography import simplified
from expunge.residue.matching.keyed_hash import MAX_LENGTH

SHORTEST = 8
"""Bytes below which a window cannot be traced."""
_WHOLE = 32
"""Text up to so many bytes is traced as a whole."""
_WINDOW = 24
_ONLY = 40
"""Bytes of the window of a text of which one alone is taken: few other texts have so many in common with it."""
_FRAGMENT = 12
_ADDRESS = re.compile(r"([^\s@]+)@[^\s@]+")
_LOCAL = 6
"""Characters before the sign of an address in its last part."""


def utf8(text: str) -> bytes:
    """Encode any string that Python can hold: lone surrogates from file names go back to the bytes they came from."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def dress(text: str, only: Container[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield (form, bytes) for each way of writing ``text``, without those that come out like an earlier one.

    ``utf-8`` is always the first; ``only`` limits the others.
    """
    plain = utf8(text)
    passed = {plain}
    yield "utf-8", plain
    for form, write in _FORMS.items():
        if only is None or form in only:
            data = write(text, plain)
            if data not in passed:
                passed.add(data)
                yield form, data


def other_letters(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield (form, bytes) of the ways in which letters beyond ASCII are written elsewhere: as ASCII, a byte each, accents apart or not."""
    if text.isascii():
        return
    if (plain := simplified(text)) != unicodedata.normalize("NFC", text):
        yield "simplified", utf8(plain)
    with suppress(UnicodeEncodeError):
        yield "latin-1", text.encode("cp1252")
    yield from islice(dress(text, {"composed", "decomposed"}), 1, None)


def _json(text: str, *, ensure_ascii: bool) -> bytes:
    return utf8(json.dumps(text, ensure_ascii=ensure_ascii)[1:-1])


def wrap(plain: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the forms that any bytes can take: hex in both cases, decimals, base64 in its three alignments and two alphabets."""
    for form, write in _WRAPPINGS.items():
        yield form, write(plain)


def _base64(plain: bytes, alignment: int) -> bytes:
    inner = plain[-alignment % 3 :]
    # only characters that the bytes before and after have no part in
    return base64.b64encode(inner)[: len(inner) * 8 // 6]


def _base64url(plain: bytes, alignment: int) -> bytes:
    return _base64(plain, alignment).replace(b"+", b"-").replace(b"/", b"_")


_DECIMALS = [b"%d" % (each - 256 if each > 127 else each) for each in range(256)]


def _numbered(plain: bytes) -> bytes:
    """Each byte as a decimal, signed: so PostgreSQL keeps the constants of views, defaults and partition bounds (``outDatum``)."""
    return b" ".join(map(_DECIMALS.__getitem__, plain))


_WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "hex": lambda plain: plain.hex().encode(),
    "hex-upper": lambda plain: plain.hex().upper().encode(),
    "numbered": _numbered,
    **{f"base64+{number}": partial(_base64, alignment=number) for number in range(3)},
    **{f"base64url+{number}": partial(_base64url, alignment=number) for number in range(3)},
}


def _wrapped(write: Callable[[bytes], bytes]) -> Callable[[str, bytes], bytes]:
    return lambda _, plain: write(plain)


_UUID = re.compile(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")


def bytes_of_uuid(text: str) -> bytes:
    """The 16 bytes that a UUID written as text has in a column of its own type; none for anything else."""
    return bytes.fromhex(text.replace("-", "")) if len(text) <= 36 and _UUID.fullmatch(text) else b""


_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


def _percent(plain: bytes) -> bytes:
    """Percent-encode (RFC 3986) as ``urllib.parse.quote`` does, which takes byte after byte; here are megabytes."""
    special = set(plain) - _UNRESERVED
    # the sign itself first, because it stands in what the others become
    for byte in sorted(special, key=lambda each: each != 0x25):
        plain = plain.replace(bytes((byte,)), b"%%%02X" % byte)
    return plain


_FORMS: dict[str, Callable[[str, bytes], bytes]] = {
    "utf-16": lambda text, _: text.encode("utf-16-le", "surrogatepass"),
    "utf-16-be": lambda text, _: text.encode("utf-16-be", "surrogatepass"),
    "utf-32": lambda text, _: text.encode("utf-32-le", "surrogatepass"),
    "utf-32-be": lambda text, _: text.encode("utf-32-be", "surrogatepass"),
    **{form: _wrapped(write) for form, write in _WRAPPINGS.items()},
    "json": lambda text, _: _json(text, ensure_ascii=True),
    "json-utf-8": lambda text, _: _json(text, ensure_ascii=False),
    "json-slash": lambda text, _: _json(text, ensure_ascii=True).replace(b"/", b"\\/"),
    "json-in-json": lambda text, _: _json(_json(text, ensure_ascii=True).decode(), ensure_ascii=True),
    "sql": lambda _, plain: plain.replace(b"'", b"''"),
    "sql-backslash": lambda _, plain: plain.replace(b"\\", b"\\\\").replace(b"'", b"\\'").replace(b'"', b'\\"'),
    "csv": lambda _, plain: plain.replace(b'"', b'""'),
    "url": lambda _, plain: _percent(plain),
    "url-plus": lambda _, plain: _percent(plain).replace(b"%20", b"+"),
    "lower": lambda text, _: utf8(text.lower()),
    "upper": lambda text, _: utf8(text.upper()),
    "html": lambda text, _: utf8(html.escape(text)),
    "latin-1": lambda text, plain: plain if text.isascii() else _one_byte_each(text),
    "composed": lambda text, plain: plain if text.isascii() else utf8(unicodedata.normalize("NFC", text)),
    "decomposed": lambda text, plain: plain if text.isascii() else utf8(unicodedata.normalize("NFD", text)),
}


def _one_byte_each(text: str) -> bytes:
    """A text in Windows-1252, which is Latin-1 with typographic quotes, dashes and the euro; in Latin-1 where it has control characters."""
    try:
        return text.encode("cp1252")
    except UnicodeEncodeError:
        return text.encode("latin-1", "ignore")


def forms_of_number(value: float) -> Iterator[tuple[str, bytes]]:
    """Yield the packed and printed forms of a number: IEEE doubles in both byte orders, and the shortest decimal."""
    if isinstance(value, float):
        yield "float64", struct.pack("<d", value)
        yield "float64-be", struct.pack(">d", value)
    yield "printed", repr(value).encode()


_PACKED = {"float32": "<f", "float32-be": ">f", "float64": "<d", "float64-be": ">d", "float16": "<e"}

PACKED = frozenset(_PACKED)
"""Names of the forms of packed numbers."""
_LOWEST_FIRST = ("float32", "float16", "float64")


def size_of(form: str) -> int:
    """Bytes of one number in a packed form."""
    return struct.calcsize(_PACKED[form])


def forms_of_vector(values: Sequence[float], only: Container[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield the packed forms of a vector: 32- and 64-bit floats in both byte orders, 16-bit ones as they are kept to save room."""
    count = len(values)
    for form, code in _PACKED.items():
        if only is None or form in only:
            try:
                yield form, struct.pack(f"{code[0]}{count}{code[1]}", *values)
            except OverflowError:
                continue


def windows_of_vector(values: Sequence[float], size: int, most: int) -> Iterator[tuple[int, str, bytes]]:
    """Yield (rank, form, bytes) for up to ``most`` windows of a vector in each form that is written lowest byte first.

    Of one place the 32-bit floats are the best, then 16-bit ones: that is how embeddings are kept.
    """
    for preference, form in enumerate(_LOWEST_FIRST):
        width = min(size // size_of(form), len(values))
        places = len(values) - width + 1 if values else 0
        for rank, index in enumerate(spread(places, most)):
            for _, data in forms_of_vector([float(value) for value in values[index : index + width]], (form,)):
                yield len(_LOWEST_FIRST) * rank + preference, form, data


def highest_first(form: str, data: bytes) -> tuple[str, bytes] | None:
    """The same window of packed numbers with the highest byte first; None for a form that has no such twin."""
    twin = f"{form}-be"
    if twin not in _PACKED:
        return None
    step = size_of(form)
    return twin, b"".join(data[at : at + step][::-1] for at in range(0, len(data), step))


def printed(value: float) -> Iterator[str]:
    """Yield the shortest decimals of a number as a double and as a single."""
    yield repr(float(value))
    try:
        single = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return
    for digits in range(6, 10):
        text = f"{single:.{digits}g}"
        if struct.pack("<f", float(text)) == struct.pack("<f", single):
            yield text
            return


def telling(window: bytes) -> bool:
    """Return whether a window says enough: silence, zeros and repeated bytes do not."""
    if len(window) < SHORTEST:
        return False
    return len(set(window)) >= (4 if len(window) < 16 else 6) and len(set(window[:8])) >= 2


def names_person(window: bytes) -> bool:
    """Return whether a window of an identifier can be looked for: ``1000000007`` has few digits and is somebody all the same."""
    return len(window) >= SHORTEST and len(set(window)) >= 2


def pieces(text: str, most: int) -> list[str]:
    """Choose windows of a text, most telling first: all of it if it is short, else runs from the starts of words, spread over it."""
    size = len(text) if text.isascii() else len(utf8(text))
    if size <= _WHOLE or (size <= MAX_LENGTH and _ADDRESS.fullmatch(text)):
        return [text]
    if most == 1 and (first := _first(text, size)) is not None:
        return [first]
    starts = [each.start() for each in re.finditer(r"\S+", text)] if size < 1 << 20 else list(range(0, len(text), 1 << 10))
    if len(starts) * _WINDOW < len(text):
        # long runs without a space: a language that has none, or a long token
        starts = sorted({*starts, *range(0, len(text), _WINDOW)})
    chosen: list[str] = []
    fitting = [start for start in starts if len(text) - start >= _WINDOW // 4]
    for index in spread(len(fitting), most):
        piece = _cut(text, fitting[index], _WINDOW)
        if len(utf8(piece)) >= min(size, _WINDOW) - 3:
            chosen.append(piece)
    return chosen or [_cut(text, 0, _WINDOW)]


def _first(text: str, size: int) -> str | None:
    """The run from the first word on, where that is what many starts would give first; a longer one than of many."""
    start = len(text) - len(text.lstrip())
    # Why without a space at the end: such a window is not folded.
    piece = _cut(text, start, _ONLY).rstrip()
    return piece if len(text) - start >= _WINDOW // 4 and len(utf8(piece)) >= min(size, _WINDOW) - 3 else None


def fragments(text: str) -> list[str]:
    """Parts of a short string that survive where the whole does not: cut off in statistics, folded and cut in a text index.

    Of an address each of them has a part of what stands before the sign: what stands behind it, everybody at that domain has.
    """
    found: list[str] = []
    words = text.split()
    address = _ADDRESS.fullmatch(text)
    if len(words) == 1 and _FRAGMENT + 8 <= len(utf8(text)) <= (MAX_LENGTH if address else _WHOLE):
        end = text[max(0, address.end(1) - _LOCAL) :] if address else text[-len(_cut(text[::-1], 0, _FRAGMENT)) :]
        found += [_cut(text, 0, _FRAGMENT), end]
    # dictionary words are everybody's: a word by itself is taken where it is the whole value or has a digit in it
    telling_words = re.findall(r"\w{10,}", address[1] if address else text)
    single = [word for word in telling_words if len(words) == 1 or any(each.isdigit() for each in word)]
    folded = [word.lower() for word in single]
    # a text index keeps of a word only what differs from the word before it
    folded += [word[max(2, len(word) - _FRAGMENT) :] for word in folded]
    return [each for each in dict.fromkeys([*found, *folded]) if each != text]


def _cut(text: str, start: int, size: int) -> str:
    """The longest run from ``start`` that has at most ``size`` bytes in UTF-8."""
    if text.isascii():
        return text[start : start + size]
    end = start
    left = size
    while end < len(text):
        left -= len(utf8(text[end]))
        if left < 0:
            break
        end += 1
    return text[start:end]


def spread(count: int, most: int) -> Iterator[int]:
    """Yield up to ``most`` of the indexes below ``count``, evenly spread however early one stops (van der Corput's sequence)."""
    wanted = min(count, most)
    if wanted == 1:
        yield 0
        return
    bits = max(1, (max(count, 1) - 1).bit_length())
    passed: set[int] = set()
    number = 0
    while len(passed) < wanted:
        index = int(format(number, f"0{bits}b")[::-1], 2)
        number += 1
        if index < count and index not in passed:
            passed.add(index)
            yield index


def clip(data: bytes, form: str = "") -> bytes:
    """The part of a form that is traced: of decimals, which take several characters a byte, the end, where identifiers differ."""
    return data[-MAX_LENGTH:] if form == "numbered" else data[:MAX_LENGTH]
