"""What stands in the ladder's way in PostgreSQL, what it must never take for success, and that it leaves nothing behind of its own."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from expunge import permit
from expunge.core.datamap.grounding import Grounding
from expunge.core.values.outcome import Absent, Erased, Reason, Unable
from expunge.errors import TakenOver
from expunge.faults import record
from expunge.servers import postgres
from expunge.servers.postgres import PostgresServer, running_postgres
from expunge.servers.processes import wait_until
from expunge.stores.postgres.ladder import ladder_climb
from expunge.stores.postgres.ladder import rewrite as postgres_rewrite
from expunge.stores.postgres.ladder import statistics as postgres_statistics
from expunge.stores.postgres.ladder.ladder_climb import climb, preflight
from expunge.stores.postgres.ladder.rung import PostgresClimb, PostgresRungBlocked
from expunge.stores.postgres.schema import affected_relations
from expunge.stores.postgres.server import data_directory, required_rights, wal_recycle
from expunge.testing.forked import NOBODY, in_child
from expunge.testing.plain_search import contents, search
from tests.stores.postgres.ladder_postgres import clear
from tests.stores.postgres.postgres_crowd import (
    MARKS,
    SETTINGS,
    TABLES,
    VICTIM,
    connected,
    files_of,
    forget,
    lying,
    populate,
    served,
    token,
)

# Where there is Debian's, the sample is taken on it: newer, and built with every compression.
EMBEDDED = pytest.param("embedded", marks=[] if postgres.missing("debian") else pytest.mark.soak)
DEBIAN = pytest.param("debian", marks=pytest.mark.skipif(bool(postgres.missing("debian")), reason=postgres.missing("debian") or "there"))


@pytest.fixture(scope="module", params=[EMBEDDED, DEBIAN])
def server(request) -> Iterator[PostgresServer]:
    """One that logs into files of its own, in all three forms, and keeps statements."""
    if reason := postgres.missing(request.param):
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="expunge-ladder-"))
    try:
        with running_postgres(folder, flavour=request.param, settings=SETTINGS) as running:
            yield running
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def url(server) -> Iterator[str]:
    """A database full of people; an app works in it, and one person is there whom everybody should forget."""
    server.start()
    made = server.database("app")
    try:
        with connected(made) as connection:
            populate(connection)
        yield made
    finally:
        server.drop("app")
        clear(server)


@pytest.fixture
def app(url) -> Iterator[psycopg.Connection]:
    """The app's own connection, which stays open."""
    with connected(url) as connection:
        yield connection


def climbed(url: str, tables: tuple[str, ...] = TABLES, **options: object) -> object:
    with served(url, **options) as server:
        return climb(server, tables)


# --- nothing stays ---------------------------------------------------------------------------------


def test_a_plain_search_finds_nothing_of_the_person_and_the_others_are_as_they_were(server, url, app):
    others = "SELECT md5(string_agg(p::text, '' ORDER BY id)) FROM people p WHERE id <> %s"
    before = app.execute(others, (VICTIM,)).fetchall()
    forget(app)
    assert lying(server, url)
    assert isinstance(climbed(url), Erased)
    assert lying(server, url) == []
    assert search([server.data / "base" / _ours(app), server.data / "log", server.data / "pg_stat_tmp", server.log], MARKS) == []
    assert app.execute(others, (VICTIM,)).fetchall() == before
    assert app.execute("SELECT count(*) FROM spoken").fetchone() == app.execute("SELECT count(*) FROM calls").fetchone() == (299,)


def _ours(connection: psycopg.Connection) -> str:
    return connection.execute("SELECT oid::text FROM pg_database WHERE datname = current_database()").fetchone()[0]


def test_a_clean_stop_and_a_start_bring_nothing_back(server, url, app):
    """What the server holds in memory, statements above all, is written when it stops."""
    forget(app)
    climbed(url)
    ours = _ours(app)
    app.close()
    server.stop()
    left = [path for path, data in files_of(server, ours) if token("email")[:8].encode() in data]
    server.start()
    assert left == []
    assert lying(server, url) == []


def test_a_second_climb_has_nothing_to_do_until_somebody_deletes_again(url, app):
    forget(app)
    with served(url) as server:
        assert isinstance(climb(server, TABLES), Erased)
        assert climb(server, TABLES) == Absent()
        forget(app, VICTIM + 1)
        assert isinstance(climb(server, TABLES), Erased)
        app.execute("UPDATE calls SET said = 'other' WHERE person = 7")
        app.execute(ladder_climb.FLUSH)
        assert isinstance(climb(server, TABLES), Erased)
        assert climb(server, ("public.nowhere",)) == Absent()


def test_rows_that_a_trigger_deletes_elsewhere_go_from_that_table_too(server, url, app):
    """The store is told of one table; the app's own trigger tidies up in another."""
    app.execute("CREATE TABLE aside (person int, words text)")
    app.execute("INSERT INTO aside SELECT id, words FROM people")
    app.execute(
        "CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM aside WHERE person = old.id; RETURN old; END'"
    )
    app.execute("CREATE TRIGGER tidy BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION tidy()")
    app.execute("ANALYZE aside")
    forget(app)
    assert isinstance(climbed(url), Erased)
    assert lying(server, url) == []


def test_statistics_that_analyze_leaves_as_they_are(server, url, app):
    """Of a table that is empty now, and of columns told to take no statistics any more."""
    app.execute("CREATE TABLE only_one (person int, words text)")
    app.execute("INSERT INTO only_one SELECT 1, %s FROM generate_series(1, 50)", (token("words"),))
    app.execute("ANALYZE only_one")
    app.execute("ALTER TABLE people ALTER COLUMN street SET STATISTICS 0")
    app.execute("DELETE FROM only_one")
    forget(app)
    assert isinstance(climbed(url, ("public.people", "public.only_one")), Erased)
    assert lying(server, url) == []


# --- who still sees it -----------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["another table", "written, then idle", "prepared", "cursor kept"])
def test_a_row_that_somebody_may_still_see_is_never_called_gone(server, url, app, how):
    other = psycopg.connect(url)
    try:
        _hold(other, how)
        forget(app)
        answer = climbed(url)
        assert isinstance(answer, Unable)
        assert answer.reason is Reason.READER_OPEN
        assert lying(server, url)
        _let_go(other, how)
        assert isinstance(climbed(url), Erased)
        assert lying(server, url) == []
    finally:
        other.close()


def _hold(other: psycopg.Connection, how: str) -> None:
    if how == "another table":
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute("SELECT count(*) FROM pg_class")
    elif how == "written, then idle":
        other.execute("CREATE TABLE begun (n int)")
    elif how == "prepared":
        other.tpc_begin(other.xid(1, "app", "1"))
        other.execute("CREATE TABLE begun (n int)")
        other.tpc_prepare()
    else:
        other.execute("SET work_mem = '64kB'")
        other.execute("DECLARE kept CURSOR WITH HOLD FOR SELECT p.* FROM people p, generate_series(1, 100) n WHERE p.id = 42 ORDER BY n")
        other.commit()


def _let_go(other: psycopg.Connection, how: str) -> None:
    if how == "prepared":
        other.tpc_rollback()
    elif how == "cursor kept":
        other.execute("CLOSE kept")
        other.commit()
    else:
        other.rollback()


def test_a_reader_that_leaves_in_time_is_waited_for(server, url, app):
    with psycopg.connect(url) as other:
        _hold(other, "another table")
        forget(app)
        leaving = threading.Timer(0.5, other.rollback)
        leaving.start()
        assert isinstance(climbed(url, lock_ms=20_000), Erased)
        leaving.join()
    assert lying(server, url) == []


def test_a_reader_who_comes_between_the_wait_and_the_rewrite_is_seen_by_what_the_server_says(server, url, app, monkeypatch):
    """The wait before is for speed; the truth is how many dead rows the server itself says it carried over."""
    monkeypatch.setattr("expunge.stores.postgres.ladder.rewrite.old_snapshots", lambda climb: None)
    with psycopg.connect(url) as other:
        _hold(other, "another table")
        forget(app)
        assert isinstance(climbed(url), Unable)
        assert lying(server, url)


def test_a_table_that_somebody_uses_is_waited_for_no_longer_than_told(url, app):
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE calls_low IN ACCESS SHARE MODE")
        forget(app)
        began = time.monotonic()
        answer = climbed(url)
        assert isinstance(answer, Unable)
        assert answer.reason is Reason.LOCKED
        assert time.monotonic() - began < 10


# --- the write-ahead log ---------------------------------------------------------------------------


def test_a_slot_that_nobody_reads_keeps_the_log_and_is_named(server, url, app):
    app.execute("SELECT pg_create_physical_replication_slot('forgotten', true)")
    try:
        forget(app)
        with served(url) as climbing:
            assert preflight(climbing, TABLES) == (), "rows can go meanwhile"
            assert any("forgotten" in each.what for each in climbing.findings())
            answer = climb(climbing, TABLES)
            assert isinstance(answer, Unable)
            assert answer.reason is Reason.READER_OPEN
            assert "forgotten" in answer.detail
            assert any("forgotten" in each and "dropped" in each for each in climbing.out_of_scope())
            assert all("wal" in each.split(":")[0] or each.startswith("0000") for each in lying(server, url))
    finally:
        app.execute("SELECT pg_drop_replication_slot('forgotten')")
    assert isinstance(climbed(url), Erased)
    assert lying(server, url) == []


def test_a_logical_slot_keeps_old_rows_of_the_catalogue(server, url, app):
    """Old statistics are rows of a catalogue, which a decoder may still have to read as it was."""
    app.execute("SELECT pg_create_logical_replication_slot('decoder', 'pgoutput')")
    try:
        forget(app)
        answer = climbed(url)
        assert isinstance(answer, Unable)
        assert "decoder" in answer.detail
    finally:
        app.execute("SELECT pg_drop_replication_slot('decoder')")
    assert isinstance(climbed(url), Erased)
    assert lying(server, url) == []


def test_an_archive_that_does_not_come_after_keeps_the_log(tmp_path):
    if reason := postgres.missing("embedded"):
        pytest.skip(reason)
    settings = {"archive_mode": "on", "summarize_wal": "on"}
    folder = Path(tempfile.mkdtemp(prefix="expunge-ladder-"))
    try:
        with running_postgres(folder, settings=settings) as server, connected(server.url) as connection:
            connection.execute("ALTER SYSTEM SET archive_command = 'false'")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE TABLE people AS SELECT %s AS email", (token("email"),))
            connection.execute("DELETE FROM people")
            with served(server.url) as climbing:
                answer = climb(climbing, ("public.people",))
                assert isinstance(answer, Unable)
                assert "archiving" in answer.detail
                assert any("archive of the write-ahead log" in each for each in climbing.out_of_scope())
            connection.execute("ALTER SYSTEM SET archive_command = 'true'")
            connection.execute("SELECT pg_reload_conf()")
            assert isinstance(climbed(server.url, ("public.people",), lock_ms=100_000), Erased)
            assert [path for path, data in contents(server.data) if token("email").encode() in data] == []
    finally:
        shutil.rmtree(folder)


def test_a_partition_on_another_server_is_not_passed_over_in_silence(url, app):
    app.execute("CREATE EXTENSION postgres_fdw")
    app.execute("CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw")
    app.execute("CREATE TABLE notes (n int) PARTITION BY RANGE (n)")
    app.execute("CREATE FOREIGN TABLE notes_far PARTITION OF notes FOR VALUES FROM (1) TO (9) SERVER far")
    with served(url) as climbing:
        assert any(each.reason is Reason.UNSUPPORTED and "notes_far" in each.detail for each in preflight(climbing, ("public.notes",)))
        answer = climb(climbing, ("public.notes",))
    assert isinstance(answer, Unable)
    assert answer.reason is Reason.UNSUPPORTED


def test_the_log_is_passed_even_where_it_keeps_many_segments(server, url, app):
    """Recycled segments lie ahead, and the server is told to keep more behind."""
    app.execute("ALTER SYSTEM SET wal_keep_size = '64MB'")
    app.execute("SELECT pg_reload_conf()")
    try:
        for _ in range(4):
            app.execute("CREATE TABLE filler AS SELECT %s AS words, n FROM generate_series(1, 60000) n", (token("words"),))
            app.execute("DROP TABLE filler")
            app.execute("CHECKPOINT")
        forget(app)
        assert isinstance(climbed(url), Erased)
        assert lying(server, url) == []
    finally:
        app.execute("ALTER SYSTEM RESET wal_keep_size")
        app.execute("SELECT pg_reload_conf()")


def fresh_setting(url: str, name: str) -> str:
    """What a session that begins now goes by: the server reads its settings again some time after it is told to."""
    with connected(url) as session:
        return session.execute(f"SHOW {name}").fetchone()[0]


@pytest.mark.parametrize("before", [None, "on", "off"])
def test_recycling_is_put_back_as_it_was(server, url, app, before):
    said = server.data / "postgresql.auto.conf"
    if before:
        app.execute(f"ALTER SYSTEM SET wal_recycle = '{before}'")
        app.execute("SELECT pg_reload_conf()")
        assert wait_until(lambda: fresh_setting(url, "wal_recycle") == before, 60)
    text = said.read_text()
    try:
        forget(app)
        assert isinstance(climbed(url), Erased)
        assert said.read_text() == text
        assert lying(server, url) == []
    finally:
        app.execute("ALTER SYSTEM RESET wal_recycle")
        app.execute("SELECT pg_reload_conf()")


# --- crashes ---------------------------------------------------------------------------------------


def test_killed_anywhere_the_next_climb_finishes(server, url, app, monkeypatch):
    """The worker dies at each point in turn; the next one has no memory of it."""
    app.execute("ALTER SYSTEM SET wal_recycle = 'on'")
    app.execute("SELECT pg_reload_conf()")
    with record() as points, served(url) as climbing:
        forget(app, 1)
        assert isinstance(climb(climbing, TABLES), Erased)
    points = list(dict.fromkeys(each for each in points if each.startswith("postgres.")))
    assert len(points) >= 20
    forget(app)
    try:
        for point in points:
            assert _dies_at(url, point), point
        assert isinstance(climbed(url), Erased)
        assert lying(server, url) == []
        assert "wal_recycle = 'on'" in (server.data / "postgresql.auto.conf").read_text()
        assert app.execute("SELECT count(*) FROM people").fetchone() == (298,)
    finally:
        app.execute("ALTER SYSTEM RESET wal_recycle")
        app.execute("SELECT pg_reload_conf()")


def _dies_at(url: str, point: str) -> bool:
    def work() -> object:
        from expunge.faults import arm

        with arm(point, "kill"):
            return repr(climbed(url))

    ended = in_child(work)
    return ended.killed_by == signal.SIGKILL


def test_a_climb_cut_short_while_the_log_was_not_recycled_is_noticed(server, url, app):
    forget(app)
    assert _dies_at(url, "postgres.purge.recycle_off:after")
    app.execute("SELECT pg_reload_conf()")
    with served(url) as climbing:
        assert any("wal_recycle" in each.what for each in climbing.findings())
        assert isinstance(climb(climbing, TABLES), Erased)
        assert not wal_recycle.held(climbing.connection)
        assert climbing.connection.execute("SHOW wal_recycle").fetchone() == ("on",)
        assert not any("wal_recycle" in each.what for each in climbing.findings())


def test_a_climb_cut_short_right_after_recycling_was_put_back_leaves_no_server_that_has_not_heard_of_it(url, app):
    forget(app)
    assert _dies_at(url, "postgres.purge.recycle_back:after")
    with connected(url) as connection:
        assert connection.execute("SHOW wal_recycle").fetchone() == ("off",)
    assert isinstance(climbed(url), Erased)
    with connected(url) as connection:
        assert connection.execute("SHOW wal_recycle").fetchone() == ("on",)


def test_a_server_killed_half_way_is_climbed_again(server, url, app):
    forget(app)
    assert _dies_at(url, "postgres.purge.table:after")
    app.close()
    server.kill()
    server.start()
    assert isinstance(climbed(url), Erased)
    assert lying(server, url) == []


def test_who_was_taken_over_touches_nothing(server, url, app):
    forget(app)
    files = "SELECT array_agg(pg_relation_filenode(oid) ORDER BY oid) FROM pg_class WHERE relname LIKE 'people%'"
    before = app.execute(files).fetchall()

    def lost() -> None:
        raise TakenOver("another worker has it")

    with permit.required(lost), pytest.raises(TakenOver):
        climbed(url)
    assert app.execute(files).fetchall() == before


# --- rights ----------------------------------------------------------------------------------------


@pytest.fixture
def hand(app) -> Iterator[str]:
    """A role that may read and delete, and nothing else."""
    app.execute("DROP ROLE IF EXISTS hand")
    app.execute("CREATE ROLE hand LOGIN")
    app.execute("GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA public TO hand")
    yield "hand"
    app.execute("DROP OWNED BY hand CASCADE")
    app.execute("DROP ROLE hand")


def as_role(url: str, role: str) -> str:
    return url.replace("postgres@", f"{role}@")


def test_a_vacuum_that_only_warned_is_no_success(server, url, app, hand):
    forget(app)
    with served(as_role(url, hand)) as climbing:
        (refused,) = [each for each in preflight(climbing, TABLES) if each.reason is Reason.PERMISSION]
        assert "public.people" in refused.detail or "GRANT postgres" in refused.detail
        for tables in (TABLES, ("public.drafts",)):
            answer = climb(climbing, tables)
            assert isinstance(answer, Unable)
            assert answer.reason is Reason.PERMISSION
        for refusing in (postgres_rewrite.tables, postgres_statistics.refresh):
            drafts = PostgresClimb(climbing, affected_relations.scope(climbing.connection, ("public.drafts",)), "3", deep=False)
            with pytest.raises(PostgresRungBlocked):
                refusing(drafts)
    assert lying(server, url)


def test_with_the_least_rights_it_reaches_removed_and_says_what_the_provider_says(server, url, app, hand):
    """A managed server: the role may rewrite its tables, nothing else, and its files are out of reach."""
    for statement in required_rights.on_tables(app, hand, [*TABLES, "calls", "calls_low", "calls_high", "drafts", "spoken", "loud"]):
        app.execute(statement)
    if app.info.server_version < required_rights.MAINTAIN:
        pytest.skip("before 17, the right to rewrite comes with ownership only")
    forget(app)
    with served(as_role(url, hand), clock="backups are kept 35 days") as climbing:
        assert climbing.grounding() is Grounding.REMOVED
        assert list(climbing.raw()) == []
        assert any("35 days" in each for each in climbing.out_of_scope())
        assert preflight(climbing, TABLES) == ()
        assert isinstance(climb(climbing, TABLES), Erased)
        assert any("GRANT" in each.mend for each in climbing.findings())
    left = lying(server, url)
    assert not [each for each in left if each.startswith(("pg_stats", "people", "calls", "drafts", "spoken", "loud"))]
    assert left, "the log and the rest are out of its reach, and it said so"


def test_with_the_grants_it_prints_it_reaches_scrubbed_without_being_superuser(server, url, app, hand):
    relations = [*TABLES, "public.calls", "public.calls_low", "public.calls_high", "public.drafts", "public.spoken", "public.loud"]
    for statement in required_rights.grants(app, hand, relations):
        app.execute(statement)
    assert required_rights.grants(app, hand, relations) == ()
    forget(app)
    try:
        with served(as_role(url, hand)) as climbing:
            assert climbing.grounding() is Grounding.SCRUBBED
            assert isinstance(climb(climbing, TABLES), Erased)
        assert lying(server, url) == []
        for statement in required_rights.convenient(app, hand):
            app.execute(statement)
        assert required_rights.convenient(app, hand) == ()
        forget(app, VICTIM + 1)
        with served(as_role(url, hand)) as climbing:
            assert isinstance(climb(climbing, TABLES), Erased)
        assert "wal_recycle" not in (server.data / "postgresql.auto.conf").read_text()
    finally:
        app.execute("REVOKE ALL ON PARAMETER wal_recycle FROM hand")


def test_old_samples_that_only_a_superuser_can_remove_are_said_to_stay(url, app, hand):
    for statement in required_rights.on_tables(app, hand, [*TABLES, "calls", "calls_low", "calls_high", "drafts", "spoken", "loud"]):
        app.execute(statement)
    app.execute("ALTER TABLE people ALTER COLUMN note SET STATISTICS 0")
    forget(app)
    answer = climbed(as_role(url, hand))
    assert isinstance(answer, Unable)
    assert answer.reason is Reason.PERMISSION
    assert "people" in answer.detail


# --- where the bytes lie ---------------------------------------------------------------------------


def test_every_file_that_changed_lies_under_what_raw_lists(server, url, app):
    with served(url) as climbing:
        sources = [each.path for each in climbing.raw()]
    assert all(each.exists() for each in sources)
    assert server.data / "pg_wal" in sources
    assert server.data / "log" in sources
    assert server.data / "base" / _ours(app) in sources
    assert server.data / "base" / "1" not in sources


def test_a_table_space_and_a_log_elsewhere_are_listed_and_cleaned(server, url, app, tmp_path):
    space = tmp_path / "space"
    space.mkdir()
    app.execute(f"CREATE TABLESPACE other LOCATION '{space}'")
    try:
        app.execute("ALTER TABLE people SET TABLESPACE other")
        forget(app)
        with served(url) as climbing:
            assert any(each.path.is_relative_to(space) for each in climbing.raw())
        assert search([space], MARKS)
        assert isinstance(climbed(url), Erased)
        assert search([space], MARKS) == []
    finally:
        app.execute("DROP TABLE people CASCADE")
        app.execute("DROP TABLESPACE other")


def test_a_copy_of_the_servers_folder_is_not_believed(server, url, app, tmp_path):
    """A container names a path that exists here too, with a restored copy of the same cluster in it: the same system identifier."""
    copy = tmp_path / "copy"
    for name in ("global/pg_control", "postmaster.pid"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(server.data / name, copy / name)
    assert data_directory._is_it(app, server.data)
    app.execute("SELECT pg_logical_emit_message(true, 'x', 'y')")
    app.execute("CHECKPOINT")
    assert not data_directory._is_it(app, copy)
    shutil.copy2(server.data / "global/pg_control", copy / "global/pg_control")
    assert data_directory._is_it(app, copy)
    lines = (copy / "postmaster.pid").read_text().splitlines()
    (copy / "postmaster.pid").write_text("\n".join([*lines[:2], str(int(lines[2]) - 86_400), *lines[3:]]))
    assert not data_directory._is_it(app, copy), "it runs, but it was started on another day: it is another server"


@pytest.mark.root
def test_who_may_not_read_the_servers_files_reaches_removed_and_lists_none(url):
    def look() -> tuple[str, int, list[str]]:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        with served(url) as climbing:
            return climbing.grounding().word, len(list(climbing.raw())), [each.what for each in climbing.findings()]

    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    word, sources, findings = in_child(look).returned()
    assert (word, sources) == ("removed", 0)
    assert any("may not read the server's files" in each for each in findings)


def test_a_disk_too_small_is_told_before_anything_is_done(url, monkeypatch):
    with served(url) as climbing:
        assert preflight(climbing, TABLES) == ()
        usage: Any = type("Usage", (), {"free": 1 << 20})
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        (refused,) = preflight(climbing, TABLES)
    assert refused.reason is Reason.DISK_FULL


def test_a_server_that_logs_to_standard_error_is_followed_into_the_file(tmp_path):
    if reason := postgres.missing("embedded"):
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="expunge-ladder-"))
    try:
        with running_postgres(folder) as server, connected(server.url) as connection:
            connection.execute("CREATE TABLE people (id text PRIMARY KEY)")
            connection.execute("INSERT INTO people VALUES (%s)", (token("email"),))
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO people VALUES (%s)", (token("email"),))
            with pytest.raises(psycopg.errors.UndefinedColumn):
                connection.execute(f"SELECT '\n{token('words')}', \"{token('note')}\"")
            assert len([each for each in MARKS if each.encode() in server.log.read_bytes()]) == 3
            connection.execute("DELETE FROM people")
            connection.execute(ladder_climb.FLUSH)
            assert isinstance(climbed(server.url, ("public.people",)), Erased)
            assert not [each for each in MARKS if each.encode() in server.log.read_bytes()]
            assert b"database system is ready" in server.log.read_bytes()
            assert b"ERROR:  " in server.log.read_bytes()
    finally:
        shutil.rmtree(folder)


def test_a_listener_who_does_not_read_keeps_payloads_and_is_waited_for(server, url, app):
    with psycopg.connect(url) as other:
        other.execute("LISTEN people")
        other.commit()
        other.execute("BEGIN")
        app.execute("SELECT pg_notify('people', %s || n || repeat('.', 7000)) FROM generate_series(1, 40) n", (token("told"),))
        forget(app)
        answer = climbed(url)
        assert isinstance(answer, Unable)
        assert "LISTEN" in answer.detail
        other.rollback()
        assert isinstance(climbed(url, lock_ms=60_000), Erased)
    assert lying(server, url) == []
