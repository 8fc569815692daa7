"""Tables of the company's app: access tokens, used statements, ended logins, requests; and what web hooks told."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models

_DIGEST = 32


class AppTokenRow(models.Model):
    """One access token, by the hash of its secret."""

    digest: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=_DIGEST, primary_key=True)
    client: models.CharField[str, str] = models.CharField(max_length=12)
    login: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=_DIGEST, db_index=True)
    families: models.TextField[str, str] = models.TextField()
    """Pseudonyms, apart by blanks."""
    scopes: models.CharField[str, str] = models.CharField(max_length=64)
    authenticated_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    until: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_index=True)
    key: models.CharField[str, str] = models.CharField(max_length=128)
    account: models.CharField[str, str] = models.CharField(max_length=36, default="")

    objects: ClassVar[models.Manager[AppTokenRow]] = models.Manager()

    class Meta:
        """Found by its hash alone."""

        app_label = "expunge_state"
        db_table = "expunge_app_token"

    def __str__(self) -> str:
        return "app token"


class AppStatementRow(models.Model):
    """One statement that was exchanged. It goes once the statement would have ended anyway."""

    use: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=_DIGEST, primary_key=True)
    until: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[AppStatementRow]] = models.Manager()

    class Meta:
        """Each statement counts once."""

        app_label = "expunge_state"
        db_table = "expunge_app_statement"

    def __str__(self) -> str:
        return "app statement"


class AppLoginEndRow(models.Model):
    """One login at the app that has ended, remembered while a statement about it could still count."""

    login: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=_DIGEST, primary_key=True)
    until: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[AppLoginEndRow]] = models.Manager()

    class Meta:
        """One for each login."""

        app_label = "expunge_state"
        db_table = "expunge_app_login_end"

    def __str__(self) -> str:
        return "app login that ended"


class AppRequestRow(models.Model):
    """One request under an idempotency key."""

    key: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=_DIGEST, primary_key=True)
    request: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=_DIGEST)
    made_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_index=True)
    answer: models.CharField[str, str] = models.CharField(max_length=64)

    objects: ClassVar[models.Manager[AppRequestRow]] = models.Manager()

    class Meta:
        """A key means one request for a day."""

        app_label = "expunge_state"
        db_table = "expunge_app_request"

    def __str__(self) -> str:
        return "app request"


class WebhookRow(models.Model):
    """One message to one web hook, and how far its delivery is."""

    id: models.CharField[str, str] = models.CharField(max_length=64, primary_key=True)
    hook: models.CharField[str, str] = models.CharField(max_length=31)
    order: models.CharField[str, str] = models.CharField(max_length=64)
    kind: models.CharField[str, str] = models.CharField(max_length=32)
    at: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    body: models.BinaryField[bytes, bytes] = models.BinaryField()
    tries: models.IntegerField[int, int] = models.IntegerField(default=0)
    first_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    due_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True, db_index=True)
    """The time of the next try; null once it was taken or was given up."""
    taken_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    fault: models.CharField[str, str] = models.CharField(max_length=128, default="")
    """Why the last try failed."""

    objects: ClassVar[models.Manager[WebhookRow]] = models.Manager()

    class Meta:
        """Named by order, step, time and hook: found again, it is the same message."""

        app_label = "expunge_state"
        db_table = "expunge_webhook"

    def __str__(self) -> str:
        return "web hook message"


class WebhookSinceRow(models.Model):
    """The time from which one web hook is told of the steps of orders: when it was first seen in the map."""

    hook: models.CharField[str, str] = models.CharField(max_length=31, primary_key=True)
    since: models.DateTimeField[datetime, datetime] = models.DateTimeField()

    objects: ClassVar[models.Manager[WebhookSinceRow]] = models.Manager()

    class Meta:
        """One for each hook."""

        app_label = "expunge_state"
        db_table = "expunge_webhook_since"

    def __str__(self) -> str:
        return "web hook"
