"""The section ``accounts`` of a map: the pages for people."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from expunge.core.accounts.accounts_spec import DATABASE, AccountsSpec, MailSpec
from expunge.core.accounts.origins import read_origin
from expunge.maps.document import words
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode, Value
from expunge.maps.sections.providers import read_providers
from expunge.ports.store_kind import absolute

RULE = "bad-accounts"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_MEND = "server: smtps://user@mail.example.com, and secret_file: ./smtp.password, or secret_variable: SMTP_PASSWORD"
_SCHEMES = {"smtp", "smtp+starttls", "smtps"}


def read_accounts(form: Form, root: TableNode, folder: Path) -> AccountsSpec | None:
    """The section ``accounts``; None without it: then nothing but the API is served."""
    value = root.get("accounts")
    table = form.table(value, "accounts", words.ACCOUNTS, ("origin",)) if value is not None else None
    if table is None:
        return None
    origin = form.parsed(table.get("origin"), "accounts.origin", RULE, read_origin, shown=False)
    if origin is None:
        return None
    return AccountsSpec(
        origin=origin,
        database=form.parsed(table.get("database"), "accounts.database", RULE, _database, shown=False) or DATABASE,
        company=form.text(table.get("company"), "accounts.company") or "",
        support=form.text(table.get("support"), "accounts.support") or "",
        mail=_mail(form, table.get("mail"), folder),
        networks=tuple(_networks(form, table)),
        providers=read_providers(form, table.get("providers"), folder, RULE),
        line=table.line,
    )


def _mail(form: Form, value: Value | None, folder: Path) -> MailSpec | None:
    table = form.table(value, "accounts.mail", words.MAIL, ("server", "sender")) if value is not None else None
    if table is None:
        return None
    server = form.parsed(table.get("server"), "accounts.mail.server", RULE, _server, shown=False)
    sender = form.parsed(table.get("sender"), "accounts.mail.sender", RULE, _sender)
    file = form.text(table.get("secret_file"), "accounts.mail.secret_file")
    variable = form.parsed(table.get("secret_variable"), "accounts.mail.secret_variable", RULE, _variable) or ""
    if server is None or sender is None:
        return None
    if bool(file or variable) != bool(urlsplit(server).username) or (file and variable):
        text = "accounts.mail names a user without the place of a password, a place without a user, or two places"
        form.faults.add(
            RULE,
            table.line,
            text,
            _MEND,
        )
    return MailSpec(server, sender, absolute(folder, file) if file else "", variable)


def _networks(form: Form, table: TableNode) -> list[str]:
    given = table.get("networks")
    found = []
    for text in form.texts(given, "accounts.networks", one_is_enough=True):
        try:
            found.append(str(ipaddress.ip_network(text)))
        except ValueError:
            assert given is not None
            form.faults.add(RULE, given.line, f"accounts.networks: {text!r} is no network", "networks: [10.0.0.0/8, 2001:db8::/32]")
    return found


def _database(text: str) -> str:
    scheme, _, rest = text.partition("://")
    if scheme not in {"sqlite", "postgresql", "postgres"} or not rest.strip("/"):
        message = f"database: {DATABASE}, or postgresql://user@host/database"
        raise ValueError(message)
    if scheme != "sqlite" and urlsplit(text).password is not None:
        raise ValueError("leave the password out: postgresql://user@host/database?passfile=/path, or PGPASSFILE")
    return text


def _server(text: str) -> str:
    write = "server: smtps://user@mail.example.com, smtp+starttls://user@mail.example.com:587, or smtp://localhost:25"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(write) from error
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.password is not None or parts.path.strip("/") or parts.query:
        raise ValueError(write)
    return text


def _sender(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("sender: privacy@example.com")
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError("secret_variable: the name of a variable, without ${}")
    return text
