"""Code that runs inside the web process looks for keys in its memory and its open files, and finds none.

Whatever it reads goes to the test, which judges: a needle that were handed to the process would be found in it.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from expunge.adapters.keys import key_files
from expunge.adapters.keys.local_keystore import open_keystore
from tests.adapters.keeper import memory
from tests.vault.doorbells import build, speech
from tests.web.sending import Sending
from tests.web.serving import Served, issue

INSIDE = '''
"""Runs in the web process: a thread that reads all there is and sends it out."""
import os, socket, stat, sys, threading, time
sys.path.insert(0, {here!r})
from memory import readable
planted = [open({planted!r}, "rb").read().hex()]
opened = open({opened!r}, "rb")

def look():
    while not os.path.exists({go!r}):
        time.sleep(0.05)
    out = socket.socket(socket.AF_UNIX)
    out.connect({to!r})
    for part in readable("self"):
        out.sendall(part)
    for name in os.listdir("/proc/self/fd"):
        try:
            with open("/proc/self/fd/" + name, "rb") as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    out.sendall(file.read())
        except OSError:
            pass
    out.close()

os.register_at_fork(after_in_child=lambda: threading.Thread(target=look, daemon=True).start())
'''


def test_code_inside_the_web_process_finds_no_key_in_memory_or_open_files(tmp_path: Path) -> None:
    """Nor the key of a recording that came in through it, or of one that is coming in."""
    home = build(tmp_path / "home")
    token = issue(home.folder, "camera", "ingest")
    folder = tmp_path / "inside"
    folder.mkdir()
    control, lying = secrets.token_bytes(32), secrets.token_bytes(32)
    (folder / "planted").write_bytes(control)
    (folder / "opened").write_bytes(lying)
    (folder / "memory.py").write_text(Path(memory.__file__).read_text())
    # Why no file: the path of a folder of a test may be longer than the name of a socket.
    out = f"\0expunge-test-{secrets.token_hex(8)}"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(out)
    listening.listen()
    names = {"here": folder, "planted": folder / "planted", "opened": folder / "opened", "go": folder / "go", "to": out}
    (folder / "sitecustomize.py").write_text(INSIDE.format(**{name: str(path) for name, path in names.items()}))
    told = bytearray()

    def hear() -> None:
        with listening, listening.accept()[0] as connection:
            while data := connection.recv(2**20):
                told.extend(data)

    hearing = threading.Thread(target=hear)
    hearing.start()
    command = [sys.executable, "-m", "expunge", "serve", "--port", "0", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    with subprocess.Popen(command, cwd=home.folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            served = Served(home.folder, process, json.loads(process.stdout.readline())["url"], token)
            taken, halfway = Sending(served, speech(0)).whole(), Sending(served, speech(1))
            assert (taken.status, halfway.part(0, 40_000).status) == (201, 202)
            (folder / "go").touch()
            hearing.join(60)
            assert not hearing.is_alive()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    assert control.hex().encode() in told, "the control: a key that lies in its memory is found"
    assert lying in told, "the control: so is one in an open file"
    keys = open_keystore(home.folder / "state" / "keys")
    held = [keys._root, keys.pseudonym_key(), keys.gate_key(), keys.index_key(), keys.vault_key()]
    for place in ("signer-1.key", "log-1.key"):
        wrapped = (home.folder / "state" / "keys" / place).read_bytes()
        key = key_files.unwrap(keys._root, place, wrapped)
        held += [key[:32], key[32:]] if len(key) > 32 else [key]
    with home.open() as opened:
        held.append(opened.vault.vaults.table().key(bytes.fromhex(taken.json["recording"])))
    # Why not by name: what is found would be shown.
    assert [number for number, key in enumerate(held) if any(needle in told for needle in memory.forms(key))] == []
