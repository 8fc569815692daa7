"""The sign-in of staff: a passkey that the keeper verifies, without a name and without a password."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from expunge.core.accounts.credential_strength import Audience
from expunge.core.accounts.staff_state import StaffStanding
from expunge.errors import ChallengeEnded, CredentialCopied, ProofRefused, UsageError
from expunge.web.site.accounts.guarding import guard, guard_session
from expunge.web.site.defence.outcomes import take_back_passkey
from expunge.web.site.staff import entering, record
from expunge.web.site.staff.entering import StaffRequest, is_staff, staff_page
from expunge.web.site.staff.record import Outcome
from expunge.web.site.staff.right_words import right_words
from expunge.web.site.staff.strength import SignInMethod, holds

_BEGUN = "expunge_staff_sign_in"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the one button that there is."""
    if is_staff(request):
        return redirect("staff_home")
    return render(request, "staff/sign_in.html")


@require_POST
def begin(request: HttpRequest) -> JsonResponse:
    """Answer with a challenge for the browser."""
    session = guard_session(request)
    ceremony = guard().begin_sign_in(session)
    request.session[_BEGUN] = ceremony.token
    return JsonResponse({"options": ceremony.options, "finish": reverse("staff_sign_in_finish")})


@require_POST
def finish(request: HttpRequest) -> JsonResponse:
    """Begin a session for the account whose passkey signed."""
    token = request.session.pop(_BEGUN, "")
    try:
        account = guard().finish_sign_in(token, guard_session(request), request.POST.get("response", "").encode())
    except CredentialCopied:
        record.note(Outcome.COPIED, SignInMethod.PASSKEY)
        return trouble(_("This security key was copied, so it does not count any more. Use another passkey, and tell an administrator."))
    except ChallengeEnded:
        return trouble(_("That took too long. Try again."))
    except (ProofRefused, UsageError):
        record.note(Outcome.NOT_PROVEN, SignInMethod.PASSKEY)
        return trouble(_("This passkey does not open these pages. Use the one that you enrolled here."))
    member = entering.register().member(str(account))
    if member is None:
        # The same words as for a passkey that is not known: a customer's opens nothing here.
        record.note(Outcome.NOT_PROVEN, SignInMethod.PASSKEY)
        return trouble(_("This passkey does not open these pages. Use the one that you enrolled here."))
    if member.standing is not StaffStanding.ACTIVE:
        record.note(Outcome.CLOSED, SignInMethod.PASSKEY)
        return trouble(_("This account is closed now. An administrator can open it again."))
    if not holds(member, SignInMethod.PASSKEY, guard().level(account, Audience.STAFF)):
        record.note(Outcome.TOO_WEAK, SignInMethod.PASSKEY)
        return trouble(_("This account has a way in that is too weak for staff. An administrator can help."))
    take_back_passkey(request)
    entering.begin(request, account, SignInMethod.PASSKEY)
    record.note(Outcome.CAME_IN, SignInMethod.PASSKEY)
    return JsonResponse({"to": reverse("staff_home")})


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("staff_sign_in")


@require_safe
@staff_page()
def home(request: StaffRequest) -> HttpResponse:
    """Show the account, and what it may do."""
    rights = [right_words(each) for each in sorted(request.staff.rights)]
    # What it shows is out of date once one of them is gone.
    request.needs = ",".join(sorted(request.staff.rights)) or request.needs
    return render(request, "staff/home.html", {"member": request.staff, "rights": rights})


def trouble(words: str) -> JsonResponse:
    """Answer a ceremony that went wrong, in words that the page shows."""
    return JsonResponse({"trouble": words}, status=400)
