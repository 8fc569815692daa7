"""Tables of the state: streams and their events, shelf, outbox, leases; and, in a module of their own, the keeper's accounts.

Rows of streams and events are added and never changed, except a stream's length and head.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from expunge.adapters.state.account_models import AccountRow, CodeDeviceRow, CredentialRow, HandOverRow, MembershipRow, RecoveryRow
from expunge.adapters.state.app_models import AppLoginEndRow, AppRequestRow, AppStatementRow, AppTokenRow, WebhookRow, WebhookSinceRow

__all__ = [
    "AccountRow",
    "AppLoginEndRow",
    "AppRequestRow",
    "AppStatementRow",
    "AppTokenRow",
    "CodeDeviceRow",
    "CredentialRow",
    "Event",
    "HandOverRow",
    "LeaseRow",
    "MembershipRow",
    "Notice",
    "RecoveryRow",
    "ShelfFile",
    "Stream",
    "WebhookRow",
    "WebhookSinceRow",
]


class Stream(models.Model):
    """One append-only stream: an order or a named register. Ids rise in order of creation."""

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    name: models.CharField[str, str] = models.CharField(max_length=64, unique=True)
    length: models.BigIntegerField[int, int] = models.BigIntegerField()
    head: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=32)
    """Digest of the last event."""

    objects: ClassVar[models.Manager[Stream]] = models.Manager()

    class Meta:
        """Names that hold in every host program, installed as an app or not."""

        app_label = "expunge_state"
        db_table = "expunge_stream"

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """One event of a stream."""

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    stream: models.ForeignKey[Stream, Stream] = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="+", db_index=False)
    position: models.BigIntegerField[int, int] = models.BigIntegerField()
    digest: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=32)
    """SHA-256 over the digest before it and ``body``."""
    body: models.BinaryField[bytes, bytes] = models.BinaryField()

    objects: ClassVar[models.Manager[Event]] = models.Manager()

    class Meta:
        """A position is taken once."""

        app_label = "expunge_state"
        db_table = "expunge_event"
        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "position"], name="expunge_event_position")]

    def __str__(self) -> str:
        return f"event {self.position}"


class ShelfFile(models.Model):
    """One blob of an order."""

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    order: models.CharField[str, str] = models.CharField(max_length=64)
    name: models.CharField[str, str] = models.CharField(max_length=64)
    data: models.BinaryField[bytes, bytes] = models.BinaryField()

    objects: ClassVar[models.Manager[ShelfFile]] = models.Manager()

    class Meta:
        """One blob under each name."""

        app_label = "expunge_state"
        db_table = "expunge_shelf"
        constraints: ClassVar = [models.UniqueConstraint(fields=["order", "name"], name="expunge_shelf_name")]

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    """One notice that waits for delivery."""

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    order: models.CharField[str, str] = models.CharField(max_length=64)
    kind: models.CharField[str, str] = models.CharField(max_length=64)
    body: models.BinaryField[bytes, bytes] = models.BinaryField()
    """Canonical JSON, as in the files of the outbox."""

    objects: ClassVar[models.Manager[Notice]] = models.Manager()

    class Meta:
        """One notice of each kind for an order."""

        app_label = "expunge_state"
        db_table = "expunge_notice"
        constraints: ClassVar = [models.UniqueConstraint(fields=["order", "kind"], name="expunge_notice_kind")]

    def __str__(self) -> str:
        return self.kind


class LeaseRow(models.Model):
    """One lease that was taken and not given back. Its id is the fencing token: neither database ever gives the same id again."""

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    name: models.CharField[str, str] = models.CharField(max_length=255, unique=True)
    holder: models.CharField[str, str] = models.CharField(max_length=255)
    since: models.BigIntegerField[int, int] = models.BigIntegerField()
    """Microseconds since 1970 by the database's clock: the same on every database, whatever a host program says about time zones."""
    until: models.BigIntegerField[int, int] = models.BigIntegerField()

    objects: ClassVar[models.Manager[LeaseRow]] = models.Manager()

    class Meta:
        """The name says which step is worked on."""

        app_label = "expunge_state"
        db_table = "expunge_lease"

    def __str__(self) -> str:
        return self.name
