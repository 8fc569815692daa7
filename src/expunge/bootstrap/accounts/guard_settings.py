"""Settings of the account guard: the site that passkeys are bound to, and the way that letters go out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from expunge.core.accounts.accounts_spec import AccountsSpec, MailSpec
from expunge.errors import Misconfigured

_LOOPBACK = "localhost"


@dataclass(frozen=True)
class GuardSettings:
    """See the module. Raises Misconfigured for an origin that no browser lets passkeys be made on."""

    origin: str
    """The address at which people reach the pages: ``https://privacy.example.com``, without a path."""
    company: str
    """The name that people know the operator by."""
    mail: str = field(default="", repr=False)
    """``smtps://user:password@host:port`` or ``smtp://host:port``; empty where no letter can be sent."""
    sender: str = ""
    """The address that letters come from."""

    def __post_init__(self) -> None:
        """Check what no other part checks."""
        parts = urlsplit(self.origin)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == _LOOPBACK)
        if not secure or not parts.hostname or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
            message = "the address of the pages is no origin on which browsers make passkeys"
            raise Misconfigured(message, help="write https://privacy.example.com; for a trial, http://localhost:8000")
        if self.mail and "@" not in self.sender:
            raise Misconfigured("letters have no sender", help="write an address, such as privacy@example.com")

    @property
    def relying_party(self) -> str:
        """The host of the origin."""
        return urlsplit(self.origin).hostname or ""


def settings_of(spec: AccountsSpec) -> GuardSettings:
    """Return the settings that a map's section ``accounts`` gives. Raises Misconfigured where the password of its mail cannot be read."""
    mail = "" if spec.mail is None else _with_password(spec.mail)
    return GuardSettings(spec.origin, spec.company or spec.host, mail, spec.mail.sender if spec.mail else "")


def _with_password(mail: MailSpec) -> str:
    scheme, _, rest = mail.server.replace("smtp+starttls", "smtp", 1).partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}://{user}:{quote(_password(mail), safe='')}@{host}" if at else f"{scheme}://{rest}"


def _password(mail: MailSpec) -> str:
    if mail.secret_variable:
        found = os.environ.get(mail.secret_variable, "")
    else:
        try:
            found = next(iter(Path(mail.secret_file).read_text("utf-8").splitlines()), "")
        except OSError as error:
            message = f"accounts.mail.secret_file cannot be read: {error.strerror}"
            raise Misconfigured(message, help="let the keeper's user read it, and nobody else") from error
    if not found:
        raise Misconfigured("the password of accounts.mail is empty", help="write it into the file, or export the variable")
    return found
