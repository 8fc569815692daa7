"""Locks, rights, policies, logs, stopped servers, broken lines: each has its answer, nothing is half-done, nothing is said of a person."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from expunge import permit
from expunge.core.datamap.datamap import Dataset, StoreSpec, TableLayout, Through
from expunge.core.datamap.grounding import Grounding
from expunge.core.evidence.traces import Traces
from expunge.core.values.copy import FindingKind
from expunge.core.values.outcome import RETRYABLE, Absent, Erased, Reason, Unable
from expunge.errors import CouldNotLook, Misconfigured, StoreUnavailable, TakenOver
from expunge.faults import ReplyLost, arm
from expunge.residue.scanning.scanner import ResidueScanner
from expunge.servers.postgres import running_postgres
from expunge.servers.processes import wait_until
from expunge.stores import open_store
from expunge.stores.postgres.server import data_directory, unlogged
from expunge.stores.postgres.store import Postgres
from expunge.testing.forked import alongside
from expunge.testing.plain_search import forms
from tests.stores.postgres.postgres_company import KEY, dataset, erased, located, opened, rows, run

PEOPLE = dataset("people")
WHO = base64.b32encode(b"nobody else is called so").decode().strip("=").lower()
CROWD = (
    "CREATE TABLE people (id text PRIMARY KEY, said text); INSERT INTO people SELECT 'p' || i, md5(i::text) FROM generate_series(1, 50) i;"
    f"INSERT INTO people VALUES ('{WHO}', 'mine')"
)


@contextmanager
def busy(url, *statements):
    with closing(psycopg.connect(url, autocommit=True)) as other:
        for each in statements:
            other.execute(each)
        yield other


@contextmanager
def role(url, name, *grants):
    """A role with few rights, and its address; gone at the end."""
    run(url, f"CREATE ROLE {name} LOGIN", *(each.format(role=name) for each in grants))
    try:
        yield url.replace("postgres@", f"{name}@")
    finally:
        run(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


@pytest.fixture
def crowd(database):
    run(database, CROWD)
    return database


# --- unlogged tables --------------------------------------------------------------------------------


def test_rows_of_an_unlogged_table_reach_the_files_where_the_role_may_have_them_written(crowd):
    run(crowd, "CREATE UNLOGGED TABLE drafts AS SELECT 'the marmalade of ' || i AS said FROM generate_series(1, 9) i")
    ((file,),) = rows(crowd, "SELECT current_setting('data_directory') || '/' || pg_relation_filepath('drafts')")
    with role(crowd, "eraser") as url, closing(psycopg.connect(url, autocommit=True)) as connection:
        assert not unlogged.flush(connection)
        assert len(list(unlogged.unseen(connection))) == 1
        run(crowd, "CHECKPOINT", "ALTER ROLE eraser CREATEDB")
        assert b"marmalade" not in Path(file).read_bytes()
        assert unlogged.flush(connection)
        assert list(unlogged.unseen(connection)) == []
    assert b"marmalade" in Path(file).read_bytes()
    assert rows(crowd, "SELECT count(*) FROM pg_database WHERE datname LIKE 'expunge%'") == [(0,)]


# --- in the way -------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", ["LOCK TABLE people IN SHARE MODE", f"SELECT * FROM people WHERE id = '{WHO}' FOR UPDATE"])
def test_a_lock_in_the_way_is_waited_for_and_then_said_with_who_holds_it(crowd, lock):
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        with busy(crowd, "BEGIN", lock) as other:
            (pid,) = other.execute("SELECT pg_backend_pid()").fetchone()
            answers = [store.erase(PEOPLE, copies, KEY)["s0"]]
            answers += store.preflight(PEOPLE, copies) if "SHARE" in lock else ()
            assert [each.reason for each in answers] == [Reason.LOCKED] * len(answers)
            assert all(f"process {pid} (idle in transaction" in each.detail for each in answers)
            assert WHO not in repr(answers)
        assert store.erase(PEOPLE, copies, KEY) == {"s0": Erased(1)}


def test_a_lock_that_keeps_readers_out(crowd):
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        with busy(crowd, "BEGIN", "LOCK TABLE people IN ACCESS EXCLUSIVE MODE"):
            with pytest.raises(StoreUnavailable, match="people"):
                located(store, PEOPLE, WHO)
            (seen,) = store.probe(PEOPLE, copies)
            assert seen.could_not


def test_those_who_stay_are_streamed_while_the_same_store_is_used_otherwise(crowd):
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        staying = store.bystanders(PEOPLE, copies, None)
        next(staying)
        assert store.erase(PEOPLE, copies, KEY) == {"s0": Erased(1)}
        assert sum(1 for _ in staying) == 49
        next(store.bystanders(PEOPLE, copies, None))  # left half-way: nothing stays open
        assert rows(crowd, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'expunge' AND xact_start IS NOT NULL") == [(0,)]


def test_somebody_who_comes_back_after_the_fence_is_seen(crowd):
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        store.erase(PEOPLE, copies, KEY)
        assert next(store.probe(PEOPLE, copies)).items == 0
        run(crowd, f"INSERT INTO people VALUES ('{WHO}', 'again')")
        assert next(store.probe(PEOPLE, copies)).items == 1


def test_others_who_write_the_same_rows_meanwhile_lose_nothing(crowd):
    def writer():
        for n in range(60):
            run(crowd, f"UPDATE people SET said = said || '.' WHERE id = 'p{n % 40 + 1}'", f"INSERT INTO people VALUES ('new{n}', 'x')")
        return True

    with opened(crowd, PEOPLE) as store, alongside(writer) as child:
        for n in range(41, 51):
            assert erased(store, PEOPLE, f"p{n}") == {"s0": Erased(1)}
        assert child.wait().returned()
    assert rows(crowd, "SELECT count(*), sum(length(said) - 32) FROM people WHERE id ~ '^p'") == [(40, 60)]
    assert rows(crowd, "SELECT count(*) FROM people WHERE id ~ '^new'") == [(60,)]


# --- rights -----------------------------------------------------------------------------------------


def test_missing_rights_are_told_before_and_after(crowd):
    with role(crowd, "reader", "GRANT SELECT ON people TO {role}") as url, opened(url, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        assert "DELETE" in store.preflight(PEOPLE, copies)[0].detail
        assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.PERMISSION
        assert FindingKind.PERMISSION in {found.kind for found in store.check(())}
        run(crowd, "REVOKE SELECT ON people FROM reader")
        with pytest.raises(StoreUnavailable):
            located(store, PEOPLE, WHO)
        assert next(store.probe(PEOPLE, copies)).could_not


def test_rights_revoked_half_way(crowd):
    with role(crowd, "eraser", "GRANT SELECT, DELETE ON people TO {role}") as url, opened(url, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO, "p1")
        assert store.erase(PEOPLE, copies[:1], KEY) == {copies[0].subject: Erased(1)}
        run(crowd, "REVOKE DELETE ON people FROM eraser")
        assert store.erase(PEOPLE, copies[1:], KEY)[copies[1].subject].reason is Reason.PERMISSION
        run(crowd, "ALTER ROLE eraser NOLOGIN", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'eraser'")
        assert store.erase(PEOPLE, copies[1:], KEY)[copies[1].subject].reason is Reason.PERMISSION
        assert store.capabilities.grounding is Grounding.NONE
    assert len(rows(crowd, "SELECT 1 FROM people")) == 50


def test_rows_that_a_policy_hides_are_never_absent(crowd):
    """To such a role the table looks empty: it must not say that nobody is there."""
    run(crowd, "ALTER TABLE people ENABLE ROW LEVEL SECURITY; CREATE POLICY nothing ON people USING (false)")
    with role(crowd, "hidden", "GRANT SELECT, DELETE ON people TO {role}") as url, opened(url, PEOPLE) as store:
        assert rows(url, "SELECT count(*) FROM people") == [(0,)]
        with pytest.raises(StoreUnavailable):
            located(store, PEOPLE, WHO)
        with opened(crowd, PEOPLE) as ours:
            copies = located(ours, PEOPLE, WHO)
        assert "BYPASSRLS" in store.preflight(PEOPLE, copies)[0].detail
        assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.PERMISSION
        assert next(store.probe(PEOPLE, copies)).could_not
        assert FindingKind.PERMISSION in {found.kind for found in store.check(())}


def test_a_role_with_little_more_than_delete_can_erase(crowd):
    with role(crowd, "eraser", "GRANT SELECT, DELETE ON people TO {role}") as url, opened(url, PEOPLE) as store:
        assert store.capabilities.grounding <= Grounding.REMOVED
        assert erased(store, PEOPLE, WHO) == {"s0": Erased(1)}


def test_a_database_that_is_read_only(crowd):
    run(crowd, f"ALTER DATABASE {crowd.rpartition('/')[2]} SET default_transaction_read_only = on")
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        assert store.preflight(PEOPLE, copies)[0].reason is Reason.PERMISSION
        assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.PERMISSION
        assert next(store.probe(PEOPLE, copies)).items == 1


# --- schemas that change ----------------------------------------------------------------------------


def test_columns_and_tables_that_went_meanwhile(crowd):
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        run(crowd, "ALTER TABLE people DROP CONSTRAINT people_pkey; ALTER TABLE people ADD n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
        run(
            crowd, "ALTER TABLE people ADD m int NOT NULL DEFAULT 1; ALTER TABLE people DROP CONSTRAINT people_pkey, ADD PRIMARY KEY (n, m)"
        )
        assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.SCHEMA_CHANGED
        run(crowd, "ALTER TABLE people RENAME COLUMN id TO who")
        assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.SCHEMA_CHANGED
        assert store.preflight(PEOPLE, copies)[0].reason is Reason.SCHEMA_CHANGED
        assert "column id" in next(store.probe(PEOPLE, copies)).could_not
        run(crowd, "DROP TABLE people")
        assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.SCHEMA_CHANGED
        assert store.purge([PEOPLE], KEY).reason is Reason.SCHEMA_CHANGED
        with pytest.raises(CouldNotLook, match="table people"):
            located(store, PEOPLE, WHO)


def test_a_published_table_without_identity_is_found_before(crowd):
    run(crowd, "ALTER TABLE people DROP CONSTRAINT people_pkey", "CREATE PUBLICATION everything FOR TABLE people")
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        assert store.preflight(PEOPLE, copies)[0].reason is Reason.UNSUPPORTED
        assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.UNSUPPORTED
        kinds = [found.kind for found in store.check(()) if "publish" in found.what]
        assert kinds == [FindingKind.UNSUPPORTED, FindingKind.NOTE]


# --- servers that are not there ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_server(tmp_path_factory):
    """A server that may be stopped, and that logs all it can."""
    settings = {"log_statement": "all", "log_min_duration_statement": "0", "log_parameter_max_length_on_error": "-1"}
    with running_postgres(tmp_path_factory.mktemp("own"), settings={**settings, "log_lock_waits": "on"}) as server:
        yield server


@pytest.fixture
def own(own_server):
    own_server.start()
    url = own_server.database("own")
    run(url, CROWD)
    yield url
    own_server.start()
    own_server.drop("own")


def test_a_server_that_was_stopped_and_came_back(own_server, own):
    with opened(own, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        own_server.stop("immediate")
        with pytest.raises(StoreUnavailable):
            located(store, PEOPLE, WHO)
        answers = [store.erase(PEOPLE, copies, KEY)["s0"], store.purge([PEOPLE], KEY), *store.preflight(PEOPLE, copies)]
        assert {each.reason for each in answers} == {Reason.UNREACHABLE}
        assert next(store.probe(PEOPLE, copies)).could_not
        assert [found.kind for found in store.check(())] == [FindingKind.MISSING]
        assert store.capabilities.grounding is Grounding.NONE
        with pytest.raises(StoreUnavailable):
            list(store.raw())
        own_server.start()
        assert store.erase(PEOPLE, copies, KEY) == {"s0": Erased(1)}


def test_a_server_that_was_restarted_reaches_at_once_what_it_did(own_server, own):
    with opened(own, PEOPLE) as store:
        before = store.capabilities
        assert before.grounding is Grounding.SCRUBBED
        own_server.stop("immediate")
        own_server.start()
        assert store.capabilities == before
        own_server.stop("immediate")
        assert store.capabilities.grounding is Grounding.NONE
        own_server.start()
        assert store.capabilities == before


@pytest.mark.soak
def test_a_server_that_hangs_is_not_waited_for_longer_than_said(own_server, own, monkeypatch):
    monkeypatch.setattr("expunge.stores.postgres.server.connection._CONNECT_SECONDS", 2)
    with opened(own, PEOPLE) as store:
        assert store.capabilities.grounding is Grounding.SCRUBBED
        copies = located(store, PEOPLE, WHO)
        children = [pid for (pid,) in rows(own, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")]
        for pid in (own_server.pid, *children):
            os.kill(pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.UNREACHABLE
            assert time.monotonic() - begun < 10
            assert store.capabilities.grounding is Grounding.NONE, "the session that looks at the server itself is asked as well"
        finally:
            for pid in (own_server.pid, *children):
                os.kill(pid, signal.SIGCONT)
        assert store.capabilities.grounding is Grounding.SCRUBBED
        assert store.erase(PEOPLE, copies, KEY) == {"s0": Erased(1)}


@pytest.mark.parametrize("when", ["postgres.erase.begin:before", "postgres.erase.commit:before"])
def test_a_session_that_is_ended_by_the_server_changes_nothing(crowd, when):
    def end():
        ours = "application_name = 'expunge' AND datname = current_database() AND pid <> pg_backend_pid()"
        assert rows(crowd, f"SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE {ours}") == [(True,)]

    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        with permit.required(end if "commit" in when else lambda: None):
            if "begin" in when:
                end()
            answer = store.erase(PEOPLE, copies, KEY)["s0"]
        if "commit" in when:
            assert (answer.reason, answer.reason in RETRYABLE) == (Reason.UNREACHABLE, True)
            answer = store.erase(PEOPLE, copies, KEY)["s0"]
        assert answer == Erased(1)


def test_a_trigger_that_ends_the_session_changes_nothing(crowd):
    run(
        crowd,
        "CREATE FUNCTION get_out() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER get AFTER DELETE ON people DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION get_out()",
    )
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.UNREACHABLE
        assert next(store.probe(PEOPLE, copies)).items == 1
        run(crowd, "DROP TRIGGER get ON people")
        with arm("postgres.erase.commit:after", "lost"), pytest.raises(ReplyLost):
            store.erase(PEOPLE, copies, KEY)
        assert next(store.probe(PEOPLE, copies)).items == 0
        assert store.erase(PEOPLE, copies, KEY) == {"s0": Absent()}


def test_what_became_of_a_transaction_is_asked_of_the_server(crowd):
    """The line breaks while COMMIT is on its way: the server knows whether it counted."""
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        before = psycopg.Connection.execute

        def broken(self, query, *args, **kwargs):
            done = before(self, query, *args, **kwargs)
            if query == "COMMIT" and self.info.dsn and not self.closed:
                self.close()
                raise psycopg.OperationalError("the connection is lost")
            return done

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(psycopg.Connection, "execute", broken)
            assert store.erase(PEOPLE, copies, KEY) == {"s0": Erased(1)}
    assert len(rows(crowd, "SELECT 1 FROM people")) == 50


def test_a_worker_that_was_overtaken_commits_nothing(crowd):
    def overtaken():
        raise TakenOver("another worker goes on")

    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        with permit.required(overtaken), pytest.raises(TakenOver):
            store.erase(PEOPLE, copies, KEY)
        assert next(store.probe(PEOPLE, copies)).items == 1


# --- silence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["postgres", "eraser"])
def test_the_server_s_log_hears_nothing_of_anybody(own_server, own, who):
    """Everything is logged that a server can log; whoever is looked for, erased, refused or probed is named nowhere in it."""
    run(own, "CREATE TABLE notes (person text REFERENCES people, n int, said text)", f"INSERT INTO notes VALUES ('{WHO}', 1, 'x')")
    run(own, "CREATE TABLE numbers (id int PRIMARY KEY, kind uuid); CREATE VIEW shown AS SELECT id, said FROM people")
    notes = Dataset("notes", "app", Through("people", "id"), "life", layout=TableLayout("notes"))
    people, numbers = dataset("people", follow=("id",)), dataset("numbers")
    grants = ("GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA public TO {role}",)
    with contextlib.ExitStack() as stack:
        url = own if who == "postgres" else stack.enter_context(role(own, who, *grants))
        start = own_server.log.stat().st_size
        with opened(url, people, notes, numbers) as store:
            copies = located(store, people, WHO)
            located(store, numbers, WHO, "7", WHO + "\n", "99999999999999999999")
            store.preflight(people, copies)
            assert store.erase(people, copies, KEY)["s0"].reason is Reason.REFERENCED
            run(own, "DROP TABLE notes")
            assert erased(store, people, WHO) == {"s0": Erased(1)}
            list(store.probe(people, copies))
            list(store.bystanders(people, copies, None))
        said = own_server.log.read_bytes()[start:]
    assert said, "the log holds nothing at all: this test would prove nothing"
    assert not [name for name, form in forms(WHO) if form in said]


def test_no_identifier_is_left_in_statistics_or_temporary_tables(crowd):
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        store.erase(PEOPLE, copies, KEY)
        assert rows(crowd, "SELECT count(*) FROM pg_class WHERE relname ~ '^expunge'") == [(0,)]
        assert rows(crowd, f"SELECT count(*) FROM pg_stats WHERE most_common_vals::text ~ '{WHO}' OR histogram_bounds::text ~ '{WHO}'") == [
            (0,)
        ]


# --- declarations -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("postgresql://h/db?nonsense=1", {}, "no address"),
        ("postgresql://h/db", {"speed": "fast"}, "no option speed"),
        ("postgresql://h/db", {"lock_ms": 0}, "lock_ms"),
        ("postgresql://h/db", {"lock_ms": "soon"}, "lock_ms"),
        ("postgresql://h/db", {"clock": 5}, "clock"),
    ],
)
def test_a_declaration_that_makes_no_sense(url, options, said):
    with pytest.raises(Misconfigured, match=said) as caught:
        open_store(StoreSpec("app", "postgres", url, options), ())
    assert caught.value.help


def test_without_its_client_the_kind_says_what_to_install():
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from expunge.core.datamap.datamap import StoreSpec; from expunge.stores import open_store\n"
        "from expunge.errors import Misconfigured\n"
        "try: open_store(StoreSpec('app', 'postgres', 'postgresql://h/db'), ())\n"
        "except Misconfigured as error: print(error.message, '|', error.help)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == "store app: the kind postgres needs the package psycopg, which is not installed | install expunge[postgres]\n"


def test_a_reference_without_an_index_is_noted(crowd):
    run(crowd, "CREATE TABLE notes (person text REFERENCES people, n int)", "CREATE INDEX ON notes (n, person)")
    with opened(crowd, PEOPLE, dataset("notes", "person")) as store:
        assert ["notes refers" in found.what for found in store.check(()) if "without an index" in found.what] == [True]
        run(crowd, "CREATE INDEX ON notes (person, n)")
        assert not [found for found in store.check(()) if "without an index" in found.what]


def test_a_password_is_in_no_message():
    with pytest.raises(Misconfigured) as caught:
        Postgres(StoreSpec("app", "postgres", "postgresql://me:hunter2secret@host/x?nonsense=1"), ())
    assert "hunter2secret" not in repr(caught.value) + str(caught.value.__cause__) + caught.value.help
    with closing(Postgres(StoreSpec("app", "postgres", "postgresql://me:hunter2secret@127.0.0.1:1/x"), (PEOPLE,))) as store:
        with pytest.raises(StoreUnavailable) as unreachable:
            located(store, PEOPLE, WHO)
        assert "hunter2secret" not in repr(unreachable.value) + repr(list(store.check(())))


def test_cost_counts_each_table_once(crowd):
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        cost = store.cost({"people": copies})
        ((size,),) = rows(crowd, "SELECT pg_total_relation_size('people')")
        assert (cost.read_bytes, cost.rewrites, cost.written_bytes) == (size, 1, 2 * size)
        assert store.cost({"people": []}).rewrites == 0


@pytest.mark.soak
def test_damage_below_is_named(crowd, postgres_server):
    run(crowd, "CHECKPOINT")
    ((path,),) = rows(crowd, "SELECT pg_relation_filepath('people')")
    with opened(crowd, PEOPLE) as store:
        copies = located(store, PEOPLE, WHO)
        postgres_server.stop()
        with (postgres_server.data / path).open("r+b") as file:
            file.write(b"\xfe" * 8192)
        postgres_server.start()
        answer = store.erase(PEOPLE, copies, KEY)["s0"]
        assert isinstance(answer, Unable)
        assert answer.reason is Reason.CORRUPT
        with pytest.raises(CouldNotLook):
            located(store, PEOPLE, WHO)


# --- others use the server meanwhile ------------------------------------------------------------------


def test_what_leads_nowhere_in_the_servers_folder_keeps_nothing_from_us(crowd, postgres_server):
    """As the name of a file that was there a moment ago, between being listed and being looked at."""
    gone = postgres_server.data / "postgresql.auto.conf.tmp"
    gone.symlink_to("nowhere")
    try:
        with opened(crowd, PEOPLE) as store:
            assert store.capabilities.grounding is Grounding.SCRUBBED
            assert list(store.raw())
    finally:
        gone.unlink()


def test_what_was_listed_and_went_before_it_was_read_does_not_end_the_look(crowd, postgres_server):
    """A database that was being made and was given up, and settings on their way to another name."""
    being_made = postgres_server.data / "base" / "4294967294"
    being_written = postgres_server.data / "postgresql.auto.conf.tmp"
    being_made.mkdir()
    being_written.write_text("wal_recycle = off\n")
    with opened(crowd, PEOPLE) as store:
        sources = tuple(store.raw())
    assert {being_made, being_written} <= {each.path for each in sources}, "they hold bytes as long as they are there"
    being_made.rmdir()
    being_written.unlink()
    scanned = ResidueScanner(processes=1).scan(sources, Traces(bytes(32), ()))
    assert dict(scanned.coverage.skipped) == {"vanished": 2}


class Restarted:
    """A connection after whose every answer the files of the server are, for a moment, those of one that is just starting."""

    def __init__(self, ours, files):
        self._ours, self._files = ours, files

    def execute(self, *args):
        done = self._ours.execute(*args)
        next(self._files, None)
        return done


def test_a_server_that_is_just_being_restarted_is_asked_again_before_its_files_are_said_to_be_somebody_elses(own_server, own):
    said = own_server.data / "postmaster.pid"
    text = said.read_text()
    lines = text.splitlines()

    def files():
        yield
        said.write_text("\n".join([*lines[:2], str(int(lines[2]) - 86_400), *lines[3:]]))
        yield
        said.write_text(text)

    with busy(own) as ours:
        place = data_directory.find(Restarted(ours, files()))
    assert isinstance(place, data_directory.DataDirectory), place


class Checkpointed:
    """A connection before and after whose every statement somebody else has the server write a checkpoint."""

    def __init__(self, ours, other):
        self._ours, self._other = ours, other

    def _checkpoint(self):
        self._other.execute("SELECT pg_logical_emit_message(true, 'x', 'y')")
        self._other.execute("CHECKPOINT")

    def execute(self, *args):
        self._checkpoint()
        done = self._ours.execute(*args)
        self._checkpoint()
        return done


def test_a_server_that_writes_checkpoint_after_checkpoint_is_known_by_its_files(crowd, postgres_server):
    with busy(crowd) as ours, busy(crowd) as other:
        place = data_directory.find(Checkpointed(ours, other))
    assert isinstance(place, data_directory.DataDirectory), place
    assert place.data == postgres_server.data


def test_a_probe_that_waited_in_vain_for_a_lock_looks_again(crowd):
    """Whoever rewrites the table for another order may have to wait for the disk for longer than we wait for locks."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE application_name = 'expunge' AND wait_event_type = 'Lock'"
    waited = []
    with opened(crowd, PEOPLE, lock_ms=3000) as store:
        copies = located(store, PEOPLE, WHO)
        with busy(crowd, "BEGIN", "LOCK TABLE people IN ACCESS EXCLUSIVE MODE") as other, busy(crowd) as looking:

            def let_go():
                waited.append(wait_until(lambda: looking.execute(waiting).fetchone() is not None, 60))
                first = looking.execute(waiting).fetchall()
                waited.append(wait_until(lambda: looking.execute(waiting).fetchall() != first, 60))
                other.execute("COMMIT")

            thread = threading.Thread(target=let_go)
            thread.start()
            (seen,) = store.probe(PEOPLE, copies)
            thread.join()
    assert waited == [True, True]
    assert (seen.items, seen.could_not) == (1, "")


def test_a_table_space_that_is_dropped_while_it_is_listed(crowd, tmp_path):
    space = tmp_path / "space"
    space.mkdir()
    run(crowd, f"CREATE TABLESPACE going LOCATION '{space}'")
    try:
        # As the name of a folder that was there a moment ago.
        (space / "PG_0_gone").symlink_to("nowhere")
        with opened(crowd, PEOPLE) as store:
            assert store.capabilities.grounding is Grounding.SCRUBBED
            assert list(store.raw())
    finally:
        run(crowd, "DROP TABLESPACE going")


@contextmanager
def committed_when_waited_for(url, *statements):
    """Somebody's transaction, which commits as soon as one of our sessions waits for it; the block must make one wait."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'expunge' AND wait_event_type = 'Lock'"
    waited = []
    with busy(url, "BEGIN", *statements) as other:

        def commit():
            with busy(url) as looking:
                waited.append(wait_until(lambda: looking.execute(waiting).fetchone() != (0,), 60))
            other.execute("COMMIT")

        thread = threading.Thread(target=commit)
        thread.start()
        try:
            yield
        finally:
            thread.join()
    assert waited == [True], "nobody waited: this test would prove nothing"


PATIENT = {"lock_ms": 100_000}


def test_a_view_that_is_dropped_while_definitions_are_read_keeps_no_probe_from_its_answer(crowd):
    """Of what was dropped since its query began the server says that it cannot be opened, as if its catalogue were damaged."""
    run(crowd, "CREATE VIEW other AS SELECT 'nobody in particular'::text AS said", f"CREATE VIEW named AS SELECT '{WHO}'::text AS who")
    with opened(crowd, PEOPLE, **PATIENT) as store:
        copies = located(store, PEOPLE, WHO)
        assert store.erase(PEOPLE, copies, KEY) == {"s0": Erased(1)}
        with committed_when_waited_for(crowd, "DROP VIEW other"):
            (seen,) = store.probe(PEOPLE, copies)
        assert (seen.could_not, seen.items) == ("", 1), "a constant of the view that stayed still names them"


@pytest.mark.parametrize("instead", [True, False])
def test_a_view_that_is_dropped_while_it_is_looked_at_shows_nobody_and_one_in_its_place_does(crowd, instead):
    run(crowd, "CREATE TABLE archive AS SELECT * FROM people", "CREATE MATERIALIZED VIEW shown AS SELECT id FROM people WHERE false")
    replaced = ["CREATE VIEW shown AS SELECT id FROM people UNION ALL SELECT id FROM archive"] if instead else []
    with opened(crowd, PEOPLE, **PATIENT) as store:
        copies = located(store, PEOPLE, WHO)
        assert store.erase(PEOPLE, copies, KEY) == {"s0": Erased(1)}
        with committed_when_waited_for(crowd, "DROP MATERIALIZED VIEW shown", *replaced):
            (seen,) = store.probe(PEOPLE, copies)
        assert (seen.could_not, seen.items) == ("", len(replaced))
        assert ("view shown" in seen.paths) is instead


def test_a_view_that_is_dropped_while_it_is_to_be_refreshed_stands_in_no_purges_way(crowd):
    run(crowd, "CREATE MATERIALIZED VIEW shown AS SELECT id FROM people")
    with opened(crowd, PEOPLE, **PATIENT) as store:
        copies = located(store, PEOPLE, WHO)
        assert store.erase(PEOPLE, copies, KEY) == {"s0": Erased(1)}
        with committed_when_waited_for(crowd, "DROP MATERIALIZED VIEW shown"):
            assert isinstance(store.purge([PEOPLE], KEY), Erased)


def test_a_table_that_others_never_stop_changing_is_not_rewritten_for_ever(crowd):
    """Each time somebody looked at the table just before a row was changed, and goes when it has been rewritten: it has to be once more."""
    ours = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE application_name = 'expunge' AND query LIKE 'VACUUM (FULL%people'"
    changed, ended = 0, threading.Event()
    with opened(crowd, PEOPLE, lock_ms=20_000) as store, busy(crowd) as looking, busy(crowd) as app, busy(crowd) as reader:

        def change():
            app.execute("BEGIN")
            app.execute("UPDATE people SET said = said || '.' WHERE id = 'p1'")

        def meanwhile():
            nonlocal changed
            while not ended.is_set():
                if looking.execute(ours + " AND state = 'active'").fetchall() == [(True,)]:
                    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                    reader.execute("SELECT 1")
                    app.execute("COMMIT")
                    changed += 1
                    wait_until(lambda: not looking.execute(ours + " AND state = 'active'").fetchall(), 60)
                    change()
                    reader.execute("COMMIT")
                time.sleep(0.01)

        assert erased(store, PEOPLE, WHO) == {"s0": Erased(1)}
        change()
        thread = threading.Thread(target=meanwhile)
        thread.start()
        answer = store.purge([PEOPLE], KEY)
        ended.set()
        thread.join()
        app.execute("COMMIT")
        assert isinstance(answer, Unable)
        assert answer.reason is Reason.READER_OPEN
        assert "others go on changing" in answer.detail
        assert 1 < changed < 20
        assert store.purge([PEOPLE], KEY) != answer, "when it is used less"
