from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from django.db import connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from expunge import faults
from expunge.adapters.database.journal_chain import genesis, link
from expunge.adapters.database.journal_django import DjangoJournal, open_journal
from expunge.adapters.host.file_lock import FileLock
from expunge.adapters.state import url
from expunge.errors import Busy, Conflict, Misconfigured, StateCorrupt, StateUnavailable
from expunge.testing.forked import alongside, in_child, start
from expunge.testing.journal_suite import JournalSuite
from tests.architecture.failpoints import all_failpoints


class TestJournalOnSqlite(JournalSuite):
    failpoints = ("journal.transaction:before", "journal.events:after", "journal.commit:before", "journal.commit:after")

    def place(self, folder: Path) -> str:
        return f"sqlite:///{folder}/state/state.db"

    def open(self, place: str) -> DjangoJournal:
        return open_journal(place)

    def damage(self, place: str, stream: str, position: int, how: Literal["changed", "gone"]) -> None:
        connection = sqlite3.connect(place.removeprefix("sqlite:///"))
        where = "WHERE position = ? AND stream_id = (SELECT id FROM expunge_stream WHERE name = ?)"
        change = "UPDATE expunge_event SET body = x'00'" if how == "changed" else "DELETE FROM expunge_event"
        assert connection.execute(f"{change} {where}", (position, stream)).rowcount == 1
        connection.commit()
        connection.close()

    def test_the_points_above_are_all_that_there_are(self) -> None:
        ours = {name for name in all_failpoints() if name.startswith(("journal.transaction", "journal.events", "journal.commit"))}
        assert ours == set(self.failpoints)


def test_the_chain_is_the_one_that_is_written_down() -> None:
    first = link(genesis("ord-aaaaaaaaaaaaaaaaaaaa"), b'{"kind":"received"}')
    assert genesis("ord-aaaaaaaaaaaaaaaaaaaa").hex() == "d7178d2fc351351a848494de06206c72933a9a16ee48c64c85b7b63fd545af8f"
    assert first.hex() == "85cd73cc02d2eb11174faaa4f6c6d9c3742a242d346c998579e9a0864e5eb24b"
    assert link(first, b"").hex() == "2c20ad97fcbcd1402162a6dd9bc0531982296c50bc3b8ff0362229fd233264b3"


@given(
    calls=st.lists(st.tuples(st.sampled_from(["ord-a", "ord-b", "holds"]), st.integers(0, 1), st.lists(st.binary(max_size=40), max_size=4)))
)
def test_any_sequence_of_appends_reads_back_as_a_list_would(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[str, int, list[bytes]]]
) -> None:
    place = f"sqlite:///{tmp_path_factory.mktemp('journal')}/state.db"
    model: dict[str, list[bytes]] = {}
    with open_journal(place) as journal:
        for stream, wrong, events in calls:
            length = len(model.get(stream, []))
            if wrong:
                with pytest.raises(Conflict):
                    journal.append(stream, length + 1, events)
                continue
            assert journal.append(stream, length, events) == length + len(events)
            if events:
                model.setdefault(stream, []).extend(events)
    with open_journal(place) as journal:
        assert list(journal.streams()) == list(model)
        for stream, events in model.items():
            assert list(journal.read(stream)) == events
            assert list(journal.read(stream, len(events) // 2)) == events[len(events) // 2 :]


def test_a_last_event_that_was_rewritten_with_its_digest_does_not_fit_the_stream(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path}/state.db") as journal:
        journal.append("ord-a", 0, [b"one", b"two"])
        forged = link(link(genesis("ord-a"), b"one"), b"TWO")
        connection = sqlite3.connect(tmp_path / "state.db")
        connection.execute("UPDATE expunge_event SET body = ?, digest = ? WHERE position = 1", (b"TWO", forged))
        connection.commit()
        connection.close()
        with pytest.raises(StateCorrupt):
            list(journal.read("ord-a"))
        with pytest.raises(StateCorrupt):
            journal.append("ord-a", 2, [b"three"])


def test_an_append_inside_somebody_elses_transaction_is_refused_because_it_would_not_be_durable(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path}/state.db") as journal:
        with pytest.raises(RuntimeError), transaction.atomic(using=journal._alias):
            journal.append("ord-a", 0, [b"1"])
        assert journal.length("ord-a") == 0


# ---- how SQLite is set up --------------------------------------------------------------------------------------------


def test_every_commit_reaches_the_device_and_deleted_bytes_are_zeroed(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path}/state.db") as journal, connections[journal._alias].cursor() as cursor:
        found = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "secure_delete")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}


def test_nobody_else_may_read_the_database_or_its_journals(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        with open_journal(f"sqlite:///{tmp_path}/new/state.db") as journal, journal.exclusive():
            journal.append("ord-a", 0, [b"1"])
            files = sorted((tmp_path / "new").iterdir())
            assert {path.name for path in files} > {"state.db", "state.db-wal", "state.db-shm"}
            for path in (tmp_path / "new", *files):
                assert path.stat().st_mode & 0o077 == 0, path
    finally:
        os.umask(mask)


@pytest.mark.parametrize("name", ["plain", "a b", "50%", "%41", "what?", "#1", 'Zoë\'s "state"', "a:b"])
def test_any_folder_name_can_be_written_as_a_url(tmp_path: Path, name: str) -> None:
    file = tmp_path / name / "state.db"
    for place in (url.sqlite_url(file), url.sqlite_url(file.relative_to(tmp_path))):
        open_journal(place, tmp_path).close()
        assert {path.name for path in tmp_path.iterdir()} == {name}
    assert file.is_file()


def test_a_relative_url_counts_from_the_folder_of_the_map(tmp_path: Path) -> None:
    open_journal("sqlite:///.expunge/a%20b.db", tmp_path).close()
    assert (tmp_path / ".expunge" / "a b.db").is_file()


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "state.db",
        "sqlite://",
        "sqlite:///",
        "sqlite://host/state.db",
        "sqlite:///:memory:",
        "sqlite:///a/",
        "sqlite:///a?x=1",
        "sqlite:///a#b",
        "oracle://u:secret@h/d",
    ],
)
def test_a_url_that_cannot_be_used_says_what_to_write_and_keeps_its_password(tmp_path: Path, bad: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        open_journal(bad, tmp_path)
    assert "sqlite:///" in caught.value.help
    assert "secret" not in str(caught.value) + caught.value.help
    assert list(tmp_path.iterdir()) == []


# ---- making the tables -----------------------------------------------------------------------------------------------


def test_processes_that_make_the_same_database_at_once_all_succeed(tmp_path: Path) -> None:
    def begin(name: str) -> None:
        with open_journal(f"sqlite:///{tmp_path}/state.db") as journal:
            journal.append(f"ord-{name}", 0, [name.encode()])

    for child in [start(lambda name=name: begin(name)) for name in "abcdef"]:  # type: ignore[misc]
        child.wait().returned()
    with open_journal(f"sqlite:///{tmp_path}/state.db") as journal:
        assert sorted(journal.streams()) == [f"ord-{name}" for name in "abcdef"]


@pytest.mark.parametrize("point", [name for name in all_failpoints() if name.startswith("state.")])
@pytest.mark.parametrize("action", ["kill", "full"])
def test_stopped_while_making_the_tables_the_next_open_makes_them(tmp_path: Path, point: str, action: str) -> None:
    def begin() -> None:
        with faults.arm(point, action):
            open_journal(f"sqlite:///{tmp_path}/state.db")

    ended = in_child(begin)
    assert ended.killed_by == 9 if action == "kill" else "StateUnavailable" in ended.error
    with open_journal(f"sqlite:///{tmp_path}/state.db") as journal:
        journal.append("ord-a", 0, [b"1"])
        assert list(journal.read("ord-a")) == [b"1"]


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/state.db"
    open_journal(place).close()
    connection = sqlite3.connect(tmp_path / "state.db")
    connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('expunge_state', 'm0099_later', '2030-01-01')")
    connection.commit()
    connection.close()
    with pytest.raises(StateCorrupt, match="newer version"):
        open_journal(place)


# ---- what the disk can do --------------------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"somebody's notes, not a database; " * 100)
    before = (tmp_path / "state.db").read_bytes()
    with pytest.raises(StateCorrupt, match="damaged or is none"):
        open_journal(f"sqlite:///{tmp_path}/state.db")
    assert (tmp_path / "state.db").read_bytes() == before


def test_a_damaged_page_is_said(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path}/state.db") as journal:
        journal.append("ord-a", 0, [bytes(5000)] * 20)
    with (tmp_path / "state.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)
    with pytest.raises(StateCorrupt), open_journal(f"sqlite:///{tmp_path}/state.db") as journal:
        list(journal.read("ord-a"))


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnavailable):
        open_journal(f"sqlite:///{tmp_path}/file/state.db")


def test_a_database_that_may_not_grow_says_so_and_takes_the_append_later(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path}/state.db") as journal:
        journal.append("ord-a", 0, [b"1"])
        connection = connections[journal._alias]
        with connection.cursor() as cursor:
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
            cursor.execute(f"PRAGMA max_page_count = {pages}")
            with pytest.raises(StateUnavailable, match="no space left"):
                journal.append("ord-a", 1, [bytes(100_000)])
            assert list(journal.read("ord-a")) == [b"1"]
            cursor.execute(f"PRAGMA max_page_count = {pages + 1000}")
        journal.append("ord-a", 1, [bytes(100_000)])
        assert journal.length("ord-a") == 2


def test_a_file_that_may_not_grow_says_so_and_takes_the_append_later(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/state.db"
    open_journal(place).close()
    code = (
        "import resource, signal\n"
        "from expunge.adapters.database.journal_django import open_journal\n"
        "from expunge.errors import StateUnavailable\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"journal = open_journal({place!r})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "try: journal.append('ord-a', 0, [bytes(200_000)])\n"
        "except StateUnavailable as error: print(error.message)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("the journal could not be written: ")
    with open_journal(place) as journal:
        assert journal.append("ord-a", 0, [b"1"]) == 1


# ---- one writer ------------------------------------------------------------------------------------------------------


def test_two_runs_at_once_the_second_is_told_that_another_is_busy(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/state.db"
    open_journal(place).close()

    def second() -> str:
        with open_journal(place, wait=0.2) as journal:
            journal.append("ord-b", 0, [b"received while another process runs"])
            began = time.monotonic()
            try:
                with journal.exclusive():
                    return "both ran"
            except Busy as busy:
                assert 0.15 < time.monotonic() - began < 5
                return f"{busy.message}|{busy.exit_code}"

    with open_journal(place) as journal, journal.exclusive():
        answer = in_child(second).returned()
    assert answer == "another process is running orders|1"
    assert in_child(second).error, "position 0 of ord-b is taken"


def test_the_right_to_run_dies_with_its_holder(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/state.db"
    open_journal(place).close()

    def run_and_die() -> None:
        with open_journal(place) as journal, journal.exclusive(), faults.arm("journal.commit:after", "kill"):
            journal.append("ord-a", 0, [b"1"])

    assert in_child(run_and_die).killed_by == 9
    with open_journal(place, wait=0.2) as journal, journal.exclusive():
        assert list(journal.read("ord-a")) == [b"1"]


def test_a_process_that_writes_without_pause_lets_another_in_at_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = f"sqlite:///{tmp_path}/state.db"
    open_journal(place).close()

    def greedy() -> None:
        with open_journal(place) as journal:
            at = 0
            while not (tmp_path / "stop").exists():
                at = journal.append("greedy", at, [bytes(250)] * 50)

    take, when_queued = FileLock._take, []

    def taken(lock: FileLock, path: Path, deadline: float) -> int:
        """Notes what was written when we stand in the queue: before that and afterwards, a busy machine may keep us from running."""
        descriptor = take(lock, path, deadline)
        if path.name.endswith(".append.lock.turn"):
            when_queued.append(journal.length("greedy"))
        return descriptor

    with alongside(greedy) as child:
        with open_journal(place) as journal:
            while journal.length("greedy") < 200:
                time.sleep(0.01)
            monkeypatch.setattr(FileLock, "_take", taken)
            for at in range(60):
                journal.append("patient", at, [b"x"])
        (tmp_path / "stop").touch()
    child.wait().returned()
    with closing(sqlite3.connect(tmp_path / "state.db")) as database:
        written = database.execute("SELECT name FROM expunge_event e JOIN expunge_stream s ON s.id = e.stream_id ORDER BY e.id").fetchall()
    before = [at - number for number, at in enumerate(at for at, (name,) in enumerate(written) if name == "patient")]
    overtaken = [there - seen for there, seen in zip(before, when_queued, strict=True)]
    assert set(overtaken) <= {0, 50}, "what was being written, and nothing after it"


def test_another_program_that_holds_the_database_makes_us_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url, "BUSY_SECONDS", 0.1)
    with open_journal(f"sqlite:///{tmp_path}/state.db") as journal:
        other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy, match="another program"):
            journal.append("ord-a", 0, [b"1"])
        other.execute("ROLLBACK")
        other.close()
        assert journal.append("ord-a", 0, [b"1"]) == 1


def test_threads_share_a_journal(tmp_path: Path) -> None:
    with open_journal(f"sqlite:///{tmp_path}/state.db") as journal:

        def work(name: str) -> None:
            for at in range(20):
                journal.append(name, at, [b"x"])
            journal.close()

        threads = [threading.Thread(target=work, args=(f"ord-{at}",)) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [journal.length(f"ord-{at}") for at in range(4)] == [20] * 4


def test_killed_through_the_environment_in_a_process_of_its_own(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/state.db"
    code = f"from expunge.adapters.database.journal_django import open_journal as o; o({place!r}).append('ord-a', 0, [b'1', b'2'])"
    for point, length in (("journal.commit:before", 0), ("journal.commit:after", 2)):
        environment = {**os.environ, faults.ENVIRONMENT: f"{point}=kill"}
        assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == -9
        with open_journal(place) as journal:
            assert journal.length("ord-a") == length


# ---- living in a host program ----------------------------------------------------------------------------------------

HOST = """
import warnings; warnings.simplefilter("error")
from django.conf import settings
database = {{"ENGINE": "django.db.backends.sqlite3", "NAME": {host!r}}}
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes"], DATABASES={{"default": database}})
import django
django.setup()
before = list(settings.DATABASES)
from expunge.adapters.database.journal_django import open_journal
with open_journal({place!r}) as journal:
    journal.append("ord-a", 0, [b"1"])
    print(list(journal.read("ord-a")))
with open_journal({place!r} + "2") as journal:
    print(list(journal.streams()))
assert list(settings.DATABASES) == before
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.db import connection
print([name for name in connection.introspection.table_names() if "expunge" in name])
"""


def test_a_host_program_that_configured_django_keeps_its_settings_and_its_database(tmp_path: Path) -> None:
    code = HOST.format(host=str(tmp_path / "host.db"), place=f"sqlite:///{tmp_path}/state.db")
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[b'1']", "[]", "[]"]


def test_without_a_host_nothing_but_the_state_is_configured(tmp_path: Path) -> None:
    code = (
        "from expunge.adapters.database.journal_django import open_journal\n"
        f"journal = open_journal('sqlite:///{tmp_path}/state.db')\n"
        "from django.conf import settings\n"
        "from django.core.management import call_command\n"
        "print(settings.INSTALLED_APPS)\n"
        "call_command('makemigrations', check=True, dry_run=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["['expunge.adapters.state']", "No changes detected"]


def test_a_database_that_is_opened_twice_in_a_process_keeps_its_locks(tmp_path: Path) -> None:
    """To look at its first bytes drops none: another process that comes and goes would remove the log which this one reads and writes."""
    place = f"sqlite:///{tmp_path}/state.db"
    opens = "import sys; from expunge.adapters.database.journal_django import open_journal"
    appends = "with open_journal(sys.argv[1]) as journal: journal.append('a', 1, [b'2'])"
    with open_journal(place) as first:
        first.append("a", 0, [b"1"])
        open_journal(place).close()
        subprocess.run([sys.executable, "-c", f"{opens}\n{appends}", place], check=True)
        assert (tmp_path / "state.db-wal").exists(), "the other process was not the last that had the database open"
        assert first.length("a") == 2
        first.append("a", 2, [b"3"])
    with open_journal(place) as again:
        assert list(again.read("a")) == [b"1", b"2", b"3"]
