"""Decisions about staff, step by step: the form, what it means in plain words, and the passkey of who decides.

The decision itself travels through the browser, signed for the account and the session. The passkey signs its digest, and the keeper
takes it for these bytes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from expunge.core.accounts import staff_acts
from expunge.core.accounts.staff import JobFunction, StaffRight
from expunge.core.accounts.staff_acts import InviteStaff, StaffAct, ask_for
from expunge.errors import AlreadyThere, NotPermitted, ProofRefused, Refused, UsageError
from expunge.ports.accounts.account_guard import PERMIT_SECONDS, PasskeyProof
from expunge.web.site.accounts.guarding import guard, guard_session
from expunge.web.site.shell.typed import row_number
from expunge.web.site.staff import entering
from expunge.web.site.staff.entering import StaffRequest, staff_page
from expunge.web.site.staff.managing import decisions, reading, refusals
from expunge.web.site.staff.managing.decisions import KINDS, InviteForm, Kind
from expunge.web.site.staff.managing.reading import HeldFunction, Person
from expunge.web.site.staff.managing.repeated import RepeatedCalls
from expunge.web.site.staff.sign_in import trouble

_SALT = "expunge.staff.decision"
_OPEN = 15 * 60
"""Seconds for which a page may be open before its decision is not taken any more."""
_BEGUN = "expunge_staff_decisions"
"""The key of a session under which the challenges of its decisions lie, by the digest of each."""
_MOST_BEGUN = 8
_REFUSED = (Refused, ProofRefused, NotPermitted, UsageError)
_DECIDED: RepeatedCalls[dict[str, str]] = RepeatedCalls(PERMIT_SECONDS)


@dataclass(frozen=True)
class Signed:
    """A decision that a page showed."""

    decision: bytes
    changes: int
    """What was decided about the account when the page was made."""
    label: str
    which: str
    """The account in addresses; empty for an invitation."""


@require_http_methods(["GET", "POST"])
@staff_page(StaffRight.MANAGE_STAFF)
def invite(request: StaffRequest) -> HttpResponse:
    """Invite a person: the form, then what it means."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    values = {"form": form, "title": _("Invite a person")}
    if request.method != "POST" or request.POST.get("step") == "change" or not form.is_valid():
        return render(request, "staff/invite.html", values)
    act = InviteStaff(form.cleaned_data["label"], JobFunction(form.cleaned_data["function"]))
    if not _allowed(request, act, 0, form):
        return render(request, "staff/invite.html", values)
    return _shown(request, act, Signed(staff_acts.encode(act), 0, act.label, ""), _("Invite a person"))


@require_http_methods(["GET", "POST"])
def decide(request: HttpRequest, which: str, kind: str, function: str = "") -> HttpResponseBase:
    """Decide about an account: the form, then what it means."""
    found = KINDS.get(kind)
    if found is None or found.of_function is not bool(function):
        raise Http404
    return staff_page(found.right)(_decide_about)(request, found, which, function)


def _decide_about(request: StaffRequest, kind: Kind, which: str, function: str) -> HttpResponse:
    person = reading.read(request).person(which)
    held = _function(person, kind, function) if function else None
    if function and held is None:
        messages.error(request, _("There is nothing left to decide there. This is how the account stands now."))
        return redirect("staff_person", which)
    title = str(kind.title) % {"label": person.label}
    posted = request.method == "POST"
    form = kind.form(request.POST if posted else None, held)
    values = {"form": form, "title": title, "person": person, "function": held, "kind": kind, "changes": person.account.changes}
    seen = row_number(request.POST.get("changes", "")) or 0
    if not posted or request.POST.get("step") == "change" or not _filled(form, changed=seen != person.account.changes):
        return render(request, "staff/decide.html", values)
    act = kind.act(form, person, held)
    if not _allowed(request, act, seen, form):
        return render(request, "staff/decide.html", values)
    return _shown(request, act, Signed(staff_acts.encode(act), seen, person.label, person.which), title)


@require_POST
@staff_page()
def begin(request: StaffRequest) -> JsonResponse:
    """Answer with a challenge for the passkey of who decides."""
    signed = _read(request)
    if signed is None:
        return trouble(_("This page was open for too long. Nothing was decided. Begin again from the account."))
    try:
        ceremony = guard().begin_ask(guard_session(request), ask_for(signed.decision, UUID(request.staff.account)))
    except _REFUSED as error:
        return trouble(refusals.words_of(error))
    begun = dict(request.session.get(_BEGUN, {}))
    begun[_digest(signed)] = ceremony.token
    request.session[_BEGUN] = dict(list(begun.items())[-_MOST_BEGUN:])
    return JsonResponse({"options": ceremony.options, "finish": reverse("staff_decide_finish")})


@require_POST
@staff_page()
def finish(request: StaffRequest) -> JsonResponse:
    """Have the keeper enter the decision that the passkey signed. The same form again gets the same answer."""
    signed = _read(request)
    if signed is None:
        return trouble(_("This page was open for too long. Nothing was decided. Begin again from the account."))
    token, response = request.session.get(_BEGUN, {}).get(_digest(signed), ""), request.POST.get("response", "").encode()
    call = sha256(b"\0".join((guard_session(request), token.encode(), signed.decision, response))).digest()
    try:
        return JsonResponse(_DECIDED.answer(call, lambda: _decided(request, signed, token, response)))
    except _REFUSED as error:
        return trouble(refusals.words_of(error))


def _decided(request: StaffRequest, signed: Signed, token: str, response: bytes) -> dict[str, str]:
    account, session = request.staff.account, guard_session(request)
    permit = guard().finish_ask(token, session, ask_for(signed.decision, UUID(account)), PasskeyProof(response))
    act = staff_acts.decode(signed.decision)
    made = entering.register().decide(act, permit, account, session.hex(), signed.changes)
    if made.secret:
        return {"link": f"{settings.EXPUNGE_SITE.origin}{reverse('staff_enrol')}#{made.secret}"}
    messages.success(request, decisions.done(act, signed.label))
    return {"to": reverse("staff_person", args=[signed.which])}


def _function(person: Person, kind: Kind, word: str) -> HeldFunction | None:
    """Return the job function that a page is about; None where nothing is left to decide there. Raises Http404 for a word that is none."""
    if word not in {each.value for each in JobFunction}:
        raise Http404
    held = next((each for each in person.functions if each.function == word), HeldFunction(JobFunction(word), ()))
    return held if kind.rights(held) else None


def _filled(form: forms.Form, *, changed: bool) -> bool:
    """Return whether a form is filled and still about the account as it is."""
    filled = form.is_valid()
    if changed:
        form.errors.clear()
        form.add_error(None, refusals.changed())
    return filled and not changed


def _allowed(request: StaffRequest, act: StaffAct, changes: int, form: forms.Form) -> bool:
    """Hold a decision against the rules; add to the form what they have against it."""
    try:
        entering.register().try_out(act, request.staff.account, changes)
    except _REFUSED as error:
        form.add_error("label" if isinstance(error, AlreadyThere) else None, refusals.words_of(error))
        return False
    return True


def _shown(request: StaffRequest, act: StaffAct, signed: Signed, title: str) -> HttpResponse:
    typed = [(name, value) for name in request.POST for value in request.POST.getlist(name) if name not in {"csrfmiddlewaretoken", "step"}]
    body = {"d": signed.decision.decode(), "n": signed.changes, "l": signed.label, "w": signed.which, "by": request.staff.account}
    values = {
        "title": title,
        "said": decisions.said(act, signed.label),
        "decision": signing.dumps({**body, "s": _seat(request)}, salt=_SALT),
        "typed": typed,
        "person": signed.which,
        "invites": isinstance(act, InviteStaff),
    }
    return render(request, "staff/confirm.html", values)


def _read(request: StaffRequest) -> Signed | None:
    """Return the decision that a form holds; None where it is not ours, is of another account or session, or too old."""
    try:
        body: dict[str, Any] = signing.loads(request.POST.get("decision", ""), salt=_SALT, max_age=_OPEN)
    except signing.BadSignature:
        return None
    if body["by"] != request.staff.account or body["s"] != _seat(request):
        return None
    return Signed(body["d"].encode(), body["n"], body["l"], body["w"])


def _seat(request: StaffRequest) -> str:
    # Why no more than a digest: what is signed can be read, and the session's own bytes stay on the server.
    return sha256(guard_session(request)).hexdigest()


def _digest(signed: Signed) -> str:
    return sha256(signed.decision).hexdigest()
