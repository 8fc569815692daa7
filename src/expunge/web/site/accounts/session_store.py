"""Sessions in the database, of which the database alone tells nothing: neither how to take one over nor what is in it.

A session with a login ends when it is not used for ``IDLE``, and ``SESSION_COOKIE_AGE`` seconds after the login however it is used.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, transaction

from expunge import clock
from expunge.web.site.accounts.models import SealedSession

IDLE = timedelta(days=3)
"""For so long a session with a login lasts that is not used."""
_SLIDES = timedelta(hours=1)
"""So exact is the last use: each look would be a write otherwise."""
_NONCE = 12
_STRANGER = 24 * 3600
"""Seconds for which a session lasts in which nobody has logged in."""


class SessionStore(SessionBase):
    """Sessions by the SHA-256 of their key, sealed by AES-256-GCM under a key that HKDF (RFC 5869) derives from it."""

    def __init__(self, session_key: str | None = None) -> None:
        """Take the key that a browser sent."""
        super().__init__(session_key)
        self._latest: datetime | None = None
        self._ends: datetime | None = None

    def load(self) -> dict[str, Any]:
        """Return the session's data; nothing, and another key, where there is none, it has ended or it was changed."""
        row, now = _row(self.session_key), clock.now()
        if row is None or min(row.ends, row.latest or row.ends) <= now:
            self._session_key = None
            return {}
        try:
            data = _open(str(self.session_key), bytes(row.data))
        except (InvalidTag, ValueError):
            self._session_key = None
            return {}
        self._latest, self._ends = row.latest, row.ends
        return data

    def touch(self) -> None:
        """Note that the browser of a session with a login has used it."""
        if self._latest is None or self._ends is None:
            return
        ends = min(clock.now() + IDLE, self._latest)
        if abs(ends - self._ends) > _SLIDES:
            SealedSession.objects.filter(digest=_digest(self.session_key)).update(ends=ends)

    def exists(self, session_key: str) -> bool:
        """Return whether there is such a session."""
        return SealedSession.objects.filter(digest=_digest(session_key)).exists()

    def create(self) -> None:
        """Begin a session under a key that none has."""
        while True:
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        """Write the session down. Raises UpdateError where it has ended meanwhile: an ended session never comes back."""
        if self.session_key is None:
            self.create()
            return
        data = _seal(self.session_key, self._get_session(no_load=must_create))  # type: ignore[attr-defined]
        digest, now = _digest(self.session_key), clock.now()
        latest = self._latest = now + timedelta(seconds=self.get_expiry_age()) if SESSION_KEY in self else self._latest
        ends = min(now + IDLE, latest) if latest else now + timedelta(seconds=_STRANGER)
        if must_create:
            try:
                with transaction.atomic():
                    SealedSession.objects.create(digest=digest, data=data, ends=ends, latest=latest)
            except IntegrityError as error:
                raise CreateError from error
        elif not SealedSession.objects.filter(digest=digest).update(data=data, ends=ends, latest=latest):
            raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        """End a session."""
        key = session_key or self.session_key
        if key is not None:
            SealedSession.objects.filter(digest=_digest(key)).delete()

    def flush(self) -> None:
        """End the session, and begin another one."""
        super().flush()
        self._latest = None

    def get_expiry_age(self, **_: Any) -> int:
        """Return for how many seconds it can last from now on: a day without a login, as such sessions hold addresses that were typed."""
        if SESSION_KEY not in self:
            return _STRANGER
        return settings.SESSION_COOKIE_AGE if self._latest is None else int((self._latest - clock.now()).total_seconds())

    @classmethod
    def clear_expired(cls) -> None:
        """Remove sessions that have ended."""
        SealedSession.objects.filter(ends__lte=clock.now()).delete()


def latest_end(session_key: str) -> datetime | None:
    """Return when a session ends however it is used; None where there is none, or no login in it."""
    row = _row(session_key)
    return None if row is None else row.latest


def _row(session_key: str | None) -> SealedSession | None:
    return SealedSession.objects.filter(digest=_digest(session_key)).first() if session_key else None


def _digest(key: str | None) -> str:
    return sha256(str(key).encode()).hexdigest()


def _key(session: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, b"expunge/session/1").derive(session.encode()))


def _seal(session: str, data: dict[str, Any]) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _key(session).encrypt(nonce, json.dumps(data).encode(), None)


def _open(session: str, sealed: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(_key(session).decrypt(sealed[:_NONCE], sealed[_NONCE:], None))
    return value
