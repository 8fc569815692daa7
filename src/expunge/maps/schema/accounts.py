"""The JSON Schema of ``accounts``."""

from __future__ import annotations

from typing import Any

from expunge.core.accounts.app_spec import ACTS

Schema = dict[str, Any]


def accounts() -> Schema:
    """The pages for people."""
    fields = {
        "origin": _text("The address at which people reach the pages: https://privacy.example.com. Passkeys are bound to its host."),
        "database": _text("Where accounts are kept, apart from the state; sqlite:///.expunge-accounts/accounts.db by default."),
        "mail": _mail(),
        "handover": _handover(),
        "app": _app(),
        "password_memory": _text("Memory that the hash of one password takes: 100 MiB by default, 19 MiB at least."),
        "playback": _text("The purpose that has to permit it before a family hears or sees a recording of its own; none by default."),
        "networks": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "description": "Networks from which staff may log in: 10.0.0.0/8; any by default.",
        },
    }
    fields["posted"] = {"type": "array", "items": _posted(), "description": "Notices of orders that the pages show for a time."}
    fields["providers"] = {"type": "array", "items": _provider(), "description": "Companies' logins (OpenID Connect)."}
    return {**_table(fields, "origin"), "description": "The pages for people; without it, only the API is served."}


def company() -> Schema:
    """Who runs the installation."""
    fields = {
        "name": _text("The name that people know the company by."),
        "contact": _text("The mail address or the page where people get help."),
        "complaints": _text("Where people complain about the company: the name of an authority, with its address."),
    }
    return {**_table(fields, "name"), "description": "Who issues receipts, as people are told on them and on the pages."}


def _handover() -> Schema:
    key = _text("The text between the lines of `openssl pkey -pubout`, of an Ed25519 or a P-256 key.")
    fields = {
        "issuer": _text("The claim iss of each token: https://app.example.com."),
        "keys": {
            "type": "object",
            "additionalProperties": key,
            "minProperties": 1,
            "description": "Name (kid) and public key. Two stand here while one takes the place of the other.",
        },
        "address": {
            "enum": ["required", "optional"],
            "description": "Whether a token has to name the SHA-256 of its person's mail address; required by default.",
        },
    }
    return {**_table(fields, "issuer", "keys"), "description": "Tokens by which the company says who is in which family."}


def _app() -> Schema:
    webhook = {
        "url": _text("Where to: https://app.example.com/hooks; plain http to this machine alone."),
        "secret_file": _text("A file whose first line is whsec_ and the base64 of 24 to 64 random bytes."),
    }
    acts = list(ACTS)
    fields = {
        "token_for": _text("How long an access token counts: 10 minutes by default, 1 hour at most."),
        "fresh_login": _text("How old the customer's authentication may be for a deletion: 15 minutes by default."),
        "acts": {
            "anyOf": [{"enum": acts}, {"type": "array", "items": {"enum": acts}}],
            "description": "What tokens may allow; all of them by default.",
        },
        "webhooks": {
            "type": "object",
            "additionalProperties": _table(webhook, "url", "secret_file"),
            "description": "Name and address of each server that is told of the steps of orders.",
        },
    }
    return {**_table(fields), "description": "The company's own app, which offers its customers what the pages offer."}


def _mail() -> Schema:
    fields = {
        "server": _text("smtps://user@mail.example.com, smtp+starttls://user@mail.example.com:587, or smtp://localhost:25."),
        "sender": _text("The address that mail comes from."),
        "secret_file": _text("A file whose first line is the user's password."),
        "secret_variable": _text("The variable of the environment that holds it instead."),
    }
    return {**_table(fields, "server", "sender"), "description": "How mail goes out. Without it, sign-up does not work."}


def _provider() -> Schema:
    fields = {
        "id": _text("What addresses of pages call it: small letters, digits and hyphens. Connected logins are lost where it changes."),
        "name": _text("What its button calls it."),
        "issuer": _text("The provider's identifier, exactly as it says it: https://id.example.com."),
        "client_id": _text("What the provider calls this installation."),
        "for": {"enum": ["customers", "staff"], "description": "The people who log in by it."},
        "alias": _text("The claim that a person's list of connected logins shows: preferred_username; none by default."),
        "secret_file": _text("A file whose first line is the client's secret; without it, the client is public."),
        "secret_variable": _text("The variable of the environment that holds it instead."),
    }
    return {**_table(fields, "id", "name", "issuer", "client_id", "for"), "description": "One company's login."}


def _posted() -> Schema:
    fields = {
        "id": _text("What the register of publications calls it: small letters, digits and hyphens."),
        "file": _text("Its text: plain UTF-8, paragraphs apart by an empty line, the heading first."),
        "from": _text("The first day, in UTC, on which it is shown: '2026-12-01'."),
        "until": _text("The first day on which it is not shown any more."),
        "language": _text("The language of the text, as a tag: es; en by default."),
    }
    return {**_table(fields, "id", "file", "from", "until"), "description": "The notice of an order."}


def _table(fields: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def _text(description: str) -> Schema:
    return {"type": "string", "pattern": "\\S", "description": description}
