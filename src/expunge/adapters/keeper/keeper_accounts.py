"""Accounts at the keeper, behind the same ports as in its process, over a socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from expunge.adapters.keeper import account_requests as ask
from expunge.adapters.keeper.connection import PATIENCE, Connections
from expunge.adapters.keeper.place import KeeperPlace
from expunge.errors import Busy
from expunge.ports.accounts.sealed_fields import FieldKind


class KeeperAccounts:
    """Implements ``expunge.ports.accounts.sealed_fields.SealedFields``. Threads may share it, and a fork may go on using it."""

    def __init__(self, place: KeeperPlace, patience: float = PATIENCE, refused: Callable[[str, str], None] = lambda _, __: None) -> None:
        """Connect when it is used.

        Args:
            place: of the keeper.
            patience: seconds for which a keeper that is away is waited for.
            refused: told the act, *seal* or *open*, and the kind of fields whose budget was used up.
        """
        self._connections, self._refused = Connections(place, patience), refused

    def __repr__(self) -> str:
        return "KeeperAccounts(…)"

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def seal_fields(self, kind: FieldKind, texts: Sequence[str]) -> tuple[bytes, ...]:
        """See the port."""
        return tuple(map(bytes.fromhex, self._told("seal", ask.SealFields(kind.value), texts)))

    def open_fields(self, kind: FieldKind, sealed: Sequence[bytes]) -> tuple[str, ...]:
        """See the port."""
        return tuple(self._told("open", ask.OpenFields(kind.value), [each.hex() for each in sealed]))

    def site_key(self) -> bytes:
        """See the port."""
        return self._connections.ask(ask.SiteKey()).body

    def _told(self, act: str, request: ask.SealFields | ask.OpenFields, texts: Sequence[str]) -> list[str]:
        try:
            answer: list[str] = json.loads(self._connections.ask(request, json.dumps(list(texts)).encode()).body)
        except Busy:
            self._refused(act, request.kind)
            raise
        return answer
