"""Sign-up, login, second factor, sessions and devices, as a browser without JavaScript sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from expunge import clock
from tests.moment import stored
from tests.web.site.http_person import PASSWORD, HttpPerson, code_of, recovery_codes_of, seed_of
from tests.web.site.kit import SiteServed
from tests.web.site.rendered import pages

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


@pytest.fixture
def anna(served_site: SiteServed) -> HttpPerson:
    return HttpPerson(served_site)


def test_first_screen_after_sign_up_offers_a_second_factor(served_site: SiteServed, anna: HttpPerson) -> None:
    page = anna.sign_up("first@example.org")
    assert page.path == "/account/protect/"
    assert "You need no phone" in page.words
    assert "Add a passkey" in page.words
    assert "Set up an app" in page.words
    # Nothing is asked again, a moment after the password was typed.
    assert anna.get("/account/2fa/totp/activate/").path == "/account/2fa/totp/activate/"


def test_a_short_password_is_refused(anna: HttpPerson) -> None:
    anna.get("/account/signup/")
    page = anna.send("password1", email="short@example.org", password1="fourteen chars")
    assert page.path == "/account/signup/"
    assert "15" in page.words
    assert 'value="short@example.org"' in page.text


def test_a_code_is_taken_once_and_within_one_step_of_skew(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("codes@example.org")
    seed = anna.enrol_app()
    enrolled_with = code_of(seed)
    anna.log_out()
    page = anna.log_in("codes@example.org")
    assert page.path == "/account/2fa/authenticate/"
    assert "This is not the code" in anna.send("code", code=enrolled_with).words, "the code of the enrolment let in"
    assert "This is not the code" in anna.send("code", code=code_of(seed, 3)).words
    later = code_of(seed, 1)
    assert anna.send("code", code=later).path == "/"
    second = HttpPerson(served_site)
    second.log_in("codes@example.org")
    assert "This is not the code" in second.send("code", code=later).words, "one code let in twice"
    assert not second.inside


def test_a_device_whose_clock_is_wrong_is_told_so_at_enrolment(anna: HttpPerson) -> None:
    anna.sign_up("clock@example.org")
    seed = seed_of(anna.get("/account/2fa/totp/activate/"))
    assert "about 5 minutes off" in anna.send("code", code=code_of(seed, 10)).words


def test_recovery_codes_are_shown_once_and_taken_once(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("paper@example.org")
    anna.enrol_app()
    assert anna.last is not None
    codes = recovery_codes_of(anna.last)
    assert len(codes) == 10
    assert recovery_codes_of(anna.get("/account/2fa/recovery-codes/")) == []
    anna.log_out()
    anna.log_in("paper@example.org")
    assert anna.send("code", code=codes[0]).path == "/"
    anna.log_out()
    anna.log_in("paper@example.org")
    assert "This is not the code" in anna.send("code", code=codes[0]).words


def test_right_password_on_a_new_device_is_not_enough(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("owner@example.org")
    attacker = HttpPerson(served_site, CHROME)
    assert attacker.log_in("owner@example.org").path == "/account/login/code/confirm/"
    assert not attacker.inside
    assert "This is not the code" in attacker.send("code", code="BBBB-BBBB").words
    assert not attacker.inside
    # The owner, on the browser of the sign-up, is asked for nothing more.
    anna.log_out()
    assert anna.log_in("owner@example.org").path == "/"
    # With the mail, a new device comes in, and the owner hears of it.
    second = HttpPerson(served_site, CHROME)
    mails = served_site.sink.count("owner@example.org")
    second.log_in("owner@example.org")
    assert second.send("code", code=served_site.sink.code("owner@example.org", mails + 1)).path == "/"
    told = served_site.sink.about("owner@example.org", "Your account was opened on a new device")
    body = told.get_body(("plain",))
    assert body is not None
    assert "Chrome on Windows" in body.get_content()
    assert "127.0.0.1" not in body.get_content()


def test_a_forgotten_device_is_asked_again(anna: HttpPerson) -> None:
    anna.sign_up("forget@example.org")
    page = anna.get("/account/sessions/")
    assert "Firefox on Linux" in page.words
    anna.post("/account/sessions/", act="forget-all")
    anna.log_out()
    assert anna.log_in("forget@example.org").path == "/account/login/code/confirm/"


def test_a_forged_device_is_not_known(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("forged@example.org")
    other = HttpPerson(served_site)
    other.sign_up("forger@example.org")
    other.log_out()
    other.cookies["device"] = other.cookies["device"].replace(":", "x:", 1)
    assert other.log_in("forger@example.org").path == "/account/login/code/confirm/"
    # A browser that one account knows says nothing to another.
    stranger = HttpPerson(served_site, cookies={"device": anna.cookies["device"]})
    assert stranger.log_in("forger@example.org").path == "/account/login/code/confirm/"


def test_an_ended_session_never_comes_back(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("sessions@example.org")
    other = HttpPerson(served_site, CHROME)
    mails = served_site.sink.count("sessions@example.org")
    other.log_in("sessions@example.org")
    other.send("code", code=served_site.sink.code("sessions@example.org", mails + 1))
    assert other.inside
    kept = dict(other.cookies)
    page = anna.get("/account/sessions/")
    assert "Chrome on Windows" in page.words
    anna.send("act", act="others")
    assert not other.inside
    other.cookies = kept
    assert not other.inside
    assert anna.inside


def test_a_new_password_ends_other_sessions_and_forgets_other_devices(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("changed@example.org")
    other = HttpPerson(served_site, CHROME)
    mails = served_site.sink.count("changed@example.org")
    other.log_in("changed@example.org")
    other.send("code", code=served_site.sink.code("changed@example.org", mails + 1))
    anna.get("/account/password/change/")
    anna.send("password1", oldpassword=PASSWORD, password1="another long password", password2="another long password")
    assert anna.inside
    assert not other.inside
    assert other.log_in("changed@example.org", "another long password").path == "/account/login/code/confirm/"
    served_site.sink.about("changed@example.org", "Your password was changed")


def test_reset_by_code_does_not_pass_the_second_factor(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("reset@example.org")
    seed = anna.enrol_app()
    other = HttpPerson(served_site, CHROME)
    mails = served_site.sink.count("reset@example.org")
    other.get("/account/password/reset/")
    other.send("email", email="reset@example.org")
    other.send("code", code=served_site.sink.code("reset@example.org", mails + 1))
    other.send("password1", password1="a new long password", password2="a new long password")
    assert not anna.inside, "a session outlived the reset"
    assert other.log_in("reset@example.org", "a new long password").path == "/account/2fa/authenticate/"
    assert not other.inside
    assert other.send("code", code=code_of(seed, 1)).path == "/"


def test_what_matters_asks_again_and_by_the_second_factor(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("again@example.org")
    seed = anna.enrol_app()
    anna.log_out()
    anna.log_in("again@example.org")
    anna.send("code", code=code_of(seed, 1))
    page = anna.get("/account/password/change/")
    assert page.path == "/account/2fa/reauthenticate/", "a password alone would do"
    assert anna.get("/account/reauthenticate/").path == "/account/2fa/reauthenticate/"
    assert anna.get("/account/reauthenticate/code/").status != 200


def test_a_hash_of_another_memory_is_made_anew_at_the_next_login(served_site: SiteServed, anna: HttpPerson) -> None:
    assert pages().hash.startswith("argon2$argon2id$v=19$m=102400,t=2,"), "the default"
    anna.sign_up("hashed@example.org", "a password of four words")
    anna.log_out()
    ((account, kept),) = served_site.sql("SELECT id, password FROM expunge_account ORDER BY since DESC LIMIT 1")
    assert kept.startswith("argon2$argon2id$v=19$m=19456,t=2,")
    served_site.sql("UPDATE expunge_account SET password = ? WHERE id = ?", pages().hash, account)
    assert anna.log_in("hashed@example.org", "a password of five words").path == "/account/login/"
    assert served_site.sql("SELECT password FROM expunge_account WHERE id = ?", account) == [(pages().hash,)]
    assert anna.log_in("hashed@example.org", "a password of four words").path == "/"
    ((made,),) = served_site.sql("SELECT password FROM expunge_account WHERE id = ?", account)
    assert made.startswith("argon2$argon2id$v=19$m=19456,t=2,")


def test_an_address_is_changed_by_a_code(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("old@example.org")
    anna.get("/account/email/")
    mails = served_site.sink.count("old@example.org")
    page = anna.send("action_add", email="New@example.org", action_add="")
    assert "Change your address to new@example.org?" in page.words
    assert "sent a code to old@example.org" in page.words
    anna.confirm(code=served_site.sink.code("old@example.org", mails + 1))
    anna.send("code", code=served_site.sink.code("new@example.org"))
    assert "new@example.org" in anna.get("/account/email/").text
    served_site.sink.to("old@example.org", 2)
    assert any("changed" in each for each in served_site.sink.subjects("old@example.org"))
    anna.log_out()
    assert anna.log_in("new@example.org").path == "/"
    second = HttpPerson(served_site)
    second.log_in("old@example.org")
    assert not second.inside


def test_an_account_that_is_closed_is_gone(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("closing@example.org")
    anna.log_out()
    anna.log_in("closing@example.org")
    mails = served_site.sink.count("closing@example.org")
    anna.get("/account/close/")
    page = anna.send("csrfmiddlewaretoken")
    assert "Close your account?" in page.words
    assert "not the code" in anna.confirm(code="00000000").words
    assert anna.inside
    anna.get("/account/confirm/")
    page = anna.confirm(code=served_site.sink.code("closing@example.org", mails + 1))
    assert "Your account is closed" in page.words or page.path == "/"
    assert not anna.inside
    served_site.sink.about("closing@example.org", "Your account is closed")
    second = HttpPerson(served_site)
    second.log_in("closing@example.org")
    assert not second.inside


def test_a_password_is_changed_by_the_second_factor_where_there_is_one(anna: HttpPerson) -> None:
    anna.sign_up("both@example.org")
    anna.enrol_app()
    anna.log_out()
    anna.log_in("both@example.org")
    assert anna.get("/account/password/change/").path.startswith(("/account/2fa/", "/account/login/"))


def test_a_page_that_was_open_for_too_long_shows_no_password(anna: HttpPerson) -> None:
    anna.sign_up("late-form@example.org")
    page = anna.ask(
        "POST",
        "/account/password/change/",
        {"oldpassword": "the old one in clear", "csrfmiddlewaretoken": "x"},
        **{"Sec-Fetch-Site": "same-origin"},
    )
    assert page.status == 403
    assert "the old one in clear" not in page.text


def test_a_planted_cookie_is_known_for_nobody_after_the_owners_login(served_site: SiteServed, anna: HttpPerson) -> None:
    thief = HttpPerson(served_site, CHROME)
    thief.sign_up("planter@example.org")
    planted = thief.cookies["device"]
    anna.cookies["device"] = planted
    anna.sign_up("planted@example.org")
    assert anna.cookies["device"] != planted, "the login kept the cookie that it found"
    thief.log_out()
    assert thief.log_in("planted@example.org").path == "/account/login/code/confirm/"


def test_a_copied_cookie_is_good_until_the_owners_next_login(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("copied@example.org")
    copy = {"device": anna.cookies["device"]}
    anna.log_out()
    anna.log_in("copied@example.org")
    anna.log_out()
    assert HttpPerson(served_site, cookies=copy).log_in("copied@example.org").path == "/account/login/code/confirm/"
    assert anna.log_in("copied@example.org").path == "/"
    assert anna.get("/account/sessions/").words.count("Last login") == 1, "one browser is listed more than once"


def test_two_people_at_one_browser_are_both_known(served_site: SiteServed, anna: HttpPerson) -> None:
    for address in ("first-of-two@example.org", "second-of-two@example.org"):
        anna.sign_up(address)
        anna.log_out()
    for address in ("first-of-two@example.org", "second-of-two@example.org", "first-of-two@example.org"):
        assert anna.log_in(address).path == "/"
        anna.log_out()


def test_a_browser_that_others_use_is_forgotten_at_the_end(anna: HttpPerson) -> None:
    anna.sign_up("shop@example.org")
    anna.get("/account/logout/")
    anna.send("forget", forget="1")
    assert not anna.inside
    assert anna.log_in("shop@example.org").path == "/account/login/code/confirm/"


def test_a_browser_that_was_not_seen_for_long_is_not_known(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("long-ago@example.org")
    anna.log_out()
    served_site.sql(f"UPDATE expunge_known_device SET seen = '{stored(days=-91)}'")
    assert anna.log_in("long-ago@example.org").path == "/account/login/code/confirm/"


def test_a_session_that_is_used_ends_all_the_same(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("sliding@example.org")
    page = anna.get("/account/sessions/")
    assert "Logged in until" in page.words
    digest = sha256(anna.cookies["session"].encode()).hexdigest()

    def ends(change: str = "") -> timedelta:
        if change:
            served_site.sql(f"UPDATE expunge_session SET ends = datetime(ends, '{change}') WHERE digest = ?", digest)
        [[until]] = served_site.sql("SELECT ends FROM expunge_session WHERE digest = ?", digest)
        return datetime.fromisoformat(until).replace(tzinfo=UTC) - clock.now()

    assert timedelta(days=2, hours=23) < ends() < timedelta(days=3, hours=1), "a session that is not used for three days goes on"
    # Two days later it is used, and has three days again.
    assert ends("-2 days") < timedelta(days=1, hours=1)
    other = HttpPerson(served_site, cookies={"device": anna.cookies["device"]})
    other.log_in("sliding@example.org")
    assert other.inside
    assert ends() < timedelta(days=1, hours=1), "the look of another device at the list was taken for use"
    anna.ask("GET", "/account/sessions/", **{"HX-Request": "true"})
    assert ends() < timedelta(days=1, hours=1), "a page that looks by itself was taken for use"
    assert anna.inside
    assert ends() > timedelta(days=2, hours=23)
    # Fourteen days after the login it is over, however it was used.
    served_site.sql(f"UPDATE expunge_session SET latest = '{stored(hours=1)}' WHERE digest = ?", digest)
    assert anna.inside
    assert ends() < timedelta(hours=1, minutes=1)
    served_site.sql(f"UPDATE expunge_session SET latest = '{stored(seconds=-1)}' WHERE digest = ?", digest)
    assert not anna.inside
