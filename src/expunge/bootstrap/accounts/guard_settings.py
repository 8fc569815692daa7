"""Settings of the account guard: the site that passkeys are bound to, and the way that letters go out."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from expunge.adapters.host.secret_file import read_secret
from expunge.core.accounts.accounts_spec import AccountsSpec, HandOverSpec, MailSpec
from expunge.errors import KeystoreLocked, Misconfigured

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
    handover: HandOverSpec | None = None
    """The company's tokens that are taken; None for none."""

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
    """Return the settings of a map's section ``accounts``. No letter goes out where the password of its mail cannot be read."""
    try:
        mail = "" if spec.mail is None else _with_password(spec.mail)
    except (KeystoreLocked, Misconfigured):
        # Why no error: the keeper's other clients, and asks that need no letter, must not wait for it. Letters are refused with a reason.
        mail = ""
    return GuardSettings(spec.origin, spec.company or spec.host, mail, spec.mail.sender if spec.mail else "", spec.handover)


def _with_password(mail: MailSpec) -> str:
    scheme, _, rest = mail.server.replace("smtp+starttls", "smtp", 1).partition("://")
    user, at, host = rest.rpartition("@")
    if not at:
        return f"{scheme}://{rest}"
    password = read_secret(mail.secret_file, mail.secret_variable, "password", f"the mail server {mail.host}")
    return f"{scheme}://{user}:{quote(password, safe='')}@{host}"
