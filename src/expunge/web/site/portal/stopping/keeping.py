"""How long each kind of data is kept: what stands, what a shorter time removes now, and the choice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from expunge.core.datamap.artefact import DataKind
from expunge.core.retention.own_periods import KindPeriod, OwnPeriod, PeriodPreview
from expunge.core.values.periods import Period
from expunge.errors import OpeningNeeded
from expunge.web.site.portal import kind_words
from expunge.web.site.portal.member import Member, ask_to_open, clerk
from expunge.web.site.portal.stopping import words
from expunge.web.site.portal.stopping.board import listed
from expunge.web.site.portal.stopping.reaching import stopping_page

KEEPING, KIND = "portal_keeping", "portal_keeping_kind"


@dataclass(frozen=True)
class Choice:
    """One keeping time that can be chosen."""

    value: str
    words: str | Promise
    chosen: bool


@dataclass(frozen=True)
class Kind:
    """One kind of data, in words."""

    known: KindPeriod

    @property
    def word(self) -> str:
        """Its name in an address."""
        return self.known.kind.name.lower()

    @property
    def words(self) -> str | Promise:
        """Its name on the page."""
        return kind_words.IN_TEXT[self.known.kind]

    @property
    def along(self) -> str:
        """What goes with it."""
        return listed(self.known.along)

    @property
    def longest(self) -> str:
        """How long it is kept where nothing is chosen."""
        return period_words(self.known.longest)

    @property
    def chosen(self) -> OwnPeriod | None:
        """What is chosen."""
        return self.known.chosen.period if self.known.chosen is not None else None

    @property
    def chosen_words(self) -> str | Promise:
        """The same in words; empty where nothing is."""
        return words.PERIODS[self.chosen] if self.chosen is not None else ""

    @property
    def since(self) -> datetime | None:
        """When it was chosen."""
        return self.known.chosen.at if self.known.chosen is not None else None

    def choices(self, at: OwnPeriod | None) -> list[Choice]:
        """Return the keeping times that can be chosen, with one of them ticked."""
        return [Choice(each.value, words.PERIODS[each], each is at) for each in self.known.options]


@require_safe
@stopping_page(back="portal_home")
def keeping(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show how long each kind is kept."""
    kinds = [Kind(each) for each in clerk().stopping.periods(member.account, member.family)]
    return render(request, "portal/stopping/keeping.html", {"kinds": kinds})


@require_http_methods(["GET", "HEAD", "POST"])
@stopping_page(back=KEEPING)
def kind(request: HttpRequest, member: Member, word: str) -> HttpResponseBase:
    """Show what a keeping time removes now; or choose it."""
    found = _kind(member, word)
    if request.method == "POST":
        return _choose(request, member, found)
    period = _period(request.GET.get("period", ""))
    preview = clerk().stopping.preview_period(member.account, member.family, found.known.kind, period) if period else None
    values = {"kind": found, "choices": found.choices(period or found.chosen), "preview": preview, "removes": _removes(preview)}
    return render(
        request, "portal/stopping/kind.html", {**values, "along": _along(preview), "wanted": words.PERIODS[period] if period else ""}
    )


def _choose(request: HttpRequest, member: Member, found: Kind) -> HttpResponseBase:
    asked = request.POST.get("period", "")
    period = _period(asked)
    if asked and period is None:
        raise Http404
    try:
        clerk().stopping.choose_period(member.account, member.family, member.session, found.known.kind, period)
    except OpeningNeeded:
        # Back to the preview, which is looked at anew: what it counts may have changed meanwhile.
        return ask_to_open(request, member, f"{request.path}?{urlencode({'period': asked})}")
    if period is None:
        messages.success(request, _("Saved. The company's own time holds again: %(period)s.") % {"period": found.longest})
    else:
        messages.success(request, _("Saved. What is older goes with the next daily run."))
    return redirect(KEEPING, member.slug)


def _kind(member: Member, word: str) -> Kind:
    wanted = DataKind.__members__.get(word.upper())
    found = next((each for each in clerk().stopping.periods(member.account, member.family) if each.kind is wanted), None)
    if found is None:
        raise Http404
    return Kind(found)


def _period(text: str) -> OwnPeriod | None:
    return next((each for each in OwnPeriod if each.value == text), None)


def _removes(preview: PeriodPreview | None) -> str:
    if preview is None:
        return ""
    if not preview.items and not preview.along:
        return _("This removes nothing now: nothing is that old.")
    return ngettext("This removes %(number)s item now.", "This removes %(number)s items now.", preview.items) % {"number": preview.items}


def _along(preview: PeriodPreview | None) -> list[str]:
    if preview is None:
        return []
    return [f"{kind_words.IN_TEXT[DataKind(name)]}: {count}" for name, count in preview.along.items()]


def period_words(period: Period) -> str:
    """Return a period of the map in words."""
    parts = []
    years, months = divmod(period.months, 12)
    if years and not months:
        parts.append(ngettext("%(number)s year", "%(number)s years", years) % {"number": years})
    elif period.months:
        parts.append(ngettext("%(number)s month", "%(number)s months", period.months) % {"number": period.months})
    if period.days:
        parts.append(ngettext("%(number)s day", "%(number)s days", period.days) % {"number": period.days})
    return _(" and ").join(parts)
