"""Bad tokens at the API, as tries of the same attacks as those at the pages."""

from __future__ import annotations

from django.db import close_old_connections

from expunge.core.accounts.attempt_limits import Surface
from expunge.web.site.defence import throttle
from expunge.web.site.defence.throttle import Attempt


def refused_token(client: str) -> None:
    """Count a token that was refused against its client and network, and enter it where they are suspects.

    A good token is let in whatever these counts say; the API has a limit of its own for how many bad ones it answers.
    """
    close_old_connections()
    attempt = Attempt(Surface.API_TOKEN, client)
    throttle.admit(attempt)
    throttle.settle(attempt)
