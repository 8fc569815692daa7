"""Sensitive asks on pages: what is asked in plain words, a passkey or a code that confirms it, and the act with the keeper's permit.

The page confirms and the act follows at once: nothing has to be pressed again. A room that has a sensitive ask does this:

1. Give the ask a kind in :mod:`expunge.core.accounts.asks`, and say there whether it is about a family, or of staff.
2. Write the act in the keeper: it takes the permit by ``use_permit`` right before it acts, and looks at nothing else that the page says.
3. Write ``act(request, ask, permit, given)``: call the keeper with the permit, and answer with the page that follows.
4. Call :func:`offer` where the room's addresses are made, with the question, what then happens, and the page to go back to.
5. In the view behind the button, make the :class:`~expunge.core.accounts.asks.Ask` from what the keeper says, and return
   ``begin(request, ask, …)``; what the act or the text needs beside the ask follows by name, and stays in the session.
6. Let errors of the guard through: this page says what they mean. Catch in ``act`` what only the room can say, as a hand-over does.
7. Test the journey with ``HttpPerson.confirm``, and the attack at the guard: another ask, family, session, or a credential that waits.

``families/hand_over.py`` is an example of all of it. Decisions of staff have a page of their own, ``staff/managing/deciding.py``: what is
signed there are the bytes of the decision, which travel in the form, and the answer can be a secret that no page may hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from expunge.core.accounts.asks import Ask, AskKind
from expunge.errors import Busy, ChallengeEnded, CredentialCopied, ExpungeError, NotPermitted, ProofRefused, Undelivered, UsageError
from expunge.ports.accounts.account_guard import CodeProof, CredentialCard, PasskeyProof
from expunge.ports.accounts.authenticators import Options
from expunge.web.site.accounts import guarding
from expunge.web.site.accounts.forms import PasskeyAnswer
from expunge.web.site.accounts.guarding import guard, guard_session
from expunge.web.site.accounts.models import Account
from expunge.web.site.factors import protecting
from expunge.web.site.factors.waiting import waits_of

_ASKED, _FIRST = "expunge_asked", "expunge_asked_first"
"""What a browser is asked; what it was asked before its account had anything that could confirm it."""
_TO_KNOWN, _TO_NEW = "known", "new"
"""Where a code went: to the address that the account logs in with, or to one that it changed to and has not confirmed."""
Given = Mapping[str, str]
"""What an act needs beside the ask, such as the address whose digest the ask names. It is kept in the session."""


@dataclass(frozen=True)
class AskPage:
    """How one kind of sensitive ask is shown, and what is done once it is confirmed."""

    title: Callable[[HttpRequest, Ask, Given], str]
    """What is asked, as a question."""
    text: Callable[[HttpRequest, Ask, Given], str]
    """What then happens, and what cannot be taken back."""
    act: Callable[[HttpRequest, Ask, str, Given], HttpResponse]
    """Does it with the permit and answers. Errors of the guard become a message, and lead to :attr:`back`."""
    back: str
    """The name of the address that the person came from."""
    danger: bool = False
    detail: Callable[[HttpRequest, Ask, Given], SafeString] | None = None
    """Further lines below the text, as HTML of a template; None for none."""


_PAGES: dict[AskKind, AskPage] = {}


def offer(kind: AskKind, page: AskPage) -> None:
    """Show asks of a kind by a page, from now on."""
    _PAGES[kind] = page


def begin(request: HttpRequest, ask: Ask, **given: str) -> HttpResponse:
    """Lead to the page that confirms an ask; what this browser was asked before is asked no more."""
    request.session[_ASKED] = {
        "kind": ask.kind.value,
        "account": str(ask.account),
        "family": ask.family,
        "details": list(ask.details),
        "given": given,
    }
    return redirect("accounts_confirm")


class _Proof(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code"), required=False, max_length=32, widget=forms.TextInput(attrs={"autocomplete": "one-time-code"})
    )
    credential = PasskeyAnswer(required=False)


@require_http_methods(["GET", "POST"])
@login_required
def confirm(request: HttpRequest) -> HttpResponse:
    """Show an ask and take its confirmation; then do it."""
    account = request.user
    assert isinstance(account, Account)
    held = request.session.get(_ASKED) or _waiting(request, account)
    if held is None or held["account"] != str(account.pk):
        return redirect("home")
    asked = _Asked(request, account, held)
    if request.method != "POST":
        return asked.shown()
    if request.POST.get("ask") != asked.ask.digest.hex():
        messages.info(request, _("You were asked something else in another window. Look at what is shown here before you confirm."))
        return redirect("accounts_confirm")
    if request.POST.get("action") == "resend":
        held.pop("sent", None)
        request.session.modified = True
        return redirect("accounts_confirm")
    return asked.answered()


def _waiting(request: HttpRequest, account: Account) -> dict[str, Any] | None:
    """Return what was asked before the account had a way to confirm, once it has one; it is asked from now on."""
    held: dict[str, Any] | None = request.session.get(_FIRST)
    if held is None or held["account"] != str(account.pk) or not guard().credentials(account.pk):
        return None
    request.session[_ASKED] = held
    del request.session[_FIRST]
    protecting.arrived(request)
    return held


class _Asked:
    """The ask that a browser is asked."""

    def __init__(self, request: HttpRequest, account: Account, held: dict[str, Any]) -> None:
        self._request, self._account, self._held = request, account, held
        details = tuple((name, value) for name, value in held["details"])
        self.ask = Ask(AskKind(held["kind"]), UUID(held["account"]), held["family"], details)
        self._page, self._given = _PAGES[self.ask.kind], held["given"]

    def shown(self, problem: str = "") -> HttpResponse:
        """Show it, with a new challenge."""
        cards = guard().credentials(self._account.pk)
        if not cards:
            return self._by_mail(problem)
        try:
            begun = guard().begin_ask(guard_session(self._request), self.ask)
        except NotPermitted:
            return self._left(_not_now(cards, self.ask.kind))
        self._keep(token=begun.token, sent="")
        waits = [card for card in waits_of(cards) if card.wait and not card.wait.first]
        return self._render(problem, options=begun.options, with_code=begun.takes_code, waits=waits)

    def answered(self) -> HttpResponse:
        """Take the proof; do it, or show it again with what was wrong."""
        form = _Proof(self._request.POST)
        proof = form.cleaned_data if form.is_valid() else {}
        session = guard_session(self._request)
        try:
            if self._held.get("sent"):
                permit = guard().prove_by_code(self._account.pk, session, proof.get("code", ""))
            else:
                permit = guard().finish_ask(self._held.get("token", ""), session, self.ask, _proof(proof))
        except CredentialCopied:
            return self.shown(_("This passkey was refused, as there may be a copy of it. We have written to you what to do."))
        except Busy:
            return self.shown(_("There were too many wrong codes. Wait an hour, then try again."))
        except (ProofRefused, ChallengeEnded, NotPermitted, UsageError):
            wrong = _("This is not the code. Use the newest one.") if proof.get("code") else _("That confirmed nothing. Try again.")
            return self.shown(wrong)
        self._proven("" if self._held.get("sent") else Authenticator.Type.TOTP if proof.get("code") else Authenticator.Type.WEBAUTHN)
        del self._request.session[_ASKED]
        try:
            return self._page.act(self._request, self.ask, permit, self._given)
        except (Busy, ChallengeEnded, NotPermitted, ProofRefused, UsageError) as refusal:
            if isinstance(refusal, NotPermitted) and self.ask.kind is not AskKind.REMOVE_CREDENTIAL:
                return self._left(_not_now(guard().credentials(self._account.pk), self.ask.kind))
            return self._left(refused(refusal))

    def _proven(self, factor: str) -> None:
        """Note what the person has shown: it ends delays after failures, and a factor stands for what other pages would ask again."""
        if factor:
            record_authentication(self._request, self._account, "mfa", type=factor, reauthenticated=True)
        else:
            record_authentication(self._request, self._account, "code")

    def _by_mail(self, problem: str) -> HttpResponse:
        """Show it to an account that has nothing which could confirm it: its mail address does, where the ask allows that."""
        if not self.ask.kind.by_mail:
            # Why kept: to add one is confirmed as well, which takes the place of this ask.
            self._request.session[_FIRST] = self._request.session.pop(_ASKED)
            why = _("First add a passkey or a code app. It then confirms what only you may do.")
            return protecting.protect_first(self._request, reverse("accounts_confirm"), why)
        if is_mfa_enabled(self._account, ["webauthn", "totp"]):
            # Why: it is from before the keeper had any, and its owner has more than a mailbox to show.
            raise_if_reauthentication_required(self._request, app="allauth.mfa")
        if not self._held.get("sent"):
            try:
                known = guarding.send_ask_code(self._request, self._account, self.ask.kind)
            except Busy:
                return self._left(_("Too many codes were sent to your address. Wait an hour, then try again."))
            except Undelivered:
                return self._left(_("Our mail cannot go out right now. Nothing is lost: ask for a new mail in a few minutes."))
            self._keep(token="", sent=_TO_KNOWN if known else _TO_NEW)
        return self._render(problem, address=guarding.address_of(self._account) if self._held["sent"] == _TO_KNOWN else "")

    def _render(self, problem: str, options: Options | None = None, **values: Any) -> HttpResponse:
        form = _Proof({} if problem else None)
        if problem and form.is_valid():
            # Why of none where a passkey is asked for: the field of its answer is not seen.
            form.add_error(None if options is not None else "code", problem)
        return render(
            self._request,
            "accounts/confirm.html",
            {
                "title": self._page.title(self._request, self.ask, self._given),
                "text": self._page.text(self._request, self.ask, self._given),
                "detail": self._page.detail(self._request, self.ask, self._given) if self._page.detail else "",
                "danger": self._page.danger,
                "back": self._page.back,
                "ask": self.ask.digest.hex(),
                "form": form,
                "passkey": options is not None,
                "js_data": {"request_options": {"publicKey": options}},
                **values,
            },
        )

    def _keep(self, **values: str) -> None:
        self._held.update(values)
        self._request.session.modified = True

    def _left(self, why: str) -> HttpResponse:
        self._request.session.pop(_ASKED, None)
        messages.error(self._request, why)
        return redirect(self._page.back)


def _not_now(cards: Sequence[CredentialCard], kind: AskKind) -> str:
    """Return in words why an account may not do an ask now."""
    if cards and all(card.copied_at for card in cards):
        return _("There may be a copy of your passkey, so it confirms nothing any more. Log out, and choose “Get back in” at the login.")
    waits = [card.wait for card in waits_of(cards) if card.wait and (not card.wait.first or kind.closed_at_times)]
    if waits and len(waits) == sum(card.copied_at is None for card in cards):
        until = date_format(waits[-1].until.astimezone(UTC), "DATETIME_FORMAT")
        return _("What you added a short while ago does not confirm this before %(until)s (UTC). Nothing was done.") % {"until": until}
    return _("Your account may not do this now. After a recovery, some things stay closed for seven days.")


def refused(error: ExpungeError) -> str:
    """Return in words for a person why the guard did not do it."""
    match error:
        case NotPermitted():
            return _(
                "That is not possible now. A last way to confirm always stays, and one that you added a short while ago does not count yet."
            )
        case Busy():
            return _("That was asked too often. Wait a few minutes, then try again.")
        case _:
            return _("The confirmation had ended. Nothing was done: begin again.")


def _proof(given: Mapping[str, Any]) -> PasskeyProof | CodeProof:
    if code := given.get("code"):
        return CodeProof(code)
    return PasskeyProof(json.dumps(given.get("credential")).encode())
