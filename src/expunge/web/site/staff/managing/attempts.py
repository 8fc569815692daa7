"""Login attempts and attacks, in numbers: no page names a person, an account or a machine."""

from __future__ import annotations

from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, cast

from django.core.exceptions import PermissionDenied
from django.db.models import Sum
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from expunge import clock
from expunge.core.accounts.staff import StaffRight
from expunge.core.attempts.attempt_limits import Surface
from expunge.core.attempts.spray import AttackKind
from expunge.errors import Refused
from expunge.web.site.defence import by_surface, incidents
from expunge.web.site.defence.incidents import AttackReport
from expunge.web.site.defence.models import StaffEntry
from expunge.web.site.staff.entering import StaffRequest, StaffView, register, staff_page
from expunge.web.site.staff.record import Outcome
from expunge.web.site.staff.right_words import right_words
from expunge.web.site.staff.strength import SignInMethod

RIGHTS = (StaffRight.READ_STAFF, StaffRight.READ_EVIDENCE)
"""Each of them opens these pages."""
_P = ParamSpec("_P")
_SPANS: dict[str, tuple[str | Promise, timedelta]] = {
    "day": (gettext_lazy("24 hours"), timedelta(days=1)),
    "week": (gettext_lazy("7 days"), timedelta(days=7)),
    "month": (gettext_lazy("30 days"), timedelta(days=30)),
    "quarter": (gettext_lazy("90 days"), timedelta(days=90)),
}
_SURFACES: dict[Surface, str | Promise] = {
    Surface.LOGIN: gettext_lazy("Address and password"),
    Surface.PASSKEY: gettext_lazy("Passkeys"),
    Surface.SECOND_FACTOR: gettext_lazy("Codes after the password"),
    Surface.REAUTHENTICATION: gettext_lazy("Confirming again"),
    Surface.PASSWORD_CHANGE: gettext_lazy("Change of a password"),
    Surface.PASSWORD_RESET: gettext_lazy("Forgotten password"),
    Surface.MAIL_CODE: gettext_lazy("Codes from mails"),
    Surface.SIGN_UP: gettext_lazy("New accounts"),
    Surface.PROVIDER_BUTTON: gettext_lazy("Logins at a company, begun"),
    Surface.PROVIDER: gettext_lazy("Logins at a company, come back"),
    Surface.HAND_OVER: gettext_lazy("Links from the company's app"),
    Surface.API_TOKEN: gettext_lazy("Programs"),
    Surface.OTHER: gettext_lazy("Other forms"),
}
_OUTCOMES: dict[Outcome, str | Promise] = {
    Outcome.CAME_IN: gettext_lazy("Came in"),
    Outcome.ENROLLED: gettext_lazy("Enrolled with a link"),
    Outcome.NOT_PROVEN: gettext_lazy("The passkey opens nothing here"),
    Outcome.COPIED: gettext_lazy("A copied security key"),
    Outcome.CLOSED: gettext_lazy("The account is closed"),
    Outcome.TOO_WEAK: gettext_lazy("A way in is too weak"),
    Outcome.BAD_LINK: gettext_lazy("The link opens nothing"),
    Outcome.OTHER_NETWORK: gettext_lazy("From another network"),
}
_METHODS: dict[str, str | Promise] = {
    SignInMethod.PASSKEY.value: gettext_lazy("Passkey"),
    SignInMethod.PROVIDER.value: gettext_lazy("The company's own login"),
    SignInMethod.RESISTANT_PROVIDER.value: gettext_lazy("The company's own login, with a passkey there"),
}
_KINDS: dict[AttackKind, str | Promise] = {
    AttackKind.SPRAY: gettext_lazy("Many accounts were tried"),
    AttackKind.CONCENTRATED: gettext_lazy("One account was tried again and again"),
}


def _watched(view: StaffView[_P]) -> StaffView[_P]:
    """Admit who has one of the rights, and note its use before anything is read."""

    @wraps(view)
    def page(request: StaffRequest, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        right = next((each for each in RIGHTS if each in request.staff.rights), None)
        if right is None:
            return render(request, "staff/no_right.html", {"right": right_words(RIGHTS[0])}, status=403)
        try:
            register().note_use(request.staff.account, right)
        except Refused as error:
            raise PermissionDenied from error
        request.needs = "+".join(each.value for each in RIGHTS)
        return view(request, *args, **kwargs)

    return cast("StaffView[_P]", page)


@require_safe
@staff_page()
@_watched
def attempts(request: StaffRequest) -> HttpResponse:
    """Show attacks, tries by way in, and how employees came in."""
    chosen = request.GET.get("over", "")
    chosen = chosen if chosen in _SPANS else "week"
    span = _SPANS[chosen][1]
    values = {
        "attacks": [_attack(each) for each in incidents.recent()],
        "tries": [{"words": _SURFACES[each.surface], "numbers": each} for each in by_surface.numbers(span)],
        "entries": _entries(span),
        "spans": [{"word": word, "words": words, "chosen": word == chosen} for word, (words, _span) in _SPANS.items()],
    }
    return render(request, "staff/attempts.html", values)


@require_safe
@staff_page()
@_watched
def incident(request: StaffRequest, number: int) -> HttpResponse:
    """Show one attack: what was tried, and what held."""
    found = incidents.report_of(number)
    if found is None:
        raise Http404
    return render(request, "staff/incident.html", _attack(found))


def _attack(report: AttackReport) -> dict[str, Any]:
    return {
        "report": report,
        "words": _KINDS[report.kind],
        "many": report.kind is AttackKind.SPRAY,
        "looked_at": max(0, report.tries - report.refused),
        "lasted": (report.closed or clock.now()) - report.begun,
    }


def _entries(span: timedelta) -> list[dict[str, Any]]:
    """Return how employees came in, or did not: by outcome and method."""
    rows = StaffEntry.objects.filter(hour__gte=clock.now() - span).values_list("outcome", "method").annotate(all=Sum("tries"))
    order = {each.value: number for number, each in enumerate(Outcome)}
    return [
        {"words": _OUTCOMES[Outcome(outcome)], "method": _METHODS.get(method, ""), "tries": tries, "good": outcome == Outcome.CAME_IN}
        for outcome, method, tries in sorted(rows, key=lambda row: (order[row[0]], row[1]))
    ]
