"""The composition root: from a data map to ports, and from ports to verbs. The only module that knows everyone.

``Expunge`` offers the verbs of the command line to programs; both are this thin.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Self

from expunge.adapters.clock import MonotonicClock, SystemClock
from expunge.adapters.datamap import find_map, read_map
from expunge.adapters.gate_file import FileGatePublisher
from expunge.adapters.journal_django import DjangoJournal, open_journal
from expunge.adapters.keys_local import LocalKeys, create, open_keystore
from expunge.adapters.log_tiles import TileLog
from expunge.adapters.outbox_files import FileOutbox
from expunge.adapters.shelf_files import FileShelf
from expunge.adapters.state.url import sqlite_url
from expunge.core import events as ev
from expunge.core.copy import Finding
from expunge.core.datamap import DataMap
from expunge.core.gate_snapshot import ENTRY_BYTES, parse_snapshot
from expunge.core.hold import Hold
from expunge.core.ids import OrderId
from expunge.core.mapdiff import digest
from expunge.core.run import Run
from expunge.engine import (
    approving,
    cancelling,
    checking,
    exporting,
    fencing,
    holding,
    intake,
    planning,
    receipts,
    recording,
    recovering,
    remembering,
    residue,
    resolving,
    running,
    sweeping,
)
from expunge.engine.context import Context, Reporter, silent
from expunge.engine.exporting import Exported
from expunge.engine.intake import Accepted
from expunge.engine.locating import Located, locate
from expunge.engine.planning import Forecast
from expunge.engine.receipts import Issued
from expunge.engine.resolving import Resolved
from expunge.engine.sweeping import Looked, Swept
from expunge.errors import EvidenceInvalid, Misconfigured, StateCorrupt, StateUnavailable, UsageError
from expunge.gate import Gate
from expunge.residue import ResidueScanner
from expunge.stores import REGISTRY, OpenStores

KEYS = "keys"
LOG = "log"
ORDERS = "orders"
OUTBOX = "outbox"
GATE = "gate/snapshot"
DATABASE = "state.db"
_LOGGED = b'"is":"ReceiptLogged"'
"""Stands in every such event: the others, some of which are large, need not be decoded to be passed over."""


class Expunge:
    """One installation: a data map, its state, its keys. A context manager; ``close`` lets go of everything.

    Raises, from any verb, :class:`expunge.errors.ExpungeError` with what is wrong and what to do.
    """

    def __init__(self, data_map: DataMap, context: Context, stores: OpenStores, keys: LocalKeys, journal: DjangoJournal) -> None:
        """Composed by :meth:`open`."""
        self.map = data_map
        self.context = context
        self._stores = stores
        self._keys = keys
        self._journal = journal
        self.clock_behind: list[timedelta] = []

    @classmethod
    def init(cls, map_path: Path | str | None = None, *, passphrase: str | None = None) -> Path:
        """Create keystore, journal and log of a map; returns the state folder. Raises Misconfigured when there is one already."""
        data_map = _read(map_path)
        state = Path(data_map.state)
        if (state / GATE).exists():
            message = f"the state folder {state} is in use already"
            raise Misconfigured(message, help="use it as it is, or point `state:` of the map at a new folder")
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        state.chmod(0o700)
        (state / GATE).parent.mkdir(exist_ok=True)
        # Why keys may be there: an earlier init was interrupted; the snapshot is written last and marks that it was finished.
        if not (state / KEYS).exists():
            create(state / KEYS, passphrase)
        with cls.open(map_path, passphrase=passphrase) as opened:
            opened.context.log.head()
            fencing.publish(opened.context)
        return state

    @classmethod
    def open(cls, map_path: Path | str | None = None, *, passphrase: str | None = None) -> Expunge:
        """Open an installation; what a crash left is taken up first.

        Args:
            map_path: the data map; None walks up from the working folder to an ``expunge.yaml``.
            passphrase: of the keystore, where it has one.
        """
        data_map = _read(map_path)
        state = Path(data_map.state)
        if not (state / KEYS).exists():
            if (state / DATABASE).exists():
                message = f"the keys of {state} are missing: {KEYS}/ is not there"
                raise StateUnavailable(message, help=f"restore {KEYS}/ from its backup; nothing was changed")
            message = f"there is no state in {state} yet"
            raise Misconfigured(message, help="run `expunge init`")
        keys = open_keystore(state / KEYS, passphrase)
        journal = open_journal(sqlite_url(state / DATABASE))
        behind: list[timedelta] = []
        clock = MonotonicClock(SystemClock(), _latest(journal), behind.append)
        origin = _origin(keys)
        log = TileLog(state / LOG, origin, keys, former=keys.log_publics()[:-1], anchor=lambda: _anchor(journal))
        stores = OpenStores(data_map)
        context = Context(
            data_map=data_map,
            map_digest=digest(data_map),
            journal=journal,
            keys=keys,
            shelf=FileShelf(state / ORDERS),
            outbox=FileOutbox(state / OUTBOX),
            log=log,
            scanner=ResidueScanner(),
            clock=clock,
            open_store=stores,
            publish_gate=FileGatePublisher(state / GATE, keys),
            random=secrets.token_bytes,
            pause=time.sleep,
            trust_policy=lambda: receipts.trust_policy(origin, keys.signer_public(), keys.log_public(), keys.log_public_p256()),
            version=_version(),
        )
        try:
            remembering.require(journal, journal.newest(), log_size=log.head().size, suppressed=_snapshot(state / GATE, keys))
        except StateCorrupt:
            journal.close()
            raise
        opened = cls(data_map, context, stores, keys, journal)
        opened.clock_behind = behind
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of stores and database; safe to call twice."""
        self._stores.close()
        self._journal.close()

    @property
    def state(self) -> Path:
        """The state folder."""
        return Path(self.map.state)

    def check(self) -> tuple[Finding, ...]:
        """Open every store and compare it with the map."""
        return checking.check(self.context)

    def resolve(self, name: str, *, whole: bool = False) -> Resolved:
        """Who is meant by a name; see :func:`expunge.engine.resolving.resolve`."""
        return resolving.resolve(self.context, name, whole=whole)

    def candidates(self, name: str) -> tuple[tuple[str, str], ...]:
        """Every (kind, id) that a name can mean: for the operator's terminal only."""
        return resolving.candidates(self.context, name)

    def locate(self, people: Sequence[Resolved]) -> Located:
        """What every dataset holds about people."""
        persons = [each.person for each in people]
        return locate(self.context, persons, holding.binding_on(self.context, persons))

    def order_erase(
        self,
        people: Sequence[Resolved],
        *,
        attested: str = "by the operator",
        contact: str = "",
        cooling_off: timedelta | None = None,
        channel: str = "library",
        requester: str = "",
    ) -> Accepted:
        """Receive an erasure order for people that were resolved (and shown, and confirmed). The fence stands when this returns.

        Args:
            people: whom it is about; each gets a receipt and a leaf of their own.
            attested: how it was established that the order comes from them or their guardian; no identifier.
            contact: where notices go; sealed, never logged.
            cooling_off: the map's when None.
            channel: how it came in.
            requester: who entered it: their own approval of its plan is refused.
        """
        with self._writing():
            request = intake.Request(tuple(people), channel, attested, contact, cooling_off, requester)
            return intake.receive(self.context, request)

    def order_cancel(self, order: OrderId, reason: str = "cancelled by the requester") -> Run:
        """Cancel an order before anything was erased."""
        with self._writing():
            return cancelling.cancel(self.context, order, reason)

    def contact(self, order: OrderId) -> str:
        """The address that notices of the order go to, unsealed. Raises UsageError where none was given or its end date has come."""
        sealed = self.context.shelf.get(order, intake.CONTACT)
        if sealed is None:
            message = "the order has no contact address, or its end date has come"
            raise UsageError(message, help="give one with --contact when the order is entered")
        return self.context.keys.open_contact(order, sealed).decode()

    def plan(self, order: OrderId) -> Forecast:
        """Plan an order, journal the plan, forecast what it will meet."""
        with self._writing():
            return planning.make(self.context, order)

    def approval_message(self, order: OrderId) -> bytes:
        """The bytes that an approver signs for the order's current plan."""
        run = self.status(order)
        if run.plan is None:
            message = "the order has no plan yet"
            raise Misconfigured(message, help=f"run `expunge plan {order}`")
        return approving.message(order, run.plan.digest)

    def approve(self, order: OrderId, approver: str, signature: str) -> Run:
        """Enter an approval."""
        with self._writing():
            return approving.approve(self.context, order, approver, signature)

    def apply(self, order: OrderId, *, saved: bytes | None = None, report: Reporter = silent) -> Run:
        """Take an order as far as it goes now; resumes and retries. One process at a time."""
        with self._writing():
            return running.apply(self.context, order, saved=saved, report=report)

    def status(self, order: OrderId) -> Run:
        """One order."""
        return recording.Recorder(self.context.journal, self.context.clock, order).run

    def orders(self) -> tuple[Run, ...]:
        """All orders, oldest first."""
        return tuple(self.status(order) for order in recording.orders(self.context.journal))

    def residue(self, order: OrderId) -> tuple[residue.Place, ...]:
        """Where the last look found residue: for the operator's terminal."""
        return residue.places(self.context, order)

    def verify(self, order: OrderId) -> Looked:
        """Look again, now, with the kept traces."""
        with self._writing():
            return sweeping.look_again(self.context, order)

    def sweep(self) -> Swept:
        """Replay who is suppressed into every store; end traces that are due."""
        with self._writing():
            recovering.recover(self.context)
            return sweeping.sweep(self.context)

    def recover(self) -> tuple[OrderId, ...]:
        """Take up what a crash left; returns the orders whose erasing was interrupted."""
        with self._writing():
            return recovering.recover(self.context)

    def receipts(self, order: OrderId) -> tuple[Issued, ...]:
        """Every receipt issued for an order, oldest first."""
        return receipts.issued(self.context, order)

    def receipt_folder(self, order: OrderId, number: int = 1) -> dict[str, bytes]:
        """The files of the receipt that holds for the n-th person of an order: name -> bytes."""
        return receipts.folder(self.context, receipts.latest(self.status(order), number))

    def export(self, resolved: Resolved, target: Path) -> Exported:
        """Write what is held about a person as a zip with a manifest of hashes."""
        return exporting.export(self.context, resolved, target)

    def hold_add(self, person: Resolved, dataset: str, *, ground: str, authority: str, until: datetime, items: Sequence[str] = ()) -> Hold:
        """Place a hold."""
        with self._writing():
            return holding.place(self.context, person.person, dataset, ground=ground, authority=authority, until=until, items=items)

    def hold_end(self, hold_id: str, reason: str) -> None:
        """Lift a hold before its date."""
        with self._writing():
            holding.end(self.context, hold_id, reason)

    def holds(self) -> tuple[Hold, ...]:
        """The holds that bind now."""
        return holding.active(self.context)

    def gate(self, max_age: timedelta = timedelta(minutes=1)) -> Gate:
        """The gate over this installation's own snapshot."""
        return Gate.open(self.state / GATE, self._keys.gate_key(), self._keys.signer_publics(), max_age)

    def gate_publish(self) -> int:
        """Renew the snapshot; returns how many identities are suppressed."""
        # Why alone: a snapshot read before another process fences somebody, and written after, would let them through.
        with self._writing():
            return fencing.publish(self.context)

    def trust_policy(self) -> str:
        """The trust policy that goes with receipts signed now."""
        return self.context.trust_policy()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One process at a time changes orders; others get Busy."""
        with self._journal.exclusive():
            yield


def _read(map_path: Path | str | None) -> DataMap:
    path = find_map(Path.cwd()) if map_path is None else Path(map_path)
    return read_map(path, os.environ, known_kinds=frozenset(REGISTRY))


def _version() -> str:
    try:
        return version("expunge")
    except PackageNotFoundError:
        return "0"


def _origin(keys: LocalKeys) -> str:
    """Names the log after its first key, so that two installations never share a name."""
    return f"expunge.local/{sha256(keys.log_publics()[0][0]).hexdigest()[:16]}"


def _snapshot(path: Path, keys: LocalKeys) -> frozenset[bytes]:
    """Entries of the published snapshot; none where it is not there, or is not ours: pipelines refuse such a file too."""
    try:
        snapshot = parse_snapshot(path.read_bytes(), keys.signer_publics())
    except (OSError, EvidenceInvalid):
        return frozenset()
    return frozenset(snapshot.entries[at : at + ENTRY_BYTES] for at in range(0, len(snapshot.entries), ENTRY_BYTES))


def _latest(journal: DjangoJournal) -> datetime | None:
    """The latest instant in the journal: time never goes back behind it."""
    return next((ev.decode(data).at for _, data in journal.newest()), None)


def _anchor(journal: DjangoJournal) -> tuple[int, bytes] | None:
    """The largest log head that the journal knows: a log on disk that is older was put back from a backup."""
    # The log only grows, so that the order which entered something last knows its largest head; that order is read whole, and checked.
    last = next((stream for stream, data in journal.newest() if _LOGGED in data), None)
    heads = (ev.decode(data) for data in journal.read(last) if _LOGGED in data) if last else ()
    return max(((each.size, bytes.fromhex(each.root)) for each in heads if isinstance(each, ev.ReceiptLogged)), default=None)
