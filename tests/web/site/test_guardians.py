"""Guardians on the pages, from the notice to the membership: each way to show it, invitations, disputes, and what does not count."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from expunge.core.accounts.staff import JobFunction
from expunge.core.consent import consent_receipt
from tests.engine.consent.scans import PDF
from tests.web.site.browser import chromium, visitor
from tests.web.site.deciders import Decider
from tests.web.site.family_company import Guardian, guardian
from tests.web.site.guardian_company import Texts, follow, guardian_site, link_to, text_gateway, upload
from tests.web.site.handing_over import enrol_kept, let_the_day_pass
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed
from tests.web.site.office import at_the_machine
from tests.web.site.test_accessibility import AXE, TAGS, axe

PICTURES = os.environ.get("EXPUNGE_PICTURES", "")
"""A folder for pictures of the pages, to look at."""
QUESTION, AGAIN = "A question about your child's data", "Please confirm once more, about your child's data"
INVITED = "You are invited to look after a child's data"


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texts]:
    with text_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, texts: Texts) -> Iterator[SiteServed]:
    with guardian_site(tmp_path_factory.mktemp("guardians"), gateway=texts.port) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(served: SiteServed) -> None:
    served.sql("DELETE FROM expunge_counter")


def choose(one: Guardian, method: str, *purposes: str, **values: str) -> Shown:
    """Go through the page of the notice."""
    one.go("guardians/ask/")
    assert one.person.last is not None
    action, held = one.person.last.form("notice")
    fields = [(name, value) for name, value in held.items() if name not in {"purpose", "method"}]
    fields += [("purpose", each) for each in purposes] + [("method", method)]
    fields = [(name, values.get(name, value)) for name, value in fields]
    return one.person.ask("POST", action, fields)  # type: ignore[arg-type]


def answered(person: HttpPerson, link: str) -> Shown:
    page = follow(person, link)
    assert page.path == "/consent/answer/", page.words
    return person.send("notice")


@pytest.mark.duty("COP-03", "COP-05", "COP-07")
def test_a_guardian_reads_the_notice_and_agrees_by_two_mails(served: SiteServed) -> None:
    one = guardian(served, "two.mails@home.example", "p-mia")
    page = one.person.get(one.go("guardians/"))
    assert "Acme Doorbells said so" in page.words
    one.go("guardians/ask/")
    assert one.person.last is not None
    words = one.person.last.words
    for told in (
        "Make the recogniser understand children better. Data: voice recordings.",
        "No other company gets it for ends of its own.",
        "After 14 days what was kept to ask you is deleted, your address or number with it.",
        "Each box counts by itself.",
    ):
        assert told in words
    page = choose(one, "email plus", "training", born="2020-06-15")
    assert "Open the link in our message" in page.words
    assert "make the recogniser understand children better" in page.words
    page = answered(one.person, link_to(served, one.address, QUESTION))
    assert "Your first answer is here; open the link in our second message" in page.words, "it left at once, as the map says"
    page = answered(one.person, link_to(served, one.address, AGAIN))
    assert "You are guardian now" in page.words
    (link,) = re.findall(r'href="(/consent/requests/[^"]+/receipts/1/)"', page.text)
    envelope = one.person.get(link)
    payload = json.loads(envelope.text)
    assert payload["payloadType"] == "application/vnd.in-toto+json"
    assert consent_receipt.PREDICATE_TYPE.encode() in base64.b64decode(payload["payload"])
    page = one.person.get(one.go("guardians/"))
    assert "Shown: By mail, twice" in page.words or "Acme Doorbells said so" in page.words
    assert "A person showed that they are guardian" in page.words
    assert "the young person decides alone" in page.words
    page = choose(one, "email plus", "review")
    assert page.status == 200, "the birthday is known and is not asked again"


def test_an_old_link_a_link_of_another_account_and_no_link_say_what_holds(served: SiteServed) -> None:
    one = guardian(served, "links@home.example", "p-tom")
    choose(one, "email plus", "training", born="2019-01-02")
    link = link_to(served, one.address, QUESTION)
    other = guardian(served, "sibling@home.example", "p-ada")
    page = follow(other.person, link)
    assert "This link is for another account" in page.words
    assert "Log out, and use the other account" in page.words
    assert "You have agreed already" not in answered(one.person, link).words
    assert "This link was used before" in follow(one.person, link).words
    answered(one.person, link_to(served, one.address, AGAIN))
    assert "You have agreed already" in follow(one.person, link).words
    assert "This link opens nothing" in follow(one.person, "ask-0000000000000000.0123456789abcdef0123").words
    assert "This link opens nothing" in follow(one.person, "x").words
    assert served.folder.joinpath("access.log").read_text().count(link.partition(".")[2]) == 0, "no log has the token"


def test_text_plus_goes_over_the_gateway_and_odd_numbers_are_said(served: SiteServed, texts: Texts) -> None:
    one = guardian(served, "texting@home.example", "p-mia")
    for odd in ("0171 555", "+14155550404", ""):
        page = choose(one, "text plus", "review", born="2020-06-15", number=odd)
        assert page.status == 400
        assert "We cannot reach this number" in page.words
    page = choose(one, "text plus", "review", born="2020-06-15", number="+1 (415) 555-0100")
    assert page.path.startswith("/consent/requests/ask-"), page.words
    answered(one.person, texts.newest("+14155550100").partition("#")[2].split()[0])
    page = answered(one.person, texts.newest("+14155550100").partition("#")[2].split()[0])
    assert "You are guardian now" in page.words


def test_a_birthday_of_a_person_who_decides_alone_and_an_old_notice_are_said(served: SiteServed) -> None:
    one = guardian(served, "birthday@home.example", "p-ada")
    assert "Check the birthday" in choose(one, "signed form", born="1990-01-01").words
    assert "Check the birthday" in choose(one, "signed form").words
    assert "What you read has changed" in choose(one, "signed form", born="2020-01-01", notice="0" * 64).words


def test_a_signed_form_is_checked_by_staff_and_forged_scans_are_refused(served: SiteServed) -> None:
    one = guardian(served, "form@home.example", "p-tom")
    page = choose(one, "signed form", "review", born="2019-01-02")
    assert "Print the form, sign it" in page.words
    path = page.path
    form = one.person.get(f"{path}form/")
    number = re.search(r"<code>(.+)</code>", form.text)
    assert number
    assert form.headers["Content-Disposition"].startswith("attachment")
    for forged, told in (
        (b"<!doctype html><script>alert(1)</script>", "no picture (JPEG or PNG) and no PDF"),
        (PDF + b"<script>", "something else behind this PDF"),
        (b"", "No file arrived"),
        (PDF + bytes(12 << 20), "larger than 10 MB"),
    ):
        one.person.get(path)
        page = upload(one.person, forged)
        assert page.status == 400
        assert told in page.words
    one.person.get(path)
    assert "A person looks at your form" in upload(one.person, PDF).words
    officer = Decider.joins(served, "officer-forms", JobFunction.OFFICER)
    reviewer = Decider.joins(served, "reviewer-forms", JobFunction.REVIEWER)
    assert reviewer.get("/staff/forms/").status == 403
    page = officer.get("/staff/forms/")
    asked = path.split("/")[3]
    assert asked in page.text
    assert one.address not in page.text
    page = officer.get(f"/staff/forms/{asked}/")
    assert number[1] in page.words
    scan = officer.get(f"/staff/forms/{asked}/scan/")
    assert scan.text == PDF.decode()
    assert scan.headers["Content-Disposition"] == 'attachment; filename="form.pdf"'
    digest = page.form("scan")[1]["scan"]
    told = officer.perform(f"/staff/forms/{asked}/begin/", scan=digest, decision="UNREADABLE")
    assert told == {"to": "/staff/forms/"}
    page = one.person.get(path)
    assert "The picture cannot be read" in page.words
    upload(one.person, PDF)
    assert "trouble" in officer.perform(f"/staff/forms/{asked}/begin/", scan="0" * 64, decision="accept")
    assert officer.perform(f"/staff/forms/{asked}/begin/", scan=digest, decision="accept") == {"to": "/staff/forms/"}
    assert "You are guardian now" in one.person.get(path).words
    assert "None waits" in officer.get("/staff/forms/").words
    # The web process names an account that has no right: the clerk looks it up.
    assert reviewer.get(f"/staff/forms/{asked}/scan/").status == 403


def test_a_guardian_invites_another_one_who_proves_it_alone_and_a_dispute_stops_changes(served: SiteServed) -> None:
    one = guardian(served, "mother@home.example", "p-mia")
    one.go("guardians/invite/")
    assert "no mail address" in one.person.send("address", address="nobody", who="guardian").words
    one.person.send("address", address="father@home.example", who="guardian")
    one.confirm()
    assert one.person.last is not None
    assert "The invitation is on its way" in one.person.last.words
    link = link_to(served, "father@home.example", INVITED)
    father = HttpPerson(served)
    assert "Log in first, or sign up" in follow(father, link).words
    father.sign_up("father@home.example")
    authenticator = enrol_kept(served, "father@home.example")
    page = father.get("/consent/")
    assert page.path == "/consent/answer/"
    assert "Are you guardian of a child?" in page.words
    assert "p-mia" not in page.text
    page = father.send("notice", method="email plus", born="2020-06-15")
    assert page.path.startswith("/consent/requests/"), page.words
    answered(father, link_to(served, "father@home.example", QUESTION))
    page = answered(father, link_to(served, "father@home.example", AGAIN))
    assert "You are guardian now" in page.words
    served.sink.about("mother@home.example", "Another person is guardian of your child at Acme Doorbells")
    assert "Shown: By mail, twice" in one.person.get(one.go("guardians/")).words
    let_the_day_pass(served)
    two = Guardian(father, authenticator, "father@home.example")
    two.go("guardians/dispute/")
    page = father.send("step")
    assert "The guardians do not agree" in page.words
    assert "A named person of Acme Doorbells ends it" in page.words
    served.sink.about("mother@home.example", "A guardian disputes decisions about your child at Acme Doorbells")
    page = choose(one, "signed form", "training", born="2020-06-15")
    assert "The guardians do not agree" in page.words
    one.go("guardians/invite/")
    one.person.send("address", address="third@home.example", who="guardian")
    one.confirm()
    assert one.person.last is not None
    assert served.sink.count("third@home.example") == 0


def test_the_company_invites_a_parent_by_a_link_and_messages_go_where_it_says(served: SiteServed) -> None:
    words = ("guardian", "invite", "profile:p-ada", "--contact", "known@home.example", "--born", "2020-06-15")
    ran = at_the_machine(served.folder, *words)
    link = ran.out.strip()
    assert link.startswith(f"{served.origin}/consent/#")
    token = link.partition("#")[2]
    other = HttpPerson(served)
    other.sign_up("other.address@home.example")
    assert "This link is for another account" in follow(other, token).words
    parent = HttpPerson(served)
    parent.sign_up("Known@home.example")
    page = follow(parent, token)
    assert "One that you add after you are guardian opens recordings only a day later." in page.words
    assert 'href="/consent/answer/">Not now' in page.text, "to protect the account first is no duty"
    page = parent.get("/consent/")
    assert "Are you guardian of a child?" in page.words
    assert "birthday" not in page.words, "the company said it"
    page = parent.send("notice", method="email plus")
    assert page.path.startswith("/consent/requests/"), page.words
    assert served.sink.count("other.address@home.example") == 1, "no more than the code of the sign-up"
    answered(parent, link_to(served, "known@home.example", QUESTION))
    assert "You are guardian now" in answered(parent, link_to(served, "known@home.example", AGAIN)).words
    assert "This link has ended" in follow(parent, token).words
    young = at_the_machine(served.folder, "guardian", "invite", "profile:p-ada", "--oneself")
    assert "far away" in young.err, "the day of majority is years away"


def test_a_guardian_steps_down_with_a_credential_and_sees_nothing_any_more(served: SiteServed) -> None:
    one = guardian(served, "leaving@home.example", "p-ada")
    page = one.person.get(one.go("guardians/leave/"))
    assert "You see and decide nothing about this child any more" in page.words
    one.person.send("step")
    one.confirm()
    assert one.person.last is not None
    assert "connected with no child" in one.person.last.words


@pytest.mark.duty("COP-09")
def test_a_request_is_taken_back_and_mail_that_is_away_loses_nothing(served: SiteServed) -> None:
    one = guardian(served, "away@home.example", "p-tom")
    served.sink.refusing = True
    page = choose(one, "email plus", "training", born="2019-01-02")
    served.sink.refusing = False
    assert page.path == "/consent/requests/"
    assert "Our message cannot go out right now" in page.words
    (link,) = re.findall(r'href="(/consent/requests/ask-[^"]+/)"', page.text)
    one.person.get(link)
    page = one.person.send("step")
    assert "You took it back" in page.words
    assert "Our message has not gone out yet" not in page.words


@pytest.mark.duty("COP-06", "COP-08")
def test_where_data_goes_to_others_the_choice_is_apart_and_mail_is_not_enough(tmp_path: Path) -> None:
    with guardian_site(tmp_path, outward=True) as served:
        one = guardian(served, "outward@home.example", "p-mia")
        one.go("guardians/ask/")
        assert one.person.last is not None
        page = one.person.last
        assert "speech laboratories. What for: Partners train models of their own." in page.words
        assert "This is a choice of its own." in page.words
        assert re.search(r'value="email plus"[^>]* disabled', page.text)
        assert "It does not count here: data goes to other companies." in page.words
        page = choose(one, "email plus", "training", born="2020-06-15")
        assert "This way does not count here" in page.words
        page = choose(one, "signed form", "training", born="2020-06-15")
        assert "Print the form" in page.words
        assert "partners" not in page.words.lower()


def test_pages_that_only_such_a_company_has_are_for_everybody(served: SiteServed) -> None:
    one = guardian(served, "axe@home.example", "p-ada")
    form = choose(one, "signed form", "training", "review", born="2020-06-15").path
    one.person.get(form)
    upload(one.person, PDF)
    asked = form.split("/")[3]
    one.person.get("/consent/requests/")
    mail = guardian(served, "axe.mail@home.example", "p-tom")
    choose(mail, "email plus", "training", born="2019-01-02")
    follow(mail.person, link_to(served, mail.address, QUESTION))
    officer = Decider.joins(served, "officer-axe", JobFunction.OFFICER)
    looks = (
        (one.person, (one.go("guardians/"), one.go("guardians/ask/"), one.go("guardians/invite/"), form, "/consent/requests/")),
        (mail.person, ("/consent/answer/",)),
        (officer, ("/staff/forms/", f"/staff/forms/{asked}/")),
    )
    found: list[str] = []
    with chromium() as browser:
        for width in (1100, 390):
            for person, paths in looks:
                with visitor(browser, viewport={"width": width, "height": 844}, reduced_motion="reduce") as shown:
                    shown.context.add_cookies(
                        [{"name": name, "value": value, "url": served.origin} for name, value in person.cookies.items()]
                    )
                    shown.context.set_extra_http_headers({"X-Forwarded-For": person.address, "User-Agent": person.agent})
                    for path in paths:
                        page = shown.go(f"{served.origin}{path}")
                        assert page.url.endswith(path), (path, page.url)
                        page.evaluate(AXE)
                        found += axe(page, path, {"type": "tag", "values": TAGS})
                        wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
                        found += [f"{path} is too wide"] if wide else []
                        if PICTURES:
                            page.screenshot(path=f"{PICTURES}/{width}{path.replace('/', '-')}.png", full_page=True)
                    found += shown.complaints
    assert found == []
