"""``python -m expunge`` and the ``expunge`` command: the command line, with the demo put in."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.main import application

DISGORGE, SERVE, CODE = "disgorge", "serve", "code"
"""Ask the demo for the regulator's story, for the pages of its company, or for the codes of its families; a folder of such a name is
``./disgorge``."""


def demo(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[disgorge | serve | code] [DIR]", help="Which story, and where to build it: demo-out.", show_default=False),
    ] = None,
    keep_before: Annotated[bool, typer.Option("--keep-before", help="Also keep a copy of the stores from before the orders.")] = False,
    workers: Annotated[int, typer.Option(help="Let so many processes carry the orders out, and kill one; 0: none but this.", min=0)] = 0,
    seed: Annotated[int | None, typer.Option(help="Another number, another company.", show_default=False)] = None,
    port: Annotated[int, typer.Option(help="With serve: of the pages; 0 picks a free one.", min=0, max=65535)] = 0,
) -> None:
    """A small company, and three people who ask to be forgotten: the whole story, narrated, in a folder of its own.

    With `disgorge`, the regulator's story: an order of destruction that looks back, one that looks forward, and what is sworn.
    With `serve`, the company behind its pages, for three families who can log in, until Ctrl-C; `code` shows the codes of their apps.
    """
    from expunge.demo.story import regulator
    from expunge.demo.story.chapters import SEED, tell
    from expunge.errors import UsageError

    words = list(what or ())
    told = words.pop(0) if words[:1] in ([DISGORGE], [SERVE], [CODE]) else ""
    folder = Path(words[0] if words else "demo-out").resolve()
    if len(words) > 1 or (told and (keep_before or workers)):
        problem = "the demo takes one folder, and its other stories no options but --seed"
        raise UsageError(problem, help="expunge demo DIR; expunge demo disgorge DIR; expunge demo serve DIR")
    chosen = SEED if seed is None else seed
    if told in {SERVE, CODE}:
        _at_the_pages(told, folder, chosen, port)
        return
    stage = regulator.tell(folder, seed=chosen) if told else tell(folder, keep_before=keep_before, workers=workers, seed=chosen)
    if stage.failures:
        raise typer.Exit(1)


def _at_the_pages(told: str, folder: Path, seed: int, port: int) -> None:
    from expunge.demo.serving import served

    if told == SERVE:
        served.serve(folder, port=port, seed=seed)
        return
    for login in served.logins_of(folder):
        typer.echo(f"{login.code}  {login.name}  {login.address}")


def whole_application(word: str = "") -> typer.Typer:
    """The command line with the demo; of the rest what ``word`` names, or all."""
    app = application(word)
    app.command(rich_help_panel="Set up")(demo)
    return app


_THRESHOLDS = (250_000, 20, 20)
"""For ``gc.set_threshold``: modules that are imported lie in no cycle that dies."""


def main() -> None:
    """Run it; never returns."""
    gc.set_threshold(*_THRESHOLDS)
    _stand_in_for_closed_streams()
    try:
        try:
            whole_application("".join(sys.argv[1:2]))()
        finally:
            # A device that is full says so here, while it can still be told.
            sys.stdout.flush()
    except OSError as error:
        # What could not be written goes nowhere: the interpreter would try once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"error: the answer could not be written: {error.strerror or type(error).__name__}\n")
        sys.exit(1)


def program() -> None:
    """Run it as a program: when it ends, the process does so at once. Python would take a thousand modules apart first, for nothing."""
    end = _End()
    # Why first: what is registered later comes before it, and the threads have ended by then.
    atexit.register(end)
    try:
        main()
    except SystemExit as ended:
        end.status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise


class _End:
    """The last act of a process that ends by a status. One that ends by another exception ends in Python's own way."""

    def __init__(self) -> None:
        """Begin without a status."""
        self.status: int | None = None

    def __call__(self) -> None:
        """End the process."""
        if self.status is None:
            return
        for stream in (sys.stdout, sys.stderr):
            # Why suppressed: what could not be written was told already.
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(self.status & 0xFF)


def _stand_in_for_closed_streams() -> None:
    """Put the null device where a standard stream is closed: no file of ours may come to lie under its number.

    Letters that the terminal's encoding lacks are written as escapes.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
        elif number and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    program()
