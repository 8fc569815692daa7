"""Words of a schema that an erased person's data holds as well: they lie in catalogues, headers and tags for ever, and are no residue."""

from __future__ import annotations

import json
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from expunge import Expunge
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from tests.engine.household import shorten_pauses

ANNA, BELA = "prf-anna-7Q2M9K4T", "prf-bela-3R8W1Z6P"
SAID = {ANNA: "the purple hedgehog sleeps under the piano", BELA: "seventeen lighthouse keepers ordered toast"}
HEAD = """\
version: 1
state: ./state
identities:
  profile: {dataset: profiles, key: profile_id}
retention:
  life: {period: 30 days, from: created_at, purpose: keep the account, need: contract}
stores:
  app: {kind: sqlite, url: "sqlite:///app.db"}
"""
PROFILES = "  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: life}\n"


class Company:
    """A database of profiles, and whatever else a test puts beside it."""

    def __init__(self, folder: Path, *stores: str, datasets: str = "", people: tuple[str, ...] = (ANNA, BELA)) -> None:
        self.folder, self.people = folder, people
        self.map = folder / "expunge.yaml"
        self.map.write_text(HEAD + "".join(f"  {store}\n" for store in stores) + "datasets:\n" + PROFILES + datasets)
        self.sql("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, display_name TEXT, created_at TEXT)")
        for person in people:
            self.sql("INSERT INTO profiles VALUES (?, ?, '2026-08-12T19:15:33')", person, f"name of {SAID[person][:20]}")

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "app.db")) as db, db:
            return db.execute(statement, values).fetchall()

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @contextmanager
    def open(self) -> Iterator[Expunge]:
        with Expunge.open(self.map) as opened:
            shorten_pauses(opened)
            yield opened

    def erase(self, person: str = ANNA) -> Run:
        Expunge.init(self.map)
        with self.open() as opened:
            accepted = opened.order_erase([opened.resolve(f"profile:{person}")])
            opened.plan(accepted.order)
            return opened.apply(accepted.order)


def ended(run: Run) -> tuple[OrderState, tuple[str, ...]]:
    return run.state, tuple(run.reasons)


FULFILLED = (OrderState.FULFILLED, ())

# --- the recipes of docs/howto/mlflow.md ------------------------------------------------------------

REGISTRY = 'registry: {kind: mlflow, url: "sqlite:///mlflow.db", artifacts: ./mlartifacts}'
TRIALS = "  transcripts: {store: registry, experiment: enrolment, subject: {profile: tags.profile_id}, retention: life}\n"


def company_with_runs(folder: Path, train: Any, people: tuple[str, ...] = (ANNA, BELA)) -> Company:
    """A registry in which ``train`` made a run for each person."""
    pytest.importorskip("mlflow")
    from tests.stores.mlflow.mlflow_company import connected, tracking

    company = Company(folder, REGISTRY, datasets=TRIALS, people=people)
    with tracking(folder) as store:
        store.create_experiment("enrolment", f"file://{folder}/mlartifacts/enrolment")
        store.create_experiment("others", f"file://{folder}/mlartifacts/others")
    with connected(f"sqlite:///{folder}/mlflow.db") as (mlflow, client), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.set_experiment("enrolment")
        for person in people:
            train(mlflow, client, person)
    return company


def frame(person: str) -> Any:
    import pandas as pd

    return pd.DataFrame({"profile_id": [person], "utterance": [SAID[person]], "seconds": [1.5]})


def log_input(mlflow: Any, _: Any, person: str) -> None:
    data = frame(person)
    with mlflow.start_run():
        mlflow.set_tag("profile_id", person)
        mlflow.log_input(mlflow.data.from_pandas(data, name="transcripts"), context="training")
        mlflow.log_metric("validation_loss", 0.4321234567 if person == ANNA else 0.98765432)


def test_a_run_that_was_told_its_input_as_the_manual_says_goes_and_the_order_is_fulfilled(tmp_path: Path) -> None:
    company = company_with_runs(tmp_path, log_input)
    run = company.erase()
    assert ended(run) == FULFILLED


def test_the_last_run_of_all_goes_and_the_order_is_fulfilled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The account under which a program ran is a part of the path of the artifacts that stay.
    monkeypatch.setenv("LOGNAME", tmp_path.name)
    company = company_with_runs(tmp_path, log_input, (ANNA,))
    assert ended(company.erase()) == FULFILLED


def test_runs_of_an_experiment_that_is_ignored_use_the_same_tags_and_data(tmp_path: Path) -> None:
    company = company_with_runs(tmp_path, log_input)
    company.map.write_text(company.map.read_text() + "ignore:\n  - {store: registry, path: experiments/others, reason: load tests}\n")
    from tests.stores.mlflow.mlflow_company import connected

    with connected(f"sqlite:///{tmp_path}/mlflow.db") as (mlflow, _), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.set_experiment("others")
        with mlflow.start_run():
            mlflow.set_tag("profile_id", "nobody at all")
            import pandas as pd

            data = pd.DataFrame({"profile_id": ["p"], "utterance": ["u"], "seconds": [1.0]})
            mlflow.log_input(mlflow.data.from_pandas(data, name="transcripts"), context="training")
            mlflow.log_metric("validation_loss", 1.0)
            mlflow.log_table(data, "rows.json")
    assert ended(company.erase()) == FULFILLED


def test_a_training_that_was_told_as_the_manual_says_goes_and_the_order_is_fulfilled(tmp_path: Path) -> None:
    from expunge.learn.provenance.tracking import Record, log_training

    def train(mlflow: Any, _: Any, person: str) -> None:
        data = frame(person)
        with mlflow.start_run():
            mlflow.set_tag("profile_id", person)
            log_training(
                [Record(f"clip-of-{person}", sha256(SAID[person].encode()).digest(), (person,))],
                ledger=tmp_path / "ledger",
                key=b"a key of thirty-two bytes or so!",
                datasets=["transcripts"],
                dataset=mlflow.data.from_pandas(data, name="transcripts"),
            )
            mlflow.log_param("learning_rate", "0.000125")

    company = company_with_runs(tmp_path, train)
    assert ended(company.erase()) == FULFILLED


def train_with_a_model(mlflow: Any, client: Any, person: str) -> str:
    """A run of one person that made a model, nowhere registered; its id."""
    with mlflow.start_run() as run:
        mlflow.set_tag("profile_id", person)
        mlflow.log_input(mlflow.data.from_pandas(frame(person), name="transcripts"), context="training")
        model = mlflow.create_external_model(name="voice", source_run_id=run.info.run_id)
        return str(model.model_id)


def test_a_run_that_measured_the_persons_model_goes_along(tmp_path: Path) -> None:
    made: dict[str, str] = {}

    def train(mlflow: Any, client: Any, person: str) -> None:
        made[person] = train_with_a_model(mlflow, client, person)
        with mlflow.start_run() as run:
            made[f"measured {person}"] = run.info.run_id
            data = mlflow.data.from_pandas(frame(person), name="transcripts")
            mlflow.log_input(data, context="evaluation")
            # The value lies in the run's own metrics, and beside the model.
            loss = 0.4321234567 if person == ANNA else 0.9876543219
            mlflow.log_metric("validation_loss", loss, model_id=made[person], dataset=data)

    company = company_with_runs(tmp_path, train)
    assert ended(company.erase()) == FULFILLED
    runs = registry(tmp_path, "SELECT run_uuid FROM runs")
    assert made[f"measured {ANNA}"] not in runs
    assert made[f"measured {BELA}"] in runs
    assert len(runs) == 2


def test_a_run_that_measured_several_peoples_models_stays_and_loses_the_persons_input(tmp_path: Path) -> None:
    company = company_with_runs(tmp_path, log_input)
    with registry_open(tmp_path) as (mlflow, _):
        mlflow.set_experiment("enrolment")
        with mlflow.start_run() as run:
            for person in (ANNA, BELA):
                mlflow.log_input(mlflow.data.from_pandas(frame(person), name="transcripts"), context="evaluation")
        both = run.info.run_id
    assert ended(company.erase()) == FULFILLED
    assert both in registry(tmp_path, "SELECT run_uuid FROM runs")
    assert len(registry(tmp_path, "SELECT source_id FROM inputs WHERE source_type = 'DATASET' AND destination_id = ?", both)) == 1


def test_a_dataset_that_another_persons_run_took_as_well_stays_with_everybody_who_took_it(tmp_path: Path) -> None:
    import pandas as pd

    common = pd.DataFrame({"profile_id": [ANNA[:4], BELA[:4]], "seconds": [1.0, 2.0]})

    def train(mlflow: Any, _: Any, person: str) -> None:
        with mlflow.start_run():
            mlflow.set_tag("profile_id", person)
            mlflow.log_input(mlflow.data.from_pandas(common, name="transcripts"), context="training")

    company = company_with_runs(tmp_path, train)
    with registry_open(tmp_path) as (mlflow, _):
        mlflow.set_experiment("enrolment")
        with mlflow.start_run() as run:
            mlflow.log_input(mlflow.data.from_pandas(common, name="transcripts"), context="evaluation")
        nobodys = run.info.run_id
    assert ended(company.erase()) == FULFILLED
    runs = registry(tmp_path, "SELECT run_uuid FROM runs")
    assert nobodys in runs
    assert len(runs) == 2
    assert len(registry(tmp_path, "SELECT dataset_uuid FROM datasets")) == 1


@contextmanager
def registry_open(folder: Path) -> Iterator[Any]:
    from tests.stores.mlflow.mlflow_company import connected

    with connected(f"sqlite:///{folder}/mlflow.db") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield opened


def registry(folder: Path, sql: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        return [row[0] for row in db.execute(sql, values)]


# --- words of databases and files --------------------------------------------------------------------

LAKE = "lake: {kind: files, url: ./lake}"
NOTES = "  notes: {store: app, table: notes, subject: {profile: profile_id}, retention: life}\n"


def with_notes(folder: Path, *stores: str, datasets: str = "", people: tuple[str, ...] = (ANNA, BELA)) -> Company:
    company = Company(folder, *stores, datasets=NOTES + datasets, people=people)
    company.sql(
        "CREATE TABLE notes (profile_id TEXT, kind TEXT DEFAULT 'not yet sorted', state TEXT "
        "CHECK (state IN ('waiting for a reply', 'closed_by_the_customer')), about TEXT, said TEXT)"
    )
    company.sql("CREATE TABLE settings_of_the_application (word_of_the_day TEXT)")
    for person in people:
        company.sql(
            "INSERT INTO notes VALUES (?, 'not yet sorted', 'closed_by_the_customer', 'word_of_the_day', ?)",
            person,
            json.dumps({"preferred_language": "en", "settings_of_the_application": {"volume_of_the_voice": 3}, "said": SAID[person]}),
        )
    return company


@pytest.mark.parametrize("people", [(ANNA, BELA), (ANNA,)], ids=["beside another person", "alone"])
def test_labels_defaults_and_names_of_a_database_are_no_residue(tmp_path: Path, people: tuple[str, ...]) -> None:
    company = with_notes(tmp_path, people=people)
    assert ended(company.erase()) == FULFILLED


def test_names_of_fields_in_a_readme_and_a_program_beside_the_data_are_no_residue(tmp_path: Path) -> None:
    records = "  events: {store: lake, path: 'events/{day}.jsonl', format: jsonl, subject: {profile: profile_id}, retention: life}\n"
    company = with_notes(tmp_path, LAKE, datasets=records)
    lines = [
        {"profile_id": person, "created_at": "2026-08-12T19:15:33Z", "device": {"serial_of_the_device": "x1", "said": SAID[person]}}
        for person in (ANNA, BELA)
    ]
    company.file("lake/events/2026-08-12.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    program = 'read("profile_id", "created_at"); volume_of_the_voice = row["serial_of_the_device"]; since = "2026-08-12T19:15:33Z"\n'
    company.file("lake/README.txt", program)
    company.map.write_text(company.map.read_text() + "ignore:\n  - {store: lake, path: README.txt, reason: how to read it}\n")
    assert ended(company.erase()) == FULFILLED


def test_an_identifier_that_equals_a_word_of_the_schema_is_looked_for_all_the_same(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.sql("INSERT INTO profiles VALUES ('profile_id_of_the_owner', 'name of the owner', '2026-08-12T19:15:33')")
    company.sql("CREATE TABLE settings (profile_id_of_the_owner TEXT)")
    company.map.write_text(company.map.read_text() + "ignore:\n  - {store: app, path: settings, reason: no person in it}\n")
    run = company.erase("profile_id_of_the_owner")
    assert run.state is OrderState.IN_PART
    assert any("residue found" in reason for reason in run.reasons)


def test_content_beside_a_word_of_the_schema_is_looked_for(tmp_path: Path) -> None:
    company = with_notes(tmp_path, LAKE)
    company.file("lake/old.txt", f'"profile_id": "someone", "said": "{SAID[ANNA]}"')
    run = company.erase()
    assert run.state is OrderState.IN_PART


def test_a_list_of_people_in_json_goes_and_the_names_of_its_fields_are_no_residue(tmp_path: Path) -> None:
    people = "  people: {store: lake, path: 'people/{profile_id}.json', format: json, subject: {profile: profile_id}, retention: life}\n"
    company = with_notes(tmp_path, LAKE, datasets=people)
    for person in (ANNA, BELA):
        members = [{"profile_id": person, "name_of_the_pet": f"pet of {SAID[person][:24]}", "since": "2026-08-12T19:15:33.5Z"}]
        company.file(f"lake/people/{person}.json", json.dumps({"members_of_the_list": members, "created_at": "2026-08-12"}))
    company.file("lake/format.json", json.dumps({"members_of_the_list": [{"profile_id": "", "name_of_the_pet": "", "since": ""}]}))
    company.map.write_text(company.map.read_text() + "ignore:\n  - {store: lake, path: format.json, reason: how to read it}\n")
    assert ended(company.erase()) == FULFILLED


def test_the_header_of_a_csv_file_and_fields_of_parquet_are_no_residue(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    company = with_notes(
        tmp_path,
        LAKE,
        "pond: {kind: parquet, url: ./pond}",
        datasets="  visits: {store: lake, path: 'visits.csv', format: csv, subject: {profile: profile_id}, retention: life}\n"
        "  trips: {store: pond, path: 'trips.parquet', subject: {profile: profile_id}, retention: life}\n",
    )
    # What one file calls a column, another says as a value.
    rows = "".join(f"{person},place_of_arrival,{SAID[person]}\n" for person in (ANNA, BELA))
    company.file("lake/visits.csv", "profile_id,which_of_the_columns,said_at_the_door\n" + rows)
    places = [{"place_of_arrival": f"{SAID[person]} again"} for person in (ANNA, BELA)]
    table = pa.table({"profile_id": [ANNA, BELA], "trip": places, "note": ["which_of_the_columns"] * 2})
    (tmp_path / "pond").mkdir()
    pq.write_table(table, tmp_path / "pond" / "trips.parquet")
    assert ended(company.erase()) == FULFILLED


@pytest.mark.soak
def test_labels_of_enums_and_names_in_postgres_are_no_residue(tmp_path: Path, database: str) -> None:
    import psycopg

    company = Company(
        tmp_path,
        f'shop: {{kind: postgres, url: "{database}"}}',
        datasets="  orders: {store: shop, table: orders, subject: {profile: profile_id}, retention: life}\n",
    )
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('waiting_for_the_reply', 'closed_by_the_customer')")
        connection.execute("CREATE TABLE ways_of_being_paid (day date)")
        connection.execute(
            "CREATE TABLE orders (profile_id text, mood mood, kind text DEFAULT 'not yet looked at by us', "
            "way text CHECK (way IN ('ways_of_being_paid', 'by_the_card_reader')), said jsonb)"
        )
        for person in (ANNA, BELA):
            said = json.dumps({"ways_of_being_paid": ["by_the_card_reader"], "said": SAID[person]})
            connection.execute(
                "INSERT INTO orders VALUES (%s, 'closed_by_the_customer', DEFAULT, 'by_the_card_reader', %s)", (person, said)
            )
        # Nobody's rows hold the same words.
        connection.execute("DELETE FROM orders WHERE profile_id = %s", (BELA,))
        connection.execute("VACUUM FULL orders")
    assert ended(company.erase()) == FULFILLED


def test_a_persons_words_in_a_view_are_no_words_of_the_schema(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.sql(f"CREATE VIEW favourites AS SELECT created_at FROM profiles WHERE display_name = 'name of {SAID[ANNA][:20]}'")
    run = company.erase()
    assert run.state is OrderState.IN_PART


MODEL = """\
  recordings: {store: lake, path: "voice/{profile_id}/{clip_id}.txt", subject: {profile: profile_id}, retention: life}
  intent: {store: registry, model: intent-of-the-speaker, derived_from: [recordings], on_erase: destroy}
"""


def test_a_model_that_was_trained_and_registered_as_the_manual_says_is_destroyed_and_the_order_is_fulfilled(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    from expunge.learn.provenance.tracking import Record, log_training
    from tests.stores.mlflow.mlflow_company import tracking

    company = Company(tmp_path, REGISTRY, LAKE, datasets=MODEL)
    for person in company.people:
        company.file(f"lake/voice/{person}/clip-of-{person[4:8]}-1.txt", f"{SAID[person]} and a recording of it")
    with tracking(tmp_path) as store:
        store.create_experiment("recordings", f"file://{tmp_path}/mlartifacts/recordings")
        store.create_experiment("others", f"file://{tmp_path}/mlartifacts/others")
    company.map.write_text(company.map.read_text() + "ignore:\n  - {store: registry, path: 'experiments/*', reason: load tests}\n")
    import pandas as pd

    clips = pd.DataFrame({"profile_id": list(company.people), "clip_id": ["1", "2"], "loudness_of_the_clip": [0.25, 0.75]})
    with registry_open(tmp_path) as (mlflow, client):
        mlflow.set_experiment("recordings")
        with mlflow.start_run() as run:
            log_training(
                [Record(f"clip-{person}", sha256(SAID[person].encode()).digest(), (person,)) for person in company.people],
                ledger=tmp_path / "training-ledger",
                key=b"a key of thirty-two bytes or so!",
                datasets=["recordings"],
                dataset=mlflow.data.from_pandas(clips, name="recordings"),
            )
            mlflow.log_metric("loudness_of_the_clip", 0.517263544)
            model = client.create_logged_model(mlflow.get_experiment_by_name("recordings").experiment_id, "intent", run.info.run_id)
            place = Path(model.artifact_location.removeprefix("file://"))
            place.mkdir(parents=True)
            (place / "MLmodel").write_text("flavors: {}")
            (place / "weights.bin").write_bytes(sha256(b"weights").digest() * 40)
            client.create_registered_model("intent-of-the-speaker")
            client.create_model_version("intent-of-the-speaker", f"models:/{model.model_id}", run.info.run_id)
        mlflow.set_experiment("others")
        with mlflow.start_run():
            mlflow.set_tag("expunge.datasets", '["recordings"]')
            mlflow.log_metric("loudness_of_the_clip", 1.0)
    assert ended(company.erase()) == FULFILLED
    assert registry(tmp_path, "SELECT name FROM model_versions") == []
