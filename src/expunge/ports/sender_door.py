"""The port behind a server for programs with tokens: each call shows the sender's bearer header, and the other side checks it.

The server has neither journal nor key. It hands on the header that came with a request, so it can do nothing for a sender whose token it
was not shown. Two sides implement the port: the process that opens the journal, and its clients, which ask that process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from expunge.core.journal.access_tokens import TokenScope
from expunge.core.lineage.observations import Observation
from expunge.ports.vault.vault_door import Caller, UploadDoor

MOST_LINEAGE = 32 * 2**20
"""The most bytes of packed observations in one call. The events of an HTTP body of 8 MiB take less."""


@dataclass(frozen=True)
class Sender:
    """A program whose token was accepted."""

    id: str
    """The id of its token."""


@dataclass(frozen=True)
class IntakeResult:
    """The result of taking in observations: all of them are on the device."""

    new: int
    known: int
    """Came before, word for word."""


class SenderDoor(Protocol):
    """The door for the senders of one server. Safe between threads; every call is safe to repeat.

    Beside the errors named, every verb raises:
        StateUnavailable, Busy: the journal cannot be used now. KeeperAway is one of the former.
        Misconfigured: this server may not do that, or the map cannot be read.
    """

    def admit(self, bearer: str, scope: TokenScope) -> Sender:
        """Return the sender of an ``Authorization`` header that may do what ``scope`` names. Raises SenderRefused."""
        ...

    def take(self, bearer: str, observations: Sequence[Observation]) -> IntakeResult:
        """Take lineage in; durable when it returns, all of one call of at most :data:`MOST_LINEAGE` bytes or nothing.

        Raises:
            SenderRefused: the token is not good for lineage.
            UsageError: an observation is larger than one call may be.
        """
        ...

    def look(self) -> None:
        """See whether the journal can be read."""
        ...

    def uploads(self, bearer: str) -> UploadDoor:
        """Return the door for one sender's uploads: they belong to its token. Every verb checks it, and raises SenderRefused too."""
        ...


class SenderDoors(Protocol):
    """The doors of the process that opens the journal."""

    def door_of(self, caller: Caller) -> SenderDoor:
        """Return the door of a server that runs as an account of this machine."""
        ...

    def close(self) -> None:
        """Let go of the journal."""
        ...
