"""Text that SQLite cut up over pages is found: live, deleted, in the WAL and in the rollback journal."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.residue.planting import SENTENCE, found_in, look, text_traces, ways

ONE = "kt9-quiet-river-0417-zebra"
TRACES = text_traces(ONE, budget=1)
SIZES = [512, 1024, 4096, 8192, 65536]


def database(path: Path, page: int = 4096, journal: str = "DELETE", secure: int = 0, encoding: str = "UTF-8") -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA encoding = '{encoding}'")
    connection.execute(f"PRAGMA page_size = {page}")
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute(f"PRAGMA secure_delete = {secure}")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT)")
    return connection


def whole(path: Path) -> set[int]:
    """Offsets at which the traced string lies whole in the file, by a plain search."""
    data, found, at = path.read_bytes(), set(), -1
    while (at := data.find(ONE.encode(), at + 1)) >= 0:
        found.add(at)
    return found


@pytest.mark.parametrize("page", SIZES)
def test_text_is_found_wherever_it_is_cut(tmp_path: Path, page: int) -> None:
    for trail in range(page - 60, page + 20, 3):
        path = tmp_path / f"{trail}.db"
        with closing(database(path, page)) as connection:
            connection.execute("INSERT INTO t (a, b) VALUES ('x', ?)", ("." * page * 3 + ONE + "." * trail,))
        assert found_in(path, TRACES), trail


@pytest.mark.parametrize("page", SIZES[:3])
def test_cut_text_that_no_plain_search_sees_is_found(tmp_path: Path, page: int) -> None:
    cut = 0
    for trail in range(page * 2 - 34, page * 2 - 8, 3):
        path = tmp_path / f"{trail}.db"
        with closing(database(path, page)) as connection:
            connection.execute("INSERT INTO t (a) VALUES (?)", ("." * (page + page // 5) + ONE + "." * trail,))
        hits = found_in(path, TRACES)
        assert hits
        if not whole(path):
            cut += 1
            assert {each.hidden for each in hits} == {"sqlite overflow"}
    assert cut >= 2


@pytest.mark.parametrize("secure", [0, 2])
def test_text_of_a_deleted_row_is_found_although_cut(tmp_path: Path, secure: int) -> None:
    """With secure_delete at 2 SQLite leaves freed overflow pages as they were."""
    left = 0
    for trail in range(4092 * 2 - 40, 4092 * 2, 3):
        path = tmp_path / f"{trail}.db"
        with closing(database(path, secure=secure)) as connection:
            connection.execute("INSERT INTO t (a) VALUES (?)", ("." * 5000 + ONE + "." * trail,))
            connection.execute("INSERT INTO t (a) VALUES ('somebody else')")
            connection.execute("DELETE FROM t WHERE id = 1")
        if not whole(path) and ONE[:8].encode() in path.read_bytes() and ONE[-8:].encode() in path.read_bytes():
            left += 1
            assert found_in(path, TRACES), trail
    assert left >= (1 if secure == 0 else 0)


def test_numbers_that_look_like_pointers_do_not_hide_a_deleted_rows_own(tmp_path: Path) -> None:
    page, four = 512, (4).to_bytes(4, "big")
    head = (b"SQLite format 3\0" + page.to_bytes(2, "big")).ljust(page, b"\0")
    decoy = (b"\x0d" + bytes(7) + b"...." + four * 3).ljust(page, b".")
    # a leaf without live cells: what is left of one ends in the number of its first overflow page
    leaf = (b"\x0d" + bytes(7) + b"." * 200 + ONE[:13].encode() + four).ljust(page, b".")
    overflow = (bytes(4) + ONE[13:].encode()).ljust(page, b".")
    (tmp_path / "a.db").write_bytes(head + decoy + leaf + overflow)
    assert {(each.offset, each.hidden) for each in found_in(tmp_path, TRACES)} == {(2 * page, "sqlite overflow")}


def test_text_in_an_index_is_found_although_cut(tmp_path: Path) -> None:
    for trail in range(980, 1060, 5):
        path = tmp_path / f"{trail}.db"
        with closing(database(path, 1024)) as connection:
            connection.execute("CREATE INDEX i ON t (a)")
            connection.execute("INSERT INTO t (a) VALUES (?)", ("." * 2000 + ONE + "." * trail,))
        assert "sqlite overflow" in ways(path, TRACES)


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_text_in_a_database_of_another_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.db"
    traces = text_traces(ONE)
    with closing(database(path, encoding=encoding)) as connection:
        for trail in range(2000, 2060):
            connection.execute("INSERT INTO t (a) VALUES (?)", ("." * 4000 + ONE + "." * trail,))
    form = "utf-16" if encoding == "UTF-16le" else "utf-16-be"
    assert {form, f"sqlite overflow > {form}"} <= ways(path, traces)


def test_cut_text_in_a_wal_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(database(path, journal="WAL")) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        for trail in range(8120, 8200):
            connection.execute("INSERT INTO t (a) VALUES (?)", ("." * 5000 + ONE + "." * trail,))
        wal = tmp_path / "copy.db-wal"
        shutil.copy(tmp_path / "a.db-wal", wal)
        shutil.copy(path, tmp_path / "copy.db")
    hits = found_in(wal, TRACES)
    assert len(whole(wal)) < 80
    # no more than five places of one trace in one way are listed
    assert len([each for each in hits if each.hidden == "sqlite wal"]) == 5


def test_a_wal_alone_that_holds_only_cut_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for trail in range(8120, 8200):
        path.unlink(missing_ok=True)
        with closing(database(path, journal="WAL")) as connection:
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("INSERT INTO t (a) VALUES (?)", ("." * 5000 + ONE + "." * trail,))
            shutil.copy(tmp_path / "a.db-wal", tmp_path / "b.db-wal")
        if not whole(tmp_path / "b.db-wal"):
            break
    assert ways(tmp_path / "b.db-wal", TRACES) == {"sqlite wal"}


def test_cut_text_in_a_kept_journal_is_found(tmp_path: Path) -> None:
    """journal_mode PERSIST zeroes the header and leaves the old pages."""
    for trail in range(8120, 8200):
        path = tmp_path / "a.db"
        path.unlink(missing_ok=True)
        (tmp_path / "a.db-journal").unlink(missing_ok=True)
        with closing(database(path, journal="PERSIST", secure=1)) as connection:
            connection.execute("INSERT INTO t (a) VALUES (?)", ("." * 5000 + ONE + "." * trail,))
            connection.execute("DELETE FROM t")
        if not whole(tmp_path / "a.db-journal"):
            break
    assert not found_in(path, TRACES)
    assert ways(tmp_path / "a.db-journal", TRACES) == {"sqlite journal"}


def test_a_compressed_value_over_many_pages_is_opened(tmp_path: Path) -> None:
    import random

    path = tmp_path / "a.db"
    words = " ".join(str(random.Random(1).random()) for _ in range(1)) + " ".join(str(random.Random(n).random()) for n in range(4000))
    packed = gzip.compress((words + SENTENCE + words).encode())
    assert len(packed) > 5 * 4096
    with closing(database(path)) as connection:
        connection.execute("INSERT INTO t (a, b) VALUES ('z', ?)", (packed,))
    assert any(way.startswith("sqlite overflow > gzip@") for way in ways(path, text_traces(SENTENCE)))


def test_a_packed_database_is_read_like_one(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for trail in range(8120, 8200):
        path.unlink(missing_ok=True)
        with closing(database(path)) as connection:
            connection.execute("INSERT INTO t (a) VALUES (?)", ("." * 5000 + ONE + "." * trail,))
        if not whole(path):
            break
    (tmp_path / "a.db.gz").write_bytes(gzip.compress(path.read_bytes()) + b"more behind it")
    assert ways(tmp_path / "a.db.gz", TRACES) == {"gzip@0 > sqlite overflow"}


def test_a_damaged_database_never_breaks_a_scan(tmp_path: Path) -> None:
    import random

    path = tmp_path / "a.db"
    with closing(database(path, 512)) as connection:
        for number in range(60):
            connection.execute("INSERT INTO t (a) VALUES (?)", (f"{number} " * 900,))
    good = path.read_bytes()
    for seed in range(40):
        rng = random.Random(seed)
        data = bytearray(good)
        for _ in range(200):
            data[rng.randrange(16, len(data))] = rng.choice([0, 1, 2, 13, 255, rng.randrange(256)])
        (tmp_path / "bad.db").write_bytes(bytes(data[: rng.randrange(600, len(data))]) + ONE.encode())
        assert look(tmp_path / "bad.db", TRACES).found


def test_chains_that_bite_their_tails_end(tmp_path: Path) -> None:
    page = 512
    head = bytearray(page)
    head[:16] = b"SQLite format 3\0"
    head[16:18] = page.to_bytes(2, "big")
    pages = [bytes(head)]
    for number in range(2, 40):
        following = 2 + (number * 7) % 38
        pages.append(following.to_bytes(4, "big") + bytes([number]) * (page - 4))
    (tmp_path / "loop.db").write_bytes(b"".join(pages) * 2)
    assert not look(tmp_path, TRACES).found
