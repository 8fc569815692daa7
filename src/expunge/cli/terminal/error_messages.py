"""The edge of the command line: every error becomes a message with help and an exit code. No traceback is ever shown.

An unforeseen error is shown by its type and the place in our source where it arose. Its own text may hold personal data and is never shown.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from expunge.cli.terminal import output
from expunge.cli.terminal.exit_codes import Exit
from expunge.errors import ExpungeError

if TYPE_CHECKING:
    from types import TracebackType

_PARSER_ERROR = next(each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException")
PASSED_ON: tuple[type[BaseException], ...] = (typer.Exit, typer.Abort, _PARSER_ERROR, BrokenPipeError)
"""What the parser makes and handles itself: usage errors (exit code 2), ends, a reader that went away."""

_USUAL_HELP: dict[int, str] = {Exit.BAD_EVIDENCE: "do not rely on it; ask whoever issued it for the files again, byte for byte"}


class ErrorBoundary(TyperGroup):
    """The outermost group."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn an exception into a message and an exit code."""
        # A command without --json says nothing of it: it is not to answer as the one before it in this process was asked to.
        output.want_json(False)
        try:
            return super().invoke(ctx)
        except PASSED_ON:
            raise
        except ExpungeError as error:
            complain(error.message, error.help or _USUAL_HELP.get(error.exit_code, ""), error.exit_code)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            complain("interrupted", "nothing is lost: the same command goes on where it stopped", Exit.INTERRUPTED)
            raise typer.Exit(Exit.INTERRUPTED) from None
        except OSError as error:
            complain(
                f"the operating system refused: {error.strerror or type(error).__name__}",
                "see rights and free space, then try again",
                Exit.FAILED,
            )
            raise typer.Exit(Exit.FAILED) from None
        except Exception as error:  # noqa: BLE001 - the last line of defence before the terminal
            complain(
                f"unexpected {type(error).__name__} at {_place(error.__traceback__)}",
                "this is a defect: report the line above",
                Exit.FAILED,
            )
            raise typer.Exit(Exit.FAILED) from None


def complain(message: str, help: str, exit_code: int) -> None:  # noqa: A002 - the field's usual word
    """Say what is wrong, where, and what to do; as JSON on stdout where JSON was asked for."""
    if output.json_wanted():
        output.write_json("error/1", {"error": message, "help": help, "exit_code": int(exit_code)})
        return
    console = output.stderr()
    console.print(f"[bold red]error:[/] {_quoted(message)}")
    if help:
        console.print(f"[bold]help:[/] {_quoted(help)}")


def _quoted(text: str) -> str:
    from rich.markup import escape

    return escape("\n".join(output.visible(line) for line in text.split("\n")))


def _place(frames: TracebackType | None) -> str:
    """The innermost line of our own source."""
    ours = [frame for frame in traceback.extract_tb(frames) if "expunge" in frame.filename]
    if not ours:
        return "an unknown place"
    return f"{ours[-1].filename.rpartition('expunge/')[2]}:{ours[-1].lineno}"
