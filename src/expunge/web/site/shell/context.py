"""Values that every template may use."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(_: HttpRequest) -> dict[str, Any]:
    """Return the operator's name and where people get help."""
    return {"company": settings.EXPUNGE_SITE.company, "support": settings.EXPUNGE_SITE.support}
