"""What the pages of a PDF file say is read, whatever numbers its fonts give to letters; what follows the file is not a part of it."""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path

import pytest

from expunge.residue import Limits
from expunge.residue.formats.containers import pdf
from expunge.residue.formats.slices import MemorySlice
from tests.residue.pdf_files import PDFS
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
