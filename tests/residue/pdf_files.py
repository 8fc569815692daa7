"""Documents in PDF as programs write them: letters as they are, parts of lines with gaps, numbers of letters, objects that are packed."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable

TABLE = b"""/CIDInit /ProcSet findresource begin begincmap
1 begincodespacerange <0000> <FFFF> endcodespacerange
2 beginbfrange <0003> <005F> <0020> <0060> <0061> [<0100> <0101>] endbfrange
1 beginbfchar <0062> <2014> endbfchar
endcmap end"""


def document(
    lines: list[str], show: Callable[[str], bytes], *, composite: bool = False, packed: bool = False, in_letters: bool = False
) -> bytes:
    """Return a document of one page.

    Args:
        lines: what the page says.
        show: writes the acts that show a line.
        composite: the font has numbers of its own for letters.
        packed: all but streams lies in a stream of objects.
        in_letters: the page is written in Ascii85 as well.
    """
    acts = zlib.compress(b"BT /F1 12 Tf 72 720 Td\n" + b" 0 -14 Td\n".join(map(show, lines)) + b" ET")
    filters = b"/Filter /FlateDecode"
    if in_letters:
        acts, filters = base64.a85encode(acts) + b"~>", b"/Filter [ /ASCII85Decode /FlateDecode ]"
    table = zlib.compress(TABLE)
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    if composite:
        font = b"<< /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+Lato /Encoding /Identity-H /ToUnicode 6 0 R >>"
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 612 792] >>",
        3: b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        5: font,
    }
    streams = {4: (filters, acts), 6: (b"/Filter /FlateDecode", table)}
    if packed:
        heads, bodies = b"", b""
        for number, each in objects.items():
            heads += b"%d %d " % (number, len(bodies))
            bodies += each + b" "
        said = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(objects), len(heads))
        streams[7] = (said, zlib.compress(heads + bodies))
        objects = {}
    out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    for number, each in objects.items():
        out += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    for number, (said, content) in streams.items():
        out += b"%d 0 obj\n<< %b /Length %d >>\nstream\n%b\nendstream\nendobj\n" % (number, said, len(content), content)
    return out + b"trailer << /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)


def _escaped(line: str) -> bytes:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\051").encode("cp1252")


def _plain(line: str) -> bytes:
    return b"(" + _escaped(line) + b") Tj"


def _gaps(line: str) -> bytes:
    parts = [_escaped(line[at : at + 3]) for at in range(0, len(line), 3)]
    return b"[" + b" -12.5 ".join(b"(%b)" % part for part in parts) + b"] TJ"


def _blanks(line: str) -> bytes:
    return b"[" + b" -250 ".join(b"(%b)" % _escaped(word) for word in line.split(" ")) + b"] TJ"


def _parts(line: str) -> bytes:
    return b" 7.2 0 Td ".join(_plain(line[at : at + 4]) for at in range(0, len(line), 4))


def _numbers(line: str) -> bytes:
    return b"<" + "".join(f"{ord(each) - 0x1D:04X}" for each in line).encode() + b"> Tj"


PDFS: dict[str, Callable[[list[str]], bytes]] = {
    "letters": lambda lines: document(lines, _plain),
    "Ascii85": lambda lines: document(lines, _plain, in_letters=True),
    "gaps": lambda lines: document(lines, _gaps),
    "gaps for blanks": lambda lines: document(lines, _blanks),
    "parts": lambda lines: document(lines, _parts),
    "numbers": lambda lines: document(lines, _numbers, composite=True),
    "numbers in packed objects": lambda lines: document(lines, _numbers, composite=True, packed=True),
}


FLATE = b"/Filter /FlateDecode"
FONT = b"<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 6 0 R >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /Contents %b /Resources << /Font << /F1 5 0 R >> >> >>"
HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def numbers(said: str) -> bytes:
    return b"<" + "".join(f"{ord(each) - 0x1D:04x}" for each in said).encode() + b"> Tj"


def acts(said: str) -> bytes:
    return b"BT /F1 12 Tf 72 720 Td " + numbers(said) + b" ET"


def stream(content: bytes, said: bytes = FLATE) -> bytes:
    packed = zlib.compress(content) if said == FLATE else content
    return b"<< %b /Length %d >>\nstream\n%b\nendstream" % (said, len(packed), packed)


def runs_of(content: bytes) -> bytes:
    return b"".join(bytes((len(part) - 1,)) + part for part in (content[at : at + 20] for at in range(0, len(content), 20))) + b"\x80"


def lzw(content: bytes) -> bytes:
    """Pack by LZW without any word longer than a letter: a clear mark before each 200 letters."""
    codes = [code for at in range(0, len(content), 200) for code in (256, *content[at : at + 200])] + [257]
    bits = "".join(f"{code:09b}" for code in codes)
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def made_of(objects: dict[int, bytes], head: bytes = b"%PDF-1.7\n", between: bytes = b"") -> bytes:
    usual = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] >>",
        3: PAGE % b"4 0 R",
        5: FONT,
        6: stream(TABLE),
    }
    body = b"".join(b"%d 0 obj\n%b\nendobj\n" % each for each in (usual | objects).items() if each[1])
    return head + body + b"trailer << /Root 1 0 R >>\nstartxref\n0\n%%EOF\n" + between


def again(number: int, said: bytes) -> bytes:
    return b"%d 0 obj\n%b\nendobj\nstartxref\n0\n%%%%EOF\n" % (number, said)
