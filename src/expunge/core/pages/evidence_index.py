"""The first page of an evidence pack, and the pages of its lists: plain HTML that opens offline. No script, no address outside the pack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from expunge.core.pages.receipt_v1_style import STYLE

TITLE = "Evidence of requests, answers and actions"
_HEAD = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
)
_CHECK = (
    "Unpacked, this can be read by anybody; whether it is whole and unchanged is checked offline with "
    "<code>expunge evidence verify FILE.zip --trust KEYS</code>, where KEYS is the trust policy that you got elsewhere. "
    "The pack holds no name, no identifier and no content of any person."
)


@dataclass(frozen=True)
class ReceiptLine:
    """One receipt of the first page."""

    folder: str
    order: str
    verdict: str
    verified: str
    index: int


@dataclass(frozen=True)
class PackSummary:
    """What the first page says."""

    made: datetime
    recipient: str
    start: datetime | None
    end: datetime | None
    since: datetime | None
    """When the first record was made; None where there is none."""
    origin: str
    size: int
    first: int
    past: int
    lists: Mapping[str, int]
    receipts: Sequence[ReceiptLine]
    policy: Sequence[str]
    """Files of the policy in force."""
    unknown: Sequence[int]
    """Entries of the log that this installation does not have."""


def index(summary: PackSummary) -> bytes:
    """The page ``index.html``."""
    return "".join(_index(summary)).encode()


def _index(said: PackSummary) -> Iterator[str]:
    yield f"{_HEAD}<title>{TITLE}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{TITLE}</h1>\n"
    whom = f" for {escape(said.recipient)}" if said.recipient else ""
    yield f"<p>Made {said.made:%Y-%m-%d %H:%M:%S} UTC{whom}. {escape(period(said.start, said.end))}</p>\n<p>{_CHECK}</p>\n"
    if said.since is None:
        yield "<p>Nothing was recorded here yet.</p>\n"
    else:
        yield f"<p>The first record was made {said.since:%Y-%m-%d}: of the time before, this installation can show nothing.</p>\n"
    covered = f"entries {said.first} to {said.past - 1}" if said.past > said.first else "no entry"
    yield f'<h2>The log</h2>\n<p>{escape(said.origin)}, {said.size:,} entries under the newest checkpoint (<a href="log/checkpoint.txt">'
    yield f'log/checkpoint.txt</a>). Covered: {covered}, each with its proof (<a href="log/entries.json">log/entries.json</a>).</p>\n'
    if said.unknown:
        numbers = ", ".join(map(str, said.unknown))
        yield f"<p><strong>This installation does not have what was entered as {numbers}.</strong></p>\n"
    yield "<h2>Lists</h2>\n<ul>\n"
    for name, rows in said.lists.items():
        yield f'<li><a href="lists/{name}.html">{name}</a>: {rows:,} (<a href="lists/{name}.json">JSON</a>)</li>\n'
    yield "</ul>\n<h2>Policy in force</h2>\n"
    yield "<p>These files are the company's own statement: nothing in the log vouches for them.</p>\n<ul>\n"
    yield "".join(f'<li><a href="{escape(each)}">{escape(each)}</a></li>\n' for each in said.policy)
    yield f"</ul>\n<h2>Receipts ({len(said.receipts):,})</h2>\n"
    yield '<table>\n<thead><tr><th scope="col">Order</th><th scope="col">Says</th><th scope="col">Verified</th>'
    yield '<th scope="col">Entry of the log</th></tr></thead>\n<tbody>\n'
    for each in said.receipts:
        yield f'<tr><th scope="row"><a href="{each.folder}/receipt.html">{escape(each.order)}</a></th><td>{escape(each.verdict)}</td>'
        yield f"<td>{escape(each.verified)}</td><td>{each.index}</td></tr>\n"
    yield "</tbody>\n</table>\n</main>\n</body>\n</html>\n"


def listed(name: str, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The page of one list: a table with a column for each field that any row has, in one sequence whatever that of the rows' fields."""
    return "".join(_listed(name, rows)).encode()


def _listed(name: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    columns = ["at", "what", *sorted({field for row in rows for field in row} - {"at", "what"})]
    yield f"{_HEAD}<title>{escape(name)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(name)}</h1>\n"
    yield '<p><a href="../index.html">All lists</a></p>\n'
    if not rows:
        yield "<p>No such record was made in this time.</p>\n</main>\n</body>\n</html>\n"
        return
    heads = "".join(f'<th scope="col">{escape(each)}</th>' for each in columns)
    yield f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
    for row in rows:
        yield "<tr>" + "".join(f'<td data-label="{escape(each)}">{_cell(each, row.get(each, ""))}</td>' for each in columns) + "</tr>\n"
    yield "</tbody>\n</table>\n</main>\n</body>\n</html>\n"


def _cell(field: str, value: Any) -> str:
    if field == "receipt" and value:
        return f'<a href="../{escape(str(value))}/receipt.html">{escape(str(value))}</a>'
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "<br>".join(escape(str(each)) for each in value)
    return escape(str(value))


def period(start: datetime | None, end: datetime | None) -> str:
    """Return the sentence about the time that is covered."""
    if start is None and end is None:
        return "It covers everything since the first record."
    begin = f"from {start:%Y-%m-%d}" if start else "from the first record"
    past = f"and before {end:%Y-%m-%d}" if end else "until now"
    return f"It covers the time {begin} {past}."
