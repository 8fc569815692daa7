"""The part of the walk through a family's requests: list, one request, its thread, notices, receipt, and the check without a login."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from expunge.bootstrap import Expunge
from expunge.core.values.ids import OrderId
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.web.site.handing_over import signed
from tests.web.site.rendered import pages

if TYPE_CHECKING:
    from tests.web.site.walk import Walk


def requests(walk: Walk, authenticator: SoftAuthenticator, *people: str) -> None:
    """Look at what a family is told of an order, from any of its pages on."""
    slug = walk.page.url.partition("/child/")[2].partition("/")[0]
    walk.go(f"/child/{slug}/requests/")
    walk.see("portal_requests", "none")
    # Why a thread: the browser's has a loop of events, in which Django's database lets nothing be done.
    with ThreadPoolExecutor(1) as beside:
        order = beside.submit(_carried_out, walk.served.folder / "expunge.yaml", people).result()
    walk.go(f"/child/{slug}/notices/")
    walk.see("portal_notices")
    walk.go(f"/child/{slug}/requests/")
    walk.see("portal_requests")
    walk.go(f"/child/{slug}/requests/{order}/")
    walk.see("portal_request")
    walk.go(f"/child/{slug}/requests/{order}/?write=1")
    walk.see("accounts_confirm", "messages")
    walk.page.evaluate(
        "answer => { const field = document.querySelector('main [name=credential]'); field.value = answer; field.form.submit() }",
        signed(walk.page.content(), authenticator),
    )
    walk.page.wait_for_url("**/requests/**")
    walk.fill(text="Thank you. Which store was the last one?")
    walk.send("text")
    walk.see("portal_request", "sent")
    walk.go(f"/child/{slug}/requests/{order}/messages/")
    walk.see("portal_thread")
    walk.go(f"/child/{slug}/requests/{order}/receipt/")
    walk.see("portal_receipt")
    walk.go(f"/child/{slug}/requests/{order}/receipt/page/")
    walk.see("portal_receipt_page")
    check(walk)


def _carried_out(data_map: Path, people: Sequence[str]) -> OrderId:
    with Expunge.open(data_map) as opened:
        order = opened.order_erase([opened.resolve(each) for each in people], channel="cli").order
        opened.plan(order)
        opened.apply(order)
    return order


def check(walk: Walk) -> None:
    """Look at the check of a receipt, as any person can."""
    walk.go(f"{pages().addresses['receipt_check']}?code=ABCD-EFGH-IJKL")
    walk.see("receipt_check")
    walk.fill(text='{"payload": "nothing of the kind"}')
    walk.send("text")
    walk.see("receipt_check", "refused")
