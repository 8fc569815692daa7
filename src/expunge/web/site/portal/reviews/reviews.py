"""The page of reviews: requests that wait for the family's word, those it is told of, and bars. To stop takes one press of a button."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.families.reviews import EVERY, FamilyBar, FamilyReview, FamilyReviewState
from expunge.errors import IllegalTransition, ItemGone, NeedsApproval, OpeningNeeded, UsageError
from expunge.ports.families.review_door import ALLOW, END_BAR
from expunge.web.site.accounts.guarding import guard_session
from expunge.web.site.factors import asking
from expunge.web.site.portal import review_words as words
from expunge.web.site.portal.member import Member, clerk, family_page
from expunge.web.site.portal.recordings.timeline import Shown, shown
from expunge.web.site.portal.review_words import StateWords

_OPEN = {FamilyReviewState.WAITS, FamilyReviewState.CONSENTED, FamilyReviewState.ALLOWED, FamilyReviewState.RUNNING}


@dataclass(frozen=True)
class ReviewCard:
    """A request in words."""

    review: FamilyReview

    @property
    def state(self) -> StateWords:
        """How it stands."""
        return words.STATES[self.review.state]

    @property
    def reason(self) -> words.Words:
        """What it is for."""
        return words.WANTED[self.review.purpose]

    @property
    def case(self) -> words.Words:
        """The kind of its case."""
        return words.CASES[self.review.case_kind.value]

    @property
    def what(self) -> words.Words:
        """The kind of data."""
        return words.KINDS.get(self.review.kind, _("A recording"))

    @property
    def recording(self) -> Shown | None:
        """The recording, within an opening."""
        return shown(self.review.item) if self.review.item is not None else None

    @property
    def clarity(self) -> str:
        """How clearly it would be seen and heard at most."""
        return words.clarity(self.review.clarity.value, self.review.sound.value)

    @property
    def part(self) -> dict[str, str]:
        """The part of the recording."""
        return {"first": words.clock(self.review.first_ms), "last": words.clock(self.review.last_ms)}

    @property
    def can_bar(self) -> bool:
        """Whether a bar of this recording is offered."""
        return not self.review.is_barred and self.review.state in _OPEN


@dataclass(frozen=True)
class BarCard:
    """A bar in words."""

    bar: FamilyBar

    @property
    def of_all(self) -> bool:
        """Whether it is of every recording."""
        return self.bar.bar == EVERY

    @property
    def what(self) -> words.Words:
        """The kind of data."""
        return words.KINDS.get(self.bar.kind, _("A recording"))

    @property
    def recording(self) -> Shown | None:
        """The recording, within an opening."""
        return shown(self.bar.item) if self.bar.item is not None else None


@require_safe
@family_page
def reviews(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show the requests and the bars. The address with ``each`` asks for recordings, which need an opening."""
    found = clerk().reviews.reviews(member.account, member.family, member.session)
    is_open = clerk().families.open_until(member.account, member.family, member.session) is not None
    if "each" in request.GET and not is_open:
        raise OpeningNeeded("recordings are shown within an opening", help="confirm with a passkey or a code")
    cards = [ReviewCard(each) for each in found.reviews]
    values = {
        "asked": [each for each in cards if each.review.state in _OPEN and each.review.can_deny],
        "others": [each for each in cards if each.review.state not in _OPEN or not each.review.can_deny],
        "bars": [BarCard(each) for each in found.bars],
        "all_barred": found.all_barred,
        "is_open": is_open,
    }
    return render(request, "portal/reviews/reviews.html", values)


@require_POST
@family_page
def answer(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Deny a request at once, or lead to the page that confirms that it is allowed."""
    which = request.POST.get("request", "")
    if request.POST.get("word") == "allow":
        ask = Ask(AskKind.REVIEW, member.account, member.family, ((ALLOW, which[:32]),))
        return asking.begin(request, ask, label=member.label, slug=member.slug)
    try:
        clerk().reviews.deny(member.account, member.family, which)
        messages.success(request, _("You said no. No person looks at it because of your word."))
    except (IllegalTransition, UsageError):
        messages.error(request, _("This request does not wait for you any more. Look at how it stands now."))
    return redirect("portal_reviews", member.slug)


@require_POST
@family_page
def bar(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Bar a recording or all of them at once, or lead to the page that confirms the end of a bar."""
    door, ending = clerk().reviews, request.POST.get("end", "")
    if ending:
        ask = Ask(AskKind.REVIEW, member.account, member.family, ((END_BAR, ending[:32]),))
        return asking.begin(request, ask, label=member.label, slug=member.slug)
    try:
        if handle := request.POST.get("recording", ""):
            door.bar_recording(member.account, member.family, member.session, handle)
        else:
            door.bar(member.account, member.family, request.POST.get("request", ""))
        messages.success(request, _("Barred. No person looks at it because you once agreed."))
    except (ItemGone, UsageError):
        messages.error(request, _("There is no such recording any more. Nothing was changed."))
    return redirect("portal_reviews", member.slug)


def offer_asks() -> None:
    """Show asks that let staff see a recording."""
    asking.offer(AskKind.REVIEW, asking.AskPage(title=_title, text=_text, act=_act, back="portal_families"))


def _title(_request: HttpRequest, asked: Ask, given: asking.Given) -> str:
    label = {"label": given["label"]}
    if asked.detail(END_BAR):
        return _("Allow looks again: %(label)s?") % label
    return _("Let a person of the company look: %(label)s?") % label


def _text(_request: HttpRequest, asked: Ask, _given: asking.Given) -> str:
    if asked.detail(END_BAR):
        return _("A person of the company may then look, where you agreed to it or allow it. You can bar it again at any time.")
    return _("The person sees the part that was asked for, for some minutes. You read here when, and can still deny it until it is over.")


def _act(request: HttpRequest, asked: Ask, permit: str, given: asking.Given) -> HttpResponse:
    door, session = clerk().reviews, guard_session(request)
    try:
        if asked.detail(END_BAR):
            door.end_bar(permit, session, asked)
            messages.success(request, _("The bar is ended."))
        else:
            door.allow(permit, session, asked)
            messages.success(request, _("Allowed. You can still deny it."))
    except IllegalTransition:
        messages.error(request, _("This request does not wait for you any more. Look at how it stands now."))
    except NeedsApproval:
        messages.error(request, _("Guardians of this child disagree. Until that is settled, no person is allowed to look."))
    return redirect("portal_reviews", given["slug"])
