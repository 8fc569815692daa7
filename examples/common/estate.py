"""A folder with stores, a data map and the command line, as an operator has them; and what was expected of all that and did not come."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from expunge.demo.company.narration import Narrator
from expunge.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
MARK = ".expunge-example"
"""A folder with such a file was made by an example, and may be made anew by one."""
_ORDER = re.compile(r"ord-[a-z2-7]{20}")


class CommandFailed(RuntimeError):
    """A command of the story ended otherwise than it has to."""


@dataclass
class Estate:
    """One example's folder."""

    folder: Path
    narrator: Narrator = field(default_factory=Narrator)
    checks: list[tuple[bool, str]] = field(default_factory=list)
    """What was looked at, and whether it was as it must be."""

    @property
    def map(self) -> Path:
        """The data map."""
        return self.folder / "expunge.yaml"

    @property
    def world(self) -> Path:
        """Where the stores lie."""
        return self.folder / "world"

    def cost(self) -> str:
        """What it took so far: seconds of processor, of this process and those that it started and that have ended, and by the clock."""
        spent = sum(each.ru_utime + each.ru_stime for each in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
        return f"{spent:.0f} s of processor time, {self.narrator.seconds:.0f} s by the clock"

    @property
    def failures(self) -> list[str]:
        """Checks that did not hold."""
        return [text for good, text in self.checks if not good]

    def expect(self, good: bool, text: str) -> None:
        """Note a check; one that does not hold makes the example end with exit code 1."""
        self.narrator.point(text, good=good)
        self.checks.append((bool(good), text))

    def environment(self) -> dict[str, str]:
        """For commands: the examples can be imported by them, wherever they run."""
        return {**os.environ, "NO_COLOR": "1", "COLUMNS": "104", "PYTHONPATH": str(ROOT)}

    def python(self, *arguments: str) -> str:
        """Run Python in a fresh process; its standard output. Raises CommandFailed."""
        return self._run([sys.executable, *arguments])

    def ask(self, module: str, dataset: str, out: Path) -> str:
        """Have a command of the map make a thing from nothing in a fresh process; hex SHA-256 of what it made. Raises CommandFailed."""
        out.parent.mkdir(parents=True, exist_ok=True)
        request = {"schema": "expunge.remake/1", "dataset": dataset, "out": str(out), "report": str(out.with_suffix(".report.json"))}
        self._run([sys.executable, "-m", module], json.dumps(request))
        return sha256(out.read_bytes()).hexdigest()

    def expunge(self, *arguments: str) -> str:
        """Run a command of Expunge in this folder, show it, return its standard output. Raises CommandFailed."""
        self.narrator.command(shlex.join(["expunge", *arguments]))
        return self._run([sys.executable, "-m", "expunge", *arguments])

    def erase(self, name: str, receipts: str = "receipts") -> Erased:
        """Receive an order for one person, plan it, carry it out, and have its receipt checked against keys that were published before.

        Raises CommandFailed where any of it does not end as it must.
        """
        self.expunge("check")
        self.expunge("init")
        (self.folder / "published-policy.txt").write_text(self.expunge("log", "policy"), "utf-8")
        said = self.expunge("order", "erase", name, "--yes", "--openings", "for-them")
        found = _ORDER.search(said)
        if found is None:
            message = f"no order was received: {said.strip()}"
            raise CommandFailed(message)
        order = found.group()
        plan = self.expunge("plan", order)
        applied = self.expunge("apply", order, "--yes", "--out", receipts)
        shutil.copyfile(self.folder / "for-them/1/opening.json", self.folder / receipts / "1/opening.json")
        verified = self.expunge("receipt", "verify", f"{receipts}/1", "--trust", "published-policy.txt")
        shown = self.expunge("receipt", "show", f"{receipts}/1")
        return Erased(order, plan, applied, verified, shown)

    def _run(self, command: list[str], said: str = "") -> str:
        environment = self.environment()
        done = subprocess.run(command, cwd=self.folder, env=environment, input=said, capture_output=True, text=True, check=False)
        if done.returncode:
            told = f"{done.stdout.strip()}\n{done.stderr.strip()}".strip()[-2000:]
            message = f"{shlex.join(command[1:4])} ended with exit code {done.returncode}: {told}"
            raise CommandFailed(message)
        return done.stdout


@dataclass(frozen=True)
class Erased:
    """What the commands of one order printed."""

    order: str
    plan: str
    applied: str
    verified: str
    shown: str


def prepare(folder: Path) -> Estate:
    """An empty folder for an example: a new one, an empty one, or that of an earlier run, which is emptied.

    Raises UsageError for a folder that holds something else.
    """
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        message = f"{folder} is not a folder"
        raise UsageError(message, help="name a new or an empty one")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            message = f"{folder} is not empty, and no example made it"
            raise UsageError(message, help="name a new or an empty one")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    return Estate(folder)


def main(perform: Callable[[Estate, bool], None], about: str) -> int:
    """``OUT [--small]`` of the command line; 0 when every check held, 1 when one did not, 2 for what cannot be done.

    Args:
        perform: fills the folder; told whether it should be small.
        about: one line for ``--help``.
    """
    import argparse

    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("folder", type=Path, metavar="OUT", help="where everything is put: a new folder, or that of an earlier run")
    parser.add_argument("--small", action="store_true", help="fewer people and shorter training: to see that it works, not what comes out")
    given = parser.parse_args()
    try:
        estate = prepare(given.folder)
        perform(estate, given.small)
    except UsageError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"help: {error.help}\n" if error.help else ""))
        return 2
    except ImportError as error:
        sys.stderr.write(f"error: {error}\nhelp: install expunge[examples,faiss], or run `make env` in a clone of the source\n")
        return 2
    except CommandFailed as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    estate.narrator.point(estate.cost())
    estate.narrator.box("To be read", str(estate.folder / "index.html"))
    return 1 if estate.failures else 0
