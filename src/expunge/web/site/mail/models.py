"""Tables of mail. None of them holds an address or a word of a message in the clear."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models


class WaitingMail(models.Model):
    """A message that waits to be sent. The row goes once the mail server has taken it, or nothing more is tried."""

    id: models.UUIDField[uuid.UUID, uuid.UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    """Random. The message's Message-ID and its envelope's id have it, so that a bounce leads back to it."""
    recipient: models.CharField[str, str] = models.CharField(max_length=640, db_index=True)
    """The sealed address, Base64."""
    key: models.BinaryField[bytes, bytes] = models.BinaryField()
    """The message's own key, sealed by the keeper."""
    body: models.BinaryField[bytes, bytes] = models.BinaryField()
    """Recipient and message, sealed under that key."""
    queued: models.DateTimeField[Any, Any] = models.DateTimeField()
    due: models.DateTimeField[Any, Any] = models.DateTimeField(db_index=True)
    """The time of the next attempt."""
    ends: models.DateTimeField[Any, Any] = models.DateTimeField(db_index=True)
    """The time after which it is not sent any more."""
    attempts: models.PositiveSmallIntegerField[int, int] = models.PositiveSmallIntegerField(default=0)
    lease: models.UUIDField[uuid.UUID | None, uuid.UUID | None] = models.UUIDField(null=True)
    """The sender that is at it."""
    leased_until: models.DateTimeField[Any, Any] = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[WaitingMail]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_mail_waiting"

    def __str__(self) -> str:
        return "waiting mail"


class SentMail(models.Model):
    """A message that the mail server took, for as long as a bounce may come. Nothing of the message is left here."""

    id: models.UUIDField[uuid.UUID, uuid.UUID] = models.UUIDField(primary_key=True)
    recipient: models.CharField[str, str] = models.CharField(max_length=640, db_index=True)
    sent: models.DateTimeField[Any, Any] = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[SentMail]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_mail_sent"

    def __str__(self) -> str:
        return "sent mail"


class MailTrouble(models.Model):
    """An address that mail did not reach: the newest reason."""

    recipient: models.CharField[str, str] = models.CharField(primary_key=True, max_length=640)
    kind: models.CharField[str, str] = models.CharField(max_length=8)
    """A :class:`expunge.web.site.mail.addresses.TroubleKind`."""
    status: models.CharField[str, str] = models.CharField(max_length=12)
    """The status code of the mail server (RFC 3463, or the reply code of RFC 5321); empty where none answered."""
    since: models.DateTimeField[Any, Any] = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[MailTrouble]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_mail_trouble"

    def __str__(self) -> str:
        return "trouble with mail"
