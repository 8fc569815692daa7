"""Passwords that fail at several accounts: twenty-four bits of each, under a key of this process, in memory, for ten minutes."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from hashlib import blake2b

_BYTES = 3
"""So few that the memory of the process names no password: 16 million share one value."""
_SECONDS = 600.0
_MOST = 20_000
_ACCOUNTS = 64


class SharedPasswords:
    """Counts the accounts at which a password failed. A password that was right is never in it."""

    def __init__(self) -> None:
        """Begin with a key that no file holds."""
        self._key = secrets.token_bytes(32)
        self._failed: OrderedDict[bytes, tuple[float, set[str]]] = OrderedDict()
        self._guard = threading.Lock()

    def failed(self, password: str, account: str) -> None:
        """Note a password that failed at an account."""
        digest, now = self._digest(password), time.monotonic()
        with self._guard:
            began, accounts = self._failed.pop(digest, (now, set()))
            if now - began > _SECONDS:
                began, accounts = now, set()
            if len(accounts) < _ACCOUNTS:
                accounts.add(account)
            self._failed[digest] = (began, accounts)
            while len(self._failed) > _MOST:
                self._failed.popitem(last=False)

    def accounts(self, password: str) -> int:
        """Return at how many accounts a password failed in the last minutes."""
        now = time.monotonic()
        with self._guard:
            began, accounts = self._failed.get(self._digest(password), (now, set()))
            return len(accounts) if now - began <= _SECONDS else 0

    def _digest(self, password: str) -> bytes:
        return blake2b(password.encode("utf-8", "surrogatepass"), key=self._key, digest_size=_BYTES).digest()


SHARED = SharedPasswords()
