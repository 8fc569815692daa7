"""The leases port: a holder's exclusive right to a piece of work for a limited time, under a fencing token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Lease:
    """The right to carry out one piece of work for a while."""

    name: str
    """What is worked on: ``<order>/<round>/<step>``; no identifier of a person."""
    holder: str
    """Which worker: host, process and a random part."""
    token: int
    """Fencing token: grows with every change of hands; whoever comes with a smaller one comes too late (Kleppmann 2016)."""
    since: datetime
    until: datetime


class Leases(Protocol):
    """Leases in the state database. Time is the database's own clock, so that workers need not agree on theirs.

    Durability: a granted lease survives a crash of all processes. Tokens never go back, not even after a lease ended.
    """

    def take(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Take a lease that is free, expired or already the holder's own. Return None while another worker holds it.

        A new holder gets a new token.
        """
        ...

    def renew(self, lease: Lease, seconds: float) -> Lease:
        """Lengthen it. Raises TakenOver when another worker has taken it meanwhile."""
        ...

    def check(self, lease: Lease) -> None:
        """Raise TakenOver unless the token is still the newest and the lease has not expired."""
        ...

    def end(self, lease: Lease) -> None:
        """Give it back; no error when it was taken over."""
        ...

    def held(self) -> tuple[Lease, ...]:
        """All that have not ended or expired, for `expunge status`."""
        ...

    def close(self) -> None:
        """Let go of the calling thread's connection to the database: a thread that renews a lease calls it before it ends."""
        ...
