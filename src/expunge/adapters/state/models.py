"""Two tables: streams, and their events. Rows are added and never changed, but for a stream's length and head."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


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
