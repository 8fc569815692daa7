"""``expunge report``: drafts of the yearly certification and of the compliance report, with the evidence of every number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.core.pages.yearly_report import ReportPart

app = typer.Typer(help="Drafts of yearly reports: certification, compliance.", no_args_is_help=True)
Year = Annotated[int, typer.Option(metavar="YEAR", help="The calendar year that it is about, in UTC.", show_default=False)]
Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="DIR", help="A new or empty folder for the draft and its evidence.", show_default=False)
]


@app.command()
def certification(year: Year, out: Out, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Draft the yearly certification: what was done, what is open, what cannot be shown. Unsigned, in HTML and Markdown.

    Every number leads to a list, a receipt or an entry of the log in the folder `evidence` beside it, which `expunge evidence verify`
    checks.
    """
    _draft("certification", year, out, map_file, as_json=as_json)


@app.command()
def compliance(year: Year, out: Out, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Draft the compliance report: what was asked, answered and done in the year. Unsigned, in HTML and Markdown.

    Every number leads to its evidence, as in `expunge report certification`. What cannot be shown is said so, and is never zero.
    """
    _draft("compliance", year, out, map_file, as_json=as_json)


def _draft(kind: str, year: int, out: Path, map_file: Path | None, *, as_json: bool) -> None:
    from expunge.core.pages.yearly_report import ReportKind

    with opened(map_file, recover=True) as expunge:
        report = expunge.records.report(ReportKind(kind), year, out)
    if as_json:
        parts = [{"title": part.title, "numbers": _numbers(part), "notes": part.notes, "unshown": part.unshown} for part in report.parts]
        output.write_json("report/1", {"kind": kind, "year": year, "manifest": report.manifest, "parts": parts, "unshown": report.unshown})
        return
    output.say(f"{out / f'{kind}.html'}")
    output.note("a draft: it says nothing until it is signed")


def _numbers(part: ReportPart) -> list[dict[str, Any]]:
    return [{"number": line.number, "of": line.text, "evidence": [each.href for each in line.evidence]} for line in part.lines]
