"""A guardian sees each request about a child, is told of each step, appeals, writes, and takes the receipt along."""

from __future__ import annotations

import io
import re
import secrets
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState
from tests.cli.running import expunge
from tests.evidence_kit import fulfilled, issue
from tests.web.site.family_company import Guardian, family_site, guardian
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed

WORDS = "the blue teapot was never ours"
ADDRESS, STRANGER = "requests.tom@home.example", "requests.ada@home.example"


@dataclass
class Family:
    served: SiteServed
    tom: Guardian
    stranger: Guardian
    order: str
    home: str

    def page(self, path: str = "") -> Shown:
        return self.tom.person.get(f"{self.home}{path}")

    def request(self, path: str = "") -> Shown:
        return self.page(f"requests/{self.order}/{path}")


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Family]:
    """A child of whom an order of the company erases all but what a hold keeps."""
    with family_site(tmp_path_factory.mktemp("requests")) as served:
        tom, stranger = guardian(served, ADDRESS, "p-tom"), guardian(served, STRANGER, "p-ada")
        with Expunge.open(served.folder / "expunge.yaml") as opened:
            child = opened.resolve("profile:p-tom")
            until = clock.now() + timedelta(days=90)
            opened.holds.place(child, "whereabouts", ground="a lawsuit in the county court", authority="the court", until=until)
            order = opened.order_erase([child], channel="cli").order
        yield Family(served, tom, stranger, order, tom.go())


@pytest.fixture
def ended(family: Family) -> Family:
    """The same, with the order carried out, whichever tests ran before."""
    with Expunge.open(family.served.folder / "expunge.yaml") as opened:
        if opened.status(family.order).state is OrderState.FENCED:  # type: ignore[arg-type]
            opened.plan(family.order)  # type: ignore[arg-type]
            opened.apply(family.order)  # type: ignore[arg-type]
        run = opened.status(family.order)  # type: ignore[arg-type]
    assert run.state is OrderState.IN_PART, run.reasons
    return family


def raw(person: HttpPerson, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Ask for something that is no page, or send a file."""
    sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items()), "X-Forwarded-For": person.address, **headers}
    request = urllib.request.Request(f"{person.site.origin}{path}", body, sent)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, dict(answer.headers), answer.read()


def uploaded(person: HttpPerson, data: bytes, code: str = "", name: str = "receipt.zip") -> str:
    """The words of the check's answer to a file."""
    action, held = person.get("/receipt/check/").form("text")
    boundary = secrets.token_hex(8)
    fields = {key: value for key, value in (held | {"code": code}).items() if key != "receipt"}
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="receipt"; filename="{name}"\r\nContent-Type: application/zip\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Origin": person.site.origin}
    _, _, answer = raw(person, "/receipt/check/", body, **headers)
    return Shown(200, action, answer.decode(), {}).words


def test_an_order_that_came_in_at_the_command_line_is_listed_and_told_by_mail(family: Family) -> None:
    shown = family.page("requests/").words
    assert "Received, nothing erased yet" in shown
    assert family.order in shown
    letter = family.served.sink.about(ADDRESS, "Acme Doorbells has received a request", within=60)
    body = letter.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert family.served.origin in text
    for secret in (family.order, "Tom", "p-tom", "county court"):
        assert secret not in text
    assert family.served.sink.subjects(STRANGER).count("Acme Doorbells has received a request") == 0


def test_notices_are_new_until_the_person_has_read_them(family: Family) -> None:
    shown = family.page("notices/")
    assert "A request came in New" in shown.words
    assert "Notices 1 new" in shown.words
    after = family.tom.person.send("until")
    assert "New" not in after.words.partition("Each step")[2]
    assert "1 new" not in family.page("requests/").words


def test_a_message_is_read_by_both_sides_and_only_at_the_keys(family: Family) -> None:
    shown = family.request()
    assert "Nothing is erased before" in shown.words
    assert 'name="text"' not in shown.text, "to write takes an opening"
    person = family.tom.person
    asked = person.post(f"{family.home}requests/{family.order}/", text=WORDS)
    assert asked.path == "/account/confirm/"
    family.tom.confirm()
    # What was typed before the confirmation stands in the form, and is sent by one press.
    assert person.last is not None
    assert person.last.path == f"{family.home}requests/{family.order}/"
    assert WORDS in person.last.text
    sent = person.send("text", text=WORDS)
    assert "Your message is on its way." in sent.words
    assert WORDS not in sent.text
    person.post(f"{family.home}lock/")
    assert family.request("messages/").path == "/account/confirm/"
    family.tom.confirm()
    assert WORDS in family.request("messages/").words
    listed = expunge("requests", "list", "--json", cwd=family.served.folder).json["threads"]
    assert [(each["order"], each["state"]) for each in listed] == [(family.order, "waits for you")]
    assert WORDS in expunge("requests", "show", family.order, cwd=family.served.folder).out
    (family.served.folder / "answer.txt").write_text("Which teapot do you mean?")
    answered = expunge("requests", "answer", family.order, "--appeal", "ask", "--from", "answer.txt", cwd=family.served.folder)
    assert answered.code == 0, answered.err
    assert "Needs your answer" in family.page("requests/").words
    assert "Which teapot do you mean?" in family.request("messages/").words
    family.served.sink.about(ADDRESS, "Acme Doorbells needs an answer from you", within=60)


def test_a_text_that_cannot_be_taken_is_shown_again(family: Family) -> None:
    family.request()
    refused = family.tom.person.send("text", text="bell \x07 rings")
    assert "This did not go through" in refused.words
    assert "rings" in refused.text


def test_a_stranger_reaches_nothing_of_it(family: Family) -> None:
    person, home = family.stranger.person, family.stranger.go()
    assert family.order not in person.get(f"{home}requests/").words
    for path in ("", "messages/", "receipt/", "receipt/page/", "receipt/folder/"):
        shown = person.get(f"{home}requests/{family.order}/{path}")
        assert shown.path in (f"{home}requests/", "/account/confirm/"), path
        assert family.order not in shown.words
    person.post(f"{home}requests/{family.order}/", text="let me in")
    assert "let me in" not in expunge("requests", "show", family.order, cwd=family.served.folder).out


def test_a_partial_result_is_explained_appealed_and_answered(ended: Family) -> None:
    family = ended
    shown = family.request().words
    assert "Done in part" in shown
    assert "a lawsuit in the county court" in shown
    sent = family.tom.person.send("appeal", appeal="the lawsuit is over")
    assert "Your appeal is on its way." in sent.words
    assert "Your appeal is open" in sent.words
    assert 'name="appeal"' not in sent.text
    assert expunge("requests", "list", "--json", cwd=family.served.folder).json["threads"][0]["state"] == "appeal"
    (family.served.folder / "answer.txt").write_text("It is not: hearing in May.")
    ran = expunge("requests", "answer", family.order, "--appeal", "reject", "--from", "answer.txt", cwd=family.served.folder)
    assert ran.code == 0, ran.err
    assert "Your appeal is open" not in family.request().words
    family.served.sink.about(ADDRESS, "A request is done in part", within=60)


def test_the_receipt_is_shown_taken_along_and_checked_without_a_login(ended: Family, tmp_path: Path) -> None:
    family = ended
    shown = family.request("receipt/")
    code = re.search(r"[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}", shown.words)
    assert code is not None
    assert '<svg class="picture code-picture"' in shown.text
    assert " style=" not in shown.text
    page = family.request("receipt/page/")
    assert "style-src 'sha256-" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    _, headers, data = raw(family.tom.person, f"{family.home}requests/{family.order}/receipt/folder/")
    assert headers["Content-Disposition"] == f'attachment; filename="receipt-{family.order}.zip"'
    outsider = HttpPerson(family.served)
    assert "The receipt holds" in uploaded(outsider, data)
    assert "The code that you typed is the same." in uploaded(outsider, data, code[0].lower())
    assert "The code that you typed is another" in uploaded(outsider, data, "AAAA-BBBB-CCCC")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path)
        assert code[0] in archive.read("how-to-check.txt").decode()
    folder = tmp_path / f"receipt-{family.order}"
    assert expunge("receipt", "verify", folder, cwd=tmp_path).code == 0
    assert f"short code: {code[0]}" in expunge("receipt", "show", folder, cwd=tmp_path).out
    envelope = (folder / "receipt.dsse.json").read_text()
    outsider.get("/receipt/check/")
    assert "The signature holds" in outsider.send("text", text=envelope).words
    changed = data.replace(b"PK\x03\x04", b"PK\x03\x05", 1)
    assert "This receipt does not hold" in uploaded(outsider, changed)
    assert "A file of more than 2 MB is no receipt" in uploaded(outsider, bytes(3 * 2**20))


def test_a_receipt_of_another_company_is_not_said_to_be_of_this_one(family: Family) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in issue(fulfilled()).items():
            archive.writestr(name, data)
    assert "It is not signed by Acme Doorbells" in uploaded(HttpPerson(family.served), out.getvalue())


def test_in_spanish_the_pages_and_the_receipt_are_spanish(ended: Family) -> None:
    family = ended
    person = family.tom.person
    person.get("/child/")
    person.cookies["language"] = "es"
    try:
        assert "Hecho en parte" in family.page("requests/").words
        assert "Recibo de borrado" in family.request("receipt/page/").words
        assert "se conserva" in family.request("receipt/").words
        _, _, data = raw(person, f"{family.home}requests/{family.order}/receipt/folder/")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert "recibo.html" in archive.namelist()
        assert "The receipt holds" in uploaded(HttpPerson(family.served), data)
    finally:
        del person.cookies["language"]


def test_no_log_holds_a_message_or_an_order_of_a_page_without_its_family(family: Family) -> None:
    logged = family.served.served.stderr() + (family.served.folder / "access.log").read_text()
    assert WORDS not in logged
    assert "teapot" not in logged
