"""Every operation for the company's app is asked for with every kind of token: it takes the one that it is for, and no other proof."""

from __future__ import annotations

import secrets

import pytest

from expunge.core.accounts.app_spec import AppScope
from expunge.core.journal.access_tokens import TokenScope
from tests.web.app.company_app import App
from tests.web.serving import issue
from tests.web.site.access import API, APP

_NO_TOKEN = {401, 403, 429}
"""429 after many of them."""
_OTHER, _MADE_UP, _NONE = "of another family", "made up", "none"
_KINDS = (*TokenScope, *AppScope, _OTHER, _MADE_UP, _NONE)


def test_the_tables_name_every_operation_and_no_other(app: App) -> None:
    paths = app.site.served.get("api/openapi.json").json["paths"]
    named = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert set(named) == API.keys() | APP.keys()
    assert not API.keys() & APP.keys()


@pytest.mark.usefixtures("many_bad_tokens")
def test_an_operation_takes_the_token_of_its_scope_and_no_other(app: App) -> None:
    paths = app.site.served.get("api/openapi.json").json["paths"]
    asked = [
        (operation["operationId"], method.upper(), path.removeprefix("/api/v1/app/"))
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation["operationId"] in APP
    ]
    family = app.customer().families[0]
    tokens = {kind: token_of(app, kind) for kind in _KINDS}
    wrong = []
    for name, method, path in asked:
        for kind in _KINDS:
            token = token_of(app, kind) if name == "end_token" and not isinstance(kind, TokenScope) else tokens[kind]
            filled = (
                path.replace("{family}", family)
                .replace("{order}", "ord-none")
                .replace("{purpose}", "walking")
                .replace("{recording}", "0" * 32)
            )
            body = {} if method == "POST" and "families" not in path else None
            status = app.ask(method, filled, token, body, Idempotency_Key=secrets.token_hex(16)).status
            if _let_in(name, kind) is (status in _NO_TOKEN) or status >= 500:
                wrong.append(f"{name} with a token {kind}: {status}")
            if kind == _OTHER and "{family}" in path and status != 404:
                wrong.append(f"{name} for another family: {status}")
    assert wrong == []


def token_of(app: App, kind: TokenScope | AppScope | str) -> str:
    """A token of a kind."""
    if isinstance(kind, TokenScope):
        return issue(app.site.folder, f"matrix-{kind.value}", kind.value)
    if isinstance(kind, AppScope):
        return app.customer(scope=kind.value).token
    return app.customer("profile:p-ada").token if kind == _OTHER else {_MADE_UP: "expunge_app_" + "A" * 43}.get(kind, "")


def _let_in(name: str, kind: TokenScope | AppScope | str) -> bool:
    wanted = APP[name]
    if isinstance(wanted, TokenScope):
        return kind is wanted
    if kind == _OTHER:
        # It is a customer's, and leads to nothing of this one.
        return True
    if name == "end_token" and kind == _MADE_UP:
        # That nothing ends is no error (RFC 7009, 2.2).
        return True
    return isinstance(kind, AppScope) and wanted in (None, kind)
