"""Signed forms of people who ask to be guardian: an employee looks at each, and accepts or refuses it with a passkey.

The clerk has the forms. It asks the register of staff for the right, and takes a decision by a permit that the keeper gave for it alone.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.staff import StaffRight
from expunge.core.consent.consent_request_events import ScanRefusal
from expunge.errors import ChallengeEnded, CredentialCopied, GuardianshipRefused, NotPermitted, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import PasskeyProof
from expunge.ports.families.doors import FamilyDoors
from expunge.ports.families.guardian_door import ACCEPT, GuardianDoor, ScanCard
from expunge.web.site.accounts.guarding import guard, guard_session
from expunge.web.site.staff.entering import StaffRequest, staff_page
from expunge.web.site.staff.sign_in import trouble

_STEP = "expunge_staff_form"
"""The key of a session under which the challenge of its decision lies."""
_REFUSALS: dict[ScanRefusal, str | Promise] = {
    ScanRefusal.UNREADABLE: gettext_lazy("The picture cannot be read"),
    ScanRefusal.NOT_SIGNED: gettext_lazy("It is not signed"),
    ScanRefusal.OTHER_FORM: gettext_lazy("It has another number"),
    ScanRefusal.NOT_A_PARENT: gettext_lazy("It does not show that a parent or guardian signed"),
}
_ENDINGS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}


@require_safe
@staff_page(StaffRight.CHECK_FORMS)
def waiting(request: StaffRequest) -> HttpResponse:
    """Show the forms that wait, oldest first; none of them names a person."""
    return render(request, "staff/forms.html", {"forms": _door().waiting(UUID(request.staff.account))})


@require_safe
@staff_page(StaffRight.CHECK_FORMS)
def form(request: StaffRequest, asked: str) -> HttpResponse:
    """Show one form's number and what it is about, and take a decision."""
    card = _card(request, asked)
    refusals = [(each.name, words, each.again) for each, words in _REFUSALS.items()]
    return render(request, "staff/form.html", {"card": card, "refusals": refusals, "accept": ACCEPT})


@require_safe
@staff_page(StaffRight.CHECK_FORMS)
def scan(request: StaffRequest, asked: str) -> HttpResponse:
    """Hand out a scan as a file: no browser opens it as a page of ours."""
    try:
        media_type, body = _door().scan(UUID(request.staff.account), asked)
    except GuardianshipRefused as refusal:
        raise Http404 from refusal
    headers = {"Content-Disposition": f'attachment; filename="form.{_ENDINGS.get(media_type, "bin")}"', "Cache-Control": "no-store"}
    return HttpResponse(body, content_type=media_type or "application/octet-stream", headers=headers)


@require_POST
@staff_page(StaffRight.CHECK_FORMS)
def begin(request: StaffRequest, asked: str) -> JsonResponse:
    """Answer with a challenge for the passkey of the employee who decides."""
    decision, digest = request.POST.get("decision", ""), request.POST.get("scan", "")
    if decision != ACCEPT and decision not in ScanRefusal.__members__:
        return trouble(_("Choose what you decide."))
    details = (("decision", decision), ("request", asked), ("scan", digest))
    ask = Ask(AskKind.APPROVAL, UUID(request.staff.account), details=details)
    try:
        ceremony = guard().begin_ask(guard_session(request), ask)
    except (NotPermitted, UsageError):
        return trouble(_("This account has no passkey that could confirm it."))
    request.session[_STEP] = {"token": ceremony.token, "details": [list(each) for each in details]}
    return JsonResponse({"options": ceremony.options, "finish": reverse("staff_form_finish", args=[asked])})


@require_POST
@staff_page(StaffRight.CHECK_FORMS)
def finish(request: StaffRequest, asked: str) -> JsonResponse:  # noqa: ARG001 - the address of one form
    """Have the clerk enter the decision that the passkey signed."""
    held = request.session.pop(_STEP, None)
    if held is None:
        return trouble(_("That took too long. Try again."))
    ask = Ask(AskKind.APPROVAL, UUID(request.staff.account), details=tuple((name, value) for name, value in held["details"]))
    session, proof = guard_session(request), PasskeyProof(request.POST.get("response", "").encode())
    try:
        _door().decide(guard().finish_ask(held["token"], session, ask, proof), session, ask)
    except CredentialCopied:
        return trouble(_("This security key was copied, so it does not count any more. Use another passkey, and tell an administrator."))
    except ChallengeEnded:
        return trouble(_("That took too long. Try again."))
    except GuardianshipRefused:
        return trouble(_("Another scan came, or the request ended. Nothing was decided. Look at the list again."))
    except (NotPermitted, ProofRefused, UsageError):
        return trouble(_("The passkey did not confirm this. Nothing has changed."))
    accepted = ask.detail("decision") == ACCEPT
    messages.success(request, _("The form is accepted.") if accepted else _("The form is refused, and its picture is erased."))
    return JsonResponse({"to": reverse("staff_forms")})


def _card(request: StaffRequest, asked: str) -> ScanCard:
    found = next((card for card in _door().waiting(UUID(request.staff.account)) if card.request == asked), None)
    if found is None:
        raise Http404
    return found


def _door() -> GuardianDoor:
    clerk: FamilyDoors = settings.EXPUNGE_CLERK
    return clerk.guardians
