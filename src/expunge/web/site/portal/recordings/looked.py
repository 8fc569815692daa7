"""Who looked at a child's recordings: counts for each reader, and each look once the account has confirmed that it is at the keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from expunge.core.datamap.artefact import DataKind
from expunge.core.families.looks import Look, LookCount, LookedBy, StaffLook
from expunge.core.journal.review_words import Clarity, ReviewPurpose, Sound
from expunge.errors import OpeningNeeded
from expunge.web.site.portal.member import Member, clerk, family_page
from expunge.web.site.portal.recordings.timeline import Shown, shown

ON_A_PAGE = 50
_MOST_NUMBER = 10


@dataclass(frozen=True)
class LookRow:
    """A look, as the page tells it."""

    look: Look
    who: str
    reason: str
    what: str
    recording: Shown | None
    clarity: str = ""
    """How clearly staff saw and heard it."""
    approved: str = ""
    """Who approved that staff saw it."""

    @property
    def whole(self) -> bool:
        """Whether all of the recording was opened, as it is now."""
        return self.recording is not None and (self.look.first, self.look.last) == (0, self.recording.item.size)


@require_safe
@family_page
def looked(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show who looked. The address with ``each`` asks for each look, which needs an opening."""
    given = request.GET.get("before", "")
    before = int(given) if given.isascii() and given.isdecimal() and len(given) <= _MOST_NUMBER else None
    page = clerk().recordings.looks(member.account, member.family, member.session, before, ON_A_PAGE)
    is_open = clerk().families.open_until(member.account, member.family, member.session) is not None
    if "each" in request.GET and not is_open:
        raise OpeningNeeded("each look is shown within an opening", help="confirm with a passkey or a code")
    values: dict[str, Any] = {
        "page": page,
        "is_open": is_open,
        "counts": [{"count": each, "who": _who(each), "reason": _reason(each.purpose)} for each in page.counts],
        "rows": [_row(each) for each in page.looks],
        "last": page.first + len(page.looks) - 1,
    }
    return render(request, "portal/looked.html", values)


def _row(look: Look) -> LookRow:
    recording = shown(look.item) if look.item is not None else None
    kinds = {DataKind.VOICE: _("A voice recording"), DataKind.VIDEO: _("A video"), DataKind.PICTURE: _("A picture")}
    what = kinds.get(look.kind, _("A recording")) if look.kind is not None else _("A recording")
    if look.staff is None or look.refused:
        return LookRow(look, _who(look), _reason(look.purpose), what, recording)
    return LookRow(look, _who(look), _reason(look.purpose), what, recording, _clarity(look.staff), _approved(look.staff))


def _clarity(staff: StaffLook) -> str:
    pictures = {
        Clarity.TRANSCRIPT.value: _("the words alone, names hidden"),
        Clarity.PIXELATED.value: _("coarse blocks without colour"),
        Clarity.FACES_HIDDEN.value: _("in colour, faces hidden"),
        Clarity.CLEAR.value: _("a clear picture"),
    }
    sounds = {Sound.MUTE.value: _("no sound"), Sound.MASKED.value: _("voices changed"), Sound.CLEAR.value: _("clear sound")}
    return f"{pictures.get(staff.clarity, '')}, {sounds.get(staff.sound, '')}"


def _approved(staff: StaffLook) -> str:
    if staff.break_glass:
        return _("An emergency: no other person was asked first. Another person judges it within 24 hours.")
    labels = [label for label in staff.approvers if label]
    signed = len(staff.approvers) - len(labels)
    labels += [_("a person who signed")] * signed
    return _("Approved by %(labels)s.") % {"labels": ", ".join(labels)} if labels else _("Your family allowed it.")


def _who(look: Look | LookCount) -> str:
    told = {LookedBy.YOU: _("You"), LookedBy.FAMILY: _("Another member of your family"), LookedBy.EXPORT: _("The copy of your data")}
    told[LookedBy.STAFF] = _("A person of the company")
    return told.get(look.by) or _("The program %(name)s") % {"name": look.name}


def _reason(purpose: str) -> str:
    told = {
        "recordings of one's own": _("your own recordings"),
        "subject access": _("a copy of your data"),
        ReviewPurpose.LAW.value: _("the law asks for it"),
        ReviewPurpose.ILLEGAL_ACTIVITY.value: _("to find out about something against the law"),
        ReviewPurpose.LEGAL_RIGHTS.value: _("a legal claim"),
        ReviewPurpose.HARM.value: _("to keep harm or a loss away"),
        ReviewPurpose.AUTHORISED.value: _("your family agreed to it"),
    }
    return told.get(purpose, purpose)
