"""The pages of staff by name, for their navigation: each employee sees those that a right opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from expunge.core.accounts.staff import StaffRight


@dataclass(frozen=True)
class Item:
    """One page in the navigation."""

    view: str
    """The name of its address."""
    words: str | Promise
    icon: str
    right: StaffRight | None = None
    """The right that it takes; none for every employee."""


ITEMS = (
    Item("staff_home", gettext_lazy("Start"), "receipt"),
    Item("staff_security", gettext_lazy("Passkeys and devices"), "passkey"),
)
"""In the order in which they are shown."""


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the pages that the employee of a request may open; none on other pages."""
    member = getattr(request, "staff", None)
    return {"staff_items": [each for each in ITEMS if each.right is None or each.right in member.rights] if member else []}
