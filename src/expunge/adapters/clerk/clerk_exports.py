"""Exports of families at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from expunge.adapters.clerk import export_requests as wire
from expunge.adapters.keeper.connection import Connections
from expunge.core.export.wanted_export import WantedExport
from expunge.ports.families.export_door import ExportCard, OfferedKind


class ClerkExports:
    """Implements ``expunge.ports.families.export_door.ExportDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkExports(…)"

    def offered(self, account: UUID, family: str) -> tuple[OfferedKind, ...]:
        """See the port."""
        told: Any = self._connections.ask(wire.OfferedExport(str(account), family)).value
        return tuple(wire.read_offered(each) for each in told)

    def begin(self, permit: str, session: bytes, account: UUID, family: str, wanted: WantedExport) -> str:
        """See the port."""
        asked = permit, session.hex(), str(account), family, wire.words_of(wanted), wanted.part_size, wanted.language.value
        return str(self._connections.ask(wire.BeginExport(*asked)).value)

    def exports(self, account: UUID, family: str) -> tuple[ExportCard, ...]:
        """See the port."""
        told: Any = self._connections.ask(wire.ListExports(str(account), family)).value
        return tuple(wire.read_export(each) for each in told)

    def cancel(self, account: UUID, family: str, export: str) -> None:
        """See the port."""
        self._connections.ask(wire.CancelExport(str(account), family, export))

    def fetch(self, account: UUID, family: str, session: bytes, export: str, part: int, first: int, last: int) -> str:
        """See the port."""
        return str(self._connections.ask(wire.FetchExport(str(account), family, session.hex(), export, part, first, last)).value)

    def read(self, account: UUID, family: str, session: bytes, ticket: str, first: int) -> bytes:
        """See the port."""
        return self._connections.ask(wire.ReadExport(str(account), family, session.hex(), ticket, first)).body

    def beside(self, account: UUID, family: str, session: bytes, export: str, name: str) -> bytes:
        """See the port."""
        return self._connections.ask(wire.BesideExport(str(account), family, session.hex(), export, name)).body
