"""Codes by time (RFC 6238), computed by ``cryptography``."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from hmac import compare_digest

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS, SECONDS = 6, 30
SEED_BYTES = 20
"""Of a seed: as many as SHA-1 has (RFC 4226, 4, R6)."""
_FAR = 40
"""Steps within which a wrong clock is recognised: twenty minutes."""
_BESIDE = 1
"""Steps before and after the present one whose codes count, for clocks that differ (RFC 6238, 5.2)."""


class TotpCodes:
    """Implements ``expunge.ports.accounts.authenticators.CodeDevices``."""

    def __init__(self, issuer: str) -> None:
        """``issuer``: the site, as apps show it."""
        self._issuer = issuer

    def new_seed(self) -> str:
        """See the port."""
        return base64.b32encode(secrets.token_bytes(SEED_BYTES)).decode()

    def address(self, seed: str, label: str) -> str:
        """See the port."""
        return _totp(seed).get_provisioning_uri(label, self._issuer)

    def step_of(self, seed: str, code: str, at: datetime) -> int | None:
        """See the port."""
        # Why the latest: two steps of the same code are rare, and the earlier one must not count once more after it.
        return max(_steps(seed, code, at, _BESIDE), default=None)

    def minutes_off(self, seed: str, code: str, at: datetime) -> int | None:
        """See the port."""
        now = int(at.timestamp()) // SECONDS
        nearest = min(_steps(seed, code, at, _FAR), key=lambda step: abs(step - now), default=None)
        return None if nearest is None else round((nearest - now) * SECONDS / 60)


def _steps(seed: str, code: str, at: datetime, beside: int) -> list[int]:
    """Return the steps near a time that a code belongs to."""
    digits = code.replace(" ", "")
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdecimal()):
        return []
    totp, now = _totp(seed), int(at.timestamp()) // SECONDS
    near = range(max(0, now - beside), now + beside + 1)
    # Why to the end: the time that it takes tells nothing of where the code was found.
    return [step for step in near if compare_digest(totp.generate(step * SECONDS), digits.encode())]


def _totp(seed: str) -> TOTP:
    # SHA-1, because most apps know no other: as a MAC it is sound (RFC 6238, 1.2).
    return TOTP(base64.b32decode(seed), DIGITS, SHA1(), SECONDS)  # noqa: S303
