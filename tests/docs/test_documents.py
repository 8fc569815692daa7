"""What the documents show is what the files hold, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SHOWN = re.compile(r"^```(?:python|toml)\n# (\S+\.(?:py|toml))\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#]+)")
ANCHOR = re.compile(r"\]\((?!https?://|mailto:)([^)#]*)#([^)]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_code_that_is_shown_stands_in_the_file_it_names(document: Path) -> None:
    for path, code in SHOWN.findall(document.read_text(encoding="utf-8")):
        assert code in (ROOT / path).read_text(encoding="utf-8"), f"{name(document)} shows code that {path} does not hold"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_to_files(document: Path) -> None:
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{name(document)} links to {target}"


def anchors(page: Path) -> set[str]:
    """Return the names under which a page's headings are reached."""
    plain = (re.sub(r"\]\([^)]*\)", "]", heading).lower() for heading in HEADING.findall(page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_into_pages_lead_to_headings(document: Path) -> None:
    for target, anchor in ANCHOR.findall(document.read_text(encoding="utf-8")):
        page = document.parent / target if target else document
        if page.suffix == ".md":
            assert anchor in anchors(page), f"{name(document)} links to {target}#{anchor}"


def test_the_example_of_a_store_is_shown() -> None:
    assert len(SHOWN.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))) >= 4
