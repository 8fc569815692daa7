"""Connections to one PostgreSQL database, and the meaning of its errors in words that hold no personal data."""

from __future__ import annotations

import errno
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import psycopg
from psycopg import conninfo, pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from expunge.core.datamap.datamap import StoreSpec
from expunge.core.values.outcome import RETRYABLE, Reason, Unable
from expunge.errors import CouldNotLook, Misconfigured, StoreUnavailable

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_CONNECT_SECONDS = 10

_SETTINGS = {
    # No text of ours names anybody; a server may all the same log values with its errors, so it is told not to, where it listens.
    "log_statement": "none",
    "log_duration": "off",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_min_error_statement": "panic",
    "log_min_messages": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "auto_explain.log_min_duration": "-1",
    "pg_stat_statements.track": "none",
    # A row that a policy hides would read as absent: the server shall refuse the query instead.
    "row_security": "off",
    # Keys and links are texts that must read the same tomorrow.
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    # Long reads are ours to end; waiting for others is bounded by lock_timeout.
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "jit": "off",
    "cursor_tuple_fraction": "1",
    "temp_buffers": "128MB",
    "work_mem": "64MB",
}
_SET = """
SELECT pg_catalog.set_config(s.name, v.value, false) FROM (VALUES {values}) AS v (name, value)
JOIN pg_catalog.pg_settings AS s ON pg_catalog.lower(s.name) = v.name
WHERE s.context = 'user' OR s.context = 'superuser' AND pg_catalog.has_parameter_privilege(s.name, 'SET')
"""

_BY_STATE = {
    "55P03": (Reason.LOCKED, "somebody holds a lock that stands in the way; it is tried again"),
    "40P01": (Reason.LOCKED, "others and this erasure waited for each other; it is tried again"),
    "40001": (Reason.LOCKED, "others changed the same rows meanwhile; it is tried again"),
    "42501": (Reason.PERMISSION, "the role has no right to do this; `expunge check` prints the GRANTs that are missing"),
    "25006": (Reason.PERMISSION, "the database is read-only (a standby, or default_transaction_read_only); name the primary, or end that"),
    "28000": (Reason.PERMISSION, "the server refuses this role; correct `url:` or pg_hba.conf"),
    "28P01": (Reason.PERMISSION, "the server refuses the password; correct `url:`"),
    "42P01": (Reason.SCHEMA_CHANGED, "a table, or one that a trigger or view names, does not exist"),
    "42703": (Reason.SCHEMA_CHANGED, "a column, or one that a trigger or view names, does not exist"),
    "42704": (Reason.SCHEMA_CHANGED, "a type or object that the schema named a moment ago does not exist"),
    "3F000": (Reason.SCHEMA_CHANGED, "a schema does not exist"),
    "3D000": (Reason.UNREACHABLE, "the database does not exist; correct `url:`"),
    "42883": (Reason.UNSUPPORTED, "a trigger, view or index calls a function that does not exist"),
    "23503": (Reason.REFERENCED, "other rows refer to what should go; declare their tables as datasets of the same people"),
    "23001": (Reason.REFERENCED, "other rows refer to what should go; declare their tables as datasets of the same people"),
    "53100": (Reason.DISK_FULL, "the server has no room left on its disk"),
    "53200": (Reason.UNREACHABLE, "the server has no memory or lock slots left; it is tried again"),
    "53300": (Reason.UNREACHABLE, "the server takes no more connections; it is tried again"),
    "57014": (Reason.UNREACHABLE, "the statement was cancelled on the server; it is tried again"),
    "58030": (Reason.ERROR, "input/output error on the server's files"),
    "58P01": (Reason.CORRUPT, "a file of the database is missing on the server"),
    "0A000": (Reason.UNSUPPORTED, "the server cannot do this with this table"),
    "55000": (Reason.UNSUPPORTED, "the table is published without a replica identity, so that nothing can be deleted from it; give it one"),
    "P0001": (Reason.UNSUPPORTED, "a trigger refuses the deletion; change it"),
}
_BY_CLASS = {
    "08": (Reason.UNREACHABLE, "the connection broke; it is tried again"),
    "23": (Reason.UNSUPPORTED, "a trigger or constraint refuses the deletion; change it"),
    "28": (Reason.PERMISSION, "the server refuses this role; correct `url:`"),
    "53": (Reason.UNREACHABLE, "the server lacks resources; it is tried again"),
    "57": (Reason.UNREACHABLE, "the server is shutting down, starting or ended the session; it is tried again"),
    "HV": (Reason.UNREACHABLE, "another server, which holds a part of the table, cannot be reached"),
    "P0": (Reason.UNSUPPORTED, "a trigger fails; change it"),
    "XX": (Reason.CORRUPT, "the database is damaged; restore it"),
}
_BY_ERRNO = {
    errno.ENOSPC: (Reason.DISK_FULL, "there is no room left"),
    errno.EDQUOT: (Reason.DISK_FULL, "the disk quota is used up"),
    errno.EACCES: (Reason.PERMISSION, "the server's files cannot be used"),
    errno.EPERM: (Reason.PERMISSION, "the server's files cannot be used"),
}
_REFUSED = (
    ("authentication failed", Reason.PERMISSION, "the server refuses role or password; correct `url:`"),
    ("no password supplied", Reason.PERMISSION, "the server wants a password; correct `url:`"),
    ("no pg_hba.conf entry", Reason.PERMISSION, "the server refuses connections from here; correct pg_hba.conf"),
    ("permission denied", Reason.PERMISSION, "the role may not connect to this database"),
    ("is not permitted to log in", Reason.PERMISSION, "the role may not log in"),
    ('role "', Reason.PERMISSION, "the role does not exist; correct `url:`"),
    ('database "', Reason.UNREACHABLE, "the database does not exist; correct `url:`"),
    ("too many", Reason.UNREACHABLE, "the server takes no more connections; it is tried again"),
)


class _AnyText(Loader):
    """Text of a database that checks no encoding: bytes that are no UTF-8 come back as they went."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "surrogateescape")


class _AnyTextBinary(_AnyText):
    format = pq.Format.BINARY


class ConnectionPool:
    """Opens connections to one store's database and keeps the idle ones; a broken one is replaced at its next use."""

    def __init__(self, spec: StoreSpec, lock_ms: int) -> None:
        """Take the address; nothing is opened.

        Raises:
            Misconfigured: when the address is no libpq URI.
        """
        self.store = spec.name
        self.lock_ms = lock_ms
        self._idle: list[Connection] = []
        try:
            self._parameters: dict[str, Any] = dict(conninfo.conninfo_to_dict(spec.url))
        except psycopg.Error:
            # Why nothing is chained: libpq quotes the address, which may hold a password.
            message = f"store {spec.name}: `url` is no address that libpq understands"
            raise Misconfigured(message, help="write for instance postgresql://ROLE@HOST:5432/NAME") from None

    @property
    def where(self) -> str:
        """Name for messages."""
        return f"store {self.store}"

    def connect(self) -> Connection:
        """Open a connection in autocommit mode that logs as little as the role may ask for and waits ``lock_ms`` for locks at most.

        Raises:
            psycopg.Error: translate it with :meth:`unable` or :meth:`looking`.
        """
        asked = {
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "expunge",
            "keepalives_idle": 30,
            "tcp_user_timeout": 60_000,
            **self._parameters,
            "client_encoding": "UTF8",
        }
        connection = psycopg.connect("", autocommit=True, prepare_threshold=None, **asked)
        try:
            settings = {**_SETTINGS, "lock_timeout": str(self.lock_ms)}
            values = ", ".join(f"('{name}', '{value}')" for name, value in settings.items())
            connection.execute(_SET.format(values=values).encode()).fetchall()
            if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
                # Such a database takes any bytes, unless the client claims an encoding.
                connection.execute("SET client_encoding TO 'SQL_ASCII'")
                for loader in (_AnyText, _AnyTextBinary):
                    for name in ("text", "varchar", "bpchar", "name"):
                        connection.adapters.register_loader(name, loader)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def borrowed(self) -> Iterator[Connection]:
        """A connection for one piece of work; a transaction that is left open is rolled back.

        Raises:
            psycopg.Error: when none can be opened.
        """
        connection = self._take()
        try:
            yield connection
        finally:
            with suppress(psycopg.Error):
                if not connection.closed and connection.info.transaction_status != pq.TransactionStatus.IDLE:
                    connection.rollback()
            if connection.closed or connection.info.transaction_status != pq.TransactionStatus.IDLE:
                connection.close()
            else:
                self._idle.append(connection)

    def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if answers(connection):
                return connection
            connection.close()
        return self.connect()

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()

    # --- what errors mean --------------------------------------------------------------------------

    def unable(self, error: psycopg.Error | OSError) -> Unable:
        """Return the meaning of an error. Its message may quote values, so none of it is passed on. A defect of ours is raised again."""
        reason, detail = self._meaning(error)
        return Unable(reason, f"{self.where}: {detail}")

    def _meaning(self, error: psycopg.Error | OSError) -> tuple[Reason, str]:
        if isinstance(error, OSError):
            return _BY_ERRNO.get(error.errno or 0, (Reason.ERROR, f"operating system error {error.errno}"))
        state = error.sqlstate
        if state is None:
            if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
                raise error
            for text, reason, detail in _REFUSED:
                if text in str(error):
                    return reason, detail
            return Reason.UNREACHABLE, "the server cannot be reached or ended the connection; it is tried again"
        known = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
        return known or (Reason.ERROR, f"PostgreSQL error {state}")

    @contextmanager
    def looking(self, what: str) -> Iterator[None]:
        """Translate errors while reading into those that the port names; ``what`` is a name of the map.

        Raises:
            StoreUnavailable: for what passes (locked, not there, no rights).
            CouldNotLook: for what does not (damaged, schema).
        """
        try:
            yield
        except (psycopg.Error, OSError) as error:
            unable = self.unable(error)
            kind = StoreUnavailable if unable.reason in RETRYABLE else CouldNotLook
            message = f"{what}: {unable.detail}"
            # Why nothing is chained: the server's message may quote a value.
            raise kind(message, help="see `expunge check`") from None


def lost(error: psycopg.Error) -> bool:
    """Return whether the connection is gone. Then the result of the last statement is unknown here."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and (
        error.sqlstate is None or (error.sqlstate[:2] in {"08", "57"} and error.sqlstate != "57014")
    )


def answers(connection: Connection) -> bool:
    """Return whether the server still answers on an idle connection: a stopped process would keep a caller waiting for ever."""
    try:
        raw = connection.pgconn
        raw.send_query(b"")
        deadline = time.monotonic() + _CONNECT_SECONDS
        while True:
            raw.flush()
            ready, _, _ = select.select([raw.socket], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return False
            raw.consume_input()
            while not raw.is_busy():
                if raw.get_result() is None:
                    return not connection.closed and connection.info.transaction_status == pq.TransactionStatus.IDLE
    except (psycopg.Error, OSError, ValueError):
        return False
