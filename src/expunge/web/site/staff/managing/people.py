"""The list of people, one person with the history of the account, and what is due to be confirmed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_state import GrantStanding
from expunge.web.site.staff.entering import StaffRequest, staff_page
from expunge.web.site.staff.managing import reading
from expunge.web.site.staff.managing.reading import HeldFunction, Person, Register

_LAST = datetime.max.replace(tzinfo=UTC)
_ORDERS: dict[str, tuple[str | Promise, Callable[[Person], Any]]] = {
    "need": (
        gettext_lazy("What needs a decision"),
        lambda each: (each.over, not each.account.awaits_key, not each.idle, not each.open, not each.unused, each.label),
    ),
    "due": (gettext_lazy("Next to confirm"), lambda each: (each.over, each.due or _LAST, each.label)),
    "seen": (gettext_lazy("Longest not seen"), lambda each: (each.over, each.account.seen or date.min, each.label)),
    "label": (gettext_lazy("Label"), lambda each: (each.over, each.label, each.which)),
}


@require_safe
@staff_page(StaffRight.READ_STAFF)
def people(request: StaffRequest) -> HttpResponse:
    """List everybody, in the order that is asked for."""
    chosen = request.GET.get("by", "")
    chosen = chosen if chosen in _ORDERS else "need"
    register = reading.read(request)
    listed = sorted(register.people, key=_ORDERS[chosen][1])
    values = {
        "people": [each for each in listed if not each.over],
        "over": [each for each in listed if each.over],
        "orders": [{"word": word, "words": words, "chosen": word == chosen} for word, (words, _key) in _ORDERS.items()],
        "open": sum(len(each.open) for each in register.people),
        "manages": StaffRight.MANAGE_STAFF in request.staff.rights,
    }
    return render(request, "staff/people.html", values)


@require_safe
@staff_page(StaffRight.READ_STAFF)
def person(request: StaffRequest, which: str) -> HttpResponse:
    """Show one person: what the account holds, what can be decided, and what was."""
    register = reading.read(request)
    found = register.person(which)
    own = found.account.id == request.staff.account
    values = {
        "person": found,
        "functions": [_shown(register, found, each, request) for each in found.functions],
        "history": register.history(found),
        "own": own,
        "manages": StaffRight.MANAGE_STAFF in request.staff.rights and not own,
    }
    return render(request, "staff/person.html", values)


@require_safe
@staff_page(StaffRight.READ_STAFF)
def review(request: StaffRequest) -> HttpResponse:
    """Show what is due to be confirmed, what is not used, and what was decided in twelve months."""
    register = reading.read(request)
    held = [_shown(register, each, function, request) for each in register.people for function in each.functions]
    held.sort(key=lambda each: (each["function"].due, each["person"].label))
    values = {
        "open": [each for each in held if each["function"].open],
        "later": [each for each in held if not each["function"].open],
        "unused": [each for each in register.people if each.unused],
        "history": register.history(),
        "confirms": StaffRight.CONFIRM_RIGHTS in request.staff.rights,
        "now": register.now,
    }
    return render(request, "staff/review.html", values)


def _shown(register: Register, person: Person, function: HeldFunction, request: StaffRequest) -> dict[str, Any]:
    """Return a job function of a person with what the employee of a request may decide about it."""
    own = person.account.id == request.staff.account
    confirms = StaffRight.CONFIRM_RIGHTS in request.staff.rights and not own
    manages = StaffRight.MANAGE_STAFF in request.staff.rights and not own
    return {
        "person": person,
        "function": function,
        "own": own,
        "confirm": confirms and bool(function.held) and not register.granted_by(person, function, request.staff.account),
        "grant": manages and bool(function.missing),
        "revoke": manages,
        "some_lapsed": any(each.holds is GrantStanding.LAPSED for each in function.rights),
    }
