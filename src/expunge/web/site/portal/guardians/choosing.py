"""What an account chooses after the direct notice: purposes, each by a box of its own, and the way to show that it is guardian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language

from expunge.core.consent.guardian_faults import GuardianFault
from expunge.errors import GuardianshipRefused
from expunge.ports.families.guardian_door import Chosen, MethodCard, NoticeCard
from expunge.web.site.portal.guardians import words

_ZONES = (
    "", "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles", "America/Anchorage",
    "Pacific/Honolulu", "America/Mexico_City", "America/Bogota", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Berlin",
)  # fmt: skip


@dataclass(frozen=True)
class Way:
    """One way on the page."""

    card: MethodCard
    name: words.Words
    takes: words.Words
    allows: words.Words

    @property
    def counts(self) -> bool:
        """Whether it can be chosen."""
        return self.card.there and self.card.enough


def language() -> str:
    """Return the language of the page."""
    return get_language() or "en"


def shown(request: HttpRequest, notice: NoticeCard, fault: GuardianFault | None = None) -> dict[str, Any]:
    """Return what the template of a choice needs, with what was typed before."""
    ways = [Way(each, *words.METHODS[each.name]) for each in notice.methods if each.name in words.METHODS]
    typed = request.POST
    return {
        "notice": notice,
        "ways": ways,
        "inward": [each for each in notice.purposes if not each.outward],
        "outward": [each for each in notice.purposes if each.outward],
        "ticked": typed.getlist("purpose"),
        "method": typed.get("method", ""),
        "born": typed.get("born", ""),
        "number": typed.get("number", ""),
        "zone": typed.get("zone", ""),
        "zones": _ZONES,
        "fault": words.FAULTS[fault] if fault else None,
    }


def chosen(request: HttpRequest) -> Chosen:
    """Return what a form says."""
    typed = request.POST
    number = "".join(each for each in typed.get("number", "") if each not in " -().\u00a0")
    return Chosen(
        typed.get("method", ""),
        tuple(dict.fromkeys(typed.getlist("purpose"))),
        typed.get("notice", ""),
        language(),
        number,
        typed.get("born", ""),
        typed.get("zone", "") if typed.get("zone", "") in _ZONES else "",
    )


def fault_of(refusal: GuardianshipRefused) -> GuardianFault:
    """Return the fault of a refusal."""
    return GuardianFault(refusal.reason)
