"""Settings of the account guard: the site that passkeys are bound to, and the way that letters go out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from expunge.adapters.host.secret_file import read_secret
from expunge.adapters.outbound.mail_smtp import MailServer
from expunge.core.accounts.accounts_spec import AccountsSpec, HandOverSpec, MailSpec
from expunge.core.accounts.origins import makes_passkeys, read_origin
from expunge.errors import KeystoreLocked, Misconfigured


@dataclass(frozen=True)
class GuardSettings:
    """See the module. Raises Misconfigured for an origin that no browser lets passkeys be made on."""

    origin: str
    """The address at which people reach the pages: ``https://privacy.example.com``, without a path."""
    company: str
    """The name that people know the operator by."""
    mail: MailServer | None = None
    """The mail server; None where no letter can be sent."""
    sender: str = ""
    """The address that letters come from."""
    handover: HandOverSpec | None = None
    """The company's tokens that are taken; None for none."""

    def __post_init__(self) -> None:
        """Check what no other part checks."""
        if not _is_origin(self.origin) or not makes_passkeys(self.origin):
            message = "the address of the pages is no origin on which browsers make passkeys"
            raise Misconfigured(message, help="write https://privacy.example.com; for a trial, http://localhost:8000")
        if self.mail and "@" not in self.sender:
            raise Misconfigured("letters have no sender", help="write an address, such as privacy@example.com")

    @property
    def relying_party(self) -> str:
        """The host of the origin."""
        return urlsplit(self.origin).hostname or ""


def _is_origin(text: str) -> bool:
    try:
        return read_origin(text) == text
    except ValueError:
        return False


def settings_of(spec: AccountsSpec) -> GuardSettings:
    """Return the settings of a map's section ``accounts``. No letter goes out where the password of its mail cannot be read."""
    try:
        mail = None if spec.mail is None else _with_password(spec.mail)
    except (KeystoreLocked, Misconfigured):
        # Why no error: the keeper's other clients, and asks that need no letter, must not wait for it. Letters are refused with a reason.
        mail = None
    return GuardSettings(spec.origin, spec.company or spec.host, mail, spec.mail.sender if spec.mail else "", spec.handover)


def _with_password(mail: MailSpec) -> MailServer:
    password = read_secret(mail.secret_file, mail.secret_variable, "password", f"the mail server {mail.host}") if mail.user else ""
    return MailServer.of(mail, password)
