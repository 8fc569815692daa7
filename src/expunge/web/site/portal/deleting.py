"""The pages of a deletion: what is chosen, what it would do, and its confirmation. Nothing is deleted before the person saw the preview.

A room that lets a person choose items calls :func:`begin` with the selection. It waits in the sealed session: no address and no form holds
names of items.
"""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.datamap.artefact import DataKind
from expunge.core.families import selection
from expunge.core.families.deletion import DeletionPreview
from expunge.core.families.selection import Everything, Selection, TimeRange
from expunge.errors import NeedsApproval, NotResolved, OpeningNeeded, StoreUnavailable, UsageError
from expunge.ports.families.deletion_door import FORM, PREVIEW, DeletionAnswer
from expunge.web.site.accounts.guarding import guard_session
from expunge.web.site.factors import asking
from expunge.web.site.portal import deletion_words as words
from expunge.web.site.portal.member import Member, clerk, family_page

_CHOSEN = "expunge_deletion"
_RANGES = (DataKind.VOICE, DataKind.VIDEO, DataKind.PICTURE, DataKind.LOCATION)
"""The kinds of data of which a stretch of time can be chosen."""


class RangeForm(forms.Form):
    """A kind of data, and days in UTC."""

    kind = forms.ChoiceField(label=gettext_lazy("What"), choices=lambda: [(kind.name, words.kind_name(kind)) for kind in _RANGES])
    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=gettext_lazy("Up to and with"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """Refuse days in the wrong order, and none."""
        found: dict[str, Any] = super().clean() or {}
        since, until = found.get("since"), found.get("until")
        if not self.errors and not since and not until:
            raise forms.ValidationError(_("Choose a first day, a last day, or both."))
        if since and until and until < since:
            self.add_error("until", _("This day is before the first one."))
        return found

    def selection(self) -> TimeRange:
        """Return what was chosen."""
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        kinds = frozenset({DataKind[self.cleaned_data["kind"]]})
        return TimeRange(kinds, _midnight(since), _midnight(until + timedelta(days=1) if until else None))


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


def begin(request: HttpRequest, member: Member, chosen: Selection) -> HttpResponse:
    """Lead to the preview of deleting what a person chose. It replaces what was chosen before in this browser."""
    request.session[_CHOSEN] = {"family": member.family, "of": selection.to_json(chosen), "form": secrets.token_hex(16)}
    return redirect("portal_delete_preview", member.slug)


@require_http_methods(["GET", "POST"])
@family_page
def choose(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Let the person choose a stretch of time, or everything; show what is under way."""
    form = RangeForm(request.POST if request.POST.get("of") == "range" else None)
    if request.method == "POST" and request.POST.get("of") == "everything":
        return begin(request, member, Everything())
    if request.method == "POST" and form.is_valid():
        return begin(request, member, form.selection())
    under_way = [
        (each, words.stage(each.stage, final=each.final)[0]) for each in clerk().deletions.under_way(member.account, member.family)
    ]
    return render(request, "portal/deleting/choose.html", {"form": form, "under_way": under_way})


@require_safe
@family_page
def preview(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show what a deletion would do, what stays and why, and until when."""
    held = _held(request, member)
    if held is None:
        return _begin_again(request, member)
    chosen = selection.from_json(held["of"])
    try:
        found = clerk().deletions.preview(member.account, member.family, member.session, chosen)
    except NotResolved:
        messages.info(request, _("Nothing is held any more."))
        return redirect("portal_delete", member.slug)
    except NeedsApproval:
        messages.error(request, _("Guardians of this child disagree. Until that is settled, nothing is erased, and nothing is shown."))
        return redirect("portal_home", member.slug)
    except StoreUnavailable:
        messages.error(request, _("One of the places did not answer, so we cannot say what would go. Come back in a few minutes."))
        return redirect("portal_delete", member.slug)
    except UsageError:
        messages.error(request, _("What you chose is not there any more, or cannot be erased by itself. Nothing was erased: choose again."))
        return redirect("portal_delete", member.slug)
    return render(request, "portal/deleting/preview.html", _shown(found, chosen, held["form"]))


def _shown(found: DeletionPreview, chosen: Selection, form: str) -> dict[str, Any]:
    return {
        "preview": found,
        "everything": isinstance(chosen, Everything),
        "form": form,
        "digest": found.digest,
        "word": _word(),
        "hours": found.cooling_seconds // 3600,
        "minutes": -(-found.cooling_seconds // 60),
        "going": [(words.kind_name(each.kind), words.items(each.items)) for each in found.going],
        "staying": [(words.kind_name(each.kind), words.items(each.items), words.stays(each), each.until) for each in found.staying],
        "remade": [(words.kind_name(each.kind), words.remade(each)) for each in found.remade],
        "unread": [(words.kind_name(each.kind), words.unread(each)) for each in found.unread],
    }


def _word() -> str:
    """Return the word that a person types before everything is deleted."""
    return _("erase")


@require_POST
@family_page
def confirm(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Take the confirmation of a preview: everything is confirmed with a credential next, all else is ordered at once."""
    held = _held(request, member)
    form, digest = request.POST.get("form", ""), request.POST.get("digest", "")
    if held is None or form != held["form"]:
        return _begin_again(request, member)
    chosen = selection.from_json(held["of"])
    if isinstance(chosen, Everything):
        if request.POST.get("typed", "").strip().casefold() != _word().casefold():
            messages.error(request, _("Nothing was erased: type the word “%(word)s” to go on.") % {"word": _word()})
            return redirect("portal_delete_preview", member.slug)
        ask = Ask(AskKind.DELETE_EVERYTHING, member.account, member.family, ((FORM, form), (PREVIEW, digest)))
        return asking.begin(request, ask, label=member.label, slug=member.slug)
    try:
        answer = clerk().deletions.delete(member.account, member.family, member.session, chosen, form, digest)
    except OpeningNeeded:
        # Why not the ask at once: its answer leads to a page, and what was chosen is confirmed there again.
        return redirect("portal_delete_preview", member.slug)
    except (UsageError, NotResolved):
        messages.error(request, _("What you chose is not there any more, or cannot be erased by itself. Nothing was erased: choose again."))
        return redirect("portal_delete", member.slug)
    return _answered(request, member.slug, answer)


def _answered(request: HttpRequest, slug: str, answer: DeletionAnswer) -> HttpResponse:
    if answer.order is None:
        messages.info(request, _("Something has changed since this was shown. Nothing was erased: look at it again."))
        return redirect("portal_delete_preview", slug)
    return redirect("portal_deletion", slug, answer.order)


def offer_asks() -> None:
    """Show asks to delete everything."""
    asking.offer(
        AskKind.DELETE_EVERYTHING,
        asking.AskPage(
            title=lambda _request, _ask, given: _("Erase everything: %(label)s?") % {"label": given["label"]},
            text=lambda _request, _ask, _given: _("Once it has begun you cannot take it back. Confirm that it is you."),
            act=_everything,
            back="portal_families",
            danger=True,
        ),
    )


def _everything(request: HttpRequest, ask: Ask, permit: str, given: asking.Given) -> HttpResponse:
    return _answered(request, given["slug"], clerk().deletions.delete_everything(permit, guard_session(request), ask))


def _held(request: HttpRequest, member: Member) -> dict[str, Any] | None:
    held: dict[str, Any] | None = request.session.get(_CHOSEN)
    return held if held is not None and held["family"] == member.family else None


def _begin_again(request: HttpRequest, member: Member) -> HttpResponse:
    messages.info(request, _("This page was open for too long, or in two windows. Nothing was erased: choose again."))
    return redirect("portal_delete", member.slug)
