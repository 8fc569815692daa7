"""One page that needs nothing but itself: drawings inside, no scripts, readable by keyboard, aloud and in print."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from examples.common.drawing import Figure
from examples.common.estate import Erased

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --line: #d0d7de; --tint: #f6f8fa; --link: #0550ae;
  --good: #0a5c2e; --bad: #8a1f11; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --paper: #0d1117; --line: #3d444d; --tint: #161b22;
  --link: #79b8ff; --good: #7ee2a0; --bad: #ffb4a8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.05rem/1.6 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.35rem; margin: 2.75rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 1.75rem 0 .4rem; }
p, ul, ol { max-width: 44rem; margin: .5rem 0 .9rem; }
li { margin: .3rem 0; }
a { color: var(--link); }
a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem; }
.lead { font-size: 1.15rem; }
figure { margin: 1.5rem 0; }
figure img { display: block; width: 100%; max-width: 46rem; height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: .4rem; }
figcaption { color: var(--soft); font-size: .95rem; margin-top: .4rem; max-width: 44rem; }
.wide { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-size: .95rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem 1.25rem .35rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; }
tbody th { font-weight: 400; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: .4rem; padding: .75rem 1rem; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; }
code, pre { font: .93em/1.5 ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace; }
pre { font-size: .8rem; }
.checks { list-style: none; padding: 0; }
.checks li { padding-left: 1.7rem; position: relative; }
.checks b { position: absolute; left: 0; }
.good { color: var(--good); } .bad { color: var(--bad); }
@media print {
  :root { --ink: #000; --soft: #333; --paper: #fff; --line: #999; --tint: #fff; --link: #000; --good: #000; --bad: #000; }
  @page { margin: 16mm; }
  html { font-size: 10pt; } body { font-size: 1rem; } main { max-width: none; padding: 0; } .skip, nav { display: none; }
  figure, tr, li, .wide { break-inside: avoid; } h2, h3 { break-after: avoid; }
  pre { font-size: 7pt; } figure img { max-width: 15cm; }
}
"""


def text(*paragraphs: str) -> str:
    """Paragraphs of plain text; `code` between backticks."""
    return "".join(f"<p>{_inline(each)}</p>\n" for each in paragraphs)


def heading(title: str) -> str:
    """A heading below a section's."""
    return f"<h3>{escape(title)}</h3>\n"


def listing(said: str, name: str) -> str:
    """What a program printed; ``name`` is read aloud."""
    return f'<pre tabindex="0" role="region" aria-label="{escape(name)}">{escape(said.strip())}</pre>\n'


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column names the rows."""
    top = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>\n" for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>\n"
    )


def drawing(figure: Figure) -> str:
    """A drawing, what it shows in words, and its numbers."""
    data = base64.b64encode(figure.svg.encode()).decode()
    files = f'<a href="plots/{figure.name}.svg">SVG</a>, <a href="plots/{figure.name}.png">PNG</a>'
    return (
        f'<figure><img alt="{escape(figure.title)}. The numbers are in the table below." src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{_inline(figure.caption)} ({files})</figcaption></figure>\n"
        + (table(figure.title, figure.head, figure.rows) if figure.rows else "")
    )


def checks(found: Sequence[tuple[bool, str]]) -> str:
    """What was looked at, and how it was."""
    marks = {True: '<b class="good" aria-label="holds">✓</b>', False: '<b class="bad" aria-label="does not hold">✗</b>'}
    return '<ul class="checks">' + "".join(f"<li>{marks[good]} {escape(said)}</li>" for good, said in found) + "</ul>\n"


def order(erased: Erased) -> str:
    """What the commands of one order printed."""
    return (
        text("The plan:")
        + listing(erased.plan, "The plan")
        + text("What `expunge receipt verify` says of the receipt, with keys that had been published before:")
        + listing(erased.verified, "Verification of the receipt")
        + text("What the receipt says; it lies in `receipts/1`, with a page for people (`receipt.html`):")
        + listing(erased.shown, "The receipt")
    )


def write(path: Path, title: str, lead: str, sections: Sequence[tuple[str, str]]) -> None:
    """Write the page: a title, what it is about in two sentences, and sections (heading, HTML)."""
    links = "".join(f'<li><a href="#part-{number}">{escape(name)}</a></li>' for number, (name, _) in enumerate(sections, 1))
    body = "".join(
        f'<section aria-labelledby="part-{number}"><h2 id="part-{number}">{escape(name)}</h2>\n{html}</section>\n'
        for number, (name, html) in enumerate(sections, 1)
    )
    path.write_text(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f'<body><a class="skip" href="#content">To the content</a><main id="content"><h1>{escape(title)}</h1>'
        f'<p class="lead">{_inline(lead)}</p><nav aria-label="Contents"><ol>{links}</ol></nav>\n{body}</main></body></html>\n',
        "utf-8",
    )


def _inline(said: str) -> str:
    pieces = escape(said).split("`")
    return "".join(f"<code>{piece}</code>" if at % 2 else piece for at, piece in enumerate(pieces))
