"""The door for a server's senders at the keeper, behind the same port as in its process, over a socket."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from expunge.adapters.keeper import sender_requests as ask
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.keeper_vault import KeeperUploads
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keeper.requests import MOST_NAME, BearerText
from expunge.core.journal.access_tokens import TokenRefused, TokenScope
from expunge.core.lineage.observations import Observation, pack
from expunge.errors import SenderRefused, UsageError
from expunge.ports.sender_door import MOST_LINEAGE, IntakeResult, Sender

ADMITTED = 0.5
"""Seconds for which a sender that was admitted is not asked about again. Each request of its own shows its header and is checked anyway."""
_MOST_ADMITTED = 1000
PATIENCE = 2.0
"""Seconds for which a request waits for a keeper that was started again. A thread of the server waits with it."""


class KeeperSenders:
    """Implements ``expunge.ports.sender_door.SenderDoor``. The keeper checks tokens and writes the journal.

    Threads may share it. A request whose answer was lost is made again.
    """

    def __init__(self, place: KeeperPlace, patience: float = PATIENCE) -> None:
        self._connections = Connections(place, patience)
        self._admitted: dict[tuple[str, TokenScope], tuple[Sender, float]] = {}

    def __repr__(self) -> str:
        return "KeeperSenders(…)"

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def admit(self, bearer: str, scope: TokenScope) -> Sender:
        """See the port."""
        sender, until = self._admitted.get((bearer, scope), (None, 0.0))
        if sender is None or time.monotonic() >= until:
            sender = Sender(str(self._connections.ask(ask.AdmitSender(_bearer(bearer), scope)).value))
            if len(self._admitted) >= _MOST_ADMITTED:
                self._admitted = {}
            self._admitted[bearer, scope] = sender, time.monotonic() + ADMITTED
        return sender

    def take(self, bearer: str, observations: Sequence[Observation]) -> IntakeResult:
        """See the port. Observations of more than one request go in several, each whole in itself."""
        body = pack(observations).encode()
        if len(body) > MOST_LINEAGE:
            if len(observations) == 1:
                message = f"an observation is larger than {MOST_LINEAGE // 2**20} MiB"
                raise UsageError(message, help="send it in several events of the same run: they are joined")
            middle = len(observations) // 2
            first, second = self.take(bearer, observations[:middle]), self.take(bearer, observations[middle:])
            return IntakeResult(first.new + second.new, first.known + second.known)
        new, known = self._told(ask.TakeLineage(_bearer(bearer)), body)
        return IntakeResult(new, known)

    def look(self) -> None:
        """See the port."""
        self._connections.ask(ask.LookAtJournal())

    def uploads(self, bearer: str) -> KeeperUploads:
        """See the port."""
        return KeeperUploads(self._connections, _bearer(bearer))

    def _told(self, request: ask.TakeLineage, body: bytes) -> Any:
        return self._connections.ask(request, body).value


def _bearer(header: str) -> BearerText:
    """Return a header that can go over the socket. Raises SenderRefused for one that can hold no token."""
    if len(header) > MOST_NAME or not header.isascii():
        refused = TokenRefused.UNKNOWN
        raise SenderRefused(refused.value, reason=refused.name)
    return BearerText(header)
