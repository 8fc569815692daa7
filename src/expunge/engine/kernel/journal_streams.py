"""The one place where the engine appends to the journal. Intent before, outcome after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from expunge.core.journal import events as ev
from expunge.core.orders.run import Run, advance_all, fold
from expunge.core.orders.shared_round import level, merge, split, still_open
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.errors import Busy, Conflict, TakenOver, UsageError
from expunge.faults import failpoint
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal
from expunge.ports.leases import Lease

HOLDS = "holds"
SUPPRESSIONS = "suppressions"
RESTORALS = "restorals"
CONSENTS = "consents"
LINEAGE = "lineage"
TOKENS = "tokens"
TELLINGS = "tellings"
RECIPIENTS = "recipients"
DISGORGEMENTS = "disgorgements"
IDLE = "idle"
CLAIMS = "claims"
MODELS = "models"
ROLLBACKS = "rollbacks"
SEARCHES = "searches"
LEDGER = "ledger"
USES = "uses"
OPENINGS = "openings"
EXPORTS = "exports"
EPOCHS = "epochs"
SHREDS = "shreds"
STAFF = "staff"
FAMILIES = "families"
POSTINGS = "postings"
REMINDERS = "reminders"
PERIODS = "periods"
THREADS = "threads"
NOTICES = "notices"
COHORTS = "cohorts"
REVIEWS = "reviews"
POLICIES = "policies"
FINDINGS = "findings"
INCIDENTS = "incidents"
_REGISTERS = frozenset(
    {HOLDS, SUPPRESSIONS, RESTORALS, CONSENTS, LINEAGE, TOKENS, TELLINGS, RECIPIENTS, DISGORGEMENTS, IDLE, CLAIMS, MODELS, ROLLBACKS}
    | {SEARCHES, LEDGER, USES, OPENINGS, EXPORTS, EPOCHS, SHREDS, STAFF, FAMILIES, POSTINGS, REMINDERS, PERIODS, THREADS, NOTICES}
    | {COHORTS, REVIEWS, POLICIES, FINDINGS, INCIDENTS}
)
MOST_REBASES = 50
"""How often an append is tried again after what other workers appended to the same orders."""
_AT_A_TIME = 100
"""Orders read together where all are read."""


class Recorder:
    """An order's stream with its fold kept up to date."""

    def __init__(self, journal: Journal, clock: Clock, order: OrderId, events: Sequence[ev.Event] = ()) -> None:
        """Fold the events that are known, or read the stream. Raises UsageError when there is none, StateCorrupt when it does not fold."""
        events = events or ([] if order in _REGISTERS else [ev.decode(data) for data in journal.read(order)])
        if not events:
            message = "no order of that id"
            raise UsageError(message, help="`expunge status` lists the orders there are")
        self._journal = journal
        self._clock = clock
        self.run: Run = fold(events)

    def refresh(self) -> None:
        """Read and fold the events that others appended since."""
        self.take_in(self._journal.read(self.run.order, self.run.length))

    def take_in(self, events: Iterable[bytes]) -> None:
        """Fold the events read from this order's stream since the last read."""
        self.run = advance_all(self.run, map(ev.decode, events))

    def now(self) -> datetime:
        """Return the instant for the next event: never before the last one of this order."""
        now = self._clock.now()
        return max(now, self.run.last) if self.run.last else now

    def append(self, *events: ev.OrderEvent) -> Run:
        """Append events, all or none. Raises Conflict after an append by another process, IllegalTransition before writing anything."""
        append_together(self._journal, [self], [events], None)
        return self.run

    def after(self, events: Iterable[ev.OrderEvent]) -> Run:
        """Return the run as it will be after some events. Raises IllegalTransition or StateCorrupt."""
        return advance_all(self.run, events)


def read(journal: Journal, clock: Clock, orders: Sequence[OrderId]) -> list[Recorder]:
    """Return the recorders of several orders, read together. Raises as :class:`Recorder`."""
    found = journal.read_all(dict.fromkeys((order for order in orders if order not in _REGISTERS), 0))
    return [Recorder(journal, clock, order, [ev.decode(data) for data in found.get(order, ())]) for order in orders]


def read_all(journal: Journal, clock: Clock) -> Iterator[Recorder]:
    """Yield the recorders of all orders, oldest first, some at a time."""
    waiting = list(orders(journal))
    for start in range(0, len(waiting), _AT_A_TIME):
        yield from read(journal, clock, waiting[start : start + _AT_A_TIME])


def refresh(journal: Journal, recorders: Sequence[Recorder]) -> None:
    """Read and fold the events that others appended to several orders since."""
    found = journal.read_all({recorder.run.order: recorder.run.length for recorder in recorders})
    for recorder in recorders:
        recorder.take_in(found[recorder.run.order])


def refresh_together(journal: Journal, recorders: Sequence[Recorder]) -> None:
    """Read others' appends to orders that share a round, until all are read at the same point: each append was to all of them."""
    for _ in range(MOST_REBASES):
        refresh(journal, recorders)
        if level([recorder.run for recorder in recorders]):
            return


def append_together(
    journal: Journal,
    recorders: Sequence[Recorder],
    events: Sequence[Sequence[ev.OrderEvent]],
    lease: Lease | None,
    *,
    ends: bool = False,
) -> None:
    """Append to each order events of its own, in one transaction, in which the lease is given back where it ``ends``.

    Raises as :meth:`Recorder.append`, and TakenOver for a lost lease.
    """
    runs = [recorder.after(each) for recorder, each in zip(recorders, events, strict=True)]
    appends = [(each.run.order, each.run.length, encoded(mine)) for each, mine in zip(recorders, events, strict=True) if mine]
    if not appends:
        return
    failpoint("journal.append:before")
    journal.append_all(appends, lease, ends=ends)
    # commit point: the events are on the device; crash here and the next start folds them.
    failpoint("journal.append:after")
    for recorder, run in zip(recorders, runs, strict=True):
        recorder.run = run


@dataclass(frozen=True)
class FollowUp:
    """Writes that go with an append to orders, in the same transaction."""

    ends: bool = False
    """Whether the lease that is written under is given back."""
    step: str = ""
    """What its holder does next."""
    lease: Lease | None = None
    """Under which that has begun."""
    event: ev.OrderEvent | None = None
    """Says that it has: appended behind the others."""
    ready: frozenset[str] = frozenset()
    """What could be begun just before that."""


class AppendCompanion(Protocol):
    """A worker's writes beside an append to orders, in the same transaction."""

    def before(self, run: Run) -> FollowUp:
        """Told how the run will stand: what goes with the append. Leases are taken here, before streams are locked."""
        ...

    def after(self, run: Run, following: FollowUp) -> None:
        """Told how the run stands after the append."""
        ...


class CohortRecorder:
    """Orders that share a round, with the fold of each and the merged one of all: their events are written together or not at all."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        members: Sequence[Recorder],
        lease: Lease | None = None,
        announce: AppendCompanion | None = None,
    ) -> None:
        """Record for several orders.

        Args:
            journal: where to.
            clock: for the events' instants.
            members: the members' recorders, the leading order's first.
            lease: under which this process works, where several do.
            announce: told of the merged run inside the transaction that appends, so that what it enqueues, ends and begins commits with the
                events.
        """
        self._journal = journal
        self._clock = clock
        self.lease = lease
        self._announce = announce
        self.members = tuple(members)
        self.run: Run = merge([member.run for member in self.members])

    @property
    def orders(self) -> tuple[OrderId, ...]:
        """The members' ids, the leading one first."""
        return tuple(member.run.order for member in self.members)

    def now(self) -> datetime:
        """Return the instant for the next event: never before the last one of any member."""
        return max(member.now() for member in self.members)

    def append(self, *events: ev.OrderEvent) -> Run:
        """Append events to every member, each with its own people only.

        Raises as :meth:`Recorder.append`, and TakenOver when this process works under a lease that has passed to another.
        """
        by_event = [split(event, [member.run for member in self.members]) for event in events]
        self.append_each([[parts[at] for parts in by_event] for at in range(len(self.members))])
        return self.run

    def append_each(self, events: Sequence[Sequence[ev.OrderEvent]]) -> None:
        """Append to each member events of its own (in the order of ``members``), in one transaction; ``run`` is merged anew.

        Others may append to the same orders meanwhile (other steps, more time, the end of one of them): then what is new is read and the
        events are put after it, as long as the step that they end is still this process's. Raises Conflict when one of the orders has been
        cancelled: the round goes on without it.
        """
        for _ in range(MOST_REBASES):
            known = [member.run for member in self.members]
            try:
                if self._announce is None:
                    append_together(self._journal, self.members, events, self.lease)
                else:
                    with self._journal.atomically():
                        self._append_announced(events, self._announce)
            except Conflict:
                # Where it came after the append, what is known here is ahead of what was taken back.
                if any(each.run is not run for each, run in zip(self.members, known, strict=True)):
                    raise
                refresh(self._journal, self.members)
                if any(each.run.state is not OrderState.RUNNING for each in self.members):
                    raise
                self.refresh()
                self._require_still_ours(events)
                continue
            self.run = merge([member.run for member in self.members])
            return
        message = "other workers keep writing to the same orders"
        raise Busy(message, help="nothing is lost; the step is taken again")

    def _append_announced(self, events: Sequence[Sequence[ev.OrderEvent]], announce: AppendCompanion) -> None:
        runs = [member.after(each) for member, each in zip(self.members, events, strict=True)]
        following = announce.before(merge(runs))
        if following.event is not None:
            parts = split(following.event, runs)
            events = [[*mine, part] for mine, part in zip(events, parts, strict=True)]
        append_together(self._journal, self.members, events, self.lease, ends=following.ends)
        announce.after(merge([each.run for each in self.members]), following)

    def refresh(self) -> None:
        """Read the events that others appended."""
        refresh_together(self._journal, self.members)
        self.run = merge([member.run for member in self.members])

    def _require_still_ours(self, events: Sequence[Sequence[ev.OrderEvent]]) -> None:
        for member, mine in zip(self.members, events, strict=True):
            late = [each for each in mine if isinstance(each, ev.StepEnded) and not still_open(member.run, each.step, each.attempt)]
            if late:
                message = "another worker has taken the step over"
                raise TakenOver(message, help="nothing has to be done: that worker finishes it")


def encoded(events: Iterable[ev.Event]) -> list[bytes]:
    """Canonical bytes of some events, as journalled."""
    return [ev.encode(event) for event in events]


def begin_all(journal: Journal, received: Sequence[ev.Received]) -> None:
    """Write the first events of some orders, in one transaction."""
    failpoint("journal.begin:before")
    journal.append_all([(each.order, 0, [ev.encode(each)]) for each in received])
    # commit point: we owe these people.
    failpoint("journal.begin:after")


def register(journal: Journal, name: str, *events: ev.RegisterEvent) -> None:
    """Append to a register, wherever its end is now. Raises Busy when others keep appending."""
    for _ in range(MOST_REBASES):
        if _put(journal, name, journal.length(name), events):
            return
    raise crowded(name)


def register_while(journal: Journal, name: str, event: ev.RegisterEvent, wanted: Callable[[int], bool]) -> None:
    """Append to a register while the events before say that it is wanted. Raises Busy when others keep appending, and as ``wanted``.

    Args:
        journal: the journal.
        name: the register's.
        event: what is appended.
        wanted: returns whether to append behind so many events. It is asked anew when another process was quicker.
    """
    for _ in range(MOST_REBASES):
        length = journal.length(name)
        if not wanted(length) or _put(journal, name, length, (event,)):
            return
    raise crowded(name)


def register_at(journal: Journal, name: str, length: int, events: Sequence[ev.RegisterEvent]) -> bool:
    """Append to a register behind its first ``length`` events. Return False, and write nothing, where another process was quicker."""
    return _put(journal, name, length, events)


def _put(journal: Journal, name: str, length: int, events: Sequence[ev.RegisterEvent]) -> bool:
    """Append behind the first ``length`` events; whether nobody else was quicker."""
    failpoint("journal.register:before")
    try:
        journal.append(name, length, encoded(events))
    except Conflict:
        return False
    # commit point: the register says so.
    failpoint("journal.register:after")
    return True


def crowded(name: str) -> Busy:
    """Return the error for a register that other processes keep appending to."""
    message = f"other processes keep writing to the register of {name}"
    return Busy(message, help="try again")


def register_behind(
    journal: Journal, name: str, decide: Callable[[list[ev.Event]], Sequence[ev.RegisterEvent]]
) -> tuple[ev.RegisterEvent, ...]:
    """Append to a register a conclusion from all of its events, right behind them. Decide anew when another process was quicker.

    Returns what was appended. Raises Busy when others keep appending, and what ``decide`` raises.
    """
    for _ in range(MOST_REBASES):
        # The length first: whatever is appended while we read makes ours a conflict.
        length = journal.length(name)
        events = tuple(decide(list(read_register(journal, name))))
        if not events:
            return ()
        if _put(journal, name, length, events):
            return events
    raise crowded(name)


def read_register(journal: Journal, name: str) -> Iterator[ev.Event]:
    """Yield all events of a register, in order."""
    return (ev.decode(data) for data in journal.read(name))


def orders(journal: Journal) -> Iterator[OrderId]:
    """Ids of all orders, oldest first."""
    return (OrderId(name) for name in journal.streams() if is_order(name))


def is_order(stream: str) -> bool:
    """Return whether a stream is an order's, rather than a register."""
    return stream not in _REGISTERS
