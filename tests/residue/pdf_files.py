"""Documents in PDF as programs write them: letters as they are, parts of lines with gaps, numbers of letters, objects that are packed."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable

_TABLE = """/CIDInit /ProcSet findresource begin begincmap
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
    table = zlib.compress(_TABLE.encode())
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
