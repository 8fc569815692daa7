"""Tell which letters the numbers in a PDF file mean: tables to Unicode, named encodings, names of glyphs (ISO 32000-1, 9.6 to 9.10)."""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple

_CODES = re.compile(rb"begincodespacerange\s*<([0-9A-Fa-f]+)>")
_CHARS, _RANGES = (re.compile(rb"begin%s(.*?)end%s" % (kind, kind), re.DOTALL) for kind in (b"bfchar", b"bfrange"))
_CHAR = re.compile(rb"<([0-9A-Fa-f\s]+)>\s*<([0-9A-Fa-f\s]*)>")
_RANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f\s]*)>|\[([^\]]*)\])")
_MOST_LETTERS = 1 << 16
_DIFFERENCES = re.compile(rb"/Differences\s*\[([^\]]*)\]")
_DIFFERENCE = re.compile(rb"(\d+)|/([^\s/\[\]<>()]*)")
_IN_PROGRAM = re.compile(rb"dup\s+(\d+)\s*/([^\s/]+)\s+put")
_FLAGS = re.compile(rb"/Flags\s+(\d+)")
_NONSYMBOLIC = 32
_NAMED = re.compile(rb"/(?:WinAnsi|Standard|PDFDoc)Encoding")
_NOT_LETTERS = frozenset({0, 3, 9, 10, 13, 32, 160})
"""Numbers that tables leave out: blanks, in fonts with numbers of their own and in others."""
_CODECS = (
    (re.compile(rb"/Uni\w+-(?:UCS2|UTF16)"), "utf-16-be"),
    (re.compile(rb"/\w+-RKSJ-"), "cp932"),
    (re.compile(rb"/GBK"), "gbk"),
    (re.compile(rb"/(?:ETen|HKscs|B5)"), "big5hkscs"),
    (re.compile(rb"/KSC"), "cp949"),
    (re.compile(rb"/GB-EUC"), "gb2312"),
    (re.compile(rb"/EUC-"), "euc_jp"),
)
_WORDS = re.compile(r"[A-Za-z]{3,}\d?\Z")
_BY_CODE = re.compile(r"[A-Za-z](\d+)\Z")
_UNICODE = re.compile(r"(?:uni|u)([0-9A-F]{4,6})\Z")
_CYRILLIC = re.compile(r"afii(100\d\d)\Z")
_SIGNS = {
    name: sign
    for names, signs in (
        (
            "space exclam quotedbl numbersign dollar percent ampersand quotesingle parenleft parenright asterisk plus comma hyphen period",
            " !\"#$%&'()*+,-.",
        ),
        ("slash zero one two three four five six seven eight nine colon semicolon less equal greater question at", "/0123456789:;<=>?@"),
        ("bracketleft backslash bracketright asciicircum underscore grave braceleft bar braceright asciitilde", "[\\]^_`{|}~"),
        ("quoteright quoteleft quotedblleft quotedblright endash emdash", "\u2019\u2018\u201c\u201d\u2013\u2014"),
        ("germandbls ae AE oe OE oslash Oslash lslash Lslash eth Eth thorn Thorn dcroat Dcroat dotlessi", "ßæÆœŒøØłŁðÐþÞđĐı"),
        ("Euro ellipsis minus", "€…-"),
    )
    for name, sign in zip(names.split(), signs, strict=True)
} | {name: name for name in ("ff", "fi", "fl", "ffi", "ffl")}
_ACCENTS = {
    "acute": "\u0301", "grave": "\u0300", "circumflex": "\u0302", "dieresis": "\u0308", "tilde": "\u0303", "ring": "\u030a",
    "cedilla": "\u0327", "caron": "\u030c", "breve": "\u0306", "macron": "\u0304", "ogonek": "\u0328", "dotaccent": "\u0307",
    "hungarumlaut": "\u030b",
}  # fmt: skip


SIGN = "\x1c\x1d"
"""Around several letters that are one sign of a font, and run to the left: these keep their order where that of a line is turned."""
_SEVERAL = re.compile("[\u0590-\u08ff]{2,8}")


class Font(NamedTuple):
    """The letters of a font."""

    width: int
    """Bytes of a number."""
    letters: dict[int, str]
    sure: bool = True
    """Whether a number that ``letters`` lacks is a letter of Windows-1252."""
    codec: str = ""
    """The encoding of what is shown, where it is one."""

    def shown(self, data: bytes) -> tuple[str, set[int]]:
        """Return what the bytes show, and the numbers in it that say no letter."""
        if self.codec:
            return data.decode(self.codec, "replace"), set()
        if self.width == 1:
            plain = data.decode("cp1252", "replace")
            if not self.letters and self.sure:
                return plain, set()
            said = "".join(self.letters.get(code, sign) for code, sign in zip(data, plain, strict=True))
            return said, set() if self.sure else {*data} - {*self.letters} - _NOT_LETTERS
        codes = [int.from_bytes(data[at : at + self.width], "big") for at in range(0, len(data), self.width)]
        said = "".join(self.letters.get(code, "") for code in codes)
        # Why the controls: tables of some programs say them where they know no letter.
        return said, {code for code in {*codes} - _NOT_LETTERS if self.letters.get(code, "\0").lstrip(SIGN[0]) < " "}


UNKNOWN = Font(1, {}, sure=False)
"""A font that is not there: its numbers are read as letters of Windows-1252, and count as not read."""


def font(said: bytes, part: Callable[[bytes], tuple[bytes, bytes]]) -> Font:
    """Return the letters of a font.

    Args:
        said: its dictionary.
        part: returns the dictionary and the content of what an entry of a dictionary names, or nothing.
    """
    table = _table(part(b"ToUnicode")[1])
    encoding = part(b"Encoding")[0]
    if b"/Type0" in said or b"/DescendantFonts" in said:
        codec = next((name for match, name in _CODECS if match.match(encoding)), "")
        return Font(table.width if table.letters else 2, table.letters, sure=False, codec="" if table.letters else codec)
    by_name, dark = _differences(encoding)
    letters = dict.fromkeys(dark, "") if table.letters else {}
    if b"/MacRomanEncoding" in encoding:
        letters |= {code: bytes((code,)).decode("mac_roman") for code in range(0x80, 0x100)}
    descriptor = part(b"FontDescriptor")[0]
    flags = _FLAGS.search(descriptor)
    sure = bool(_NAMED.search(encoding) or b"/MacRomanEncoding" in encoding or (flags and int(flags[1]) & _NONSYMBOLIC))
    if not sure and b"/Type3" not in said:
        program = part(b"FontFile")[1]
        inner, unnamed = _by_names((int(code), name) for code, name in _IN_PROGRAM.findall(program))
        letters |= inner
        dark |= unnamed - {*by_name}
        sure = b"/FontFile" not in descriptor or (b"StandardEncoding def" in program)
    letters |= by_name
    letters |= {code: letter for code, letter in table.letters.items() if letter}
    if sure and dark - {*table.letters}:
        plain = {code: bytes((code,)).decode("cp1252", "replace") for code in range(0x100) if code not in dark}
        return Font(1, plain | letters, sure=False)
    return Font(1, letters, sure=sure)


def _differences(encoding: bytes) -> tuple[dict[int, str], set[int]]:
    """Return the letters that an encoding names, and the numbers whose names say no letter."""
    found = _DIFFERENCES.search(encoding)
    pairs: list[tuple[int, bytes]] = []
    at = 0
    for number, name in _DIFFERENCE.findall(found[1]) if found else ():
        if number:
            at = int(number)
        else:
            pairs.append((at, name))
            at += 1
    return _by_names(pairs)


def _by_names(pairs: Iterable[tuple[int, bytes]]) -> tuple[dict[int, str], set[int]]:
    letters: dict[int, str] = {}
    dark: set[int] = set()
    for code, name in pairs:
        letter = _named(name.decode("latin-1"), code)
        if letter is None:
            dark.add(code)
        else:
            letters[code] = letter
    return letters, dark


def _named(name: str, code: int) -> str | None:
    """Return the letter of a glyph by its name; none where it is a sign, None where the name is but a number."""
    name = name.partition(".")[0]
    if not name:
        return ""
    if "_" in name and name != "_":
        parts = [_named(each, -1) for each in name.split("_")]
        return None if None in parts else "".join(each or "" for each in parts)
    if len(name) == 1 or name in _SIGNS:
        return _SIGNS.get(name, name)
    if name[1:] in _ACCENTS:
        return unicodedata.normalize("NFC", name[0] + _ACCENTS[name[1:]])
    if found := _UNICODE.match(name):
        return chr(min(0x10FFFF, int(found[1], 16)))
    if found := _CYRILLIC.match(name):
        return _cyrillic(int(found[1]))
    if found := _BY_CODE.match(name):
        return bytes((code,)).decode("cp1252", "replace") if int(found[1]) == code < 0x100 else None
    return _greek(name) if _WORDS.match(name) else None


def _greek(name: str) -> str:
    try:
        return str(unicodedata.lookup(f"GREEK {'CAPITAL' if name[0].isupper() else 'SMALL'} LETTER {name.upper()}"))
    except KeyError:
        return ""


def _cyrillic(number: int) -> str | None:
    for first, begin, yo in ((10017, 0x410, "Ё"), (10065, 0x430, "ё")):
        step = number - first
        if 0 <= step <= 32:
            return yo if step == 6 else chr(begin + step - (step > 6))
    return None


def _table(content: bytes) -> Font:
    """Return the letters of a font by the table that says which they are."""
    code = _CODES.search(content)
    letters: dict[int, str] = {}
    for block in _CHARS.findall(content):
        letters.update((int(b"".join(source.split()) or b"0", 16), _letter(target)) for source, target in _CHAR.findall(block))
    for block in _RANGES.findall(content):
        for first, last, target, each in _RANGE.findall(block):
            begin, end = int(first, 16), int(last, 16)
            if end - begin >= _MOST_LETTERS:
                continue
            if each:
                targets = re.findall(rb"<([0-9A-Fa-f\s]*)>", each)
                letters.update(zip(range(begin, end + 1), map(_letter, targets), strict=False))
            elif base := _letter(target):
                letters.update((begin + step, base[:-1] + chr(min(0x10FFFF, ord(base[-1]) + step))) for step in range(end - begin + 1))
    return Font(max(1, len(code[1]) // 2) if code else 1, letters)


def _letter(digits: bytes) -> str:
    digits = b"".join(digits.split())
    said = binascii.unhexlify(digits).decode("utf-16-be", "replace") if digits and len(digits) % 2 == 0 else ""
    return f"{SIGN[0]}{said}{SIGN[1]}" if _SEVERAL.fullmatch(said) else said
