"""A process that closed itself opens what it named, and nothing else: no file, no program, no connection, no way out through a child."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from expunge.adapters.host import landlock
from expunge.testing.forked import in_child
from tests.fresh_process import in_fresh_process

pytestmark = pytest.mark.skipif(landlock.version() < 6, reason="the kernel has no Landlock of version 6")


def tried(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"


@pytest.fixture
def world(tmp_path: Path) -> Path:
    for name in ("open", "own", "shut"):
        (tmp_path / name / "below").mkdir(parents=True)
        (tmp_path / name / "file").write_text(name)
        (tmp_path / name / "below" / "file").write_text(name)
    return tmp_path


def acts(folder: Path) -> dict[str, Callable[[], object]]:
    return {
        "read": (folder / "below" / "file").read_bytes,
        "list": lambda: list(folder.iterdir()),
        "write": lambda: (folder / "file").open("ab").close(),
        "make": lambda: (folder / "made").write_bytes(b""),
        "truncate": lambda: os.truncate(folder / "file", 0),
        "rename": lambda: (folder / "below" / "file").rename(folder / "below" / "moved"),
        "remove": (folder / "file").unlink,
        "make a folder": (folder / "folder").mkdir,
    }


@in_fresh_process
def test_what_is_named_stays_open_and_all_else_is_shut(world: Path) -> None:
    def closed() -> dict[str, dict[str, str]]:
        landlock.close([world / "open", world / "shut" / "file", world / "is not there"], [world / "own"])
        return {name: {act: tried(do) for act, do in acts(world / name).items()} for name in ("open", "own", "shut")} | {
            "file": {"read": tried((world / "shut" / "file").read_bytes), "write": tried(lambda: (world / "shut" / "file").open("r+"))}
        }

    told = in_child(closed).returned()
    refused = dict.fromkeys(acts(world), "PermissionError")
    assert told["shut"] == refused
    assert told["open"] == refused | {"read": "done", "list": "done"}
    assert set(told["own"].values()) == {"done"}
    assert told["file"] == {"read": "done", "write": "PermissionError"}
    assert {tried(do) for do in acts(world / "shut").values()} == {"done"}, "the control: outside nothing is shut"


@in_fresh_process
def test_programs_connections_and_signals_are_shut_also_for_threads_and_children(world: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        port, parent = elsewhere.getsockname()[1], os.getpid()

        def beyond() -> dict[str, str]:
            return {
                "program": tried(lambda: subprocess.run(["/bin/true"], check=True)),
                "connection": tried(lambda: socket.create_connection(("127.0.0.1", port), timeout=5).close()),
                "port": tried(lambda: socket.create_server(("127.0.0.1", 0)).close()),
                "signal": tried(lambda: os.kill(parent, 0)),
                "read": tried((world / "shut" / "file").read_bytes),
            }

        def closed() -> list[dict[str, str]]:
            landlock.close([world / "open", Path("/usr"), Path("/bin"), Path("/lib")])
            told = [beyond(), in_child(beyond).returned()]
            thread = threading.Thread(target=lambda: told.append(beyond()))
            thread.start()
            thread.join()
            return told

        assert in_child(closed).returned() == [dict.fromkeys(beyond(), "PermissionError")] * 3
        assert beyond() == dict.fromkeys(beyond(), "done")


@in_fresh_process
def test_an_open_file_stays_open_and_a_child_can_be_ended(world: Path) -> None:
    def closed() -> tuple[bytes, int]:
        held = os.open(world / "shut" / "file", os.O_RDONLY)
        landlock.close([])
        child = os.fork()
        if not child:
            signal.pause()
        os.kill(child, signal.SIGKILL)
        return os.read(held, 10), os.waitpid(child, 0)[1]

    assert in_child(closed).returned() == (b"shut", signal.SIGKILL)


def test_a_process_with_other_threads_is_not_said_to_be_closed(world: Path) -> None:
    def late() -> None:
        over = threading.Event()
        threading.Thread(target=over.wait, daemon=True).start()
        try:
            landlock.close([world])
        finally:
            over.set()

    assert "those would stay open" in in_child(late).error
