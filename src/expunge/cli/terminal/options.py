"""Options that many commands share, and the questions they ask."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.terminal import output
from expunge.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Write JSON with a schema field to stdout.", callback=output.want_json)]
Map = Annotated[
    Path | None,
    typer.Option(
        "--map", "-m", envvar="EXPUNGE_MAP", help="The data map; else expunge.yaml here or in a folder above.", show_default=False
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where there is no terminal.")]
OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id, as `expunge status` shows it.", show_default=False)]


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone.

    Raises:
        UsageError: where there is no terminal and ``--yes`` was not given.
        typer.Exit: with code 1 when the answer is no.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        message = "somebody has to say yes to this, and there is no terminal to ask on"
        raise UsageError(message, help="look at what will happen, then give --yes")
    if not typer.confirm(question, err=True):
        output.note("nothing was done")
        raise typer.Exit(1)
