"""The key ``app`` of the section ``accounts``: the company's own app, which offers the acts of the pages, and its web hooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

TOKEN_FOR = timedelta(minutes=10)
"""Life of an access token where the map says nothing."""
LONGEST_TOKEN = timedelta(hours=1)
FRESH_LOGIN = timedelta(minutes=15)
"""Age of the customer's authentication up to which an app may order a deletion, where the map says nothing."""
LONGEST_FRESH = timedelta(hours=12)


class AppScope(StrEnum):
    """The acts that an app's token allows."""

    READ = "read"
    """Counts of what is held, states of orders, and consents."""
    STOP = "stop"
    """Withdrawal of consents."""
    DELETE = "delete"
    """Orders of deletion, and their cancellation while nothing was erased."""
    RECEIPTS = "receipts"
    """Receipts of deletions."""


ACTS = tuple(act.value for act in AppScope)


@dataclass(frozen=True)
class WebhookSpec:
    """One address that is told of the steps of orders. The secret never stands in the map."""

    name: str
    url: str
    """https anywhere, plain http to this machine alone."""
    secret_file: str
    """The absolute path of a file whose first line is ``whsec_`` and the base64 of 24 to 64 bytes (Standard Webhooks)."""
    line: int = field(default=0, compare=False)
    """Line of the map, for messages."""


@dataclass(frozen=True)
class AppSpec:
    """See the module."""

    token_for: timedelta = TOKEN_FOR
    """Life of an access token."""
    fresh_login: timedelta = FRESH_LOGIN
    """Age of the customer's authentication up to which an app may order a deletion."""
    acts: tuple[str, ...] = ACTS
    """The acts that a token may allow, sorted as in :data:`ACTS`."""
    webhooks: tuple[WebhookSpec, ...] = ()
