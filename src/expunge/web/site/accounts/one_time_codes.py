"""Codes of an authenticator app (TOTP, RFC 6238): each step once, over all processes, and one step of skew either way.

Nothing else of the pages checks such a code.
"""

from __future__ import annotations

import time

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.db import IntegrityError, transaction

from expunge.web.site.accounts.models import Account, CodeStep

STEP = 30
"""Seconds of a step."""
SKEW = 1
"""Steps by which the clock of a device may be off, either way."""
_FAR = 40
"""Steps within which a wrong clock is recognised at enrolment."""


def take(account: Account, code: str) -> bool:
    """Take a code of the enrolled app. Return whether it is right and neither it nor a later one was taken before."""
    way = Authenticator.objects.filter(user=account, type=Authenticator.Type.TOTP).first()
    if way is None:
        return False
    step = _step_of(get_adapter().decrypt(way.data["secret"]), code, SKEW)
    return step is not None and _advance(account, step)


def take_first(account: Account, seed: str, code: str) -> bool:
    """Take the first code of an app that is being enrolled. Return whether it is right; it is good for no login afterwards."""
    step = _step_of(seed, code, SKEW)
    if step is None:
        return False
    # Why whatever was taken before: it was of another seed.
    CodeStep.objects.update_or_create(account=account, defaults={"step": step})
    return True


def minutes_off(seed: str, code: str) -> int | None:
    """Return by how many minutes the clock of the device is off, below zero where it is late; None where the code is of no near time."""
    step = _step_of(seed, code, _FAR)
    return None if step is None else round((step - _now()) * STEP / 60)


def _step_of(seed: str, code: str, skew: int) -> int | None:
    now = _now()
    found = None
    # Why to the end: how long it takes says nothing of where the code was found.
    for step in range(now - skew, now + skew + 1):
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(seed, step))):
            found = step
    return found


def _advance(account: Account, step: int) -> bool:
    if CodeStep.objects.filter(account=account, step__lt=step).update(step=step):
        return True
    try:
        with transaction.atomic():
            CodeStep.objects.create(account=account, step=step)
    except IntegrityError:
        return False
    return True


def _now() -> int:
    return int(time.time()) // STEP
