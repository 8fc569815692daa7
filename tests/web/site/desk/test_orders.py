"""Staff follows orders on its pages and approves a plan by passkey; the receipt tells any person who did."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import SuspendStaff
from expunge.core.accounts.staff_events import StaffReason
from expunge.core.verification.receipt_verify import verify
from tests.web.site.deciders import Decider, decided
from tests.web.site.desk.orders_company import LIST, Orders, approver
from tests.web.site.kit import SiteServed
from tests.web.site.office import at_the_machine


def raw(person: Decider, path: str) -> bytes:
    """What a page gives to take away."""
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    sent = {"Cookie": cookies, "X-Forwarded-For": person.address, "User-Agent": person.agent}
    with urllib.request.urlopen(urllib.request.Request(f"{person.site.origin}{path}", headers=sent), timeout=30) as answer:
        return bytes(answer.read())


@pytest.fixture(scope="module")
def orders(served_site: SiteServed) -> Iterator[Orders]:
    people = [
        Decider.joins(served_site, label, function)
        for label, function in (
            ("signs-1", JobFunction.OFFICER), ("signs-2", JobFunction.OFFICER), ("enters-1", JobFunction.OPERATOR)
        )
    ]  # fmt: skip
    for person in people:
        assert "to" in person.sign_in()
    with approver(served_site, "signs-1"):
        yield Orders(served_site, *people)


@pytest.mark.duty("NST-10")
def test_an_officer_reads_the_plan_signs_it_and_the_receipt_names_the_passkey(orders: Orders) -> None:
    order = orders.order("p-zoe")
    page = orders.officer.get(LIST)
    assert "Waiting for an approval" in page.words
    assert order in page.words
    assert "p-zoe" not in page.text
    page = orders.officer.get(f"{LIST}{order}/")
    digest = orders.digest(order)
    assert f"expunge approval/1\n{order}\n{digest}\n" in page.text, "exactly what is signed"
    assert "Your passkey signs exactly this text, as dana." in page.words
    assert "1 item" in page.words
    assert "no trace in any file of the system".capitalize() in page.words
    assert "p-zoe" not in page.text
    assert orders.approve(orders.officer, order) == {"to": f"{LIST}{order}/"}
    page = orders.officer.get(f"{LIST}{order}/")
    assert "You approved the plan as dana." in page.words
    assert "passkey of dana" in page.words
    assert "Approve with passkey" not in page.words
    assert at_the_machine(orders.site.folder, "apply", order, "--yes").code == 0
    page = orders.officer.get(f"{LIST}{order}/")
    assert "erased and verified" in page.words
    with ZipFile(BytesIO(raw(orders.officer, f"{LIST}{order}/receipt/1/folder/"))) as archive:
        files = {Path(name).name: archive.read(name) for name in archive.namelist() if name.startswith("receipt-")}
    assert any("approved by the passkey of dana" in step for step in verify(files).steps)
    assert "Approved by passkey of dana" in orders.officer.get(f"{LIST}{order}/receipt/1/").text


@pytest.mark.duty("NST-10")
def test_nobody_else_approves_and_a_page_says_why(orders: Orders) -> None:
    order = orders.order("p-yan")
    assert "names none of your confirmed passkeys" in orders.other.get(f"{LIST}{order}/").words
    assert "may follow orders, and not approve them" in orders.clerk.get(f"{LIST}{order}/").words
    digest = orders.digest(order)
    for person in (orders.other, orders.clerk):
        person.get(LIST)
        answer = person.told(f"{LIST}{order}/sign/", digest=digest)
        assert "options" not in answer
        assert "to" not in person.told(f"{LIST}{order}/signed/", digest=digest, response="{}")
    assert orders.clerk.get(f"{LIST}{order}/receipt/1/").status == 403
    own = orders.order("p-xia", by="dana")
    assert "You entered this order." in orders.officer.get(f"{LIST}{own}/").words
    assert "options" not in orders.officer.told(f"{LIST}{own}/sign/", digest=orders.digest(own))


def test_an_answer_about_another_plan_or_one_that_was_planned_anew_enters_nothing(orders: Orders) -> None:
    first, second = orders.order("p-wim"), orders.order("p-val")
    officer = orders.officer
    officer.get(f"{LIST}{first}/")
    begun = officer.told(f"{LIST}{first}/sign/", digest=orders.digest(first))
    signed = officer.device.sign(begun["options"]).decode()
    told = officer.told(f"{LIST}{second}/signed/", digest=orders.digest(second), response=signed)
    assert "does not hold for this plan" in told["trouble"]
    for response in ("", "[]", "{}", json.dumps({"rawId": "!", "response": {}}), "[" * 5000):
        assert "trouble" in officer.told(f"{LIST}{first}/signed/", digest=orders.digest(first), response=response)
    assert "The plan has changed" in officer.told(f"{LIST}{first}/sign/", digest=sha256(b"other").hexdigest())["trouble"]
    for order in (first, second):
        assert orders.state(order) == "planned"
    assert officer.get(f"{LIST}ord-nobody/").status == 404


def test_a_copied_key_approves_nothing(orders: Orders) -> None:
    order = orders.order("p-uma")
    officer = orders.officer
    officer.get(f"{LIST}{order}/")
    begun = officer.told(f"{LIST}{order}/sign/", digest=orders.digest(order))
    copied = officer.device.copy()
    assert "to" in officer.sign_in()
    told = officer.told(f"{LIST}{order}/signed/", digest=orders.digest(order), response=copied.sign(begun["options"]).decode())
    assert "was copied" in told["trouble"]
    assert orders.state(order) == "planned"


@pytest.mark.duty("NST-10")
def test_a_suspended_officer_sees_and_signs_nothing(orders: Orders) -> None:
    order = orders.order("p-tia")
    decided(orders.site, SuspendStaff(orders.other.account, StaffReason.AWAY))
    page = orders.other.get(f"{LIST}{order}/")
    assert page.path == "/staff/sign-in/"
