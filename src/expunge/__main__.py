"""``python -m expunge`` and the ``expunge`` command: the command line, with the demo put in."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.main import application


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to build it.")] = Path("demo-out"),
    keep_before: Annotated[bool, typer.Option("--keep-before", help="Also keep a copy of the stores from before the orders.")] = False,
    seed: Annotated[int | None, typer.Option(help="Another number, another company.", show_default=False)] = None,
) -> None:
    """A small company, and three people who ask to be forgotten: the whole story, narrated, in a folder of its own."""
    from expunge.demo.story import SEED, tell

    stage = tell(folder.resolve(), keep_before=keep_before, seed=SEED if seed is None else seed)
    if stage.failures:
        raise typer.Exit(1)


def whole_application() -> typer.Typer:
    """The command line with the demo."""
    app = application()
    app.command(rich_help_panel="Set up")(demo)
    return app


def main() -> None:
    """Run it; never returns."""
    try:
        whole_application()()
    except BrokenPipeError:
        # Whoever read our output has gone; what they read was right. Keep the interpreter from writing to the pipe once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
