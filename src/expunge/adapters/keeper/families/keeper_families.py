"""Hand-overs and recoveries at the keeper, behind the same ports as in its process, over a socket."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from expunge.adapters.keeper.connection import PATIENCE, Connections
from expunge.adapters.keeper.families import family_requests as wire
from expunge.adapters.keeper.place import KeeperPlace
from expunge.core.accounts.asks import Ask
from expunge.core.accounts.hand_over import MOST_TOKEN, HandOverFault, refusal
from expunge.core.accounts.recovery import RecoveryStanding
from expunge.ports.accounts.hand_overs import HandOverCard
from expunge.ports.accounts.recoveries import Recovering


class KeeperHandOvers:
    """Implements ``expunge.ports.accounts.hand_overs.HandOvers``. Threads may share it, and a fork may go on using it."""

    def __init__(self, place: KeeperPlace, patience: float = PATIENCE) -> None:
        self._connections = Connections(place, patience)

    def __repr__(self) -> str:
        return "KeeperHandOvers(…)"

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def look(self, token: str) -> HandOverCard:
        """See the port."""
        return wire.read_card(self._connections.ask(wire.LookAtHandOver(), _bounded(token)).value)

    def redeem(self, permit: str, session: bytes, ask: Ask, token: str) -> HandOverCard:
        """See the port."""
        request = wire.RedeemHandOver(permit, session.hex(), str(ask.account))
        return wire.read_card(self._connections.ask(request, _bounded(token)).value)


class KeeperRecoveries:
    """Implements ``expunge.ports.accounts.recoveries.Recoveries``. Threads may share it, and a fork may go on using it."""

    def __init__(self, place: KeeperPlace, patience: float = PATIENCE) -> None:
        self._connections = Connections(place, patience)

    def __repr__(self) -> str:
        return "KeeperRecoveries(…)"

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def send_recovery_code(self, account: UUID, session: bytes) -> None:
        """See the port."""
        self._connections.ask(wire.SendRecoveryCode(str(account), session.hex()))

    def recover(self, account: UUID, session: bytes, code: str) -> Recovering:
        """See the port."""
        told: Any = self._connections.ask(wire.Recover(str(account), session.hex(), code)).value
        standing = wire.read_standing(told[0])
        assert standing is not None
        return Recovering(standing, told[1])

    def recovery(self, account: UUID) -> RecoveryStanding | None:
        """See the port."""
        return wire.read_standing(self._connections.ask(wire.RecoveryOf(str(account))).value)

    def recovery_by_secret(self, secret: str) -> RecoveryStanding | None:
        """See the port."""
        return wire.read_standing(self._connections.ask(wire.RecoveryBySecret(), secret.encode()).value)

    def stop_recovery(self, account: UUID) -> bool:
        """See the port."""
        return bool(self._connections.ask(wire.StopRecovery(str(account))).value)

    def stop_recovery_by_secret(self, secret: str) -> bool:
        """See the port."""
        return bool(self._connections.ask(wire.StopRecoveryBySecret(), secret.encode()).value)


def _bounded(token: str) -> bytes:
    body = token.encode("utf-8", "replace")
    if len(body) > MOST_TOKEN:
        raise refusal(HandOverFault.MALFORMED, f"a hand-over token is malformed: it has more than {MOST_TOKEN} characters")
    return body
