"""What PostgreSQL compressed or cut up is found: in tables, indexes, statistics, large objects, the log; live, deleted and copied."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import tarfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.evidence.traces import Traces
from expunge.core.values.copy import RawSource
from expunge.residue.formats.pglz import LZ4, PGLZ, pglz, unpack
from expunge.residue.matching.session import Limits
from expunge.residue.scanning import helper_pool, scan_units
from expunge.residue.scanning.scanner import ResidueScanner
from expunge.residue.take.tracer import Collector
from expunge.servers.postgres import PostgresServer
from tests.residue.pg_planting import files, grep, pack_pglz, prose, token, unseen
from tests.residue.planting import MARY, found_in, look, traces_of, ways

PAGE = 8192


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def whole(*tokens: str) -> Traces:
    """Each token as one window, in no other written form and without fragments."""

    def fill(tracer: Collector) -> None:
        for number, each in enumerate(tokens):
            tracer.text(MARY, "notes", f"text {number}", each)

    return traces_of(fill, 1)


def planted(connection: psycopg.Connection, text: str, *, words: int, number: int = 1) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY, who text, note text)")
    for other in range(3):
        connection.execute("INSERT INTO t VALUES (%s, 'someone', %s)", [number * 10 + other, prose(words, other)])
    connection.execute("INSERT INTO t VALUES (%s, 'mary', %s)", [number * 10 + 9, unseen(prose(words, 77), text)])


def wal_of(server: PostgresServer, connection: psycopg.Connection, since: str) -> list[Path]:
    """Files of the log that were written to since."""
    rows = connection.execute(
        "SELECT pg_walfile_name(lsn + n * 16777216) FROM (SELECT %s::pg_lsn AS lsn) AS _, generate_series(0, 9) AS n"
        " WHERE lsn + n * 16777216 <= pg_current_wal_insert_lsn() + 16777216",
        [since],
    ).fetchall()
    return [path for (name,) in rows if (path := server.data / "pg_wal" / str(name)).exists()]


def log_kept(connection: psycopg.Connection) -> str:
    """Where the log is now; no checkpoint recycles what comes after, as long as the connection lives."""
    # Under a name of its own: that of a connection that was closed a moment ago may still be there.
    connection.execute("SELECT pg_create_physical_replication_slot(('kept_' || pg_backend_pid())::name, true, true)")
    return now(connection)


def now(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
    assert row
    return str(row[0])


def position(lsn: str) -> int:
    high, low = lsn.split("/")
    return int(high, 16) << 32 | int(low, 16)


def pages_since(connection: psycopg.Connection, paths: list[Path], since: str) -> bytes:
    """Pages of the log from the one that was written to then to the last, which is written out."""
    connection.execute("CHECKPOINT")
    first = position(since) % (1 << 24) // PAGE * PAGE
    count = position(now(connection)) // PAGE - position(since) // PAGE + 1
    return b"".join(path.read_bytes() for path in paths)[first : first + count * PAGE]


def cut_up(body: bytes, folder: Path, pages: int) -> None:
    """Lay the log down in files of so many pages."""
    folder.mkdir()
    for number, at in enumerate(range(0, len(body), pages * PAGE)):
        (folder / f"{number:06}").write_bytes(body[at : at + pages * PAGE])


@pytest.mark.parametrize("words", [200, 4000])
def test_text_that_the_server_compressed_is_found_live_and_deleted(
    postgres_server: PostgresServer, connection: psycopg.Connection, words: int
) -> None:
    text = token(words)
    planted(connection, text, words=words)
    connection.execute("CHECKPOINT")
    paths = files(postgres_server, connection, "t")
    way = "postgres pglz" if words == 200 else "postgres toast pglz"
    assert {each.hidden for path in paths for each in found_in(path, whole(text))} == {way}
    assert not grep(paths, text)
    connection.execute("DELETE FROM t WHERE who = 'mary'")
    connection.execute("CHECKPOINT")
    assert {each.hidden for path in paths for each in found_in(path, whole(text))} == {way}
    connection.execute("VACUUM FULL t")
    connection.execute("CHECKPOINT")
    assert not [each for path in files(postgres_server, connection, "t") for each in found_in(path, whole(text))]


def test_a_hole_that_a_vacuum_left_is_looked_into(postgres_server: PostgresServer, connection: psycopg.Connection) -> None:
    text = token(3)
    connection.execute("CREATE TABLE t (id int, note text)")
    connection.execute("INSERT INTO t VALUES (1, %s)", [unseen(prose(30, 77), text) + prose(500, 78)])
    connection.execute("INSERT INTO t VALUES (2, 'after it')")
    connection.execute("DELETE FROM t WHERE id = 1")
    connection.execute("VACUUM t")
    connection.execute("CHECKPOINT")
    (path, _) = files(postgres_server, connection, "t")
    assert not grep([path], text)
    assert ways(path, whole(text)) == {"postgres pglz"}


def test_text_cut_into_pieces_without_compression_is_found(postgres_server: PostgresServer, connection: psycopg.Connection) -> None:
    text = token(4)
    body = bytearray(random.Random(4).randbytes(30_000))
    for piece in range(1, 12):
        body[1996 * piece - 14 : 1996 * piece - 14 + len(text)] = text.encode()
    connection.execute("CREATE TABLE t (id int, note bytea)")
    since = log_kept(connection)
    connection.execute("INSERT INTO t VALUES (1, %s)", [bytes(body)])
    connection.execute("CHECKPOINT")
    paths = files(postgres_server, connection, "t")
    assert not grep(paths, text)
    assert {each.hidden for path in paths for each in found_in(path, whole(text))} == {"postgres toast"}
    assert {each.hidden for path in wal_of(postgres_server, connection, since) for each in found_in(path, whole(text))} == {
        "postgres toast"
    }


def test_a_recording_packed_over_many_pieces_is_opened(postgres_server: PostgresServer, connection: psycopg.Connection) -> None:
    text = token(5)
    body = gzip.compress((" ".join(token(each, "filler") for each in range(900)) + text).encode())
    assert len(body) > 6 * 1996
    connection.execute("CREATE TABLE t (id int, note bytea)")
    connection.execute("INSERT INTO t VALUES (1, %s)", [body])
    connection.execute("CHECKPOINT")
    paths = files(postgres_server, connection, "t")
    assert {each.hidden for path in paths for each in found_in(path, whole(text))} == {"postgres toast > gzip@0"}


def test_compressed_keys_of_indexes_are_found(postgres_server: PostgresServer, connection: psycopg.Connection) -> None:
    text = token(6)
    connection.execute("CREATE TABLE t (id int, note text)")
    connection.execute("CREATE INDEX a ON t (note)")
    connection.execute("CREATE INDEX g ON t USING gin ((ARRAY[note]))")
    connection.execute("INSERT INTO t VALUES (1, %s)", [unseen(prose(200, 77), text)])
    connection.execute("DELETE FROM t")
    connection.execute("SELECT gin_clean_pending_list('g')")
    connection.execute("CHECKPOINT")
    for index in ("a", "g"):
        paths = files(postgres_server, connection, index)
        assert not grep(paths, text)
        assert ways(paths[0], whole(text)) == {"postgres pglz"}, index


def test_an_erased_address_in_the_statistics_is_found(postgres_server: PostgresServer, connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE t (id int, mail text)")
    mails = [f"{token(each, 'mail')}.{prose(12, each).replace(' ', '.')}@family.example" for each in range(60)]
    for number, mail in enumerate(mails):
        connection.execute("INSERT INTO t VALUES (%s, %s)", [number, mail])
    connection.execute("ANALYZE t")
    connection.execute("DELETE FROM t")
    connection.execute("VACUUM FULL t")
    connection.execute("CHECKPOINT")
    paths = files(postgres_server, connection, "pg_statistic")
    hidden = [mail for mail in mails if not grep(paths, mail)]
    assert len(hidden) > 30
    seen = look_all(paths, whole(*hidden))
    assert seen == len(hidden)
    assert not look_all(files(postgres_server, connection, "t"), whole(*mails))


def look_all(paths: list[Path], traces: Traces) -> int:
    """How many traces are seen in any of the files."""
    return len(frozenset().union(*(look(path, traces).seen for path in paths)))


def test_large_objects_are_put_together_and_decoded(postgres_server: PostgresServer, connection: psycopg.Connection) -> None:
    cut, packed = token(7), token(8)
    body = bytearray(random.Random(7).randbytes(9000))
    body[2048 - 14 : 2048 - 14 + len(cut)] = cut.encode()
    connection.execute("SELECT lo_from_bytea(0, %s)", [bytes(body)])
    text = (unseen(prose(60, 77), packed) + prose(2000, 3)).encode()
    connection.execute("SELECT lo_from_bytea(0, %s)", [text])
    connection.execute("CHECKPOINT")
    paths = files(postgres_server, connection, "pg_largeobject")
    assert not grep(paths, cut)
    assert not grep(paths, packed)
    assert "postgres toast" in {each.hidden for path in paths for each in found_in(path, whole(cut))}
    assert "postgres pglz" in {each.hidden for path in paths for each in found_in(path, whole(packed))}


def test_what_a_page_of_the_log_cuts_is_found(postgres_server: PostgresServer, connection: psycopg.Connection, tmp_path: Path) -> None:
    connection.execute("CREATE TABLE t (id int, note text)")
    since = log_kept(connection)
    texts = [token(each, "wal") for each in range(8000)]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (1, %s)", [(each,) for each in texts])
    paths = wal_of(postgres_server, connection, since)
    body = pages_since(connection, paths, since)
    cut = [each for each in texts if each.encode() not in body]
    # About one in four of the pages' ends.
    assert len(cut) >= 10
    assert look_all(paths, whole(*cut)) == len(cut)
    # and where one file ends and the next begins, in whatever order they are read
    cut_up(body, tmp_path / "log", 3)
    assert len(look(tmp_path, whole(*cut)).seen) == len(cut)
    for path in sorted((tmp_path / "log").iterdir()):
        path.rename(path.with_name(f"{999_999 - int(path.name):06}"))
    assert len(look(tmp_path, whole(*cut)).seen) == len(cut)


def compressed_images(server: PostgresServer, connection: psycopg.Connection, folder: Path, method: str) -> None:
    text, deep = token(10, method), token(11, method)
    connection.execute("CREATE TABLE t (id int, note text)")
    connection.execute("INSERT INTO t SELECT 1, 'someone else entirely, again and again' FROM generate_series(1, 60)")
    connection.execute("INSERT INTO t VALUES (2, %s)", [text])
    connection.execute("INSERT INTO t VALUES (3, %s)", [unseen(prose(200, 77), deep)])
    connection.execute("CHECKPOINT")
    since = log_kept(connection)
    connection.execute(f"SET wal_compression = {method}")
    connection.execute("UPDATE t SET id = 4 WHERE id = 2")
    body = pages_since(connection, wal_of(server, connection, since), since)
    (folder / "log").write_bytes(body)
    assert f"postgres wal {method}" in ways(folder, whole(text), Limits(depth=1))
    assert any(each.startswith(f"postgres wal {method} > postgres ") for each in ways(folder, whole(deep)))
    (folder / "log").unlink()
    # the same in files of one page each, over which an image goes on
    cut_up(body, folder / "log", 1)
    assert f"postgres wal {method}" in ways(folder, whole(text), Limits(depth=1))


def test_compressed_images_of_pages_in_the_log_are_decoded(
    postgres_server: PostgresServer, connection: psycopg.Connection, tmp_path: Path
) -> None:
    compressed_images(postgres_server, connection, tmp_path, "pglz")


def test_images_that_go_on_over_files_and_second_images_of_a_record_are_decoded(
    postgres_server: PostgresServer, connection: psycopg.Connection, tmp_path: Path
) -> None:
    texts = [token(each, "image") for each in range(40)]
    connection.execute("CREATE TABLE t (id int, note text STORAGE PLAIN)")
    for number, each in enumerate(texts):
        # two rows a page, of which half compresses
        for who, text in ((number, each), (1000 + number, "somebody else")):
            note = f"{random.Random(who).randbytes(900).hex()}{text}{'. ' * 2000}"[:3900]
            connection.execute("INSERT INTO t VALUES (%s, %s)", [who, note])
    connection.execute("CHECKPOINT")
    connection.execute("SET wal_compression = pglz")
    since = log_kept(connection)
    # these rows move to other pages; the page that each leaves, with the row that stays, is the second image of a record
    connection.execute("UPDATE t SET id = id + 1000 WHERE id >= 1000")
    body = pages_since(connection, wal_of(postgres_server, connection, since), since)
    assert sum(each.encode() in body for each in texts) <= 2
    cut_up(body, tmp_path / "log", 1)
    assert len(look(tmp_path, whole(*texts), Limits(depth=1)).seen) == len(texts)


@pytest.mark.parametrize("method", ["pglz", "lz4", "zstd"])
def test_every_method_of_compressing_images_is_known(debian_postgres: PostgresServer, tmp_path: Path, method: str) -> None:
    name = f"images_{method}"
    debian_postgres.drop(name)
    with psycopg.connect(debian_postgres.database(name), autocommit=True) as connection:
        compressed_images(debian_postgres, connection, tmp_path, method)


@pytest.mark.parametrize("words", [200, 6000])
def test_values_compressed_with_lz4_are_found(debian_postgres: PostgresServer, words: int) -> None:
    text, name = token(12), f"values_{words}"
    debian_postgres.drop(name)
    with psycopg.connect(debian_postgres.database(name), autocommit=True) as connection:
        connection.execute("SET default_toast_compression = lz4")
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, who text, note text COMPRESSION lz4)")
        # a token whose parts were all met before, so that no run of it is written out
        parts = [text[at : at + 6] for at in range(len(text) - 5)]
        connection.execute("INSERT INTO t VALUES (9, 'mary', %s)", [f"{' '.join(parts)} {prose(words, 77)} {text} {prose(words, 78)}"])
        connection.execute("CHECKPOINT")
        paths = files(debian_postgres, connection, "t")
        assert not grep(paths, text)
        way = "postgres lz4" if words == 200 else "postgres toast lz4"
        assert {each.hidden for path in paths for each in found_in(path, whole(text))} == {way}


def test_what_a_sort_put_aside_is_looked_into(postgres_server: PostgresServer, connection: psycopg.Connection, tmp_path: Path) -> None:
    text = token(15)
    connection.execute("CREATE TABLE t (id int, note text)")
    for number in range(400):
        connection.execute(
            "INSERT INTO t VALUES (%s, %s)", [number, unseen(prose(200, number), text if number == 7 else token(number, "other"))]
        )
    connection.execute("SET work_mem = '64kB'")
    with connection.transaction(), connection.cursor(name="c") as cursor:
        cursor.execute("SELECT note FROM t ORDER BY md5(id::text), note")
        cursor.fetchone()
        shutil.copytree(postgres_server.data / "base" / "pgsql_tmp", tmp_path / "pgsql_tmp")
    paths = list((tmp_path / "pgsql_tmp").iterdir())
    assert paths
    assert not grep(paths, text)
    assert "postgres spill pglz" in ways(tmp_path, whole(text))


@pytest.fixture(scope="module")
def stray(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy of a table of long values, without its server."""
    text = token(13)
    postgres_server.drop("stray")
    with psycopg.connect(postgres_server.database("stray"), autocommit=True) as connection:
        planted(connection, text, words=4000)
        connection.execute("CHECKPOINT")
        path = tmp_path_factory.mktemp("stray") / "copy"
        shutil.copy(files(postgres_server, connection, "t")[1], path)
    return path, text


def test_a_stray_copy_is_known_by_its_content(stray: tuple[Path, str], tmp_path: Path) -> None:
    path, text = stray
    (tmp_path / "packed.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert ways(tmp_path, whole(text)) == {"gzip@0 > postgres toast pglz"}
    with tarfile.open(tmp_path / "backup.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("first"), io.BytesIO(b""))
        archive.add(path, "base/5/16388")
    (tmp_path / "packed.gz").unlink()
    assert ways(tmp_path, whole(text)) == {"postgres toast pglz"}


def test_a_value_that_goes_on_in_the_next_file_of_its_table_is_found(stray: tuple[Path, str], tmp_path: Path) -> None:
    path, text = stray
    body = path.read_bytes()
    for cut in range(PAGE, len(body), PAGE):
        (tmp_path / "16388").write_bytes(body[:cut])
        (tmp_path / "16388.1").write_bytes(body[cut:])
        assert ways(tmp_path, whole(text)) == {"postgres toast pglz"}


def stretches(path: Path) -> int:
    """In how many pieces a scan reads a folder or file."""
    return sum(1 for _ in scan_units.divide(scan_units.walk([(path, True)], lambda _: None), sliced=True))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_value_that_goes_on_in_another_stretch_of_its_table_is_found(
    stray: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    path, text = stray
    body = path.read_bytes()
    (tmp_path / "16388").write_bytes(bytes(5 * PAGE) + body)
    (tmp_path / "16390").write_bytes(bytes(5 * PAGE) + body[: 3 * PAGE])
    (tmp_path / "16390.1").write_bytes(body[3 * PAGE :])
    scanner, traces = ResidueScanner(processes=processes), whole(text)
    as_one = scanner.scan([RawSource(tmp_path, "data")], traces)
    assert stretches(tmp_path) == 1
    monkeypatch.setattr(scan_units, "SIZE", PAGE)
    monkeypatch.setattr(helper_pool, "WORTH", 1)
    assert stretches(tmp_path) > len(body) // PAGE + 3
    cut = scanner.scan([RawSource(tmp_path, "data")], traces)
    scanner.close()
    assert {each.path.name for each in cut.found} == {"16388", "16390"}
    assert sorted(cut.found, key=str) == sorted(as_one.found, key=str)
    assert (cut.seen, cut.coverage.bytes, cut.coverage.skipped) == (as_one.seen, as_one.coverage.bytes, as_one.coverage.skipped)


@pytest.mark.parametrize("other", ["a page of the log", "a page between pages", "half a page", "bytes of something else"])
def test_a_file_is_cut_only_where_nothing_but_pages_of_tables_is_in_it(
    postgres_server: PostgresServer, stray: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    body = stray[0].read_bytes()
    table = tmp_path / "16388"
    monkeypatch.setattr(scan_units, "SIZE", PAGE)
    table.write_bytes(body)
    assert stretches(table) > 2
    # That which is written to now: one that lies ready for later may be nothing but zeros.
    log = postgres_server.data / "pg_wal" / postgres_server.sql("SELECT pg_walfile_name(pg_current_wal_flush_lsn())")
    added = {
        "a page of the log": log.read_bytes()[:PAGE],
        "a page between pages": bytes(512) + body[:PAGE] + bytes(PAGE - 512),
        "half a page": body[: PAGE // 2],
        "bytes of something else": random.Random(3).randbytes(PAGE),
    }[other]
    table.write_bytes(body[:PAGE] + added + body[PAGE:])
    assert stretches(table) == 1


def test_what_is_too_deep_is_said(stray: tuple[Path, str]) -> None:
    path, text = stray
    seen = look(path, whole(text), Limits(depth=0))
    assert not seen.found
    assert dict(seen.coverage.skipped) == {"limit": 1}


def test_what_would_decode_to_too_much_is_said(stray: tuple[Path, str]) -> None:
    path, text = stray
    seen = look(path, whole(text), Limits(decoded=1000, ratio=0))
    assert dict(seen.coverage.skipped) == {"limit": 1}


def test_others_are_not_taken_for_the_erased(stray: tuple[Path, str]) -> None:
    path, text = stray
    absent = [f"{text[:-1]}{other}" for other in "ghijk"]
    assert not look(path, whole(*absent)).found
    assert not look(path, whole(*absent)).coverage.skipped


def test_a_value_of_which_the_end_was_overwritten_is_read_as_far_as_it_goes(stray: tuple[Path, str], tmp_path: Path) -> None:
    path, text = stray
    data = path.read_bytes()
    last = data.rfind(b"\x40\x1f\x00\x00", 0)
    assert last > 0
    (tmp_path / "damaged").write_bytes(data[:last] + bytes(PAGE - last % PAGE) + data[last + PAGE - last % PAGE :])
    assert ways(tmp_path, whole(text)) <= {"postgres toast pglz"}


@pytest.mark.parametrize("seed", range(12))
def test_damaged_pages_never_break_a_scan(stray: tuple[Path, str], tmp_path: Path, seed: int) -> None:
    path, text = stray
    rng = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(400):
        at = rng.randrange(len(data) - 4)
        data[at : at + rng.choice([1, 2, 4])] = rng.choice([b"\0", b"\xff", b"\x02\x00\x00\x00", rng.randbytes(4)])
    (tmp_path / "bad").write_bytes(bytes(data[: rng.randrange(9000, len(data))]) + text.encode())
    assert look(tmp_path / "bad", whole(text)).found


def test_a_running_server_is_read_without_an_exception(
    postgres_server: PostgresServer, connection: psycopg.Connection, database: str
) -> None:
    text = token(14)
    connection.execute("CREATE TABLE busy (id int, note text)")
    planted(connection, text, words=4000)
    connection.execute("CHECKPOINT")
    stop = threading.Event()

    def work() -> None:
        with psycopg.connect(database, autocommit=True) as other, suppress(psycopg.errors.AdminShutdown):
            while not stop.is_set():
                other.execute("INSERT INTO busy VALUES (1, %s)", [prose(3000, random.randrange(1000))])
                other.execute("UPDATE busy SET id = id + 1")
                other.execute("CHECKPOINT")

    (own,) = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone() or (0,)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(2):
            # Why not all databases: nothing changes in those of the tests before.
            seen = look(postgres_server.data / "base" / str(own), whole(text))
            assert seen.found
            assert not {reason for reason, _ in seen.coverage.skipped} - {"vanished"}
    finally:
        stop.set()
        thread.join()


@given(st.binary(max_size=400), st.integers(min_value=0, max_value=3))
def test_what_was_packed_is_unpacked(data: bytes, times: int) -> None:
    data *= 1 + times * 3
    assert pglz(pack_pglz(data), len(data)) == (data, True)


@given(st.binary(max_size=3000), st.integers(min_value=0, max_value=1 << 20), st.sampled_from([PGLZ, LZ4]))
def test_anything_can_be_taken_for_a_compressed_value(data: bytes, size: int, method: int) -> None:
    out, complete = unpack(data, size, method)
    assert len(out) <= size
    assert not complete or len(out) == size


@given(st.binary(min_size=30, max_size=300), st.integers(min_value=1, max_value=60))
def test_a_cut_value_gives_its_beginning(data: bytes, cut: int) -> None:
    data *= 4
    packed = pack_pglz(data)
    out, complete = pglz(packed[:-cut], len(data))
    assert data.startswith(out)
    assert not complete
