"""A look at the bytes of a SQLite database leaves the locks alone that connections of the same process hold on it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from expunge import descriptors
from expunge.core.evidence.traces import Traces
from expunge.core.values.copy import RawSource
from expunge.residue.placing.reader import open_reader
from expunge.residue.scanning.scanner import ResidueScanner
from expunge.stores.files.open_files import holders

LARGE = 17 << 20
"""Files larger than this are asked first whether they may be cut."""


def scan(folder: Path) -> None:
    with closing(ResidueScanner(processes=1)) as scanner:
        scanner.scan((RawSource(folder, "data"),), Traces(bytes(32), ()))
        scanner.glance({path: [(0, 100)] for path in folder.iterdir()}, Traces(bytes(32), ()))


def read_places(folder: Path) -> None:
    for path in folder.iterdir():
        reader = open_reader(path)
        if reader is not None:
            with closing(reader):
                reader.at(0, 8)


LOOKS = [scan, read_places]


def another_process(path: Path, statement: str) -> str:
    """What a statement answers in another process that does not wait for locks."""
    program = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1], timeout=0).execute(sys.argv[2]).fetchall())"
    done = subprocess.run([sys.executable, "-c", program, path, statement], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "app.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (a)")
        yield connection


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("size", [10, LARGE])
def test_a_writer_keeps_its_lock(tmp_path: Path, database: sqlite3.Connection, look: Callable[[Path], None], size: int) -> None:
    database.execute("INSERT INTO t VALUES (zeroblob(?))", (size,))
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT INTO t VALUES (2)")
    assert "locked" in another_process(tmp_path / "app.db", "BEGIN IMMEDIATE")
    look(tmp_path)
    assert "locked" in another_process(tmp_path / "app.db", "BEGIN IMMEDIATE")
    database.execute("COMMIT")
    assert "locked" not in another_process(tmp_path / "app.db", "BEGIN IMMEDIATE")


@pytest.mark.parametrize("look", LOOKS)
def test_a_reader_of_the_log_keeps_its_lock(tmp_path: Path, database: sqlite3.Connection, look: Callable[[Path], None]) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("INSERT INTO t VALUES (1)")
    database.execute("BEGIN")
    assert database.execute("SELECT a FROM t").fetchall()
    look(tmp_path)
    another_process(tmp_path / "app.db", "INSERT INTO t VALUES (2)")
    assert "[(1, " in another_process(tmp_path / "app.db", "PRAGMA wal_checkpoint(RESTART)"), "the snapshot is in use"
    database.execute("COMMIT")
    assert "[(0, " in another_process(tmp_path / "app.db", "PRAGMA wal_checkpoint(RESTART)")


def open_on(path: Path) -> int:
    """How many descriptors this process has on a file."""
    found = 0
    for handle in Path("/dev/fd").iterdir():
        try:
            found += os.path.samestat(os.fstat(int(handle.name)), path.stat())
        except OSError:
            continue
    return found


def test_a_descriptor_is_closed_with_the_last_connection(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE t (a)")
    before = open_on(path)
    for _ in range(20):
        read_places(tmp_path)
    assert open_on(path) == before + 1, "one for all looks"
    connection.close()
    descriptors.close_idle()
    assert open_on(path) == 0


def test_without_a_connection_nothing_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (a)")
    read_places(tmp_path)
    scan(tmp_path)
    assert open_on(path) == 0


def test_a_removed_database_is_not_held_by_a_look_at_it(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE t (a)")
    read_places(tmp_path)
    connection.close()
    path.unlink()
    assert holders(tmp_path) == 0


def test_a_file_that_took_the_place_of_another_is_the_one_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (a)")
        first = descriptors.take(path)
        other = tmp_path / "other.db"
        other.write_bytes(b"SQLite format 3\0 of another")
        other.replace(path)
        with descriptors.reading(path) as second:
            assert os.pread(second, 30, 0) == b"SQLite format 3\0 of another"
            assert first != second
        with descriptors.reading(path) as third, descriptors.reading(path) as fourth:
            assert third == fourth
        descriptors.give_back(first)


def test_a_link_is_not_followed_where_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "app.db").write_bytes(b"SQLite format 3\0")
    (tmp_path / "link").symlink_to(tmp_path / "app.db")
    with descriptors.reading(tmp_path / "app.db"), pytest.raises(OSError, match="symbolic links"):
        descriptors.take(tmp_path / "link", os.O_NOFOLLOW)
