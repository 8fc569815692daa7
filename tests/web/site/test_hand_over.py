"""A person comes from the company's app with a link, logs in, confirms it, and is guardian of a child with the keeper."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.keeper.place import KeeperPlace
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.engine.accounts.company import ISSUER, Company
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed, site


@dataclass
class Handing:
    """The pages, and the company whose tokens they take."""

    served: SiteServed
    company: Company
    guard: KeeperGuard

    def token(self, address: str, *told: tuple[str, str], now: float = 0.0) -> str:
        return self.company.token(now or time.time(), *told, address=address)

    def sql(self, statement: str) -> list[tuple[str, ...]]:
        with contextlib.closing(sqlite3.connect(self.served.folder / "state" / "state.db", timeout=10)) as connection:
            return connection.execute(statement).fetchall()

    def account(self, address: str) -> UUID:
        """The newest account of the pages."""
        (row,) = self.served.sql("SELECT id FROM expunge_account ORDER BY since DESC LIMIT 1")
        return UUID(row[0])

    def enrol(self, address: str) -> SoftAuthenticator:
        """Enrol a passkey of the newest account with the keeper."""
        account, session = self.account(address), secrets.token_bytes(32)
        authenticator = SoftAuthenticator(self.served.origin, "localhost", synced=True)
        self.guard.open_account(account, address, "en")
        self.guard.send_code(account, session)
        until = time.monotonic() + 20
        while not (found := self._codes(address)):
            assert time.monotonic() < until
            time.sleep(0.01)
        begun = self.guard.begin_enrolment(account, session, self.guard.prove_by_code(account, session, found[-1]))
        self.guard.finish_enrolment(begun.token, account, session, authenticator.create(begun.options or {}), "my telephone")
        return authenticator

    def _codes(self, address: str) -> list[str]:
        letters = [message.get_body(("plain",)) for to, message in self.served.sink.mails if address in to]
        return [code for letter in letters if letter for code in re.findall(r"\b\d{8}\b", letter.get_content())]


@pytest.fixture(scope="module")
def handing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handing]:
    company = Company("")

    def section(origin: str) -> str:
        company.audience = origin
        keys = ", ".join(f"{name}: {key}" for name, key in company.spec().keys)
        return f"  handover: {{issuer: '{ISSUER}', keys: {{{keys}}}}}\n"

    folder = tmp_path_factory.mktemp("site")
    with site(folder, more=section) as served:
        state = folder / "state"
        guard = KeeperGuard(KeeperPlace(state, state / "keys"))
        yield Handing(served, company, guard)
        guard.close()


@pytest.fixture(autouse=True)
def fresh(handing: Handing) -> None:
    handing.served.sql("DELETE FROM expunge_counter")


def paste(person: HttpPerson, token: str) -> Shown:
    person.get("/handover/")
    return person.send("token", token=f"{person.site.origin}/handover/#{token}")


def signed(page: Shown, authenticator: SoftAuthenticator) -> str:
    found = re.search(r'<script id="ask-options" type="application/json">(.*?)</script>', page.text)
    assert found, page.words
    return authenticator.sign(json.loads(found[1])).decode()


def test_a_person_signs_up_on_the_way_confirms_and_is_guardian(handing: Handing) -> None:
    address = "ana@home.example"
    person = HttpPerson(handing.served)
    token = handing.token(address, ("profile:p-1", "guardian"), ("profile:p-2", "guardian"))
    page = paste(person, token)
    assert page.path == "/handover/"
    assert "Acme Doorbells says: you are the guardian of 2 children" in page.words
    assert "Log in first" in page.words
    assert token not in page.text
    assert "p-1" not in page.words
    person.get("/handover/confirm/")
    assert person.last
    assert person.last.path == "/account/login/", "an account confirms it"
    person.sign_up(address)
    assert "Protect your account first" in person.get("/handover/confirm/").words
    authenticator = handing.enrol(address)
    page = person.get("/handover/confirm/")
    assert "you are the guardian of 2 children" in page.words
    assert handing.sql("SELECT * FROM expunge_membership") == []
    page = person.send("response", response=signed(page, authenticator))
    assert page.path == "/handover/done/"
    assert "Your account is connected" in page.words
    roles = handing.sql("SELECT account_id, role FROM expunge_membership")
    assert roles == [(handing.account(address).hex, "guardian")] * 2
    # Used, in this browser and in any other.
    assert person.get("/handover/").path == "/handover/"
    assert "This link was used before" in paste(person, token).words
    assert "This link was used before" in paste(HttpPerson(handing.served), token).words
    handing.served.sink.about(address, "Your families at Acme Doorbells were changed")


def test_a_wrong_signature_confirms_nothing_and_it_goes_on(handing: Handing) -> None:
    address = "bela@home.example"
    person = HttpPerson(handing.served)
    person.sign_up(address)
    authenticator = handing.enrol(address)
    paste(person, handing.token(address, ("profile:p-7", "guardian")))
    page = person.get("/handover/confirm/")
    page = person.send("response", response="{}")
    assert page.status == 400
    assert "That did not confirm it" in page.words
    before = handing.sql("SELECT count(*) FROM expunge_membership")
    page = person.send("response", response=signed(page, authenticator))
    assert page.path == "/handover/done/"
    assert handing.sql("SELECT count(*) FROM expunge_membership") != before


def test_a_token_for_another_address_is_refused_by_the_keeper(handing: Handing) -> None:
    address = "cleo@home.example"
    person = HttpPerson(handing.served)
    person.sign_up(address)
    authenticator = handing.enrol(address)
    paste(person, handing.token("other@home.example"))
    page = person.get("/handover/confirm/")
    page = person.send("response", response=signed(page, authenticator))
    assert page.status == 400
    assert "This link is for another account" in page.words
    assert handing.sql(f"SELECT * FROM expunge_membership WHERE account_id = '{handing.account(address).hex}'") == []


def test_each_bad_token_has_a_page_that_says_what_to_do(handing: Handing) -> None:
    now = time.time()
    stranger = Company(handing.served.origin)
    for token, what in (
        ("nothing of the kind", "This link is not whole"),
        (handing.token("a@b", now=now - 700), "This link has ended"),
        (handing.token("a@b", now=now + 300), "A clock is wrong"),
        (stranger.token(now, address="a@b"), "This link is not from us"),
        (handing.token("a@b", ("pet:rex", "guardian")), "This link names no one we know"),
    ):
        page = paste(HttpPerson(handing.served), token)
        assert page.status == 400
        assert what in page.words
        assert token not in page.text


def test_tokens_that_are_tried_are_throttled(handing: Handing) -> None:
    person = HttpPerson(handing.served)
    for _ in range(70):
        if paste(person, "x").status == 429:
            return
    pytest.fail("seventy tokens were looked at")


def test_no_token_is_in_a_log_or_an_address(handing: Handing) -> None:
    person = HttpPerson(handing.served)
    token = handing.token("dora@home.example", ("profile:canary-child", "guardian"))
    paste(person, token)
    told = "".join(path.read_text() for path in handing.served.folder.glob("stderr-*"))
    assert "canary-child" not in told
    assert token[-40:] not in told
    held = b"".join(path.read_bytes() for path in handing.served.database.parent.iterdir())
    assert b"canary-child" not in held
    assert token[-40:].encode() not in held
