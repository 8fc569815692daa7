"""Bytes that nobody can read, where no file of this machine holds them: objects of buckets, cells of tables, artefacts of a registry."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from expunge import survey
from expunge.bootstrap import Expunge
from expunge.core.evidence.unread_places import PlaceKind, UnreadPlace
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.servers.seaweedfs import SeaweedServer
from tests.attacks.test_by_place_bucket import Cloud
from tests.attacks.test_interfaces import Managed, managed
from tests.attacks.test_opaque import age, cannot_tell, jpeg, openssl, unread
from tests.attacks.test_schema_words import ANNA as ANNA_OF_RUNS
from tests.attacks.test_schema_words import BELA as BELA_OF_RUNS
from tests.attacks.test_schema_words import FULFILLED, Company, company_with_runs, ended, log_input
from tests.engine.household import ANNA, BELA, SAID, Household, build
from tests.stores.s3.s3_company import Shelf, bucket

_numbers = count(1)
KEYS_GONE = "the key was destroyed"
__all__ = ["managed"]


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


@pytest.fixture
def cloud(tmp_path: Path, seaweed: SeaweedServer) -> Cloud:
    return Cloud(build(tmp_path / "home"), Shelf.of(seaweed, bucket(seaweed, f"opaque-{next(_numbers)}"), tmp_path))


def declare(home: Household, *lines: str) -> None:
    home.map.write_text("\n  ".join([f"{home.map.read_text()}opaque:", *lines]) + "\n")


def proposed(home: Household) -> list[str]:
    """The lines that check prints, with a reason in them."""
    found = [each.mend for each in survey.check(home.map).findings if "opaque:" in each.mend]
    return [each.replace("WHY IT HOLDS NOTHING OF PEOPLE WHO GO", KEYS_GONE) for each in found]


def fulfilled(run: Run) -> None:
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


# --- buckets ---------------------------------------------------------------------------------------


def test_an_object_that_nobody_can_read_is_not_clean_until_the_map_declares_it(cloud: Cloud) -> None:
    cloud.shelf.put("old/export.age", age())
    cloud.shelf.put("old/packed.gz", gzip.compress(age(), mtime=0)[:-50])
    run = cloud.erase()
    assert cannot_tell(run), run.reasons
    lines = proposed(cloud.home)
    assert [each.partition("path: ")[2].partition(",")[0] for each in lines] == ['"old/export.age"', '"old/packed.gz"']
    declare(cloud.home, *lines)
    assert not proposed(cloud.home)
    run = cloud.home.apply(run.order)
    fulfilled(run)
    assert UnreadPlace("cloud", PlaceKind.OPAQUE, "old/export.age", KEYS_GONE, 1, 1000, 1, 1000) in unread(cloud.home, run)


def test_an_opaque_object_of_somebody_who_stays_is_theirs_and_readable_ones_are_in_nobodys_way(cloud: Cloud) -> None:
    cloud.shelf.put(f"said/{BELA}.txt", age())
    cloud.shelf.put("pictures/photo.jpg", jpeg())
    cloud.shelf.put("pictures/notes.txt", SAID[BELA][1].encode() * 40)
    assert not proposed(cloud.home)
    run = cloud.erase()
    fulfilled(run)
    (place,) = [each for each in unread(cloud.home, run) if each.store == "cloud"]
    assert (place.kind, place.files, place.unread_files) == (PlaceKind.UNDECLARED, 1, 0)


@pytest.mark.soak
def test_an_older_version_that_nobody_can_read_counts_and_ignoring_is_not_enough(tmp_path: Path, seaweed: SeaweedServer) -> None:
    cloud = Cloud(build(tmp_path / "home"), Shelf.of(seaweed, bucket(seaweed, f"opaque-{next(_numbers)}", "Enabled"), tmp_path))
    cloud.shelf.put("old/export.age", age())
    cloud.shelf.put("old/export.age", b"")
    cloud.home.map.write_text(f'{cloud.home.map.read_text()}ignore:\n  - {{store: cloud, path: "old/*", reason: old things}}\n')
    run = cloud.erase()
    assert cannot_tell(run), run.reasons
    declare(cloud.home, *proposed(cloud.home))
    fulfilled(cloud.home.apply(run.order))


# --- cells of tables that no dataset declares ------------------------------------------------------


CELLS = {
    "a cipher": age(),
    "a short cipher": age(300),
    "a cipher in gzip": gzip.compress(age(), mtime=0),
}
READABLE = {
    "text": SAID[BELA][1].encode() * 40,
    "packed text": gzip.compress(SAID[BELA][1].encode() * 40, mtime=0),
    "a picture": jpeg(),
    "a digest": bytes(range(32)),
}


def archive(home: Household, *values: bytes) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("CREATE TABLE IF NOT EXISTS archive (n INTEGER PRIMARY KEY, kind TEXT, payload BLOB)")
        db.executemany("INSERT INTO archive (kind, payload) VALUES ('whatever it is', ?)", [(each,) for each in values])


@pytest.mark.parametrize("case", ["a cipher", *(pytest.param(each, marks=pytest.mark.soak) for each in CELLS if each != "a cipher")])
def test_a_cell_that_nobody_can_read_is_not_clean_until_the_map_declares_its_column(home: Household, case: str) -> None:
    archive(home, *READABLE.values(), CELLS[case])
    home.write_map(more="ignore:\n  - {store: app, table: archive, reason: old things}\n")
    run = home.erase(f"profile:{ANNA}")
    assert cannot_tell(run), run.reasons
    (line,) = proposed(home)
    assert 'table: "archive.payload"' in line
    declare(home, line)
    assert not proposed(home)
    run = home.apply(run.order)
    fulfilled(run)
    (place,) = [each for each in unread(home, run) if each.kind is PlaceKind.OPAQUE]
    assert (place.store, place.pattern, place.reason, place.files) == ("app", "archive.payload", KEYS_GONE, 1)


def test_cells_that_can_be_read_and_those_of_declared_tables_are_in_nobodys_way(home: Household) -> None:
    archive(home, *READABLE.values())
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("CREATE TABLE pictures (profile_id, picture)")
        db.executemany("INSERT INTO pictures VALUES (?, ?)", [(BELA, age()), (ANNA, openssl())])
    home.write_map(more="  pictures: {store: app, table: pictures, subject: {profile: profile_id}, retention: life}\n")
    assert not proposed(home)
    fulfilled(home.erase(f"profile:{ANNA}"))


@pytest.mark.soak
def test_a_cell_of_postgres_that_nobody_can_read_is_not_clean_until_the_map_declares_its_column(managed: Managed) -> None:
    managed.run("CREATE TABLE archive (n serial PRIMARY KEY, payload bytea)")
    with psycopg.connect(managed.owner, autocommit=True) as owner:
        owner.execute("INSERT INTO archive (payload) VALUES (%s), (%s)", (age(), READABLE["a picture"]))
    managed.may_read("archive")
    run = managed.erase()
    assert cannot_tell(run), run.reasons
    lines = [each.mend for each in survey.check(managed.map).findings if "opaque:" in each.mend]
    assert len(lines) == 1
    managed.map.write_text(f"{managed.map.read_text()}opaque:\n  {lines[0]}\n")
    fulfilled(managed.again(run))


@pytest.mark.soak
def test_a_table_of_postgres_whose_cells_can_be_read_is_in_nobodys_way(managed: Managed) -> None:
    managed.run("CREATE TABLE archive (n serial PRIMARY KEY, payload bytea)")
    with psycopg.connect(managed.owner, autocommit=True) as owner:
        for each in READABLE.values():
            owner.execute("INSERT INTO archive (payload) VALUES (%s)", (each,))
    managed.may_read("archive")
    fulfilled(managed.erase())


# --- folders of a registry -------------------------------------------------------------------------


def with_artifacts(folder: Path, places: Mapping[str, bytes]) -> Company:
    """A registry with a run of Anna and one of Bela, and files below its root: ``ANNA`` and ``BELA`` stand for their folders."""

    def train(mlflow: Any, client: Any, person: str) -> None:
        log_input(mlflow, client, person)
        run = mlflow.last_active_run().info
        for name, data in places.items():
            if name.startswith(f"{person}/"):
                path = Path(run.artifact_uri.removeprefix("file://"), name.partition("/")[2])
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)

    company = company_with_runs(folder, train)
    for name, data in places.items():
        if name.partition("/")[0] not in (ANNA_OF_RUNS, BELA_OF_RUNS):
            path = folder / "mlartifacts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return company


@pytest.mark.soak
def test_a_file_of_a_registry_that_nobody_can_read_counts_unless_it_is_of_a_run_that_stays(tmp_path: Path) -> None:
    company = with_artifacts(tmp_path, {f"{BELA_OF_RUNS}/weights.enc": age(), f"{ANNA_OF_RUNS}/weights.enc": openssl()})
    assert ended(company.erase()) == FULFILLED


def test_a_stray_file_of_a_registry_that_nobody_can_read_counts_until_the_map_declares_it(tmp_path: Path) -> None:
    company = with_artifacts(tmp_path, {"old/export.age": age(), "old/notes.txt": b"nothing of interest\n" * 20})
    run = company.erase()
    assert cannot_tell(run), run.reasons
    (line,) = [each.mend for each in survey.check(company.map).findings if "opaque:" in each.mend]
    assert '"artifacts/old/export.age"' in line
    company.map.write_text(f"{company.map.read_text()}opaque:\n  {line}\n")
    with Expunge.open(company.map) as opened:
        assert ended(opened.apply(run.order)) == FULFILLED
