"""Letters through the keeper, for a process of its user that has no key of addresses and no password of the mail server."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from expunge.adapters.keeper.connection import PATIENCE, Connections
from expunge.adapters.keeper.families import letter_requests as wire
from expunge.adapters.keeper.place import KeeperPlace
from expunge.core.journal.notice_events import LetterResult, NoticeKind
from expunge.core.values.ids import Pseudonym
from expunge.ports.accounts.family_letters import LetterReader
from expunge.ports.accounts.letters import Letter


class KeeperLetters:
    """Implements ``FamilyLetters`` and ``LetterDelivery`` of ``expunge.ports.accounts.family_letters``. Threads may share it."""

    def __init__(self, place: KeeperPlace, patience: float = PATIENCE) -> None:
        """Connect at the first use."""
        self._connections = Connections(place, patience)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def readers(self, family: Pseudonym) -> tuple[LetterReader, ...]:
        """See the port."""
        told: Any = self._connections.ask(wire.ReadersOf(family)).value
        return tuple(map(wire.read_reader, told))

    def write(self, account: UUID, family: Pseudonym, kind: NoticeKind, at: datetime, key: str) -> LetterResult:
        """See the port."""
        asked = wire.WriteNotice(str(account), family, kind.value, at.isoformat(), key)
        return LetterResult(str(self._connections.ask(asked).value))

    def deliver(self, letter: Letter) -> LetterResult:
        """See the port."""
        return LetterResult(str(self._connections.ask(wire.DeliverLetter(), wire.letter_body(letter)).value))
