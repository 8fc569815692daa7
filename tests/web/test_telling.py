"""After an order, whoever keeps lineage hears what was erased: an OpenLineage event with a facet that has a published schema."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema

from expunge.core.lineage.observations import Observation
from expunge.core.lineage.openlineage import read
from tests.cli.running import Ran, expunge
from tests.web.serving import company

PAGE = Path(__file__).parents[2] / "docs/spec/erase-facet.md"


class Keeper(ThreadingHTTPServer):
    """Keeps what it is told, or refuses it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.heard: list[tuple[str, str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api/v1/lineage"


class _Handler(BaseHTTPRequestHandler):
    server: Keeper

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, self.headers.get("Authorization", ""), json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def keeping() -> Iterator[Keeper]:
    with Keeper() as keeper:
        thread = threading.Thread(target=keeper.serve_forever)
        thread.start()
        try:
            yield keeper
        finally:
            keeper.shutdown()
            thread.join()


def with_emission(folder: Path, url: str) -> None:
    company(folder)
    path = folder / "expunge.yaml"
    path.write_text(f"{path.read_text()}lineage:\n  emit: {{url: {url}, token: a-token}}\n")


def erased(folder: Path) -> tuple[str, Ran]:
    order = expunge("order", "erase", "profile:p-mia", "--yes", "--json", cwd=folder).json["order"]
    assert expunge("plan", order, cwd=folder).code == 0
    return order, expunge("apply", order, "--yes", cwd=folder)


def test_what_was_erased_is_told_with_a_facet_that_fits_its_schema_and_names_nobody(tmp_path: Path) -> None:
    with keeping() as keeper:
        with_emission(tmp_path, keeper.url)
        order, ran = erased(tmp_path)
        assert ran.code == 0, ran.err
        assert expunge("lineage", "tell", cwd=tmp_path).code == 0
    ((path, authorization, event),) = keeper.heard
    assert (path, authorization) == ("/api/v1/lineage", "Bearer a-token")
    media = f"{tmp_path}/world/media/voice"
    named = {each["name"]: each["facets"] for each in event["outputs"]}
    assert {name.rpartition("/")[2] for name in named} == {"main.profiles", "voice", "main.transcripts"}
    assert media in named
    assert {each["namespace"] for each in event["outputs"]} == {"sqlite", "file"}
    schema = json.loads(re.search(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)[1])  # type: ignore[index]
    for facets in named.values():
        jsonschema.validate(facets, schema)
        assert (facets["expungeErase"]["order"], facets["expungeErase"]["subjects"]) == (order, 1)
    assert named[media]["expungeErase"]["items"] == 2
    assert not re.search("p-mia|rec-m|thistlewood", json.dumps(event), re.IGNORECASE)
    assert isinstance(read(event), Observation)
    assert uuid.UUID(event["run"]["runId"]).version == 8


def test_an_order_does_not_wait_for_a_service_that_refuses_and_tells_it_later(tmp_path: Path) -> None:
    with keeping() as keeper:
        with_emission(tmp_path, keeper.url)
        keeper.status = 302
        _, ran = erased(tmp_path)
        assert ran.code == 0, ran.err
        refused = expunge("lineage", "tell", cwd=tmp_path)
        assert (refused.code, "1 order not told" in refused.out) == (1, True)
        keeper.status = 201
        assert expunge("lineage", "tell", cwd=tmp_path).code == 0
        assert expunge("lineage", "tell", cwd=tmp_path).code == 0
    first, second, third = (event for _, _, event in keeper.heard)
    assert first == second == third


def test_nobody_is_told_unless_the_map_says_so(tmp_path: Path) -> None:
    company(tmp_path)
    assert erased(tmp_path)[1].code == 0
    ran = expunge("lineage", "tell", cwd=tmp_path)
    assert (ran.code, "lineage: {emit:" in ran.err) == (2, True)
