"""The company's app acts for its customers: what a token allows and what not, and what the company has to sign for it."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from expunge import clock
from tests.cli.running import expunge
from tests.web.app.company_app import App, Customer, said
from tests.web.serving import Answer, issue
from tests.web.site.family_company import guardian
from tests.web.site.handing_over import newest_account


def kind(answer: Answer) -> tuple[int, str]:
    """The status of a problem, and the last part of its type."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.body
    assert answer.json.keys() == {"type", "title", "status", "detail", "where", "help"}
    assert answer.json["status"] == answer.status
    assert all(answer.json.values())
    return answer.status, answer.json["type"].removeprefix("urn:expunge:problem:")


def test_an_app_counts_what_is_held_and_names_nobody(app: App) -> None:
    customer = app.customer("profile:p-tom")
    answer = customer.ask("GET", "held")
    until = time.monotonic() + 60
    while answer.json["counting"] and time.monotonic() < until:
        time.sleep(0.2)
        answer = customer.ask("GET", "held")
    found = {each["kind"]: each["items"] for each in answer.json["kinds"]}
    assert found == {"voice recordings": 1, "transcripts": 1, "voiceprints": 1, "location points": 1, "records": 1}
    log = (app.site.folder / "access.log").read_text()
    for word in ("p-tom", "Thistlewood", customer.token, customer.families[0]):
        assert word not in answer.body.decode()
        assert word not in log


def test_one_key_means_one_order_and_an_open_order_is_not_doubled(app: App) -> None:
    customer, key = app.customer("profile:p-tom"), secrets.token_hex(16)
    first = customer.delete(key)
    assert (first.status, first.json["state"], first.json["can_cancel"]) == (201, "received", True)
    again = customer.delete(key)
    assert (again.status, again.json["order"]) == (200, first.json["order"])
    # Another session of the same customer, and another key.
    other = app.customer("profile:p-tom", sid="session-2").delete()
    assert (other.status, other.json["order"]) == (200, first.json["order"])
    order = first.json["order"]
    until = time.monotonic() + 30
    while customer.ask("GET", f"orders/{order}").json["places"] == 0:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert customer.ask("GET", f"orders/{order}").json["places_done"] == 0
    assert kind(customer.ask("GET", f"orders/{order}/receipt")) == (404, "no-receipt")
    for _ in range(2):
        cancelled = customer.ask("POST", f"orders/{order}/cancel")
        assert (cancelled.status, cancelled.json["state"], cancelled.json["can_cancel"]) == (200, "cancelled", False)
    # The key stands for the order that it made, and a new one for a new order.
    assert customer.delete(key).json["state"] == "cancelled"
    third = customer.delete()
    assert (third.status, third.json["order"] != order) == (201, True)
    customer.ask("POST", f"orders/{third.json['order']}/cancel")
    pages = [customer.ask("GET", "orders?limit=1").json]
    while pages[-1]["next"]:
        pages.append(customer.ask("GET", f"orders?limit=1&cursor={pages[-1]['next']}").json)
    assert [each["order"] for page in pages for each in page["orders"]] == [third.json["order"], order]
    assert kind(customer.ask("GET", "orders?cursor=bm9uZQ")) == (400, "cursor")


def test_a_consent_is_withdrawn_at_once_and_once(app: App) -> None:
    given = ("consent", "give", "profile:p-ada", "--purpose", "training")
    ran = expunge(*given, "--surface", "the app", "--act", "pressed", cwd=app.site.folder)
    assert ran.code == 0, ran.err
    customer = app.customer("profile:p-ada", role="self")
    (consent,) = customer.ask("GET", "consents").json["consents"]
    assert (consent["purpose"], consent["agreed"]) == ("training", True)
    for _ in range(2):
        withdrawn = customer.ask("DELETE", "consents/training")
        assert (withdrawn.status, withdrawn.json["agreed"]) == (200, False)
        assert withdrawn.json["since"] is not None
    assert kind(customer.ask("DELETE", "consents/walking")) == (404, "purpose")


def test_a_token_does_what_its_scope_names_and_nothing_else(app: App) -> None:
    acts: dict[str, Callable[[Customer], Answer]] = {
        "read": lambda one: one.ask("GET", "held"),
        "stop": lambda one: one.ask("DELETE", "consents/walking"),
        "delete": lambda one: one.ask("POST", "orders/ord-none/cancel"),
        "receipts": lambda one: one.ask("GET", "orders/ord-none/receipt"),
    }
    for scope in acts:
        customer = app.customer(scope=scope)
        refused = {name for name, act in acts.items() if act(customer).status == 403}
        assert refused == acts.keys() - {scope}


def test_the_companys_signature_says_what_its_app_may_ask_for(app: App) -> None:
    body = {"statement": app.statement(scope="read"), "scope": "read delete"}
    assert kind(app.ask("POST", "token", app.client, body)) == (403, "scope")
    assert kind(app.exchange(scope="read export")) == (403, "scope")


def test_a_deletion_takes_a_fresh_authentication_and_all_else_does_not(app: App) -> None:
    customer = app.customer(auth_time=int(clock.timestamp()) - 16 * 60)
    assert kind(customer.delete()) == (403, "fresh-login")
    assert customer.ask("GET", "orders").status == 200


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"now": -700}, (400, "statement-time")),
        ({"exp": 1200}, (400, "statement-time")),
        ({"iss": "https://other.example"}, (400, "statement")),
        ({"aud": "https://other.example"}, (400, "statement")),
        ({"header": {"typ": "handover+jwt"}}, (400, "statement")),
        ({"header": {"alg": "none"}}, (400, "statement")),
        ({"header": {"kid": "other"}}, (400, "statement")),
        ({"sid": None}, (400, "statement")),
        ({"families": [{"subject": "walrus:p-mia", "role": "self"}]}, (400, "statement")),
    ],
    ids=["over", "too long", "another issuer", "another site", "a hand-over token", "unsigned", "no key", "no login", "no such kind"],
)
def test_a_statement_that_does_not_hold_gives_no_token(app: App, claims: dict[str, Any], expected: tuple[int, str]) -> None:
    # Times are from now on: those of the collection may be long past.
    claims = {name: int(clock.timestamp()) + said if name in {"now", "exp"} else said for name, said in claims.items()}
    assert kind(app.exchange(**claims)) == expected


def test_a_statement_counts_once(app: App) -> None:
    body = {"statement": app.statement()}
    assert app.ask("POST", "token", app.client, body).status == 200
    assert kind(app.ask("POST", "token", app.client, body)) == (409, "statement-used")


def test_a_hand_over_token_of_the_pages_is_no_statement_and_the_other_way_round(app: App) -> None:
    token = app.site.company.token(clock.timestamp(), ("profile:p-mia", "guardian"))
    assert kind(app.ask("POST", "token", app.client, {"statement": token})) == (400, "statement")


def test_the_end_of_a_login_ends_its_tokens_and_statements_on_their_way(app: App) -> None:
    one, two, other = app.customer(sid="s-a"), app.customer(sid="s-a"), app.customer(sid="s-b")
    assert app.ask("POST", "logins/end", app.client, {"sid": "s-a"}).json == {"tokens": 2}
    assert kind(one.ask("GET", "held")) == (401, "token")
    assert kind(two.ask("GET", "held")) == (401, "token")
    assert other.ask("GET", "orders").status == 200
    assert kind(app.exchange(sid="s-a")) == (403, "login-ended")
    assert app.ask("DELETE", "token", other.token).status == 204
    assert app.ask("DELETE", "token", other.token).status == 204
    assert kind(other.ask("GET", "orders")) == (401, "token")


def test_a_token_ends_with_its_time_and_with_the_apps_own_token(app: App) -> None:
    customer = app.customer()
    app.site.kept("UPDATE expunge_app_token SET until = '2026-01-01 00:00:00' WHERE scopes = 'delete read receipts stop'")
    assert kind(customer.ask("GET", "orders")) == (401, "token")
    brief = App(app.site, issue(app.site.folder, "brief", "families"))
    customer = brief.customer()
    assert expunge("token", "revoke", "brief", cwd=app.site.folder).code == 0
    assert kind(customer.ask("GET", "orders")) == (401, "token")
    until = time.monotonic() + 5
    while (answer := brief.exchange()).status == 200:
        assert time.monotonic() < until
    assert kind(answer) == (401, "client-token")


def test_another_family_and_its_orders_are_out_of_reach(app: App) -> None:
    mia, ada = app.customer("profile:p-mia"), app.customer("profile:p-ada", role="self")
    stolen = Customer(app, mia.token, ada.families)
    assert kind(stolen.ask("GET", "held")) == (404, "family")
    order = ada.delete().json["order"]
    for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/receipt")):
        assert kind(mia.ask(method, f"orders/{order}{path}")) == (404, "order")
    assert ada.ask("POST", f"orders/{order}/cancel").status == 200


@pytest.mark.parametrize("token", ["", "expunge_app_" + "x" * 43, "nonsense"])
def test_without_a_token_that_counts_nothing_is_told(app: App, token: str) -> None:
    assert kind(app.ask("GET", "families", token)) == (401, "token")


def test_a_token_for_something_else_exchanges_nothing(app: App) -> None:
    other = App(app.site, issue(app.site.folder, "airflow-2", "lineage"))
    assert kind(other.exchange()) == (403, "client-scope")
    assert kind(App(app.site, app.customer().token).exchange()) == (401, "client-token")


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"{", {}, (400, "malformed")),
        (b"[]", {}, (422, "malformed")),
        (b'{"statement": 7}', {}, (422, "malformed")),
        (b'{"statement": "a", "scope": "read"}', {"Content_Type": "text/plain"}, (415, "malformed")),
        (b" " * 17_000, {}, (413, "too-large")),
        (b" " * 9_000_000, {}, (413, "malformed")),
    ],
    ids=["half an object", "a list", "a number", "plain text", "large", "huge"],
)
def test_a_body_that_is_wrong_is_answered(app: App, body: bytes, headers: dict[str, str], expected: tuple[int, str]) -> None:
    assert kind(app.ask("POST", "token", app.client, body, **headers)) == expected


def test_what_was_just_said_goes_with_what_was_made_from_it(app: App) -> None:
    voice = app.site.folder / "world" / "media" / "voice" / "p-mia"
    os.utime(voice / "rec-m1-71835.wav", (clock.timestamp() - 7200,) * 2)
    os.utime(voice / "rec-m2-90417.wav", (clock.timestamp() - 60,) * 2)
    event = said(app.site.company, minutes=15)
    answer = app.ask("POST", "events", app.client, {"event": event})
    assert (answer.status, answer.json["everything"], answer.json["state"]) == (201, False, "received")
    customer = app.customer()
    assert answer.json["family"] == customer.families[0]
    assert app.ask("POST", "events", app.client, {"event": event}).json["order"] == answer.json["order"]
    ran = expunge("status", answer.json["order"], "--json", cwd=app.site.folder)
    assert ran.code == 0
    assert customer.ask("POST", f"orders/{answer.json['order']}/cancel").status == 200


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"minutes": 0}, (400, "statement")),
        ({"minutes": True}, (400, "statement")),
        ({"minutes": 5, "items": ["x"], "dataset": "recordings"}, (400, "statement")),
        ({"dataset": "recordings"}, (400, "statement")),
        ({"dataset": "walrus", "items": ["x"]}, (409, "nothing-held")),
        ({"dataset": "recordings", "items": ["voice/p-ada/rec-a1-55129.wav"]}, (409, "nothing-held")),
        ({"minutes": 5, "header": {"typ": "onbehalf+jwt"}}, (400, "statement")),
        ({"minutes": 5, "now": clock.timestamp() - 700}, (400, "statement-time")),
        ({"minutes": 5, "subject": "profile:p-none"}, (409, "nothing-held")),
    ],
    ids=["no minute", "true", "both", "no items", "no such dataset", "of another person", "a statement", "over", "of no person"],
)
def test_an_event_that_does_not_hold_deletes_nothing(app: App, claims: dict[str, Any], expected: tuple[int, str]) -> None:
    event = said(app.site.company, **claims)
    assert kind(app.ask("POST", "events", app.client, {"event": event})) == expected


def test_one_recording_is_deleted_by_its_handle_and_once(app: App) -> None:
    customer, key = app.customer("profile:p-mia"), secrets.token_hex(16)
    first = customer.ask("GET", "recordings?limit=1").json
    rest = customer.ask("GET", f"recordings?cursor={first['next']}").json
    listed = first["recordings"] + rest["recordings"]
    assert (len(listed), rest["next"]) == (2, None)
    assert {each["kind"] for each in listed} == {"voice recordings"}
    assert all(each["bytes"] > 0 and each["recorded_at"] for each in listed)
    path = f"recordings/{listed[0]['recording']}"
    answer = customer.ask("DELETE", path, Idempotency_Key=key)
    assert (answer.status, answer.json["everything"], answer.json["state"]) == (201, False, "received")
    # Another login of the same customer names the same recording by the same handle, and the key stands for the order that it made.
    again = app.customer("profile:p-mia", sid="session-2").ask("DELETE", path, Idempotency_Key=key)
    assert (again.status, again.json["order"]) == (200, answer.json["order"])
    assert kind(customer.ask("DELETE", f"recordings/{listed[1]['recording']}", Idempotency_Key=key)) == (422, "key-reused")
    assert kind(customer.delete(key)) == (422, "key-reused")
    assert expunge("status", answer.json["order"], cwd=app.site.folder).code == 0
    for word in ("rec-m1", "voice/p-mia", "Mia"):
        assert word not in str(listed)
    assert customer.ask("POST", f"orders/{answer.json['order']}/cancel").status == 200
    assert kind(customer.ask("GET", "recordings?cursor=bm9uZQ")) == (400, "cursor")


def test_a_recording_of_another_family_or_one_that_is_not_there_is_out_of_reach(app: App) -> None:
    tom, mia = app.customer("profile:p-tom"), app.customer("profile:p-mia")
    (of_tom,) = tom.ask("GET", "recordings").json["recordings"]
    before = mia.ask("GET", "orders").json["orders"]
    for handle in (of_tom["recording"], "0" * 32):
        assert kind(mia.ask("DELETE", f"recordings/{handle}", Idempotency_Key=secrets.token_hex(16))) == (404, "recording")
    assert kind(mia.ask("DELETE", "recordings/walrus", Idempotency_Key=secrets.token_hex(16))) == (404, "address")
    assert mia.ask("GET", "orders").json["orders"] == before


def test_recordings_are_listed_and_deleted_and_orders_cancelled_by_a_fresh_authentication_alone(app: App) -> None:
    customer, late = app.customer("profile:p-tom"), app.customer("profile:p-tom", auth_time=int(clock.timestamp()) - 16 * 60)
    (recording,) = customer.ask("GET", "recordings").json["recordings"]
    order = customer.delete().json["order"]
    for method, path in (("GET", "recordings"), ("DELETE", f"recordings/{recording['recording']}"), ("POST", f"orders/{order}/cancel")):
        assert kind(late.ask(method, path, Idempotency_Key=secrets.token_hex(16))) == (403, "fresh-login")
    assert kind(app.customer("profile:p-tom", scope="read").ask("GET", "recordings")) == (403, "scope")
    assert customer.ask("POST", f"orders/{order}/cancel").status == 200


def test_an_order_of_the_app_ends_with_the_role_of_the_account_that_the_statement_names(app: App) -> None:
    """Two parents have accounts: the one whose mail address the company signed is the one that the order stands on."""
    one, other = "app.one@home.example", "app.other@home.example"
    guardian(app.site, one, "p-ada")
    mine = newest_account(app.site)
    guardian(app.site, other, "p-ada")
    theirs = newest_account(app.site)
    customer = app.customer("profile:p-ada", address=sha256(one.encode()).hexdigest())
    order = customer.delete().json["order"]

    def left(account: UUID) -> str:
        """End the role of an account, and have the clerk look at its orders."""
        app.site.kept("UPDATE expunge_membership SET role = 'former' WHERE account_id = ?", account.hex)
        woken = app.customer("profile:p-tom")
        woken.ask("POST", f"orders/{woken.delete().json['order']}/cancel")
        time.sleep(2)
        return str(customer.ask("GET", f"orders/{order}").json["state"])

    assert left(theirs) == "received"
    assert left(mine) == "cancelled"
