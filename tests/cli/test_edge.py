"""What reaches a person when something goes wrong: a message, help, an exit code; never a traceback, never somebody's data."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner

from expunge.cli.terminal import exit_codes, options, output
from expunge.cli.terminal.error_messages import ErrorBoundary
from expunge.errors import Busy, EvidenceInvalid, ExpungeError, NeedsApproval, NotResolved, UsageError

SECRET = "mia@example.org"


def boom(error: BaseException) -> Callable[..., None]:
    def command(as_json: options.Json = False) -> None:
        raise error

    return command


def run(error: BaseException, *arguments: str) -> tuple[int, str, str]:
    output.stdout.cache_clear()
    output.stderr.cache_clear()
    app = typer.Typer(cls=ErrorBoundary)
    app.command("boom")(boom(error))
    app.command("other")(lambda: None)
    result = CliRunner().invoke(app, ["boom", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ExpungeError("what", help="do"), 1),
        (UsageError("what", help="do"), 2),
        (NotResolved("what", help="do"), 2),
        (Busy("what", help="do"), 1),
        (NeedsApproval("what", help="do"), 5),
        (EvidenceInvalid("what", help="do"), 6),
    ],
)
def test_our_errors_say_what_and_what_to_do(error: ExpungeError, code: int) -> None:
    ended, out, err = run(error)
    assert (ended, out) == (code, "")
    assert "what" in err
    assert "do" in err


def test_with_json_the_error_is_the_answer() -> None:
    ended, out, err = run(Busy("what", help="do"), "--json")
    assert (ended, err) == (1, "")
    assert json.loads(out) == {"schema": "expunge.error/1", "error": "what", "help": "do", "exit_code": 1}


def test_a_command_that_has_no_json_does_not_answer_as_the_one_before_it_did() -> None:
    def plain() -> None:
        raise Busy("what", help="do")

    app = typer.Typer(cls=ErrorBoundary)
    app.command("boom")(boom(Busy("what", help="do")))
    app.command("plain")(plain)
    asked = CliRunner().invoke(app, ["boom", "--json"])
    output.stderr.cache_clear()
    told = CliRunner().invoke(app, ["plain"])
    assert json.loads(asked.stdout)["error"] == "what"
    assert (told.exit_code, told.stdout) == (1, "")
    assert "what" in told.stderr


def test_an_unforeseen_error_is_named_by_type_and_place_never_by_its_text() -> None:
    ended, out, err = run(ValueError(f"no such row: {SECRET}"))
    assert ended == 1
    assert "unexpected ValueError" in err
    assert SECRET not in out + err
    assert "Traceback" not in err


def test_an_error_of_the_system_shows_no_path() -> None:
    ended, _, err = run(PermissionError(13, os.strerror(13), f"/srv/voice/{SECRET}.flac"))
    assert ended == 1
    assert "Permission denied" in err
    assert SECRET not in err


def test_an_interruption_is_130_and_says_that_nothing_is_lost() -> None:
    ended, _, err = run(KeyboardInterrupt())
    assert ended == 130
    assert "goes on" in err


def test_a_message_cannot_move_the_cursor_or_use_markup() -> None:
    _, _, err = run(ExpungeError("\x1b[2J[red]x[/red]", help=""))
    assert "\x1b[2J" not in err
    assert "[red]x[/red]" in err


def test_visible_escapes_what_terminals_obey_and_leaves_letters_alone() -> None:
    assert output.visible("Zoë\x1b[31m\n\u202e.gpj\U000e0041") == "Zoë\\x1b[31m\\x0a\\u202e.gpj\\U000e0041"


def test_every_exit_code_of_an_error_is_in_the_table() -> None:
    def subclasses(kind: type[ExpungeError]) -> set[type[ExpungeError]]:
        return {kind} | {each for sub in kind.__subclasses__() for each in subclasses(sub)}

    known = {code.value for code in exit_codes.MEANING}
    assert {kind.exit_code for kind in subclasses(ExpungeError)} <= known
    assert set(exit_codes.MEANING) == set(exit_codes.Exit)


def test_sizes_and_counts_read_well() -> None:
    assert output.size(0) == "0 B"
    assert output.size(1536) == "1.5 KiB"
    assert output.size(5 * 2**40) == "5.0 TiB"
    assert output.count(1, "copy", "copies") == "1 copy"
    assert output.count(1200, "copy", "copies") == "1,200 copies"


def test_questions_are_refused_where_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nobody:  # noqa: PTH123
        monkeypatch.setattr("sys.stdin", nobody)
        with pytest.raises(UsageError):
            options.confirm("erase?", yes=False)
        options.confirm("erase?", yes=True)
