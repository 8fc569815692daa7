"""A day at a company with doorbells, each deed by a process of its own; then every place that these could write to is searched."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from expunge import clock
from tests.vault.doorbells import ANNA, BELA, CARA, Doorbells, build, path_of
from tests.vault.test_adoption import CLEAR, declare
from tests.vault.test_derivations import DERIVED, sound
from tests.vault.windows import Windows, files_below, files_since

READ = """
import fsspec, sys
with fsspec.filesystem("expunge", purpose="look", map_path=sys.argv[1]).open(sys.argv[2]) as file:
    for at in (0, 70_000, 16_384, 30_000):
        file.seek(at)
        assert len(file.read(20_000)) == 20_000
"""
ELSEWHERE = ("/tmp", "/var/tmp", "/dev/shm")


@dataclass
class Machine:
    """A user of a machine: home, temporaries and the company, all below one folder."""

    folder: Path
    home: Doorbells
    said: list[bytes] = field(default_factory=list)
    """Whatever the processes said."""

    @property
    def environment(self) -> dict[str, str]:
        places = {"HOME": "user", "TMPDIR": "temporary", "XDG_CACHE_HOME": "user/cache", "XDG_CONFIG_HOME": "user/config",
                  "XDG_DATA_HOME": "user/data", "XDG_STATE_HOME": "user/state", "XDG_RUNTIME_DIR": "runtime"}  # fmt: skip
        for place in places.values():
            (self.folder / place).mkdir(parents=True, exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        return {**kept, "NO_COLOR": "1", **{name: str(self.folder / place) for name, place in places.items()}}

    def run(self, *command: str, given: bytes = b"", code: int = 0, **more: str) -> str:
        """Run a Python program in the user's working folder."""
        cwd = self.folder / "work"
        cwd.mkdir(exist_ok=True)
        whole, environment = [sys.executable, *command], {**self.environment, **more}
        done = subprocess.run(whole, cwd=cwd, env=environment, input=given, capture_output=True, timeout=120, check=False)
        self.said += [done.stdout, done.stderr]
        assert done.returncode == code, done.stderr.decode()
        return done.stdout.decode()

    def expunge(self, *arguments: str, given: bytes = b"", code: int = 0, **more: str) -> str:
        """Run the command line."""
        return self.run("-m", "expunge", *arguments, "--map", str(self.home.map), given=given, code=code, **more)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A company with doorbells, what is made from their films, and a folder of recordings from before."""
    home = build(tmp_path / "machine" / "company")
    declare(home)
    home.map.write_text(home.map.read_text() + DERIVED.format(shared="erase"))
    return Machine(tmp_path / "machine", home)


def day(machine: Machine, held: dict[str, bytes]) -> set[Path]:
    """Let a day pass. Return the files that are in the clear on purpose."""
    expunge, camera, given = machine.expunge, machine.folder / "camera.flac", machine.folder / "export"

    def pipe(one: str, name: str, *, code: int = 0, **more: str) -> None:
        fields = ("--field", f"profile_id={one}", "--field", f"recording_id={name}")
        expunge("ingest", "-", "--dataset", "doorbell", *fields, given=held[name], code=code, **more)

    expunge("gate", "publish")
    pipe(ANNA, "r-0")
    camera.write_bytes(held["r-1"])
    expunge("ingest", str(camera), "--dataset", "doorbell", "--field", f"profile_id={BELA}", "--field", "recording_id=r-1")
    for point in ("vault.ingest.data", "vault.ingest.swap"):
        pipe(BELA, "r-2", code=-9, EXPUNGE_FAILPOINT=f"{point}:before=kill")
    pipe(BELA, "r-2")
    for one, name in ((ANNA, "old-1"), (CARA, "old-2")):
        lying = machine.home.folder / "world" / "media" / path_of(one, name)
        lying.parent.mkdir(parents=True, exist_ok=True)
        lying.write_bytes(held[name])
    expunge("vault", "adopt", "doorbell", "--from", CLEAR, code=-9, EXPUNGE_FAILPOINT="vault.ingest.swap:after=kill")
    expunge("vault", "adopt", "doorbell", "--from", CLEAR)
    expunge("gate", "publish")
    for one, name in ((ANNA, "r-0"), (BELA, "r-2")):
        machine.run("-c", READ, str(machine.home.map), f"doorbell/{path_of(one, name)}")
        expunge("vault", "derive", f"doorbell/{path_of(one, name)}", "--to", "waves", "--purpose", "look")
    caption = ("--to", "captions", "--field", "language=en", "--purpose", "look", "--content", "-")
    expunge("vault", "derive", f"doorbell/{path_of(BELA, 'r-2')}", *caption, given=held["caption"])
    expunge("export", f"profile:{BELA}", "--out", str(given))
    order = expunge("order", "erase", f"profile:{ANNA}", "--yes", "--json")
    number = next(part for part in order.split('"') if part.startswith("ord-"))
    expunge("plan", number)
    expunge("apply", number, "--yes", code=-9, EXPUNGE_FAILPOINT="vault.erase.unlink:before=kill")
    expunge("apply", number, "--yes")
    expunge("sweep")
    return {camera, given / "part-1.zip"}


@pytest.mark.soak
def test_after_a_day_no_writable_place_holds_a_window(machine: Machine):
    """Home, temporaries, caches, state and working folder, and the machine's own temporaries: 16 bytes of no recording, made thing or text.

    In the clear are the file that the camera wrote, and what was exported.
    """
    began = clock.timestamp() - 1
    held = {name: sound(90 + number, 9) for number, name in enumerate(("r-0", "r-1", "r-2", "old-1", "old-2"))}
    held["caption"] = os.urandom(20_000).hex().encode()
    meant = day(machine, held)
    windows = Windows(held.values())
    assert windows.lying_in(files_below(machine.folder)) == meant
    assert not any(windows.within(said) for said in machine.said)
    elsewhere = (path for place in ELSEWHERE for path in files_since(Path(place), began, machine.folder))
    assert windows.lying_in(elsewhere) == set()
    for place in _writable(machine):
        place(held["r-2"][4321 : 4321 + 31])
    assert len(windows.lying_in(files_below(machine.folder)) - meant) == 5, "the search sees what lies in any of them"


def _writable(machine: Machine) -> Iterator[Callable[[bytes], int]]:
    for name in ("user/cache", "temporary", "runtime", "work", "company/state"):
        with tempfile.NamedTemporaryFile(dir=machine.folder / name, delete=False) as file:
            yield file.write
