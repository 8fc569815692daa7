"""Locate a PostgreSQL server's bytes as the server reports them, and verify that the files on this machine really are that server's."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import psycopg

from expunge.core.values.copy import RawSource

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_CONTROL = struct.Struct("<QII4x4xqQ")
"""The beginning of ``global/pg_control`` (ControlFileData): system identifier, two versions, state, time, position of the checkpoint."""
_TRIES = 3
_ROLES = {
    "pg_wal": "journal", "pg_stat": "statistics", "pg_stat_tmp": "statistics", "pg_replslot": "journal", "pg_twophase": "journal",
    "pg_logical": "journal", "pg_notify": "notifications",
}  # fmt: skip
_SETTINGS = """
SELECT name, setting FROM pg_catalog.pg_settings
WHERE name IN ('data_directory', 'config_file', 'hba_file', 'ident_file', 'logging_collector', 'log_directory', 'log_filename',
               'log_destination')"""


@dataclass(frozen=True)
class Logs:
    """The server's log."""

    files: tuple[Path, ...]
    elsewhere: str
    """Where it (also) goes that cannot be reached here; empty when the files are all of it."""


@dataclass(frozen=True)
class DataDirectory:
    """The files of one running server, verified."""

    data: Path
    settings: dict[str, str]

    def sources(self, connection: Connection) -> Iterator[RawSource]:
        """Yield all files of the server but the folders of other databases: each of those is a store of its own.

        Users of the server make and drop databases, and write settings, meanwhile. Files that need not exist may have gone since.
        """
        row = connection.execute("SELECT oid::text FROM pg_catalog.pg_database WHERE datname = current_database()").fetchone()
        ours = str(row[0]) if row else ""
        bases: list[Path] = []
        others = self._databases(connection)
        for entry in sorted(self.data.iterdir()):
            if entry.name == "base":
                bases.append(entry)
            elif entry.name != "pg_tblspc" and _holds_bytes(entry):
                # After a checkpoint whatever the log says of live rows lies in their tables.
                role = _ROLES.get(entry.name, "data" if entry.is_dir() else "settings")
                yield RawSource(entry.resolve(), role, repeats=entry.name == "pg_wal")
        bases += [folder for space in self.tablespaces(connection) for folder in sorted(space.glob("PG_*"))]
        listed = [each for base in bases for each in _inside(base)]
        # Why twice: one that is dropped meanwhile was there before, and one that is made meanwhile is there now.
        others |= self._databases(connection)
        for each in listed:
            if each.name == ours or each.name not in others:
                yield RawSource(each, "data" if each.name == ours else _role_in_base(each))
        for log in self.logs().files:
            if not log.is_relative_to(self.data):
                yield RawSource(log, "log")
        for name in ("config_file", "hba_file", "ident_file"):
            path = Path(self.settings.get(name, ""))
            if path.is_absolute() and not path.is_relative_to(self.data) and os.access(path, os.R_OK):
                yield RawSource(path, "settings")

    @staticmethod
    def _databases(connection: Connection) -> set[str]:
        return {each[0] for each in connection.execute("SELECT oid::text FROM pg_catalog.pg_database").fetchall()}

    def tablespaces(self, connection: Connection) -> tuple[Path, ...]:
        """Folders of table spaces; those outside the data folder, and those that the server made inside it, which it names from there."""
        query = "SELECT pg_tablespace_location(oid) FROM pg_catalog.pg_tablespace"
        return tuple(self.data / row[0] for row in connection.execute(query).fetchall() if row[0])

    def logs(self) -> Logs:
        """The files that the server logs to."""
        files, elsewhere = [], []
        if self.settings.get("logging_collector") == "on":
            folder = self.data / self.settings.get("log_directory", "log")
            files += sorted(_logs_in(folder, self.settings.get("log_filename", ""), whole=folder.is_relative_to(self.data)))
        standard = self._standard_error()
        if standard is not None and standard.is_file():
            files.append(standard)
        elif standard is None and self.settings.get("logging_collector") != "on":
            elsewhere.append("the standard error of the server's process, which its service keeps")
        if any(each.strip() in {"syslog", "eventlog"} for each in self.settings.get("log_destination", "").split(",")):
            elsewhere.append("the system's log")
        return Logs(tuple(dict.fromkeys(files)), " and ".join(elsewhere))

    def _standard_error(self) -> Path | None:
        """The file that the postmaster's standard error goes to; ``/dev/null`` is one that keeps nothing."""
        try:
            process = Path("/proc", _postmaster(self.data)[0])
            if (process / "cwd").readlink() != self.data:
                return None
            target = (process / "fd" / "2").readlink()
        except (OSError, ValueError, IndexError):
            return None
        return target if target.is_file() or target == Path(os.devnull) else None

    def unreadable(self, connection: Connection) -> str:
        """The first part that this process may not read, in words without a path; empty when it may read all."""
        for source in self.sources(connection):
            folders = [Path(each) for each, _, _ in os.walk(source.path)] if source.path.is_dir() else []
            if not all(_open_to_us(folder, os.R_OK | os.X_OK) for folder in folders) or not _open_to_us(source.path, os.R_OK):
                return f"a {source.role} part of the server's files"
        return ""


def find(connection: Connection) -> DataDirectory | str:
    """Return the server's files on this machine, or the reason why they cannot be located or trusted."""
    settings: dict[str, str] = dict(connection.execute(_SETTINGS).fetchall())
    told = settings.get("data_directory") or ""
    if not told:
        return "the server does not tell this role where its files lie"
    data = Path(os.path.realpath(told))
    why = ""
    # More than once: a server that is just being restarted is another one for a moment, and then does not answer here any more.
    for _ in range(_TRIES):
        try:
            if _is_it(connection, data):
                return DataDirectory(data, settings)
            why = "the folder that the server names is, on this machine, not that server's"
        except FileNotFoundError:
            why = "the server's files are not on this machine"
        except (OSError, ValueError, IndexError, struct.error):
            why = "this process may not read the server's files"
    return why


def _is_it(connection: Connection, data: Path) -> bool:
    """Compare what only this running server knows with the bytes that lie there.

    A restored copy or a standby has the same system identifier: its last checkpoint is another, and its postmaster another port or start.
    """
    query = """
    SELECT s.system_identifier, c.checkpoint_lsn - '0/0', current_setting('port'), extract(epoch FROM pg_postmaster_start_time())
    FROM pg_control_system() s, pg_control_checkpoint() c"""
    # Others may have it write checkpoint after checkpoint: what it says lies between what the file says before and after.
    earlier = _checkpoint(data)
    row = connection.execute(query).fetchone()
    assert row is not None
    later = _checkpoint(data)
    if not (earlier[0] == later[0] == int(row[0]) % 2**64 and earlier[1] <= int(row[1]) <= later[1]):
        return False
    lines = _postmaster(data)
    return lines[3] == row[2] and abs(int(lines[2]) - float(row[3])) < 60


def _checkpoint(data: Path) -> tuple[int, int]:
    """System identifier and position of the last checkpoint, as the server's file has them."""
    identifier, *_, checkpoint = _CONTROL.unpack(_head(data / "global" / "pg_control"))
    return identifier, checkpoint


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_CONTROL.size)


def _postmaster(data: Path) -> list[str]:
    """Lines of ``postmaster.pid``: process, data folder, start in seconds, port ..."""
    return (data / "postmaster.pid").read_text().splitlines()


def _holds_bytes(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _inside(folder: Path) -> list[Path]:
    """What is in a folder; nothing where it has gone since it was named, as that of a table space does."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _open_to_us(path: Path, mode: int) -> bool:
    """Whether this process may; what has gone since it was named keeps nothing from it."""
    return os.access(path, mode) or not os.path.lexists(path)


def _role_in_base(path: Path) -> str:
    """Of what is no database's that the server knows: put aside by queries, or left of one that was never finished."""
    return "temporary" if path.name.startswith("pgsql_tmp") else "abandoned"


def _logs_in(folder: Path, pattern: str, *, whole: bool) -> Iterator[Path]:
    """Files of a log folder; in one that servers may share only those named as this server names them."""
    if whole:
        yield from (path for path in folder.glob("*") if path.is_file())
        return
    stem = "".join("*" if part.startswith("%") else part for part in _parts(pattern.removesuffix(".log")))
    for ending in (".log", ".csv", ".json", ""):
        yield from (path for path in folder.glob(stem + ending) if path.is_file())


def _parts(pattern: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        width = 2 if pattern[at] == "%" else 1
        yield pattern[at : at + width]
        at += width
