"""The verbs of an installation: from a data map to ports, and from ports to ``Expunge``. Both layers are thin."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from expunge.adapters.files.gate_file import FileGatePublisher
from expunge.adapters.files.places_files import FilePlaces
from expunge.adapters.files.trainings_files import FileTrainings
from expunge.adapters.host.clocks import MonotonicClock, SystemClock
from expunge.adapters.host.gc_tuning import RelaxedCollector
from expunge.bootstrap import rolled_back
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
from expunge.bootstrap.parts import first_use
from expunge.bootstrap.parts.services import Services
from expunge.bootstrap.rolled_back import StateComparison
from expunge.bootstrap.state_folder import EXPORTS, GATE, INDEX, KEYS, PLACES, SCRATCH, require_keys
from expunge.core.datamap.datamap import DataMap, StoreSpec
from expunge.core.datamap.mapdiff import digest
from expunge.core.export.wanted_export import EVERYTHING, ExportProgress, WantedExport
from expunge.core.journal.events import RollbackAccepted
from expunge.core.log import own_policies
from expunge.core.orders.run import Run
from expunge.core.values.cause import BY_THE_OPERATOR, ByGuardian, OnRequest
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.aftercare import journal_rollback
from expunge.engine.aftercare.journal_rollback import StateRollback
from expunge.engine.kernel import journal_streams
from expunge.engine.kernel.context import Context, Reporter, silent
from expunge.errors import Busy, Misconfigured, UsageError
from expunge.ports.clock import Clock
from expunge.ports.keys import InstallationKeys
from expunge.ports.leases import Lease
from expunge.ports.optional.known_places import KnownPlaces
from expunge.stores import OpenStores

if TYPE_CHECKING:
    from expunge.bootstrap.vault.vaults import Vaults
    from expunge.core.discovery.discovery import Discovery
    from expunge.core.log.trust import TrustPolicy
    from expunge.engine.aftercare.later_look import LaterLook
    from expunge.engine.aftercare.restored_stores import RestoreReplay
    from expunge.engine.aftercare.sweeping import SweepResult
    from expunge.engine.execution.nightly import NightlyCohort, NightlyResult, StaysOut
    from expunge.engine.execution.planning import PlanForecast
    from expunge.engine.execution.step_worker import Worker
    from expunge.engine.export.exporting import ExportSummary
    from expunge.engine.intake.person_orders import Accepted
    from expunge.engine.subjects.resolving import ResolvedName
    from expunge.gate import Gate
    from expunge.ports.vault.sealed_library import SealedLibrary


def _untold(_: Run) -> None: ...


def _library(vaults: Vaults, spec: StoreSpec) -> SealedLibrary:
    return vaults.library(spec)


def _trust_policy(keys: InstallationKeys, witnesses: TrustPolicy | None) -> str:
    return own_policies.trust_policy(origin_of(keys), keys.signer_public(), (keys.log_public(), keys.log_public_p256()), witnesses)


class Expunge(Services):
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
        self._door = vault_door_beside(keys, Path(data_map.state))
        self.clock_behind: list[timedelta] = []
        self.rollback: StateRollback | None = None
        """Signs that the state was put back from an older copy. Nothing is written or carried out until a person has decided."""
        self._collecting = RelaxedCollector()

    @classmethod
    def init(cls, map_path: Path | str | None = None, *, passphrase: str | None = None) -> Path:
        """Create keystore, journal and log of a map; returns the state folder. Raises Misconfigured when there is one already."""
        from expunge.adapters.keys.local_keystore import create
        from expunge.engine.gate import fencing

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
        witnesses = witnesses_of(data_map.witnesses, telling.now)
        log = rolled_back.open_log(state, keys, journal, witnesses)
        vaults = first_use.vaults(data_map, keys, passphrase, telling.now, journal)
        places = FilePlaces(state / PLACES)
        stores = OpenStores(data_map, first_use.index(state / INDEX), keys.index_key(), partial(_library, vaults), places)
        context = Context(
            data_map=data_map,
            map_digest=digest(data_map),
            journal=journal,
            keys=keys,
            shelf=kept.shelf,
            outbox=kept.outbox,
            log=log,
            scanner=first_use.scanner(),
            clock=telling,
            open_store=stores,
            recognise=first_use.recognise,
            publish_gate=FileGatePublisher(state / GATE, keys),
            random=secrets.token_bytes,
            pause=time.sleep,
            trust_policy=partial(_trust_policy, keys, witnesses.policy if witnesses else None),
            version=installed_version(),
            commands=first_use.commands(map_path.resolve().parent),
            trainings=FileTrainings(data_map.trainings.ledger, data_map.trainings.key) if data_map.trainings else None,
            scratch=(state / SCRATCH).resolve(),
            exports=first_use.exports(state / EXPORTS),
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
            stack.callback(self._collecting.end)
            stack.callback(first_use.close, self.context.scanner)
            stack.callback(self._journal.close)
            stack.callback(first_use.close, self._vaults)
            stack.callback(self._stores.close)
            stack.callback(self._keys.close)
            if self._door is not None:
                stack.callback(self._door.close)

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
        from expunge.engine.intake import person_orders

        cause = OnRequest(attested) if guardian is None else ByGuardian(guardian, attested)
        request = person_orders.OrderRequest(tuple(people), channel, cause, contact, cooling_off, requester)
        return person_orders.receive(self.context, request)

    def order_erase_all(self, groups: Sequence[Sequence[ResolvedName]], *, attested: str = BY_THE_OPERATOR) -> tuple[Accepted, ...]:
        """Receive an erasure order for each group of people, all at once; see :meth:`order_erase`."""
        from expunge.engine.intake import person_orders

        return person_orders.receive_all(
            self.context, [person_orders.OrderRequest(tuple(group), "library", OnRequest(attested)) for group in groups]
        )

    def order_cancel(self, order: OrderId, reason: str = "cancelled by the requester") -> Run:
        """Cancel an order before anything was erased."""
        from expunge.engine.intake import cancelling

        with self._changing():
            return cancelling.cancel(self.context, order, reason)

    def plan(self, order: OrderId, *, ahead: bool = False) -> PlanForecast:
        """Plan an order, journal the plan, and forecast the obstacles; with ``ahead`` also what rows of other people have to do with it."""
        from expunge.engine.execution import planning

        with self._alone():
            return planning.make(self.context, order, ahead=ahead)

    def approve(self, order: OrderId, approver: str, signature: str) -> Run:
        """Enter an approval; see :func:`expunge.engine.consent.approving.approve`. A passkey's account has to have the right now."""
        from expunge.bootstrap.accounts.approver_passkeys import require_holder
        from expunge.engine.consent import approving

        with self._changing():
            return approving.approve(self.context, order, approver, signature, partial(require_holder, self.context))

    def apply(self, order: OrderId, *, saved: bytes | None = None, report: Reporter = silent) -> Run:
        """Take an order as far as it goes now; resumes and retries. With state in a file one process at a time, else beside the workers."""
        from expunge.engine.execution import running

        if saved is not None:
            running.require_saved(self.context, order, saved)
        (run,) = self.apply_all([order], saved=saved, report=report)
        return run

    def apply_all(self, orders: Sequence[OrderId], *, saved: bytes | None = None, report: Reporter = silent) -> tuple[Run, ...]:
        """Take orders as far as they go now, sharing rewrites and scans as far as they can."""
        from expunge.adapters.outbound import lineage_http
        from expunge.bootstrap import applied_map
        from expunge.engine.aftercare import lineage_events
        from expunge.engine.review import notes as review_notes

        self._require_whole()
        applied_map.remember(self.map, self.context.map_digest)
        runs = self._carry_out(orders, saved, report)
        review_notes.end_due(self.context)
        # What is not heard now is told by `expunge lineage tell`: an order does not wait for those who keep lineage.
        lineage_events.tell(self.context, orders, lineage_http.post)
        return runs

    def _carry_out(self, orders: Sequence[OrderId], saved: bytes | None, report: Reporter) -> tuple[Run, ...]:
        from expunge.engine.execution import running

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
        from expunge.engine.aftercare import rollback_acceptance

        found = self.rollback
        if found is None:
            message = "the state was not put back from an older copy: there is nothing to accept"
            raise UsageError(message, help="`expunge doctor` says what it looked at")
        refusal, self._journal.refusal = self._journal.refusal, None
        try:
            with self._alone():
                accepted = rollback_acceptance.accept(self.context, found, by=by, reason=reason)
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
        from expunge.adapters.outbound import lineage_http
        from expunge.engine.aftercare import lineage_events

        self._require_whole()
        return lineage_events.tell(self.context, tuple(journal_streams.orders(self.context.journal)), lineage_http.post)

    @property
    def has_workers(self) -> bool:
        """Whether workers of other processes may carry out orders beside this one: with state on PostgreSQL."""
        return self._kept.leases is not None

    def worker(self, *, lease_seconds: float = 30.0, report: Reporter = silent) -> Worker:
        """One worker of many, for state on PostgreSQL. Raises Misconfigured where state is in a file: there one process runs orders."""
        from expunge.bootstrap import worker_process

        self._require_whole()
        return worker_process.worker(self.context, self._kept, lease_seconds, report)

    def work(
        self, stop: threading.Event, *, poll: float = 5.0, lease_seconds: float = 30.0, until_idle: bool = False, report: Reporter = silent
    ) -> None:
        """Carry out queued orders beside other workers until ``stop`` is set; see :func:`expunge.bootstrap.worker_process.work`."""
        from expunge.bootstrap import applied_map, worker_process

        applied_map.remember(self.map, self.context.map_digest)
        stores = OpenStores(
            self.map, first_use.index(self.state / INDEX), self._keys.index_key(), partial(_library, self._vaults), self._places
        )
        scheduling = replace(self.context, open_store=stores)
        try:
            worker_process.work(
                self.worker(lease_seconds=lease_seconds, report=report), scheduling, self._kept, stop, poll=poll, until_idle=until_idle
            )
        finally:
            stores.close()

    def submit(self, order: OrderId, *, hurry: bool = False, wait: timedelta | None = None) -> Run:
        """Queue an order: it waits for others at most so long, to share the rewriting of tables and files with them."""
        from expunge.engine.execution import queueing

        with self._changing():
            return queueing.submit(self.context, order, hurry=hurry, wait=wait)

    def run_due(self, *, report: Reporter = silent) -> tuple[Run, ...]:
        """Carry out the queued orders that are due, with all that may go along; nothing when all can wait."""
        from expunge.engine.execution import queueing

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
        from expunge.engine.execution import nightly, queueing
        from expunge.engine.execution.nightly import NightlyResult

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
        from expunge.engine.execution import nightly
        from expunge.engine.execution.nightly import NightlyCohort

        cohorts = [nightly.gather(self.context, some) for some in nightly.parts(self.context)]
        going = tuple(order for each in cohorts for order in each.going)
        return NightlyCohort(going, tuple(order for each in cohorts for order in each.staying))

    def leases(self) -> tuple[Lease, ...]:
        """Return the holder of each step now; empty where one process runs orders."""
        return self._kept.leases.held() if self._kept.leases else ()

    def verify(self, order: OrderId) -> LaterLook:
        """Look again, now, with the kept traces."""
        from expunge.engine.aftercare import later_look

        with self._alone():
            return later_look.look_again(self.context, order)

    def sweep(self) -> SweepResult:
        """Replay who is suppressed into every store; end traces and threads that are due; queue what a hold kept and none keeps any more.

        And look for places that hold people and that no dataset declares, as :meth:`discover` does.
        """
        from expunge.bootstrap import discovering
        from expunge.engine.aftercare import reappeared_data, sweeping
        from expunge.engine.discovery import discovery
        from expunge.engine.execution import queueing, recovering
        from expunge.engine.review import notes as review_notes
        from expunge.engine.threads import messages

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
        from expunge.bootstrap import discovering
        from expunge.engine.discovery import discovery

        found = discovering.look(self.context, self._keys.signer_publics())
        with self._changing():
            discovery.remember(self.context, found)
        return found

    def restored(self, store: str, *, empty: bool = False, report: Reporter = silent) -> RestoreReplay:
        """Replay every suppression into a store that was put back from a backup; see :mod:`expunge.engine.aftercare.restored_stores`.

        With ``empty`` a folder in which nothing lies is believed to be the store's, whichever one data lay in before.
        """
        from expunge.engine.aftercare import restored_stores
        from expunge.engine.execution import recovering

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
        from expunge.engine.execution import recovering
        from expunge.engine.gate import fencing

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
