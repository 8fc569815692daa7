"""Tables of the pages' database beside allauth's: accounts, sessions, counters."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.crypto import salted_hmac

from expunge import clock
from expunge.core.attempts.known_passwords import spelt


class AccountManager(BaseUserManager["Account"]):
    """Makes accounts."""

    def create_user(self, password: str | None = None, **further: Any) -> Account:
        """Make an account."""
        account = self.model(**further)
        account.set_password(password)
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser):
    """A person who logs in: a random id and a hashed password, no name. The address lies sealed in allauth's table."""

    id: models.UUIDField[uuid.UUID, uuid.UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_active: models.BooleanField[bool, bool] = models.BooleanField(default=True)
    since: models.DateTimeField[Any, Any] = models.DateTimeField(auto_now_add=True)
    language: models.CharField[str, str] = models.CharField(max_length=8, default="en")
    generation: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(default=0)
    """Grows when all that was begun in the account's name ends: sessions, and logins, resets and recoveries that are under way."""
    must_enrol: models.BooleanField[bool, bool] = models.BooleanField(default=False)
    """Whether the account lost its second factor by a recovery: nothing but enrolling a new one is open to it."""

    USERNAME_FIELD = "id"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[AccountManager] = AccountManager()

    class Meta:
        """Its table."""

        db_table = "expunge_account"

    def set_password(self, raw_password: str | None) -> None:
        """Hash a password in its form NFKC, so that another keyboard gives the same one."""
        super().set_password(raw_password if raw_password is None else spelt(raw_password))

    def check_password(self, raw_password: str | None) -> bool:
        """Return whether a password is the account's."""
        return super().check_password(raw_password if raw_password is None else spelt(raw_password))

    def get_session_auth_hash(self) -> str:
        """Return what binds a session to the password and the generation in which it began."""
        return salted_hmac("expunge.session", f"{self.generation}/{self.password}", algorithm="sha256").hexdigest()

    def __str__(self) -> str:
        return str(self.id)


class SealedSession(models.Model):
    """A session. Its key is known by its SHA-256 alone, and its data is sealed under a key that is derived from the session's own."""

    digest: models.CharField[str, str] = models.CharField(primary_key=True, max_length=64)
    """Hex SHA-256 of the session's key, which only the browser has."""
    data: models.BinaryField[bytes, bytes] = models.BinaryField()
    ends: models.DateTimeField[Any, Any] = models.DateTimeField(db_index=True)
    """When it ends unless it is used before."""
    latest: models.DateTimeField[Any, Any] = models.DateTimeField(null=True)
    """When it ends however it is used; none in a session without a login."""

    objects: ClassVar[models.Manager[SealedSession]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_session"

    def __str__(self) -> str:
        return "session"


class Counter(models.Model):
    """An entry of the cache in which attempts are counted; its name is keyed, its value sealed by nothing: it holds times and numbers."""

    name: models.CharField[str, str] = models.CharField(primary_key=True, max_length=64)
    value: models.BinaryField[bytes, bytes] = models.BinaryField()
    ends: models.DateTimeField[Any, Any] = models.DateTimeField(db_index=True, null=True)

    objects: ClassVar[models.Manager[Counter]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_counter"

    def __str__(self) -> str:
        return "counter"


class KnownDevice(models.Model):
    """A browser on which a person has logged in to the end."""

    account: models.ForeignKey[Account, Account] = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="devices")
    digest: models.CharField[str, str] = models.CharField(max_length=64, unique=True)
    """Hex HMAC-SHA-256 of the account and of what the browser's cookie holds."""
    browser: models.CharField[str, str] = models.CharField(max_length=120)
    """The kind of browser and system, without versions."""
    network: models.GenericIPAddressField[str, str] = models.GenericIPAddressField()
    """The network that it was seen in last, without the address."""
    since: models.DateTimeField[Any, Any] = models.DateTimeField(default=clock.now)
    seen: models.DateTimeField[Any, Any] = models.DateTimeField(default=clock.now)

    objects: ClassVar[models.Manager[KnownDevice]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_known_device"

    def __str__(self) -> str:
        return "device"


class PasskeyCounter(models.Model):
    """The highest counter that a passkey has signed with."""

    way: models.OneToOneField[Any, Any] = models.OneToOneField("mfa.Authenticator", on_delete=models.CASCADE, primary_key=True)
    count: models.BigIntegerField[int, int] = models.BigIntegerField()

    objects: ClassVar[models.Manager[PasskeyCounter]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_passkey_counter"

    def __str__(self) -> str:
        return "counter"
