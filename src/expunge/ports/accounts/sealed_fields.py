"""The port of sealed fields: texts of accounts that the web process keeps in its database and that the database alone does not tell."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

MOST_FIELDS = 256
"""The most fields of one call."""
MOST_FIELD = 4096
"""The most bytes of one field, in UTF-8."""


class FieldKind(StrEnum):
    """The kinds of field. A field that was sealed as one kind opens as no other."""

    ADDRESS = "address"
    """An e-mail address. Sealed deterministically: equal addresses give equal bytes, so that a database finds one and keeps it unique."""
    SESSION = "session"
    """The key of a session in a list of sessions. Sealed deterministically."""
    SEED = "seed"
    """The seed of a TOTP device, or of recovery codes."""
    TOKEN = "token"  # noqa: S105 - a kind of field, not a password
    """A token of another service."""
    PROVIDER = "provider"
    """The subject of a person at a company whose login is used. Sealed deterministically."""
    MAIL = "mail"
    """A message that waits to be sent."""
    KEPT = "kept"
    """A field of the keeper's own tables: the seed of a code device, the name of a passkey. It is opened for no client."""

    @property
    def deterministic(self) -> bool:
        """Return whether equal texts give equal bytes."""
        return self in {FieldKind.ADDRESS, FieldKind.SESSION, FieldKind.PROVIDER}


class SealedFields(Protocol):
    """Seals and opens fields under a key that the caller does not have. Safe between threads.

    Raises, from each verb:
        UsageError: more than :data:`MOST_FIELDS` fields, or one longer than :data:`MOST_FIELD`.
        KeeperAway: the keeper does not answer now; the same call is safe to repeat.
    """

    def seal_fields(self, kind: FieldKind, texts: Sequence[str]) -> tuple[bytes, ...]:
        """Return the texts sealed, in their order."""
        ...

    def open_fields(self, kind: FieldKind, sealed: Sequence[bytes]) -> tuple[str, ...]:
        """Return the texts, in their order.

        Raises:
            SealInvalid: one was changed, or was sealed as another kind or by another installation.
            Busy: more fields of this kind were opened in a minute than an honest web process needs.
        """
        ...

    def site_key(self) -> bytes:
        """Return 32 bytes that are the web process's own: it signs cookies and hidden fields with them. They open nothing sealed."""
        ...
