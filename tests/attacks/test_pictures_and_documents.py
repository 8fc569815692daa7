"""Pictures and documents of the person: a copy of what they show is residue; what every picture and every document has is not."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CUSTOMERS, CUSTOMERS_SET, company
from tests.attacks.test_columns_in_another_form import document
from tests.residue.pdf_files import PDFS, acts, again, lzw, made_of, stream

SAID = "the winter garden by the old harbour opens again when the ferries run in spring"
OTHER = "nobody ever found out why the lighthouse was painted in seven colours and two more"
UPLOADS = 'uploads: {store: lake, path: "uploads/{who}/{name}", subject: {customer: who}, retention: life}'
FEW = {"numbers in packed objects", "JPEG"}


def picture(kind: str, seed: int) -> bytes:
    """A picture with noise in it, as a program writes it."""
    out = io.BytesIO()
    shown = np.random.default_rng(seed).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(shown).save(out, kind, **({"quality": 85} if kind == "JPEG" else {}))
    return out.getvalue()


def erased(folder: Path, of_anna: bytes, of_bela: bytes, stray: bytes = b"", text: str = "") -> Run:
    """Carry out the order of a customer with an upload, beside something that no dataset declares."""
    made = company(folder, CUSTOMERS, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}", UPLOADS, lake=True)
    made.map.write_text(made.map.read_text().replace("kind: parquet, url: ./world/lake", "kind: files, url: ./world/lake"))
    root = made.folder / "world" / "lake"
    for path, content in ((f"uploads/{ANNA}/upload", of_anna), (f"uploads/{BELA}/upload", of_bela), ("static/file", stray)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    made.run(f"CREATE TABLE previews (n INTEGER PRIMARY KEY, x TEXT); INSERT INTO previews VALUES (1, '{text}');")
    return made.erase(ANNA)


def recording(kind: str, seed: int) -> bytes:
    """A recording of two seconds, as a library writes it."""
    rng, at, out = np.random.default_rng(seed), np.arange(64_000) / 32_000, io.BytesIO()
    tones = sum(rng.uniform(0.02, 0.1) * np.sin(2 * np.pi * rng.uniform(80, 3000) * at + rng.uniform(0, 6)) for _ in range(20))
    soundfile.write(out, (tones + rng.normal(0, 0.01, at.size)).astype("float32"), 32_000, format=kind)
    return out.getvalue()


def film(kind: str, seed: int) -> bytes:
    """A film of a second; tables before or behind its samples, as programs write them."""
    rng = random.Random(seed)
    tables = b"\x00\x00\x00\x6dmoov" + bytes(range(64)) + b"VideoHandler of a program with a long name"[:37]
    encoder = b"x264 - core 164 - H.264/MPEG-4 AVC codec - http://www.videolan.org/x264.html - options: cabac=1 ref=3 me=hex subme=7\0"
    samples = encoder + rng.randbytes(4000)
    head = b"\x00\x00\x00\x10ftypisom\x00\x00\x02\x00"
    box = (len(samples) + 8).to_bytes(4, "big") + b"mdat" + samples
    return head + (tables + box if kind == "MP4 with tables first" else box + tables)


MADE = {
    **dict.fromkeys(("OGG", "MP3", "FLAC", "WAV"), recording),
    **dict.fromkeys(("MP4", "MP4 with tables first"), film),
}


@pytest.mark.parametrize("kind", [pytest.param(each, marks=pytest.mark.soak) if each != "OGG" else each for each in MADE])
def test_a_jingle_or_an_intro_is_no_residue_of_a_recording_and_a_copy_of_it_is(tmp_path: Path, kind: str) -> None:
    anna, bela, jingle = (MADE[kind](kind, seed) for seed in (1, 2, 7))
    run = erased(tmp_path / "jingle", anna, bela, jingle)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert erased(tmp_path / "copy", anna, bela, anna).state is OrderState.IN_PART


def _each(names: list[str]) -> list[object]:
    return [pytest.param(name, marks=[] if name in FEW else pytest.mark.soak) for name in names]


@pytest.mark.parametrize("kind", _each(["JPEG", "PNG", "GIF", "WEBP"]))
def test_a_logo_is_no_residue_of_a_portrait_and_a_copy_of_it_is(tmp_path: Path, kind: str) -> None:
    anna, bela, logo = (picture(kind, seed) for seed in (1, 2, 7))
    run = erased(tmp_path / "logo", anna, bela, logo)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert erased(tmp_path / "copy", anna, bela, anna).state is OrderState.IN_PART


@pytest.mark.parametrize("kind", _each([*PDFS]))
def test_a_plain_copy_of_what_a_document_of_the_person_says_is_residue_and_a_template_is_not(tmp_path: Path, kind: str) -> None:
    write: Callable[[list[str]], bytes] = PDFS[kind]
    anna, bela, template = write(["Dear all,", SAID]), write(["Dear all,", OTHER]), write(["Dear team of the office by the sea,", "Yours"])
    assert erased(tmp_path / "copy", anna, bela, text=f"Re: {SAID}, they wrote").state is OrderState.IN_PART
    run = erased(tmp_path / "template", anna, bela, template, f"Re: {OTHER}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


@pytest.mark.parametrize("kind", _each([*PDFS]))
def test_a_document_that_says_what_the_person_said_is_residue_and_one_of_another_customer_is_not(tmp_path: Path, kind: str) -> None:
    write = PDFS[kind]
    anna = f"{SAID}\nand nobody else was told about the key below the third step\n".encode()
    assert erased(tmp_path / "copy", anna, OTHER.encode(), write(["Report", SAID])).state is OrderState.IN_PART
    run = erased(tmp_path / "quoted", anna, write([f"As they say: {SAID}"]), write(["Report", OTHER]))
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def letter(attached: bytes) -> bytes:
    """A letter with something attached, as a mail program writes it."""
    made = EmailMessage()
    made["Subject"] = "Hello"
    made.set_content("see what is attached")
    made.add_attachment(attached, maintype="application", subtype="octet-stream", filename="attached")
    return made.as_bytes()


def table(said: str) -> bytes:
    """An export of a person as a table."""
    out = io.BytesIO()
    pq.write_table(pa.table({"n": [1, 2], "said": [said, "a short word"]}), out, compression="zstd")
    return out.getvalue()


def test_a_picture_that_lies_about_is_residue_of_the_letter_it_came_with_and_another_is_not(tmp_path: Path) -> None:
    anna, bela, logo = (picture("JPEG", seed) for seed in (1, 2, 7))
    assert erased(tmp_path / "copy", letter(anna), letter(bela), anna).state is OrderState.IN_PART
    run = erased(tmp_path / "logo", letter(anna), letter(bela), logo)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


INNER: dict[str, Callable[[str], bytes]] = {
    "attached document": lambda said: letter(document(said)),
    "attached PDF": lambda said: letter(PDFS["numbers"]([said])),
    "table": table,
}


@pytest.mark.parametrize("kind", [pytest.param(each, marks=pytest.mark.soak) if each != "table" else each for each in INNER])
def test_a_plain_copy_of_what_lies_in_an_upload_is_residue_and_what_another_customer_says_is_not(tmp_path: Path, kind: str) -> None:
    write = INNER[kind]
    assert erased(tmp_path / "copy", write(SAID), write(OTHER), text=f"Re: {SAID}, they wrote").state is OrderState.IN_PART
    run = erased(tmp_path / "another", write(SAID), write(f"{OTHER}, or so they say"), text=f"Re: {OTHER}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


DOUBTED = {
    "unread": (made_of({4: stream(acts(SAID), b"/Filter /LZWDecode")}), "cannot tell"),
    "older version": (made_of({4: stream(acts(SAID))}) + again(4, stream(acts(OTHER))), "residue found"),
    "no page": (made_of({3: b"", 4: stream(lzw(acts(SAID)), b"/Filter /LZWDecode")}), "residue found"),
}


@pytest.mark.parametrize("kind", [pytest.param(each, marks=pytest.mark.soak) if each == "no page" else each for each in DOUBTED])
def test_a_document_that_is_not_read_leaves_a_doubt_and_an_older_version_of_one_is_residue(tmp_path: Path, kind: str) -> None:
    stray, found = DOUBTED[kind]
    run = erased(tmp_path, f"{SAID}\nand nobody else was told about the key below the third step\n".encode(), OTHER.encode(), stray)
    assert run.state is OrderState.IN_PART
    assert any(found in each for each in run.reasons), run.reasons


@pytest.mark.soak
def test_a_document_of_others_in_two_versions_is_no_residue(tmp_path: Path) -> None:
    stray = made_of({4: stream(lzw(acts("Dear team of the office")), b"/Filter /LZWDecode")}) + again(4, stream(acts(OTHER)))
    run = erased(tmp_path, SAID.encode(), OTHER.encode(), stray)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
