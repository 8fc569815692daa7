"""Rows that are found through rows with a foreign key to them: files behind attachments. The key decides which go first."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from expunge import clock
from tests.cli.running import expunge, in_a_process

TABLES = b"""
CREATE TABLE users (id integer PRIMARY KEY, email text);
CREATE TABLE blobs (id integer PRIMARY KEY, filename text);
CREATE TABLE attachments (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES users, blob_id integer NOT NULL REFERENCES blobs);
INSERT INTO users VALUES (4711, 'zerlina.q@example.org'), (4712, 'ambros.t@example.org');
INSERT INTO blobs VALUES (81, 'zerlina-by-the-weir.png'), (82, 'ambros-by-the-mill.png');
INSERT INTO attachments VALUES (1, 4711, 81), (2, 4712, 82);
"""
MAP = """\
version: 1
state: state
identities:
  user: {dataset: users, key: id, also: [email]}
stores:
  app: {kind: postgres, url: "${APP_DB}"}
retention:
  life: {period: 2 years, from: created_at, purpose: keep the account, need: contract}
datasets:
  users: {store: app, table: users, subject: {user: id}, retention: life}
  attachments: {store: app, table: attachments, subject: {user: user_id}, retention: life}
  blobs: {store: app, table: blobs, subject: {through: attachments, via: {id: blob_id}}, retention: life}
"""


@pytest.mark.soak
@pytest.mark.parametrize("point", ["", "store.erase:after=kill", "store.erase:after=kill@2"])
def test_they_go_after_the_rows_that_refer_to_them_and_are_found_after_a_crash(tmp_path: Path, database: str, point: str) -> None:
    with psycopg.connect(database) as db:
        db.execute(TABLES)
    (tmp_path / "expunge.yaml").write_text(MAP)
    env = {"APP_DB": database}
    assert expunge("init", cwd=tmp_path, env=env).code == 0
    order = expunge("order", "erase", "zerlina.q@example.org", "--yes", "--json", cwd=tmp_path, env=env).json["order"]
    assert expunge("plan", order, cwd=tmp_path, env=env).code == 0
    if point:
        assert in_a_process("apply", order, "--yes", cwd=tmp_path, env={**env, "EXPUNGE_FAILPOINT": point}).code == -9
    applied = expunge("apply", order, "--yes", cwd=tmp_path, env=env)
    assert "fulfilled" in applied.out, applied.out + applied.err
    with psycopg.connect(database) as db:
        assert db.execute("SELECT id FROM blobs").fetchall() == [(82,)]
        assert db.execute("SELECT id FROM attachments").fetchall() == [(2,)]
        assert db.execute("SELECT id FROM users").fetchall() == [(4712,)]


@pytest.mark.soak
def test_they_go_with_rows_whose_period_has_passed(tmp_path: Path, database: str) -> None:
    with psycopg.connect(database) as db:
        db.execute(TABLES)
        db.execute(b"ALTER TABLE attachments ADD COLUMN created_at date; UPDATE attachments SET created_at = '2020-01-01' WHERE id = 1")
        db.execute(b"UPDATE attachments SET created_at = %s WHERE id = 2", [clock.today()])
    text = MAP.replace("  life:", "  kept: {period: 1 year, from: created_at, purpose: show pictures, need: the service}\n  life:")
    for name in ("user_id}", "blob_id}}"):
        text = text.replace(f"{name}, retention: life", f"{name}, retention: kept")
    (tmp_path / "expunge.yaml").write_text(text)
    env = {"APP_DB": database}
    assert expunge("init", cwd=tmp_path, env=env).code == 0
    ran = expunge("retention", "run", "--yes", cwd=tmp_path, env=env)
    with psycopg.connect(database) as db:
        assert db.execute("SELECT id FROM attachments").fetchall() == [(2,)], ran.out + ran.err
        assert db.execute("SELECT id FROM blobs").fetchall() == [(82,)], ran.out + ran.err
