"""Processes that decode are closed: what they try is refused, and the same tries work before they are."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

WAYS = [
    "a TCP socket",
    "a UDP socket",
    "a local socket",
    "fork",
    "look at a file",
    "open a file",
    "run a program",
    "signal another process",
]
HOW = {
    "bare": "closing.close()",
    "renderer": "rendering_process.prepare(with_faces=False)",
    "renderer with faces": "rendering_process.prepare(with_faces=True)",
    "sketcher": "sketching_process.prepare()",
}
RARE = {"bare", "renderer"}
"""What is part of another row."""
PROGRAM = """
import json, os, socket, sys
from expunge.adapters.closed import closing
from expunge.adapters.rendering import rendering_process
from expunge.adapters.sketching import sketching_process

def tries():
    found = {}
    def way(name, act):
        try:
            act()
            found[name] = "done"
        except Exception as error:
            found[name] = type(error).__name__
    way("read /etc/passwd", lambda: open("/etc/passwd").read())
    way("write a file", lambda: open(sys.argv[1], "w").write("x"))
    way("remove a file", lambda: os.unlink(sys.argv[2]))
    way("list a folder", lambda: os.listdir("/"))
    way("connect", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), 1).close())
    way("send a datagram", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)))
    way("local socket", lambda: socket.socketpair())
    way("look into the parent", lambda: open(f"/proc/{os.getppid()}/environ", "rb").read())
    way("limit the parent", lambda: __import__("resource").prlimit(os.getppid(), 7))
    way("start a program", lambda: __import__("subprocess").run(["/bin/true"]))
    return found

before = closing.open_ways(), tries()
open(sys.argv[2], "w").close()
%s
after = closing.open_ways(), tries()
print(json.dumps([before, after]))
"""


@pytest.mark.parametrize("how", [pytest.param(how, marks=[pytest.mark.soak] * (how in RARE)) for how in HOW])
def test_a_closed_process_gets_at_nothing_and_an_open_one_does(how: str, tmp_path: Path) -> None:
    (tmp_path / "goes").touch()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        arguments = [sys.executable, "-c", PROGRAM % HOW[how], str(tmp_path / "made"), str(tmp_path / "goes"), port]
        ended = subprocess.run(
            arguments, env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}, capture_output=True, check=False, timeout=120
        )
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    (ways_before, before), (ways_after, after) = json.loads(ended.stdout.splitlines()[-1])
    assert sorted(ways_before) == WAYS
    assert {name for name, told in before.items() if told != "done"} <= {"limit the parent"}
    assert ways_after == []
    assert "done" not in after.values(), after
    assert (tmp_path / "goes").exists()


def test_a_process_with_another_thread_is_not_closed() -> None:
    program = "import threading, time; threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n"
    program += "from expunge.adapters.closed import closing\nclosing.close()"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    assert b"RuntimeError: a process is closed before it has other threads" in ended.stderr


def test_memory_is_bounded() -> None:
    program = """
from expunge.adapters.closed import closing
closing.close(64 << 20)
held = bytearray(32 << 20)
print("some", flush=True)
held += bytearray(96 << 20)
print("more", flush=True)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    assert (ended.stdout, b"MemoryError" in ended.stderr) == (b"some\n", True)


def test_a_processor_is_bounded() -> None:
    program = "from expunge.adapters.closed import closing\nclosing.close()\nclosing.bound_processor(0)\nwhile True: pass"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=120)
    assert ended.returncode == -24, "SIGXCPU"


def test_every_module_that_decodes_is_there_before_a_process_is_closed() -> None:
    import pkgutil

    import av

    import expunge.adapters.decoding.libraries  # noqa: F401 - it is what is tried

    there = {module.name for module in pkgutil.walk_packages(av.__path__, "av.")}
    missing = {name for name in there - set(sys.modules) if name.rpartition(".")[2] not in {"__main__", "datasets"}}
    assert not missing
