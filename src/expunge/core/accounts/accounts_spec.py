"""The pages for people, as the map declares them: their address, their database, and the way that mail goes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from expunge.core.accounts.app_spec import AppSpec

DATABASE = "sqlite:///.expunge-accounts/accounts.db"
"""The accounts' database where the map names none: in a folder beside the map, which is not the state's."""

PASSWORD_MEMORY = 100 << 20
"""Bytes of memory that the hash of a password takes where the map says nothing."""
LEAST_PASSWORD_MEMORY, MOST_PASSWORD_MEMORY = 19 << 20, 1 << 30
"""Bytes between which a map may choose. The least is that of OWASP's *Password Storage Cheat Sheet* for Argon2id with two passes."""


@dataclass(frozen=True)
class MailSpec:
    """How mail goes out. The password never stands in the map: it names the file or the variable."""

    server: str
    """``smtp://host:port``, ``smtp+starttls://user@host:587`` or ``smtps://user@host``."""
    sender: str
    """The address that mail comes from."""
    secret_file: str = ""
    """The absolute path of a file whose first line is the password."""
    secret_variable: str = ""
    """The variable of the environment that holds it instead."""

    @property
    def sealed(self) -> bool:
        """Return whether mail goes to its server by TLS."""
        return not self.server.startswith("smtp://")

    @property
    def host(self) -> str:
        """Return the host of the server."""
        return urlsplit(self.server).hostname or ""

    @property
    def port(self) -> int:
        """Return the port: the one that is named, else 465 for ``smtps``, 587 for ``smtp+starttls``, 25 for ``smtp``."""
        parts = urlsplit(self.server)
        return parts.port or {"smtps": 465, "smtp+starttls": 587}.get(parts.scheme, 25)

    @property
    def user(self) -> str:
        """Return the user to log in as; empty for none."""
        return unquote(urlsplit(self.server).username or "")


class ProviderAudience(StrEnum):
    """The people who log in by a provider."""

    CUSTOMERS = "customers"
    STAFF = "staff"


@dataclass(frozen=True)
class ProviderSpec:
    """A company's login (OpenID Connect Core 1.0). The secret never stands in the map: it names the file or the variable."""

    id: str
    """What addresses of pages and rows of accounts call it, such as ``home``. Connected logins are lost where it changes."""
    name: str
    """What its button calls it, such as *Example Home*."""
    issuer: str
    """The identifier of the provider, exactly as its ID tokens have it in ``iss``."""
    client_id: str
    """What the provider calls this installation."""
    audience: ProviderAudience
    """The people who log in by it."""
    secret_file: str = ""
    """The absolute path of a file whose first line is the client's secret; with ``secret_variable`` empty too, the client is public."""
    secret_variable: str = ""
    """The variable of the environment that holds it instead."""
    alias: str = ""
    """The claim that the person's list of connected logins shows, such as ``preferred_username``; empty for none."""
    line: int = field(default=0, compare=False)
    """Line of the map, for messages."""

    @property
    def public(self) -> bool:
        """Return whether the client has no secret, and proves itself by PKCE alone (RFC 7636)."""
        return not (self.secret_file or self.secret_variable)

    @property
    def port(self) -> int:
        """Return the TCP port of the issuer. The provider's other addresses have to be on the same one."""
        parts = urlsplit(self.issuer)
        return parts.port or (443 if parts.scheme == "https" else 80)


@dataclass(frozen=True)
class HandOverSpec:
    """The company's hand-over tokens that the keeper takes."""

    issuer: str
    """The claim ``iss`` of each."""
    keys: tuple[tuple[str, str], ...]
    """(``kid``, SubjectPublicKeyInfo in DER, as base64) of each key that counts: Ed25519 or P-256."""
    address_required: bool = True
    """Whether a token has to name the mail address of its person, by its SHA-256."""


@dataclass(frozen=True)
class PostedNotice:
    """The notice of an order that a company has to post for the public, such as that of the Amazon order, part V (AMZ-10)."""

    id: str
    """What the register of publications calls it."""
    file: str
    """The absolute path of its text: plain UTF-8, whose paragraphs stand apart by an empty line. The first is the heading."""
    since: date
    until: date
    """The first day, in UTC, on which it need not be shown any more."""
    language: str = "en"
    """The language of the text, as a tag (BCP 47)."""
    line: int = field(default=0, compare=False)
    """Line of the map, for messages."""

    def due(self, day: date) -> bool:
        """Return whether it has to be shown on a day."""
        return self.since <= day < self.until


@dataclass(frozen=True)
class CompanySpec:
    """The section ``company``: who issues receipts, and where people turn to. Every text stands on receipts, as it is."""

    name: str = ""
    """The name that people know the company by."""
    contact: str = ""
    """The mail address or the page where people get help."""
    complaints: str = ""
    """Where people complain about the company, such as its data protection authority: a name, with an address."""


@dataclass(frozen=True)
class AccountsSpec:
    """The section ``accounts``."""

    origin: str
    """The address at which people reach the pages, such as ``https://privacy.example.com``. Passkeys are bound to its host."""
    database: str = DATABASE
    """The URL of the database that the web process keeps accounts in; never the state's."""
    company: str = ""
    """The name of the section ``company``, filled in by the reader of the map, as the next."""
    support: str = ""
    """Its contact."""
    mail: MailSpec | None = None
    """How mail goes out; None for none, and then sign-up does not work."""
    networks: tuple[str, ...] = ()
    """Networks from which staff may log in, such as ``10.0.0.0/8``; any where there is none (RNG-16)."""
    providers: tuple[ProviderSpec, ...] = ()
    """Companies at which people have accounts that they log in by, in the order of their buttons."""
    handover: HandOverSpec | None = None
    """The company's tokens that say who is in which family; None where the keeper takes none."""
    app: AppSpec | None = None
    """The company's own app, which offers the acts of the pages; None where it offers none."""
    posted: tuple[PostedNotice, ...] = ()
    """Notices of orders that the pages show, in the order of the map."""
    password_memory: int = PASSWORD_MEMORY
    """Bytes of memory that the hash of one password takes (Argon2id with two passes, RFC 9106)."""
    playback: str = ""
    """The purpose that the gate has to permit before a family hears or sees a recording of its own; empty where none has to."""
    line: int = field(default=0, compare=False)
    """Line of the map, for messages."""

    @property
    def host(self) -> str:
        """Return the host of the origin, without its port: the relying party's id of WebAuthn."""
        return urlsplit(self.origin).hostname or ""

    @property
    def secure(self) -> bool:
        """Return whether people reach the pages by TLS."""
        return self.origin.startswith("https://")

    def providers_for(self, audience: ProviderAudience) -> tuple[ProviderSpec, ...]:
        """Return the providers by which these people log in."""
        return tuple(provider for provider in self.providers if provider.audience is audience)


def enrolment_link(origin: str, secret: str) -> str:
    """Return the address at which an employee enrols on pages of an origin.

    The secret stands behind the ``#``, which no browser sends and no log has.
    """
    return f"{origin.rstrip('/')}/staff/enrol/#{secret}"
