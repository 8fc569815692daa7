"""The desk as families have it: it takes their word about requests, and decides and shows nothing."""

from __future__ import annotations

from expunge.bootstrap.desk.access_service import NoLogins, NoPolicy, NoRecords
from expunge.bootstrap.desk.recordings import DeskRecordings
from expunge.bootstrap.vault.service import VaultService
from expunge.core.accounts.review_spec import ReviewSpec
from expunge.core.review.bounds import bounds_of
from expunge.engine.kernel.context import Context
from expunge.engine.review.desk import Desk


def desk_for_words(context: Context, vault: VaultService) -> Desk:
    """Return it. It needs no package of the desk: a family stops a look also where the policies cannot be read."""
    spec = context.data_map.review or ReviewSpec()
    return Desk.of(context, NoPolicy(), NoLogins(), NoRecords(), DeskRecordings(context, vault), bounds_of(spec), spec.limits.hours.zone)
