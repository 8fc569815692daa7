"""The desk of a process that shows recordings: policies, records of people, bounds and time zone by the map."""

from __future__ import annotations

from expunge.bootstrap.desk.policies import PolicyService
from expunge.bootstrap.desk.recordings import DeskRecordings
from expunge.bootstrap.vault.service import VaultService
from expunge.core.accounts.review_spec import ReviewSpec
from expunge.core.review.bounds import bounds_of
from expunge.engine.kernel.context import Context
from expunge.engine.review.desk import Desk
from expunge.engine.review.reviewers import LedgerRecords
from expunge.ports.review.seats import SeatLogins


def desk_of(context: Context, policies: PolicyService, vault: VaultService, logins: SeatLogins) -> Desk:
    """Return the desk. Policies that differ from those in force are entered in the journal first.

    A map without a section ``review`` gives a desk that refuses everything. Raises Misconfigured where Cedar is not installed,
    StateUnavailable, StateCorrupt.
    """
    spec = context.data_map.review or ReviewSpec()
    recordings = DeskRecordings(context, vault)
    return Desk.of(context, policies.in_force(), logins, LedgerRecords(context), recordings, bounds_of(spec), spec.limits.hours.zone)
