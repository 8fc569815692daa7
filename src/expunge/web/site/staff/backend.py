"""The authentication backend of sessions of staff. The keeper admits; this gives no session by itself."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend

from expunge.web.site.accounts.models import Account


class StaffBackend(BaseBackend):
    """Gives the account of a session that the keeper's answer began."""

    def get_user(self, user_id: Any) -> Account | None:
        """Return the account of a session; None where there is none any more."""
        return Account.objects.filter(pk=user_id, is_active=True).first()
