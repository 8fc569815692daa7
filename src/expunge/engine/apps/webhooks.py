"""Tell the web hooks of the map of each step of the orders that people asked for: at least once, by a ledger, retried for a day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from expunge.core.accounts.app_spec import WebhookSpec
from expunge.core.orders.webhooks import KEPT, TOLD_FOR, WebhookMessage, message_of, next_try
from expunge.core.values.ids import Pseudonym
from expunge.engine.requests.notices import NoticeIndex
from expunge.errors import Undelivered
from expunge.ports.clock import Clock
from expunge.ports.families.webhook_courier import WebhookCourier
from expunge.ports.families.webhook_ledger import WebhookLedger

_MOST_FAULT = 120
_AT_A_TIME = 100
_OVERLAP = timedelta(minutes=10)
"""A step may be written down so long after its time: other processes write too."""


@dataclass(frozen=True)
class WebhookRound:
    """The messages of one round of one hook, by what became of them."""

    taken: int = 0
    failed: int = 0


class Webhooks:
    """Finds steps and delivers messages about them. Safe between threads of one process, each with hooks of its own."""

    def __init__(
        self, notices: NoticeIndex, ledger: WebhookLedger, courier: WebhookCourier, handle_of: Callable[[Pseudonym], str], clock: Clock
    ) -> None:
        """Set up.

        Args:
            notices: knows the steps of orders.
            ledger: keeps messages.
            courier: delivers them.
            handle_of: gives the handle by which the app knows a family.
            clock: never goes back.
        """
        self._notices, self._ledger, self._courier, self._handle_of, self._clock = notices, ledger, courier, handle_of, clock
        self._read: dict[str, datetime] = {}
        """Hook -> the time of the newest step that was written down."""

    def tell(self, spec: WebhookSpec) -> WebhookRound:
        """Write down what a hook was not told of yet, and deliver what is due.

        The first message of a round that does not reach the hook ends the round: those behind it would wait as long. Raises as the ledger.
        """
        now = self._clock.now()
        known = self._read.get(spec.name)
        since = max(self._ledger.since(spec.name, now), now - TOLD_FOR, known - _OVERLAP if known else now - TOLD_FOR)
        self._notices.refresh()
        steps = self._notices.since(since)
        for start in range(0, len(steps), _AT_A_TIME):
            part = (message_of(step, spec.name, self._handle_of, now) for step in steps[start : start + _AT_A_TIME])
            self._ledger.add([message for message in part if message is not None])
        if steps:
            self._read[spec.name] = steps[-1].at
        taken = failed = 0
        for message in self._ledger.due(spec.name, now, _AT_A_TIME):
            if not self._deliver(spec, message):
                failed += 1
                break
            taken += 1
        return WebhookRound(taken, failed)

    def tidy(self) -> None:
        """Forget messages that are so old that no step would make them again."""
        self._ledger.forget(self._clock.now() - KEPT)

    def _deliver(self, spec: WebhookSpec, message: WebhookMessage) -> bool:
        now = self._clock.now()
        tried = replace(message, tries=message.tries + 1, first_at=message.first_at or now)
        try:
            self._courier.deliver(spec, message, now)
        except Undelivered as error:
            self._ledger.tried(replace(tried, due_at=next_try(tried, self._clock.now()), fault=error.message[:_MOST_FAULT]))
            return False
        self._ledger.tried(replace(tried, due_at=None, taken_at=self._clock.now(), fault=""))
        return True
