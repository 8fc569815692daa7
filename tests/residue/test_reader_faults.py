"""A reader with a fault leaves a file unread, and says so: it ends no order, and nothing else goes unlooked."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from expunge.core.evidence.trace_evidence import blinding
from expunge.residue.formats.containers import pdf
from expunge.residue.forms import tokens
from expunge.residue.opaque import documents
from expunge.residue.scanning import long_runs
from expunge.residue.scanning.scanner import ResidueScanner
from tests.residue.pdf_files import PDFS
from tests.residue.planting import SENTENCE, look, text_traces

TRACES = text_traces(SENTENCE)


def stumble(*_: object, **__: object) -> bytes:
    message = "a value nobody foresaw"
    raise ValueError(message)


def short(folder: Path) -> None:
    (folder / "b").write_bytes(b"key: " + base64.b64encode(b"a text of others that is long enough for a run") + b"\n")


def long(folder: Path) -> None:
    (folder / "b").write_bytes(base64.b64encode(b"a text of others " * 100_000))


def document(folder: Path) -> None:
    (folder / "b.pdf").write_bytes(PDFS["letters"](["of others"]))


FAULTY: dict[str, tuple[ModuleType, str, Callable[[Path], None]]] = {
    "what is added together": (tokens, "say", short),
    "what is read as it comes": (long_runs, "say", long),
    "a document": (pdf, "text", document),
}


@pytest.mark.parametrize("kind", FAULTY)
def test_a_fault_of_a_reader_is_said_and_the_rest_is_looked_at(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module, name, write = FAULTY[kind]
    write(tmp_path)
    for each in ("a", "z"):
        (tmp_path / each).write_text(SENTENCE)
    monkeypatch.setattr(module, name, stumble)
    with caplog.at_level(logging.INFO, "expunge"):
        seen = look(tmp_path, TRACES)
    assert {place.path.name for place in seen.found} == {"a", "z"}
    assert blinding(seen.coverage.skipped) >= 1
    fields = [getattr(each, "fields", {}) for each in caplog.records if each.message == "reader_failed"]
    assert fields
    assert {(each["error"], each["module"]) for each in fields} == {("ValueError", "test_reader_faults")}


def test_a_file_over_which_the_account_stumbles_is_opaque(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document(tmp_path)
    monkeypatch.setattr(documents, "document", stumble)
    left = ResidueScanner(processes=1).unread(tmp_path / "b.pdf")
    assert left is not None
    assert left.opaque == (tmp_path / "b.pdf").stat().st_size
