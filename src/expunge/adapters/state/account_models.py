"""Tables of the keeper's accounts: addresses, credentials, memberships. The web process has no right to the database that they lie in."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models

_MOST_ID = 1023


class AccountRow(models.Model):
    """One account of a customer or an employee."""

    account: models.UUIDField[UUID, UUID] = models.UUIDField(primary_key=True)
    address: models.BinaryField[bytes, bytes] = models.BinaryField()
    """Sealed deterministically; empty for none."""
    language: models.CharField[str, str] = models.CharField(max_length=35)
    opened_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    proven_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    families_from: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    """The time before which it confirms nothing about a family, after a recovery."""
    address_before: models.BinaryField[bytes, bytes] = models.BinaryField(default=b"")
    """Sealed, as the address is; empty for none."""
    before_until: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[AccountRow]] = models.Manager()

    class Meta:
        """Names that hold in every host program, installed as an app or not."""

        app_label = "expunge_state"
        db_table = "expunge_account"

    def __str__(self) -> str:
        return "account"


_UNTOLD = models.Q(waits_until__isnull=False, stop=None)
"""The credentials that wait and whose owner had no letter yet: few rows of many."""


class CredentialRow(models.Model):
    """One WebAuthn credential."""

    account_id: UUID
    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.ForeignKey[AccountRow, AccountRow] = models.ForeignKey(AccountRow, on_delete=models.PROTECT, related_name="+")
    credential: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=_MOST_ID, unique=True)
    key: models.BinaryField[bytes, bytes] = models.BinaryField()
    """COSE in CBOR."""
    sign_count: models.BigIntegerField[int, int] = models.BigIntegerField()
    user_verified: models.BooleanField[bool, bool] = models.BooleanField()
    backup_eligible: models.BooleanField[bool, bool] = models.BooleanField()
    name: models.BinaryField[bytes, bytes] = models.BinaryField()
    """Sealed."""
    ceremony: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=32)
    created_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    used_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    copied_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    waits_until: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    waits_first: models.BooleanField[bool, bool] = models.BooleanField(default=False)
    stop: models.BinaryField[bytes | None, bytes | None] = models.BinaryField(max_length=32, null=True, unique=True)
    """SHA-256 of the secret that stops it, once the letter with it was taken."""

    objects: ClassVar[models.Manager[CredentialRow]] = models.Manager()

    class Meta:
        """A credential belongs to one account."""

        app_label = "expunge_state"
        db_table = "expunge_credential"
        indexes: ClassVar = [models.Index(fields=["waits_until"], condition=_UNTOLD, name="expunge_new_passkeys")]

    def __str__(self) -> str:
        return "credential"


class CodeDeviceRow(models.Model):
    """The code device (TOTP) of one account."""

    account_id: UUID
    account: models.OneToOneField[AccountRow, AccountRow] = models.OneToOneField(
        AccountRow, on_delete=models.PROTECT, related_name="+", primary_key=True
    )
    seed: models.BinaryField[bytes, bytes] = models.BinaryField()
    """Sealed."""
    last_step: models.BigIntegerField[int, int] = models.BigIntegerField()
    ceremony: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=32)
    created_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    used_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    waits_until: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    waits_first: models.BooleanField[bool, bool] = models.BooleanField(default=False)
    stop: models.BinaryField[bytes | None, bytes | None] = models.BinaryField(max_length=32, null=True, unique=True)

    objects: ClassVar[models.Manager[CodeDeviceRow]] = models.Manager()

    class Meta:
        """One for each account."""

        app_label = "expunge_state"
        db_table = "expunge_code_device"
        indexes: ClassVar = [models.Index(fields=["waits_until"], condition=_UNTOLD, name="expunge_new_devices")]

    def __str__(self) -> str:
        return "code device"


class MembershipRow(models.Model):
    """One account in one family."""

    account_id: UUID
    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.ForeignKey[AccountRow, AccountRow] = models.ForeignKey(AccountRow, on_delete=models.PROTECT, related_name="+")
    family: models.CharField[str, str] = models.CharField(max_length=128)
    """A pseudonym."""
    role: models.CharField[str, str] = models.CharField(max_length=16)
    since: models.DateTimeField[datetime, datetime] = models.DateTimeField()

    objects: ClassVar[models.Manager[MembershipRow]] = models.Manager()

    class Meta:
        """One role in each family."""

        app_label = "expunge_state"
        db_table = "expunge_membership"
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "family"], name="expunge_membership_family")]
        indexes: ClassVar = [models.Index(fields=["family"], name="expunge_members")]

    def __str__(self) -> str:
        return "membership"


class HandOverRow(models.Model):
    """One hand-over token that was used. It goes once the token would have ended anyway."""

    use: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=32, primary_key=True)
    """SHA-256 of issuer and id."""
    account: models.UUIDField[UUID, UUID] = models.UUIDField()
    """Why no foreign key: the mark of a token outlives an account that is closed, so that no other account uses the token again."""
    session: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=32)
    """Of the web session that used it, so that an answer that was lost can be asked for again."""
    until: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[HandOverRow]] = models.Manager()

    class Meta:
        """Each token counts once."""

        app_label = "expunge_state"
        db_table = "expunge_hand_over"

    def __str__(self) -> str:
        return "hand-over"


class RecoveryRow(models.Model):
    """The recovery of one account: it waits, is ready, or was finished a short while ago."""

    account_id: UUID
    account: models.OneToOneField[AccountRow, AccountRow] = models.OneToOneField(
        AccountRow, on_delete=models.CASCADE, related_name="+", primary_key=True
    )
    begun_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    ready_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    lapses_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    stop: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=32, unique=True)
    """SHA-256 of the secret in the letters that stops it."""
    secret: models.BinaryField[bytes, bytes] = models.BinaryField()
    """The secret, sealed, for the second letter."""
    letters: models.SmallIntegerField[int, int] = models.SmallIntegerField(default=0)
    """Letters about it that were taken: one at its beginning, one the day before it is ready."""
    finished_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[RecoveryRow]] = models.Manager()

    class Meta:
        """One for each account."""

        app_label = "expunge_state"
        db_table = "expunge_account_recovery"

    def __str__(self) -> str:
        return "recovery"
