"""The port of exports for families: asked for, made in the background, fetched in ranges, ended.

Each verb looks the membership up, and an account sees exports of its own alone. Raises as :mod:`expunge.ports.families.family_door` says;
no message holds an identifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.datamap.artefact import DataKind
from expunge.core.export.wanted_export import WantedExport
from expunge.core.journal.export_events import ExportEnd

MOST_AT_ONCE = 1 << 20
"""Bytes of one answer."""
DIGEST, KINDS = "digest", "kinds"
"""Details of the ask: the digest of what is wanted, and its kinds in words."""


@dataclass(frozen=True)
class OfferedKind:
    """One kind that an export can hold."""

    kind: DataKind
    items: int
    bytes: int
    """As far as stores say; 0 where they do not."""


@dataclass(frozen=True)
class ExportedPart:
    """One part that can be fetched."""

    number: int
    bytes: int
    sha256: str
    """Hex."""


@dataclass(frozen=True)
class ExportCard:
    """An export as its account sees it."""

    export: str
    """A random id."""
    begun: datetime
    kinds: tuple[DataKind, ...]
    """None means all."""
    files: int = 0
    """So far, while it is made."""
    bytes: int = 0
    of_bytes: int = 0
    """Bytes that it will hold, as far as stores say; 0 where they do not."""
    parts: tuple[ExportedPart, ...] = ()
    """None before it is ready."""
    until: datetime | None = None
    """When it is destroyed; None before it is ready."""
    ended: ExportEnd | None = None
    ended_at: datetime | None = None


def export_ask(account: UUID, family: str, wanted: WantedExport) -> Ask:
    """Return the ask by which an account confirms an export."""
    kinds = ", ".join(kind.value for kind in wanted.ordered) or "all"
    return Ask(AskKind.EXPORT, account, family, ((DIGEST, wanted.digest), (KINDS, kinds)))


class ExportDoor(Protocol):
    """See the module. ``session`` is the hash of the web session, of 32 bytes."""

    def offered(self, account: UUID, family: str) -> tuple[OfferedKind, ...]:
        """Count what is held of each kind. Raises NeedsApproval while guardians are in dispute, NotResolved where nothing is held."""
        ...

    def begin(self, permit: str, session: bytes, account: UUID, family: str, wanted: WantedExport) -> str:
        """Begin an export by the permit of :func:`export_ask`, and return its id. It is made in the background.

        Raises as :meth:`offered`, Refused where the account has too many or there is no room, ChallengeEnded and ProofRefused as the
        guard does.
        """
        ...

    def exports(self, account: UUID, family: str) -> tuple[ExportCard, ...]:
        """Return the account's exports of a family, the newest first."""
        ...

    def cancel(self, account: UUID, family: str, export: str) -> None:
        """End an export and destroy its key. Safe to repeat."""
        ...

    def fetch(self, account: UUID, family: str, session: bytes, export: str, part: int, first: int, last: int) -> str:
        """Enter that a range of a part is about to be given out, and return the secret by which :meth:`read` gives it out.

        Raises OpeningNeeded outside an opening, Refused where the export is not there, has ended or was fetched often enough, NeedsApproval
        while guardians are in dispute.
        """
        ...

    def read(self, account: UUID, family: str, session: bytes, ticket: str, first: int) -> bytes:
        """Return bytes of the range from a place in the part on, at most :data:`MOST_AT_ONCE`; none behind the range's end.

        Raises Refused once the export has ended, or the ticket was not used for five minutes.
        """
        ...

    def beside(self, account: UUID, family: str, session: bytes, export: str, name: str) -> bytes:
        """Return a file of hashes or signatures, which lies beside the parts. Raises as :meth:`fetch`."""
        ...
