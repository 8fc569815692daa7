"""The rounds of a desk: a lease ends though no stream waits and no fetch comes, and the log has every event a second later."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext

from expunge.bootstrap.desk.lease_rounds import LeaseRounds
from expunge.core.journal.review_words import LeaseEnding
from expunge.engine.review import who_looked
from tests.engine.review.desk_company import DeskCompany
from tests.engine.review.test_desk import by_family


def comes_true(what: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.05)
    return False


def test_a_lease_ends_and_the_log_is_written_without_a_caller(office: DeskCompany) -> None:
    lease = by_family(office).begun.lease
    with LeaseRounds(lambda: nullcontext(office.viewing)):
        office.fetch(lease)
        office.withdraw()
        assert comes_true(lambda: office.reviews().leases[lease].ended is not None)
        ended = office.reviews().leases[lease].ended
        assert ended is not None
        assert (ended.why, ended.by) == (LeaseEnding.CONSENT_WITHDRAWN, "")
        # The last entry of the log and its note wait for the next one.
        assert comes_true(lambda: who_looked.prove(office.desk.context).waiting == 2)
    assert who_looked.prove(office.desk.context).faults == []
