"""A newcomer who does what the tutorial says sees what the tutorial shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.servers.postgres import PostgresServer
from tests.docs import tutorial

ROOT = Path(__file__).resolve().parents[2]
YOUR_OWN = ROOT / "docs/tutorial/your-own-company.md"
TUTORIALS = sorted(set((ROOT / "docs/tutorial").glob("*.md")) - {YOUR_OWN})
HOME = "/home/you/owl"


@pytest.mark.slow
@pytest.mark.parametrize("document", TUTORIALS, ids=lambda path: path.stem)
def test_every_command_prints_what_is_shown(document: Path, tmp_path: Path) -> None:
    prints_what_is_shown(document, tmp_path, {})


@pytest.mark.slow
@pytest.mark.soak
def test_every_command_on_a_database_prints_what_is_shown(postgres_server: PostgresServer, tmp_path: Path) -> None:
    postgres_server.start()
    try:
        prints_what_is_shown(YOUR_OWN, tmp_path, {"OWL_DB": postgres_server.database("owl")})
    finally:
        postgres_server.drop("owl")


def prints_what_is_shown(document: Path, folder: Path, given: dict[str, str], at_least: int = 21) -> None:
    results = tutorial.run(document.read_text(encoding="utf-8"), folder, HOME, given)
    assert len(results) >= at_least
    wrong = [
        f"$ {command.text}\n--- shown\n{tutorial.same(command.output)}\n--- really\n{tutorial.same(output)}"
        for command, output in results
        if tutorial.same(command.output) != tutorial.same(output)
    ]
    again = f"python -m tests.docs.tutorial {document.relative_to(ROOT)} writes the real output into it"
    assert not wrong, "\n\n".join([*wrong, again])


def test_a_number_that_changed_is_not_taken_for_one_that_varies() -> None:
    assert tutorial.same("purge:app: done (9 of 13, 0.1 s)") == tutorial.same("purge:app: done (9 of 13, 2.7 s)")
    assert tutorial.same("purge:app: done (9 of 13, 0.1 s)") != tutorial.same("purge:app: done (9 of 14, 0.1 s)")
    assert tutorial.same("exit code 0") != tutorial.same("exit code 4")


def test_files_and_commands_are_taken_in_their_order() -> None:
    document = (
        "Save this as `a.txt`:\n\n```text\none\n```\n\n```console\n$ cat a.txt\none\n```\n\n"
        "Add this to the end of `a.txt`:\n\n```text\ntwo\n```\n\n```sh\nnot run\n```\n\n"
        "```console\n$ wc -l < a.txt\n$ false; echo $?\n```\n"
    )
    assert list(tutorial.steps(document)) == [
        tutorial.File("a.txt", "one\n", append=False),
        tutorial.Command("cat a.txt", "one\n"),
        tutorial.File("a.txt", "two\n", append=True),
        tutorial.Command("wc -l < a.txt", ""),
        tutorial.Command("false; echo $?", ""),
    ]


def test_output_is_told_apart_by_command(tmp_path: Path) -> None:
    document = "```console\n$ X=5\n$ echo $X; echo to stderr >&2\n$ false; echo $?\n```\n"
    results = tutorial.run(document, tmp_path)
    assert [output for _, output in results] == ["", "5\nto stderr\n", "1\n"]
    filled = "```console\n$ X=5\n$ echo $X; echo to stderr >&2\n5\nto stderr\n$ false; echo $?\n1\n```\n"
    assert tutorial.rewrite(document, results) == filled
