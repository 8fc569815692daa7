"""A small company whose state takes lineage in, behind a real ``expunge serve`` in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from expunge.bootstrap.pipelines import LineageDoor
from tests.cli import world
from tests.cli.running import expunge

RUN = "3b452093-782c-4ef2-9c0c-aafe2aa6f34d"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    folder: Path
    process: subprocess.Popen[str]
    url: str
    token: str
    said: Path = field(default=Path())

    def post(self, body: Any, *, path: str = "api/v1/lineage", headers: dict[str, str] | None = None, token: str | None = None) -> Answer:
        """Send; a text or bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token if token is None else token}", **(headers or {})}
        return ask(urllib.request.Request(f"{self.url}{path}", data, {name: value for name, value in sent.items() if value}))

    def get(self, path: str, token: str = "") -> Answer:
        return ask(urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {token}"} if token else {}))

    def stderr(self) -> str:
        return self.said.read_text()


def ask(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


def company(folder: Path, state: str = "") -> str:
    """Make a company with its state, in a database where one is named, and return a token."""
    world.make(folder)
    if state:
        path = folder / "expunge.yaml"
        path.write_text(path.read_text().replace("state: state\n", f"state: {state}\nstate_folder: state\n", 1))
    assert expunge("init", cwd=folder).code == 0
    return issue(folder)


def issue(folder: Path, name: str = "airflow", scope: str = "lineage") -> str:
    ran = expunge("token", "issue", name, "--scope", scope, "--json", cwd=folder)
    assert ran.code == 0, ran.err
    return str(ran.json["text"])


@contextlib.contextmanager
def serving(folder: Path, token: str, *options: str | Path, **environ: str) -> Iterator[Served]:
    """Run the server until the block ends."""
    said = folder / f"stderr-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "expunge", "serve", "--json", "--port", "0", *map(str, options)]
    with (
        said.open("w") as errors,
        subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **environ}, start_new_session=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, said.read_text()
            yield Served(folder, process, json.loads(line)["url"], token, said)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    pytest.fail("the server did not end within 20 s of being asked to")
                # Killed by the story itself, a moment ago; else it ends well.
                assert process.returncode in {0, -signal.SIGKILL}, (process.returncode, said.read_text())
                assert "error:" not in said.read_text()


def table(folder: Path, name: str) -> dict[str, Any]:
    """A table of the company's database, as OpenLineage names it."""
    return {"namespace": f"sqlite://{folder}/world/app.db", "name": name}


def run_event(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """One event of a run that ended well."""
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-03-01T12:00:00.000Z",
        "run": {"runId": RUN},
        "job": {"namespace": "nightly", "name": "summaries"},
        "inputs": inputs,
        "outputs": outputs,
        "producer": "https://example.org/pipeline",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        **changes,
    }


def edges(folder: Path) -> set[tuple[str, str]]:
    """Everything that was seen, by the names of the map or of the pipelines."""
    with contextlib.chdir(folder), LineageDoor.open() as door:
        return {(each.edge.source, each.edge.target) for each in door.edges() if each.edge.seen}
