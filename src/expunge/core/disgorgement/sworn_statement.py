"""The draft of a sworn statement: the actions under each limb of an order, every number with its evidence.

A draft is never signed here. A person signs it on their own knowledge. The closing words are those of 28 U.S.C. 1746 for a declaration made
within the United States. The signer compares them with the section.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape

PERJURY = "I declare under penalty of perjury that the foregoing is true and correct."
PLAIN = "I state that the foregoing is true and correct."
UNSIGNED = "Draft. It is not signed, and says nothing until somebody who knows the facts, or relies on named experts, has signed it."
WORDING = (
    "The closing words follow 28 U.S.C. 1746; compare them with the section before signing. "
    "Outside the United States the same section asks for other words."
)


@dataclass(frozen=True)
class StatementEvidence:
    """The place where one number can be checked."""

    label: str
    href: str
    """A file beside the draft, relative."""
    detail: str = ""
    """Index in the log, digests."""


@dataclass(frozen=True)
class StatementLine:
    """One sentence with one number. Raises ValueError without evidence: every number of a statement has to be checkable."""

    number: int
    text: str
    """What there are so many of."""
    evidence: tuple[StatementEvidence, ...]

    def __post_init__(self) -> None:
        if not self.evidence:
            message = "a number without evidence"
            raise ValueError(message)


@dataclass(frozen=True)
class LimbStatement:
    """One limb of the order."""

    title: str
    provision: str
    lines: tuple[StatementLine, ...]
    notes: tuple[str, ...]
    """Sentences that count nothing: grounds, dates, decisions and who made them."""


@dataclass(frozen=True)
class StatementDraft:
    """A whole statement."""

    order: str
    authority: str
    docket: str
    id: str
    made: datetime
    digest: str
    """Hex SHA-256 of the order as it was entered."""
    parts: tuple[LimbStatement, ...]
    due: tuple[str, ...]
    """What falls due later, with dates: further statements."""
    signer: str
    perjury: bool


def markdown(draft: StatementDraft) -> str:
    """The draft as Markdown."""
    lines = [f"# {draft.order}", "", f"**{UNSIGNED}**", ""]
    lines += [f"{draft.authority}, {draft.docket}. Entered here as {draft.id}, SHA-256 {draft.digest}. Made {_when(draft.made)}.", ""]
    for part in draft.parts:
        lines += [f"## {part.title} ({part.provision})", ""]
        lines += [f"* {line.number:,} {line.text} ({_links(line.evidence)})" for line in part.lines]
        lines += [f"* {note}" for note in part.notes]
        lines.append("")
    if draft.due:
        lines += ["## Falls due later", "", *(f"* {each}" for each in draft.due), ""]
    lines += ["## Declaration", "", PERJURY if draft.perjury else PLAIN, "", "Executed on (date): ______________", ""]
    lines += [f"(Signature of {draft.signer}): ______________", "", "Basis of knowledge: ______________", "", f"*{WORDING}*", ""]
    return "\n".join(lines)


def html(draft: StatementDraft) -> str:
    """The draft as one page: no script, no address outside it, everything from outside escaped."""
    body = [f"<h1>{escape(draft.order)}</h1>", f'<p class="draft">{escape(UNSIGNED)}</p>']
    entered = f"{draft.authority}, {draft.docket}. Entered here as {draft.id}, SHA-256 {draft.digest}. Made {_when(draft.made)}."
    body.append(f"<p>{escape(entered)}</p>")
    for part in draft.parts:
        body.append(f"<h2>{escape(part.title)} ({escape(part.provision)})</h2><ul>")
        body += [f"<li><strong>{line.number:,}</strong> {escape(line.text)} ({_anchors(line.evidence)})</li>" for line in part.lines]
        body += [f"<li>{escape(note)}</li>" for note in part.notes]
        body.append("</ul>")
    if draft.due:
        body += ["<h2>Falls due later</h2><ul>", *(f"<li>{escape(each)}</li>" for each in draft.due), "</ul>"]
    body += ["<h2>Declaration</h2>", f"<p>{escape(PERJURY if draft.perjury else PLAIN)}</p>", "<p>Executed on (date): ______________</p>"]
    body += [f"<p>(Signature of {escape(draft.signer)}): ______________</p>", "<p>Basis of knowledge: ______________</p>"]
    body.append(f"<p><em>{escape(WORDING)}</em></p>")
    head = f'<meta charset="utf-8"><title>{escape(draft.order)}: draft</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(body) + "\n</body></html>\n"


def links(draft: StatementDraft) -> Iterator[str]:
    """Every file that a number of the draft points to."""
    return (each.href for part in draft.parts for line in part.lines for each in line.evidence)


def _links(evidence: Iterable[StatementEvidence]) -> str:
    return "; ".join(f"[{each.label}]({each.href}){f', {each.detail}' if each.detail else ''}" for each in evidence)


def _anchors(evidence: Iterable[StatementEvidence]) -> str:
    shown = (
        f'<a href="{escape(each.href)}">{escape(each.label)}</a>{escape(f", {each.detail}" if each.detail else "")}' for each in evidence
    )
    return "; ".join(shown)


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}"
    "a{color:#0b4f8a}.draft{border:2px solid #8a1f11;padding:.6rem;font-weight:600}li{margin:.4rem 0}"
)
