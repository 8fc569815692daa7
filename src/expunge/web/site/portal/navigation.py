"""The pages of a family by name, for their navigation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
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


_GUARDIANS = ("portal_guardians_ask", "portal_guardians_invite", "portal_guardians_leave", "portal_guardians_dispute")
ITEMS = (
    Item("portal_home", gettext_lazy("What is held"), "home"),
    Item("portal_guardians", gettext_lazy("Guardians"), "key", _GUARDIANS),
)
"""In the order in which they are shown."""


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the member of a family's page, and the pages of that family; none on other pages."""
    member = getattr(request, "member", None)
    return {"member": member, "portal_items": ITEMS if member is not None else ()}
