"""The pages of the desk by name, for the navigation of staff: each employee sees those that a right opens."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from expunge.core.accounts.staff import StaffRight
from expunge.web.site.desk.seating import AT_DESK
from expunge.web.site.staff.navigation import Item

_INCIDENTS = ("desk_incident", "desk_incident_new", "desk_incident_change", "desk_incident_close", "desk_incident_letter")
_ORDERS = "desk_orders"
_ALWAYS = (_ORDERS, "desk_incidents")
"""Shown whether the map has a review desk or not."""
_FOLLOW = (StaffRight.FOLLOW_ORDERS, StaffRight.APPROVE_ORDERS, StaffRight.READ_EVIDENCE)
_VIEWS = (StaffRight.REQUEST_VIEWS, StaffRight.SEE_VIEWS, StaffRight.APPROVE_VIEWS)
_REQUESTS = (
    "desk_request", "desk_request_new", "desk_request_emergency", "desk_request_extend", "desk_view", "desk_view_start", "desk_view_result",
)  # fmt: skip
ITEMS = (
    Item("desk_home", gettext_lazy("Review desk"), "eye", ("desk_again",), AT_DESK),
    Item("desk_requests", gettext_lazy("My requests"), "list", _REQUESTS, (StaffRight.REQUEST_VIEWS,)),
    Item("desk_approvals", gettext_lazy("To approve"), "check", ("desk_approval", "desk_judgement"), (StaffRight.APPROVE_VIEWS,)),
    Item("desk_findings", gettext_lazy("Findings"), "alert", ("desk_finding",), (StaffRight.READ_EVIDENCE,)),
    Item("desk_looks", gettext_lazy("Who looked"), "clock", (), (StaffRight.READ_EVIDENCE,)),
    Item("desk_people", gettext_lazy("Who can see recordings"), "key", ("desk_train",), (StaffRight.READ_STAFF,)),
    Item("desk_records", gettext_lazy("My training and statements"), "receipt", ("desk_statement",), _VIEWS),
    Item(_ORDERS, gettext_lazy("Orders"), "erase", ("desk_order",), _FOLLOW),
    Item("desk_incidents", gettext_lazy("Incidents"), "alert", _INCIDENTS, (StaffRight.READ_EVIDENCE,)),
)
"""In the order in which they are shown, behind those of staff."""


def items_of(rights: Collection[StaffRight]) -> list[Item]:
    """Return the pages that some rights open."""
    return [each for each in ITEMS if not each.rights or not set(each.rights).isdisjoint(rights)]


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the pages of the desk that the employee of a request may open; orders and incidents alone where the map has no desk."""
    member = getattr(request, "staff", None)
    items = items_of(member.rights) if member is not None else []
    return {"desk_items": items if settings.EXPUNGE_DESK else [each for each in items if each.view in _ALWAYS]}
