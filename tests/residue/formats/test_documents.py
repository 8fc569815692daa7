"""Documents and arrays that are made of other formats: workbooks, letters, NumPy files, pickles, archives in archives."""

from __future__ import annotations

import gzip
import html
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard

from tests.residue.planting import SENTENCE, look, text_traces

TRACES = text_traces(SENTENCE)
OTHER = "Nobody has seen an uncle of hers at the harbour since Easter"


def saved(text: str, kind: str) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array(["one", text, "another"]).astype(kind))
    return out.getvalue()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(text: str) -> bytes:
    out = io.BytesIO()
    content = text.encode()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("notes.txt")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def arrays(text: str) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, said=np.array([text, "another"]), short=np.array([text.encode()]), numbers=np.arange(9))
    return out.getvalue()


def workbook(text: str) -> bytes:
    said = html.escape(text, quote=True).replace("&#x27;", "&apos;")
    shared = f'<?xml version="1.0" encoding="UTF-8"?><sst count="2"><si><t>one</t></si><si><t>{said}</t></si></sst>'
    return zipped(**{"xl/worksheets/sheet1.xml": b'<c r="A1" t="s"><v>1</v></c>', "xl/sharedStrings.xml": shared.encode()})


def letter(text: str) -> bytes:
    """The sentence is cut into three runs, as after an edit."""
    runs = "".join(f'<w:r><w:t xml:space="preserve">{part}</w:t></w:r>' for part in (text[:20], text[20:24], text[24:]))
    return zipped(**{"word/document.xml": f"<w:p>{runs}</w:p>".encode()})


MAKERS: dict[str, Callable[[str], bytes]] = {
    "array of text": lambda text: saved(text, "U"),
    "array of text, the other byte order": lambda text: saved(text, ">U80"),
    "array of bytes": lambda text: saved(text, "S"),
    "compressed arrays": arrays,
    "pickled array": lambda text: pickle.dumps(np.array(["one", text])),
    "pickled array, protocol 2": lambda text: pickle.dumps(np.array(["one", text]), 2),
    "pickled text of NumPy": lambda text: pickle.dumps({"said": np.str_(text)}),
    "workbook": workbook,
    "letter": letter,
    "tar in a gzip": lambda text: gzip.compress(tarred(text)),
    "tar in a zstd": lambda text: zstandard.compress(tarred(text)),
    "packed tar in a zip": lambda text: zipped(inner=gzip.compress(tarred(text))),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_text_is_found_and_others_is_not(tmp_path: Path, kind: str) -> None:
    (tmp_path / "f").write_bytes(MAKERS[kind](SENTENCE))
    assert look(tmp_path, TRACES).found
    (tmp_path / "f").write_bytes(MAKERS[kind](OTHER))
    seen = look(tmp_path, TRACES)
    assert not seen.found
    assert not seen.coverage.skipped
