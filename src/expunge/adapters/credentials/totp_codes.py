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
        digits = code.replace(" ", "")
        if len(digits) != DIGITS or not (digits.isascii() and digits.isdecimal()):
            return None
        totp, now = _totp(seed), int(at.timestamp()) // SECONDS
        steps = [
            step
            for step in range(max(0, now - _BESIDE), now + _BESIDE + 1)
            if compare_digest(totp.generate(step * SECONDS), digits.encode())
        ]
        # Why the latest: two steps of the same code are rare, and the earlier one must not count once more after it.
        return max(steps, default=None)


def _totp(seed: str) -> TOTP:
    # SHA-1, because most apps know no other: as a MAC it is sound (RFC 6238, 1.2).
    return TOTP(base64.b32decode(seed), DIGITS, SHA1(), SECONDS)  # noqa: S303
