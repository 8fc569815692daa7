"""Customers' passkeys and code apps live in the keeper: what the web process forges lets in at most, and confirms nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.utils.crypto import salted_hmac

from expunge.adapters.keeper.keeper_accounts import KeeperAccounts
from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.keeper.place import KeeperPlace
from expunge.core.accounts.asks import Ask, AskKind
from expunge.errors import ChallengeEnded, ExpungeError, NotPermitted, ProofRefused
from expunge.ports.accounts.account_guard import AccountGuard, CodeProof, PasskeyProof
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.moment import stored
from tests.web.site.handing_over import let_the_day_pass, stop_link
from tests.web.site.http_person import PASSWORD, HttpPerson, code_of, options_of, recovery_codes_of, seed_of
from tests.web.site.kit import SiteServed, site


@pytest.fixture
def anna(served_site: SiteServed) -> HttpPerson:
    return HttpPerson(served_site)


@pytest.fixture(scope="module")
def guard(served_site: SiteServed) -> AccountGuard:
    """The keeper, as code that took the web process over asks it."""
    return keeper_of(served_site)


def keeper_of(site: SiteServed) -> KeeperGuard:
    (database,) = site.folder.rglob("state.db")
    return KeeperGuard(KeeperPlace(database.parent, database.parent / "keys"))


def account_of(site: SiteServed) -> UUID:
    """The account that signed up last."""
    ((found,),) = site.sql("SELECT id FROM expunge_account ORDER BY since DESC LIMIT 1")
    return UUID(found)


def state(site: SiteServed, statement: str, *values: Any) -> list[Any]:
    """Ask the keeper's own tables."""
    (database,) = site.folder.rglob("state.db")
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        return connection.execute(statement, values).fetchall()


def with_passkey(anna: HttpPerson, address: str) -> tuple[SoftAuthenticator, UUID]:
    anna.sign_up(address)
    phone = anna.authenticator()
    anna.enrol_passkey(phone)
    return phone, account_of(anna.site)


# ---- one ceremony --------------------------------------------------------------------------------------------------


def test_one_code_by_mail_lets_in_and_adds_the_first_passkey_for_both(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "once@example.org"
    anna.sign_up(address)
    page = anna.get("/account/2fa/webauthn/add/")
    assert page.path == "/account/2fa/webauthn/add/", "asked for something once more"
    options = options_of(page)
    assert options["authenticatorSelection"]["residentKey"] == "required"
    phone = anna.authenticator()
    assert len(recovery_codes_of(anna.enrol_passkey(phone, "Anna's blue phone"))) == 10
    account = account_of(served_site)
    assert [name for _, name in rows_of(served_site, account) if name] == ["passkey"], "a name lies in the clear"
    assert "Anna's blue phone" in anna.get("/account/2fa/webauthn/").words
    served_site.sink.about(address, "A way to confirm was added to your account")
    assert served_site.sink.subjects(address).count("Your code for Acme Doorbells") == 1
    anna.log_out()
    assert anna.log_in_by_passkey(phone, account.bytes).path == "/"
    assert anna.inside


def rows_of(site: SiteServed, account: UUID) -> list[tuple[str, str]]:
    found = site.sql("SELECT type, data FROM mfa_authenticator WHERE user_id = ? ORDER BY id", account.hex)
    return [(kind, json.loads(data).get("name", "")) for kind, data in found]


def test_a_person_signs_up_by_passkey_alone(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "bykey@example.org"
    anna.get("/account/signup/passkey/")
    anna.send("email", email=address)
    page = anna.send("code", code=served_site.sink.code(address))
    assert page.path == "/account/2fa/webauthn/signup/"
    phone = anna.authenticator()
    assert anna.enrol_passkey(phone).path == "/account/protect/"
    anna.log_out()
    assert anna.log_in_by_passkey(phone, account_of(served_site).bytes).path == "/"


def test_a_mistyped_address_is_put_right_by_beginning_again(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.get("/account/signup/")
    anna.send("password1", email="mistyped@example.org", password1="a heron stood in the reeds")
    first = served_site.sink.code("mistyped@example.org")
    # As *Cancel and start again* does.
    anna.send("next")
    anna.get("/account/signup/")
    anna.send("password1", email="right@example.org", password1="a heron stood in the reeds")
    code = served_site.sink.code("right@example.org")
    assert "not the code" in anna.send("code", code=first).words, "the code to the address before let in"
    assert anna.send("code", code=code).path == "/account/protect/"
    anna.enrol_passkey(anna.authenticator())
    assert "My telephone" in anna.get("/account/2fa/webauthn/").words


def test_a_passkey_that_only_the_keeper_knows_is_put_right_at_the_next_look(served_site: SiteServed, anna: HttpPerson) -> None:
    """The web process ends after the keeper enrolled it: a trigger of its database stands for that."""
    anna.sign_up("crash@example.org")
    phone, account = anna.authenticator(), account_of(served_site)
    anna.get("/account/2fa/webauthn/add/")
    served_site.sql("CREATE TRIGGER crash BEFORE INSERT ON mfa_authenticator BEGIN SELECT RAISE(ABORT, 'crash'); END")
    try:
        assert anna.enrol_passkey(phone).status == 500
    finally:
        served_site.sql("DROP TRIGGER crash")
    assert rows_of(served_site, account) == []
    assert "My telephone" in anna.get("/account/2fa/webauthn/").words
    assert rows_of(served_site, account) == [("webauthn", "passkey")]
    anna.log_out()
    assert anna.log_in_by_passkey(phone, account.bytes).path == "/"


# ---- later credentials ---------------------------------------------------------------------------------------------


def test_a_further_one_is_confirmed_by_the_first_and_one_is_removed_in_both(served_site: SiteServed, anna: HttpPerson) -> None:
    phone, account = with_passkey(anna, "two-keys@example.org")
    page = anna.get("/account/2fa/webauthn/add/")
    assert "Add a way to log in?" in page.words
    key = anna.authenticator()
    page = anna.confirm(phone)
    assert page.path == "/account/2fa/webauthn/add/"
    anna.enrol_passkey(key, "Key on my ring")
    page = anna.get("/account/2fa/webauthn/")
    assert "“Key on my ring” was added a short while ago. It logs you in, and confirms nothing before" in page.words
    assert "Your other ways to confirm do not count yet" in page.words
    let_the_day_pass(served_site)
    page = anna.get("/account/2fa/webauthn/")
    assert "a short while ago" not in page.words
    named = re.search(r'name="act" value="remove"><input type="hidden" name="id" value="([0-9a-f]+)"', page.text)
    assert named is not None
    page = anna.post("/account/2fa/webauthn/", act="remove", id=named[1])
    assert "Remove the passkey “My telephone”?" in page.words
    # Asked by itself, the page of the act does nothing.
    assert len(state(served_site, "SELECT id FROM expunge_credential WHERE account_id = ?", account.hex)) == 2
    assert "The passkey is removed" in anna.confirm(key).words
    assert len(state(served_site, "SELECT id FROM expunge_credential WHERE account_id = ?", account.hex)) == 1
    assert [kind for kind, _ in rows_of(served_site, account)].count("webauthn") == 1
    anna.log_out()
    assert anna.log_in_by_passkey(phone, account.bytes).path != "/"
    assert anna.log_in_by_passkey(key, account.bytes).path == "/"
    page = anna.get("/account/2fa/webauthn/")
    assert "your only way to confirm" in page.words


def test_a_passkey_that_its_owner_did_not_add_is_removed_from_the_letter(served_site: SiteServed, anna: HttpPerson) -> None:
    """Code in this process has the login's signature confirm that a passkey is added; its owner reads of it."""
    address = "planted-key@example.org"
    phone, account = with_passkey(anna, address)
    stolen = HttpPerson(served_site)
    assert stolen.log_in_by_passkey(phone, account.bytes).path == "/"
    stolen.get("/account/2fa/webauthn/add/")
    stolen.confirm(phone)
    planted = stolen.authenticator()
    stolen.enrol_passkey(planted, "My telephone")
    assert "confirms nothing before" in anna.get("/account/2fa/").words
    # The attacker asks that the owner's passkey goes.
    stolen.get("/account/2fa/webauthn/")
    own = next(iter(phone.made)).hex()
    assert "do not count yet" in stolen.post("/account/2fa/webauthn/", act="remove", id=own).words
    link = stop_link(served_site, address)
    reader = HttpPerson(served_site)
    page = reader.get(link)
    assert "Remove the passkey?" in page.words
    assert stolen.inside, "a look removes nothing"
    assert "It is removed" in reader.send("csrfmiddlewaretoken").words
    assert not stolen.inside
    assert not anna.inside, "every session ends: one of them was the attacker's"
    assert "There is nothing to remove" in reader.get(link).words
    assert stolen.log_in_by_passkey(planted, account.bytes).path != "/"
    assert anna.log_in_by_passkey(phone, account.bytes).path == "/"
    assert [card.id for card in keeper_of(served_site).credentials(account)] == [own]


def test_an_account_whose_every_passkey_may_be_copied_is_told_how_to_get_back(served_site: SiteServed, anna: HttpPerson) -> None:
    _, account = with_passkey(anna, "allcopied@example.org")
    served_site.kept("UPDATE expunge_credential SET copied_at = '2026-11-01 00:00:00' WHERE account_id = ?", account.hex)
    page = anna.get("/account/2fa/webauthn/add/")
    assert page.path == "/account/2fa/"
    assert "There may be a copy of your passkey, so it confirms nothing any more. Log out, and choose “Get back in”" in page.words


def test_an_app_that_only_the_keeper_knows_is_put_right_at_the_next_look(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("appcrash@example.org")
    account = account_of(served_site)
    anna.enrol_app()
    served_site.sql("DELETE FROM mfa_authenticator WHERE user_id = ? AND type = 'totp'", account.hex)
    assert "only way to confirm" in anna.get("/account/2fa/totp/activate/").words
    assert ("totp", "") in rows_of(served_site, account)


def test_a_passkey_is_renamed_and_the_web_database_has_no_name(served_site: SiteServed, anna: HttpPerson) -> None:
    with_passkey(anna, "rename@example.org")
    anna.get("/account/2fa/webauthn/")
    assert "Grandmother's tablet" in anna.send("name", name="Grandmother's tablet").words
    for file in served_site.database.parent.iterdir():
        assert b"Grandmother" not in file.read_bytes(), file.name


def test_an_app_is_turned_off_by_a_passkey(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("app@example.org")
    seed, account = anna.enrol_app(), account_of(served_site)
    assert "only way to confirm" in anna.get("/account/2fa/totp/deactivate/").words
    assert "Add a way to log in?" in anna.get("/account/2fa/webauthn/add/").words
    anna.confirm(code=code_of(seed, 1))
    phone = anna.authenticator()
    anna.enrol_passkey(phone)
    assert "Turn the app off when one of them does" in anna.get("/account/2fa/totp/deactivate/").words
    let_the_day_pass(served_site)
    anna.get("/account/2fa/totp/deactivate/")
    page = anna.send("csrfmiddlewaretoken")
    assert "Turn off the code app?" in page.words
    assert "The code app is off" in anna.confirm(phone).words
    assert state(served_site, "SELECT * FROM expunge_code_device WHERE account_id = ?", account.hex) == []
    assert ("totp", "") not in rows_of(served_site, account)


def test_an_account_that_is_closed_leaves_nothing_in_the_keeper(served_site: SiteServed, anna: HttpPerson) -> None:
    phone, account = with_passkey(anna, "leaving@example.org")
    anna.get("/account/close/")
    anna.send("csrfmiddlewaretoken")
    assert "Your account is closed" in anna.confirm(phone).words
    for table in ("expunge_account", "expunge_credential", "expunge_code_device", "expunge_membership"):
        column = "account" if table == "expunge_account" else "account_id"
        assert state(served_site, f"SELECT * FROM {table} WHERE {column} = ?", account.hex) == [], table
    served_site.sink.about("leaving@example.org", "Your account is closed")


# ---- attacks -------------------------------------------------------------------------------------------------------


def test_a_forged_passkey_lets_in_at_most_and_confirms_nothing(served_site: SiteServed, anna: HttpPerson) -> None:
    """Code in the web process puts a passkey of its own into the table of logins."""
    _, account = with_passkey(anna, "victim@example.org")
    forger = SoftAuthenticator(served_site.origin, "localhost")
    made = json.loads(forger.create({"challenge": "AAAA"}))
    told = json.dumps({"name": "passkey", "credential": made})
    served_site.sql(
        f"INSERT INTO mfa_authenticator (user_id, type, data, created_at) VALUES (?, 'webauthn', ?, '{stored()}')", account.hex, told
    )
    thief = HttpPerson(served_site)
    assert thief.log_in_by_passkey(forger, account.bytes).path == "/", "the forgery is no forgery"
    page = thief.get("/account/2fa/webauthn/add/")
    allowed = {each["id"] for each in options_of(page)["allowCredentials"]}
    assert made["id"] not in allowed
    own = forger.sign(options_of(page), credential=next(iter(forger.made)))
    page = thief.send("credential", credential=own.decode())
    assert "confirmed nothing" in page.words
    (row,) = state(served_site, "SELECT count(*) FROM expunge_credential WHERE account_id = ?", account.hex)
    assert row == (1,)
    # The owner sees it in the list, and what it cannot do.
    anna.get("/account/2fa/webauthn/")
    assert anna.last is not None
    assert "Logs in, does not confirm" in anna.last.words


def test_a_forged_session_or_permit_confirms_nothing(served_site: SiteServed, anna: HttpPerson, guard: AccountGuard) -> None:
    phone, account = with_passkey(anna, "session@example.org")
    export = Ask(AskKind.CLOSE_ACCOUNT, account)
    mine = b"m" * 32
    # With any session that it likes, without the person at the keys.
    begun = guard.begin_ask(mine, export)
    forger = SoftAuthenticator(served_site.origin, "localhost")
    forger.create({"challenge": "AAAA"})
    for proof in (PasskeyProof(forger.sign(begun.options or {}, credential=next(iter(forger.made)))), CodeProof("000000")):
        with pytest.raises((ProofRefused, ChallengeEnded)):
            guard.finish_ask(begun.token, mine, export, proof)
    with pytest.raises(ChallengeEnded):
        guard.close_account("x" * 43, mine, export)
    # What the person signs for one ask in its own session is of no use for another.
    page = anna.get("/account/2fa/webauthn/add/")
    signed = phone.sign(options_of(page))
    with pytest.raises(ProofRefused):
        guard.finish_ask(guard.begin_ask(mine, export).token, mine, export, PasskeyProof(signed))
    # No message reaches an account that has a passkey.
    with pytest.raises(NotPermitted):
        guard.send_code(account, mine)


def test_a_session_that_is_written_into_the_database_lets_in_and_confirms_nothing(served_site: SiteServed, anna: HttpPerson) -> None:
    """Code in the web process has the pages' key: it makes a whole session of another person's account."""
    _, account = with_passkey(anna, "row@example.org")
    ((password, generation),) = served_site.sql("SELECT password, generation FROM expunge_account WHERE id = ?", account.hex)
    keeper = KeeperAccounts(KeeperPlace(served_site.folder / "state", served_site.folder / "state" / "keys"))
    signed = salted_hmac("expunge.session", f"{generation}/{password}", secret=keeper.site_key().hex(), algorithm="sha256").hexdigest()
    keeper.close()
    backend = "expunge.web.site.accounts.adapters.ProvenAddressBackend"
    data = json.dumps({"_auth_user_id": str(account), "_auth_user_backend": backend, "_auth_user_hash": signed}).encode()
    key, nonce = "f" * 32, b"n" * 12
    sealed = nonce + AESGCM(HKDF(SHA256(), 32, None, b"expunge/session/1").derive(key.encode())).encrypt(nonce, data, None)
    served_site.sql(
        f"INSERT INTO expunge_session (digest, data, ends) VALUES (?, ?, '{stored(hours=1)}')",
        sha256(key.encode()).hexdigest(),
        sealed,
    )
    thief = HttpPerson(served_site, cookies={"session": key})
    assert thief.inside, "the forgery is no forgery"
    page = thief.get("/account/2fa/webauthn/add/")
    assert page.path == "/account/confirm/"
    forger = thief.authenticator()
    forger.create({"challenge": "AAAA"})
    own = forger.sign(options_of(page), credential=next(iter(forger.made)))
    assert "confirmed nothing" in thief.send("credential", credential=own.decode()).words
    thief.get("/account/close/")
    thief.send("csrfmiddlewaretoken")
    assert thief.last is not None
    action, held = thief.last.form("credential")
    assert (
        "confirmed nothing"
        in thief.ask("POST", action, {"ask": held["ask"], "code": "", "csrfmiddlewaretoken": held["csrfmiddlewaretoken"]}).words
    )
    thief.get("/account/email/")
    page = thief.send("action_add", email="thief@example.net", action_add="")
    assert options_of(page)["allowCredentials"], "a code by mail would do"
    assert state(served_site, "SELECT count(*) FROM expunge_credential WHERE account_id = ?", account.hex) == [(1,)]
    assert anna.inside


def test_a_row_that_says_app_lets_nobody_in(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("fake-app@example.org")
    account = account_of(served_site)
    served_site.sql(
        f"INSERT INTO mfa_authenticator (user_id, type, data, created_at) VALUES (?, 'totp', '{{}}', '{stored()}')", account.hex
    )
    anna.log_out()
    assert anna.log_in("fake-app@example.org").path == "/account/2fa/authenticate/"
    assert "not the code" in anna.send("code", code="000000").words
    assert not anna.inside


def test_a_code_of_a_login_confirms_no_ask_and_the_reverse(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "codes@example.net"
    anna.sign_up(address)
    seed = anna.enrol_app()
    anna.log_out()
    anna.log_in(address)
    used = code_of(seed, 1)
    assert anna.send("code", code=used).path == "/"
    anna.get("/account/2fa/webauthn/add/")
    page = anna.confirm(code=used)
    assert page.path == "/account/confirm/", "a code of a login confirmed an ask"
    assert "not the code" in page.words


def test_a_code_of_an_ask_lets_nobody_in(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "reverse@example.net"
    anna.sign_up(address)
    seed = anna.enrol_app()
    anna.get("/account/2fa/webauthn/add/")
    used = code_of(seed, 1)
    assert anna.confirm(code=used).path == "/account/2fa/webauthn/add/"
    second = HttpPerson(served_site)
    second.log_in(address)
    assert "not the code" in second.send("code", code=used).words
    assert not second.inside


def test_codes_guessed_at_the_login_wait_and_keep_nobody_from_an_ask(
    guard: AccountGuard, served_site: SiteServed, anna: HttpPerson
) -> None:
    anna.sign_up("guessed@example.org")
    seed, account = anna.enrol_app(), account_of(served_site)
    refusals: list[type[ExpungeError]] = []
    for _ in range(11):
        with pytest.raises(ExpungeError) as refused:
            guard.check_login_code(account, "000000")
        refusals.append(refused.type)
    assert [each.__name__ for each in refusals] == ["ProofRefused"] * 10 + ["Busy"]
    anna.get("/account/2fa/webauthn/add/")
    assert anna.confirm(code=code_of(seed, 1)).path == "/account/2fa/webauthn/add/"
    anna.log_out()
    anna.log_in("guessed@example.org")
    assert "too many wrong codes" in anna.send("code", code=code_of(seed, 1)).words


def test_a_code_by_mail_confirms_what_its_letter_says(guard: AccountGuard, served_site: SiteServed, anna: HttpPerson) -> None:
    address = "letter@example.org"
    anna.sign_up(address)
    account, session = account_of(served_site), b"w" * 32
    mails = served_site.sink.count(address)
    guard.send_code(account, session)
    permit = guard.prove_by_code(account, session, served_site.sink.code(address, mails + 1))
    with pytest.raises(ProofRefused):
        guard.close_account(permit, session, Ask(AskKind.CLOSE_ACCOUNT, account))
    assert anna.inside


@pytest.mark.soak
def test_a_sign_up_of_a_known_address_looks_alike_at_every_limit(served_site: SiteServed, anna: HttpPerson) -> None:
    """Codes in a row, for an address with an account and for one without: refused at the same one."""
    HttpPerson(served_site).sign_up("known@example.org")
    served_site.sql("DELETE FROM expunge_counter")
    seen: dict[str, list[tuple[int, str]]] = {}
    for address in ("known@example.org", "unknown@example.org"):
        for _ in range(7):
            person = HttpPerson(served_site)
            person.get("/account/signup/")
            page = person.send("password1", email=address, password1="a heron stood in the reeds")
            seen.setdefault(address, []).append((page.status, re.sub(r"[\w.]+@example.org", "", page.words)))
    assert seen["known@example.org"] == seen["unknown@example.org"]
    assert [status for status, _ in seen["known@example.org"]] == [200] * 5 + [429] * 2


def test_a_wrong_code_of_a_sign_up_looks_alike_too(served_site: SiteServed) -> None:
    HttpPerson(served_site).sign_up("taken-code@example.org")
    seen = []
    for address in ("taken-code@example.org", "fresh-code@example.org"):
        person = HttpPerson(served_site)
        person.get("/account/signup/")
        served_site.sql("DELETE FROM expunge_counter")
        person.send("password1", email=address, password1="a heron stood in the reeds")
        seen.append([person.send("code", code="12345678").words.replace(address, "") for _ in range(3)])
    assert seen[0] == seen[1]


def test_a_confirmation_ends_delays_after_wrong_codes(served_site: SiteServed, anna: HttpPerson) -> None:
    served_site.sql("DELETE FROM expunge_failed_run")
    anna.sign_up("mistypes@example.org")
    seed = anna.enrol_app()
    anna.get("/account/2fa/webauthn/add/")
    for _ in range(3):
        assert "not the code" in anna.confirm(code="000000").words
        served_site.sql("UPDATE expunge_failed_run SET ready = 0")
    assert anna.confirm(code=code_of(seed, 1)).path == "/account/2fa/webauthn/add/"
    assert served_site.sql("SELECT failures FROM expunge_failed_run WHERE failures > 2") == []


def test_what_another_window_asks_is_not_confirmed_by_this_one(served_site: SiteServed, anna: HttpPerson) -> None:
    phone, account = with_passkey(anna, "windows@example.org")
    shown = anna.get("/account/2fa/webauthn/add/")
    signed = phone.sign(options_of(shown)).decode()
    action, held = shown.form("credential")
    anna.get("/account/close/")
    anna.send("csrfmiddlewaretoken")
    page = anna.ask("POST", action, held | {"credential": signed})
    assert "asked something else in another window" in page.words
    assert "Close your account?" in page.words
    assert state(served_site, "SELECT count(*) FROM expunge_account WHERE account = ?", account.hex) == [(1,)]


def test_a_passkey_from_before_logs_in_and_is_made_again_with_it_and_a_code_by_mail(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "before@example.org"
    anna.sign_up(address)
    account, old = account_of(served_site), anna.authenticator()
    told = json.dumps({"name": "passkey", "credential": json.loads(old.create({"challenge": "AAAA"}))})
    served_site.sql(
        f"INSERT INTO mfa_authenticator (user_id, type, data, created_at) VALUES (?, 'webauthn', ?, '{stored()}')", account.hex, told
    )
    anna.log_out()
    assert anna.log_in_by_passkey(old, account.bytes).path == "/"
    assert "Logs in, does not confirm" in anna.get("/account/2fa/webauthn/").words
    mails = served_site.sink.count(address)
    page = anna.get("/account/2fa/webauthn/add/")
    assert page.path == "/account/2fa/reauthenticate/webauthn/" or "reauthenticate" in page.path, page.words
    assert served_site.sink.count(address) == mails, "the mailbox alone would do"
    page = anna.send("credential", credential=old.sign(options_of(page)).decode())
    assert "sent a code to" in page.words
    assert anna.confirm(code=served_site.sink.code(address, mails + 1)).path == "/account/2fa/webauthn/add/"
    new = anna.authenticator()
    anna.enrol_passkey(new, "My new one")
    words = anna.get("/account/2fa/webauthn/").words
    assert "My new one" in words
    assert "Logs in, does not confirm" in words
    # And the old one goes by a proof of any factor.
    row = re.search(r'name="act" value="remove"><input type="hidden" name="id" value="(row-[0-9]+)"', anna.last.text if anna.last else "")
    assert row is not None
    assert "Logs in, does not confirm" not in anna.post("/account/2fa/webauthn/", act="remove", id=row[1]).words


@contextlib.contextmanager
def no_keeper(served: SiteServed) -> Iterator[None]:
    """No keeper runs until the block ends: the server begins one again, which reads the map."""
    arbiter, path = served.served.process.pid, served.folder / "expunge.yaml"
    children = Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text().split()
    (keeper,) = [int(each) for each in children if b"keeper" in Path(f"/proc/{each}/cmdline").read_bytes()]
    away = path.rename(path.with_suffix(".away"))
    os.kill(keeper, signal.SIGKILL)
    try:
        yield
    finally:
        away.rename(path)


@pytest.mark.soak
def test_without_the_keeper_pages_say_what_holds_and_nothing_typed_is_lost(tmp_path: Path) -> None:
    """At a sign-up, an enrolment and a login; then each browser goes on where it was."""
    with site(tmp_path) as served:
        anna, bert, cleo = (HttpPerson(served) for _ in range(3))
        bert.sign_up("bert@example.org")
        app = bert.get("/account/2fa/totp/activate/")
        signing_up, logging_in = anna.get("/account/signup/"), cleo.get("/account/login/")
        action, held = signing_up.form("password1")
        typed = held | {"email": "without-keeper@example.org", "password1": PASSWORD}
        with no_keeper(served):
            page = anna.ask("POST", action, typed, **{"Sec-Fetch-Site": "same-origin"})
            assert page.status == 503
            assert "without-keeper@example.org" in page.words
            assert PASSWORD not in page.text
            assert "Your recordings stay sealed" in page.words
            assert bert.send("code", code=code_of(seed_of(app))).status == 503
            assert cleo.send("login", login="bert@example.org", password=PASSWORD).status == 503
        until = time.monotonic() + 60
        while served.served.get("readyz").status != 200:
            assert time.monotonic() < until
            time.sleep(0.5)
        assert anna.ask("POST", action, typed).path == "/account/confirm-email/"
        assert anna.send("code", code=served.sink.code("without-keeper@example.org")).path == "/account/protect/"
        # The keeper that began anew knows no challenge, and says so by beginning again.
        bert.last, cleo.last = app, logging_in
        bert.send("code", code=code_of(seed_of(app), 1))
        assert "sent a code to bert@example.org" in bert.get("/account/2fa/totp/activate/").words
        assert cleo.send("login", login="bert@example.org", password=PASSWORD).path == "/account/login/code/confirm/"
