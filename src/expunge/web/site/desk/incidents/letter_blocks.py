"""A draft of a letter as parts of a page: headings, lists and paragraphs of the Markdown that drafts are written in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LetterBlock:
    """One part."""

    kind: str
    """``title``, ``heading``, ``list`` or ``text``."""
    lines: tuple[str, ...]


def blocks_of(text: str) -> list[LetterBlock]:
    """Return the parts of a draft. Marks of emphasis are left out; nothing else of the text is."""
    return [_block(each) for each in text.strip().split("\n\n")]


def _block(part: str) -> LetterBlock:
    lines = [line.strip("*_") if line.startswith(("**", "_")) else line for line in part.replace("`", "").split("\n")]
    if part.startswith("# "):
        return LetterBlock("title", (part.removeprefix("# "),))
    if part.startswith("## "):
        return LetterBlock("heading", (part.removeprefix("## "),))
    if all(line.startswith("- ") for line in lines):
        return LetterBlock("list", tuple(line.removeprefix("- ") for line in lines))
    return LetterBlock("text", tuple(lines))
