"""The verbs of an installation: from a data map to ports, and from ports to ``Expunge``. Both layers are thin."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from expunge.adapters.commands.local_commands import LocalCommands
from expunge.adapters.files.gate_file import FileGatePublisher
from expunge.adapters.files.index_files import FileIndex
from expunge.adapters.files.places_files import FilePlaces
from expunge.adapters.files.trainings_files import FileTrainings
from expunge.adapters.host.clocks import MonotonicClock, SystemClock
from expunge.adapters.host.gc_tuning import RelaxedCollector
from expunge.adapters.keys.local_keystore import create
from expunge.adapters.outbound import lineage_http
from expunge.bootstrap import applied_map, discovering, rolled_back, worker_process
from expunge.bootstrap.accounts.approver_passkeys import require_holder
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
from expunge.bootstrap.exports.sealed_shelf import SealedExportShelf
from expunge.bootstrap.gates import GateService
from expunge.bootstrap.holds import HoldService
from expunge.bootstrap.keeping import open_keys, vault_door_beside
from expunge.bootstrap.open_state import (
    InstallationState,
    installed_version,
    latest,
    map_file,
    open_state,
    origin_of,
    published,
    read_installed,
    require_unused,
    witnesses_of,
)
from expunge.bootstrap.queries import Queries
from expunge.bootstrap.recipients import RecipientService
from expunge.bootstrap.records import RecordService
from expunge.bootstrap.retention import RetentionService
from expunge.bootstrap.rolled_back import StateComparison
from expunge.bootstrap.service import ModelService, OrderService
from expunge.bootstrap.state_folder import EXPORTS, GATE, INDEX, KEYS, PLACES, SCRATCH, require_keys
from expunge.bootstrap.use_records import UseRecordService
from expunge.bootstrap.vault.adopting.adoption import AdoptionService
from expunge.bootstrap.vault.derivations import DerivationService
from expunge.bootstrap.vault.epochs import EpochService
from expunge.bootstrap.vault.kept_vault import KeptVault
from expunge.bootstrap.vault.opening_service import OpeningService
from expunge.bootstrap.vault.readings import ReadingService
from expunge.bootstrap.vault.service import VaultService
from expunge.bootstrap.vault.vaults import Vaults
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.mapdiff import digest
from expunge.core.discovery.discovery import Discovery
from expunge.core.export.wanted_export import EVERYTHING, ExportProgress, WantedExport
from expunge.core.journal.events import RollbackAccepted
from expunge.core.orders.run import Run
from expunge.core.values.cause import BY_THE_OPERATOR, ByGuardian, OnRequest
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.aftercare import journal_rollback, later_look, lineage_events, reappeared_data, restored_stores, sweeping
from expunge.engine.aftercare.journal_rollback import StateRollback
from expunge.engine.aftercare.later_look import LaterLook
from expunge.engine.aftercare.restored_stores import RestoreReplay
from expunge.engine.aftercare.sweeping import SweepResult
from expunge.engine.consent import approving
from expunge.engine.discovery import discovery
from expunge.engine.execution import issued_receipts, nightly, planning, queueing, recovering, running
from expunge.engine.execution.nightly import NightlyCohort, NightlyResult, StaysOut
from expunge.engine.execution.planning import PlanForecast
from expunge.engine.execution.step_worker import Worker
from expunge.engine.export.exporting import ExportSummary
from expunge.engine.gate import fencing
from expunge.engine.intake import cancelling, person_orders
from expunge.engine.intake.person_orders import Accepted
from expunge.engine.kernel import journal_streams
from expunge.engine.kernel.context import Context, Reporter, silent
from expunge.engine.review import notes as review_notes
from expunge.engine.subjects.resolving import ResolvedName
from expunge.engine.threads import messages
from expunge.engine.vault.shred_heads import ShredHeads
from expunge.errors import Busy, Misconfigured, UsageError
from expunge.gate import Gate
from expunge.ports.clock import Clock
from expunge.ports.keys import InstallationKeys
from expunge.ports.leases import Lease
from expunge.ports.optional.known_places import KnownPlaces
from expunge.residue import ResidueScanner
from expunge.residue.opaque.recognition import recognise
from expunge.stores import OpenStores


def _untold(_: Run) -> None: ...


class Expunge(Queries):
    """One installation: a data map, its state, its keys. A context manager; ``close`` lets go of everything.

    Threads may share it. The thread that opened it keeps its connection to the state until ``close``; in any other a verb closes what it
    opened before it returns.

    Raises, from any verb, :class:`expunge.errors.ExpungeError` with what is wrong and what to do.
    """

    def __init__(
        self,
        data_map: DataMap,
        context: Context,
        stores: OpenStores,
        keys: InstallationKeys,
        kept: InstallationState,
        vaults: Vaults,
        places: KnownPlaces,
    ) -> None:
        """Composed by :meth:`open`."""
        self.map = data_map
        self.context = context
        self._stores = stores
        self._keys = keys
        self._kept = kept
        self._vaults = vaults
        self._places = places
        self._journal = kept.journal
        self.scoped = OrderService(context, self._changing, self._alone)
        self.dues = DeadlineService(context, self._changing, self._alone)
        self.holds = HoldService(context, self._changing, self._alone)
        self.recipients = RecipientService(context, self._changing, self._alone)
        self.retention = RetentionService(context, self._changing, self._alone, Path(data_map.state), keys)
        self.gates = GateService(context, self._changing, self._alone, Path(data_map.state), keys)
        self.consents = ConsentService(context, self._changing, self._alone)
        self.uses = UseRecordService(context, self._changing, self._alone)
        self.policies = PolicyService(context, self._changing, self._alone)
        self.reviewers = ReviewerService(context, self._changing, self._alone)
        self.staff = StaffService(context, self._changing, self._alone)
        self.families = FamilyService(context, self._changing, self._alone)
        self.threads = ThreadService(context, self._changing, self._alone)
        self.notices = NoticeService(context, self._changing, self._alone)
        self.webhooks = WebhookService(context, self._changing, self._alone)
        self.disgorgements = DisgorgementService(context, self._changing, self._alone)
        self.exports = ExportService(context, self._changing, self._alone)
        self.models = ModelService(context, self._changing, self._alone)
        self.records = RecordService(context, self._changing, self._alone, self.published_policy)
        self._door = vault_door_beside(keys, Path(data_map.state))
        way = KeptVault(data_map, self._door) if self._door else None
        self.vault = VaultService(context, self._changing, self._alone, vaults, self.gates.open, way)
        self.openings = OpeningService(context, self._changing, self._alone, self.vault)
        self.access = AccessService(context, self._changing, self._alone, self.vault)
        self.incidents = IncidentService(context, self._changing, self._alone)
        self.findings = FindingService(context, self._changing, self._alone, Path(data_map.state))
        self.epochs = EpochService(context, self._changing, self._alone, vaults)
        self.adoption = AdoptionService(context, self._changing, self._alone, vaults, self.gates.open)
        self.readings = ReadingService(context, self._changing, self._alone, vaults, self.gates.open)
        self.derivations = DerivationService(context, self._changing, self._alone, vaults, self.gates.open)
        self.clock_behind: list[timedelta] = []
        self.rollback: StateRollback | None = None
        """Signs that the state was put back from an older copy. Nothing is written or carried out until a person has decided."""
        self._collecting = RelaxedCollector()

    @classmethod
    def init(cls, map_path: Path | str | None = None, *, passphrase: str | None = None) -> Path:
        """Create keystore, journal and log of a map; returns the state folder. Raises Misconfigured when there is one already."""
        data_map = read_installed(map_path)
        state = Path(data_map.state)
        if (state / GATE).exists():
            message = f"the state folder {state} is in use already"
            raise Misconfigured(message, help="use it as it is, or point `state:` of the map at a new folder")
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        state.chmod(0o700)
        (state / GATE).parent.mkdir(exist_ok=True)
        # Why keys may be there: an earlier init was interrupted; the snapshot is written last and marks that it was finished.
        if not (state / KEYS).exists():
            require_unused(data_map)
            create(state / KEYS, passphrase)
        with cls.open(map_path, passphrase=passphrase) as opened:
            opened.context.log.head()
            fencing.publish(opened.context)
        return state

    @classmethod
    def open(cls, map_path: Path | str | None = None, *, passphrase: str | None = None, clock: Clock | None = None) -> Expunge:
        """Open an installation; what a crash left is taken up first.

        Args:
            map_path: the data map; None walks up from the working folder to an ``expunge.yaml``.
            passphrase: of the keystore, where it has one; without it the keeper is asked (:func:`expunge.bootstrap.keeping.open_keys`).
            clock: another than the machine's, for a simulation; whatever it says, time never goes back.
        """
        data_map = read_installed(map_path)
        state = Path(data_map.state)
        require_keys(state)
        keys = open_keys(state, passphrase)
        try:
            kept = open_state(data_map)
            try:
                return cls._composed(data_map, map_file(map_path), keys, kept, clock, passphrase)
            except BaseException:
                kept.journal.close()
                raise
        except BaseException:
            keys.close()
            raise

    @classmethod
    def _composed(
        cls, data_map: DataMap, map_path: Path, keys: InstallationKeys, kept: InstallationState, clock: Clock | None, passphrase: str | None
    ) -> Expunge:
        """Put the ports together over a state that is open, and have it hold still where a part of it is an older copy."""
        state, journal = Path(data_map.state), kept.journal
        behind: list[timedelta] = []
        telling = MonotonicClock(clock or SystemClock(), latest(journal), behind.append)
        origin = origin_of(keys)
        witnesses = witnesses_of(data_map.witnesses, telling.now)
        log = rolled_back.open_log(state, keys, journal, witnesses)
        vaults = Vaults(data_map, keys, passphrase, telling.now, ShredHeads(journal, telling.now))
        places = FilePlaces(state / PLACES)
        stores = OpenStores(data_map, FileIndex(state / INDEX), keys.index_key(), vaults.library, places)
        context = Context(
            data_map=data_map,
            map_digest=digest(data_map),
            journal=journal,
            keys=keys,
            shelf=kept.shelf,
            outbox=kept.outbox,
            log=log,
            scanner=ResidueScanner(),
            clock=telling,
            open_store=stores,
            recognise=recognise,
            publish_gate=FileGatePublisher(state / GATE, keys),
            random=secrets.token_bytes,
            pause=time.sleep,
            trust_policy=lambda: issued_receipts.trust_policy(
                origin, keys.signer_public(), (keys.log_public(), keys.log_public_p256()), witnesses.policy if witnesses else None
            ),
            version=installed_version(),
            commands=LocalCommands(map_path.resolve().parent),
            trainings=FileTrainings(data_map.trainings.ledger, data_map.trainings.key) if data_map.trainings else None,
            scratch=(state / SCRATCH).resolve(),
            exports=SealedExportShelf(state / EXPORTS),
        )
        rollback = rolled_back.examine(state, keys, kept, log)
        opened = cls(data_map, context, stores, keys, kept, vaults, places)
        opened.rollback = rollback
        opened.clock_behind = behind
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of stores and database, in every thread that used them; safe to call twice."""
        with ExitStack() as stack:
            closing = (self._collecting.end, self.context.scanner.close, self._journal.close, self._vaults.close)
            for close in (*closing, self._stores.close, self._keys.close, *([self._door.close] if self._door else [])):
                stack.callback(close)

    def stay(self) -> None:
        """Keep the calling thread's connection to the state until ``close``: for threads that make many calls."""
        self._journal.stay()

    def order_erase(
        self,
        people: Sequence[ResolvedName],
        *,
        attested: str = BY_THE_OPERATOR,
        guardian: str | None = None,
        contact: str = "",
        cooling_off: timedelta | None = None,
        channel: str = "library",
        requester: str = "",
    ) -> Accepted:
        """Receive an erasure order for people that were resolved (and shown, and confirmed). The fence stands when this returns.

        Args:
            people: whom it is about; each gets a receipt and a leaf of their own.
            attested: how the requester's identity was established, in words that decide nothing; no identifier.
            guardian: the proof of the guardian who asked: the order stops when their authority ends before anything was erased.
            contact: where notices go; sealed, never logged.
            cooling_off: the map's when None.
            channel: how it came in.
            requester: who entered it: their own approval of its plan is refused.
        """
        cause = OnRequest(attested) if guardian is None else ByGuardian(guardian, attested)
        request = person_orders.OrderRequest(tuple(people), channel, cause, contact, cooling_off, requester)
        return person_orders.receive(self.context, request)

    def order_erase_all(self, groups: Sequence[Sequence[ResolvedName]], *, attested: str = BY_THE_OPERATOR) -> tuple[Accepted, ...]:
        """Receive an erasure order for each group of people, all at once; see :meth:`order_erase`."""
        return person_orders.receive_all(
            self.context, [person_orders.OrderRequest(tuple(group), "library", OnRequest(attested)) for group in groups]
        )

    def order_cancel(self, order: OrderId, reason: str = "cancelled by the requester") -> Run:
        """Cancel an order before anything was erased."""
        with self._changing():
            return cancelling.cancel(self.context, order, reason)

    def plan(self, order: OrderId, *, ahead: bool = False) -> PlanForecast:
        """Plan an order, journal the plan, and forecast the obstacles; with ``ahead`` also what rows of other people have to do with it."""
        with self._alone():
            return planning.make(self.context, order, ahead=ahead)

    def approve(self, order: OrderId, approver: str, signature: str) -> Run:
        """Enter an approval; see :func:`expunge.engine.consent.approving.approve`. A passkey's account has to have the right now."""
        with self._changing():
            return approving.approve(self.context, order, approver, signature, partial(require_holder, self.context))

    def apply(self, order: OrderId, *, saved: bytes | None = None, report: Reporter = silent) -> Run:
        """Take an order as far as it goes now; resumes and retries. With state in a file one process at a time, else beside the workers."""
        if saved is not None:
            running.require_saved(self.context, order, saved)
        (run,) = self.apply_all([order], saved=saved, report=report)
        return run

    def apply_all(self, orders: Sequence[OrderId], *, saved: bytes | None = None, report: Reporter = silent) -> tuple[Run, ...]:
        """Take orders as far as they go now, sharing rewrites and scans as far as they can."""
        self._require_whole()
        applied_map.remember(self.map, self.context.map_digest)
        runs = self._carry_out(orders, saved, report)
        review_notes.end_due(self.context)
        # What is not heard now is told by `expunge lineage tell`: an order does not wait for those who keep lineage.
        lineage_events.tell(self.context, orders, lineage_http.post)
        return runs

    def _carry_out(self, orders: Sequence[OrderId], saved: bytes | None, report: Reporter) -> tuple[Run, ...]:
        if self._kept.leases is None:
            with self._alone():
                return running.apply_all(self.context, orders, saved=saved, report=report)
        with self._alone():
            cohorts = running.ready(self.context, orders, saved)
        worker = self.worker(report=report)
        for cohort in cohorts:
            worker.to_the_end(cohort)
        return tuple(each.run for each in journal_streams.read(self.context.journal, self.context.clock, orders))

    def accept_rollback(self, by: str, reason: str) -> RollbackAccepted:
        """Record a person's decision to go on with a journal that was put back from an older copy.

        Whoever the gate's snapshot refuses stays refused. Orders that the copy had forgotten have to be received again.

        Raises UsageError where nothing was put back, or without a name or reason; StateRolledBack where only a restore helps.
        """
        found = self.rollback
        if found is None:
            message = "the state was not put back from an older copy: there is nothing to accept"
            raise UsageError(message, help="`expunge doctor` says what it looked at")
        refusal, self._journal.refusal = self._journal.refusal, None
        try:
            with self._alone():
                accepted = journal_rollback.accept(self.context, found, by=by, reason=reason)
        except BaseException:
            self._journal.refusal = refusal
            raise
        self.rollback = None
        return accepted

    def state_comparison(self) -> StateComparison:
        """Compare the gate's snapshot and the keys of orders with the journal, for :meth:`check` of the installation itself."""
        suppressed = published(self.state / GATE, self._keys)
        known, runs = self._keys.orders(), self.orders()
        return StateComparison(
            journal_rollback.behind(self._journal, suppressed),
            rolled_back.ended_elsewhere(known, runs),
            rolled_back.without_key(known, runs),
        )

    def lineage_tell(self) -> tuple[OrderId, ...]:
        """Report unreported erasures to the lineage services. Return the orders that could not be reported."""
        self._require_whole()
        return lineage_events.tell(self.context, tuple(journal_streams.orders(self.context.journal)), lineage_http.post)

    @property
    def has_workers(self) -> bool:
        """Whether workers of other processes may carry out orders beside this one: with state on PostgreSQL."""
        return self._kept.leases is not None

    def worker(self, *, lease_seconds: float = 30.0, report: Reporter = silent) -> Worker:
        """One worker of many, for state on PostgreSQL. Raises Misconfigured where state is in a file: there one process runs orders."""
        self._require_whole()
        return worker_process.worker(self.context, self._kept, lease_seconds, report)

    def work(
        self, stop: threading.Event, *, poll: float = 5.0, lease_seconds: float = 30.0, until_idle: bool = False, report: Reporter = silent
    ) -> None:
        """Carry out queued orders beside other workers until ``stop`` is set; see :func:`expunge.bootstrap.worker_process.work`."""
        applied_map.remember(self.map, self.context.map_digest)
        stores = OpenStores(self.map, FileIndex(self.state / INDEX), self._keys.index_key(), self._vaults.library, self._places)
        scheduling = replace(self.context, open_store=stores)
        try:
            worker_process.work(
                self.worker(lease_seconds=lease_seconds, report=report), scheduling, self._kept, stop, poll=poll, until_idle=until_idle
            )
        finally:
            stores.close()

    def submit(self, order: OrderId, *, hurry: bool = False, wait: timedelta | None = None) -> Run:
        """Queue an order: it waits for others at most so long, to share the rewriting of tables and files with them."""
        with self._changing():
            return queueing.submit(self.context, order, hurry=hurry, wait=wait)

    def run_due(self, *, report: Reporter = silent) -> tuple[Run, ...]:
        """Carry out the queued orders that are due, with all that may go along; nothing when all can wait."""
        with self._alone():
            queueing.take_up(self.context)
        released = queueing.due(self.context)
        return self.apply_all(released, report=report) if released else ()

    def run_nightly(self, *, report: Reporter = silent, ended: Callable[[Run], None] = _untold) -> NightlyResult:
        """Carry out all that waits and may start, a thousand orders at a time: each store is read, each file rewritten once.

        Args:
            report: told of each step.
            ended: called with each order when its part of the night has ended; nothing of it is kept here.
        """
        with self._alone():
            queueing.take_up(self.context)
        states: dict[OrderId, OrderState] = {}
        people = 0
        staying: list[StaysOut] = []
        for some in nightly.parts(self.context):
            cohort = nightly.gather(self.context, some)
            staying += cohort.staying
            for run in self.apply_all(cohort.going, report=report) if cohort.going else ():
                states[run.order] = run.state
                people += len(run.subjects)
                ended(run)
        return NightlyResult(states, people, tuple(staying))

    def nightly_cohort(self) -> NightlyCohort:
        """Return the orders that :meth:`run_nightly` would carry out now, and those that wait and cannot start."""
        cohorts = [nightly.gather(self.context, some) for some in nightly.parts(self.context)]
        going = tuple(order for each in cohorts for order in each.going)
        return NightlyCohort(going, tuple(order for each in cohorts for order in each.staying))

    def leases(self) -> tuple[Lease, ...]:
        """Return the holder of each step now; empty where one process runs orders."""
        return self._kept.leases.held() if self._kept.leases else ()

    def verify(self, order: OrderId) -> LaterLook:
        """Look again, now, with the kept traces."""
        with self._alone():
            return later_look.look_again(self.context, order)

    def sweep(self) -> SweepResult:
        """Replay who is suppressed into every store; end traces and threads that are due; queue what a hold kept and none keeps any more.

        And look for places that hold people and that no dataset declares, as :meth:`discover` does.
        """
        found = discovering.look(self.context, self._keys.signer_publics())
        with self._alone():
            discovery.remember(self.context, found)
            recovering.recover(self.context)
            queueing.take_up(self.context)
            swept = sweeping.sweep(self.context)
            messages.end_due(self.context)
            review_notes.end_due(self.context)
            self.exports.sweep()
            return replace(swept, came_back=(*swept.came_back, *reappeared_data.came_back(self.context)), discovered=found)

    def discover(self) -> Discovery:
        """Look at every store and beside it for places that hold people and that no dataset declares, and remember what came of it."""
        found = discovering.look(self.context, self._keys.signer_publics())
        with self._changing():
            discovery.remember(self.context, found)
        return found

    def restored(self, store: str, *, empty: bool = False, report: Reporter = silent) -> RestoreReplay:
        """Replay every suppression into a store that was put back from a backup; see :mod:`expunge.engine.aftercare.restored_stores`.

        With ``empty`` a folder in which nothing lies is believed to be the store's, whichever one data lay in before.
        """
        with self._alone():
            if empty and store in self.map.stores:
                self._places.forget(store)
            recovering.recover(self.context)
            swept = restored_stores.find(self.context, store)
        orders = tuple(dict.fromkeys(each.followed_by for each in swept.came_back))
        replayed = restored_stores.RestoreReplay(store, swept, self.apply_all(orders, report=report) if orders else ())
        with self._changing():
            restored_stores.remember(self.context, store, orders, clean=replayed.may_serve)
        return replayed

    def recover(self) -> tuple[OrderId, ...]:
        """Take up work that a crash left, and publish a snapshot of the gate that is older than the journal anew.

        Returns the orders whose erasing was interrupted; none while another process runs orders, of which it takes care itself.
        """
        try:
            with self._journal.exclusive(wait=0):
                interrupted = recovering.recover(self.context)
        except Busy:
            interrupted = recovering.recover(self.context, alone=False)
        with self._changing():
            if journal_rollback.behind(self._journal, published(self.state / GATE, self._keys)):
                fencing.publish(self.context)
        return interrupted

    def export(
        self,
        resolved: ResolvedName,
        target: Path,
        wanted: WantedExport = EVERYTHING,
        report: Callable[[ExportProgress], None] = lambda _: None,
    ) -> ExportSummary:
        """Write the data held about a person into a new folder: parts with pages that open offline, and signed manifests of hashes."""
        return self.exports.write(resolved, target, wanted, report)

    def gate(self, max_age: timedelta = timedelta(minutes=1)) -> Gate:
        """The gate over this installation's own snapshot."""
        return self.gates.open(max_age)

    def gate_publish(self) -> int:
        """Renew the snapshot; returns how many identities are suppressed."""
        return self.gates.publish()

    def _require_whole(self) -> None:
        if self.rollback is not None:
            raise self.rollback.error()

    def _alone(self) -> AbstractContextManager[None]:
        """The right to run orders; others wait, then get Busy."""
        return self._journal.exclusive()

    def _changing(self) -> AbstractContextManager[None]:
        """The right to change what orders share (registers, snapshot), for a moment: beside a run, and in turn."""
        return self._journal.changing()
