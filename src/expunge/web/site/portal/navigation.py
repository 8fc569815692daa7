"""The pages of a family by name, for their navigation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy


@dataclass(frozen=True)
class Item:
    """One page in the navigation."""

    view: str
    """The name of its address, which takes the family's slug."""
    words: str | Promise
    icon: str
    below: tuple[str, ...] = ()
    """Names of the pages that belong to it."""
    of_data: bool = False
    """Whether it is about data that is held, and has nothing to show where none is."""


_GUARDIANS = ("portal_guardians_ask", "portal_guardians_invite", "portal_guardians_leave", "portal_guardians_dispute")
ITEMS = (
    Item("portal_home", gettext_lazy("What is held"), "home"),
    Item("portal_timeline", gettext_lazy("Recordings"), "play", ("portal_play", "portal_choose"), of_data=True),
    Item("portal_places", gettext_lazy("Places"), "pin", ("portal_places_off",), of_data=True),
    Item("portal_reviews", gettext_lazy("Asked to look"), "alert"),
    Item("portal_looked", gettext_lazy("Who looked"), "eye"),
    Item("portal_stop", gettext_lazy("What is allowed"), "lock", ("portal_use",)),
    Item("portal_keeping", gettext_lazy("How long it is kept"), "clock", ("portal_keeping_kind",)),
    Item("portal_delete", gettext_lazy("Erase"), "erase", ("portal_delete_preview", "portal_deletion"), of_data=True),
    Item("portal_requests", gettext_lazy("Requests"), "receipt", ("portal_request", "portal_thread", "portal_receipt")),
    Item("portal_notices", gettext_lazy("Notices"), "mail"),
    Item("portal_guardians", gettext_lazy("Guardians"), "key", _GUARDIANS),
    Item("portal_export", gettext_lazy("A copy of the data"), "download", of_data=True),
)
"""In the order in which they are shown."""


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the member of a family's page, the pages of that family, and how many notices are new; none on other pages."""
    member = getattr(request, "member", None)
    if member is None:
        return {"member": None, "portal_items": ()}
    # Why lazy: a page that shows no navigation asks nothing.
    unread = SimpleLazyObject(lambda: settings.EXPUNGE_CLERK.orders.unread(member.account, member.family))
    return {"member": member, "portal_items": ITEMS, "portal_unread": unread}
