"""The one place where the engine appends to the journal. Intent before, outcome after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from expunge.core import events as ev
from expunge.core.ids import OrderId
from expunge.core.run import Run, advance, fold
from expunge.errors import UsageError
from expunge.faults import failpoint
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal

HOLDS = "holds"
SUPPRESSIONS = "suppressions"
_REGISTERS = frozenset({HOLDS, SUPPRESSIONS})


class Recorder:
    """An order's stream with its fold kept up to date."""

    def __init__(self, journal: Journal, clock: Clock, order: OrderId) -> None:
        """Read and fold the stream. Raises UsageError when there is no such order, StateCorrupt when it does not fold."""
        if order in _REGISTERS or journal.length(order) == 0:
            message = "no order of that id"
            raise UsageError(message, help="`expunge status` lists the orders there are")
        self._journal = journal
        self._clock = clock
        self.run: Run = fold(ev.decode(data) for data in journal.read(order))

    def now(self) -> datetime:
        """The instant for the next event: never before the last one of this order."""
        now = self._clock.now()
        return max(now, self.run.last) if self.run.last else now

    def append(self, *events: ev.OrderEvent) -> Run:
        """Append events, all or none; raises Conflict when somebody else appended meanwhile, IllegalTransition before writing anything."""
        run = self.run
        for event in events:
            run = advance(run, event)
        failpoint("journal.append:before")
        self._journal.append(self.run.order, self.run.length, [ev.encode(each) for each in events])
        # commit point: the events are on the device; crash here and the next start folds them.
        failpoint("journal.append:after")
        self.run = run
        return run


def begin(journal: Journal, received: ev.Received) -> None:
    """Write the first event of an order."""
    failpoint("journal.begin:before")
    journal.append(received.order, 0, [ev.encode(received)])
    # commit point: we owe these people.
    failpoint("journal.begin:after")


def register(journal: Journal, name: str, *events: ev.RegisterEvent) -> None:
    """Append to a register, wherever its end is now."""
    failpoint("journal.register:before")
    journal.append(name, journal.length(name), [ev.encode(each) for each in events])
    failpoint("journal.register:after")


def read_register(journal: Journal, name: str) -> Iterator[ev.Event]:
    """All events of a register, in order."""
    return (ev.decode(data) for data in journal.read(name))


def orders(journal: Journal) -> Iterator[OrderId]:
    """Ids of all orders, oldest first."""
    return (OrderId(name) for name in journal.streams() if name not in _REGISTERS)
