"""The code by mail with which a person asks for a recovery, kept in the session of the browser that asked."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.code_verification import AbstractCodeVerificationProcess
from allauth.account.internal.flows.signup import send_unknown_account_mail
from django.http import HttpRequest

KEY = "expunge_recovery_code"
LASTS = 15 * 60
"""Seconds for which a code is taken."""
_ATTEMPTS = 3


class RecoveryCode(AbstractCodeVerificationProcess):  # type: ignore[misc]
    """A code that was sent. An address without an account gets a mail that says so, and its browser the same page."""

    def __init__(self, request: HttpRequest, state: dict[str, Any], user: Any = None) -> None:
        """Take what the session holds."""
        self.request = request
        super().__init__(state=state, timeout=LASTS, max_attempts=_ATTEMPTS, user=user)

    @classmethod
    def initiate(cls, request: HttpRequest, user: Any, email: str) -> RecoveryCode:
        """Send a code to an address; ``user`` is the account that has it, or None."""
        process = cls(request, cls.initial_state(user, email), user)
        process.send()
        process.persist()
        return process

    @classmethod
    def resume(cls, request: HttpRequest) -> RecoveryCode | None:
        """Return the code that this browser waits for; None without, or where it is too old."""
        state = request.session.get(KEY)
        found: RecoveryCode | None = cls(request, state).abort_if_invalid() if state else None
        return found

    def persist(self) -> None:
        """Keep it in the session."""
        self.request.session[KEY] = self.state

    def abort(self) -> None:
        """Forget it."""
        self.request.session.pop(KEY, None)

    def send(self) -> None:
        """Send it."""
        email = self.state["email"]
        if self.user is None:
            send_unknown_account_mail(self.request, email)
            return
        adapter = get_adapter(self.request)
        self.state["code"] = adapter.generate_login_code()
        adapter.send_mail("accounts/mail/recovery_code", email, {"code": self.code})
