"""The section ``accounts`` of a map: the pages for people."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from expunge.core.accounts.accounts_spec import (
    DATABASE,
    LEAST_PASSWORD_MEMORY,
    MOST_PASSWORD_MEMORY,
    PASSWORD_MEMORY,
    AccountsSpec,
    CompanySpec,
    HandOverSpec,
    MailSpec,
)
from expunge.core.accounts.app_spec import ACTS, FRESH_LOGIN, LONGEST_FRESH, LONGEST_TOKEN, TOKEN_FOR, AppSpec, WebhookSpec
from expunge.core.accounts.origins import read_origin
from expunge.core.values import b64
from expunge.core.values.periods import parse_span
from expunge.core.values.service_address import is_safe
from expunge.core.values.signature import check_ed25519, check_p256_spki, ed25519_spki
from expunge.errors import EvidenceInvalid
from expunge.maps.document import words
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode, Value
from expunge.maps.sections.acts import parse_size
from expunge.maps.sections.pages.posted import read_posted
from expunge.maps.sections.pages.providers import read_providers
from expunge.ports.store_kind import absolute

RULE = "bad-accounts"
_APP = "accounts.app"
_HOOK = re.compile(r"[a-z][a-z0-9-]{0,30}")
_MINUTE = timedelta(minutes=1)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_MEND = "server: smtps://user@mail.example.com, and secret_file: ./smtp.password, or secret_variable: SMTP_PASSWORD"
_MOST_ISSUER = 128
_WRITE_KEY = "keys: {name: the text between the lines of `openssl pkey -pubout`}, of an Ed25519 or a P-256 key"
_MOST_TOLD = 300
_SCHEMES = {"smtp", "smtp+starttls", "smtps"}


def read_company(form: Form, root: TableNode) -> CompanySpec:
    """The section ``company``; empty texts without it."""
    value = root.get("company")
    table = form.table(value, "company", words.COMPANY, ("name",)) if value is not None else None
    if table is None:
        return CompanySpec()
    return CompanySpec(**{key: form.parsed(table.get(key), f"company.{key}", RULE, _told) or "" for key in words.COMPANY})


def read_accounts(form: Form, root: TableNode, folder: Path, company: CompanySpec, purposes: Collection[str] = ()) -> AccountsSpec | None:
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
        company=company.name,
        support=company.contact,
        mail=_mail(form, table.get("mail"), folder),
        networks=tuple(_networks(form, table)),
        providers=read_providers(form, table.get("providers"), folder, RULE),
        handover=_handover(form, table.get("handover")),
        app=_app(form, table, folder),
        posted=read_posted(form, table.get("posted"), folder, RULE),
        password_memory=form.parsed(table.get("password_memory"), "accounts.password_memory", RULE, _password_memory) or PASSWORD_MEMORY,
        playback=_playback(form, table.get("playback"), purposes),
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


def _app(form: Form, table: TableNode, folder: Path) -> AppSpec | None:
    given = table.get("app")
    if given is not None and table.get("handover") is None:
        text = "accounts.app stands without accounts.handover, whose keys sign its statements"
        form.faults.add(RULE, given.line, text, "handover: {issuer: https://app.example.com, keys: {app-1: …}}")
    return _read_app(form, given, folder, RULE)


def _playback(form: Form, value: Value | None, purposes: Collection[str]) -> str:
    name = form.text(value, "accounts.playback") or ""
    if name and value is not None and name not in purposes:
        form.faults.add(RULE, value.line, f"accounts.playback: the map has no purpose {name!r}", "playback: the name of a purpose")
    return name


def _handover(form: Form, value: Value | None) -> HandOverSpec | None:
    table = form.table(value, "accounts.handover", words.HANDOVER, ("issuer", "keys")) if value is not None else None
    if table is None:
        return None
    issuer = form.parsed(table.get("issuer"), "accounts.handover.issuer", RULE, _issuer)
    address = form.parsed(table.get("address"), "accounts.handover.address", RULE, _address_rule)
    named = dict(form.named(table, "keys"))
    if not named and isinstance(given := table.get("keys"), TableNode):
        form.faults.add(RULE, given.line, "accounts.handover.keys names no key", _WRITE_KEY)
    keys = [(name.text, form.parsed(key, f"accounts.handover.keys.{name.text}", RULE, _public_key)) for name, key in named.items()]
    if issuer is None:
        return None
    return HandOverSpec(issuer, tuple((name, key) for name, key in keys if key is not None), address != words.ADDRESS_RULES[1])


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


def _told(text: str) -> str:
    # Why: it stands on receipts and pages, and a mark that turns the direction of writing would turn what follows it.
    if len(text) > _MOST_TOLD or not text.isprintable():
        message = f"company: at most {_MOST_TOLD} characters in one line, without characters that do not show"
        raise ValueError(message)
    return text


def _password_memory(text: str) -> int:
    with contextlib.suppress(ValueError):
        if LEAST_PASSWORD_MEMORY <= (size := parse_size(text)) <= MOST_PASSWORD_MEMORY:
            return size
    raise ValueError("password_memory: 100 MiB; a whole number of MiB, from 19 MiB to 1 GiB")


def _issuer(text: str) -> str:
    if len(text) > _MOST_ISSUER or not text.isprintable() or " " in text:
        raise ValueError("issuer: https://app.example.com, as the claim iss of each token has it")
    return text


def _address_rule(text: str) -> str:
    if text not in words.ADDRESS_RULES:
        raise ValueError("address: required, or optional")
    return text


def _public_key(text: str) -> str:
    try:
        spki = b64.decode("".join(text.split()))
        if len(spki) == len(ed25519_spki(bytes(32))):
            check_ed25519(spki[-32:])
            known = ed25519_spki(spki[-32:]) == spki
        else:
            check_p256_spki(spki)
            known = True
    except EvidenceInvalid as error:
        raise ValueError(_WRITE_KEY) from error
    if not known:
        raise ValueError(_WRITE_KEY)
    return b64.encode(spki)


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


def _read_app(form: Form, value: Value | None, folder: Path, rule: str) -> AppSpec | None:
    """Return what the company's app may do, and its web hooks; None without. A fault is noted under ``rule``."""
    table = form.table(value, _APP, words.APP) if value is not None else None
    if table is None:
        return None
    token_for = form.parsed(table.get("token_for"), f"{_APP}.token_for", "bad-span", _token_for) or TOKEN_FOR
    fresh = form.parsed(table.get("fresh_login"), f"{_APP}.fresh_login", "bad-span", _fresh) or FRESH_LOGIN
    return AppSpec(token_for, fresh, _app_acts(form, table, rule), tuple(_webhooks(form, table, folder, rule)))


def _app_acts(form: Form, table: TableNode, rule: str) -> tuple[str, ...]:
    given = table.get("acts")
    if given is None:
        return ACTS
    named = form.texts(given, f"{_APP}.acts", one_is_enough=True)
    if strange := [act for act in named if act not in ACTS]:
        form.faults.add(rule, given.line, f"{_APP}.acts: {strange[0]!r} is no act of an app", f"acts: [{', '.join(ACTS)}]")
    return tuple(act for act in ACTS if act in named)


def _webhooks(form: Form, table: TableNode, folder: Path, rule: str) -> Iterator[WebhookSpec]:
    if table.get("webhooks") is None:
        return
    for name, value in form.named(table, "webhooks"):
        what = f"{_APP}.webhooks.{name.text}"
        if not _HOOK.fullmatch(name.text):
            text = f"{_APP}.webhooks: {name.text!r} is no name of a web hook"
            form.faults.add(rule, name.line, text, "small letters, digits and '-', beginning with a letter, at most 31")
        entry = form.table(value, what, words.WEBHOOK, words.WEBHOOK)
        if entry is None:
            continue
        url = form.parsed(entry.get("url"), f"{what}.url", rule, _hook_url, shown=False)
        file = form.text(entry.get("secret_file"), f"{what}.secret_file")
        if url and file:
            yield WebhookSpec(name.text, url, absolute(folder, file), entry.line)


def _token_for(text: str) -> timedelta:
    span = parse_span(text)
    if not _MINUTE <= span <= LONGEST_TOKEN:
        raise ValueError("token_for: 10 minutes; from 1 minute to 1 hour")
    return span


def _fresh(text: str) -> timedelta:
    span = parse_span(text)
    if not _MINUTE <= span <= LONGEST_FRESH:
        raise ValueError("fresh_login: 15 minutes; from 1 minute to 12 hours")
    return span


def _hook_url(text: str) -> str:
    if not is_safe(text):
        raise ValueError("url: https://app.example.com/hooks; plain http to this machine alone")
    return text
