from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from expunge.servers import postgres
from expunge.servers.postgres import PostgresServer, running_postgres
from expunge.servers.processes import ServerFailed, descendants, free_ports, wait_until


def value(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def memory_of(server: PostgresServer) -> set[Path]:
    """Shared memory of this server: others on this machine come and go meanwhile."""
    return postgres._shared_memory([server.pid, *descendants(server.pid)])


@pytest.fixture(params=["embedded", "debian"])
def server(request: pytest.FixtureRequest) -> PostgresServer:
    found = request.getfixturevalue("postgres_server" if request.param == "embedded" else "debian_postgres")
    assert isinstance(found, PostgresServer)
    return found


def test_a_server_takes_connections_from_this_machine_alone_and_vacuums_nothing_by_itself(server: PostgresServer) -> None:
    assert value(server.url, "SHOW listen_addresses") == "127.0.0.1"
    assert value(server.url, "SHOW unix_socket_directories") == ""
    assert value(server.url, "SHOW autovacuum") == "off"
    assert value(server.url, "SHOW fsync") == "on"


def test_debians_server_can_compress_with_lz4(debian_postgres: PostgresServer) -> None:
    assert (
        value(debian_postgres.url, "SELECT count(*) FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)")
        == 1
    )


def test_every_test_gets_an_empty_database_of_its_own(database: str, postgres_server: PostgresServer) -> None:
    assert value(database, "SELECT count(*) FROM pg_stat_user_tables") == 0
    assert database != postgres_server.url


@pytest.mark.parametrize("flavour", ["embedded", "debian"])
def test_in_a_folder_with_spaces_a_server_is_stopped_started_and_killed_and_keeps_what_was_committed(
    tmp_path: Path, flavour: postgres.Flavour
) -> None:
    if reason := postgres.missing(flavour):
        pytest.skip(reason)
    shared: set[Path] = set()
    parents = {path: path.stat().st_mode for path in tmp_path.parents}
    folder = tmp_path / "two words"
    with running_postgres(folder, flavour=flavour, settings={"work_mem": "1MB"}) as server:
        assert value(server.url, "SHOW work_mem") == "1MB"
        url = server.url
        server.sql("CREATE TABLE kept (number int)")
        for stop in (server.stop, lambda: server.stop("immediate"), server.kill):
            server.sql("INSERT INTO kept VALUES (1)")
            with psycopg.connect(url) as connection:
                backend = connection.info.backend_pid
                postmaster = server.pid
                shared |= memory_of(server)
                stop()
                assert wait_until(lambda backend=backend: not lives(backend), 60)  # type: ignore[misc]
                assert not lives(postmaster)
                with pytest.raises(psycopg.OperationalError):
                    connection.execute("SELECT 1")
            server.start()
            server.start()
        assert server.url == url
        assert value(url, "SELECT count(*) FROM kept") == 3
        last = server.pid
        shared |= memory_of(server)
    assert not lives(last)
    assert shared
    assert not [path for path in shared if path.exists()]
    assert {path: path.stat().st_mode for path in tmp_path.parents} == parents
    if os.geteuid() == 0:
        assert (folder / "data" / "PG_VERSION").stat().st_uid == 0
    with running_postgres(folder, flavour=flavour) as again:
        assert value(again.url, "SELECT count(*) FROM kept") == 3


def test_a_port_that_somebody_takes_first_is_given_up_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_server: PostgresServer
) -> None:
    taken = postgres_server.port
    offers = [[taken], free_ports(1)]
    monkeypatch.setattr(postgres, "free_ports", lambda count: offers.pop(0))
    with running_postgres(tmp_path) as server:
        assert server.port != taken
        assert value(server.url, "SELECT 1") == 1


def test_a_setting_that_the_server_does_not_know_is_answered_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="unrecognized configuration parameter"), running_postgres(tmp_path, settings={"no_such": "1"}):
        pass


def test_a_refused_statement_says_why(postgres_server: PostgresServer) -> None:
    with pytest.raises(ServerFailed, match='relation "nowhere" does not exist'):
        postgres_server.sql("SELECT * FROM nowhere")


@pytest.mark.soak
def test_a_session_that_takes_its_time_to_end_keeps_no_database_from_going(postgres_server: PostgresServer) -> None:
    postgres_server.start()
    url = postgres_server.database("left")
    with psycopg.connect(url) as connection:
        pid = connection.info.backend_pid
        os.kill(pid, signal.SIGSTOP)
        # Longer than the five seconds for which the server itself waits.
        going_on = threading.Timer(7, os.kill, (pid, signal.SIGCONT))
        going_on.start()
        postgres_server.drop("left")
        going_on.join()
    assert postgres_server.sql("SELECT count(*) FROM pg_database WHERE datname = 'left'") == "0"


def test_a_server_does_not_outlive_a_killed_owner(tmp_path: Path) -> None:
    program = f"""
import pathlib, time
from expunge.servers.postgres import running_postgres
with running_postgres(pathlib.Path({str(tmp_path)!r})) as server:
    print(server.pid, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert lives(pid)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    assert wait_until(lambda: not lives(pid), 60)
    assert not (tmp_path / "data" / "postmaster.pid").exists(), "it was shut down, not killed"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_where_root_has_no_user_namespaces_the_server_runs_as_nobody_from_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_namespaces", lambda: False)
    with running_postgres(tmp_path) as server:
        assert value(server.url, "SELECT 1") == 1
        assert server.data.stat().st_uid == 65534
        scratch = server.data.parent
    assert not scratch.exists()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can become another user here")
def test_an_ordinary_user_runs_the_server_directly(tmp_path: Path) -> None:
    if reason := postgres.missing("debian"):
        pytest.skip(reason)
    launch = postgres._as_nobody(tmp_path / "none", postgres.binaries("debian"), 16)
    assert launch.prefix[0] == "setpriv"
    assert launch.scratch is not None
    launch.data.rmdir()
    launch.scratch.rmdir()
