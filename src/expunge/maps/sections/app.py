"""The key ``app`` of the section ``accounts`` of a map."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from expunge.core.accounts.app_spec import ACTS, FRESH_LOGIN, LONGEST_FRESH, LONGEST_TOKEN, TOKEN_FOR, AppSpec, WebhookSpec
from expunge.core.values.periods import parse_span
from expunge.core.values.service_address import is_safe
from expunge.maps.document import words
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode, Value
from expunge.ports.store_kind import absolute

_WHAT = "accounts.app"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_MINUTE = timedelta(minutes=1)


def read_app(form: Form, value: Value | None, folder: Path, rule: str) -> AppSpec | None:
    """Return what the company's app may do, and its web hooks; None without. A fault is noted under ``rule``."""
    table = form.table(value, _WHAT, words.APP) if value is not None else None
    if table is None:
        return None
    token_for = form.parsed(table.get("token_for"), f"{_WHAT}.token_for", "bad-span", _token_for) or TOKEN_FOR
    fresh = form.parsed(table.get("fresh_login"), f"{_WHAT}.fresh_login", "bad-span", _fresh) or FRESH_LOGIN
    return AppSpec(token_for, fresh, _acts(form, table, rule), tuple(_webhooks(form, table, folder, rule)))


def _acts(form: Form, table: TableNode, rule: str) -> tuple[str, ...]:
    given = table.get("acts")
    if given is None:
        return ACTS
    named = form.texts(given, f"{_WHAT}.acts", one_is_enough=True)
    if strange := [act for act in named if act not in ACTS]:
        form.faults.add(rule, given.line, f"{_WHAT}.acts: {strange[0]!r} is no act of an app", f"acts: [{', '.join(ACTS)}]")
    return tuple(act for act in ACTS if act in named)


def _webhooks(form: Form, table: TableNode, folder: Path, rule: str) -> Iterator[WebhookSpec]:
    if table.get("webhooks") is None:
        return
    for name, value in form.named(table, "webhooks"):
        what = f"{_WHAT}.webhooks.{name.text}"
        if not _NAME.fullmatch(name.text):
            text = f"{_WHAT}.webhooks: {name.text!r} is no name of a web hook"
            form.faults.add(rule, name.line, text, "small letters, digits and '-', beginning with a letter, at most 31")
        entry = form.table(value, what, words.WEBHOOK, words.WEBHOOK)
        if entry is None:
            continue
        url = form.parsed(entry.get("url"), f"{what}.url", rule, _url, shown=False)
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


def _url(text: str) -> str:
    if not is_safe(text):
        raise ValueError("url: https://app.example.com/hooks; plain http to this machine alone")
    return text
