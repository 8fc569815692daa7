"""What a family stops, at the clerk: behind the same port as in its process, over a socket."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from expunge.adapters.clerk import stopping_requests as wire
from expunge.adapters.clerk import values
from expunge.adapters.clerk.family_requests import OfFamilies
from expunge.adapters.keeper.connection import Connections
from expunge.core.consent.board import BoardSwitch, Stopped
from expunge.core.datamap.artefact import DataKind
from expunge.core.retention.own_periods import KindPeriod, OwnPeriod, PeriodPreview
from expunge.ports.families.stopping_door import IdleNotice


class ClerkStopping:
    """Implements ``expunge.ports.families.stopping_door.StoppingDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkStopping(…)"

    def board(self, account: UUID, family: str) -> tuple[BoardSwitch, ...]:
        """See the port."""
        found: tuple[BoardSwitch, ...] = self._ask(wire.ConsentBoardOf(str(account), family), wire.BOARD)
        return found

    def stop(self, account: UUID, family: str, purpose: str) -> Stopped:
        """See the port."""
        found: Stopped = self._ask(wire.StopUse(str(account), family, purpose), Stopped)
        return found

    def periods(self, account: UUID, family: str) -> tuple[KindPeriod, ...]:
        """See the port."""
        found: tuple[KindPeriod, ...] = self._ask(wire.OwnPeriodsOf(str(account), family), wire.PERIODS)
        return found

    def preview_period(self, account: UUID, family: str, kind: DataKind, period: OwnPeriod) -> PeriodPreview:
        """See the port."""
        found: PeriodPreview = self._ask(wire.PreviewOwnPeriod(str(account), family, kind.value, period.value), PeriodPreview)
        return found

    def choose_period(self, account: UUID, family: str, session: bytes, kind: DataKind, period: OwnPeriod | None) -> bool:
        """See the port."""
        found: bool = self._ask(wire.ChooseOwnPeriod(str(account), family, session.hex(), kind.value, period.value if period else ""), bool)
        return found

    def idle(self, account: UUID, family: str) -> IdleNotice | None:
        """See the port."""
        found: IdleNotice | None = self._ask(wire.IdleNoticeOf(str(account), family), wire.NOTICE)
        return found

    def keep(self, account: UUID, family: str) -> IdleNotice:
        """See the port."""
        found: IdleNotice = self._ask(wire.KeepProfile(str(account), family), IdleNotice)
        return found

    def _ask(self, request: OfFamilies, kind: Any) -> Any:
        return values.read(kind, self._connections.ask(request).value)
