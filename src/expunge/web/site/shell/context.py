"""Values that every template may use."""

from __future__ import annotations

import enum
from typing import Any

from django.conf import settings
from django.http import HttpRequest


class Appearance(enum.Enum):
    """Light or dark, as a person chose; without a choice the device says."""

    LIGHT = "light"
    DARK = "dark"


def appearance_cookie() -> str:
    """Return the name of the cookie that keeps the choice."""
    return "__Host-appearance" if settings.EXPUNGE_SITE.secure else "appearance"


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the operator's name, where people get help, and how the page looks."""
    chosen = request.COOKIES.get(appearance_cookie(), "")
    support = settings.EXPUNGE_SITE.support
    return {
        "company": settings.EXPUNGE_SITE.company,
        "support": support,
        "support_link": f"mailto:{support}" if "@" in support and "/" not in support else support,
        "origin": settings.EXPUNGE_SITE.origin,
        "appearance": chosen if chosen in {each.value for each in Appearance} else "",
    }
