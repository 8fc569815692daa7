"""The first page is short, begins with two commands that are there, and shows a map that can be read."""

from __future__ import annotations

import re
from pathlib import Path

from expunge.maps.reading.reader import read_map
from expunge.stores import Kinds

ROOT = Path(__file__).resolve().parents[2]
MOST_WORDS = 900
MOST_LINES_OF_THE_DEMO = 12
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def page() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return [body for each, body in BLOCK.findall(page()) if each == kind]


def test_it_has_few_words() -> None:
    shown = re.sub(r"\]\([^)]*\)", "]", page())
    assert len(shown.split()) <= MOST_WORDS


def test_its_first_commands_are_the_demo_and_the_tests() -> None:
    first = [line.split("#")[0].strip() for line in blocks("")[0].splitlines()]
    assert first == ["make demo", "make test"]
    assert page().index(blocks("")[0]) < page().index("\n## ")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{line.removeprefix('make ')}:", makefile, re.MULTILINE) for line in first)


def test_its_map_of_ten_lines_can_be_read(tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    assert len(text.splitlines()) == 10
    path = tmp_path / "expunge.yaml"
    path.write_text(text, encoding="utf-8")
    found = read_map(path, {"APP_DB": "postgresql://eraser@localhost/owl"}, kinds=Kinds())
    assert set(found.datasets) == {"profiles", "voice", "transcripts"}


def test_it_shows_few_lines_of_the_demo() -> None:
    (text,) = blocks("text")
    assert 5 <= len(text.splitlines()) <= MOST_LINES_OF_THE_DEMO


def test_every_page_stands_in_the_list_of_documents() -> None:
    listed = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert [str(path) for path in sorted(pages) if path.parts[0] != "adr" and path.name != "README.md" and f"({path})" not in listed] == []
