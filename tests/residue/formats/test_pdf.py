"""What the pages of a PDF file say is read, whatever numbers its fonts give to letters; what follows the file is not a part of it."""

from __future__ import annotations

import base64
import gzip
import io
import random
import zlib
from pathlib import Path

import pytest

from expunge.residue.formats.containers import pdf
from expunge.residue.formats.slices import MemorySlice
from expunge.residue.matching.session import Limits
from expunge.residue.opaque.account import account
from tests.residue.pdf_files import FLATE, FONT, HELVETICA, PAGE, PDFS, TABLE, acts, again, lzw, made_of, numbers, runs_of, stream
from tests.residue.planting import SENTENCE, text_traces, ways

TRACES = text_traces(SENTENCE)
LINES = ["Dear team (of the office),", *(SENTENCE[at : at + 60] for at in range(0, len(SENTENCE), 60)), "Yours"]


@pytest.mark.parametrize("kind", PDFS)
def test_what_its_pages_say_is_found_alone_and_in_other_bytes(tmp_path: Path, kind: str) -> None:
    made = PDFS[kind](LINES)
    assert "Dear team (of the office)," in pdf.text(made).decode()
    (tmp_path / "a.pdf").write_bytes(made)
    (tmp_path / "a.pdf.gz").write_bytes(gzip.compress(made))
    (tmp_path / "many").write_bytes(b"head" * 7 + PDFS["letters"](["others"]) + made + PDFS["gaps"](["and others"]) + bytes(99))
    for name, way in (("a.pdf", "pdf"), ("a.pdf.gz", "gzip@0 > pdf"), ("many", "pdf")):
        assert any(each.startswith(way) for each in ways(tmp_path / name, TRACES)), name


@pytest.mark.soak
def test_a_program_of_others_writes_what_is_read() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    for kind in (3, 42):
        with matplotlib.rc_context({"pdf.fonttype": kind}):
            figure = plt.figure()
            figure.text(0.02, 0.5, SENTENCE[:40])
            out = io.BytesIO()
            figure.savefig(out, format="pdf")
            plt.close(figure)
        assert SENTENCE[:40] in pdf.text(out.getvalue()).decode()
        assert account(MemorySlice(out.getvalue()), "a.pdf", Limits()).opaque == 0


def test_it_is_found_where_all_around_it_and_in_it_is_letters(tmp_path: Path) -> None:
    made = made_of({4: letters(acts(SENTENCE)), 6: letters(TABLE)})
    assert made.isascii()
    (tmp_path / "a.pdf").write_bytes(made)
    (tmp_path / "log").write_bytes(b"a line of a log\n" * 9000 + made + b"another line of it\n" * 9000)
    for name in ("a.pdf", "log"):
        assert "pdf" in ways(tmp_path / name, TRACES), name


def test_a_file_ends_behind_its_last_end_mark() -> None:
    made = PDFS["letters"](["first"])
    again = made + made[made.index(b"1 0 obj") :].replace(b"4 0 obj", b"9 0 obj")
    for whole in (made, again):
        read = pdf.runs(MemorySlice(whole + b"BT (what follows) Tj ET 1 0 obj <</Contents 2 0 R>>"))
        assert [b"".join(parts).strip() != b"" for _, _, parts in read] == [True]
        assert pdf._extent(MemorySlice(whole + b"other bytes" * 99)) == whole


@pytest.mark.parametrize("seed", range(3))
def test_damage_is_no_error(seed: int) -> None:
    rng = random.Random(seed)
    for made in (PDFS[kind](LINES) for kind in PDFS):
        for _ in range(60):
            changed = bytearray(made)
            for _ in range(rng.randrange(1, 9)):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            pdf.text(bytes(changed[: rng.randrange(len(changed))]))


@pytest.mark.soak
def test_what_unpacks_to_very_much_is_read_as_far_as_is_allowed() -> None:
    assert len(pdf.text(PDFS["letters"](["a sentence " * 1_800_000]))) <= 2 * pdf.MOST
    assert Limits().decoded > 2 * pdf.MOST


def letters(content: bytes) -> bytes:
    return stream(base64.a85encode(zlib.compress(content)) + b"~>", b"/Filter [/ASCII85Decode /FlateDecode]")


SAID = "the purple hedgehog sleeps under the piano of a grandmother for ever"


def made(objects: dict[int, bytes], head: bytes = b"%PDF-1.7\n", between: bytes = b"") -> bytes:
    return made_of({4: stream(acts(SAID))} | objects, head, between)


EACH = b" ".join(b"1 0 0 1 %d 700 Tm " % (72 + 7 * at) + numbers(each) for at, each in enumerate(SAID))
READ = {
    "list elsewhere": made({3: PAGE % b"9 0 R", 9: b"[4 0 R]"}),
    "older content": made({}) + again(4, stream(acts("nothing to see"))),
    "older page": made({}) + again(3, b"<< /Type /Page >>"),
    "no page": made({3: b""}),
    "filter elsewhere": made({4: stream(acts(SAID)).replace(b"/FlateDecode", b"8 0 R", 1), 8: b"/FlateDecode"}),
    "runs": made({4: stream(runs_of(acts(SAID)), b"/Filter /RunLengthDecode")}),
    "LZW": made({4: stream(lzw(acts(SAID)), b"/Filter /LZWDecode")}),
    "fonts of the parent": made(
        {
            2: b"<< /Type /Pages /Kids [3 0 R] /Resources << /Font << /F1 5 0 R >> >> >>",
            3: b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>",
            15: HELVETICA,
            16: b"<< /Type /Pages /Resources << /Font << /F1 15 0 R >> >> >>",
        }
    ),
    "comment in its head": made({}, head=b"%PDF-1.4 %\xe2\xe3\xcf\xd3\n"),
    "comment behind its end": made({4: b""}, between=b"% added by a tool\n") + again(4, stream(acts(SAID))),
    "letters placed one by one": made({4: stream(b"BT /F1 12 Tf " + EACH + b" ET")}),
    "font in the page": made({3: (PAGE % b"4 0 R").replace(b"5 0 R", FONT)}),
    "name in numbers": made({3: (PAGE % b"4 0 R").replace(b"/F1", b"/F#31")}),
    "font restored": made({4: stream(b"BT /F1 12 Tf q /F9 3 Tf Q " + numbers(SAID) + b" ET")}),
    "font of a state": made(
        {
            3: b"<< /Contents 4 0 R /Resources << /ExtGState << /G << /Font [5 0 R 1] >> >> >> >>",
            4: stream(b"/G gs BT " + numbers(SAID) + b" ET"),
        }
    ),
    "words of a title": made({8: b"<< /Title (how to use /Encrypt in files) >>"}),
}


@pytest.mark.parametrize("kind", READ)
def test_however_pages_fonts_and_versions_are_told_what_is_shown_is_read_and_explained(kind: str) -> None:
    assert SAID in pdf.text(READ[kind]).decode()
    assert account(MemorySlice(READ[kind]), "a.pdf", Limits()).opaque == 0


FORM = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F1 5 0 R >> >> " + FLATE
FORMS = {
    "of no page": FORM,
    "with metadata": FORM + b" /Metadata 9 0 R",
    "with a picture to print": FORM + b" /OPI << /Type /OPI /Subtype /Image /Width 9 /Height 9 >>",
    "that names an attachment": FORM + b" /AF << /Type /EmbeddedFile >>",
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_form_is_read_whatever_else_its_dictionary_says(kind: str) -> None:
    form = stream(zlib.compress(acts(SAID)), FORMS[kind])
    whole = made({4: stream(b"q /Fm0 Do Q"), 8: form})
    assert SAID in pdf.text(whole).decode()
    assert account(MemorySlice(whole), "a.pdf", Limits()).opaque == 0


@pytest.mark.parametrize(
    "said", [b"(Du\x9aan \x99agar)", b"(Du\\232an \\231agar)", b"<4475 9A616E 20 99 61676172>", b"((x) Du\x9aan \x99agar)"]
)
def test_a_title_is_read_in_the_encoding_of_documents(said: bytes) -> None:
    assert (
        "Dušan Žagar"
        in pdf.text(made({8: b"<< /Title %b >>" % said.replace(b"\x9a", b"\x9d").replace(b"232", b"235").replace(b"9A", b"9D")})).decode()
    )


TO_THE_LEFT = {"Hebrew": "שרה כהן סיפרה לנו על 12 בתים של Anna Meier ביום", "Arabic": "سارة الأحمد أخبرتنا عن المستشفى"}


@pytest.mark.parametrize("script", TO_THE_LEFT)
def test_letters_that_run_to_the_left_are_read_in_their_order(script: str) -> None:
    said = TO_THE_LEFT[script]
    parts = {"لأ": 0xE000, "لا": 0xE001}
    shown = said
    for part, code in parts.items():
        shown = shown.replace(part, chr(code))
    for words in ("12", "Anna Meier"):
        shown = shown.replace(words, words[::-1])
    table = (
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange 3 beginbfchar <E000> <06440623> <E001> <06440627> <0020> <0020> endbfchar\n"
    )
    table += b"2 beginbfrange <0021> <007E> <0021> <05D0> <06FF> <05D0> endbfrange"
    for order in (reversed(shown), shown):
        codes = b"".join(b"%04X" % ord(each) for each in order)
        whole = made({6: stream(table), 4: stream(b"BT /F1 12 Tf 9 9 Td <" + codes + b"> Tj ET")})
        written = said if order is not shown else said.replace("12", "21").replace("Anna Meier", "reieM annA")
        assert written in pdf.text(whole).decode()
        assert account(MemorySlice(whole), "a.pdf", Limits()).opaque == 0


CODES = b"begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfrange "
UNREAD = {
    "unknown filter": made({4: stream(acts(SAID), b"/Filter /Crypt")}),
    "unknown packing": made({4: stream(acts(SAID), b"/Filter /LZWDecode")}),
    "numbers without a table": made({5: b"<< /Type /Font /Subtype /Type0 /Encoding /Identity-H >>"}),
    "names that are numbers": made(
        {
            5: HELVETICA[:-2] + b"/Encoding << /Differences [97 /g1 /g2 /g3 /g4 /g5 /g6 /g7 /g8 /g9] >> >>",
            4: stream(b"BT /F1 9 Tf (abcdefghi) Tj ET"),
        }
    ),
    "letters counted up": made({6: stream(CODES + b"<0000> <00BD> <2701> endbfrange")}),
    "controls for letters": made({6: stream(CODES + b"<0040> <005E> <0000> endbfrange")}),
    "objects by LZW": made({8: stream(lzw(b"9 0 << /Title (a title) >>"), b"/Type /ObjStm /N 1 /First 4 /Filter /LZWDecode")}),
    "encrypted": made({}).replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 7 0 R"),
    "no such content": made({4: b""}),
}


@pytest.mark.parametrize("kind", UNREAD)
def test_a_file_that_is_not_read_whole_is_not_explained(kind: str) -> None:
    assert account(MemorySlice(UNREAD[kind]), "a.pdf", Limits()).opaque == len(UNREAD[kind])


def test_letters_that_are_named_are_read() -> None:
    named = HELVETICA[:-2] + b"/FontDescriptor 8 0 R /Encoding << /Differences [1 /T /h /e /space /adieresis /fi /uni0416 /a.sc] >> >>"
    whole = made({5: named, 8: b"<< /FontFile2 9 0 R /Flags 4 >>", 4: stream(b"BT /F1 9 Tf <0102030405060708> Tj ET")})
    assert "The äfiЖa" in pdf.text(whole).decode()
    assert account(MemorySlice(whole), "a.pdf", Limits()).opaque == 0


NOISE = random.Random(8).randbytes(20_000)
IMAGE = b"/Subtype /Image /Width 100 /Height 50 /BitsPerComponent 8 "
HIDDEN = {
    "attached": stream(zlib.compress(NOISE), b"/Type /EmbeddedFile " + FLATE),
    "attached in letters": stream(base64.a85encode(NOISE) + b"~>", b"/Filter /ASCII85Decode"),
    "attached by LZW": stream(lzw(NOISE), b"/Type /EmbeddedFile /Filter /LZWDecode"),
    "attached by LZW in letters": stream(base64.a85encode(lzw(NOISE)) + b"~>", b"/Filter [/ASCII85Decode /LZWDecode]"),
    "attached in runs": stream(runs_of(NOISE), b"/Filter /RunLengthDecode"),
    "not packed as it says": stream(NOISE, b"/Subtype /Image " + FLATE + b" "),
    "behind what is packed": stream(zlib.compress(b"hello" * 99) + NOISE, IMAGE + FLATE),
    "no photograph": stream(NOISE, IMAGE + b"/Filter /DCTDecode"),
    "no picture": stream(NOISE, IMAGE + b"/Filter /JPXDecode"),
    "more than a picture has": stream(zlib.compress(NOISE[:19_900]), IMAGE + FLATE),
    "more than a fax has": stream(NOISE, IMAGE.replace(b" 8 ", b" 1 ") + b"/Filter /CCITTFaxDecode"),
    "no font": stream(zlib.compress(NOISE), b"/Length1 20000 " + FLATE),
    "beside letters": stream(zlib.compress(acts(SAID) + b"\nBI /W 9 /H 9 ID " + NOISE + b" EI"), FLATE + b" "),
}
TYPE_1 = b"%!PS-AdobeFont-1.0: A\ncurrentfile eexec\n"


@pytest.mark.parametrize("kind", HIDDEN)
def test_what_looks_like_noise_in_a_stream_is_opaque(kind: str) -> None:
    found = account(MemorySlice(made({8: HIDDEN[kind]})), "a.pdf", Limits())
    assert found.opaque + found.unknown > 0.95 * len(NOISE)


SHORT = zlib.compress(SAID.encode(), wbits=-15)


@pytest.mark.parametrize("said", [b"/S 36 ", b"/FunctionType 0 ", b"/ShadingType 4 ", b"/Subtype /Type1C "])
def test_what_is_packed_without_a_mark_is_no_table_of_numbers(said: bytes) -> None:
    plain = account(MemorySlice(made({8: stream(SHORT, said)})), "a.pdf", Limits())
    assert plain.opaque + plain.unknown > 0.9 * len(SHORT)
    assert account(MemorySlice(made({8: stream(zlib.compress(SHORT), said + FLATE)})), "a.pdf", Limits()).opaque == 0, "it is read"


def in_cipher(said: bytes) -> bytes:
    """Return what every font of Type 1 packs its letters with."""
    key, out = 55665, bytearray()
    for byte in said:
        out.append(byte ^ (key >> 8))
        key = ((out[-1] + key) * 52845 + 22719) & 0xFFFF
    return bytes(out)


EXPLAINED = {
    "bitmap": stream(zlib.compress(NOISE[:5000]), IMAGE + FLATE),
    "rows that are foretold": stream(zlib.compress(NOISE[:5050]), IMAGE + FLATE),
    "fax": stream(NOISE[:9000], IMAGE + b"/Filter /CCITTFaxDecode"),
    "JPEG 2000": stream(b"\xff\x4f\xff\x51" + NOISE + b"\xff\xd9", IMAGE + b"/Filter /JPXDecode"),
    "font of Type 1": stream(zlib.compress(TYPE_1 + in_cipher(b"abcd/Private 9 dict dup begin" + NOISE)), b"/Length1 39 " + FLATE),
    "compact font": stream(b"\1\0\4\1" + bytes(range(200)) * 9, b"/Subtype /Type1C"),
    "letters of a font": stream(zlib.compress(bytes(range(128, 250))), FLATE + b" "),
    "letter drawn": stream(zlib.compress(b"9 0 0 0 9 9 d1 q BI /W 8 /H 99 ID " + bytes(range(1, 9)) * 12 + b" EI Q"), FLATE + b" "),
    "text": stream(zlib.compress(b"<x:xmpmeta>" * 99), b"/Type /Metadata " + FLATE),
    "cross references": stream(
        zlib.compress(b"\2\1\0\0\1\0" * 40), b"/Type /XRef /W [1 3 1] /DecodeParms << /Predictor 12 /Columns 5 >> " + FLATE
    ),
}


@pytest.mark.parametrize("kind", EXPLAINED)
def test_what_programs_write_beside_pages_is_explained(kind: str) -> None:
    found = account(
        MemorySlice(made({7: b"<< /CIDSet %d 0 R >>" % (8 if kind == "letters of a font" else 6), 8: EXPLAINED[kind]})), "a.pdf", Limits()
    )
    assert (found.opaque, found.unknown) == (0, 0)


def test_letters_before_the_first_other_byte_do_not_hide_a_document() -> None:
    whole = made({4: stream(acts(SAID) + b" 1 0 0 1 0 0 cm" * 9000, b"/Title (none)"), 8: EXPLAINED["bitmap"]})
    found = account(MemorySlice(whole), "a.pdf", Limits())
    assert (found.opaque, found.unknown) == (0, 0)


@pytest.mark.parametrize("before", [b"\n", b"From: a@b.example\nContent-Type: application/pdf\n\n", b"a line of a log\n" * 9000])
def test_a_document_of_letters_that_is_not_read_is_told_wherever_it_begins(before: bytes) -> None:
    unread = made({4: letters(acts(SAID)), 6: letters(b"nothing")})
    assert unread.isascii()
    assert account(MemorySlice(before + unread), "a.eml", Limits()).opaque >= len(unread)


TANGLED = {
    "pictures without an end": made({4: stream(acts(SAID) + b" BI / ID " * 60_000)}),
    "versions of parents": made(
        {}, between=b"1 0 obj <</Contents 4 0 R /Parent 1 0 R /Resources 1 0 R>> endobj\n" * 2000 + b"startxref 0 %%EOF"
    ),
    "fonts within fonts": made({}, between=b"9 0 obj " + b"<</Font " * 30_000 + b" endobj startxref 0 %%EOF"),
}


@pytest.mark.parametrize("kind", TANGLED)
def test_a_file_made_to_take_for_ever_is_read_as_far_as_is_allowed(kind: str) -> None:
    assert SAID in pdf.text(TANGLED[kind]).decode()
    account(MemorySlice(TANGLED[kind]), "a.pdf", Limits())
