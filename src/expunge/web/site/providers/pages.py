"""The pages that say what became of a login at a company."""

from __future__ import annotations

import time
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from expunge.core.accounts.accounts_spec import ProviderAudience, ProviderSpec
from expunge.web.site.providers.protocol.problems import Problem, ProviderTrouble
from expunge.web.site.staff import record
from expunge.web.site.staff.record import Outcome
from expunge.web.site.staff.strength import SignInMethod

_STATUS = {
    Problem.AWAY: HTTPStatus.SERVICE_UNAVAILABLE,
    Problem.CLOCK: HTTPStatus.BAD_GATEWAY,
    Problem.UNTRUSTED: HTTPStatus.BAD_GATEWAY,
    Problem.NOT_SET_UP: HTTPStatus.BAD_GATEWAY,
    Problem.LATE: HTTPStatus.BAD_REQUEST,
}
_FOR_OPERATOR = frozenset({Problem.AWAY, Problem.CLOCK, Problem.UNTRUSTED, Problem.NOT_SET_UP})
_RECORDED = frozenset({Problem.TOO_WEAK, Problem.CLOSED})
"""Told to the record of staff where they are decided."""
_TELL_EVERY = 600.0
"""Seconds between two lines about the same trouble of a provider."""
_told: dict[tuple[str, str], float] = {}


def problem_page(request: HttpRequest, spec: ProviderSpec, trouble: ProviderTrouble) -> HttpResponse:
    """Say what went wrong, what still holds, and what to do."""
    _tell_operator(spec, trouble)
    if spec.audience is ProviderAudience.STAFF and trouble.problem not in _RECORDED:
        record.note(Outcome.NOT_PROVEN, SignInMethod.PROVIDER)
    values = {"trouble": trouble.problem.value, "provider": spec, "staff": spec.audience is ProviderAudience.STAFF}
    return render(request, "providers/problem.html", values, status=_STATUS.get(trouble.problem, HTTPStatus.FORBIDDEN))


def taken_page(request: HttpRequest, spec: ProviderSpec) -> HttpResponse:
    """Say that the address has an account, which the person has to log in to first."""
    return render(request, "providers/taken.html", {"provider": spec}, status=HTTPStatus.CONFLICT)


def _tell_operator(spec: ProviderSpec, trouble: ProviderTrouble) -> None:
    name, now = (spec.id, str(trouble)), time.monotonic()
    if trouble.problem in _FOR_OPERATOR and now - _told.get(name, -_TELL_EVERY) >= _TELL_EVERY:
        _told[name] = now
        settings.EXPUNGE_TELL(f"logins by the provider {spec.id} do not work: {trouble}")
