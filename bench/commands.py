"""Measures the processor seconds of commands that read, on a company that is new, with compiled modules there.

Beside each is the library that prints help, imported alone. The company is the one of the tutorial: three people, one database, one
folder. Each command runs several times, and the best run counts: other work on a machine only ever adds.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.result import Result

TUTORIAL = Path(__file__).resolve().parent.parent / "docs" / "tutorial" / "first-erasure.md"
ROUNDS = 7
TARGET = 0.5
COMMANDS = (("--help",), ("status",), ("due",), ("locate", "ann@owl.example"), ("hold", "list"), ("log", "policy"))
LIBRARY = ("-c", "import typer.rich_utils")
EXPUNGE = ("-m", "expunge")


def _seconds(folder: Path, *arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr.decode())
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def company(folder: Path) -> None:
    """Make the company of the tutorial, with its keys and state."""
    text = TUTORIAL.read_text(encoding="utf-8")
    (folder / "company.py").write_text(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0])
    (folder / "expunge.yaml").write_text(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    for arguments in (("company.py",), (*EXPUNGE, "init")):
        subprocess.run([sys.executable, *arguments], cwd=folder, check=True, stdout=2)


def run() -> list[Result]:
    """Measure, in turns; half a minute."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        company(folder)
        runs = {" ".join(each): (*EXPUNGE, *each) for each in COMMANDS} | {"": LIBRARY}
        best = dict.fromkeys(runs, float("inf"))
        for _ in range(ROUNDS):
            for each, arguments in runs.items():
                best[each] = min(best[each], _seconds(folder, *arguments))
        library = best.pop("")
        return [
            Result(f"expunge {each}, a new company", ours, "s", library, "typer.rich_utils imported", TARGET, better="lower")
            for each, ours in best.items()
        ]
