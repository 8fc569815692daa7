"""The journal on PostgreSQL: the same suite, and what a server can do to it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from django.db import connections, transaction

from expunge import faults
from expunge.adapters.database.journal_django import DjangoJournal, open_journal
from expunge.adapters.database.leases_django import DjangoLeases
from expunge.adapters.database.shelf_django import DjangoShelf
from expunge.adapters.state import url as state_url
from expunge.core.values.ids import OrderId
from expunge.errors import Busy, Conflict, Misconfigured, StateCorrupt, StateUnavailable, TakenOver
from expunge.servers.postgres import PostgresServer, running_postgres
from expunge.testing.forked import in_child, start
from expunge.testing.journal_suite import JournalSuite
from tests.adapters.databases import OnPostgres, run
from tests.architecture.failpoints import all_failpoints

pytestmark = pytest.mark.servers


class TestJournalOnPostgres(OnPostgres, JournalSuite):
    # The events and the streams' new lengths are written by one call of the server's; a stream that begins passes the other points too.
    failpoints = ("journal.transaction:before", "journal.at_once:before", "journal.commit:after")

    def place(self, folder: Path) -> str:
        return self.fresh()

    def open(self, place: str) -> DjangoJournal:
        return open_journal(place)

    def damage(self, place: str, stream: str, position: int, how: Literal["changed", "gone"]) -> None:
        where = "WHERE position = %s AND stream_id = (SELECT id FROM expunge_stream WHERE name = %s)"
        change = "UPDATE expunge_event SET body = '\\x00'" if how == "changed" else "DELETE FROM expunge_event"
        run(place, f"{change} {where}", position, stream)


# ---- how it is set up ------------------------------------------------------------------------------------------------


def test_every_session_waits_for_the_device_and_for_nobody_for_ever(database: str, postgres_server: PostgresServer) -> None:
    run(database, "ALTER DATABASE " + database.rsplit("/", 1)[1] + " SET synchronous_commit = off")
    with open_journal(database) as journal, connections[journal.alias].cursor() as cursor:
        found = {}
        for name in ("synchronous_commit", "lock_timeout", "idle_in_transaction_session_timeout", "application_name"):
            cursor.execute(f"SHOW {name}")
            row = cursor.fetchone()
            assert row is not None
            found[name] = row[0]
    assert found == {
        "synchronous_commit": "on",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "1min",
        "application_name": "expunge",
    }


def test_a_server_that_does_not_write_to_the_device_is_refused(tmp_path: Path) -> None:
    with running_postgres(tmp_path, settings={"fsync": "off"}) as server, pytest.raises(Misconfigured, match="its fsync is off"):
        open_journal(server.url)


@pytest.mark.parametrize(
    "bad",
    [
        "postgresql://",
        "postgresql://u:secret@h",
        "postgresql://u:secret@h/",
        "postgresql://u:secret@h/a/b",
        "postgresql://u:secret@h:port/d",
        "postgresql://u:secret@h/d?options=-cfsync%3Doff",
        "postgres://u:secret@h/d#x",
    ],
)
def test_a_url_that_cannot_be_used_says_what_to_write_and_keeps_its_password(tmp_path: Path, bad: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        open_journal(bad, tmp_path)
    assert "postgresql://" in caught.value.help or "sslmode" in caught.value.help
    assert "secret" not in str(caught.value) + caught.value.help
    assert list(tmp_path.iterdir()) == []


def test_what_is_quoted_in_a_url_reaches_the_client_as_it_was(tmp_path: Path) -> None:
    settings = state_url.parse("postgres://us%40er:p%2Fw@[::1]:5433/my%20db?sslmode=require", tmp_path).settings
    assert {name: settings[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "my db",
        "USER": "us@er",
        "PASSWORD": "p/w",
        "HOST": "::1",
        "PORT": "5433",
    }
    assert settings["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize("change", ["no_such_database", "port"])
def test_a_server_that_is_not_there_or_lets_us_not_in_is_said(database: str, change: str) -> None:
    wrong = database.rsplit("/", 1)[0] + "/nowhere" if change != "port" else "postgresql://postgres:secret@127.0.0.1:1/x"
    with pytest.raises(StateUnavailable, match="cannot be reached, does not let us in") as caught:
        open_journal(wrong)
    assert "`state:`" in caught.value.help
    assert "secret" not in str(caught.value) + caught.value.help


# ---- making the tables -----------------------------------------------------------------------------------------------


def test_many_workers_that_start_at_once_make_the_tables_once(database: str) -> None:
    def begin(name: str) -> None:
        with open_journal(database) as journal:
            journal.append(f"ord-{name}", 0, [name.encode()])

    for child in [start(lambda name=name: begin(name)) for name in "abcdefgh"]:  # type: ignore[misc]
        child.wait().returned()
    with open_journal(database) as journal:
        assert sorted(journal.streams()) == [f"ord-{name}" for name in "abcdefgh"]


@pytest.mark.parametrize("point", [name for name in all_failpoints() if name.startswith("state.migrate")])
def test_killed_while_making_the_tables_the_next_open_makes_them(database: str, point: str) -> None:
    def begin() -> None:
        with faults.arm(point, "kill", 2):
            open_journal(database)

    assert in_child(begin).killed_by == 9
    with open_journal(database) as journal:
        journal.append("ord-a", 0, [b"1"])
        assert list(journal.read("ord-a")) == [b"1"]


def test_a_database_of_a_newer_version_is_refused(database: str) -> None:
    open_journal(database).close()
    run(database, "INSERT INTO django_migrations (app, name, applied) VALUES ('expunge_state', 'm0099_later', '2030-01-01')")
    with pytest.raises(StateCorrupt, match="newer version"):
        open_journal(database)


# ---- what a server can do --------------------------------------------------------------------------------------------


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[PostgresServer]:
    with running_postgres(tmp_path / "server") as server:
        yield server


@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
def test_a_server_that_goes_away_is_said_and_the_next_call_after_its_return_works(own_server: PostgresServer, how: str) -> None:
    stop = {"fast": own_server.stop, "immediate": lambda: own_server.stop("immediate"), "kill": own_server.kill}[how]
    with open_journal(own_server.url) as journal:
        journal.append("ord-a", 0, [b"1"])
        stop()
        for use in (lambda: journal.append("ord-a", 1, [b"2"]), lambda: journal.length("ord-a"), lambda: list(journal.read("ord-a"))):
            with pytest.raises(StateUnavailable, match="ended the connection") as caught:
                use()
            assert "check that the server" in caught.value.help
        own_server.start()
        journal.append("ord-a", 1, [b"2"])
        own_server.stop("immediate")
        own_server.start()
        with pytest.raises(StateUnavailable):  # the connection is from before
            journal.append("ord-a", 2, [b"3"])
        assert journal.append("ord-a", 2, [b"3"]) == 3
        own_server.stop("immediate")
        own_server.start()
        with pytest.raises(StateUnavailable):
            journal.length("ord-a")
        assert list(journal.read("ord-a")) == [b"1", b"2", b"3"]


def test_a_server_killed_in_the_middle_of_appends_keeps_every_one_that_was_answered(own_server: PostgresServer) -> None:
    answered: dict[str, int] = {}
    enough, opened = threading.Event(), threading.Barrier(3)

    def write(stream: str) -> None:
        with open_journal(own_server.url) as journal:
            opened.wait(300)
            try:
                for at in range(100_000):
                    answered[stream] = journal.append(stream, at * 3, [b"%d" % at] * 3)
                    if at == 40:
                        enough.set()
            except StateUnavailable:
                return

    threads = [threading.Thread(target=write, args=(f"ord-{name}",)) for name in "abc"]
    for thread in threads:
        thread.start()
    assert enough.wait(300)
    own_server.kill()
    for thread in threads:
        thread.join()
    own_server.start()
    with open_journal(own_server.url) as journal:
        for stream, length in answered.items():
            events = list(journal.read(stream))
            assert len(events) in {length, length + 3}, "one append may have been committed without an answer"


def test_a_table_that_is_gone_is_damage_and_a_server_that_only_reads_is_said(database: str) -> None:
    with open_journal(database) as journal:
        connections[journal.alias].cursor().execute("SET default_transaction_read_only = on")
        with pytest.raises(StateUnavailable, match="only reads"):
            journal.append("ord-a", 0, [b"1"])
        connections[journal.alias].cursor().execute("SET default_transaction_read_only = off")
        run(database, "DROP TABLE expunge_event")
        with pytest.raises(StateCorrupt, match="lacks a table"):
            journal.append("ord-a", 0, [b"1"])


def test_a_transaction_that_holds_a_stream_makes_us_busy_and_not_stuck(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(state_url._SERVER_SETTINGS, "lock_timeout", "200")
    import psycopg

    with open_journal(database) as journal:
        journal.append("ord-a", 0, [b"1"])
        with psycopg.connect(database) as other:
            other.execute("SELECT * FROM expunge_stream FOR UPDATE")
            with pytest.raises(Busy, match="another session"):
                journal.append("ord-a", 1, [b"2"])
        assert journal.append("ord-a", 1, [b"2"]) == 2


# ---- living in a host program ----------------------------------------------------------------------------------------

HOST = """
import warnings; warnings.simplefilter("error")
from django.conf import settings
database = {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes"], DATABASES={{"default": database}}, USE_TZ=False, TIME_ZONE="Asia/Tokyo")
import django
django.setup()
import threading
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.database.leases_django import DjangoLeases
from expunge.adapters.database.queue_procrastinate import open_queue
with open_journal({place!r}) as journal:
    lease = DjangoLeases(journal.alias).take("a", "b", 60)
    queue = open_queue(journal.alias)
    with journal.atomically():
        journal.append_all([("ord-a", 0, [b"1"])], lease)
        queue.put(("ord-a",), "step")
    stop = threading.Event()
    queue.work(lambda orders, step: (print(orders, step, lease.since.tzinfo), stop.set()), name="w", stop=stop, poll=0.2)
    print(queue.waiting(), list(settings.DATABASES), settings.INSTALLED_APPS)
"""


def test_a_host_program_with_its_own_settings_keeps_them_and_everything_works(database: str) -> None:
    done = subprocess.run([sys.executable, "-c", HOST.format(place=database)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["('ord-a',) step UTC", "0 ['default'] ['django.contrib.contenttypes']"]


# ---- several at once -------------------------------------------------------------------------------------------------


def test_appends_to_the_same_streams_in_any_order_never_stop_one_another(database: str) -> None:
    open_journal(database).close()

    def write(name: str, streams: list[str]) -> Callable[[], int]:
        def work() -> int:
            done = 0
            with open_journal(database) as journal:
                while done < 60:
                    appends = [(stream, journal.length(stream), [name.encode()]) for stream in streams]
                    try:
                        journal.append_all(appends)
                    except Conflict:
                        continue
                    done += 1
            return done

        return work

    children = [start(write("a", ["ord-1", "ord-2", "ord-3"])), start(write("b", ["ord-3", "ord-2", "ord-1"]))]
    for child in children:
        assert child.wait().returned() == 60
    with open_journal(database) as journal:
        read = [list(journal.read(stream)) for stream in ("ord-1", "ord-2", "ord-3")]
    assert read[0] == read[1] == read[2]
    assert sorted(read[0]) == [b"a"] * 60 + [b"b"] * 60


def test_an_append_to_several_streams_of_which_one_has_moved_on_changes_none(database: str) -> None:
    with open_journal(database) as journal:
        journal.append("ord-b", 0, [b"1"])
        with pytest.raises(Conflict):
            journal.append_all([("ord-a", 0, [b"x"]), ("ord-b", 0, [b"x"]), ("ord-c", 0, [b"x"])])
        assert list(journal.streams()) == ["ord-b"]


def test_one_process_at_a_time_runs_orders_and_the_right_dies_with_its_holder(database: str) -> None:
    open_journal(database).close()

    def second() -> str:
        with open_journal(database, wait=0.3) as journal:
            journal.append("ord-b", journal.length("ord-b"), [b"received while another process runs"])
            began = time.monotonic()
            try:
                with journal.exclusive():
                    return "ran"
            except Busy as busy:
                assert 0.25 < time.monotonic() - began < 5
                return busy.message

    def run_and_die() -> None:
        with open_journal(database) as journal, journal.exclusive(), faults.arm("journal.commit:after", "kill"):
            journal.append("ord-a", 0, [b"1"])

    with open_journal(database) as journal, journal.exclusive():
        assert in_child(second).returned() == "another process is running orders"
    assert in_child(second).returned() == "ran"
    assert in_child(run_and_die).killed_by == 9
    assert in_child(second).returned() == "ran"


# ---- together, and under a lease -------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    return str(request.getfixturevalue("database"))


ORDER = OrderId("ord-a")


def test_what_is_done_atomically_is_there_as_a_whole_or_not_at_all(place: str) -> None:
    with open_journal(place) as journal:
        shelf = DjangoShelf(journal.alias)

        def fail_halfway() -> None:
            with journal.atomically():
                journal.append("ord-a", 0, [b"1"])
                shelf.put(ORDER, "plan", b"x")
                assert journal.length("ord-a") == 1
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_halfway()
        assert journal.length("ord-a") == 0
        assert shelf.get(ORDER, "plan") is None
        with journal.atomically():
            journal.append("ord-a", 0, [b"1"])
            with pytest.raises(Conflict):
                journal.append_all([("ord-b", 0, [b"x"]), ("ord-a", 0, [b"lost"])])
            journal.append("ord-a", 1, [b"2"])
            shelf.put(ORDER, "plan", b"x")
        assert list(journal.read("ord-a")) == [b"1", b"2"]
        assert list(journal.streams()) == ["ord-a"]
        assert shelf.get(ORDER, "plan") == b"x"


@pytest.mark.parametrize("point", [name for name in all_failpoints() if name.startswith("journal.together")])
def test_killed_around_the_commit_of_a_block_it_is_there_as_a_whole_or_not_at_all(place: str, point: str) -> None:
    open_journal(place).close()

    def work() -> None:
        with open_journal(place) as journal, faults.arm(point, "kill"), journal.atomically():
            journal.append("ord-a", 0, [b"1"])
            DjangoShelf(journal.alias).put(ORDER, "plan", b"x")
            journal.append("ord-b", 0, [b"1"])

    assert in_child(work).killed_by == 9
    with open_journal(place) as journal:
        there = [journal.length("ord-a"), journal.length("ord-b"), DjangoShelf(journal.alias).get(ORDER, "plan")]
    assert there == ([1, 1, b"x"] if point.endswith("commit:after") else [0, 0, None])


def test_blocks_do_not_nest_and_others_transactions_are_no_blocks(place: str) -> None:
    with open_journal(place) as journal:
        with pytest.raises(RuntimeError), transaction.atomic(using=journal.alias):
            journal.append("ord-a", 0, [b"1"])
        with pytest.raises(RuntimeError), transaction.atomic(using=journal.alias), journal.atomically():
            pass
        assert journal.append("ord-a", 0, [b"1"]) == 1


@pytest.mark.parametrize("point", [name for name in all_failpoints() if name.startswith(("journal.transaction", "journal.events"))])
def test_killed_while_a_stream_begins_beside_one_that_goes_on_both_are_there_or_neither(place: str, point: str) -> None:
    with open_journal(place) as journal:
        journal.append("ord-b", 0, [b"1"])

    def work() -> None:
        with open_journal(place) as journal, faults.arm(point, "kill"):
            journal.append_all([("ord-a", 0, [b"1"]), ("ord-b", 1, [b"2"])])

    assert in_child(work).killed_by == 9
    with open_journal(place) as journal:
        assert [journal.length("ord-a"), journal.length("ord-b")] == [0, 1]


def test_an_append_may_give_back_the_lease_that_it_is_written_under(place: str) -> None:
    with open_journal(place) as journal:
        leases = DjangoLeases(journal.alias)
        journal.append("ord-a", 0, [b"1"])
        for number in (1, 2):
            lease = leases.take("ord-a/1/x", f"worker {number}", 60)
            assert lease is not None
            with pytest.raises(Conflict):
                journal.append_all([("ord-a", 7, [b"x"])], lease, ends=True)
            assert [each.token for each in leases.held()] == [lease.token]
            journal.append_all([("ord-a", number, [b"x"]), *([("ord-b", 0, [b"begins"])] if number == 2 else [])], lease, ends=True)
            assert leases.held() == ()
            with pytest.raises(TakenOver):
                journal.append_all([("ord-a", number + 1, [b"late"])], lease, ends=True)
        lease = leases.take("ord-a/1/x", "worker 3", 60)
        assert lease is not None

        def fail_halfway() -> None:
            with journal.atomically():
                journal.append_all([("ord-a", 3, [b"lost"])], lease, ends=True)
                assert leases.held() == ()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_halfway()
        assert [each.token for each in leases.held()] == [lease.token]
        assert list(journal.read("ord-a")) == [b"1", b"x", b"x"]


def test_one_call_of_the_server_continues_the_chain_that_we_check(database: str) -> None:
    """Where the server's answer is no, the same append is made step by step: both must write the same, and notice the same."""
    with open_journal(database) as journal:
        journal.append_all([("ord-a", 0, [b"1"]), ("ord-b", 0, [b"1", b"\x00\xff\\'"])])
        calls: list[str] = []

        def noting(execute: Callable[..., object], sql: str, *rest: object) -> object:
            calls.append(sql)
            return execute(sql, *rest)

        with connections[journal.alias].execute_wrapper(noting):
            journal.append_all([("ord-b", 2, [b"\x00'\\\xff", b""]), ("ord-a", 1, [b"2", b"3"])])
            journal.append_all([("ord-a", 3, []), ("ord-b", 4, [b"5"])])
        assert [sql.partition("(")[0] for sql in calls] == ["SELECT expunge_append"] * 2
        assert list(journal.read("ord-a")) == [b"1", b"2", b"3"]
        assert list(journal.read("ord-b")) == [b"1", b"\x00\xff\\'", b"\x00'\\\xff", b"", b"5"]


def test_who_locked_streams_is_told_their_lengths_and_waited_for(place: str) -> None:
    open_journal(place).close()
    with open_journal(place) as journal:
        journal.append_all([("ord-a", 0, [b"1"]), ("ord-b", 0, [b"1", b"2"])])
        seen: list[int] = []

        def write() -> None:
            journal.append("ord-a", 1, [b"mine"])
            seen.append(journal.length("ord-a"))
            journal.close()

        thread = threading.Thread(target=write)
        with journal.atomically():
            assert journal.lock(["ord-b", "ord-a", "ord-none"]) == {"ord-a": 1, "ord-b": 2}
            thread.start()
            time.sleep(0.5)
            assert seen == []
        thread.join()
        assert seen == [2]


def test_a_worker_whose_lease_has_passed_to_another_writes_nothing(place: str) -> None:
    with open_journal(place) as journal:
        leases = DjangoLeases(journal.alias)
        late = leases.take("ord-a/1/x", "late", 0.2)
        assert late is not None
        journal.append_all([("ord-a", 0, [b"in time"])], late)
        time.sleep(0.3)
        journal.append_all([("ord-a", 1, [b"nobody took it meanwhile"])], late)
        now = leases.take("ord-a/1/x", "now", 60)
        assert now is not None
        with pytest.raises(TakenOver):
            journal.append_all([("ord-a", 2, [b"too late"])], late)
        journal.append_all([("ord-a", 2, [b"mine"])], now)
        leases.end(now)
        with pytest.raises(TakenOver):
            journal.append_all([("ord-a", 3, [b"after the end"])], now)
        with journal.atomically():
            with pytest.raises(TakenOver):
                journal.append_all([("ord-a", 3, [b"too late"])], late)
            journal.append("ord-b", 0, [b"goes on"])
        assert list(journal.read("ord-a")) == [b"in time", b"nobody took it meanwhile", b"mine"]


def test_a_lease_cannot_be_taken_over_between_its_check_and_the_commit(database: str) -> None:
    with open_journal(database) as journal:
        leases = DjangoLeases(journal.alias)
        late = leases.take("ord-a/1/x", "late", 0.1)
        assert late is not None
        time.sleep(0.2)

        seen: list[int] = []

        def take_over() -> None:
            assert leases.take("ord-a/1/x", "now", 60) is not None
            seen.append(journal.length("ord-a"))
            journal.close()

        thread = threading.Thread(target=take_over)
        with journal.atomically():
            journal.append_all([("ord-a", 0, [b"1"])], late)
            thread.start()
            time.sleep(0.5)
            assert seen == []
        thread.join()
        assert seen == [1], "whoever took over sees what was written before"
