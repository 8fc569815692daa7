"""The hash of passwords: Argon2id (RFC 9106) with the memory that the map gives it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

_KIB = 1024


class PasswordHasher(Argon2PasswordHasher):
    """Hashes with two passes over the map's ``password_memory``. A hash of another memory is made anew at its owner's next login."""

    def __init__(self) -> None:
        """Take the memory from the section of the map that the pages were set up with."""
        self.memory_cost = int(settings.EXPUNGE_SITE.password_memory) // _KIB
