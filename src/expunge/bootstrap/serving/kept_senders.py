"""The doors for servers' senders in the process that opens the journal. A token is checked at each call, and uploads belong to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from expunge.adapters.keeper.vault_requests import NoVault
from expunge.bootstrap.pipelines import LineageDoor
from expunge.bootstrap.serving.followed_map import OfMap
from expunge.core.journal.access_tokens import Token, TokenRefused, TokenScope
from expunge.core.lineage.observations import Observation
from expunge.errors import SenderRefused
from expunge.ports.sender_door import IntakeResult, Sender
from expunge.ports.vault.vault_door import Caller, TakenIn, UploadClaim, UploadDoor, VaultDoors

_MENDS = {
    TokenRefused.MISSING: "send the header Authorization: Bearer TOKEN; `expunge token issue` makes one",
    TokenRefused.UNKNOWN: "send the whole token, as `expunge token issue` showed it",
    TokenRefused.REVOKED: "ask for a new one: `expunge token issue`",
    TokenRefused.ENDED: "ask for a new one: `expunge token issue`",
    TokenRefused.NOT_FOR_THIS: "ask for one with the right --scope: `expunge token issue`",
}


class KeptSenders:
    """Implements ``expunge.ports.sender_door.SenderDoors`` over the journal of a map. It opens nothing before the first call."""

    def __init__(self, map_path: Path, vault: VaultDoors | None = None) -> None:
        """Open nothing yet.

        Args:
            map_path: the data map.
            vault: the doors of its vault, which their owner closes; None where the map has none.
        """
        self.vault: VaultDoors = vault or NoVault()
        self._lineage = OfMap(map_path, LineageDoor.open, LineageDoor.close, outlives=True)

    def door_of(self, caller: Caller) -> LocalSenderDoor:
        """Return the door of a server."""
        return LocalSenderDoor(self, caller)

    @contextmanager
    def lineage(self) -> Iterator[LineageDoor]:
        """Give the journal's door, by the map as it is now, for the length of a block. Raises as :meth:`LineageDoor.open`."""
        with self._lineage.used() as door:
            door.stay()
            yield door

    def close(self) -> None:
        """Let go of the journal."""
        self._lineage.close()


class LocalSenderDoor:
    """Implements ``expunge.ports.sender_door.SenderDoor``."""

    def __init__(self, doors: KeptSenders, caller: Caller) -> None:
        """Made by :meth:`KeptSenders.door_of`."""
        self._doors, self._caller = doors, caller

    def admit(self, bearer: str, scope: TokenScope) -> Sender:
        """See the port."""
        with self._doors.lineage() as door:
            return Sender(_admitted(door, bearer, scope).id)

    def take(self, bearer: str, observations: Sequence[Observation]) -> IntakeResult:
        """See the port."""
        with self._doors.lineage() as door:
            _admitted(door, bearer, TokenScope.LINEAGE)
            return door.take(observations)

    def look(self) -> None:
        """See the port."""
        with self._doors.lineage() as door:
            door.look()

    def uploads(self, bearer: str) -> SendersUploads:
        """See the port."""
        return SendersUploads(lambda: self._vault_of(bearer))

    def _vault_of(self, bearer: str) -> UploadDoor:
        sender = self.admit(bearer, TokenScope.INGEST)
        return self._doors.vault.door_of(replace(self._caller, sender=sender.id))


@dataclass(frozen=True)
class SendersUploads:
    """Implements ``expunge.ports.vault.vault_door.UploadDoor`` for one sender, whose token is checked before each verb."""

    _door: Callable[[], UploadDoor]

    def begin_upload(self, claim: UploadClaim) -> int:
        """See the port."""
        return self._door().begin_upload(claim)

    def append_upload(self, upload: str, offset: int, data: bytes) -> int:
        """See the port."""
        return self._door().append_upload(upload, offset, data)

    def finish_upload(self, upload: str) -> TakenIn:
        """See the port."""
        return self._door().finish_upload(upload)

    def drop_upload(self, upload: str) -> None:
        """See the port."""
        self._door().drop_upload(upload)


def _admitted(door: LineageDoor, bearer: str, scope: TokenScope) -> Token:
    answer = door.admit(bearer, scope)
    if isinstance(answer, TokenRefused):
        raise SenderRefused(answer.value, help=_MENDS[answer], reason=answer.name)
    return answer
