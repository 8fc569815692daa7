"""The review desk over the clerk's socket: what each verb answers, and to whom it answers nothing."""

from __future__ import annotations

from tests.adapters.rendering.recorded import decoded
from tests.web.site.desk.kit import Desk


def test_a_lease_shows_a_rendition_and_nothing_after_it_was_revoked(office: Desk) -> None:
    lease = office.leased()
    reviewer = office["reviewer"].caller
    made = office.door.segment(reviewer, lease.lease, 0, 2000)
    assert decoded(made.data).kinds == {"video"}
