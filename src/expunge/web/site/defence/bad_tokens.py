"""Bad tokens at the API, as tries of the same attacks as those at the pages."""

from __future__ import annotations

from django.db import close_old_connections

from expunge.core.attempts.attempt_limits import Surface
from expunge.errors import ExpungeError
from expunge.web.site.defence import throttle
from expunge.web.site.defence.throttle import Attempt
from expunge.web.site.shell.keeper_first import take_site_key


def refused_token(client: str) -> None:
    """Count a token that was refused against its client and network, and enter it where they are suspects.

    A good token is let in whatever these counts say; the API has a limit of its own for how many bad ones it answers.
    Nothing is counted where this process never had the keeper's key: the count would be found under another name later.
    """
    try:
        take_site_key()
    except ExpungeError:
        return
    close_old_connections()
    attempt = Attempt(Surface.API_TOKEN, client)
    throttle.admit(attempt)
    throttle.settle(attempt)
