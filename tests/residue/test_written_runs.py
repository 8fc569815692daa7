"""Runs that are written in another form are read: one window as it is finds them all, wherever they lie and however they are cut."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import quopri
import random
import shutil
import subprocess
import urllib.parse
import zipfile
from collections.abc import Callable
from email.charset import QP, Charset
from email.header import Header
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.residue.matching.matcher import Matcher
from expunge.residue.matching.session import Allowance, Limits, RunOrigin
from expunge.residue.scanning import byte_stream
from expunge.residue.scanning.byte_stream import ByteStream
from expunge.residue.scanning.scan_units import new_session
from expunge.residue.scanning.scanner import ResidueScanner, scan
from tests.residue.planting import MARY, look, text_traces

SAID = "the purple hedgehog sleeps under grandmother's piano for ever"
TOLD = "Frau Müller größt «café» mit Ωmega und 😀 lachen immer wieder"
TELLS = "Бабушка говорит: Ёжик спит под старым пианино и поёт"
GREEK = "Γιαγιά λέει πως σκαντζόχοιρος κοιμάται κάτω από πιάνο"
CHINESE = "紫色的刺猬在祖母的钢琴下面永远地睡着了因为那里又暖和又安静"
JAPANESE = "むらさきのハリネズミは祖母のピアノの下でいつまでも眠っています"
KOREAN = "보라색 고슴도치는 할머니의 피아노 아래에서 영원히 잠을 잔다"
TRACES = text_traces(SAID, TOLD, TELLS, GREEK, CHINESE, JAPANESE, KOREAN, budget=1)
LONG = f"{'x' * 300} {SAID} {'y' * 200}".encode()
RAW = SAID.encode()

B85 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
Z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def lines(data: bytes, size: int, ending: bytes = b"\n") -> bytes:
    return ending.join(data[at : at + size] for at in range(0, len(data), size))


def _header(text: str, charset: str) -> bytes:
    way = Charset(charset)
    way.header_encoding = QP
    return Header(text, way, maxlinelen=60).encode().encode()


def by_od(*options: str, text: str | None = None) -> bytes:
    """What the real program prints."""
    data = LONG if text is None else text.encode()
    return subprocess.run(["od", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


def by_xxd(size: int = 2, *, beside: bool = True) -> bytes:
    """What ``xxd -g SIZE`` prints: an offset, groups, and the characters."""
    rows = []
    for at in range(0, len(LONG), 16):
        part = LONG[at : at + 16]
        groups = " ".join(part[first : first + size].hex() for first in range(0, len(part), size))
        letters = "".join(chr(each) if 0x20 <= each < 0x7F else "." for each in part)
        rows.append(f"{at:08x}: {groups:<{32 + 16 // size - 1}}" + (f"  {letters}" if beside else ""))
    return "\n".join(rows).encode() + b"\n"


def by_hexdump() -> bytes:
    """What ``hexdump -C`` prints: an offset, two halves, and the characters in a frame; a star for lines that are alike."""
    rows, before = [], b""
    for at in range(0, len(LONG), 16):
        part = LONG[at : at + 16]
        halves = "  ".join(" ".join(f"{each:02x}" for each in part[first : first + 8]) for first in (0, 8))
        letters = "".join(chr(each) if 0x20 <= each < 0x7F else "." for each in part)
        if part != before:
            rows.append(f"{at:08x}  {halves:<48}  |{letters}|")
        elif rows[-1] != "*":
            rows.append("*")
        before = part
    return "\n".join((*rows, f"{len(LONG):08x}\n")).encode()


def by_xxd_include() -> bytes:
    """What ``xxd -i`` prints."""
    return b",\n".join(b"  " + b", ".join(b"0x%02x" % each for each in LONG[at : at + 12]) for at in range(0, len(LONG), 12)) + b"\n"


DUMPS: dict[str, bytes] = {
    "dump of xxd": by_xxd(),
    "dump of xxd, a byte each": by_xxd(1),
    "dump of xxd, in JSON": json.dumps({"log": by_xxd().decode()}).encode(),
    "dump of hexdump": by_hexdump(),
    "dump of hexdump in base64": base64.encodebytes(by_hexdump()),
    "array of C": b"unsigned char f[] = {\n" + by_xxd_include() + b"};\n",
    "array of C in capitals": b"unsigned char f[] = {\n" + by_xxd_include().upper() + b"};\n",
    "hexadecimal with blanks": RAW.hex(" ").encode(),
    "dump of tcpdump": b"\n".join(b"\t0x" + row[4:] for row in by_xxd().splitlines()),
    "od in bytes": by_od("-A", "x", "-t", "x1"),
    "od in bytes, with characters": by_od("-t", "x1z"),
    "od in bytes, without offsets": by_od("-An", "-t", "x1"),
    "od in octal words": by_od(),
    "od in octal words, hexadecimal offsets": by_od("-A", "x"),
    "od in octal words, without offsets": by_od("-An"),
    "od in octal bytes": by_od("-b"),
    "od in hexadecimal words": by_od("-x"),
    "od in characters": by_od("-c"),
    "od in characters, not ASCII": by_od("-c", text=f"{TOLD}\n\t{TOLD}"),
    "od in characters, Cyrillic": by_od("-c", text=TELLS),
    "od of gzip": subprocess.run(["od", "-t", "x1"], input=gzip.compress(RAW), stdout=subprocess.PIPE, check=True).stdout,
}
FORMS: dict[str, bytes] = {
    **DUMPS,
    "base64": base64.b64encode(RAW),
    "wide letters": "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else "\u3000" for each in SAID).encode(),
    "soft hyphens": "\xad".join(SAID[at : at + 5] for at in range(0, len(SAID), 5)).encode(),
    "joiners between all letters": "\u200d".join(SAID).encode(),
    "spaces of no width behind others": SAID.replace(" ", " \u200b").encode(),
    "thin spaces": SAID.replace(" ", "\u2009").encode(),
    "typographic apostrophes": SAID.replace("'", "\u2019").encode(),
    "base64 behind other letters, not filled up": b"abc" + base64.b64encode(RAW + b"!!").rstrip(b"="),
    "base64 of addresses": base64.urlsafe_b64encode(b"\xfb\xff\xfe" + RAW),
    "base64 in lines of 76": base64.encodebytes(LONG),
    "base64 in lines of 64": lines(base64.b64encode(LONG), 64, b"\r\n"),
    "base64 in JSON": json.dumps(lines(base64.b64encode(LONG), 76).decode()).encode(),
    "base64 with escaped slashes": b'"' + base64.b64encode(b"\xff\xff" + RAW).replace(b"/", b"\\/") + b'"',
    "base32": base64.b32encode(RAW),
    "hex": RAW.hex().encode(),
    "hex in capitals behind a digit": b"0" + RAW.hex().upper().encode(),
    "hex of PostgreSQL": b"'\\x" + RAW.hex().encode() + b"'",
    "hex of PostgreSQL in CSV": b'7,"\\x' + RAW.hex().encode() + b'",2026-01-02\n',
    "hex of PostgreSQL in CSV, without marks": b"7,\\x" + RAW.hex().encode() + b",2026-01-02\n",
    "hex of PostgreSQL in a table of COPY": b"7\t\\\\x" + RAW.hex().encode() + b"\t2026-01-02\n",
    "escapes of PostgreSQL in a table of COPY": b"".join(bytes([each]) if each < 0x7F else b"\\\\%03o" % each for each in TOLD.encode()),
    "hex in lines": lines(LONG.hex().encode(), 60),
    "hex in short lines": lines(LONG.hex().encode(), 32),
    "hex in very short lines": lines(LONG.hex().encode(), 20, b"\r\n"),
    "hex in lines behind a digit": b"\x07\x061" + lines(LONG.hex().encode(), 32),
    "hex in lines of halves": lines(LONG.hex().encode(), 39),
    "hex behind 0x": b"[0x" + RAW.hex().encode() + b", 0x00]",
    "hex behind a word": b"key_" + RAW.hex().encode() + b".bin",
    "base32 in short lines": lines(base64.b32encode(LONG), 24),
    "base32 in lines of no groups": lines(base64.b32encode(LONG), 30),
    "base32 between slashes": b"/files/" + base64.b32encode(RAW).rstrip(b"=") + b"/text",
    "base32 in small letters": base64.b32encode(RAW).lower(),
    "base64 in lines of 17": lines(base64.b64encode(LONG), 17),
    "base64 in lines of 70": lines(base64.b64encode(LONG), 70),
    "base64 in lines, the first with a word": b"x:\n" + lines(b"aa: " + base64.b64encode(LONG), 75)[4:],
    "Ascii85": base64.a85encode(RAW),
    "Ascii85 in a frame": base64.a85encode(LONG, wrapcol=72, adobe=True),
    "base85": base64.b85encode(RAW),
    "base85 behind an equals sign": b"data=" + base64.b85encode(LONG),
    "base85 of gzip": base64.b85encode(gzip.compress(LONG)),
    "Z85": base64.b85encode(RAW).translate(bytes.maketrans(B85, Z85)),
    "percent": urllib.parse.quote(SAID).encode(),
    "form": urllib.parse.quote_plus(SAID).encode(),
    "percent everywhere": "".join(f"%{each:02x}" for each in RAW).encode(),
    "percent, not ASCII": urllib.parse.quote(TOLD).encode(),
    "JSON": json.dumps(TOLD).encode(),
    "JSON escapes everywhere": "".join(f"\\u{ord(each):04X}" for each in SAID).encode(),
    "JSON in JSON": json.dumps({"a": json.dumps({"b": TOLD})}).encode(),
    "Python": repr(TOLD.encode()).encode(),
    "Python everywhere": "".join(f"\\x{each:02x}" for each in RAW).encode(),
    "octal escapes": "".join(f"\\{each:03o}" for each in RAW).encode(),
    "octal escapes, not ASCII": "".join(chr(each) if each < 0x80 else f"\\{each:03o}" for each in TOLD.encode()).encode(),
    "escapes of eight digits": "".join(f"\\U{ord(each):08x}" for each in SAID).encode(),
    "escapes in braces": "".join(f"\\u{{{ord(each):x}}}" for each in SAID).encode(),
    "escapes of browsers": "".join(f"%u{ord(each):04X}" for each in SAID).encode(),
    "HTML": html.escape(SAID).replace("&#x27;", "&apos;").encode(),
    "HTML, decimal": "".join(f"&#{ord(each)};" for each in SAID).encode(),
    "HTML, hexadecimal": "".join(f"&#x{ord(each):x};" for each in SAID).encode(),
    "HTML, not ASCII": TOLD.encode("ascii", "xmlcharrefreplace"),
    "quoted-printable": quopri.encodestring(("è" * 20 + SAID).encode()),
    "quoted-printable, not ASCII": quopri.encodestring(TOLD.encode()),
    "encoded words": Header(f"è {SAID}", "utf-8").encode().encode(),
    "encoded words, cut in a character": b"\r\n ".join(
        b"=?utf-8?B?" + base64.b64encode(TOLD.encode()[at : at + 13]) + b"?=" for at in range(0, len(TOLD.encode()), 13)
    ),
    "encoded words in both ways": b"=?utf-8?B?"
    + base64.b64encode(RAW[:21])
    + b"?=\n\t=?US-ASCII*en?q?"
    + RAW[21:].replace(b" ", b"_")
    + b"?=",
    "encoded words, one folded in itself": b"=?utf-8?B?" + base64.b64encode(RAW)[:40] + b"\r\n " + base64.b64encode(RAW)[40:] + b"?=",
    "encoded words, one with Q folded in itself": b"=?utf-8?Q?"
    + RAW[:21].replace(b" ", b"_")
    + b"\r\n "
    + RAW[21:].replace(b" ", b"_")
    + b"?=",
    "encoded words with Q": _header(TOLD, "utf-8"),
    "encoded words in Latin-1": _header("Subject Müller: " + SAID, "iso-8859-1"),
    "a word in the middle": SAID.replace("hedgehog", "=?utf-8?Q?hedgehog?=").encode(),
    "capitals": SAID.upper().encode(),
    "mixed letters": SAID.title().swapcase().encode(),
    "capitals beyond ASCII": TOLD.replace("ß", "ẞ").upper().replace("ẞ", "ß").encode(),
    "capitals in Cyrillic": TELLS.upper().encode(),
    "a word a line": SAID.replace(" ", "\n").encode(),
    "tabs": SAID.replace(" ", "\t").encode(),
    "a line in the middle": SAID.replace(" sl", "\r\n   sl").encode(),
    "a line behind the first word": SAID.replace(" pur", "\n\n\tpur").encode(),
    "two spaces": SAID.replace(" ", "  ").encode(),
    "lines with an indent": SAID.replace(" ", "\r\n    ").encode(),
    "base64 of capitals": base64.b64encode(SAID.upper().encode()),
    "UTF-16 in capitals": SAID.upper().encode("utf-16-le"),
    "no-break spaces": SAID.replace(" ", "\u00a0").encode(),
    "UTF-16": SAID.encode("utf-16-le"),
    "UTF-16, highest byte first": SAID.encode("utf-16-be"),
    "UTF-32": SAID.encode("utf-32-le"),
    "UTF-32, highest byte first": SAID.encode("utf-32-be"),
    **{
        f"{script} in {encoding}": text.encode(encoding)
        for script, text in (("Cyrillic", TELLS), ("Greek", GREEK), ("Chinese", CHINESE), ("Japanese", JAPANESE), ("Korean", KOREAN))
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    },
    "base64 of Cyrillic in UTF-16": base64.b64encode(TELLS.encode("utf-16-le")),
    "base64 of JSON": base64.b64encode("".join(f"\\u{ord(each):04x}" for each in SAID).encode()),
    "base64 of gzip": base64.b64encode(gzip.compress(RAW)),
    "base64 in gzip": gzip.compress(base64.b64encode(RAW)),
    "base64 of UTF-16": base64.b64encode(SAID.encode("utf-16-le")),
}


@pytest.mark.parametrize(
    ("command", "prints"),
    [("xxd", by_xxd()), ("xxd -g 1", by_xxd(1)), ("xxd -i", by_xxd_include()), ("hexdump -C", by_hexdump())],
    ids=["xxd", "xxd -g 1", "xxd -i", "hexdump -C"],
)
def test_dumps_are_those_of_the_real_programs(command: str, prints: bytes) -> None:
    if shutil.which(command.split(maxsplit=1)[0]) is None:
        pytest.skip(f"no {command.split(maxsplit=1)[0]} is installed here")
    assert subprocess.run(command.split(), input=LONG, stdout=subprocess.PIPE, check=True).stdout == prints


def _zip(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.txt", data)
    return target.getvalue()


@pytest.mark.parametrize("written", FORMS.values(), ids=FORMS.keys())
def test_a_window_as_it_is_is_found_in_each_form(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "f"
    for around in (b"", b"so, ", b"some words\n" * 4000):
        for pack in (bytes, _zip) if len(around) < 10 else (bytes,):
            path.write_bytes(pack(around + written + around[::-1]))
            assert list(scan([path], TRACES))
    (place, *_) = scan([path], TRACES)
    assert abs(place.offset - len(around)) < len(written)


def found(data: bytes, cuts: list[int]) -> int:
    places = []
    session = new_session(Matcher(TRACES), Limits(), lambda where, offset, _: places.append(where.on_disk(offset)))
    stream = ByteStream(session, RunOrigin(Path("f")), Allowance.of(Limits(), len(data)))
    for first, last in zip([0, *cuts], [*cuts, len(data)], strict=True):
        stream.feed(data[first:last])
    stream.close()
    session.flush()
    return len(places)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_stream, "_BLOCK", 1)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("written", FORMS.values(), ids=FORMS.keys())
@pytest.mark.soak
def test_a_run_that_is_cut_at_any_place_is_found(written: bytes) -> None:
    around = b"some words, and others\n" * 60
    data = around + written + around
    for cut in range(len(around) - 4, len(around) + len(written) + 4):
        assert found(data, [cut]), cut


@given(st.sampled_from(sorted(FORMS)), st.lists(st.integers(0, 3000), max_size=5))
@settings(max_examples=60, deadline=None)
def test_a_run_that_is_cut_at_several_places_is_found(form: str, cuts: list[int]) -> None:
    around = b"some words, and others\n" * 50
    data = around + FORMS[form] + around
    before, byte_stream._BLOCK = byte_stream._BLOCK, 1
    try:
        assert found(data, sorted(min(cut, len(data)) for cut in cuts))
    finally:
        byte_stream._BLOCK = before


def _noise(size: int) -> bytes:
    return random.Random(3).randbytes(size)


@pytest.mark.parametrize(
    "write",
    [base64.b64encode, lambda data: b"~a" + base64.b64encode(data), base64.encodebytes, lambda data: lines(data.hex().encode(), 60)],
    ids=["alone", "behind another letter", "in lines", "hexadecimal"],
)
@pytest.mark.parametrize("size", [pytest.param(3 << 20, id="3 MiB"), pytest.param(17 << 20, id="17 MiB", marks=pytest.mark.soak)])
def test_a_container_in_a_long_run_is_opened_whole(tmp_path: Path, write: Callable[[bytes], bytes], size: int) -> None:
    path = tmp_path / "f"
    around = b"some words\n" * 4000
    path.write_bytes(around + write(gzip.compress(_noise(size) + RAW)) + b"\n" + around)
    assert "gzip" in " ".join(each.hidden for each in scan([path], TRACES))
    assert look(tmp_path, TRACES).found


@pytest.mark.parametrize("behind", [b"zzyx" * 100, b"ab cde f" + b"zz yx" * 99, b"0g" * 99, b"\nab cde f\nzz yx"])
@pytest.mark.parametrize("form", ["hex", "hex in lines", "base64 in lines", "base32"])
def test_other_letters_right_behind_a_long_run_end_it(tmp_path: Path, form: str, behind: bytes) -> None:
    text = (SAID + " and on. ").encode() * 20_000
    said = {"hex": text.hex().encode(), "base32": base64.b32encode(text), "base64 in lines": base64.encodebytes(text)}
    said["hex in lines"] = b"\n".join(said["hex"][at : at + 76] for at in range(0, len(said["hex"]), 76))
    for size in (1 << 20, (1 << 20) + 30):
        (tmp_path / "a").write_bytes(said[form][:size] + behind + b" end " * 99)
        assert look(tmp_path, TRACES).found


@pytest.mark.soak
def test_what_stands_behind_a_long_run_is_found(tmp_path: Path) -> None:
    long = base64.encodebytes(_noise(2 << 20) + b"a")
    (tmp_path / "f").write_bytes(b"x\n" + long + base64.encodebytes(LONG) + b"\n\n" + long)
    assert list(scan([tmp_path / "f"], TRACES))


@pytest.mark.parametrize("hold", ["holder", "placed"])
@pytest.mark.parametrize("form", ["base64", "hex", "percent", "JSON", "HTML, decimal", "base64 of JSON"])
def test_whoever_asks_what_others_have_reads_the_same_forms(form: str, hold: str) -> None:
    ask: Callable[..., object] = getattr(ResidueScanner(), hold)
    holder = ask(TRACES, range(len(TRACES.traces)))
    holder.text(MARY, "notes", "said", f"so, {FORMS[form].decode()}")  # type: ignore[attr-defined]
    assert holder.held()  # type: ignore[attr-defined]


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60), st.sampled_from([b"a" * 44, b"Q0" * 30, b"\n", b"\r\n", b"\r\x81\t", b"\\x", b"=", b"&#1;", b"\\u00"])
        ),
        max_size=30,
    )
)
@settings(max_examples=300, deadline=None)
def test_no_bytes_stop_the_search(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert found(data, []) == 0


def test_a_container_beside_an_escape_is_begun_once(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"%41%42 and " + b"PAR1" + b"\x15\x04 =41 &amp; \\n" * 30)
    assert look(tmp_path, TRACES).coverage.skipped == look_without_escapes(tmp_path)


def look_without_escapes(folder: Path) -> tuple[tuple[str, int], ...]:
    (folder / "f").write_bytes(b"_41_42 and " + b"PAR1" + b"\x15\x04 _41 _amp; _n" * 30)
    return look(folder, TRACES).coverage.skipped


def _ordinary() -> dict[str, bytes]:
    rng = random.Random(7)
    script = "".join(f"var a{n}=function(b,c){{return b[{n}]!==c&&(d=e.f('#x{n}'),g=h<<{n}>>>3)}};" for n in range(900))
    style = "".join(
        f".c{n}>a:hover{{margin:0 -{n}px;color:#{n:06x};background:url(data:image/png;base64,iVBORw0KGgo=)}}\n" for n in range(900)
    )
    return {
        "hashes": "".join(f"{rng.getrandbits(160):040x} refs/heads/{n}\n" for n in range(900)).encode(),
        "a script": script.encode(),
        "a style sheet": style.encode(),
        "noise": rng.randbytes(1 << 18),
        "base85 of noise": base64.b85encode(rng.randbytes(1 << 16)),
        "a text": "\r\n    ".join(["Some other words of a person who stays", "and has written them down"] * 900).encode(),
    }


@pytest.mark.parametrize("kind", _ordinary())
def test_ordinary_bytes_show_nothing_and_nothing_is_left_unread(tmp_path: Path, kind: str) -> None:
    (tmp_path / "f").write_bytes(_ordinary()[kind])
    seen = look(tmp_path, TRACES)
    assert not seen.found
    assert seen.coverage.skipped == ()
