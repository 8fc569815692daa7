"""From nothing to *fulfilled* on a company's own data: Django's tables and a folder of recordings, with at most ten answers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from expunge.demo.company.outside_search import Search
from tests.cli import django_school
from tests.cli.running import expunge

KEPT = "WHERE sender_id <> 3 AND recipient_id <> 3"
PURPOSE = ("DECIDE: what it is used for", "DECIDE: why that needs it")


def answered(proposed: str) -> tuple[str, int]:
    """Take every guess for right; return the map, and the number of lines that were decided."""
    lines = proposed.splitlines()
    kept = [line for line in lines if not line.strip().startswith("guess:")]
    text = "".join(line + "\n" for line in kept)
    return text.replace(PURPOSE[0], "teach").replace(PURPOSE[1], "the lessons themselves"), len(lines) - len(kept)


def story(folder: Path, target: str, env: dict[str, str] | None = None) -> str:
    """From ``init`` to the receipt; nothing is told to Expunge but the answers. Return what ``apply`` says."""
    ran = expunge("init", target, "world/recordings", cwd=folder, env=env)
    assert ran.code == 0, ran.err
    map_file = folder / "expunge.yaml"
    proposed = map_file.read_text()
    assert not [word for first, last in django_school.PEOPLE for word in (first, last, f"{first}.{last}".lower()) if word in proposed]
    text, answers = answered(proposed)
    assert answers <= 10
    assert expunge("init", cwd=folder, env=env).code == 0
    order = expunge("order", "erase", "ottilie.kessler", "--yes", "--json", cwd=folder, env=env).json["order"]
    refused = expunge("plan", order, cwd=folder, env=env)
    assert refused.code == 1
    assert "no order is planned under a guess" in refused.err
    map_file.write_text(text)
    assert expunge("check", cwd=folder, env=env).code == 0
    assert expunge("plan", order, cwd=folder, env=env).code == 0
    return expunge("apply", order, "--yes", cwd=folder, env=env).out


def test_a_school_on_sqlite_comes_from_init_to_fulfilled(tmp_path: Path) -> None:
    path = django_school.on_sqlite(tmp_path / "world" / "school")
    django_school.recordings(tmp_path / "world" / "recordings")
    assert "fulfilled" in story(tmp_path, "world/school")
    assert [str(hit.path) for hit in Search(django_school.TRACES).folder(tmp_path / "world")] == []
    assert not (tmp_path / "world" / "recordings" / "3").exists()
    assert len(list((tmp_path / "world" / "recordings").rglob("*.wav"))) == 10
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT id FROM auth_user ORDER BY 1").fetchall() == [(1,), (2,), (4,), (5,), (6,)]
        assert db.execute("SELECT count(*) FROM auth_user_groups").fetchone() == (5,)
        assert db.execute("SELECT object_repr FROM django_admin_log ORDER BY 1").fetchall() == [("Message object (3)",), ("erased",)]
        assert db.execute("SELECT text FROM school_message").fetchall() == [(django_school.SAID[2][2],)]
        assert db.execute("SELECT count(*) FROM django_session").fetchone() == (0,)


@pytest.mark.soak
def test_a_school_on_postgresql_comes_from_init_to_fulfilled(tmp_path: Path, database: str) -> None:
    django_school.on_postgres(database)
    django_school.recordings(tmp_path / "world" / "recordings")
    said = story(tmp_path, database, {"SCHOOL_DB": database})
    assert "fulfilled" in said, said
    assert "${SCHOOL_DB}" in (tmp_path / "expunge.yaml").read_text()
    assert not (tmp_path / "world" / "recordings" / "3").exists()
    with psycopg.connect(database) as db:
        assert db.execute("SELECT id FROM auth_user ORDER BY 1").fetchall() == [(1,), (2,), (4,), (5,), (6,)]
        assert db.execute("SELECT text FROM school_message").fetchall() == [(django_school.SAID[2][2],)]
