"""Forms that no page of ours would send: numbers that are none, answers of a length that none has, and what comes at a bad moment."""

from __future__ import annotations

import http.client
import json
from base64 import urlsafe_b64decode
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.web.site.handing_over import enrol_kept, token
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed
from tests.web.site.office import Employee, employee
from tests.web.site.test_hand_over import paste

LONG = "9" * 5000
"""Digits: Python refuses to read so many as a number."""


@pytest.fixture(scope="module")
def employed(served_site: SiteServed) -> Employee:
    """An administrator."""
    return employee(served_site, "hostile-admin", "administrator")


@pytest.fixture
def anna(served_site: SiteServed) -> HttpPerson:
    return HttpPerson(served_site)


@pytest.mark.parametrize("number", [LONG, "9" * 25, "٣", "-1", "1 OR 1=1", ""])
def test_a_number_of_no_row_ends_nothing(anna: HttpPerson, number: str) -> None:
    anna.sign_up(f"number-{len(number)}-{ord((number or ' ')[0])}@example.org")
    for act in ("end", "forget"):
        assert anna.post("/account/sessions/", act=act, number=number).status == 200
    assert anna.post("/account/3rdparty/", number=number).status == 404
    assert anna.post("/account/2fa/webauthn/", act="remove", id=f"row-{number}").status == 404
    assert anna.inside


def test_a_number_of_no_row_ends_no_session_of_staff(employed: Employee) -> None:
    for number in (LONG, "-1", "x"):
        assert employed.post("/staff/security/sessions/", number=number).status == 404
        assert employed.post("/staff/people/hostile-admin/suspend/", changes=number).status < 500
    assert employed.in_office


@pytest.mark.parametrize("named", ["", "nothing", "\x00\n", LONG])
def test_a_passkey_that_is_none_is_not_removed(employed: Employee, named: str) -> None:
    assert "no such passkey" in employed.told("/staff/security/remove/", credential=named)["trouble"]


@pytest.mark.parametrize("sent", [{"credential": "x" * 70_000}, {"credential": "{}", "code": LONG}, {"credential": "[" * 60_000}])
def test_a_hand_over_is_confirmed_by_no_rubbish_and_goes_on(anna: HttpPerson, sent: dict[str, str]) -> None:
    address = f"rubbish-{len(sent)}-{sent['credential'][:1].encode().hex()}@home.example"
    anna.sign_up(address)
    enrol_kept(anna.site, address)
    paste(anna, token(anna.site, address, ("profile:p-1", "guardian")))
    anna.get("/handover/confirm/")
    page = anna.send("credential", **sent)
    assert (page.status, page.path) == (200, "/account/confirm/")
    assert "Confirm the connection?" in page.words
    assert anna.post("/handover/", token="é" * 100).status == 400


@pytest.mark.parametrize(
    "charset", ["unicode_escape", "raw_unicode_escape", "utf-16", "utf-7", "zlib", "base64", "idna", "rot13", "undefined"]
)
def test_what_a_form_says_of_its_characters_counts_for_nothing(anna: HttpPerson, charset: str) -> None:
    anna.get("/receipt/check/")
    fields = {"csrfmiddlewaretoken": anna.cookies["csrf"], "text": "\\ud800{}"}
    parts = "".join(f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    kind = f"multipart/form-data; boundary=X; charset={charset}"
    where = urlsplit(anna.site.origin)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    cookies = "; ".join(f"{name}={value}" for name, value in anna.cookies.items())
    sent = {"User-Agent": anna.agent, "Cookie": cookies, "X-Forwarded-For": anna.address, "Origin": anna.site.origin, "Content-Type": kind}
    connection.request("POST", "/receipt/check/", f"{parts}--X--\r\n".encode(), sent)
    answer = connection.getresponse()
    assert (answer.status, b"not canonical JSON" in answer.read()) == (200, True)
    connection.close()


def test_an_address_that_was_changed_and_not_confirmed_keeps_nothing_from_its_owner(anna: HttpPerson) -> None:
    """From the change on the keeper writes to the new address, while the account still logs in with the old one."""
    old, new = "old-address@home.example", "new-address@home.example"
    anna.sign_up(old)
    letters = anna.site.sink.count(old)
    anna.get("/account/email/")
    anna.send("action_add", email=new)
    assert f"We have sent a code to {old}" in anna.get("/account/confirm/").words
    assert anna.confirm(code=anna.site.sink.code(old, letters + 1)).path == "/account/confirm-email/"
    assert anna.site.sink.code(new)
    letters = anna.site.sink.count(old)
    anna.get("/account/close/")
    page = anna.send("csrfmiddlewaretoken")
    assert (page.status, page.path) == (200, "/account/confirm/")
    assert f"We have sent a code to {old}" in page.words
    assert "Your account is closed" in anna.confirm(code=anna.site.sink.code(old, letters + 1)).words


def test_an_address_that_was_mistyped_at_a_change_is_put_right(anna: HttpPerson) -> None:
    """The account has no passkey and no code app, and no person reads the mistyped address."""
    old, wrong, right = (f"{word}-typed@home.example" for word in ("well", "wrong", "right"))
    anna.sign_up(old)
    for address in (wrong, right):
        letters = anna.site.sink.count(old)
        anna.get("/account/email/")
        anna.send("action_add", email=address)
        assert f"We have sent a code to {old}" in anna.get("/account/confirm/").words
        # Why one more: the old one hears of each change too.
        assert anna.confirm(code=anna.site.sink.code(old, letters + 1)).path == "/account/confirm-email/"
    page = anna.send("code", code=anna.site.sink.code(right))
    assert page.status == 200
    assert right in anna.get("/account/email/").words
    assert old not in anna.get("/account/email/").words


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/staff/enrol/prove/", "secret"),
        ("/handover/", "token"),
        ("/staff/sign-in/finish/", "response"),
        ("/staff/decide/begin/", "decision"),
    ],
)
def test_a_late_form_shows_no_link_no_answer_and_no_decision_again(anna: HttpPerson, path: str, field: str) -> None:
    page = anna.ask("POST", path, {field: "canary-of-a-secret"}, **{"Sec-Fetch-Site": "same-origin"})
    assert page.status == 403
    assert "canary-of-a-secret" not in page.text


def test_what_a_passkey_answered_is_not_kept_over_a_login(anna: HttpPerson) -> None:
    address = "interrupted-answer@home.example"
    anna.sign_up(address)
    enrol_kept(anna.site, address)
    paste(anna, token(anna.site, address, ("profile:p-1", "guardian")))
    anna.get("/handover/confirm/")
    assert anna.last
    action, held = anna.last.form("credential")
    del anna.cookies["session"]
    page = anna.ask("POST", action, held | {"credential": "canary-of-an-answer"})
    assert page.path == "/account/login/"
    assert "canary-of-an-answer" not in str(in_session(anna))


def test_a_decision_on_a_page_holds_nothing_of_the_session(employed: Employee) -> None:
    """What is signed can be read by all who see the page: the bytes by which the keeper knows the session are not in it."""
    employed.get("/staff/invite/")
    employed.send("label", label="desk-99", function="reviewer")
    assert employed.last
    signed = employed.last.form("decision")[1]["decision"]
    body = signed.split(":")[0]
    told = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert told["l"] == "desk-99"
    assert told["s"] == sha256(bytes.fromhex(in_session(employed)["expunge_guard_session"])).hexdigest()


def test_nothing_of_one_person_waits_in_the_browser_for_the_next(anna: HttpPerson) -> None:
    """What the keeper knows the session by, a permit and a link: all of it ends with the first person's login."""
    anna.sign_up("first-of-pair@example.org")
    paste(anna, token(anna.site, "first-of-pair@example.org", ("profile:p-1", "guardian")))
    before = in_session(anna)
    assert {"expunge_guard_session", "expunge_enrolment_permit", "expunge_hand_over"} <= before.keys()
    anna.log_out()
    anna.sign_up("second-of-pair@example.org")
    after = in_session(anna)
    assert after["expunge_guard_session"] != before["expunge_guard_session"]
    assert after["expunge_enrolment_permit"]["permit"] != before["expunge_enrolment_permit"]["permit"]
    assert "expunge_hand_over" not in after


@pytest.mark.parametrize("path", ["/account/2fa/webauthn/login/", "/account/confirm/", "/account/2fa/webauthn/add/"])
def test_an_answer_within_an_answer_without_end_is_no_defect(anna: HttpPerson, path: str) -> None:
    anna.sign_up(f"deep-{len(path)}@example.org")
    if "login" in path:
        anna.log_out()
    anna.get(path)
    assert anna.post(path, credential="[" * 200_000).status < 500


def in_session(person: HttpPerson) -> dict[str, Any]:
    """What the server keeps in a browser's session."""
    key = person.cookies["session"].encode()
    ((sealed,),) = person.site.sql("SELECT data FROM expunge_session WHERE digest = ?", sha256(key).hexdigest())
    opened = AESGCM(HKDF(SHA256(), 32, None, b"expunge/session/1").derive(key)).decrypt(sealed[:12], sealed[12:], None)
    found: dict[str, Any] = json.loads(opened)
    return found
