"""Faults of the section ``accounts`` that only a look at this machine shows, for `check`."""

from __future__ import annotations

from collections.abc import Iterator

from expunge.adapters.host.secret_file import read_secret
from expunge.adapters.state.accounts_database import accounts_database
from expunge.core.accounts.accounts_spec import AccountsSpec, MailSpec, ProviderSpec
from expunge.core.datamap.datamap import DataMap
from expunge.core.values.copy import Finding, FindingKind
from expunge.errors import KeystoreLocked, Misconfigured

_SECTION = "accounts"


def findings(data_map: DataMap) -> Iterator[Finding]:
    """Yield what keeps the pages from being served well: no mail, a database beside the state, a secret that others can read."""
    spec = data_map.accounts
    if spec is None:
        return
    try:
        accounts_database(data_map)
    except Misconfigured as error:
        yield _finding(spec, FindingKind.UNSUPPORTED, error.message, error.help)
    if spec.mail is None:
        what = "no mail server is named: people can neither sign up nor recover an account, and hear of no new device"
        yield _finding(spec, FindingKind.NOTE, what, "mail: {server: smtps://user@mail.example.com, sender: privacy@example.com}")
    else:
        yield from _of_mail(spec, spec.mail)
    for provider in spec.providers:
        yield from _of_provider(spec, provider)


def _of_mail(spec: AccountsSpec, mail: MailSpec) -> Iterator[Finding]:
    if mail.secret_file or mail.secret_variable:
        yield from _of_secret(spec, mail.secret_file, mail.secret_variable, "password", f"the mail server {mail.host}")
    if not mail.sealed and mail.host not in {"localhost", "127.0.0.1", "::1"}:
        what = f"mail, with codes in it, goes to {mail.host} without TLS"
        yield _finding(spec, FindingKind.NOTE, what, "server: smtps://… or smtp+starttls://…, as that server has it")


def _of_provider(spec: AccountsSpec, provider: ProviderSpec) -> Iterator[Finding]:
    if not provider.public:
        yield from _of_secret(spec, provider.secret_file, provider.secret_variable, "secret", f"the provider {provider.id}")


def _of_secret(spec: AccountsSpec, file: str, variable: str, what: str, owner: str) -> Iterator[Finding]:
    try:
        read_secret(file, variable, what, owner)
    except KeystoreLocked as error:
        # Why a note: the variable, and the right to read the file, are those of the user of `expunge serve`, and this may be another.
        yield _finding(spec, FindingKind.NOTE, error.message, error.help)
    except Misconfigured as error:
        yield _finding(spec, FindingKind.PERMISSION, error.message, error.help)


def _finding(spec: AccountsSpec, kind: FindingKind, what: str, mend: str) -> Finding:
    return Finding(kind, _SECTION, _SECTION, what, mend, spec.line)
