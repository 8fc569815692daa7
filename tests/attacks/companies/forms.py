"""Forms in which a copy can be written: each is a line, and a place in a folder, in a zip and in an ignored table."""

from __future__ import annotations

import base64
import gzip
import json
import quopri
import subprocess
import urllib.parse
from collections.abc import Callable
from email.charset import BASE64, QP, Charset
from email.header import Header

Write = Callable[[str], bytes]


def _wrapped(data: bytes, size: int) -> bytes:
    return b"\r\n".join(data[at : at + size] for at in range(0, len(data), size))


def _header(text: str, way: int) -> bytes:
    charset = Charset("utf-8")
    charset.header_encoding = way
    return b"Subject: " + Header(f"{text}, è così", charset, maxlinelen=70).encode().encode()


def _around(text: str) -> bytes:
    return f"Dear {'team, ' * 9}{text}, and so on: {'words ' * 9}".encode()


def _by_od(text: str, *options: str) -> bytes:
    return subprocess.run(["od", *options], input=_around(text), stdout=subprocess.PIPE, check=True).stdout


def _dump(text: str, size: int, frame: str = "") -> bytes:
    """What ``xxd`` prints of groups of so many bytes; in a frame, and in two halves, what ``hexdump -C`` does."""
    rows = []
    for at in range(0, len(data := _around(text)), 16):
        part = data[at : at + 16]
        halves = (part[:8], part[8:]) if frame else (part,)
        columns = "  ".join(" ".join(half[first : first + size].hex() for first in range(0, len(half), size)) for half in halves)
        letters = "".join(chr(each) if 0x20 <= each < 0x7F else "." for each in part)
        rows.append(f"{at:08x}{' ' if frame else ':'} {columns:<48}  {frame}{letters}{frame}\n")
    return "".join(rows).encode()


def _array(text: str) -> bytes:
    data = _around(text)
    rows = (", ".join(f"0x{each:02x}" for each in data[at : at + 12]) for at in range(0, len(data), 12))
    return b"unsigned char text[] = {\n  " + ",\n  ".join(rows).encode() + b"\n};\n"


FORMS: dict[str, Write] = {
    "base64 of addresses": lambda text: base64.urlsafe_b64encode(_around(text)),
    "base64 in lines": lambda text: _wrapped(base64.b64encode(_around(text)), 64),
    "base64 in JSON": lambda text: json.dumps({"body": base64.encodebytes(_around(text)).decode()}).encode(),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(_around(text))),
    "base64 of JSON": lambda text: base64.b64encode(json.dumps({"b": "".join(f"\\u{ord(each):04x}" for each in text)}).encode()),
    "base32": lambda text: base64.b32encode(_around(text)),
    "hex in capitals": lambda text: _around(text).hex().upper().encode(),
    "hex in lines": lambda text: _wrapped(_around(text).hex().encode(), 60),
    "hex of PostgreSQL": lambda text: b"\\x" + _around(text).hex().encode(),
    "hex in short lines": lambda text: _wrapped(_around(text).hex().encode(), 32),
    "hex behind 0x": lambda text: b"{0x" + _around(text).hex().encode() + b"}",
    "base32 in short lines": lambda text: _wrapped(base64.b32encode(_around(text)), 24),
    "base32 between slashes": lambda text: b"/files/" + base64.b32encode(_around(text)).rstrip(b"=") + b"/text",
    "Ascii85": lambda text: base64.a85encode(_around(text), adobe=True, wrapcol=76),
    "base85": lambda text: base64.b85encode(_around(text)),
    "octal escapes": lambda text: "".join(f"\\{each:03o}" for each in text.encode()).encode(),
    "encoded words with Q": lambda text: _header(text, QP),
    "encoded words with B": lambda text: _header(text, BASE64),
    "mixed letters": lambda text: f"Re: {text.title().swapcase()}".encode(),
    "a word a line": lambda text: text.replace(" ", "\r\n  ").encode(),
    "percent": lambda text: urllib.parse.quote_plus(_around(text)).encode(),
    "percent everywhere": lambda text: "".join(f"%{each:02x}" for each in text.encode()).encode(),
    "JSON escapes": lambda text: json.dumps("".join(f"\\u{ord(each):04x}" for each in text)).replace("\\\\", "\\").encode(),
    "Python escapes": lambda text: "".join(f"\\x{each:02x}" for each in text.encode()).encode(),
    "entities": lambda text: "".join(f"&#{ord(each)};" for each in text).encode(),
    "entities in hexadecimal": lambda text: "".join(f"&#x{ord(each):X};" for each in text).encode(),
    "soft line breaks": lambda text: quopri.encodestring(b"\xc3\xa8" * 21 + _around(text)),
    "wide letters": lambda text: "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else "\u3000" for each in text).encode(),
    "typographic signs": lambda text: "\u2009".join(
        "\xad".join(each[at : at + 3] for at in range(0, len(each), 3)) for each in text.split()
    ).encode(),
    "dump of xxd": lambda text: _dump(text, 2),
    "dump of hexdump": lambda text: _dump(text, 1, "|"),
    "array of C": _array,
    "od in bytes": lambda text: _by_od(text, "-A", "x", "-t", "x1"),
    "od in bytes, with characters": lambda text: _by_od(text, "-t", "x1z"),
    "od in octal words": _by_od,
    "od in characters": lambda text: _by_od(text, "-c"),
    "UTF-16, highest byte first": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32-le"),
}
