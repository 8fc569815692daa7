"""The list of orders, one order with its plan, and its receipts."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from expunge.core.accounts.staff import StaffRight
from expunge.core.log import dsse
from expunge.core.pages import languages
from expunge.core.pages.receipt_v6 import short_code
from expunge.core.verification import receipt_folder
from expunge.ports.families.doors import FamilyDoors
from expunge.ports.review.order_desk import MOST_ORDERS, OrderCard, OrderDeskDoor, OrderPage, PlanLine
from expunge.web.site.desk.orders import order_words as words
from expunge.web.site.desk.seating import DeskRequest, desk_page
from expunge.web.site.receipts.checking import commands
from expunge.web.site.receipts.folder_zip import zipped
from expunge.web.site.receipts.uploads import HOW_TO

FOLLOWERS = (StaffRight.FOLLOW_ORDERS, StaffRight.APPROVE_ORDERS, StaffRight.READ_EVIDENCE)
"""Rights of which each opens the list and the orders."""
_MOST_RECEIPTS = 50
"""Receipts that a page links; an order about a class may have thousands."""


def order_desk() -> OrderDeskDoor:
    """Return the clerk's orders for staff."""
    doors: FamilyDoors = settings.EXPUNGE_CLERK
    return doors.order_desk


@require_safe
@desk_page(*FOLLOWERS)
def listed(request: DeskRequest) -> HttpResponse:
    """Show orders: those that wait for an approval first."""
    cards = order_desk().orders(request.seat)
    waiting, others = ([_row(each) for each in cards if each.waits is waits] for waits in (True, False))
    values = {"waiting": waiting, "others": others, "most": MOST_ORDERS if len(cards) == MOST_ORDERS else 0}
    return render(request, "desk/orders/list.html", values)


@require_safe
@desk_page(*FOLLOWERS)
def order(request: DeskRequest, order: str) -> HttpResponse:
    """Show one order: its plan in words, what is signed, who approved, and its receipts."""
    return render(request, "desk/orders/order.html", values_of(order_desk().order(request.seat, order)))


@require_safe
@desk_page(StaffRight.READ_EVIDENCE)
def receipt(request: DeskRequest, order: str, number: int) -> HttpResponseBase:
    """Show the receipt's own page, as it lies in its folder; in Spanish, its translation."""
    html = languages.page(_statement(order_desk().receipt(request.seat, order, number)), _language())
    answer = HttpResponse(html, content_type="text/html; charset=utf-8")
    # Why its own policy: the page brings its style along, and nothing else may run or load.
    sources = languages.style_sources(html)
    answer.headers["Content-Security-Policy"] = f"default-src 'none'; style-src {sources}; base-uri 'none'; frame-ancestors 'none'"
    return answer


@require_safe
@desk_page(StaffRight.READ_EVIDENCE)
def folder(request: DeskRequest, order: str, number: int) -> HttpResponseBase:
    """Give the receipt's folder as a zip, with how to check it."""
    files = order_desk().receipt(request.seat, order, number)
    name = f"receipt-{order}-{number}"
    check = f"{settings.EXPUNGE_SITE.origin}{reverse('receipt_check')}"
    values = {"name": name, "code": short_code(_statement(files)), "check": check, "commands": commands(name)}
    beside = {HOW_TO: render_to_string("portal/how-to-check.txt", values, request).encode()}
    answer = HttpResponse(zipped(name, files, beside), content_type="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return answer


def values_of(page: OrderPage) -> dict[str, object]:
    """Return what the page of an order shows."""
    plan = page.plan
    stores = [{"store": part.store, "lines": list(map(_line, part.lines))} for part in (plan.stores if plan else ())]
    numbers = range(1, min(page.card.receipts, _MOST_RECEIPTS) + 1) if page.reads_receipts else ()
    return {
        "page": page,
        "card": page.card,
        "plan": plan,
        "kind": words.KINDS[page.card.kind],
        "state": words.state_of(page.card),
        "stores": stores,
        "going": sum(part.erased for part in plan.stores) if plan else 0,
        "by": [{"words": words.approved_by(each), "at": each.at} for each in page.card.approvals],
        "bar": words.BARS.get(page.bar) if page.bar is not None else None,
        "numbers": numbers,
        "more": page.card.receipts - len(numbers) if page.reads_receipts else 0,
        "check": reverse("receipt_check"),
    }


def _row(card: OrderCard) -> dict[str, object]:
    by = list(map(words.approved_by, card.approvals))
    return {"card": card, "kind": words.KINDS[card.kind], "state": words.state_of(card), "by": by}


def _line(line: PlanLine) -> dict[str, str]:
    told = {"does": words.does(line), "items": words.how_much(line), "depth": words.how_deep(line)}
    return {"dataset": line.dataset, "why": line.note, **told}


def _statement(files: dict[str, bytes]) -> bytes:
    return dsse.parse(files[receipt_folder.ENVELOPE]).payload


def _language() -> str:
    return languages.SPANISH if (get_language() or "").startswith(languages.SPANISH) else languages.ENGLISH
