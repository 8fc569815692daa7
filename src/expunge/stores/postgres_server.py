"""One PostgreSQL server seen from a store: who we are there, where its bytes lie, what stays out of reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import psycopg

from expunge.core.copy import Finding, RawSource
from expunge.core.datamap import StoreSpec
from expunge.core.grounding import Grounding

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
Connect: TypeAlias = Callable[[], Connection]


class Server:
    """The server behind one store; nothing is asked before the first call.

    ``connect`` opens a new connection to the store's database; what comes back is switched to autocommit and closed by :meth:`close`.
    Every method may raise ``psycopg.Error`` (the caller translates it) and OSError.
    """

    def __init__(self, connect: Connect, spec: StoreSpec) -> None:
        self.spec = spec
        self._connect = connect
        self._open: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The ladder's own connection, in autocommit mode."""
        if self._open is None or self._open.closed:
            self._open = self._connect()
            self._open.autocommit = True
        return self._open

    def grounding(self) -> Grounding:
        """``scrubbed`` where rights suffice and the server's files can be read here, ``removed`` otherwise."""
        return Grounding.REMOVED

    def out_of_scope(self) -> tuple[str, ...]:
        """Sentences for the receipt: what goes on holding erased data, and until when."""
        return ()

    def raw(self) -> Iterator[RawSource]:
        """Where the server's bytes lie, after a checkpoint; nothing where its files cannot be read here."""
        return iter(())

    def findings(self) -> Iterator[Finding]:
        """What stands between this role and ``scrubbed``, with the GRANTs that would mend it."""
        return iter(())

    def close(self) -> None:
        """Let go of the connection; safe to call twice."""
        if self._open is not None:
            self._open.close()
            self._open = None
