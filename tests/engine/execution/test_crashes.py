"""Kill -9, a full disk and a lost reply at every failpoint that an order passes.

Resumed: the same end, one receipt, one leaf, nothing else touched.

A SIGKILL leaves the files as they are at that moment. So one order runs to its end while its folder is copied at each failpoint, and each
row goes on from its copy. One failpoint of each area is a real kill outside the soak; in the soak every other row is.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from expunge import faults
from expunge.core.values.order import OrderState
from expunge.durable import TEMPORARY_PREFIX
from expunge.errors import ExpungeError
from expunge.faults import ReplyLost
from expunge.testing.forked import in_child
from tests.architecture.failpoints import all_failpoints
from tests.engine.household import ANNA, Household, copy, strings_of
from tests.engine.passes import LIST, Which, carry_on, listed, number, passed, text


def final_state(home: Household) -> dict[str, str]:
    return home.logical()


@dataclass(frozen=True)
class Undisturbed:
    """An order that nothing befell."""

    passes: Mapping[str, int]
    """How often it passed each failpoint."""
    state: Mapping[str, str]
    """How it left the company."""


@pytest.fixture(scope="session")
def undisturbed(template: Household, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    home = copy(template, tmp_path_factory.mktemp("reference") / "home")
    passes = passed(home, carry_on)
    return Undisturbed(passes, final_state(home))


@pytest.fixture
def reference(undisturbed: Undisturbed) -> Mapping[str, str]:
    return undisturbed.state


NAMES = listed()
ALWAYS = ("journal.", "keys.destroy.", "store.erase:", "store.purge:")


READING = ("store.erase:", "store.purge:", "store.locate:", "store.probe:", "store.trace:")
"""Calls of a store between which a sample kills: the others read, as three of these do, and change nothing."""


def sampled(name: str, which: str) -> bool:
    """Whether a kill stays out of the soak: the first pass after each change, and before those that nothing can take back."""
    if name.startswith("store.") and not name.startswith(READING):
        return False
    return which == "first" and (not name.endswith(":before") or name.startswith(ALWAYS) or name.replace(":before", ":after") not in NAMES)


SAMPLE = [name for name in NAMES if sampled(name, "first")]
KILLED = {name.split(".")[0]: name for name in SAMPLE}
"""Area -> its failpoint at which an order is killed outside a soak."""
KILLS = [
    pytest.param(name, which, id=f"{name}-{which}", marks=[] if which == "first" and name in KILLED.values() else pytest.mark.soak)
    for name, passes in NAMES.items()
    for which in passes
]
"""Every failpoint at its first pass, and those passed often also in the middle and at the end."""
STOPS = [name for name in SAMPLE if name not in KILLED.values()]


class Stopped:
    """An order that went on at one path while its folder was copied at the first pass of failpoints."""

    def __init__(self, folder: Path, template: Household) -> None:
        self._home = copy(template, folder / "home")
        self._copies = folder / "copies"
        self._copies.mkdir()
        self._resumed: set[bytes] = set()
        with faults.watch(self._keep):
            carry_on(self._home)

    def _keep(self, name: str) -> None:
        if name in STOPS and not (self._copies / name).exists():
            # In a process of its own: whoever closes a database's file loses the locks that this process has on it.
            subprocess.run(["cp", "--archive", str(self._home.folder), str(self._copies / name)], check=True)

    def resume(self, name: str, reference: Mapping[str, str]) -> None:
        """Go on from a copy at the path where it was made, and check the end; from files that are the same to the byte only once."""
        copied = self._copies / name
        files = _digest(copied)
        if files in self._resumed:
            return
        shutil.rmtree(self._home.folder)
        shutil.copytree(copied, self._home.folder, symlinks=True)
        carry_on(self._home)
        assert_ended_well(self._home, reference)
        self._resumed.add(files)


def _digest(folder: Path) -> bytes:
    """Return a digest of the names, modes, times and contents of all files under a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found.update(repr((str(path.relative_to(folder)), status.st_mode, status.st_mtime_ns, len(content))).encode() + content)
    return found.digest()


@pytest.fixture(scope="session")
def stopped(template: Household, tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    return Stopped(tmp_path_factory.mktemp("stopped"), template)


def assert_ended_well(home: Household, reference: Mapping[str, str]) -> None:
    with home.open() as opened:
        (run,) = opened.orders()
        assert run.state is OrderState.FULFILLED
        assert run.key_destroyed
        assert len(run.history) == 1, "one receipt"
        assert opened.context.log.head().size == 1, "one leaf"
        assert opened.receipt_folder(run.order)
    assert home.search(*strings_of(ANNA), "parent@example.org") == []
    assert final_state(home) == reference, "something else was touched"
    assert [each for each in home.folder.rglob(f"{TEMPORARY_PREFIX}*") if "state" not in each.parts] == [], (
        "a temporary was left in the world"
    )


@pytest.mark.parametrize(("name", "which"), KILLS)
def test_killed_at_a_failpoint_and_resumed(name: str, which: Which, home: Household, undisturbed: Undisturbed) -> None:
    at = number(which, undisturbed.passes[name])

    def doomed() -> None:
        with faults.arm(name, "kill", at):
            carry_on(home)

    ended = in_child(doomed)
    assert ended.killed_by == 9, ended.error or "the failpoint was not passed"
    carry_on(home)
    assert_ended_well(home, undisturbed.state)


@pytest.mark.parametrize("name", STOPS)
def test_stopped_at_a_failpoint_and_resumed(name: str, stopped: Stopped, reference: Mapping[str, str]) -> None:
    stopped.resume(name, reference)


WITHIN = ("store.", "journal.append:", "journal.begin:", "journal.register:")
"""Around whole calls, where no operating system error arises: those arise at the points inside, which are in the table."""
FULL = [name for name in NAMES if name.endswith(":before") and not name.startswith(WITHIN)]
AFTER_DATA = (".swap:before", ".folder:before", ".name:before")
"""Follow a write of data that can fail in the same way: left to the soak."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.soak if name.endswith(AFTER_DATA) else []) for name in FULL])
def test_a_full_disk_is_said_and_nothing_is_lost(name: str, home: Household, reference: Mapping[str, str]) -> None:
    said: ExpungeError | None = None
    try:
        with faults.arm(name, "full"):
            carry_on(home)
    except ExpungeError as error:
        said = error
    except OSError as error:
        pytest.fail(f"a bare operating system error reached the caller: {errno.errorcode[error.errno or 0]}")
    assert said is None or said.help, "an error says what to do"
    carry_on(home)
    if_in_part_then_done(home, reference)


LOST = [name for name in NAMES if name in ("store.erase:after", "store.purge:after", "store.probe:after")]


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_lost_reply_is_settled_by_looking(name: str, at: int, home: Household, reference: Mapping[str, str]) -> None:
    try:
        with faults.arm(name, "lost", at):
            carry_on(home)
    except ReplyLost:
        pytest.fail("a lost reply reached the caller")
    assert_ended_well(home, reference)


def if_in_part_then_done(home: Household, reference: Mapping[str, str]) -> None:
    """A full disk may have ended the first round in part, with a receipt that says so; then there are two receipts."""
    with home.open() as opened:
        (run,) = opened.orders()
        assert run.state is OrderState.FULFILLED
        assert len(run.history) == opened.context.log.head().size
        assert len(run.history) <= 2
    assert home.search(*strings_of(ANNA), "parent@example.org") == []
    assert final_state(home) == reference


def test_every_failpoint_of_an_order_is_in_the_code_and_was_killed(undisturbed: Undisturbed) -> None:
    again = f"python -m {carry_on.__module__} writes the list anew"
    assert text(undisturbed.passes) == LIST.read_text(), again
    assert set(NAMES) <= set(all_failpoints())
    assert len(NAMES) > 60, "an order passes that many places where durability changes"
