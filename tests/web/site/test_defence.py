"""Throttles, delays, rules of passwords and even answers, at a real server."""

from __future__ import annotations

import itertools
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.attempts.attempt_limits import Surface
from expunge.web.site.defence.surfaces import NOT_THROTTLED, SURFACES, surface_of
from tests.moment import beside
from tests.web.site.attackers import incidents, rows
from tests.web.site.filling import run_beside
from tests.web.site.http_person import HttpPerson, code_of
from tests.web.site.kit import SiteServed
from tests.web.site.rendered import pages

_NUMBERS = itertools.count()
_CREDENTIALS = {"password", "password1", "oldpassword", "login", "email", "code", "credential"}


def tell(served: SiteServed, statement: str) -> None:
    """Change rows of the accounts' database: time passes."""
    with closing(sqlite3.connect(served.database, timeout=20)) as connection, connection:
        connection.execute(statement)


@pytest.fixture
def wrong() -> str:
    """A wrong password that no other test tries: one that fails at many accounts is refused at all."""
    return f"a wrong one, quite long, number {next(_NUMBERS)}"


@pytest.fixture(autouse=True)
def calm(served_site: SiteServed) -> None:
    """Each test begins when no other was there. The first answer shows that the tables are made."""
    assert HttpPerson(served_site).get("/account/login/").status == 200
    for table in ("expunge_tally", "expunge_failed_run", "expunge_incident_mark", "expunge_incident"):
        tell(served_site, f"DELETE FROM {table}")


def owner(served: SiteServed, address: str) -> HttpPerson:
    """An owner with a password, whose browser is known, logged out."""
    person = HttpPerson(served)
    person.sign_up(address)
    person.log_out()
    return person


@pytest.mark.duty("FAIL-10")
def test_every_form_of_a_credential_is_a_surface() -> None:
    """Walks all addresses of the pages. A form that takes a credential has to be named as the way in that it is."""
    names = {name for name, _, _ in pages().fields}
    assert set(SURFACES) - names <= {"mfa_trust", "account_email_verification_sent"}, "surfaces that are no pages"
    for name, _, found in pages().fields:
        fields = set(found)
        if fields & _CREDENTIALS and name != "account_email":
            assert surface_of(name) not in {None, Surface.OTHER}, f"{name} takes {sorted(fields & _CREDENTIALS)} and is no surface"
        if name in NOT_THROTTLED:
            assert not fields & _CREDENTIALS


@pytest.mark.duty("FAIL-10", "RNG-20")
def test_a_machine_that_sprays_is_refused_at_every_way_in(served_site: SiteServed, wrong: str) -> None:
    machine = HttpPerson(served_site)
    machine.get("/account/login/")
    statuses = [machine.post("/account/login/", login=f"guess{number}@mail.example", password=wrong).status for number in range(63)]
    assert 1 <= statuses.count(200) <= 6
    assert statuses[6:] == [429] * 57
    for name, path, _ in pages().fields:
        surface = surface_of(name)
        if surface in {None, Surface.PASSKEY} or re.search(r"[<^(]", path):
            continue
        answer = machine.post(path, login="x@mail.example", email="x@mail.example", password=wrong, code="123456")
        assert answer.status == 429, path
        assert answer.headers["Retry-After"] == "60"
    # A passkey is no guess: it is looked at, even from there.
    assert machine.post("/account/2fa/webauthn/login/", credential="{}").status != 429


@pytest.mark.duty("FAIL-10", "NST-06")
def test_failures_from_elsewhere_slow_nobody_but_strangers(served_site: SiteServed, wrong: str) -> None:
    anna = owner(served_site, "slow@example.org")
    statuses = []
    for _ in range(5):
        stranger = HttpPerson(served_site)
        statuses.append(stranger.log_in("slow@example.org", wrong).status)
    assert statuses[:3] == [200] * 3
    assert statuses[3:] == [429] * 2
    # From the network of the last stranger, too: the browser is what is known.
    anna.address = stranger.address
    assert anna.log_in("slow@example.org").path == "/"


@pytest.mark.duty("FAIL-10", "NST-06")
def test_codes_of_the_second_step_are_slowed_too(served_site: SiteServed) -> None:
    anna = HttpPerson(served_site)
    anna.sign_up("steps@example.org")
    seed = anna.enrol_app()
    anna.log_out()
    stranger = HttpPerson(served_site)
    assert stranger.log_in("steps@example.org").path == "/account/2fa/authenticate/"
    statuses = []
    for _ in range(4):
        stranger.get("/account/2fa/authenticate/")
        statuses.append(stranger.send("code", code="000000").status)
    assert statuses == [200, 200, 200, 429]
    # The owner's browser has a run of its own.
    anna.log_in("steps@example.org")
    assert anna.send("code", code=code_of(seed, 1)).path == "/"


def test_bad_tokens_at_the_api_are_counted_with_the_rest(served_site: SiteServed) -> None:
    assert rows(served_site, "expunge_tally") == 0
    assert served_site.served.post({}, token="expunge_not_a_token", headers={"X-Forwarded-For": "203.0.113.9"}).status == 401
    assert rows(served_site, "expunge_tally") >= 3
    assert served_site.served.post({}).status != 401, "a good token is let in"


@pytest.mark.duty("NST-06")
def test_after_a_hundred_failures_the_password_alone_is_no_way_in(served_site: SiteServed, wrong: str) -> None:
    anna = owner(served_site, "hundred@example.org")
    HttpPerson(served_site).log_in("hundred@example.org", wrong)
    tell(served_site, "UPDATE expunge_failed_run SET failures = 80, ready = 0")
    stranger = HttpPerson(served_site)
    assert stranger.log_in("hundred@example.org").status == 429, "the right password was looked at"
    assert anna.log_in("hundred@example.org").path == "/", "the owner's browser is not concerned"
    anna.log_out()
    HttpPerson(served_site).log_in("hundred@example.org", wrong)
    tell(served_site, "UPDATE expunge_failed_run SET failures = 80, ready = 0")
    lost = HttpPerson(served_site)
    lost.get("/account/password/reset/")
    mails = served_site.sink.count("hundred@example.org")
    lost.send("email", email="hundred@example.org")
    lost.send("code", code=served_site.sink.code("hundred@example.org", mails + 1))
    lost.send("password1", password1="a new one by the old mill", password2="a new one by the old mill")
    again = HttpPerson(served_site)
    assert again.log_in("hundred@example.org", "a new one by the old mill").path == "/account/login/code/confirm/"


def test_an_attack_on_one_account_is_an_incident(served_site: SiteServed, wrong: str) -> None:
    owner(served_site, "single@example.org")
    HttpPerson(served_site).log_in("single@example.org", wrong)
    for _ in range(2):
        tell(served_site, "UPDATE expunge_failed_run SET failures = MAX(failures, 19), ready = 0")
        HttpPerson(served_site).log_in("single@example.org", wrong)
    found = [each for each in incidents(served_site) if each["kind"] == "concentrated"]
    assert [(each["accounts"], each["tries"]) for each in found] == [(1, 21)]
    assert "single" not in str(found)


def test_a_right_password_of_a_machine_that_turns_out_a_suspect_is_counted(served_site: SiteServed, wrong: str) -> None:
    owner(served_site, "entered@example.org")
    tell(served_site, "DELETE FROM expunge_incident")
    machine = HttpPerson(served_site)
    machine.log_in("first-guess@mail.example", wrong)
    assert machine.log_in("entered@example.org").path == "/account/login/code/confirm/"
    for number in range(3):
        machine.cookies.pop("session", None)
        machine.log_in(f"guess{number}@mail.example", wrong)
    with closing(sqlite3.connect(served_site.database)) as connection:
        assert connection.execute("SELECT entered, successes FROM expunge_incident").fetchall() == [(1, 1)]


@pytest.mark.duty("RNG-20", "FAIL-10")
def test_an_owner_is_told_of_many_failures_once(served_site: SiteServed, wrong: str) -> None:
    owner(served_site, "told@example.org")
    HttpPerson(served_site).log_in("told@example.org", wrong)
    for _ in range(2):
        tell(served_site, "UPDATE expunge_failed_run SET failures = 9, ready = 0")
        HttpPerson(served_site).log_in("told@example.org", wrong)
    served_site.sink.to("told@example.org", 2)
    served_site.sink.about("told@example.org", "Failed logins at your account")
    assert served_site.sink.subjects("told@example.org").count("Failed logins at your account") == 1


@pytest.mark.duty("RNG-20", "FAIL-10")
def test_an_owner_is_told_of_sessions_in_two_networks(served_site: SiteServed) -> None:
    first = HttpPerson(served_site)
    first.sign_up("two-places@example.org")
    same = HttpPerson(served_site, address=first.address)
    confirm(served_site, same, "two-places@example.org")
    subject = "Your account is used in two places at once"
    assert subject not in served_site.sink.subjects("two-places@example.org")
    confirm(served_site, HttpPerson(served_site), "two-places@example.org")
    served_site.sink.about("two-places@example.org", subject)
    assert served_site.sink.subjects("two-places@example.org").count(subject) == 1


def confirm(served: SiteServed, person: HttpPerson, address: str) -> None:
    before = served.sink.count(address)
    person.log_in(address)
    person.send("code", code=served.sink.code(address, before + 1))


@pytest.mark.duty("NST-06", "NST-11", "RNG-20")
@pytest.mark.parametrize(
    ("password", "reason"),
    [
        pytest.param("fourteen chars", "too short", id="short"),
        pytest.param("123456789012345", "break-in", id="known"),
        pytest.param("QWERTYUIOPASDFGHJKL", "break-in", id="known in capitals"),
        pytest.param("Acme-Doorbells-2026", "our name", id="the company"),
        pytest.param("refused@example.org", "mail address", id="the address"),
        pytest.param("x" * 1025, "at most 1024", id="immense"),
    ],
)
def test_a_bad_password_is_refused_with_its_reason(served_site: SiteServed, password: str, reason: str) -> None:
    person = HttpPerson(served_site)
    person.get("/account/signup/")
    page = person.send("password1", email="refused@example.org", password1=password)
    assert reason in page.words
    assert served_site.sink.count("refused@example.org") == 0


@pytest.mark.duty("NST-06")
def test_no_kind_of_character_is_asked_for(served_site: SiteServed) -> None:
    person = HttpPerson(served_site)
    assert person.sign_up("plain@example.org", "zzzzz yyyyy wwwww").path == "/account/protect/"


def test_a_password_has_one_spelling(served_site: SiteServed) -> None:
    person = HttpPerson(served_site)
    person.sign_up("spelt@example.org", "cafe\u0301 au lait au lit")
    person.log_out()
    assert person.log_in("spelt@example.org", "caf\u00e9 au lait au lit").path == "/"


@pytest.mark.duty("FAIL-10")
def test_known_and_unknown_addresses_cost_and_answer_alike(served_site: SiteServed) -> None:
    """The same hashes, mails, status, headers, cookies and pages; times are measured in the soak."""
    for path, (known, unknown) in json.loads(run_beside(served_site.folder, "tests.web.site.even_paths")).items():
        assert known == unknown, path
        assert known["hashes"] == (1 if path in {"/account/login/", "/account/signup/"} else 0), path


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.soak)])
def test_processes_lose_no_try(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    url = "sqlite:///counts.db" if kind == "sqlite" else request.getfixturevalue("database")
    environment = os.environ | {"PYTHONPATH": beside(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "tests.web.site.counting", url]
    subprocess.run([*command, "0"], cwd=tmp_path, env=environment, check=True, timeout=120, capture_output=True)
    processes = [
        subprocess.Popen([*command, "25"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = []
    for process in processes:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err[-2000:]
        told.append(json.loads(out))
    assert [each["wrong"] for each in told] == [[], []]
    assert max(each["everybody"] for each in told) == 2 * 4 * 25
    assert sum(each["claimed"] for each in told) == 50


def test_a_login_without_a_proven_address_tells_nothing_and_sends_nothing(served_site: SiteServed, wrong: str) -> None:
    """Who signs up with another person's address learns nothing by the next login, and has no mail sent there by it."""
    owner(served_site, "has-one@example.org")
    shown = []
    for address in ("has-one@example.org", "has-none@example.org"):
        stranger = HttpPerson(served_site)
        stranger.get("/account/signup/")
        stranger.send("password1", email=address, password1=wrong)
        mails = served_site.sink.count(address)
        later = HttpPerson(served_site)
        page = later.log_in(address, wrong)
        shown.append((page.path, page.status))
        served_site.sink.to(address, 1)
        assert served_site.sink.count(address) <= mails + 1
    assert shown == [("/account/login/", 200)] * 2


def test_what_one_source_is_refused_is_not_taken_from_all(served_site: SiteServed, wrong: str) -> None:
    machine = HttpPerson(served_site)
    for number in range(90):
        machine.post("/account/login/", login=f"many{number}@mail.example", password=wrong)
    with closing(sqlite3.connect(served_site.database)) as connection:
        found = [row[0] for row in connection.execute("SELECT tries FROM expunge_tally WHERE tries > 80")]
    assert len(found) == 1, "the machine's own"
