"""The real clients, openlineage-python and dbt-ol, lead an order to data that nobody declared."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)
from openlineage.client.facet_v2 import column_lineage_dataset
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpCompression, HttpConfig, HttpTransport
from openlineage.client.uuid import generate_new_uuid

from expunge import clock
from tests.cli import world
from tests.cli.running import expunge
from tests.web.serving import company, edges, issue, serving

BIN = Path(sys.executable).parent


def ordered(folder: Path, person: str = "profile:p-mia") -> str:
    ran = expunge("order", "erase", person, "--yes", "--json", cwd=folder)
    assert ran.code == 0, ran.err
    return str(ran.json["order"])


def carried_out(folder: Path, order: str) -> tuple[int, dict[str, Any]]:
    """Plan, apply; the exit code and the receipt's statement."""
    assert expunge("plan", order, cwd=folder).code == 0
    code = expunge("apply", order, "--yes", cwd=folder).code
    (receipt,) = expunge("receipt", "show", order, "--json", cwd=folder).json["receipts"]
    return code, receipt["statement"]["predicate"]


def client(url: str, token: str, compression: HttpCompression | None = None) -> OpenLineageClient:
    auth = ApiKeyTokenProvider({"apiKey": token})
    return OpenLineageClient(transport=HttpTransport(HttpConfig(url=url, auth=auth, compression=compression)))


@pytest.mark.duty("DSG-03")
@pytest.mark.parametrize("compression", [None, pytest.param(HttpCompression.GZIP, marks=pytest.mark.soak)], ids=["plain", "gzip"])
def test_a_copy_that_a_pipeline_made_holds_an_order_back_until_the_map_knows_it(
    tmp_path: Path, compression: HttpCompression | None
) -> None:
    token = company(tmp_path)
    with closing(sqlite3.connect(tmp_path / "world/app.db")) as database, database:
        # what the pipeline does
        database.execute(
            "create table mail_texts as select recording_id, 'Dear all, ' || said || ', as we heard it.' as letter from transcripts"
        )
    where = f"sqlite://{tmp_path}/world/app.db"
    source = column_lineage_dataset.InputField(namespace=where, name="transcripts", field="recording_id")
    fields = {"recording_id": column_lineage_dataset.Fields(inputFields=[source])}
    facet = column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields)
    with serving(tmp_path, token) as served:
        sender = client(served.url, token, compression)
        run, job = Run(runId=str(generate_new_uuid())), Job(namespace="nightly", name="mail")
        for state in (RunState.START, RunState.COMPLETE):
            read = [InputDataset(namespace=where, name="transcripts")]
            written = [OutputDataset(namespace=where, name="mail_texts", facets={"columnLineage": facet})]
            now = clock.now().isoformat()
            sender.emit(RunEvent(eventTime=now, run=run, job=job, eventType=state, inputs=read, outputs=written))

    found = expunge("check", "--json", cwd=tmp_path)
    assert found.code == 1
    (seen,) = [each for each in found.json["findings"] if "pipelines were seen" in each["what"]]
    assert seen["kind"] == "undeclared"
    subject = "{through: recordings, via: recording_id}"
    entry = f"mail_texts: {{store: app, table: mail_texts, subject: {subject}, derived_from: [transcripts], on_erase: erase}}"
    assert seen["mend"].startswith(f"datasets: {entry}")

    order = ordered(tmp_path)
    assert "pipelines took data to 1 place that the map lacks" in expunge("plan", order, cwd=tmp_path).out
    code, said = carried_out(tmp_path, order)
    assert (code, said["verdict"]) == (4, "in part")
    (held,) = [each for each in said["datasets"] if each["store"] == "pipelines"]
    assert (held["outcome"], held["reason"]) == ("unable", "cannot tell")
    assert "mail" not in held["dataset"]

    path = tmp_path / "expunge.yaml"
    path.write_text(path.read_text() + f"  {entry}\n")
    code, said = carried_out(tmp_path, order)
    assert (code, said["verdict"]) == (0, "fulfilled")
    assert expunge("check", cwd=tmp_path).code == 0
    left = world.rows(tmp_path, "mail_texts")
    assert "walrus" not in left
    assert "monstera" in left


@pytest.mark.soak
@pytest.mark.slow
def test_dbt_leads_an_order_to_a_file_that_nobody_declared(tmp_path: Path) -> None:
    token = lake_company(tmp_path)
    dbt_project(tmp_path / "dbt", tmp_path / "lake")
    with serving(tmp_path, token) as served:
        run_dbt(tmp_path / "dbt", served.url, token)
        assert served.stderr() == ""

    order = ordered(tmp_path)
    code, said = carried_out(tmp_path, order)
    assert (code, said["verdict"]) == (4, "in part")
    unknown = expunge("lineage", "show", "--unknown", "--json", cwd=tmp_path).json["unknown"]
    assert [(each["name"], each["made_from"], each["completed"]) for each in unknown] == [
        ("duckdb://warehouse.duckdb/warehouse.main.daily", ["transcripts"], True)
    ]
    (finding,) = [each for each in expunge("check", "--json", cwd=tmp_path).json["findings"] if "pipelines were seen" in each["what"]]
    assert "subject: {profile: profile_id}, derived_from: [transcripts]" in finding["mend"]

    path = tmp_path / "expunge.yaml"
    rest = "subject: {profile: profile_id}, derived_from: [transcripts], on_erase: erase"
    daily = f'  daily: {{store: lake, path: "daily-{{day}}.parquet", {rest}}}\n'
    named = '    daily: "duckdb://warehouse.duckdb/warehouse.main.daily"\n'
    path.write_text(path.read_text().replace("lineage:\n", f"{daily}lineage:\n") + named)
    code, said = carried_out(tmp_path, order)
    assert (code, said["verdict"]) == (0, "fulfilled")
    assert pq.read_table(tmp_path / "lake/daily-1.parquet").column("profile_id").to_pylist() == ["p-ada"] * 2


TRANSCRIPTS = '  transcripts: {store: lake, path: "transcripts-{part}.parquet", subject: {profile: profile_id}, retention: voice}\n'
LAKE = """
lineage:
  names:
    transcripts: ["duckdb://warehouse.duckdb/warehouse.raw.transcripts", "duckdb://warehouse.duckdb/*/transcripts-*.parquet"]
"""


def lake_company(folder: Path) -> str:
    """As the small company, but what was said lies in a lake."""
    path = world.make(folder)
    text = path.read_text()
    at = text.index("  recordings:\n")
    text = (
        text[:at]
        + '  transcripts: {store: lake, path: "transcripts-{part}.parquet", subject: {profile: profile_id}, retention: voice}\n'
        + LAKE
    )
    text = text.replace("  media: {kind: files, url: ./world/media}\n", "  lake: {kind: parquet, url: ./lake}\n")
    path.write_text(text)
    with closing(sqlite3.connect(folder / "world/app.db")) as database, database:
        database.execute("drop table transcripts")
    (folder / "lake").mkdir()
    spoken = [(person, world.SAID[each]) for person, (_, _, recordings) in world.PEOPLE.items() for each in recordings]
    columns = {"profile_id": [who for who, _ in spoken], "said": [what for _, what in spoken], "recorded_at": ["2026-02-03"] * len(spoken)}
    pq.write_table(pa.table(columns), folder / "lake/transcripts-1.parquet")
    assert expunge("init", cwd=folder).code == 0
    assert expunge("check", cwd=folder).code == 0
    return issue(folder, "dbt")


def dbt_project(folder: Path, lake: Path) -> None:
    """One model over one source; it writes a file into the lake."""
    (folder / "models").mkdir(parents=True)
    spoken = f'"{lake}/transcripts-1.parquet"'
    files = {
        "dbt_project.yml": 'name: voice\nversion: "1.0"\nconfig-version: 2\nprofile: voice\nmodel-paths: [models]\n',
        "profiles.yml": "voice: {target: dev, outputs: {dev: {type: duckdb, path: warehouse.duckdb, threads: 1}}}\n",
        "models/sources.yml": f"sources: [{{name: raw, tables: [{{name: transcripts, meta: {{external_location: {spoken}}}}}]}}]\n",
        "models/daily.sql": (
            f"{{{{ config(materialized='external', location='{lake}/daily-1.parquet') }}}}\n"
            "select profile_id, recorded_at, 'on that day: ' || said as line\n"
            "from {{ source('raw', 'transcripts') }} where profile_id <> 'p-tom'\n"
        ),
    }
    for name, text in files.items():
        (folder / name).write_text(text)


def run_dbt(folder: Path, url: str, token: str) -> None:
    environ = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "DO_NOT_TRACK": "1",
        "OPENLINEAGE_URL": url.rstrip("/"),
        "OPENLINEAGE_API_KEY": token,
        "OPENLINEAGE_NAMESPACE": "dbt",
    }
    command = [BIN / "dbt-ol", "run", "--project-dir", ".", "--profiles-dir", "."]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Emitted 4 OpenLineage events" in done.stdout + done.stderr


def test_jobs_and_datasets_without_a_run_make_edges_too(tmp_path: Path) -> None:
    token = company(tmp_path)
    where = f"sqlite://{tmp_path}/world/app.db"
    now = clock.now().isoformat()
    source = column_lineage_dataset.InputField(namespace=where, name="profiles", field="name")
    facet = column_lineage_dataset.ColumnLineageDatasetFacet(fields={"who": column_lineage_dataset.Fields(inputFields=[source])})
    with serving(tmp_path, token) as served:
        sender = client(served.url, token)
        read, written = [InputDataset(namespace=where, name="transcripts")], [OutputDataset(namespace="s3://exports", name="weekly")]
        sender.emit(JobEvent(eventTime=now, job=Job(namespace="weekly", name="export"), inputs=read, outputs=written))
        sender.emit(
            DatasetEvent(eventTime=now, dataset=StaticDataset(namespace="s3://exports", name="names", facets={"columnLineage": facet}))
        )
    assert edges(tmp_path) == {("transcripts", "s3://exports/weekly"), ("profiles", "s3://exports/names")}
