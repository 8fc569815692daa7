"""What code inside the web process may try. It runs there: a thread of the server's own, which is as closed as those that answer requests.

It is copied beside the planted module, and imports nothing of the tests.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from expunge import clock

DONE = "done"
SAID = {"int": 0, "str": "", "int | None": None, "bool": False, "Name": "", "OrderId": "ord-a", "BearerText": ""}


def plant(look: Callable[[], None]) -> None:
    """Have the next process that is forked run ``look`` in a thread, which one of the threads that answer requests starts."""
    begun = threading.Lock()

    def begin(*_: object) -> None:
        # Why by a profile: a thread that a closed thread starts is closed; one that starts at the fork would not be.
        threading.setprofile(None)
        sys.setprofile(None)
        if begun.acquire(blocking=False):
            threading.Thread(target=look, daemon=True).start()

    os.register_at_fork(after_in_child=lambda: threading.setprofile(begin))


def wait_for(path: str) -> None:
    while not os.path.exists(path):  # noqa: PTH110 - it runs before anything of ours is imported
        time.sleep(0.05)


def tell(to: str, told: object) -> None:
    with socket.socket(socket.AF_UNIX) as out:
        out.connect(to)
        out.sendall(json.dumps(told).encode())


def tried(act: Callable[[], object]) -> str:
    """What came of an act: DONE, or the error's class, and what it says to do."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 - whatever it is, the test judges
        return f"{type(error).__name__}: {getattr(error, 'reason', '') or getattr(error, 'help', '') or error}"
    return DONE


def on_files(said: dict[str, Any]) -> dict[str, str]:
    """Read the keystore, write the journal and whatever else lies in the state folder, and reach beyond the process."""
    state, map_file = Path(said["state"]), Path(said["map"])
    acts: dict[str, Callable[[], object]] = {
        "list keystore": lambda: list((state / "keys").iterdir()),
        "list state": lambda: list(state.iterdir()),
        "read journal": (state / "state.db").read_bytes,
        "write journal": lambda: _write(state / "state.db"),
        "make": lambda: (state / "new").write_bytes(b"x"),
        "make a folder": (state / "newer").mkdir,
        "link": lambda: os.link(state / "state.db", state / "linked"),
        "rename": lambda: (state / "keys").rename(state / "keyz"),
        "remove": (state / ".keystore.lock").unlink,
        "truncate": lambda: os.truncate(state / "gate" / "snapshot", 0),
        "read the map": map_file.read_bytes,
        "write the map": lambda: map_file.open("ab").close(),
        "write beside it": lambda: (map_file.parent / "planted").write_bytes(b"x"),
        "read data": (map_file.parent / "world" / "app.db").read_bytes,
        "run a program": lambda: subprocess.run(["/bin/true"], check=True),
        "connect": lambda: socket.create_connection(("127.0.0.1", said["port"]), timeout=5).close(),
        "read the keeper's memory": lambda: Path(f"/proc/{said['keeper']}/maps").read_bytes(),
        "end the keeper": lambda: os.kill(said["keeper"], signal.SIGKILL),
    }
    if said.get("database"):
        acts["write journal"] = lambda: _write_on_server(said["database"])
        del acts["read journal"], acts["link"], acts["truncate"]
    for path in said["files"]:
        acts[f"append {path}"] = lambda path=path: (state / path).open("ab").write(b"x")
        if path.startswith("keys/"):
            acts[f"read {path}"] = (state / path).read_bytes
    return {name: tried(act) for name, act in acts.items() if name not in said.get("without", ())}


def _write(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE planted (x)")
    database.close()


def _write_on_server(url: str) -> None:
    import psycopg

    with psycopg.connect(url, connect_timeout=5) as database:
        database.execute("CREATE TABLE planted (x int)")


def on_keeper(said: dict[str, Any]) -> dict[str, str]:
    """Ask the keeper every kind of request that no sender's header goes with."""
    from expunge.adapters.keeper.connection import Connections
    from expunge.adapters.keeper.key_requests import KeyDesk
    from expunge.adapters.keeper.requests import Status, Stop
    from expunge.adapters.keeper.vault_requests import NoVault, VaultDesk

    kinds: list[Any] = [*KeyDesk(None).handlers(), *VaultDesk(NoVault()).handlers(), Status]  # type: ignore[arg-type]
    kinds += [Stop] if said.get("stop", True) else []
    told = {}
    for kind in kinds:
        given = {each.name: SAID.get(str(each.type), ()) for each in fields(kind)}
        asked = kind(**given | ({"which": "gate"} if kind.name == "lasting-key" else {}))
        told[kind.name] = tried(lambda asked=asked: Connections(_place(said), 0.0).ask(asked, b"x" if asked.with_body else b""))
    return told


def on_senders(said: dict[str, Any]) -> dict[str, str]:
    """Act for senders: without a token, with those that are good for nothing, and with another's than that whose upload it is."""

    from expunge.adapters.keeper.keeper_senders import KeeperSenders
    from expunge.core.journal.access_tokens import TokenScope
    from expunge.core.lineage.observations import Observation, RunStage
    from expunge.ports.vault.vault_door import UploadClaim

    senders = KeeperSenders(_place(said), 0.0)
    told = {}
    for name, token in said["tokens"].items():
        header = f"Bearer {token}" if token else ""
        seen = Observation("ab" * 16, clock.now(), RunStage.COMPLETE, "n/j", ("s3://a/b",), (f"s3://a/{name.replace(' ', '_')}",))
        claim = UploadClaim(said["upload"], "doorbell", said["recording"], size=4)
        uploads = senders.uploads(header)
        acts: dict[str, Callable[[], object]] = {
            "admit": lambda header=header: senders.admit(header, TokenScope.LINEAGE),
            "take": lambda header=header, seen=seen: senders.take(header, [seen]),
            "append": lambda uploads=uploads: uploads.append_upload(said["upload"], 2, b"yz"),
            "finish": lambda uploads=uploads: uploads.finish_upload(said["upload"]),
            "drop": lambda uploads=uploads: uploads.drop_upload(said["upload"]),
            "begin": lambda uploads=uploads, claim=claim: uploads.begin_upload(claim),
        }
        told |= {f"{act} with {name}": tried(do) for act, do in acts.items()}
    return told


def on_calls(said: dict[str, Any]) -> dict[str, str]:
    """Make calls of the system that no server of pages needs, and three that it does need."""
    inet, at = socket.AF_INET, ("127.0.0.1", said["port"])
    acts: dict[str, Callable[[], object]] = {
        "local socket": lambda: socket.socket(socket.AF_UNIX).close(),
        "mail server": lambda: socket.create_connection(("127.0.0.1", said["mail"]), timeout=5).close(),
        "thread": lambda: threading.Thread(target=int).start(),
        "another port": lambda: socket.create_connection(at, timeout=5).close(),
        "multipath": lambda: socket.socket(inet, socket.SOCK_STREAM, 262).close(),
        "fast open": lambda: _sent(socket.socket(inet, socket.SOCK_STREAM).sendto(b"x", 0x20000000, at)),
        "fast open by a message": lambda: _sent(socket.socket(inet, socket.SOCK_STREAM).sendmsg([b"x"], [], 0x20000000, at)),
        "datagram": lambda: _sent(socket.socket(inet, socket.SOCK_DGRAM).sendto(b"x", at)),
        "raw": lambda: socket.socket(inet, socket.SOCK_RAW, 1).close(),
        "net link": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
        "fork": _fork,
        "run": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        "mode": lambda: os.chmod(said["own"], 0o644),  # noqa: PTH101 - as the call is named
        "owner": lambda: os.chown(said["own"], -1, -1),
        "another's memory": _look_into_itself,
        "trace": lambda: _call("ptrace", 7, 2**22 + 1, 0, 0),
        "bpf": lambda: _call("bpf", 0, 0, 0),
        "userfaultfd": lambda: _call("userfaultfd", 1),
        "io_uring": lambda: _call("io_uring_setup", 0, 0),
        "performance": lambda: _call("perf_event_open", 0, 0, -1, -1, 0),
        "keys": lambda: _call("keyctl", 99, 0, 0, 0, 0),
        "unshare": lambda: _call("unshare", 0),
        "mount": lambda: _call("mount", 0, 0, 0, 0, 0),
    }
    return {name: tried(act) for name, act in acts.items()}


def on_log(said: dict[str, Any]) -> dict[str, Any]:
    """Change the access log in every way that the file system knows; and the descriptors of the process that lead to it."""
    path = said["log"]
    acts: dict[str, Callable[[], object]] = {
        "read": lambda: Path(path).read_bytes(),
        "append": lambda: Path(path).open("ab").close(),
        "write": lambda: os.close(os.open(path, os.O_WRONLY)),
        "truncate": lambda: os.truncate(path, 0),
        "rename": lambda: Path(path).rename(f"{path}.1"),
        "remove": lambda: Path(path).unlink(),
    }
    held = [name for name in os.listdir("/proc/self/fd") if _leads_to(name) == path]  # noqa: PTH208 - a name of each
    return {"descriptors": held} | {name: tried(act) for name, act in acts.items()}


def _leads_to(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - as it is written
    except OSError:
        return ""


_CALLS = {
    "x86_64": {
        "ptrace": 101, "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425, "perf_event_open": 298, "keyctl": 250, "unshare": 272,
        "mount": 165, "process_vm_readv": 310,
    },
    "aarch64": {
        "ptrace": 117, "bpf": 280, "userfaultfd": 282, "io_uring_setup": 425, "perf_event_open": 241, "keyctl": 219, "unshare": 97,
        "mount": 40, "process_vm_readv": 270,
    },
}  # fmt: skip


def _call(name: str, *arguments: int) -> None:
    import ctypes
    import platform

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(_CALLS[platform.machine()][name]), *map(ctypes.c_long, arguments)) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _look_into_itself() -> None:
    import ctypes

    held, read = ctypes.create_string_buffer(b"x" * 8), ctypes.create_string_buffer(8)
    here, there = (ctypes.c_size_t * 2)(ctypes.addressof(read), 8), (ctypes.c_size_t * 2)(ctypes.addressof(held), 8)
    _call("process_vm_readv", os.getpid(), ctypes.addressof(here), 1, ctypes.addressof(there), 1, 0)


def _fork() -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _sent(count: int) -> None:
    assert count == 1


def everything(said: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {"senders": on_senders(said), "keeper": on_keeper(said), "files": on_files(said)}


def below(folder: Path) -> Iterator[str]:
    yield from (str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file())


def _place(said: dict[str, Any]) -> Any:
    from expunge.adapters.keeper.place import KeeperPlace

    return KeeperPlace(Path(said["state"]), Path(said["state"]) / "keys")


if __name__ == "__main__":
    given = json.loads(sys.stdin.read())
    sys.stdout.write(json.dumps({name: globals()[f"on_{name}"](given) for name in given["acts"]}))
