"""Locks, damage, rights, full disks, crashes: each has its answer, nothing is half-done, nothing is said of a person."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from expunge.core.datamap.datamap import ByField, Dataset, Ignore, StoreSpec, TableLayout
from expunge.core.datamap.grounding import Grounding
from expunge.core.values.copy import FindingKind
from expunge.core.values.outcome import RETRYABLE, Erased, Reason, Unable
from expunge.errors import CouldNotLook, Misconfigured, StoreUnavailable
from expunge.faults import arm
from expunge.stores import open_store
from expunge.stores.sqlite.store import Sqlite
from tests.stores.sqlite.sqlite_company import KEY, dataset, erased, located, lying, opened, rows, run

PEOPLE = dataset("people")
SAID = "sentence-that-nobody-else-said"


def crowd(path, *settings, size=50):
    run(
        path,
        "CREATE TABLE people (id TEXT, said TEXT); CREATE INDEX by_id ON people (id); BEGIN;"
        f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {size})"
        f"INSERT INTO people SELECT 'p' || i, iif(i = 7, '{SAID}', hex(randomblob(50))) FROM n; COMMIT",
        *settings,
    )


@contextmanager
def busy(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for each in statements:
            other.execute(each).fetchall()
        yield other


READING = ("BEGIN", "SELECT count(*) FROM people")


@pytest.mark.parametrize("mode", ["delete", "persist", "wal"])
def test_a_writer_in_the_way_is_locked(tmp_path, mode):
    path = tmp_path / "app.db"
    crowd(path, f"journal_mode={mode}")
    with opened(path, PEOPLE) as store:
        copies = located(store, PEOPLE, "p7")
        with busy(path, "BEGIN IMMEDIATE"):
            (warned,) = store.preflight(PEOPLE, copies)
            answers = [warned, store.erase(PEOPLE, copies, KEY)["s0"], store.purge([PEOPLE], KEY)]
        assert [each.reason for each in answers] == [Reason.LOCKED] * 3
        assert store.erase(PEOPLE, copies, KEY) == {"s0": Erased(1)}
        assert isinstance(store.purge([PEOPLE], KEY), Erased)
    assert not lying(path, SAID.encode())


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "memory", "wal"])
def test_a_reader_in_the_way_is_said_and_tried_again(tmp_path, mode):
    path = tmp_path / "app.db"
    crowd(path, f"journal_mode={mode}")
    with opened(path, PEOPLE) as store:
        copies = located(store, PEOPLE, "p7")
        with busy(path, *READING) as reader:
            erasing, purging = store.erase(PEOPLE, copies, KEY)["s0"], store.purge([PEOPLE], KEY)
            assert isinstance(erasing, Erased) == (mode == "wal")
            assert isinstance(purging, Unable)
            assert purging.reason is Reason.READER_OPEN
            assert purging.reason in RETRYABLE
            assert reader.execute("SELECT count(*) FROM people").fetchone() == (50,)
            assert lying(path, SAID.encode())
        store.erase(PEOPLE, copies, KEY)
        assert isinstance(store.purge([PEOPLE], KEY), Erased)
    assert not lying(path, SAID.encode())


def test_a_lock_that_keeps_readers_out(tmp_path):
    path = tmp_path / "app.db"
    crowd(path)
    with opened(path, PEOPLE) as store:
        copies = located(store, PEOPLE, "p7")
        with busy(path, "BEGIN EXCLUSIVE"):
            with pytest.raises(StoreUnavailable, match="people"):
                located(store, PEOPLE, "p7")
            (seen,) = store.probe(PEOPLE, copies)
            assert seen.could_not


def test_no_database_no_sqlite_and_encrypted(tmp_path):
    nowhere, garbage = tmp_path / "no.db", tmp_path / "garbage.db"
    garbage.write_bytes(os.urandom(8192))
    for path, reason, error in ((nowhere, Reason.UNREACHABLE, StoreUnavailable), (garbage, Reason.ENCRYPTED, CouldNotLook)):
        with opened(path, PEOPLE) as store:
            with pytest.raises(error):
                located(store, PEOPLE, "p7")
            (finding,) = store.check(())
            assert finding.kind is (FindingKind.MISSING if path is nowhere else FindingKind.UNREADABLE)
            (warned,) = store.preflight(PEOPLE, [])
            purged = store.purge([PEOPLE], KEY)
            assert isinstance(purged, Unable)
            assert warned.reason is purged.reason is reason
    assert not nowhere.exists(), "looking created a database"


def test_a_damaged_page_leaves_the_file_as_it_is(tmp_path):
    path = tmp_path / "app.db"
    crowd(path, size=3000)
    with opened(path, PEOPLE) as store:
        copies = located(store, PEOPLE, "p7", "p2000")
    size = path.stat().st_size
    with path.open("r+b") as file:
        for page in range(3, size // 4096):
            file.seek(page * 4096)
            file.write(b"\xee" * 64)
    before = path.read_bytes()
    with opened(path, PEOPLE) as store:
        answers = [*store.erase(PEOPLE, copies, KEY).values(), store.purge([PEOPLE], KEY)]
        assert [getattr(each, "reason", None) for each in answers] == [Reason.CORRUPT] * 3
        with pytest.raises(CouldNotLook):
            located(store, PEOPLE, "p7")
    assert path.read_bytes() == before


def test_columns_that_went_meanwhile(tmp_path):
    path = tmp_path / "app.db"
    crowd(path)
    with opened(path, PEOPLE) as store:
        copies = located(store, PEOPLE, "p7")
        run(path, "DROP INDEX by_id; ALTER TABLE people RENAME COLUMN id TO who")
        assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.SCHEMA_CHANGED
        assert store.preflight(PEOPLE, copies)[0].reason is Reason.SCHEMA_CHANGED
        assert "column id" in next(store.probe(PEOPLE, copies)).could_not
        run(path, "DROP TABLE people")
        assert store.erase(PEOPLE, copies, KEY)["s0"].reason is Reason.SCHEMA_CHANGED
        with pytest.raises(CouldNotLook, match="table people"):
            located(store, PEOPLE, "p7")


@contextmanager
def small_disk(megabytes):
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        folder.rmdir()
        pytest.skip("needs the right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_full_disk_is_foreseen_and_survived(mode):
    with small_disk(12) as folder:
        path = folder / "app.db"
        crowd(path, f"journal_mode={mode}", size=15_000)
        before = rows(path, "SELECT * FROM people WHERE id <> 'p7'")
        filler = folder / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(folder).free - (1 << 20)))
        with opened(path, PEOPLE) as store:
            copies = located(store, PEOPLE, "p7")
            assert [each.reason for each in store.preflight(PEOPLE, copies)] == [Reason.DISK_FULL]
            assert store.purge([PEOPLE], KEY).reason is Reason.DISK_FULL
            filler.write_bytes(bytes(filler.stat().st_size + shutil.disk_usage(folder).free))
            outcome = store.erase(PEOPLE, copies, KEY)["s0"]
            assert isinstance(outcome, Erased) or outcome.reason is Reason.DISK_FULL
            assert [row for row in rows(path, "SELECT * FROM people") if row[0] != "p7"] == before
            filler.unlink()
            store.erase(PEOPLE, copies, KEY)
            assert isinstance(store.purge([PEOPLE], KEY), Erased)
        assert rows(path, "SELECT * FROM people") == before
        assert not lying(path, SAID.encode())


def test_a_disk_that_fills_up_while_the_file_is_rewritten(monkeypatch):
    """Somebody else takes the room between the look at the free space and the rewriting."""
    with small_disk(12) as folder:
        path = folder / "app.db"
        crowd(path, size=30_000)
        before = rows(path, "SELECT * FROM people WHERE id <> 'p7'")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 40))
        with opened(path, PEOPLE) as store:
            erased(store, PEOPLE, "p7")
            (folder / "filler").write_bytes(bytes(3 << 20))
            assert store.purge([PEOPLE], KEY).reason is Reason.DISK_FULL
            assert rows(path, "SELECT * FROM people") == before
            (folder / "filler").unlink()
            assert isinstance(store.purge([PEOPLE], KEY), Erased)
        assert rows(path, "SELECT * FROM people") == before


CRASHING = """
import os, signal, sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("PRAGMA journal_mode=" + sys.argv[2]); c.execute("PRAGMA cache_size=5"); c.execute("PRAGMA secure_delete=0")
c.execute("BEGIN")
c.execute("UPDATE people SET said = 'overwritten' || hex(randomblob(100))")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "wal"])
def test_what_a_crash_of_the_application_left_is_recovered_first(tmp_path, mode):
    path = tmp_path / "app.db"
    crowd(path, f"journal_mode={mode}", size=2000)
    before = rows(path, "SELECT * FROM people WHERE id <> 'p7'")
    died = subprocess.run([sys.executable, "-c", CRASHING, str(path), mode], check=False)
    assert died.returncode == -signal.SIGKILL
    assert path.with_name(f"app.db-{'wal' if mode == 'wal' else 'journal'}").stat().st_size > 4096
    with opened(path, PEOPLE) as store:
        assert erased(store, PEOPLE, "p7") == {"s0": Erased(1)}
        assert isinstance(store.purge([PEOPLE], KEY), Erased)
    assert rows(path, "SELECT * FROM people") == before
    assert not lying(path, SAID.encode(), b"overwritten")
    assert [each.name for each in tmp_path.iterdir()] == ["app.db"]


def test_killed_while_the_file_is_rewritten(tmp_path):
    """SIGKILL at any moment of a purge: the next one ends clean, and the others' rows are what they were."""
    path = tmp_path / "app.db"
    crowd(path, size=60_000)
    before = rows(path, "SELECT * FROM people WHERE id <> 'p7'")
    with opened(path, PEOPLE) as store:
        erased(store, PEOPLE, "p7")
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\nfrom sqlite_company import *\n"
        "with opened(Path(sys.argv[1]), dataset('people')) as store:\n  print('go', flush=True); store.purge([dataset('people')], KEY)"
    )
    for wait in (0.005, 0.02, 0.05, 0.1, 0.2):
        with subprocess.Popen([sys.executable, "-c", script, str(path), str(Path(__file__).parent)], stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(wait)
            child.kill()
        assert rows(path, "SELECT * FROM people") == before
    with opened(path, PEOPLE) as store:
        assert isinstance(store.purge([PEOPLE], KEY), Erased)
    assert rows(path, "SELECT * FROM people") == before
    assert not lying(path, SAID.encode())
    # SQLite takes the name from its temporary file as soon as it is made: a kill between the two leaves an empty one.
    assert [each.name for each in tmp_path.iterdir() if each.stat().st_size] == ["app.db"]


def test_failing_at_the_commit_undoes_the_batch(tmp_path):
    path = tmp_path / "app.db"
    crowd(path)
    with opened(path, PEOPLE) as store:
        copies = located(store, PEOPLE, "p7", "p8")
        with arm("sqlite.erase.commit:before", "fail"):
            answers = store.erase(PEOPLE, copies, KEY)
        assert [each.reason for each in answers.values()] == [Reason.ERROR] * 2
        assert len(rows(path, "SELECT * FROM people")) == 50
        run(path, "INSERT INTO people VALUES ('new', 'not locked out')")


def test_temporary_files_stay_beside_the_database(tmp_path):
    """Looked at from outside while it happens: no file of this process is opened in another folder."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    path = tmp_path / "app.db"
    crowd(path, size=60_000)
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\nfrom sqlite_company import *\nPath('/dev/null').open()\n"
        "people = dataset('people')\n"
        "with opened(Path(sys.argv[1]), people) as store:\n  erased(store, people, 'p7'); store.purge([people], KEY)"
    )
    log = tmp_path.parent / "strace.log"
    command = [
        "strace",
        "-f",
        "-e",
        "trace=openat,open",
        "-o",
        str(log),
        sys.executable,
        "-c",
        script,
        str(path),
        str(Path(__file__).parent),
    ]
    subprocess.run(command, check=True)
    made = [line for line in log.read_text().partition("/dev/null")[2].splitlines() if "O_CREAT" in line]
    assert made
    assert all(str(tmp_path) in line for line in made)


def test_nothing_of_the_temporary_folder_stays_set(tmp_path):
    path = tmp_path / "app.db"
    crowd(path)
    with opened(path, PEOPLE) as store:
        store.purge([PEOPLE], KEY)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA temp_store_directory").fetchone() in {None, ("",)}


@pytest.mark.parametrize(
    "options", [{"attach": "x.db"}, {"attach": {"main": "x.db"}}, {"attach": {"a": ""}}, {"busy_ms": -1}, {"speed": 1}]
)
def test_senseless_options_are_refused(options):
    with pytest.raises(Misconfigured, match="app"):
        open_store(StoreSpec("app", "sqlite", "x.db", options), ())


def test_capabilities_say_what_can_be_reached(tmp_path):
    path = tmp_path / "app.db"
    crowd(path)
    with closing(Sqlite(StoreSpec("app", "sqlite", f"sqlite:///{path}"), (PEOPLE,))) as store:
        assert store.capabilities.grounding is Grounding.SCRUBBED
        assert store.capabilities.exclusive


def test_behind_a_link_the_real_files_are_seen(tmp_path):
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "data.db", tmp_path / "app.db"
    crowd(real, "journal_mode=wal")
    link.symlink_to(real)
    with opened(link, PEOPLE) as store, busy(link, "SELECT 1 FROM people"):
        assert {source.path.name for source in store.raw()} == {"data.db", "data.db-wal", "data.db-shm"}
        erased(store, PEOPLE, "p7")
        assert isinstance(store.purge([PEOPLE], KEY), Erased)
    assert not lying(real, SAID.encode())


# --- check -----------------------------------------------------------------------------------------


def found(path, *datasets, ignored=(), **options):
    with opened(path, *datasets, **options) as store:
        return {(each.kind, each.where.rpartition(": ")[2].removeprefix(f"{path.parent}/")) for each in store.check(ignored)}


def test_check_knows_which_indexes_belong_to_declared_tables(tmp_path):
    path = tmp_path / "app.db"
    crowd(path)
    run(
        path,
        """
        CREATE TABLE secrets (n INTEGER PRIMARY KEY, said TEXT);
        CREATE VIEW both AS SELECT p.rowid AS n, p.said FROM people p JOIN secrets s ON s.n = p.rowid;
        CREATE VIEW plain AS SELECT rowid AS n, said FROM people;
        CREATE VIEW broken AS SELECT * FROM gone;
        CREATE VIRTUAL TABLE a USING fts5 (said, content='people');
        CREATE VIRTUAL TABLE a_row USING fts5vocab ('a', 'row');
        CREATE VIRTUAL TABLE b USING fts5 (said, content='secrets', content_rowid='n');
        CREATE VIRTUAL TABLE b_row USING fts5vocab ('b', 'row');
        CREATE VIRTUAL TABLE c USING fts5 (said);
        CREATE VIRTUAL TABLE d USING fts5 (said, content='plain', content_rowid='n');
        CREATE VIRTUAL TABLE e USING fts5 (said, content='both', content_rowid='n');
        CREATE VIRTUAL TABLE f USING rtree (n, x, y);
        CREATE VIRTUAL TABLE g USING fts4 (said, content="people");
        """,
    )
    (tmp_path / "app.db.bak").write_bytes(b"copy")
    (tmp_path / "other.db").write_bytes(b"not ours")
    undeclared = {"secrets", "b", "b_row", "c", "e", "f", "app.db.bak"}
    assert found(path, PEOPLE) == {(FindingKind.UNDECLARED, name) for name in undeclared}
    ignored = [Ignore("app", pattern, "test") for pattern in ("main.secrets", "[cf]", "*.bak")] + [Ignore("other", "*", "elsewhere")]
    assert found(path, PEOPLE, ignored=ignored) == set()


def test_check_finds_what_does_not_fit(tmp_path):
    path = tmp_path / "app.db"
    crowd(path)
    run(path, "CREATE VIEW v AS SELECT * FROM people; CREATE VIRTUAL TABLE w USING fts5 (id, content='')")
    wrong = [
        Dataset("a", "app", ByField({"person": "nobody"}), "life", layout=TableLayout("people"), follow=("nothing",)),
        dataset("b", table="missing"),
        dataset("c", table="v"),
        dataset("d", table="w"),
    ]
    assert found(path, *wrong) == {
        (FindingKind.SUBJECT_PATH, "people"),
        (FindingKind.MISSING, "missing"),
        (FindingKind.UNSUPPORTED, "v"),
        (FindingKind.UNSUPPORTED, "w"),
    }
    with contextlib.closing(Sqlite(StoreSpec("app", "sqlite", str(path)), tuple(wrong))) as store:
        assert all(SAID not in repr(each) for each in store.check(()))
