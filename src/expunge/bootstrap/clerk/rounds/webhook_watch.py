"""The clerk's threads that tell web hooks of the steps of orders."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from expunge.bootstrap.clerk.household import KeptHousehold
from expunge.bootstrap.open_state import read_installed
from expunge.core.accounts.app_spec import WebhookSpec
from expunge.errors import ExpungeError

EVERY = 2.0
"""Seconds between two rounds."""
_TIDY_EVERY = 1800
"""Rounds between two looks for old messages."""
_MOST_AT_ONCE = 8
_ENDS_WITHIN = 15.0


class WebhookWatch:
    """Looks for steps every few seconds, from :meth:`begin` to :meth:`end`. A map without web hooks is not opened for it."""

    def __init__(self, kept: KeptHousehold, map_path: Path, every: float = EVERY) -> None:
        """Take the household; ``every``: seconds between two rounds."""
        self._kept, self._map_path, self._every = kept, map_path, every
        self._ending = threading.Event()
        self._watching: threading.Thread | None = None
        self._stamp: tuple[int, int] = (0, 0)
        self._hooks: tuple[WebhookSpec, ...] = ()

    def begin(self) -> None:
        """Begin, in a thread beside."""
        self._watching = threading.Thread(target=self._watch, name="expunge-webhooks", daemon=True)
        self._watching.start()

    def end(self) -> None:
        """End; a message that is on its way may be sent once more at the next start. Safe to call twice."""
        self._ending.set()
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.join(_ENDS_WITHIN)

    def _watch(self) -> None:
        rounds = 0
        with ThreadPoolExecutor(_MOST_AT_ONCE, "webhooks") as hands:
            while not self._ending.wait(self._every):
                # Why no error: state, keeper or map may be away for a while, and the next round is soon.
                with suppress(ExpungeError, OSError):
                    list(hands.map(self._tell, self._named()))
                    if rounds % _TIDY_EVERY == 0 and self._hooks:
                        self._tidy()
                    rounds += 1

    def _tell(self, hook: WebhookSpec) -> None:
        with suppress(ExpungeError), self._kept.used() as household:
            if household.apps.webhooks is not None:
                household.apps.webhooks.tell(hook)

    def _tidy(self) -> None:
        with self._kept.used() as household:
            if household.apps.webhooks is not None:
                household.apps.webhooks.tidy()

    def _named(self) -> tuple[WebhookSpec, ...]:
        """Return the web hooks of the map as it is now, which is read again only where its file has changed."""
        status = self._map_path.stat()
        stamp = status.st_mtime_ns, status.st_size
        if stamp != self._stamp:
            spec = read_installed(self._map_path).accounts
            self._hooks, self._stamp = spec.app.webhooks if spec is not None and spec.app is not None else (), stamp
        return self._hooks
