"""The public retention policy, made from the rules that the map enforces: one page for people in HTML, the same in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from math import log

from expunge.core.datamap.datamap import DataMap
from expunge.core.pages.receipt_v1_style import STYLE
from expunge.core.retention.public_claims import Claim, counted_from
from expunge.core.retention.public_recipients import PublicRecipient, public_recipients
from expunge.core.retention.retention_rules import rules
from expunge.core.values.periods import Period

TITLE = "How long we keep data about you"
_OTHERS = "Who else gets data about you"
_MADE = "Made from the rules that are enforced by machine; every sentence below is checked against the data itself."
_MORE = """\
figure { margin: 1.5rem 0; }
figcaption { color: var(--soft); font-size: .875rem; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg rect { fill: #2f6fb5; }
@media (prefers-color-scheme: dark) { svg rect { fill: #6aa9e9; } }
@media print { svg rect { fill: #000000; } }
"""
_ROW, _LABEL, _WIDTH, _GAP = 30, 110, 520, 110


@dataclass(frozen=True)
class ScheduleRow:
    """One schedule."""

    name: str
    datasets: tuple[str, ...]
    purpose: str
    need: str
    period: Period
    start: str


def rows(data_map: DataMap) -> tuple[ScheduleRow, ...]:
    """Every schedule that keeps anything."""
    found = []
    for name, each in data_map.retention.items():
        kept = tuple(rule.dataset for rule in rules(data_map) if rule.schedule == name)
        if kept:
            found.append(ScheduleRow(name, kept, each.purpose, each.need, each.period, counted_from(each.start)))
    return tuple(found)


def markdown(data_map: DataMap, claims: Sequence[Claim], at: datetime) -> str:
    """The page in Markdown."""
    lines = [
        f"# {TITLE}",
        "",
        f"Published {at:%Y-%m-%d}. {_MADE}",
        "",
        "| what | why we use it | why it needs the data | how long | counted from |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {_cell(_names(row))} | {_cell(row.purpose)} | {_cell(row.need)} | {row.period} | {_cell(row.start)} |" for row in rows(data_map)
    ]
    if others := public_recipients(data_map):
        lines += ["", f"## {_OTHERS}", "", "| who | what | kinds | why |", "| --- | --- | --- | --- |"]
        lines += [f"| {' | '.join(map(_cell, (each.name, *_of(each))))} |" for each in others]
    lines += ["", "## What you can rely on", ""]
    lines += [f"- {_cell(_said(claim))}" for claim in claims]
    return "\n".join([*lines, ""])


def _row(row: ScheduleRow) -> str:
    cells = (_names(row), row.purpose, row.need, str(row.period), row.start)
    return f"| {' | '.join(map(_cell, cells))} |"


def html(data_map: DataMap, claims: Sequence[Claim], at: datetime) -> str:
    """The page in HTML: one file, no scripts, nothing from the network."""
    return "".join(_html(data_map, claims, at))


def _html(data_map: DataMap, claims: Sequence[Claim], at: datetime) -> Iterator[str]:
    found = rows(data_map)
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    yield f"<title>{TITLE}</title>\n<style>\n{STYLE}{_MORE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{TITLE}</h1>\n"
    yield f'<p>Published <time datetime="{at:%Y-%m-%d}">{at.day} {at:%B %Y}</time>. {_MADE}</p>\n</header>\n'
    yield _chart(found)
    yield "<h2>What we keep, and why</h2>\n<table>\n<thead><tr>"
    heads = ("What", "Why we use it", "Why it needs the data", "How long", "Counted from")
    yield "".join(f'<th scope="col">{each}</th>' for each in heads) + "</tr></thead>\n<tbody>\n"
    for each in found:
        cells = (each.purpose, each.need, str(each.period), each.start)
        yield f'<tr><th scope="row">{escape(_names(each))}</th>'
        yield "".join(f'<td data-label="{head}">{escape(cell)}</td>' for head, cell in zip(heads[1:], cells, strict=True)) + "</tr>\n"
    yield "</tbody>\n</table>\n"
    yield from _others(data_map)
    yield "<h2>What you can rely on</h2>\n<ul>\n"
    yield "".join(f'<li id="{escape(claim.id)}">{escape(_said(claim))}</li>\n' for claim in claims)
    yield "</ul>\n</main>\n</body>\n</html>\n"


def _others(data_map: DataMap) -> Iterator[str]:
    """The third parties, where there are any."""
    others = public_recipients(data_map)
    if not others:
        return
    heads = ("Who", "What", "Kinds", "Why")
    yield f"<h2>{_OTHERS}</h2>\n<table>\n<thead><tr>"
    yield "".join(f'<th scope="col">{each}</th>' for each in heads) + "</tr></thead>\n<tbody>\n"
    for each in others:
        yield f'<tr><th scope="row">{escape(each.name)}</th>'
        yield "".join(f'<td data-label="{head}">{escape(cell)}</td>' for head, cell in zip(heads[1:], _of(each), strict=True)) + "</tr>\n"
    yield "</tbody>\n</table>\n"


def _of(each: PublicRecipient) -> tuple[str, str, str]:
    """What a third party gets, of which kinds, and why."""
    what = ", ".join(name.replace("_", " ") for name in each.datasets)
    return what, ", ".join(kind.value for kind in each.kinds), "; ".join(each.purposes)


def _said(claim: Claim) -> str:
    return f"{claim.sentence.removesuffix('.')} ({claim.dated})." if claim.dated else claim.sentence


def _chart(found: Sequence[ScheduleRow]) -> str:
    """Bars of the periods, on a scale on which a day and ten years can both be seen."""
    lengths = [each.period.days + each.period.months * 30.436875 for each in found]
    most = max((log(1 + length) for length in lengths), default=1.0)
    bars = []
    for at, (row, days) in enumerate(zip(found, lengths, strict=True)):
        width = round((_WIDTH - _LABEL - _GAP) * log(1 + days) / most)
        y = at * _ROW
        bars.append(
            f'<text x="0" y="{y + 19}">{escape(row.name)}</text><rect x="{_LABEL}" y="{y + 5}" width="{width}" height="18" rx="3"></rect>'
            f'<text x="{_LABEL + width + 8}" y="{y + 19}">{row.period}</text>'
        )
    said = "; ".join(f"{row.name} {row.period}" for row in found)
    return (
        f'<figure>\n<svg viewBox="0 0 {_WIDTH} {max(1, len(found)) * _ROW}" role="img" aria-label="{escape(said)}">{"".join(bars)}</svg>\n'
        "<figcaption>How long each kind of data is kept. Longer bars mean longer; the scale is logarithmic.</figcaption>\n</figure>\n"
    )


def _names(row: ScheduleRow) -> str:
    return ", ".join(dataset.replace("_", " ") for dataset in row.datasets)


def _cell(text: str) -> str:
    """Text inside Markdown: nothing in it is obeyed."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|!" else " " if letter.isspace() else letter for letter in text)
