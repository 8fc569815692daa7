"""A voice that may be kept for nothing but the answer: gone at the end, gone when time is over, and nothing of it written anywhere."""

from __future__ import annotations

import gc
import logging
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import ephemeral
from expunge.ephemeral import Kept, answering, lifetimes
from expunge.testing.forked import NOBODY, in_child

SAID = b"where did my grandmother hide the marzipan, asked nobody ever"


LISTENER = """
import sys
from expunge.ephemeral import answering

def told(line):
    print(line, flush=True)
    assert sys.stdin.readline()

secret = bytearray(48)
with open("/dev/urandom", "rb", buffering=0) as source:
    source.readinto(secret)
print(bytes(each ^ 0x55 for each in secret).hex(), flush=True)
with answering() as voice:
    voice.write(secret)
    for at in range(len(secret)):
        secret[at] = 0
    told("listening")
told("answered")
"""


def held(pid: int, secret: bytes) -> int:
    """In how many places of its memory another process holds some bytes."""
    for _ in range(9):
        try:
            return _held(pid, secret)
        except OSError:
            # A stretch was given back between the reading of the list and of the stretch: the list is read anew.
            time.sleep(0.05)
    return _held(pid, secret)


def _held(pid: int, secret: bytes) -> int:
    places = 0
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(each, 16) for each in span.split("-"))
            memory.seek(start)
            places += memory.read(end - start).count(secret)
    return places


@pytest.mark.duty("COP-10")
def test_when_the_answer_is_given_nothing_of_the_voice_is_in_memory() -> None:
    command = [sys.executable, "-u", "-c", LISTENER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        secret = bytes(each ^ 0x55 for each in bytes.fromhex(child.stdout.readline()))
        assert child.stdout.readline() == "listening\n"
        assert held(child.pid, secret) == 1, "once, in the locked memory"
        child.stdin.write("go on\n")
        child.stdin.flush()
        assert child.stdout.readline() == "answered\n"
        assert held(child.pid, secret) == 0
        child.stdin.write("go on\n")
    assert child.returncode == 0


@pytest.mark.duty("COP-10")
@pytest.mark.parametrize(
    "keep",
    [
        pytest.param(lambda folder: (folder / "voice.wav").write_bytes(SAID), id="a file"),
        pytest.param(lambda folder: (folder / "seen").open("a"), id="a file to append to"),
        pytest.param(lambda folder: os.open(folder / "seen", os.O_RDWR), id="a descriptor"),
        pytest.param(lambda folder: logging.getLogger("app").warning("heard %s", "marzipan"), id="a log line"),
        pytest.param(lambda folder: sqlite3.connect(folder / "app.db"), id="a database"),
        pytest.param(lambda folder: subprocess.run(["true"], check=True), id="another process"),
        pytest.param(lambda folder: tempfile.mkstemp(dir=folder), id="a temporary file"),
        pytest.param(lambda folder: (folder / "there").rename(folder / "elsewhere"), id="a new name"),
    ],
)
def test_whatever_would_keep_something_is_refused_and_the_voice_is_gone(tmp_path: Path, keep: Callable[[Path], object]) -> None:
    (tmp_path / "seen").write_bytes(b"")
    (tmp_path / "there").write_bytes(b"")
    before = sorted(tmp_path.iterdir())
    with answering() as voice:
        voice.write(SAID)
        view = voice.view()
        with pytest.raises(Kept, match="keeps nothing"):
            keep(tmp_path)
        assert not any(view), "zeroed before anything was kept"
        with pytest.raises(Kept, match="gone"):
            voice.view()
        with pytest.raises(Kept, match="gone"):
            voice.write(b"more")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "seen").read_bytes() == b""


def test_reading_is_allowed_and_so_is_everything_after_the_block(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"weights")
    with answering() as voice:
        voice.write(SAID)
        assert (tmp_path / "model").read_bytes() == b"weights"
    (tmp_path / "answered").write_text("1")
    logging.getLogger("app").info("answered one request")


def test_another_thread_goes_on_as_it_did(tmp_path: Path) -> None:
    done = []

    def other() -> None:
        (tmp_path / "log").write_text("of somebody else")
        done.append(True)

    with answering() as voice:
        voice.write(SAID)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert bytes(voice.view()) == SAID
    assert done == [True]


@pytest.mark.duty("COP-10")
def test_a_voice_does_not_outlive_its_time_whatever_the_block_does() -> None:
    with answering(within=timedelta(seconds=2)) as voice:
        voice.write(SAID)
        view = voice.view()
        until = time.monotonic() + 60
        while any(view) and time.monotonic() < until:
            time.sleep(0.01)
        assert not any(view)
        with pytest.raises(Kept, match="time is over"):
            voice.view()


def test_an_error_in_the_block_zeroes_it_too() -> None:
    kept: list[memoryview] = []

    def fails() -> None:
        with answering() as voice:
            voice.write(SAID)
            kept.append(voice.view())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert bytes(kept[0]) == bytes(len(SAID))


@pytest.mark.duty("COP-10")
def test_where_memory_cannot_be_locked_there_is_no_block() -> None:
    def child() -> None:
        if os.geteuid() == 0:
            os.setuid(NOBODY)
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
        with pytest.raises(Kept, match="cannot be locked"), answering():
            raise AssertionError

    in_child(child).returned()


LIMIT = 8 << 20
"""Bytes that an ordinary user of Debian may lock: two voices of the usual size."""


def limited(program: Callable[[], object]) -> object:
    """What a function returns in a process of an ordinary user; root may lock as much as it likes."""

    def child() -> object:
        if os.geteuid() == 0:
            os.setuid(NOBODY)
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (LIMIT, LIMIT))
        # What the tests before left behind is not counted, and nothing is given back by luck.
        gc.collect()
        gc.disable()
        return program()

    return in_child(child).returned()


def locked() -> int:
    """Kibibytes of locked memory that the process has now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmLck:"))


def undumped() -> int:
    """Kibibytes of memory that is mapped and left out of core dumps: that of voices, and a little of the system's own."""
    size = total = 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if line.startswith("Size:"):
            size = int(line.split()[1])
        elif line.startswith("VmFlags:") and "dd" in line.split():
            total += size
    return total


@pytest.mark.soak
def test_a_thousand_voices_in_a_row_fit_into_the_memory_an_ordinary_user_may_lock() -> None:
    def program() -> tuple[int, int]:
        before = undumped()
        for _ in range(1000):
            with answering() as voice:
                assert voice.write(SAID) == len(SAID)
                assert locked() == 4 << 10, "this one alone"
        return locked(), undumped() - before

    assert limited(program) == (0, 0), "unlocked, and no longer mapped"


def test_a_voice_that_ended_is_unlocked_however_it_ended_and_whoever_still_looks_at_it() -> None:
    def program() -> int:
        views = []
        for _ in range(3):
            with suppress(ZeroDivisionError), answering() as voice:
                voice.write(SAID)
                views.append(voice.view())
                raise ZeroDivisionError
            with suppress(Kept), answering() as voice:
                voice.write(SAID)
                views.append(voice.view())
                subprocess.run(["true"], check=True)
            with answering(within=timedelta(milliseconds=50)) as voice:
                voice.write(SAID)
                views.append(voice.view())
                while any(views[-1]):
                    time.sleep(0.01)
        assert [bytes(view) for view in views] == [bytes(len(SAID))] * 9, "a view reads as zeros"
        return locked()

    assert limited(program) == 0


def test_a_voice_that_is_refused_leaves_no_memory_behind() -> None:
    def program() -> int:
        with answering(), answering():
            before = undumped()
            for _ in range(20):
                with pytest.raises(Kept, match="cannot be locked"), answering():
                    raise AssertionError
            return undumped() - before

    assert limited(program) == 0


def test_there_is_a_longest_time_and_a_largest_size() -> None:
    for wrong in ({"within": timedelta(minutes=2)}, {"within": timedelta(0)}, {"capacity": 1 << 30}, {"capacity": 0}):
        with pytest.raises(ValueError, match="a minute at most"), answering(**wrong):  # type: ignore[arg-type]
            raise AssertionError
    with answering(capacity=4096) as voice, pytest.raises(Kept, match="more sound"):
        voice.write(bytes(5000))


@pytest.mark.duty("COP-10")
def test_how_long_voices_live_is_told_and_nothing_else() -> None:
    before = sum(lifetimes().values())
    for _ in range(3):
        with answering() as voice:
            voice.write(SAID)
    told = lifetimes()
    assert sum(told.values()) == before + 3
    assert set(told) <= {f"{edge:g}" for edge in ephemeral.EDGES} | {"longer"}


def test_importing_it_watches_nothing() -> None:
    program = "import sys, expunge.ephemeral as e; assert not e._WATCHING; print('quiet')"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "quiet\n"
