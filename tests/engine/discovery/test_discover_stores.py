"""What lies in and beside stores of the other kinds: schemas and databases of a server, prefixes of a bucket, entries of a registry."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import psycopg
import pytest

from expunge import survey
from expunge.bootstrap import discovering
from expunge.core.datamap.datamap import Dataset, StoreSpec
from expunge.core.discovery.discovery import Discovery, Sign
from expunge.ports.optional.surroundings import Surroundings
from expunge.servers.postgres import PostgresServer
from expunge.servers.seaweedfs import SeaweedServer
from expunge.stores import REGISTRY, own_kinds
from expunge.stores.files.store import Files
from tests.engine.household import wav
from tests.stores.s3 import s3_company

PEOPLE = [f"usr-{number}k{number * 7}" for number in range(100, 112)]
HEAD = """\
version: 1
state: ./state
identities:
  user: {dataset: users, key: id, also: [email]}
retention:
  life: {period: 30 days, from: made, purpose: keep the account, need: contract}
"""
USERS = "CREATE TABLE users (id text PRIMARY KEY, email text UNIQUE, made text)"


def discovered(folder: Path) -> Discovery:
    return discovering.look_without_state(folder / "expunge.yaml")


def mail(person: str) -> str:
    return f"{person}@example.org"


def places(found: Discovery) -> dict[str, set[Sign]]:
    return {each.place: {sign.sign for sign in each.sightings} for each in found.found}


# --- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture
def company(database: str, tmp_path: Path) -> tuple[Path, str]:
    """Users in a database of their own; the map knows one table."""
    with psycopg.connect(database, autocommit=True) as db:
        db.execute(USERS.encode())
        db.cursor().executemany(b"INSERT INTO users VALUES (%s, %s, NULL)", [(each, mail(each)) for each in PEOPLE])
    stores = f'stores:\n  app: {{kind: postgres, url: "{database}"}}\ndatasets:\n'
    users = "  users: {store: app, table: users, subject: {user: id}, retention: life}\n"
    (tmp_path / "expunge.yaml").write_text(HEAD + stores + users)
    return tmp_path, database


@pytest.fixture
def other(postgres_server: PostgresServer) -> Iterator[str]:
    yield postgres_server.database("tracking")
    postgres_server.drop("tracking")


def test_another_schema_and_another_database_of_the_server_are_looked_at(
    company: tuple[Path, str], other: str, postgres_server: PostgresServer
) -> None:
    folder, url = company
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(b"CREATE SCHEMA stats CREATE TABLE visits (id serial PRIMARY KEY, visitor text, at timestamptz)")
        db.execute(b"CREATE TABLE stats.colours (id serial PRIMARY KEY, label text)")
        db.execute(b"INSERT INTO stats.colours (label) VALUES ('red')")
    assert not [each for each in discovered(folder).found if each.place != "the database postgres"]
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(b"INSERT INTO stats.visits (visitor) VALUES (%s), ('nobody')", [PEOPLE[3]])
    with psycopg.connect(other, autocommit=True) as db:
        db.execute(b"CREATE TABLE points (id serial PRIMARY KEY, latitude float, longitude float)")
        db.execute(b"INSERT INTO points (latitude, longitude) SELECT 52.1 + n / 1013.0, 13.4 + n / 997.0 FROM generate_series(1, 50) n")
    found = discovered(folder)
    assert places(found) == {"table stats.visits": {Sign.IDENTITIES}, "the database tracking": {Sign.COORDINATES}}
    visits, tracking = found.found
    assert 'table: "stats.visits"' in visits.entry
    assert "kind: postgres" in tracking.entry
    assert "subject: {user: visitor}" in visits.entry or "guess:" in visits.entry
    told = "".join(sign.what for each in found.found for sign in each.sightings) + visits.entry + tracking.entry
    assert not [each for each in PEOPLE if each in told]
    assert str(postgres_server.data) not in found.said


@pytest.mark.soak
def test_what_the_role_may_not_read_is_said(company: tuple[Path, str], other: str) -> None:
    folder, url = company
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(b"DROP ROLE IF EXISTS looker")
        db.execute(b"CREATE ROLE looker LOGIN")
        db.execute(b"GRANT SELECT ON users TO looker")
        db.execute(b"CREATE TABLE closed (id serial PRIMARY KEY, visitor text)")
        db.execute(b"CREATE TABLE guarded (id serial PRIMARY KEY, visitor text)")
        db.execute(b"ALTER TABLE guarded ENABLE ROW LEVEL SECURITY")
        db.execute(b"GRANT SELECT ON guarded TO looker")
        db.execute(b"REVOKE CONNECT ON DATABASE tracking FROM PUBLIC")
    try:
        where = psycopg.conninfo.conninfo_to_dict(url)
        narrow = f"postgresql://looker@/{where['dbname']}?host={where['host']}&port={where['port']}"
        text = (folder / "expunge.yaml").read_text().replace(url, narrow)
        (folder / "expunge.yaml").write_text(text)
        found = discovered(folder)
        unseen = {each.place: each.why for each in found.unseen}
        assert unseen["table closed"] == "the role has no right to read it"
        assert unseen["the database tracking"] == "the role may not connect to it"
        assert "no right" in unseen["table guarded"]
        assert found.said.startswith("nothing undeclared was found where one could look; 3 places")
        reason = "not_ours:\n  - {store: app, database: track*, reason: another company's}\n"
        (folder / "expunge.yaml").write_text(text + reason)
        found = discovered(folder)
        # What the role may not read of the store itself is no less a place that could not be looked at.
        assert {each.place for each in found.unseen} == {"table closed", "table guarded"}
        told = {each.place: each.why for each in found.ignored}
        assert told["the database tracking"] == "not ours: another company's; the role may not connect to it"
    finally:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(b"DROP OWNED BY looker")
            db.execute(b"DROP ROLE looker")


@pytest.mark.soak
def test_a_declared_neighbour_is_no_finding_and_bytes_in_a_table_are(company: tuple[Path, str], other: str) -> None:
    folder, url = company
    with psycopg.connect(other, autocommit=True) as db:
        db.execute(b"CREATE TABLE clips (id serial PRIMARY KEY, owner_id text, sound bytea, about jsonb)")
        about = json.dumps({"seen": {"lat": 52.52001, "lon": 13.40495}})
        db.execute(b"INSERT INTO clips (owner_id, sound, about) VALUES (%s, %s, %s)", [PEOPLE[0], wav("someone"), about])
    (place,) = discovered(folder).found
    assert {each.sign for each in place.sightings} == {Sign.IDENTITIES, Sign.MEDIA, Sign.COORDINATES}
    assert "subject: {user: owner_id}" in place.entry
    text = (folder / "expunge.yaml").read_text()
    text = text.replace("stores:\n", f'stores:\n  tracking: {{kind: postgres, url: "{other}"}}\n')
    text += "  clips: {store: tracking, table: clips, subject: {user: owner_id}, retention: life}\n"
    (folder / "expunge.yaml").write_text(text)
    found = discovered(folder)
    assert found.clean
    assert "it is declared: tracking" in {each.why for each in found.ignored}
    assert url in text


# --- buckets --------------------------------------------------------------------------------------


@pytest.mark.soak
def test_other_prefixes_of_the_bucket_are_looked_at(seaweed: SeaweedServer, tmp_path: Path) -> None:
    name = s3_company.bucket(seaweed, "discovered")
    own = s3_company.Shelf(seaweed, name, "voices/")
    own.put_all({f"users/{each}.wav": wav(each, 0.01) for each in PEOPLE})
    options = ", ".join(f'{key}: "{value}"' for key, value in s3_company.options(seaweed).items())
    (tmp_path / "expunge.yaml").write_text(
        HEAD.replace("{dataset: users, key: id, also: [email]}", "{dataset: voices, key: user_id}")
        + f'stores:\n  media: {{kind: s3, url: "s3://{name}/voices/", {options}}}\n'
        + 'datasets:\n  voices: {store: media, path: "users/{user_id}.wav", subject: {user: user_id}, retention: life}\n'
    )
    bucket = s3_company.Shelf(seaweed, name, "")
    bucket.put_all({"docs/readme.txt": b"how to brew tea\n" * 99, "zebra/stripes.txt": b"about animals"})
    found = discovered(tmp_path)
    assert (found.found, found.unseen) == ((), ())
    assert found.identities == len(PEOPLE)
    bucket.put_all(
        {
            "archive/one": wav("someone", 0.01),
            "exports/users.json": json.dumps([{"to": PEOPLE[5]}]).encode(),
            "voices/stray.json": json.dumps({"listener": PEOPLE[2]}).encode(),
        }
    )
    found = discovered(tmp_path)
    assert places(found) == {
        "*.json": {Sign.IDENTITIES},
        f"the bucket {name}/archive": {Sign.MEDIA},
        f"the bucket {name}/exports": {Sign.IDENTITIES},
    }
    assert any(f'url: "s3://{name}/archive"' in each.entry for each in found.found)
    path = tmp_path / "expunge.yaml"
    path.write_text(path.read_text().replace("datasets:\n", f'  docs: {{kind: s3, url: "s3://{name}/docs/", {options}}}\ndatasets:\n'))
    assert sorted(each.place for each in discovered(tmp_path).found) == sorted(each.place for each in found.found)
    assert not [each for each in found.found if seaweed.secret_key in each.entry]


# --- registries -----------------------------------------------------------------------------------


@pytest.mark.soak
def test_other_experiments_and_models_of_a_registry_are_looked_at(tmp_path: Path) -> None:
    from tests.stores.mlflow.mlflow_company import Registry, tracking

    registry = Registry(tmp_path)
    with tracking(tmp_path) as store:
        side = store.create_experiment("side", f"file://{tmp_path}/mlartifacts/side")
        plain = store.create_experiment("plain", f"file://{tmp_path}/mlartifacts/plain")
    run = registry.run(user_id=PEOPLE[0])
    registry.run(experiment=plain, colour="red")
    (tmp_path / "expunge.yaml").write_text(
        HEAD.replace("{dataset: users, key: id, also: [email]}", "{dataset: trials, key: tags.user_id}")
        + 'stores:\n  registry: {kind: mlflow, url: "sqlite:///mlflow.db", artifacts: ./mlartifacts, orphans: keep}\n'
        + "datasets:\n  trials: {store: registry, experiment: voice, subject: {user: tags.user_id}, retention: life}\n"
    )
    assert survey.read(tmp_path / "expunge.yaml").datasets
    found = discovered(tmp_path)
    assert (found.found, found.unseen) == ((), ())
    registry.run(experiment=side, note=f"as {PEOPLE[0]} said")
    registry.register("wake", f"models:/{registry.model(run)}", run)
    (tmp_path / "dump.csv").write_text(f"user_id\n{PEOPLE[0]}\n")
    found = discovered(tmp_path)
    assert places(found) == {
        "experiment side": {Sign.IDENTITIES},
        "model wake": {Sign.LEARNT},
        f"the folder {tmp_path.name}": {Sign.IDENTITIES},
    }
    model = next(each for each in found.found if each.place == "model wake")
    assert "model: wake" in model.entry
    assert "derived_from: [trials]" in model.entry
    assert not [each for each in found.found if PEOPLE[0] in each.entry]


# --- folders of lakes and vectors -----------------------------------------------------------------


@pytest.mark.soak
def test_lakes_and_folders_of_vectors_are_looked_at(tmp_path: Path) -> None:
    pa, pq, lancedb = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet"), pytest.importorskip("lancedb")
    (tmp_path / "lake" / "users").mkdir(parents=True)
    pq.write_table(pa.table({"id": PEOPLE}), tmp_path / "lake" / "users" / "part-0.parquet")
    db = lancedb.connect(str(tmp_path / "vectors"))
    db.create_table("voices", [{"vector": [1.0, 2.0], "user": each} for each in PEOPLE])
    (tmp_path / "faiss").mkdir()
    (tmp_path / "expunge.yaml").write_text(
        HEAD.replace(", also: [email]", "")
        + "stores:\n  lake: {kind: parquet, url: ./lake}\n  vectors: {kind: lancedb, url: ./vectors}\n"
        + "  faiss: {kind: faiss, url: ./faiss}\n"
        + 'datasets:\n  users: {store: lake, path: "users/part-{n}.parquet", subject: {user: id}, retention: life}\n'
        + "  voices: {store: vectors, table: voices, subject: {user: user}, retention: life}\n"
    )
    found = discovered(tmp_path)
    assert (found.found, found.unseen) == ((), ())
    pq.write_table(pa.table({"listener": PEOPLE[:2], "n": [1, 2]}), tmp_path / "lake" / "plays.parquet")
    db.create_table("faces", [{"vector": [1.0, 2.0], "who": PEOPLE[4]}])
    (tmp_path / "faiss" / "old.ids.jsonl").write_text(json.dumps({"id": 1, "user_id": PEOPLE[1]}) + "\n")
    found = discovered(tmp_path)
    assert {(each.store, sign.sign) for each in found.found for sign in each.sightings} == {
        (store, Sign.IDENTITIES) for store in ("lake", "vectors", "faiss")
    }
    assert any("table: faces" in each.entry for each in found.found)


# --- kinds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", own_kinds())
def test_every_kind_of_our_own_can_look_beside_itself(kind: str) -> None:
    module, _, name = str(REGISTRY[kind]).partition(":")
    made = getattr(importlib.import_module(module), name)
    # A kind whose place decides is made by a function, of a class that it names.
    assert issubclass(made if isinstance(made, type) else get_type_hints(made)["return"], Surroundings)


class Bare:
    """A store of another package, which has the store port and no other."""

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        self._files = Files(spec, datasets)

    def __getattr__(self, name: str) -> Any:
        if name == "surroundings":
            raise AttributeError(name)
        return getattr(self._files, name)


def test_a_kind_that_cannot_look_beside_itself_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REGISTRY, "bare", Bare)
    (tmp_path / "media").mkdir()
    (tmp_path / "expunge.yaml").write_text(
        HEAD.replace("{dataset: users, key: id, also: [email]}", "{dataset: voices, key: user_id}")
        + f"stores:\n  media: {{kind: bare, url: {tmp_path}/media}}\n"
        + 'datasets:\n  voices: {store: media, path: "{user_id}.wav", subject: {user: user_id}, retention: life}\n'
    )
    found = discovered(tmp_path)
    assert [each.why for each in found.unseen] == ["a store of kind bare cannot look beside itself"]
    assert not found.clean


@pytest.mark.soak
def test_a_database_that_is_not_ours_and_holds_our_people_is_named_with_the_reason(company: tuple[Path, str], other: str) -> None:
    folder, _ = company
    with psycopg.connect(other, autocommit=True) as db:
        db.execute(b"CREATE TABLE guests (id serial PRIMARY KEY, mail text)")
        db.execute(b"INSERT INTO guests (mail) VALUES (%s)", [mail(PEOPLE[3])])
    path = folder / "expunge.yaml"
    path.write_text(path.read_text() + "not_ours:\n  - {store: app, database: tracking, reason: another company's}\n")
    (found,) = [each for each in discovered(folder).found if each.place == "the database tracking"]
    assert found.ignored == "another company's"


@pytest.mark.soak
def test_only_a_server_has_databases_of_others(tmp_path: Path) -> None:
    text = HEAD + 'stores:\n  app: {kind: sqlite, url: "sqlite:///app.db"}\ndatasets:\n'
    text += "  users: {store: app, table: users, subject: {user: id}, retention: life}\n"
    (tmp_path / "expunge.yaml").write_text(text + "not_ours:\n  - {store: app, database: x, reason: y}\n")
    assert [each.rule for each in survey.check(tmp_path / "expunge.yaml").faults] == ["layout-not-for-kind"]
