"""The first page of a family: what is held, in numbers, and where to go from there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from expunge import clock
from expunge.core.accounts.accounts_spec import AccountsSpec
from expunge.core.datamap.artefact import DataKind
from expunge.core.families.holdings import Holdings, KindHeld, MadeFrom
from expunge.ports.families.held_door import PublicNotice
from expunge.web.site.portal.kind_words import ICONS, NAMED, counted, in_a_row, why
from expunge.web.site.portal.member import Member, clerk, family_page
from expunge.web.site.portal.navigation import ITEMS


@dataclass(frozen=True)
class HeldRow:
    """One kind of data, in words."""

    title: str
    icon: str
    oldest: date | None
    goes: date | None
    overdue: bool
    """Whether a period has ended already: the next run erases it."""
    undated: str
    bound: str


@dataclass(frozen=True)
class HeldSummary:
    """What is held about a child, in words."""

    summary: str
    """One sentence of all; empty where nothing is held."""
    oldest: date | None
    goes: date | None
    rows: tuple[HeldRow, ...]
    made: tuple[str, ...]
    away: tuple[tuple[str, str], ...]
    """(kind, why) of what could not be counted."""
    at: datetime

    @property
    def nothing(self) -> bool:
        """Whether everything was counted, and nothing was there."""
        return not (self.rows or self.made or self.away)


@require_safe
@family_page
def home(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show what is held of a family's subject."""
    doors = clerk()
    answer = doors.held.held(member.account, member.family)
    until = doors.families.open_until(member.account, member.family, member.session)
    held = told(answer.holdings) if answer.holdings is not None else None
    values = {
        "held": held,
        "counting": answer.counting,
        "notices": posted(),
        "open_until": until,
        "waiting": doors.reviews.reviews(member.account, member.family, member.session).waiting,
        "further": [item for item in ITEMS[1:] if not (item.of_data and held is not None and held.nothing)],
    }
    return render(request, "portal/home.html", values)


def posted() -> tuple[PublicNotice, ...]:
    """Return the notices of orders that have to be shown now. The clerk is asked only where the map has some."""
    spec: AccountsSpec = settings.EXPUNGE_SITE
    return clerk().held.notices() if any(notice.due(clock.today()) for notice in spec.posted) else ()


def told(found: Holdings) -> HeldSummary:
    """Return counts in words."""
    rows = tuple(_row(each) for each in found.kinds)
    return HeldSummary(
        in_a_row([each.title for each in rows]) if rows else "",
        found.oldest,
        found.goes,
        rows,
        tuple(sentence for each in found.made for sentence in _made(each)),
        tuple((str(NAMED[each.kind]), why(each.reason)) for each in found.not_counted),
        found.at,
    )


def _row(held: KindHeld) -> HeldRow:
    undated = ngettext(
        "The time of %(number)s has not begun: it is kept while it is in use.",
        "The time of %(number)s has not begun: they are kept while they are in use.",
        held.undated,
    )
    bound = ngettext(
        "%(number)s is kept longer, because a court or a law asks for it.",
        "%(number)s are kept longer, because a court or a law asks for it.",
        held.bound,
    )
    return HeldRow(
        counted(held.kind, held.items),
        ICONS.get(held.kind, "list"),
        held.oldest,
        held.goes,
        held.goes is not None and held.goes <= clock.today(),
        undated % {"number": held.undated} if held.undated else "",
        bound % {"number": held.bound} if held.bound else "",
    )


def _made(made: MadeFrom) -> list[str]:
    found = []
    if made.learnt and made.kind is DataKind.MODEL:
        text = ngettext("%(number)s model learnt from this data.", "%(number)s models learnt from this data.", made.learnt)
        found.append(text % {"number": made.learnt})
    elif made.learnt:
        found.append(_("%(things)s, made from this data and that of other people.") % {"things": counted(made.kind, made.learnt)})
    if made.unknown:
        text = ngettext(
            "%(number)s model has no record of what it learnt from. This data may be in it.",
            "%(number)s models have no record of what they learnt from. This data may be in them.",
            made.unknown,
        )
        found.append(text % {"number": made.unknown})
    return found
