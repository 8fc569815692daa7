"""Enrolment of an employee: a link that works once, and a passkey that the keeper takes for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST, require_safe

from expunge.core.accounts import staff_acts
from expunge.errors import AlreadyThere, ChallengeEnded, NotPermitted, ProofRefused, UsageError
from expunge.web.site.accounts.guarding import guard, guard_session
from expunge.web.site.defence.outcomes import take_back_passkey
from expunge.web.site.shell.devices import device_name
from expunge.web.site.staff import entering, record
from expunge.web.site.staff.record import Outcome
from expunge.web.site.staff.sign_in import trouble
from expunge.web.site.staff.strength import SignInMethod

_UNDER_WAY = "expunge_staff_enrolment"
_MOST_SECRET = 256
_WHY = {
    staff_acts.LINK_USED: gettext_noop("This link was used already. If it was not you who used it, tell an administrator now."),
    staff_acts.FIRST_ENROLLED: gettext_noop("Another person used this link first, and is the administrator. Ask for one of your own."),
    staff_acts.LINK_WITHDRAWN: gettext_noop("This link was withdrawn, or a newer one took its place. Ask for the newer one."),
    staff_acts.LINK_ENDED: gettext_noop("This link is older than 72 hours. Ask an administrator for a new one."),
    staff_acts.INVITER_GONE: gettext_noop("The account that made this link may invite no more. Ask an administrator for a new one."),
}
"""Why a link opens nothing, as the register says it -> what the person reads. Only who has the secret of a link is told."""
_UNKNOWN = gettext_noop("This is no link that we made. Copy it again, from the beginning to the end.")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show where the link goes in. Its secret stands behind the ``#``, and a script puts it into the form."""
    return render(request, "staff/enrol.html")


@require_POST
def prove(request: HttpRequest) -> JsonResponse:
    """Use the link, and answer with the options for a passkey. The same browser may do it again until it has one."""
    session = guard_session(request)
    secret = request.POST.get("secret", "").strip().rpartition("#")[2][:_MOST_SECRET]
    try:
        account, permit = guard().prove_by_invitation(session, secret)
        ceremony = guard().begin_enrolment(account, session, permit)
    except NotPermitted:
        record.note(Outcome.BAD_LINK)
        return trouble(_("You have used this link already. Log in with the passkey that you made."))
    except (ChallengeEnded, ProofRefused, UsageError) as error:
        record.note(Outcome.BAD_LINK)
        return trouble(_(_WHY.get(error.message, _UNKNOWN)))
    request.session[_UNDER_WAY] = {"account": str(account), "token": ceremony.token}
    return JsonResponse({"options": ceremony.options, "finish": reverse("staff_enrol_finish")})


@require_POST
def finish(request: HttpRequest) -> JsonResponse:
    """Have the passkey enrolled, and begin a session."""
    held: dict[str, Any] = request.session.get(_UNDER_WAY) or {}
    if not held:
        return trouble(_("That took too long. Open the link again."))
    account, session = UUID(held["account"]), guard_session(request)
    name = device_name(request.headers.get("User-Agent", ""))[:64]
    try:
        guard().finish_enrolment(held["token"], account, session, request.POST.get("response", "").encode(), name)
    except AlreadyThere:
        return trouble(_("This passkey belongs to another account. Make a new one."))
    except NotPermitted:
        return trouble(_("You have used this link already. Log in with the passkey that you made."))
    except ChallengeEnded:
        return trouble(_("That took too long. Open the link again."))
    except (ProofRefused, UsageError):
        record.note(Outcome.NOT_PROVEN, SignInMethod.PASSKEY)
        return trouble(_("The new passkey could not be checked. Try again, with the lock of the device."))
    take_back_passkey(request)
    entering.begin(request, account, SignInMethod.PASSKEY)
    record.note(Outcome.ENROLLED, SignInMethod.PASSKEY)
    return JsonResponse({"to": reverse("staff_security")})
