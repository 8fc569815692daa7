"""Lakes, LanceDB, FAISS, MLflow and buckets in one proposal with the database that lists people."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.datamap.datamap import ByField, DataMap, Undecided
from expunge.maps import examine
from expunge.stores import Kinds
from expunge.survey import propose

USERS = [f"usr-{number}k{number * 7}" for number in range(100, 112)]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "people")) as db, db:
        db.execute("CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT)")
        db.executemany("INSERT INTO users VALUES (?, NULL)", [(user,) for user in USERS])
    return tmp_path / "people"


def proposed(folder: Path, *targets: Path | str) -> DataMap:
    text = propose([str(each) for each in targets], folder / "expunge.yaml")
    assert not [user for user in USERS if user in text]
    (folder / "expunge.yaml").write_text(text)
    reading = examine(folder / "expunge.yaml", {}, kinds=Kinds())
    assert reading.faults == ()
    assert reading.map is not None
    return reading.map


def said(data_map: DataMap) -> dict[str, str]:
    return {each.name: each.said for each in data_map.guesses}


def test_a_lake_is_led_to_people_by_the_values_of_a_column(tmp_path: Path, people: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for day in ("2026-01-01", "2026-01-02"):
        (tmp_path / "lake" / day).mkdir(parents=True)
        pq.write_table(pa.table({"listener_id": USERS, "length": [1] * len(USERS)}), tmp_path / "lake" / day / "part-0.parquet")
        pq.write_table(pa.table({"user_id": USERS}), tmp_path / "lake" / f"usage-{day}.parquet")
    seen = proposed(tmp_path, people, tmp_path / "lake")
    assert seen.stores["lake"].kind == "parquet"
    rules = {each.paths[0]: each.subject for each in seen.datasets.values() if each.store == "lake"}
    assert rules == {"{day}/part-{name}.parquet": ByField({"user": "listener_id"}), "usage-{day}.parquet": ByField({"user": "user_id"})}
    assert {"user_id: 12 of 12 values match users.id", "listener_id: 12 of 12 values match users.id"} <= set(said(seen).values())


def test_vectors_are_led_to_people_by_the_records_beside_them(tmp_path: Path, people: Path) -> None:
    (tmp_path / "vectors").mkdir()
    for name in ("one", "two"):
        (tmp_path / "vectors" / f"{name}.faiss").write_bytes(b"IxFI")
        (tmp_path / "vectors" / f"{name}.ids.jsonl").write_text(json.dumps({"id": 1, "user_id": USERS[0]}) + "\n")
    seen = proposed(tmp_path, people, tmp_path / "vectors")
    (dataset,) = [each for each in seen.datasets.values() if each.store == "vectors"]
    assert seen.stores["vectors"].kind == "faiss"
    assert dataset.paths == ("{name}.faiss",)
    assert dataset.subject == ByField({"user": "user_id"})
    assert said(seen)[dataset.name] == "user_id: 1 of 1 values match users.id"


def test_tables_of_lancedb_are_led_to_people_by_the_values_of_a_column(tmp_path: Path, people: Path) -> None:
    lancedb = pytest.importorskip("lancedb")
    lancedb.connect(str(tmp_path / "faces")).create_table("faces", [{"user_id": user, "vector": [0.5, 0.25]} for user in USERS])
    seen = proposed(tmp_path, people, tmp_path / "faces")
    assert seen.stores["faces"].kind == "lancedb"
    assert seen.datasets["faces"].subject == ByField({"user": "user_id"})
    assert said(seen)["faces"] == "user_id: 12 of 12 values match users.id"


def test_the_backend_of_mlflow_is_known_by_its_tables(tmp_path: Path, people: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "registry")) as db, db:
        db.executescript("""
            CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT UNIQUE, artifact_location TEXT);
            CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, experiment_id INTEGER);
            CREATE TABLE registered_models (name TEXT PRIMARY KEY);
            CREATE TABLE model_versions (name TEXT, version INTEGER, PRIMARY KEY (name, version));
            CREATE TABLE alembic_version (version_num TEXT);
            INSERT INTO registered_models VALUES ('wake_word'), ('anna-voice');
        """)
        db.execute("INSERT INTO experiments VALUES (1, 'training', ?)", (str(tmp_path / "mlartifacts" / "1"),))
    (tmp_path / "mlartifacts").mkdir()
    seen = proposed(tmp_path, people, tmp_path / "registry")
    assert seen.stores["registry"].kind == "mlflow"
    assert {name for name, each in seen.datasets.items() if each.subject == Undecided()} == {"runs_training", "model_wake_word"}
    assert seen.stores["registry"].options["artifacts"] == str(tmp_path / "mlartifacts")
    assert "anna" not in (tmp_path / "expunge.yaml").read_text()


def test_a_bucket_is_a_store_whose_objects_are_still_to_be_declared(tmp_path: Path, people: Path) -> None:
    seen = proposed(tmp_path, people, "s3://recordings-of-2026/voice")
    assert seen.stores["recordings_of_2026"].kind == "s3"
    assert "are for you to declare" in (tmp_path / "expunge.yaml").read_text()
