"""The requests of a family: what was asked, what became of it, and what a person can answer."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from expunge.core.journal.thread_events import MessageKind, ThreadSide
from expunge.core.journal.threads import MOST_TEXT
from expunge.core.values.ids import OrderId
from expunge.errors import IllegalTransition, OpeningNeeded, UsageError
from expunge.ports.families.order_door import RequestCard, RequestDetail, ThreadMessage
from expunge.web.site.portal import request_words as words
from expunge.web.site.portal.member import Member, ask_to_open, clerk, family_page

_DRAFT = "expunge_draft"
"""The key of a session under which a text lies that is sent once the person has confirmed."""


@dataclass(frozen=True)
class ShownRequest:
    """One request with its words."""

    card: RequestCard

    @property
    def kind(self) -> str | Promise:
        """What was asked."""
        return words.KINDS[self.card.kind]

    @property
    def state(self) -> words.StateWords:
        """The state."""
        return words.STATES[self.card.state]


@dataclass(frozen=True)
class ShownMessage:
    """One message with its words."""

    message: ThreadMessage

    @property
    def who(self) -> str:
        """The writer; empty for the company, whose name the page has."""
        if self.message.side is ThreadSide.COMPANY:
            return ""
        return _("You") if self.message.own else _("Another guardian")

    @property
    def mark(self) -> str | Promise:
        """The kind of the message, where it is a special one."""
        return words.MESSAGES[self.message.kind]


class MessageForm(forms.Form):
    """A message, or an appeal."""

    text = forms.CharField(
        label=gettext_lazy("Your message"), max_length=MOST_TEXT, widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off"})
    )


class AppealForm(forms.Form):
    """An appeal."""

    appeal = forms.CharField(
        label=gettext_lazy("Why the result is not right for you"),
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off"}),
    )


@require_safe
@family_page
def requests(request: HttpRequest, member: Member) -> HttpResponseBase:
    """List the requests of the family."""
    found = clerk().orders.requests(member.account, member.family)
    values = {
        "requests": [ShownRequest(each) for each in found.requests],
        "copies": [(each, words.COPIES[each.maker], words.copy_state(each)) for each in found.copies],
        "consents": found.consents,
    }
    return render(request, "portal/requests.html", values)


@require_http_methods(["GET", "HEAD", "POST"])
@family_page
def one(request: HttpRequest, member: Member, order: str) -> HttpResponseBase:
    """Show one request, and take a message or an appeal about it within an opening."""
    name = OrderId(order)
    try:
        found = clerk().orders.request(member.account, member.family, name)
    except UsageError:
        # Why the list: the address is of another family, or was mistyped. It does not say which.
        return redirect("portal_requests", member.slug)
    open_now = clerk().families.open_until(member.account, member.family, member.session) is not None
    if request.GET.get("write") and not open_now and request.method != "POST":
        return ask_to_open(request, member)
    forms_of = _kept_text(request, order) if open_now else {MessageKind.MESSAGE: MessageForm(), MessageKind.APPEAL: AppealForm()}
    if request.method == "POST":
        kind = MessageKind.APPEAL if "appeal" in request.POST else MessageKind.MESSAGE
        form = (AppealForm if kind is MessageKind.APPEAL else MessageForm)(request.POST)
        forms_of[kind] = form
        if form.is_valid():
            try:
                clerk().orders.write(member.account, member.family, name, member.session, kind, next(iter(form.cleaned_data.values())))
            except OpeningNeeded:
                # Why kept, in the sealed session: what was written must not be lost while the person confirms.
                request.session[_DRAFT] = [order, kind.value, next(iter(form.cleaned_data.values()))]
                return ask_to_open(request, member, f"{request.path}?write=1")
            except (UsageError, IllegalTransition) as refusal:
                form.add_error(None, _refused(refusal))
            else:
                said = _("Your appeal is on its way.") if kind is MessageKind.APPEAL else _("Your message is on its way.")
                messages.success(request, said)
                return redirect("portal_request", member.slug, order)
    values = {"request_": ShownRequest(found.card), "detail": found, "open_now": open_now, **_told(found)}
    shown = {"message_form": forms_of[MessageKind.MESSAGE], "appeal_form": forms_of[MessageKind.APPEAL]}
    failed = next((form for form in forms_of.values() if form.errors), None)
    return render(request, "portal/request.html", {**values, **shown, "form": failed})


@require_safe
@family_page
def thread(request: HttpRequest, member: Member, order: str) -> HttpResponseBase:
    """Show what both sides wrote about a request; the account confirms first that it is at the keys."""
    try:
        found = clerk().orders.messages(member.account, member.family, OrderId(order), member.session)
    except UsageError:
        return redirect("portal_requests", member.slug)
    return render(request, "portal/thread.html", {"order": order, "thread": [ShownMessage(each) for each in found]})


def _kept_text(request: HttpRequest, order: str) -> dict[MessageKind, forms.Form]:
    """Return the forms of a request, with the text in them that was sent before the person confirmed."""
    about, kind, text = request.session.pop(_DRAFT, ["", "", ""])
    mine = {each: text if (about, kind) == (order, each.value) else None for each in (MessageKind.MESSAGE, MessageKind.APPEAL)}
    return {
        MessageKind.MESSAGE: MessageForm(initial={"text": mine[MessageKind.MESSAGE]}),
        MessageKind.APPEAL: AppealForm(initial={"appeal": mine[MessageKind.APPEAL]}),
    }


def _told(found: RequestDetail) -> dict[str, object]:
    return {
        "undone": [(words.kind_words(each.kind).capitalize(), words.reason_words(each.reason)) for each in found.undone],
        "kept": [(each.items, words.kind_words(each.kind, each.items), each.ground, each.until) for each in found.kept],
    }


def _refused(refusal: UsageError | IllegalTransition) -> str:
    """Return why the thread did not take a text, for the person."""
    if isinstance(refusal, IllegalTransition):
        return _("You have appealed already. You can write a message.")
    return _("This text could not be taken. Check that it is plain text and not too long. What you wrote stands below.")
