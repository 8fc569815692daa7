"""The children of the shipped suites: forks of this process, and forks of a fresh interpreter that never used what this one used."""

from __future__ import annotations

import os
import signal
import tempfile
from functools import partial
from pathlib import Path

import pytest

from expunge.testing import forked, fresh
from expunge.testing.forked import Begin, alongside, without_rights

USED: list[str] = []
"""What this process has used."""
KINDS = pytest.mark.parametrize("begin", [forked.start, fresh.start], ids=["forked", "fresh"])


def answer(value: object) -> object:
    return value


def fail() -> None:
    message = "why it failed"
    raise ValueError(message)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_in(folder: Path) -> str:
    (folder / "here").touch()
    while not (folder / "stop").exists():
        signal.sigtimedwait((), 0.01)
    return "stopped"


def used() -> tuple[list[str], int]:
    return USED, os.getppid()


def read_and_write(folder: Path) -> tuple[str, int]:
    text = (folder / "there").read_text()
    with pytest.raises(PermissionError):
        (folder / "new").touch()
    return text, os.geteuid()


class Unpicklable:
    def __reduce__(self):
        return fail, ()


@KINDS
def test_a_child_answers_however_it_ends(begin: Begin) -> None:
    assert begin(partial(answer, b"x" * 3_000_000)).wait().returned() == b"x" * 3_000_000
    ended = begin(fail).wait()
    assert (ended.killed_by, ended.value) == (0, None)
    assert "ValueError: why it failed" in ended.error
    assert begin(die).wait().killed_by == signal.SIGKILL


@KINDS
def test_children_run_side_by_side_and_are_killed_where_the_block_fails(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "stop").touch()
    waiting = [begin(partial(wait_in, tmp_path)) for _ in range(3)]
    assert [each.wait().returned() for each in waiting] == ["stopped"] * 3
    (tmp_path / "stop").unlink()
    with pytest.raises(ZeroDivisionError), alongside(partial(wait_in, tmp_path), begin) as child:
        raise ZeroDivisionError
    assert not Path(f"/proc/{child.pid}").exists()


@pytest.mark.root
@KINDS
def test_without_rights_a_child_may_read_and_change_nothing(begin: Begin) -> None:
    # Not below pytest's own folder, which is closed to others.
    with tempfile.TemporaryDirectory(prefix="expunge-children-") as name:
        folder = Path(name)
        (folder / "there").write_text("text")
        (folder / "there").chmod(0o600)
        who = forked.NOBODY if os.geteuid() == 0 else os.geteuid()
        assert without_rights(folder, partial(read_and_write, folder), begin).returned() == ("text", who)
        assert (folder / "there").stat().st_mode & 0o777 == 0o600


def test_a_fresh_child_has_nothing_of_what_this_process_used() -> None:
    USED.append("an engine")
    assert forked.start(used).wait().returned() == (["an engine"], os.getpid())
    begun, parent = fresh.start(used).wait().returned()
    assert begun == []
    assert parent != os.getpid()


def test_what_cannot_be_made_in_a_fresh_interpreter_is_the_answer() -> None:
    assert "why it failed" in fresh.start(partial(answer, Unpicklable())).wait().error
    assert fresh.start(partial(answer, 7)).wait().returned() == 7
