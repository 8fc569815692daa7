"""The vault's door at the keeper, behind the same port as in its process, over a socket."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from expunge.adapters.keeper import vault_requests as ask
from expunge.adapters.keeper.connection import PATIENCE, Connections
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keeper.requests import BearerText, Name, Request
from expunge.adapters.keeper.sender_requests import FOR_SENDERS
from expunge.errors import UsageError
from expunge.ports.vault.vault_door import OpenedRecording, OpeningClaim, ReadablePage, ReadableRecording, TakenIn, UploadClaim

_Text = TypeVar("_Text", bound=str)


class KeeperUploads:
    """Implements ``expunge.ports.vault.vault_door.UploadDoor``, for this account or for a sender, whose header every request shows."""

    def __init__(self, connections: Connections, bearer: BearerText | None = None) -> None:
        self._connections, self._bearer = connections, bearer

    def begin_upload(self, claim: UploadClaim) -> int:
        """See the port."""
        subjects = tuple((_sendable(kind), Name(_sendable(value))) for kind, value in claim.subjects)
        request = ask.BeginUpload(
            claim.upload, claim.dataset, Name(_sendable(claim.name)), subjects, claim.clear_before, claim.digest, claim.size
        )
        return int(self._told(request))

    def append_upload(self, upload: str, offset: int, data: bytes) -> int:
        """See the port."""
        return int(self._told(ask.AppendUpload(upload, offset), data))

    def finish_upload(self, upload: str) -> TakenIn:
        """See the port."""
        id_, size, digest, at, fresh = self._told(ask.FinishUpload(upload))
        return TakenIn(id_, size, digest, datetime.fromisoformat(at), fresh)

    def drop_upload(self, upload: str) -> None:
        """See the port."""
        self._told(ask.DropUpload(upload))

    def _told(self, request: Request, body: bytes = b"") -> Any:
        if self._bearer is not None:
            said = {each.name: getattr(request, each.name) for each in fields(request)}
            request = FOR_SENDERS[type(request)](**said, bearer=self._bearer)
        return self._connections.ask(request, body).value


class KeeperVault(KeeperUploads):
    """Implements ``expunge.ports.vault.vault_door.VaultDoor``. The keeper asks the gate, keeps keys, and seals and unseals.

    Threads may share it, and a fork may go on using it. A request whose answer was lost is made again.
    """

    def __init__(self, place: KeeperPlace, patience: float = PATIENCE) -> None:
        super().__init__(Connections(place, patience))

    @classmethod
    def connect(cls, place: KeeperPlace, patience: float = 0.0) -> KeeperVault:
        """Connect to the keeper of a place. Raises KeeperAway where none answers, and the error with which a keeper refuses."""
        door = cls(place)
        door._connections.open(patience)
        return door

    def __repr__(self) -> str:
        return "KeeperVault(…)"

    def close(self) -> None:
        """Close the connections. Openings and uploads stay at the keeper, until they were idle for too long."""
        self._connections.close()

    def open_recording(self, claim: OpeningClaim) -> OpenedRecording:
        """See the port."""
        request = ask.OpenRecording(
            claim.opening, Name(_sendable(claim.recording)), _sendable(claim.purpose), _sendable(claim.program), claim.first, claim.last
        )
        size, first, last = self._told(request)
        return OpenedRecording(size, first, last)

    def read_recording(self, opening: str, first: int, last: int) -> bytes:
        """See the port."""
        return self._connections.ask(ask.ReadRecording(opening, first, last)).body

    def close_recording(self, opening: str) -> None:
        """See the port."""
        self._connections.ask(ask.CloseRecording(opening))

    def readable_recordings(self, dataset: str, purpose: str, after: int = 0) -> ReadablePage:
        """See the port."""
        answer = self._connections.ask(ask.ReadableRecordings(dataset, purpose, after))
        following: Any = answer.value
        return ReadablePage(tuple(ReadableRecording(name, size) for name, size in json.loads(answer.body)), following)


def _sendable(text: _Text) -> _Text:
    """Return a text that can go over the socket. Raises UsageError."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError("a name that is no text cannot go to the keeper", help="give the file a name in UTF-8") from error
    return text
