"""The services of an installation, one for each domain beside erasing. Each is imported and made at its first use.

A command needs one or two of them. All together import most of the package, which takes longer than the work of most commands.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING

from expunge.bootstrap.queries import Queries

if TYPE_CHECKING:
    from expunge.adapters.database.journal_django import DjangoJournal
    from expunge.adapters.keeper.keeper_vault import KeeperVault
    from expunge.bootstrap.accounts.family_service import FamilyService
    from expunge.bootstrap.accounts.notice_service import NoticeService
    from expunge.bootstrap.accounts.staffing import StaffService
    from expunge.bootstrap.accounts.thread_service import ThreadService
    from expunge.bootstrap.clerk.webhook_service import WebhookService
    from expunge.bootstrap.consents import ConsentService
    from expunge.bootstrap.deadline_service import DeadlineService
    from expunge.bootstrap.desk.access_service import AccessService
    from expunge.bootstrap.desk.finding_service import FindingService
    from expunge.bootstrap.desk.incident_service import IncidentService
    from expunge.bootstrap.desk.policies import PolicyService
    from expunge.bootstrap.desk.reviewers import ReviewerService
    from expunge.bootstrap.disgorgements import DisgorgementService
    from expunge.bootstrap.exports.export_service import ExportService
    from expunge.bootstrap.gates import GateService
    from expunge.bootstrap.holds import HoldService
    from expunge.bootstrap.parts.scoped_orders import ModelService, OrderService
    from expunge.bootstrap.recipients import RecipientService
    from expunge.bootstrap.records import RecordService
    from expunge.bootstrap.retention import RetentionService
    from expunge.bootstrap.use_records import UseRecordService
    from expunge.bootstrap.vault.adopting.adoption import AdoptionService
    from expunge.bootstrap.vault.derivations import DerivationService
    from expunge.bootstrap.vault.epochs import EpochService
    from expunge.bootstrap.vault.opening_service import OpeningService
    from expunge.bootstrap.vault.readings import ReadingService
    from expunge.bootstrap.vault.service import VaultService
    from expunge.bootstrap.vault.vaults import Vaults


class Services(Queries):
    """The domains of an installation."""

    _journal: DjangoJournal
    _vaults: Vaults
    _door: KeeperVault | None

    @cached_property
    def scoped(self) -> OrderService:
        """Orders that do not reach everything of a person."""
        from expunge.bootstrap.parts.scoped_orders import OrderService

        return OrderService(self.context, self._changing, self._alone)

    @cached_property
    def dues(self) -> DeadlineService:
        """Deadlines, and more time where a law gives it."""
        from expunge.bootstrap.deadline_service import DeadlineService

        return DeadlineService(self.context, self._changing, self._alone)

    @cached_property
    def holds(self) -> HoldService:
        """Legal reasons to keep named items for a named time."""
        from expunge.bootstrap.holds import HoldService

        return HoldService(self.context, self._changing, self._alone)

    @cached_property
    def recipients(self) -> RecipientService:
        """Third parties that received data."""
        from expunge.bootstrap.recipients import RecipientService

        return RecipientService(self.context, self._changing, self._alone)

    @cached_property
    def retention(self) -> RetentionService:
        """Items past their period, and orders for them."""
        from expunge.bootstrap.retention import RetentionService

        return RetentionService(self.context, self._changing, self._alone, self.state, self._keys)

    @cached_property
    def gates(self) -> GateService:
        """The pipelines' side: the gate that they ask, and the manifests that they hand back."""
        from expunge.bootstrap.gates import GateService

        return GateService(self.context, self._changing, self._alone, self.state, self._keys)

    @cached_property
    def consents(self) -> ConsentService:
        """Consents, and the guardians who decide for children."""
        from expunge.bootstrap.consents import ConsentService

        return ConsentService(self.context, self._changing, self._alone)

    @cached_property
    def uses(self) -> UseRecordService:
        """Reviews of uses of location, and assurances of recipients of children's data."""
        from expunge.bootstrap.use_records import UseRecordService

        return UseRecordService(self.context, self._changing, self._alone)

    @cached_property
    def policies(self) -> PolicyService:
        """The policies of the review desk."""
        from expunge.bootstrap.desk.policies import PolicyService

        return PolicyService(self.context, self._changing, self._alone)

    @cached_property
    def reviewers(self) -> ReviewerService:
        """Records of reviewers and approvers."""
        from expunge.bootstrap.desk.reviewers import ReviewerService

        return ReviewerService(self.context, self._changing, self._alone)

    @cached_property
    def staff(self) -> StaffService:
        """The register of staff."""
        from expunge.bootstrap.accounts.staffing import StaffService

        return StaffService(self.context, self._changing, self._alone)

    @cached_property
    def families(self) -> FamilyService:
        """Memberships of families."""
        from expunge.bootstrap.accounts.family_service import FamilyService

        return FamilyService(self.context, self._changing, self._alone)

    @cached_property
    def threads(self) -> ThreadService:
        """Messages about orders, and the company's answers."""
        from expunge.bootstrap.accounts.thread_service import ThreadService

        return ThreadService(self.context, self._changing, self._alone)

    @cached_property
    def notices(self) -> NoticeService:
        """Letters with a ledger."""
        from expunge.bootstrap.accounts.notice_service import NoticeService

        return NoticeService(self.context, self._changing, self._alone)

    @cached_property
    def webhooks(self) -> WebhookService:
        """Messages to web hooks that were not taken."""
        from expunge.bootstrap.clerk.webhook_service import WebhookService

        return WebhookService(self.context, self._changing, self._alone)

    @cached_property
    def disgorgements(self) -> DisgorgementService:
        """Orders of destruction."""
        from expunge.bootstrap.disgorgements import DisgorgementService

        return DisgorgementService(self.context, self._changing, self._alone)

    @cached_property
    def exports(self) -> ExportService:
        """Copies of what is held about a person."""
        from expunge.bootstrap.exports.export_service import ExportService

        return ExportService(self.context, self._changing, self._alone)

    @cached_property
    def models(self) -> ModelService:
        """Artefacts learnt from people's data."""
        from expunge.bootstrap.parts.scoped_orders import ModelService

        return ModelService(self.context, self._changing, self._alone)

    @cached_property
    def records(self) -> RecordService:
        """Records of what was asked, answered and done."""
        from expunge.bootstrap.records import RecordService

        return RecordService(self.context, self._changing, self._alone, self.published_policy)

    @cached_property
    def vault(self) -> VaultService:
        """Recordings taken into vaults, and opened for programs."""
        from expunge.bootstrap.vault.kept_vault import KeptVault
        from expunge.bootstrap.vault.service import VaultService

        way = KeptVault(self.map, self._door) if self._door else None
        return VaultService(self.context, self._changing, self._alone, self._vaults, self.gates.open, way)

    @cached_property
    def openings(self) -> OpeningService:
        """The register of openings."""
        from expunge.bootstrap.vault.opening_service import OpeningService

        return OpeningService(self.context, self._changing, self._alone, self.vault)

    @cached_property
    def access(self) -> AccessService:
        """The review desk as the operator has it."""
        from expunge.bootstrap.desk.access_service import AccessService

        return AccessService(self.context, self._changing, self._alone, self.vault)

    @cached_property
    def incidents(self) -> IncidentService:
        """Incidents."""
        from expunge.bootstrap.desk.incident_service import IncidentService

        return IncidentService(self.context, self._changing, self._alone)

    @cached_property
    def findings(self) -> FindingService:
        """What is noticed about people who look at recordings."""
        from expunge.bootstrap.desk.finding_service import FindingService

        return FindingService(self.context, self._changing, self._alone, self.state)

    @cached_property
    def epochs(self) -> EpochService:
        """Epochs of the one key table that all vaults share."""
        from expunge.bootstrap.vault.epochs import EpochService

        return EpochService(self.context, self._changing, self._alone, self._vaults)

    @cached_property
    def adoption(self) -> AdoptionService:
        """Recordings in the clear that are adopted into a vault."""
        from expunge.bootstrap.vault.adopting.adoption import AdoptionService

        return AdoptionService(self.context, self._changing, self._alone, self._vaults, self.gates.open)

    @cached_property
    def readings(self) -> ReadingService:
        """What programs have read of a vault."""
        from expunge.bootstrap.vault.readings import ReadingService

        return ReadingService(self.context, self._changing, self._alone, self._vaults, self.gates.open)

    @cached_property
    def derivations(self) -> DerivationService:
        """Things made from sealed recordings, and sealed."""
        from expunge.bootstrap.vault.derivations import DerivationService

        return DerivationService(self.context, self._changing, self._alone, self._vaults, self.gates.open)

    def _alone(self) -> AbstractContextManager[None]:
        """The right to run orders; others wait, then get Busy."""
        return self._journal.exclusive()

    def _changing(self) -> AbstractContextManager[None]:
        """The right to change what orders share (registers, snapshot), for a moment: beside a run, and in turn."""
        return self._journal.changing()
