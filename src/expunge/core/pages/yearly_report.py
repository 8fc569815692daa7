"""Drafts of a yearly certification and of a compliance report: every number with its evidence, and what cannot be shown said so.

A draft is never signed here. A number without evidence cannot be built. Where nothing shows a number, the draft says that, and never zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from html import escape

from expunge.core.disgorgement.sworn_statement import PERJURY, UNSIGNED, WORDING, StatementLine
from expunge.core.pages.receipt_v1_style import STYLE


class ReportKind(StrEnum):
    """The kind of a draft."""

    CERTIFICATION = "certification"
    """An officer certifies that the order is met, and no material non-compliance is known that was not told or mended."""
    COMPLIANCE = "compliance"
    """A sworn report of what was done."""


@dataclass(frozen=True)
class ReportPart:
    """One subject of a draft."""

    title: str
    lines: tuple[StatementLine, ...]
    notes: tuple[str, ...] = ()
    """Sentences that count nothing."""
    unshown: tuple[str, ...] = ()
    """What cannot be shown, and why."""


@dataclass(frozen=True)
class YearlyReport:
    """A whole draft."""

    kind: ReportKind
    year: int
    made: datetime
    manifest: str
    """Hex SHA-256 of the manifest of the evidence beside it."""
    parts: tuple[ReportPart, ...]
    unshown: tuple[str, ...]
    """What cannot be shown of the whole."""

    @property
    def title(self) -> str:
        """The heading."""
        return f"{'Certification' if self.kind is ReportKind.CERTIFICATION else 'Compliance report'} for {self.year}"


EVIDENCE = "evidence"
"""The folder beside the draft with the pack from which its numbers are."""
_CERTIFIED = (
    "I certify, on my own knowledge or relying on the experts named below, that the requirements of the order are met, and that I know of "
    "no material non-compliance that has not been corrected or disclosed, except: ______________"
)
_ENDINGS = (PERJURY, "Executed on (date): ______________", "(Name, title, signature): ______________", "Experts relied on: ______________")


def markdown(report: YearlyReport) -> str:
    """The draft as Markdown."""
    lines = [f"# {report.title}", "", f"**{UNSIGNED}**", "", _made(report), "", "## What cannot be shown", ""]
    lines += [*(f"* {_plain(each)}" for each in report.unshown), ""]
    for part in report.parts:
        lines += [f"## {part.title}", ""]
        lines += [f"* {line.number:,} {_plain(line.text)} ({_links(line)})" for line in part.lines]
        lines += [f"* {_plain(each)}" for each in part.notes]
        lines += [f"* Cannot be shown: {_plain(each)}" for each in part.unshown]
        lines.append("")
    lines += ["## Declaration", ""]
    for each in _declaration(report):
        lines += [each, ""]
    return "\n".join([*lines, f"*{WORDING}*", ""])


def html(report: YearlyReport) -> str:
    """The draft as one page: no script, no address outside its folder, everything from outside escaped."""
    title = escape(report.title)
    body = [f"<h1>{title}</h1>", f'<p class="verdict bad">{escape(UNSIGNED)}</p>', f"<p>{escape(_made(report))}</p>"]
    body.append("<h2>What cannot be shown</h2><ul>" + "".join(f"<li>{escape(each)}</li>" for each in report.unshown) + "</ul>")
    for part in report.parts:
        body.append(f"<h2>{escape(part.title)}</h2><ul>")
        body += [f"<li><strong>{line.number:,}</strong> {escape(line.text)} ({_anchors(line)})</li>" for line in part.lines]
        body += [f"<li>{escape(each)}</li>" for each in part.notes]
        body += [f"<li><strong>Cannot be shown:</strong> {escape(each)}</li>" for each in part.unshown]
        body.append("</ul>")
    body += ["<h2>Declaration</h2>", *(f"<p>{escape(each)}</p>" for each in _declaration(report)), f"<p><em>{escape(WORDING)}</em></p>"]
    head = f'<meta charset="utf-8"><title>{title}: draft</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body><main>\n' + "\n".join(body) + "\n</main></body></html>\n"


def links(report: YearlyReport) -> Iterator[str]:
    """Every file that a number of the draft leads to, relative to it."""
    return (each.href for part in report.parts for line in part.lines for each in line.evidence)


def _made(report: YearlyReport) -> str:
    when = f"Made {report.made:%Y-%m-%d %H:%M:%S} UTC from the evidence in the folder {EVIDENCE}, whose manifest has the SHA-256 "
    return f"{when}{report.manifest}: `expunge evidence verify {EVIDENCE}` checks it."


def _declaration(report: YearlyReport) -> tuple[str, ...]:
    return (_CERTIFIED, *_ENDINGS) if report.kind is ReportKind.CERTIFICATION else _ENDINGS


def _links(line: StatementLine) -> str:
    return "; ".join(f"[{each.label}]({each.href}){f', {each.detail}' if each.detail else ''}" for each in line.evidence)


def _anchors(line: StatementLine) -> str:
    said = ((each, f", {each.detail}" if each.detail else "") for each in line.evidence)
    return "; ".join(f'<a href="{escape(each.href)}">{escape(each.label)}</a>{escape(detail)}' for each, detail in said)


def _plain(text: str) -> str:
    """Return text for Markdown, so that nothing in it is obeyed."""
    return "".join(f"\\{letter}" if letter in "\\*[]<>|" else " " if letter.isspace() else letter for letter in text)
