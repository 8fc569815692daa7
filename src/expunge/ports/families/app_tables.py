"""The port of what access by the company's app needs to remember: tokens, statements that were used, logins that ended, and requests.

Nothing in it leads to a person or opens anything: tokens are hashes, families are pseudonyms. Every verb raises StateUnavailable or Busy
where the state does not answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from expunge.core.accounts.app_spec import AppScope
from expunge.core.values.ids import Pseudonym

ACTS_KEPT = timedelta(days=1)
"""For so long the same request under the same idempotency key has the same answer."""


@dataclass(frozen=True)
class AppTokenRecord:
    """One access token of the app."""

    digest: bytes = field(repr=False)
    """SHA-256 of its secret."""
    client: str
    """The id of the app's own token, by which it was exchanged."""
    login: bytes = field(repr=False)
    """SHA-256 of issuer and login: the token ends with it."""
    families: tuple[Pseudonym, ...]
    scopes: frozenset[AppScope]
    authenticated_at: datetime
    until: datetime
    key: str
    """The name of the company's key that signed the statement."""
    account: str = ""
    """The account of the customer, a random id, where the statement named its mail address and it is a member of one of the families."""


@dataclass(frozen=True)
class AppRequest:
    """A request under an idempotency key."""

    key: bytes
    """SHA-256 of client, family and key."""
    request: bytes
    """SHA-256 of what was asked."""
    made_at: datetime
    answer: str = ""
    """What came of it, without any word about a person: the id of an order; empty while it is under way."""


class AppTables(Protocol):
    """See the module. Safe between threads and processes."""

    def issue(self, record: AppTokenRecord, use: bytes, use_until: datetime, now: datetime) -> bool:
        """Keep a token, and mark its statement as used, together. Return whether its login goes on: where it has ended, nothing is kept.

        What has ended before ``now`` is forgotten. Raises AlreadyThere for a statement that was used.
        """
        ...

    def token(self, digest: bytes) -> AppTokenRecord | None:
        """Return a token, also one that has ended and was not forgotten yet."""
        ...

    def end_token(self, digest: bytes) -> bool:
        """Forget a token. Return whether there was one."""
        ...

    def end_login(self, login: bytes, until: datetime) -> int:
        """End a login: its tokens go, and none is issued for it before ``until``. Return how many tokens went."""
        ...

    def begin_request(self, request: AppRequest) -> AppRequest | None:
        """Keep a request before it is carried out. Return the earlier one of the same key; None where this is the first.

        Requests from before :data:`ACTS_KEPT` are forgotten.
        """
        ...

    def finish_request(self, key: bytes, answer: str) -> None:
        """Keep what came of a request."""
        ...

    def drop_request(self, key: bytes) -> None:
        """Forget a request of which nothing came."""
        ...
