"""Reads a tutorial: files to save and console sessions, in the order in which they stand; runs them; writes down what came out.

``python -m tests.docs.tutorial FILE.md`` runs a tutorial and puts the real output into it. Where the tutorial needs a database, ``OWL_DB``
holds the address of an empty one that is named ``owl``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
    r"(?:(?P<how>Save this as|Add this to the end of) `(?P<file>[^`]+)`:\n\n)?```(?P<kind>\w+)\n(?P<body>.*?)^```", re.DOTALL | re.MULTILINE
)
MARK = "\x01"

VARYING = (
    (re.compile(r"short code: [A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}"), "short code: CODE"),
    (re.compile(r"ord-[a-z2-7]{20}"), "ord-ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z| UTC)"), "TIME"),
    (re.compile(r"SHA256:[A-Za-z0-9+/]{43}"), "FINGERPRINT"),
    (re.compile(r"expunge\.local/[0-9a-f]{16}"), "LOG"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ACCOUNT"),
    (re.compile(r"user \w+ at the machine"), "user NAME at the machine"),
    (re.compile(r"\d+\.\d s\b|about \d+ s\b"), "SECONDS"),
    (re.compile(r"\d+\.\d [MG]iB"), "SIZE"),
    (re.compile(r"python: 3\.\d+\.\d+"), "python: VERSION"),
    (re.compile(r"\d+ of \d+ usable traces"), "TRACES"),
    (re.compile(r"wav at \d+, "), "wav at OFFSET, "),
    (re.compile(r"━+"), "━"),
    (re.compile(r" +│"), " │"),
)
"""What differs from run to run, and what stands for it in a comparison."""


@dataclass(frozen=True)
class Command:
    """One line of a console session."""

    text: str
    output: str


@dataclass(frozen=True)
class File:
    """Something to save, or to add to the end of a file."""

    name: str
    text: str
    append: bool


def steps(document: str) -> Iterator[Command | File]:
    """What a reader does, in order. Blocks that are neither a session nor a file to save are read only."""
    for match in BLOCK.finditer(document):
        if match["how"]:
            yield File(match["file"], match["body"], append=match["how"].startswith("Add"))
        elif match["kind"] == "console":
            yield from commands(match["body"])


def commands(body: str) -> Iterator[Command]:
    """The commands of one session, each with the output shown below it."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        text, _, output = part.partition("\n")
        yield Command(text, output)


def run(document: str, folder: Path, here: str = "", given: Mapping[str, str] | None = None) -> list[tuple[Command, str]]:
    """Do everything in one shell, in an empty folder; return each command with its real output.

    Args:
        document: the tutorial.
        folder: an empty folder, shown as ``here`` in the output.
        here: a name for it.
        given: variables of the environment that the reader has set before.
    """
    asked = [each for each in steps(document) if isinstance(each, Command)]
    script = "".join(_line(each) for each in steps(document))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8", **(given or {})}
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"], cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    outputs = [each.removeprefix("\n") for each in done.stdout.split(MARK)[1:]]
    assert len(outputs) == len(asked), f"the shell stopped at command {len(outputs)}: {done.stdout[-2000:]}"
    return [(command, output.replace(str(folder), here)) for command, output in zip(asked, outputs, strict=True)]


def _line(step: Command | File) -> str:
    if isinstance(step, Command):
        return f"printf '{MARK}\\n'\n{step.text}\n"
    return f"cat {'>>' if step.append else '>'} {step.name} <<'END-OF-FILE'\n{step.text}END-OF-FILE\n"


def same(text: str) -> str:
    """The text with everything that varies replaced; a line that then stands twice in a row (places of residue) stands once."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return "\n".join(line for line, before in zip(lines, ["", *lines], strict=False) if line != before or not line)


def rewrite(document: str, results: list[tuple[Command, str]]) -> str:
    """The document with real output in its sessions."""
    left = iter(results)

    def block(match: re.Match[str]) -> str:
        if match["kind"] != "console" or match["how"]:
            return match[0]
        body = ""
        for command in commands(match["body"]):
            _, output = next(left)
            kept = "\n".join(line.rstrip() for line in output.strip("\n").splitlines())
            body += f"$ {command.text}\n" + (f"{kept}\n" if kept else "")
        return f"```console\n{body}```"

    return BLOCK.sub(block, document)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        target = Path(name)
        with tempfile.TemporaryDirectory() as scratch:
            text = target.read_text(encoding="utf-8")
            set_before = {key: value for key, value in os.environ.items() if key == "OWL_DB"}
            target.write_text(rewrite(text, run(text, Path(scratch).resolve(), "/home/you/owl", set_before)), encoding="utf-8")
