"""``expunge serve`` over real HTTP: what it takes, what it refuses, and what it never says."""

from __future__ import annotations

import gzip
import json
import socket
import time
import uuid
import zlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from expunge.web.guarding import FAILURES
from tests.cli.running import expunge
from tests.web.serving import Answer, Served, company, edges, issue, run_event, serving, table

NAME = "Ada Quillfeather of Larkspur Lane"


def fresh(served: Served, source: str = "transcripts", target: str = "summaries", **changes: Any) -> dict[str, Any]:
    """An event of a run of its own."""
    ends = [table(served.folder, source)], [table(served.folder, target)]
    return run_event(*ends, run={"runId": str(uuid.uuid4())}, **changes)


def test_an_edge_that_nobody_declared_is_seen_and_marked(served: Served) -> None:
    event = fresh(served, target="never_seen")
    assert served.post(event).json == {"status": "success", "received": 1, "new": 1, "known": 0, "refused": []}
    shown = expunge("lineage", "show", "--json", cwd=served.folder).json
    target = f"sqlite://{served.folder}/world/app.db/never_seen"
    (seen,) = [each for each in shown["edges"] if each["to"] == target]
    assert (seen["from"], seen["declared"], seen["observed"], seen["jobs"]) == ("transcripts", False, True, ["nightly/summaries"])
    (declared,) = [each for each in shown["edges"] if each["to"] == "transcripts"]
    assert (declared["from"], declared["declared"], declared["observed"]) == ("recordings", True, False)
    unknown = {each["name"] for each in shown["unknown"]}
    assert target in unknown
    assert not {"transcripts", "recordings"} & {name.rpartition("/")[2] for name in unknown}


def test_an_event_that_comes_twice_changes_nothing(served: Served) -> None:
    event = fresh(served, target="twice")
    assert served.post(event).json["new"] == 1
    before = edges(served.folder)
    assert served.post([event, event]).json == {"status": "success", "received": 2, "new": 0, "known": 2, "refused": []}
    assert edges(served.folder) == before


@pytest.mark.parametrize("form", ["array", "lines", "batch", "gzip"])
def test_a_batch_is_taken_in_every_form(served: Served, form: str) -> None:
    events = [fresh(served, target=f"{form}_{number}") for number in range(20)]
    match form:
        case "lines":
            answer = served.post("\n".join(map(json.dumps, events)), headers={"Content-Type": "application/x-ndjson"})
        case "gzip":
            answer = served.post(gzip.compress(json.dumps(events).encode()), headers={"Content-Encoding": "gzip"})
        case _:
            answer = served.post(events, path="api/v1/lineage/batch" if form == "batch" else "api/v1/lineage")
    assert (answer.status, answer.json["new"]) == (200, 20)
    seen = {target.rpartition("/")[2] for _, target in edges(served.folder)}
    assert {f"{form}_{number}" for number in range(20)} <= seen


def test_of_a_batch_with_bad_events_the_good_are_taken_and_the_others_named(served: Served) -> None:
    bad = fresh(served, eventTime="yesterday")
    answer = served.post([fresh(served, target="kept"), bad, "nonsense"])
    assert (answer.status, answer.json["status"], answer.json["new"]) == (200, "partial_success", 1)
    assert [(each["index"], each["where"]) for each in answer.json["refused"]] == [(1, "/eventTime"), (2, "")]
    assert any(target.endswith("/kept") for _, target in edges(served.folder))


def events_that_are_wrong() -> dict[str, tuple[Any, str]]:
    """Name -> event, and where it is wrong."""
    at = {"eventTime": "2026-03-01T12:00:00Z"}
    job = {"job": {"namespace": "n", "name": "j"}}
    run = {"run": {"runId": str(uuid.uuid4())}}
    one = {"namespace": "postgres://db", "name": "app.public.t"}
    return {
        "a number": (12, ""),
        "an empty object": ({}, "/eventTime"),
        "no time": ({**job, **run}, "/eventTime"),
        "a time without a zone": ({"eventTime": "2026-03-01T12:00:00", **job, **run}, "/eventTime"),
        "a time before time": ({"eventTime": "0001-01-01T00:00:00+23:00", **job, **run}, "/eventTime"),
        "no job": ({**at, **run}, "/job"),
        "a run without an id": ({**at, **job, "run": {}}, "/run/runId"),
        "an unknown type": ({**at, **job, **run, "eventType": "DESIGN"}, "/eventType"),
        "inputs that are no list": ({**at, **job, **run, "inputs": {}}, "/inputs"),
        "a dataset without a name": ({**at, **job, **run, "inputs": [one, {"namespace": "x"}]}, "/inputs/1/name"),
        "a name with a line break": ({**at, **job, **run, "outputs": [{**one, "name": "a\nb"}]}, "/outputs/0/name"),
        "half a character": ({**at, **job, **run, "outputs": [{**one, "name": "\ud800"}]}, "/outputs/0/name"),
        "a name without end": ({**at, **job, **run, "outputs": [{**one, "name": "x" * 3000}]}, "/outputs/0/name"),
        "ten thousand and one inputs": ({**at, **job, **run, "inputs": [one] * 10_001}, "/inputs"),
        "columns of nothing": (
            {**at, **job, **run, "outputs": [{**one, "facets": {"columnLineage": {"fields": {"c": {}}}}}]},
            "/outputs/0/facets/columnLineage/fields",
        ),
        "a dataset event about nothing": ({**at, "dataset": []}, "/dataset"),
    }


@pytest.mark.parametrize("name", events_that_are_wrong())
def test_an_event_that_is_wrong_is_told_what_and_where_and_what_to_do(served: Served, name: str) -> None:
    event, where = events_that_are_wrong()[name]
    answer = served.post(event)
    assert (answer.status, answer.json["where"]) == (422, where)
    assert answer.json["error"]
    assert answer.json["help"]


@cache
def bodies_that_are_wrong() -> dict[str, tuple[int, bytes, dict[str, str]]]:
    lines = {"Content-Type": "application/x-ndjson"}
    packed = {"Content-Encoding": "gzip"}
    return {
        "no JSON": (400, b'{"eventTime": ', {}),
        "no UTF-8": (400, b'{"a": "\xff"}', {}),
        "nested without end": (400, b"[" * 200_000, {}),
        "a number without end": (400, b"[" + b"9" * 10_000 + b"]", {}),
        "an empty batch": (400, b"[]", {}),
        "nothing": (400, b"", {}),
        "empty lines": (400, b"\n\n", lines),
        "lines of nonsense": (422, b"{\n]\n", lines),
        "more events than are taken at once": (413, json.dumps([1] * 10_001).encode(), {}),
        "nine mebibytes": (413, b" " * (9 * 2**20), {}),
        "a gzip of a hundred mebibytes": (413, gzip.compress(b" " * (100 * 2**20), 1), packed),
        "no gzip": (400, b"[]", packed),
        "half a gzip": (400, zlib.compress(b"[" + b" " * 999 + b"]", wbits=31)[:-9], packed),
        "another encoding": (415, b"[]", {"Content-Encoding": "br"}),
        "a form": (415, b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}),
    }


@pytest.mark.parametrize("name", bodies_that_are_wrong())
def test_a_body_that_is_wrong_is_answered_and_the_server_lives_on(served: Served, name: str) -> None:
    status, body, headers = bodies_that_are_wrong()[name]
    answer = served.post(body, headers=headers)
    assert answer.status == status
    assert set(answer.json) == {"error", "where", "help"}
    assert served.get("healthz").json == {"status": "ok"}


def test_every_answer_is_strict_json_and_documented(served: Served) -> None:
    documented = served.get("api/openapi.json").json
    for path, answer in answers(served):
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
        assert not {"server", "set-cookie", "location", "x-powered-by"} & {name.lower() for name in answer.headers}
        if path in documented["paths"]:
            (operation,) = documented["paths"][path].values()
            schema = operation["responses"][str(answer.status)]["content"]["application/json"]["schema"]
            jsonschema.validate(answer.json, {**schema, "components": documented["components"]})


def answers(served: Served) -> list[tuple[str, Answer]]:
    found = [("/api/v1/lineage", served.post(body, headers=headers)) for _, body, headers in bodies_that_are_wrong().values()]
    found += [("/api/v1/lineage", served.post(event)) for event, _ in events_that_are_wrong().values()]
    found += [
        ("/api/v1/lineage", served.post(fresh(served))),
        ("/api/v1/lineage/batch", served.post([fresh(served), 1])),
        ("/api/v1/lineage", served.post(fresh(served), headers={"Authorization": ""})),
        ("/api/v1/lineage", served.post(fresh(served), headers={"Content-Length": "", "Transfer-Encoding": "chunked"})),
        ("/healthz", served.get("healthz")),
        ("/api/openapi.json", served.get("api/openapi.json")),
        ("/nowhere", served.get("nowhere")),
        ("/", served.get("")),
    ]
    return found


def test_the_documented_body_is_what_is_taken(served: Served) -> None:
    documented = served.get("api/openapi.json").json
    assert documented["components"]["securitySchemes"] == {"Bearer": {"type": "http", "scheme": "bearer"}}
    for path in ("/api/v1/lineage", "/api/v1/lineage/batch"):
        operation = documented["paths"][path]["post"]
        assert operation["security"] == [{"Bearer": []}]
        assert {"200", "400", "401", "403", "413", "415", "422", "429", "503"} <= set(operation["responses"])
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(fresh(served), schema)
        jsonschema.validate([fresh(served)], schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"job": {"namespace": "a", "name": "b"}}, schema)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer nonsense", "Basic YTpi", f"Bearer expunge_000000000000_{'A' * 43}"],
    ids=["none", "half", "nonsense", "basic", "unknown"],
)
def test_nobody_comes_in_without_a_token_that_is_known(served: Served, header: str) -> None:
    answer = served.post(fresh(served), headers={"Authorization": header})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "expunge token issue" in answer.json["help"]


def test_a_token_that_is_revoked_opens_nothing_soon_after(served: Served) -> None:
    other = issue(served.folder, "dbt")
    assert served.post(fresh(served), token=other).status == 200
    assert expunge("token", "revoke", "dbt", cwd=served.folder).code == 0
    deadline = time.monotonic() + 30
    while (answer := served.post(fresh(served), token=other)).status == 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert (answer.status, answer.json["error"]) == (401, "the token was revoked")
    listed = {each["name"]: each["works"] for each in expunge("token", "list", "--json", cwd=served.folder).json["tokens"]}
    assert (listed["airflow"], listed["dbt"]) == (True, False)


def test_what_is_kept_of_a_token_is_no_token(served: Served) -> None:
    # Not from the last "_" on: the secret may have one of its own, and what is left of it then may be a letter that is everywhere.
    secret = served.token.split("_", 2)[2].encode()
    assert len(secret) == 43
    kept = [path for path in (served.folder / "state").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if secret in path.read_bytes()]


def test_whoever_tries_tokens_is_slowed_down_and_the_good_token_still_works(tmp_path: Path) -> None:
    # A server of its own: for a minute, the other tests' bad tokens would be answered as these are.
    with serving(tmp_path, company(tmp_path)) as tried:
        seen = [tried.post(b"{}", token=f"guess-{number}").status for number in range(40)]
        assert seen == [401] * FAILURES + [429] * (40 - FAILURES)
        assert tried.post(fresh(tried)).status == 200


def test_what_is_no_http_is_answered_and_not_repeated(served: Served) -> None:
    parts = urlsplit(served.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as connection:
        connection.sendall(f"{NAME}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Quillfeather" not in answer
    assert b"Server:" not in answer


def test_nothing_of_an_event_but_names_is_kept_and_nothing_at_all_is_logged(served: Served) -> None:
    facets = {"sql": {"query": f"insert into summaries select * from t where name = '{NAME}'"}, "errorMessage": {"message": NAME}}
    event = fresh(served, job={"namespace": "nightly", "name": "private", "facets": facets})
    event["run"]["facets"] = facets
    assert served.post(event).status == 200
    assert served.post({**event, "eventTime": NAME}).status == 422
    served.get(f"api/{NAME.replace(' ', '%20')}")
    everything = [path for path in (served.folder / "state").rglob("*") if path.is_file()] + list(served.folder.glob("stderr-*"))
    assert not [path for path in everything if b"Quillfeather" in path.read_bytes()]
    assert served.stderr() == ""


@pytest.mark.soak
def test_state_that_cannot_be_written_takes_nothing_and_says_so(tmp_path: Path) -> None:
    token = company(tmp_path)
    with serving(tmp_path, token, EXPUNGE_FAILPOINT="journal.register:before=full") as served:
        first = served.post(fresh(served, target="late"))
        assert first.status in {500, 503}
        assert edges(tmp_path) == set()
        assert served.post(fresh(served, target="late")).status == 200
        assert edges(tmp_path)


@pytest.mark.duty("DSG-08")
def test_an_ingest_asks_whether_a_kind_of_data_has_a_schedule(served: Served) -> None:
    asking = issue(served.folder, "app", scope="collect")
    allowed = served.get("api/v1/collect/transcripts", asking)
    assert (allowed.status, allowed.json["allowed"]) == (200, True)
    assert allowed.json["kept_for"]
    refused = served.get("api/v1/collect/gait", asking)
    assert refused.status == 403
    assert "no dataset of the map declares it" in refused.json["error"]
    assert "purpose, need and a finite period" in refused.json["help"]
    assert served.get("api/v1/collect/transcripts", served.token).status == 403, "a token for lineage asks nothing else"
    assert served.get("api/v1/collect/transcripts").status == 401
