"""The list ``accounts.providers`` of a map: companies whose logins people use here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from expunge.core.accounts.accounts_spec import ProviderAudience, ProviderSpec
from expunge.maps.document import words
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ListNode, Value
from expunge.ports.store_kind import absolute

_WHAT = "accounts.providers"
_ID = re.compile(r"[a-z][a-z0-9-]{0,30}")
_CLAIM = re.compile(r"[A-Za-z][A-Za-z0-9_:/.-]{0,99}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HERE = {"localhost", "127.0.0.1", "::1"}
_NEEDED = ("id", "name", "issuer", "client_id", "for")
_LONGEST_NAME = 40
"""Characters that a button has room for."""


def read_providers(form: Form, value: Value | None, folder: Path, rule: str) -> tuple[ProviderSpec, ...]:
    """Return the providers, in the map's order. A fault is noted under ``rule``."""
    if value is None:
        return ()
    if not isinstance(value, ListNode):
        form.faults.add("wrong-type", value.line, f"{_WHAT} is no list", "providers: [{id: home, name: Example Home, issuer: …}]")
        return ()
    found = tuple(_providers(form, value, folder, rule))
    for place, provider in enumerate(found):
        before = found[:place]
        if any(each.id == provider.id for each in before):
            form.faults.add(rule, provider.line, f"{_WHAT} names {provider.id!r} twice", "each provider has an id of its own")
        elif any((each.issuer, each.audience) == (provider.issuer, provider.audience) for each in before):
            text = f"{_WHAT} names one issuer twice for {provider.audience}"
            form.faults.add(rule, provider.line, text, "one entry for each issuer: a person would have two logins that are one")
    return found


def _providers(form: Form, value: ListNode, folder: Path, rule: str) -> Iterator[ProviderSpec]:
    for number, item in enumerate(value.items):
        what = f"{_WHAT}[{number}]"
        table = form.table(item, what, words.PROVIDER, _NEEDED)
        if table is None:
            continue
        identity = form.parsed(table.get("id"), f"{what}.id", rule, _id)
        name = form.parsed(table.get("name"), f"{what}.name", rule, _name)
        issuer = form.parsed(table.get("issuer"), f"{what}.issuer", rule, _issuer, shown=False)
        client = form.parsed(table.get("client_id"), f"{what}.client_id", rule, _client)
        audience = form.parsed(table.get("for"), f"{what}.for", rule, _audience)
        alias = form.parsed(table.get("alias"), f"{what}.alias", rule, _alias) or ""
        file = form.text(table.get("secret_file"), f"{what}.secret_file")
        variable = form.parsed(table.get("secret_variable"), f"{what}.secret_variable", rule, _variable) or ""
        if file and variable:
            form.faults.add(rule, table.line, f"{what} names two places of one secret", "secret_file: or secret_variable:, not both")
        elif identity and name and issuer and client and audience:
            place = absolute(folder, file) if file else ""
            yield ProviderSpec(identity, name, issuer, client, audience, place, variable, alias, table.line)


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError("id: small letters, digits and '-', beginning with a letter, at most 31, such as home")
    return text


def _name(text: str) -> str:
    if len(text) > _LONGEST_NAME or not text.isprintable():
        message = f"name: at most {_LONGEST_NAME} characters of one line, such as Example Home"
        raise ValueError(message)
    return text.strip()


def _issuer(text: str) -> str:
    """Return an issuer as it stands: ID tokens are compared with each of its characters (OpenID Connect Core 1.0, 3.1.3.7)."""
    write = "issuer: https://id.example.com, as the provider itself says it, without query; http to this machine alone"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(write) from error
    sealed = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
    if not sealed or not parts.hostname or "@" in parts.netloc or "?" in text or "#" in text or not text.isprintable() or " " in text:
        raise ValueError(write)
    if "/.well-known/" in parts.path:
        raise ValueError("issuer: without /.well-known/openid-configuration, which is added to it")
    return text


def _client(text: str) -> str:
    if len(text) > 255 or not text.isascii() or not text.isprintable():
        raise ValueError("client_id: as the provider's registration shows it")
    return text


def _audience(text: str) -> ProviderAudience:
    try:
        return ProviderAudience(text)
    except ValueError as error:
        raise ValueError("for: customers, or for: staff") from error


def _alias(text: str) -> str:
    if not _CLAIM.fullmatch(text):
        raise ValueError("alias: the name of one claim, such as preferred_username")
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError("secret_variable: the name of a variable, without ${}")
    return text
