"""Runs a server with code planted in its web process, and hears what that code tells."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from expunge.adapters.host import landlock
from tests.adapters.keeper import memory
from tests.moment import beside, planted
from tests.web import acts
from tests.web.serving import Served, serving

needs_landlock = pytest.mark.skipif(landlock.version() < 6, reason="the kernel has no Landlock of version 6")
_PLANTED = """
import json, sys
sys.path.insert(0, {here!r})
import acts
{more}

def look():
    acts.wait_for({go!r})
{look}

acts.plant(look)
"""


@dataclass
class Inside:
    """A folder with planted code, and the ear of the test."""

    folder: Path
    to: str
    told: bytearray = field(default_factory=bytearray)
    _hearing: threading.Thread | None = None

    def plant(self, look: str, more: str = "") -> None:
        """Plant the body of a function, which may call ``acts`` and sends to ``TO``."""
        for module in (acts, memory):
            shutil.copy(str(module.__file__), self.folder)
        text = planted(_PLANTED.format(here=str(self.folder), go=str(self.folder / "go"), more=f"TO = {self.to!r}\n{more}", look=look))
        (self.folder / "sitecustomize.py").write_text(text)
        compile(text, "sitecustomize.py", "exec")

    def heard(self, said: object = None) -> bytes:
        """Let the planted code begin, with what it may know, and return all that it told."""
        (self.folder / "said").write_text(json.dumps(said))
        (self.folder / "go").touch()
        assert self._hearing is not None
        self._hearing.join(120)
        assert not self._hearing.is_alive(), "the planted code told nothing"
        return bytes(self.told)


@contextlib.contextmanager
def listening() -> Iterator[Inside]:
    """Make a folder for planted code, whose path is short enough for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="in-", dir="/tmp") as name, socket.socket(socket.AF_UNIX) as ear:
        folder = Path(name)
        folder.chmod(0o755)
        inside = Inside(folder, f"{name}/ear")
        ear.bind(inside.to)
        Path(inside.to).chmod(0o666)
        ear.listen()

        def hear() -> None:
            with ear.accept()[0] as connection:
                while data := connection.recv(2**20):
                    inside.told.extend(data)

        inside._hearing = threading.Thread(target=hear, daemon=True)
        inside._hearing.start()
        yield inside


@contextlib.contextmanager
def infested(home: Path, token: str, inside: Inside) -> Iterator[Served]:
    """Run the server with the planted code, until its web process has answered once."""
    with serving(home, token, PYTHONPATH=beside(inside.folder)) as served:
        assert served.get("healthz").status == 200
        yield served


TELLS_ALL = "    said = json.load(open({said!r}))\n    acts.tell(TO, acts.everything(said))"


def outside(said: dict[str, Any], *names: str) -> dict[str, dict[str, str]]:
    """The same acts, in a process of the same user that is no web process."""
    given = json.dumps({**said, "acts": names})
    ran = subprocess.run([sys.executable, acts.__file__], input=given, capture_output=True, text=True, check=True)
    told: dict[str, dict[str, str]] = json.loads(ran.stdout)
    return told
