"""A person who lost every second factor comes in again, after a wait that others can stop."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode

import pytest

from expunge.adapters.keeper.keeper_accounts import KeeperAccounts
from expunge.adapters.keeper.place import KeeperPlace
from expunge.ports.accounts.sealed_fields import FieldKind
from tests.moment import stored
from tests.web.site.http_person import HttpPerson, code_of
from tests.web.site.kit import BACK_IN, SiteServed


@pytest.fixture
def anna(served_site: SiteServed) -> HttpPerson:
    served_site.kept("DELETE FROM expunge_account_recovery")
    return HttpPerson(served_site)


def ask(person: HttpPerson, address: str) -> None:
    person.send("code", code=code_for(person, address))


def code_for(person: HttpPerson, address: str) -> str:
    """Ask for a code; it, as the keeper's letter has it."""
    before = sum(each in BACK_IN for each in person.site.sink.subjects(address))
    person.get("/account/recovery/")
    person.send("email", email=address)
    return person.site.sink.kept_code(address, before)


def waiting(site: SiteServed) -> int:
    """How many recoveries wait or are ready."""
    return int(site.kept("SELECT count(*) FROM expunge_account_recovery WHERE finished_at IS NULL")[0][0])


def let_the_wait_pass(site: SiteServed) -> None:
    site.kept(f"UPDATE expunge_account_recovery SET ready_at = '{stored(minutes=-1)}'")


def connected_with_a_company(site: SiteServed) -> str:
    """Connect the newest account with a company's login; its id in the database."""
    fields = KeeperAccounts(KeeperPlace(site.folder / "state", site.folder / "state" / "keys"))
    (sealed,) = fields.seal_fields(FieldKind.PROVIDER, ["a person there"])
    fields.close()
    ((account,),) = site.sql("SELECT id FROM expunge_account ORDER BY since DESC LIMIT 1")
    row = ("home", urlsafe_b64encode(sealed).decode(), "{}", "2026-01-01 00:00:00", "2026-01-01 00:00:00", account)
    columns = "provider, uid, extra_data, last_login, date_joined, user_id"
    site.sql(f"INSERT INTO socialaccount_socialaccount ({columns}) VALUES (?, ?, ?, ?, ?, ?)", *row)
    return str(account)


def newest(site: SiteServed, address: str, subject: str) -> str:
    message = site.sink.about(address, subject)
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_a_recovery_waits_and_then_lets_in_to_enrol_alone(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "lost@example.org"
    anna.sign_up(address)
    anna.enrol_app()
    person = HttpPerson(served_site)
    ask(person, address)
    assert person.last is not None
    assert person.last.path == "/account/recovery/waiting/"
    assert "Come back after" in person.last.words
    assert not person.inside
    # Every session of the account says so, and so does the mail.
    assert "A person wants to get into this account" in anna.get("/account/sessions/").words
    assert f"{served_site.origin}/account/recovery/stop/" in newest(served_site, address, "A person wants to get back into your account")
    # Asked again before the time, it begins anew neither wait nor mails.
    (ready,) = served_site.kept("SELECT ready_at FROM expunge_account_recovery")
    ask(person, address)
    assert served_site.kept("SELECT ready_at FROM expunge_account_recovery") == [ready]
    assert not person.inside
    account = connected_with_a_company(served_site)
    let_the_wait_pass(served_site)
    ask(person, address)
    assert person.last.path == "/account/protect/"
    assert not anna.inside, "a session outlived the recovery"
    assert not served_site.sql("SELECT 1 FROM socialaccount_socialaccount WHERE user_id = ?", account), "a company still lets in"
    # Nothing but enrolment is open.
    for path in ("/account/sessions/", "/account/email/", "/account/close/", "/", "/account/password/change/"):
        assert person.get(path).path == "/account/protect/", path
    # Whoever has the password alone gets no further either, before a factor is enrolled.
    other = HttpPerson(served_site)
    assert other.log_in(address).path == "/account/login/code/confirm/"
    person.enrol_app()
    assert person.inside
    served_site.sink.about(address, "You are back in your account")
    assert HttpPerson(served_site).log_in(address).path == "/account/2fa/authenticate/"


def test_a_recovery_that_was_broken_off_still_asks_for_a_factor(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "halfway@example.org"
    anna.sign_up(address)
    anna.enrol_app()
    person = HttpPerson(served_site)
    ask(person, address)
    let_the_wait_pass(served_site)
    ask(person, address)
    later = HttpPerson(served_site)
    mails = served_site.sink.count(address)
    assert later.log_in(address).path == "/account/login/code/confirm/"
    assert later.send("code", code=served_site.sink.code(address, mails + 1)).path == "/account/protect/"
    assert later.get("/account/sessions/").path == "/account/protect/"


def test_a_mail_stops_it_and_only_once_the_button_is_pressed(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "stopped@example.org"
    anna.sign_up(address)
    anna.enrol_app()
    thief = HttpPerson(served_site)
    ask(thief, address)
    found = re.search(r"/account/recovery/stop/[\w-]+/", newest(served_site, address, "A person wants to get back into your account"))
    assert found is not None
    reader = HttpPerson(served_site)
    assert "Stop the recovery?" in reader.get(found[0]).words
    assert waiting(served_site) == 1, "looking at the page stopped it"
    assert "The recovery was stopped" in reader.send("csrfmiddlewaretoken").words
    assert waiting(served_site) == 0
    assert reader.get(found[0]).status == 404
    served_site.sink.about(address, "The recovery of your account was stopped")
    assert thief.get("/account/recovery/waiting/").path == "/account/recovery/"


def test_a_session_stops_it(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "banner@example.org"
    anna.sign_up(address)
    anna.enrol_app()
    ask(HttpPerson(served_site), address)
    anna.get("/account/sessions/")
    anna.post("/account/recovery/stop/")
    assert waiting(served_site) == 0


def test_a_login_with_a_second_factor_stops_it(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "found@example.org"
    anna.sign_up(address)
    seed = anna.enrol_app()
    anna.log_out()
    ask(HttpPerson(served_site), address)
    # The password alone stops nothing.
    anna.log_in(address)
    assert waiting(served_site) == 1
    anna.send("code", code=code_of(seed, 1))
    assert waiting(served_site) == 0
    served_site.sink.about(address, "The recovery of your account was stopped")


def test_one_that_nobody_used_lapses(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "lapsed@example.org"
    anna.sign_up(address)
    anna.enrol_app()
    person = HttpPerson(served_site)
    ask(person, address)
    served_site.kept(f"UPDATE expunge_account_recovery SET ready_at = '{stored(days=-8)}', lapses_at = '{stored(days=-1)}'")
    ask(person, address)
    assert person.last is not None
    assert person.last.path == "/account/recovery/waiting/", "a recovery that had lapsed let in"


def test_an_unknown_address_is_answered_alike(served_site: SiteServed) -> None:
    person = HttpPerson(served_site)
    person.get("/account/recovery/")
    page = person.send("email", email="stranger@example.net")
    assert page.path == "/account/recovery/code/"
    assert "This is not the code" in person.send("code", code="BBBB-BBBB").words
    person.send("code", code="BBBB-BBBB")
    assert "wrong too often" in person.send("code", code="BBBB-BBBB").words


def test_a_code_of_another_browser_is_of_no_use(served_site: SiteServed, anna: HttpPerson) -> None:
    address = "elsewhere@example.org"
    anna.sign_up(address)
    anna.enrol_app()
    one, two = HttpPerson(served_site), HttpPerson(served_site)
    code = code_for(one, address)
    two.get("/account/recovery/")
    two.send("email", email="stranger@example.net")
    assert "This is not the code" in two.send("code", code=code).words
    assert waiting(served_site) == 0
