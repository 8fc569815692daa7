"""Ask for a copy: its kinds and sizes, the confirmation, the copies there are, and the end of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.datamap.artefact import DataKind
from expunge.core.export.export_manifest import MANIFEST, POLICY, SIGNATURE, SIGNER, SUMS
from expunge.core.export.export_words import Language
from expunge.core.export.wanted_export import WantedExport, kinds_of
from expunge.core.journal.export_events import ExportEnd
from expunge.errors import Busy, NeedsApproval, NotResolved, Refused, UsageError
from expunge.ports.families.export_door import ExportCard, OfferedKind, export_ask
from expunge.web.site.accounts.guarding import guard_session
from expunge.web.site.factors import asking
from expunge.web.site.portal.kind_words import IN_TEXT
from expunge.web.site.portal.member import Member, clerk, family_page

SIZES: Mapping[int, str | Promise] = {
    2_000_000_000: gettext_lazy("2 GB, which opens everywhere"),
    500_000_000: gettext_lazy("500 MB, for a slow connection"),
    10_000_000_000: gettext_lazy("10 GB, for fewer files"),
}
ENDS: Mapping[ExportEnd, str | Promise] = {
    ExportEnd.EXPIRED: gettext_lazy("Its time was over. It is erased."),
    ExportEnd.CANCELLED: gettext_lazy("You ended it. It is erased."),
    ExportEnd.ERASED: gettext_lazy("The data in it is being erased, so this copy was erased first."),
    ExportEnd.FAILED: gettext_lazy("It could not be made. Nothing of it is left. Ask for another one."),
    ExportEnd.NO_ROOM: gettext_lazy("There was no room for it. Nothing of it is left. Choose fewer kinds, or try again tomorrow."),
}
CHECKS = (SUMS, MANIFEST, SIGNATURE, SIGNER, POLICY)
_SHOWN = 10


@dataclass(frozen=True)
class Copy:
    """One export, in words."""

    card: ExportCard

    @property
    def kinds(self) -> str:
        """Its kinds, with commas."""
        return listed(self.card.kinds)

    @property
    def made(self) -> bool:
        """Whether it is being made."""
        return self.card.ended is None and self.card.until is None

    @property
    def ready(self) -> bool:
        """Whether it can be downloaded."""
        return bool(self.card.parts) and self.card.ended is None

    @property
    def why(self) -> str | Promise:
        """Why it is gone."""
        return ENDS[self.card.ended] if self.card.ended is not None else ENDS[ExportEnd.EXPIRED]

    @property
    def percent(self) -> int:
        """How much of it is made, in percent; 0 where stores do not say how much it is."""
        return min(99, 100 * self.card.bytes // self.card.of_bytes) if self.card.of_bytes else 0


def listed(kinds: Sequence[DataKind]) -> str:
    """Return kinds in words, with commas."""
    return ", ".join(str(IN_TEXT[kind]) for kind in kinds) or _("everything")


@require_http_methods(["GET", "HEAD", "POST"])
@family_page
def copies(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show the copies of the account and what another one can hold; take the wish for one."""
    if request.method == "POST":
        return _asked(request, member)
    offered, problem = _offered(member)
    found = [Copy(card) for card in clerk().exports.exports(member.account, member.family)]
    total = sum(kind.bytes for kind in offered)
    rows = [(kind, IN_TEXT[kind.kind]) for kind in offered]
    context = {"copies": found[:_SHOWN], "offered": rows, "total": total, "sizes": SIZES.items(), "problem": problem, "checks": CHECKS}
    return render(request, "portal/exporting/copies.html", context)


@require_POST
@family_page
def end(request: HttpRequest, member: Member, export: str) -> HttpResponseBase:
    """End a copy."""
    try:
        clerk().exports.cancel(member.account, member.family, export)
    except Refused:
        messages.info(request, _("This copy is not there any more."))
    else:
        messages.success(request, _("The copy is erased. The data itself is still held."))
    return redirect("portal_export", member.slug)


def offer_asks() -> None:
    """Show asks for a copy."""
    asking.offer(
        AskKind.EXPORT,
        asking.AskPage(
            title=lambda _request, _ask, given: _("Make a copy of the data: %(label)s?") % {"label": given["label"]},
            text=lambda _request, _ask, given: (
                _("It will hold: %(kinds)s. Anyone who opens the copy sees and hears all of it. It can be downloaded for seven days.")
                % {"kinds": listed(_wanted_of(given).ordered)}
            ),
            act=_begin,
            back="portal_families",
        ),
    )


def _offered(member: Member) -> tuple[tuple[OfferedKind, ...], str]:
    try:
        return clerk().exports.offered(member.account, member.family), ""
    except NotResolved:
        return (), _("Nothing is held, so there is nothing to copy.")
    except NeedsApproval:
        return (), _("Guardians are in dispute. Until that is settled, no copy is made.")


def _asked(request: HttpRequest, member: Member) -> HttpResponseBase:
    try:
        chosen = kinds_of(request.POST.getlist("kinds"))
        size = int(request.POST.get("size", "0"))
    except (UsageError, ValueError):
        chosen, size = frozenset(), 0
    if not chosen or size not in SIZES:
        messages.error(request, _("Choose at least one kind of data, and a size."))
        return redirect("portal_export", member.slug)
    offered, problem = _offered(member)
    if problem:
        messages.error(request, problem)
        return redirect("portal_export", member.slug)
    language = Language.SPANISH if (get_language() or "").startswith(Language.SPANISH.value) else Language.ENGLISH
    # Why none for all: what comes in meanwhile belongs to a copy of everything.
    kinds = frozenset() if chosen >= {kind.kind for kind in offered} else chosen
    wanted = WantedExport(kinds, size, language)
    given = {"kinds": ",".join(kind.value for kind in wanted.ordered), "size": str(size), "language": language.value}
    ask = export_ask(member.account, member.family, wanted)
    return asking.begin(request, ask, label=member.label, slug=member.slug, **given)


def _wanted_of(given: asking.Given) -> WantedExport:
    kinds = kinds_of([word for word in given["kinds"].split(",") if word])
    return WantedExport(kinds, int(given["size"]), Language(given["language"]))


def _begin(request: HttpRequest, ask: Ask, permit: str, given: asking.Given) -> HttpResponse:
    assert ask.family is not None
    account: UUID = ask.account
    try:
        clerk().exports.begin(permit, guard_session(request), account, ask.family, _wanted_of(given))
    except (Busy, NeedsApproval, NotResolved, Refused) as error:
        messages.error(request, _problem(error))
    else:
        messages.success(request, _("The copy is being made. You can leave this page."))
    return redirect("portal_export", given["slug"])


def _problem(error: Busy | NeedsApproval | NotResolved | Refused) -> str:
    match error:
        case NeedsApproval():
            return _("Guardians are in dispute. Until that is settled, no copy is made.")
        case NotResolved():
            return _("Nothing is held, so there is nothing to copy.")
        case Busy():
            return _("Many copies are being made at the moment. Try again in an hour.")
        case _:
            return _("There are three copies already, or there is no room. Erase a copy first, or choose fewer kinds.")
