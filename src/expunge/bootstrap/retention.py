"""The service for retention."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from expunge import durable
from expunge.bootstrap.open_state import published
from expunge.bootstrap.service import DomainService
from expunge.bootstrap.state_folder import GATE
from expunge.core.journal.posting_events import Postings
from expunge.core.retention import disclosure
from expunge.core.retention.disclosure import RetentionDisclosure
from expunge.core.retention.inactivity import InactiveProfile
from expunge.core.retention.public_claims import CheckedClaim, Published
from expunge.core.retention.retention_rules import DatasetAge
from expunge.core.values.ids import Pseudonym
from expunge.core.values.periods import Period
from expunge.engine.families.stopping import own_periods
from expunge.engine.retention import expiry, inactive_profiles, postings, published_policy
from expunge.engine.retention.expiry import MOST, ExpiryRun
from expunge.engine.retention.inactive_profiles import InactivityWatch
from expunge.engine.retention.postings import NoticeStanding
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import Misconfigured, UsageError
from expunge.ports.keys import InstallationKeys


@dataclass(frozen=True)
class RetentionService(DomainService):
    """Items past their period, orders for them, and public claims about retention."""

    state: Path
    keys: InstallationKeys

    def preview(self, proposed: Mapping[str, Period] | None = None) -> tuple[DatasetAge, ...]:
        """Return the ages of all items, and those that are due now or would be; see :func:`expunge.engine.retention.expiry.preview`."""
        return expiry.preview(self.context, proposed)

    def retire(self, *, most: int = MOST, requester: str = "") -> ExpiryRun:
        """Receive orders for due items: one by the map's periods, and one for each person of whom a family chose a shorter one.

        See :func:`expunge.engine.retention.expiry.retire` and :func:`expunge.engine.families.stopping.own_periods.retire`.
        """
        with self.alone():
            run = expiry.retire(self.context, most=most, requester=requester)
            own = own_periods.retire(self.context)
            return replace(run, orders=(*run.orders, *own.orders), own=len(own.orders), own_left_out=len(own.left_out))

    def watch(self) -> InactivityWatch:
        """Find unused profiles and give up those not kept; see :func:`expunge.engine.retention.inactive_profiles.watch`."""
        with self.alone():
            return inactive_profiles.watch(self.context)

    def idle(self) -> dict[Pseudonym, InactiveProfile]:
        """Every profile that was ever flagged as unused."""
        return inactive_profiles.states(self.context)

    def keep(self, person: ResolvedName, by: str) -> InactiveProfile:
        """Keep a flagged profile, or one that was given up while nothing of it was erased.

        Takes a turn among writers only for the latter: of a flagged one the register decides who was first.
        """
        subject = person.person.subject
        state = self.idle().get(subject)
        if state is not None and state.open:
            with suppress(UsageError):
                return inactive_profiles.keep(self.context, subject, by)
        with self.changing():
            return inactive_profiles.keep(self.context, subject, by, late=True)

    def claims(self) -> tuple[CheckedClaim, ...]:
        """Compare public claims with the estate. A claim that became false is entered into the register."""
        with self.alone():
            return published_policy.watch(self.context, self._refused)

    def public(self) -> Published:
        """Return the public claims of now, and those known to be false."""
        return published_policy.published(self.context)

    def publish(self, folder: Path) -> tuple[CheckedClaim, ...]:
        """Write the policy as ``policy.html`` and ``policy.md`` and enter its sentences; nothing where one of them is not true.

        Returns every sentence with what was found. Raises Misconfigured when the folder cannot be written to.
        """
        found = published_policy.check(self.context, self._refused)
        with self.changing():
            made = published_policy.policy(self.context)
            if all(each.true for each in found):
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    pages = [(folder / "policy.html", made.html.encode()), (folder / "policy.md", made.markdown.encode())]
                    durable.write_all(pages, at="policy.publish.page", mode=0o644)
                except OSError as error:
                    message = f"the policy cannot be written to {folder}: {error.strerror}"
                    raise Misconfigured(message, help="name a folder that can be written to") from error
                published_policy.publish(self.context, made)
        return found

    def disclosures(self) -> tuple[RetentionDisclosure, ...]:
        """Return what pages tell the public of the retention of whereabouts and voices, by the map as it is now."""
        return disclosure.disclosures(self.context.data_map)

    def postings(self) -> Postings:
        """Return which texts pages showed the public, and when."""
        return postings.postings(self.context)

    def notices(self) -> tuple[NoticeStanding, ...]:
        """Return how far each notice of an order was posted as the map says."""
        return postings.standings(self.context)

    def _refused(self) -> frozenset[bytes]:
        return published(self.state / GATE, self.keys)
