"""The passkeys of an employee and the browsers that are signed in: listed, added, removed, ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from expunge.core.accounts.asks import Ask, AskKind
from expunge.errors import AlreadyThere, ChallengeEnded, CredentialCopied, NotPermitted, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import MOST_NAME, PasskeyProof
from expunge.web.site.accounts import sessions
from expunge.web.site.accounts.guarding import account_of, guard, guard_session
from expunge.web.site.shell.devices import device_name
from expunge.web.site.shell.typed import row_number
from expunge.web.site.staff.entering import StaffRequest, staff_page
from expunge.web.site.staff.sign_in import trouble

_STEP = "expunge_staff_step"


@require_safe
@staff_page()
def page(request: StaffRequest) -> HttpResponse:
    """Show the passkeys with their fingerprints, and the browsers that are signed in."""
    cards = guard().credentials(UUID(request.staff.account))
    open_sessions = UserSession.objects.purge_and_list(account_of(request))
    for each in open_sessions:
        each.name = device_name(each.user_agent)
    good = [each for each in cards if each.copied_at is None]
    values = {"cards": cards, "only_one": len(good) == 1, "member": request.staff, "sessions": open_sessions, "most": MOST_NAME}
    return render(request, "staff/security.html", values)


@require_POST
@staff_page()
def begin_adding(request: StaffRequest) -> JsonResponse:
    """Ask for a signature of a passkey that the account has, which lets it add another one."""
    name = request.POST.get("name", "").strip()
    if not name or len(name) > MOST_NAME or not name.isprintable():
        return trouble(_("Give the new passkey a name: where it lies, such as a key ring."))
    return _asked(request, Ask(AskKind.ENROL_CREDENTIAL, UUID(request.staff.account)), reverse("staff_adding_confirmed"), name=name)


@require_POST
@staff_page()
def adding_confirmed(request: StaffRequest) -> JsonResponse:
    """Take the signature, and answer with the options for the new passkey."""

    def act(permit: str, _ask: Ask, session: bytes) -> dict[str, Any]:
        account = UUID(request.staff.account)
        ceremony = guard().begin_enrolment(account, session, permit)
        request.session[_STEP] = {**held, "token": ceremony.token}
        return {"options": ceremony.options, "finish": reverse("staff_adding_finish")}

    held = request.session.get(_STEP) or {}
    return _confirmed(request, act)


@require_POST
@staff_page()
def finish_adding(request: StaffRequest) -> JsonResponse:
    """Have the new passkey enrolled."""
    held = request.session.get(_STEP) or {}
    try:
        response = request.POST.get("response", "").encode()
        guard().finish_enrolment(held.get("token", ""), UUID(request.staff.account), guard_session(request), response, held.get("name", ""))
    except (AlreadyThere, NotPermitted):
        return trouble(_("This passkey could not be added: it is enrolled already, or there are too many."))
    except ChallengeEnded:
        return trouble(_("That took too long. Try again."))
    except (ProofRefused, UsageError):
        return trouble(_("The new passkey could not be checked. Try again, with the lock of the device."))
    request.session.pop(_STEP, None)
    messages.success(request, _("The passkey is added."))
    return JsonResponse({"to": reverse("staff_security")})


@require_POST
@staff_page()
def begin_removing(request: StaffRequest) -> JsonResponse:
    """Ask for a signature that lets the account remove a passkey."""
    named = request.POST.get("credential", "")
    if all(each.id != named for each in guard().credentials(UUID(request.staff.account))):
        return trouble(_("This account has no such passkey any more. Open the page again."))
    ask = Ask(AskKind.REMOVE_CREDENTIAL, UUID(request.staff.account), details=(("credential", named),))
    return _asked(request, ask, reverse("staff_removing_confirmed"))


@require_POST
@staff_page()
def removing_confirmed(request: StaffRequest) -> JsonResponse:
    """Take the signature, and remove the passkey."""

    def act(permit: str, ask: Ask, session: bytes) -> dict[str, Any]:
        guard().remove_credential(permit, session, ask)
        messages.success(request, _("The passkey is removed. It no longer opens these pages."))
        return {"to": reverse("staff_security")}

    return _confirmed(request, act)


@require_POST
@staff_page()
def end_sessions(request: StaffRequest) -> HttpResponse:
    """End one session of the account, or all but this one."""
    account, said = account_of(request), request.POST.get("number", "")
    # Why all but this one, whichever is meant: what the keeper knows a session by lies in that session, sealed.
    guard().end_sign_ins(UUID(request.staff.account), guard_session(request))
    if not said:
        sessions.end_all(account, but=request)
        return redirect("staff_security")
    number = row_number(said)
    if number is None:
        raise Http404
    here = any(each.is_current() for each in UserSession.objects.filter(user=account, pk=number))
    sessions.end_one(account, number)
    if here:
        logout(request)
        return redirect("staff_sign_in")
    return redirect("staff_security")


def _asked(request: StaffRequest, ask: Ask, finish: str, **kept: str) -> JsonResponse:
    try:
        ceremony = guard().begin_ask(guard_session(request), ask)
    except (NotPermitted, UsageError):
        return trouble(_("This account has no passkey that could confirm it."))
    details = [list(each) for each in ask.details]
    request.session[_STEP] = {"token": ceremony.token, "kind": ask.kind.value, "details": details, **kept}
    return JsonResponse({"options": ceremony.options, "finish": finish})


def _confirmed(request: StaffRequest, act: Callable[[str, Ask, bytes], dict[str, Any]]) -> JsonResponse:
    held = request.session.pop(_STEP, None)
    if held is None:
        return trouble(_("That took too long. Try again."))
    details = tuple((name, value) for name, value in held["details"])
    ask, session = Ask(AskKind(held["kind"]), UUID(request.staff.account), details=details), guard_session(request)
    proof = PasskeyProof(request.POST.get("response", "").encode())
    try:
        permit = guard().finish_ask(held["token"], session, ask, proof)
        told = act(permit, ask, session)
    except CredentialCopied:
        return trouble(_("This security key was copied, so it does not count any more. Use another passkey, and tell an administrator."))
    except NotPermitted:
        return trouble(_("This is the last passkey that counts. Add another one first."))
    except ChallengeEnded:
        return trouble(_("That took too long. Try again."))
    except (ProofRefused, UsageError):
        return trouble(_("The passkey did not confirm this. Nothing has changed."))
    return JsonResponse(told)
