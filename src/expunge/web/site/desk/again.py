"""A passkey shown again in a session of staff: where the desk asks for a fresh login, or the keeper began anew."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from expunge.errors import ChallengeEnded, CredentialCopied, ProofRefused, UsageError
from expunge.web.site.accounts.guarding import guard, guard_session
from expunge.web.site.defence.outcomes import take_back_passkey
from expunge.web.site.staff import entering, record
from expunge.web.site.staff.entering import StaffRequest, staff_page
from expunge.web.site.staff.record import Outcome
from expunge.web.site.staff.sign_in import trouble
from expunge.web.site.staff.strength import SignInMethod

_STEP = "expunge_desk_again"


def lead(request: HttpRequest, why: str) -> HttpResponse:
    """Lead to the page on which a passkey is shown, which comes back to the present one; after a form, to the page that has it."""
    back = request.get_full_path() if request.method == "GET" else request.headers.get("Referer", "")
    request.session[_STEP] = {"token": "", "back": back}
    messages.info(request, why)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(headers={"HX-Redirect": reverse("desk_again")})
    return redirect("desk_again")


@require_safe
@staff_page()
def page(request: StaffRequest) -> HttpResponse:
    """Show the one button that there is."""
    return render(request, "desk/again.html")


@require_POST
@staff_page()
def begin(request: StaffRequest) -> JsonResponse:
    """Answer with a challenge for the browser."""
    ceremony = guard().begin_sign_in(guard_session(request))
    held = request.session.get(_STEP, {})
    request.session[_STEP] = {"token": ceremony.token, "back": held.get("back", "")}
    return JsonResponse({"options": ceremony.options, "finish": reverse("desk_again_finish")})


@require_POST
@staff_page()
def finish(request: StaffRequest) -> JsonResponse:
    """Take the signature: from now on the keeper knows that the passkey was shown in this session."""
    held = request.session.pop(_STEP, {})
    session = guard_session(request)
    try:
        account = guard().finish_sign_in(held.get("token", ""), session, request.POST.get("response", "").encode())
    except CredentialCopied:
        record.note(Outcome.COPIED, SignInMethod.PASSKEY)
        return trouble(_("This security key was copied, so it does not count any more. Use another passkey, and tell an administrator."))
    except ChallengeEnded:
        return trouble(_("That took too long. Try again."))
    except (ProofRefused, UsageError):
        record.note(Outcome.NOT_PROVEN, SignInMethod.PASSKEY)
        return trouble(_("This passkey does not open these pages. Use the one that you enrolled here."))
    if str(account) != request.staff.account:
        # Why ended: the keeper knows the session by the other account now.
        guard().end_sign_in(session)
        return trouble(_("This passkey belongs to another account. Use one of yours."))
    take_back_passkey(request)
    entering.begin(request, account, SignInMethod.PASSKEY)
    record.note(Outcome.CAME_IN, SignInMethod.PASSKEY)
    return JsonResponse({"to": _back(request, held.get("back", ""))})


def _back(request: HttpRequest, back: str) -> str:
    """Return the page of the desk to go back to; its first one where the address is no page of it."""
    home, there = reverse("desk_home"), back
    if not url_has_allowed_host_and_scheme(there, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return home
    path = there.partition(f"//{request.get_host()}")[2] or there
    return path if path.startswith(home) else home
