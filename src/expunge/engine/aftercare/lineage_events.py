"""Report erasures to lineage services: one OpenLineage event for each round of an order, delivered at least once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from expunge import telemetry
from expunge.core.datamap.lineage_spec import Emission
from expunge.core.lineage.observations import LineageTold
from expunge.core.orders.erase_event import erase_event
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import TELLINGS, Recorder, read_register, register
from expunge.errors import StoreUnavailable
from expunge.telemetry import Action, Opaque

Send = Callable[[Emission, bytes], None]
"""Posts an event; raises StoreUnavailable when it was not taken."""
_ENDED = frozenset({OrderState.FULFILLED, OrderState.IN_PART})


def tell(context: Context, orders: Iterable[OrderId], send: Send) -> tuple[OrderId, ...]:
    """Send the event of the last ended round of each order that was not sent yet. Return the orders that could not be reported.

    Nothing happens where the map names no lineage service.
    """
    emission = context.data_map.lineage.emit
    if emission is None:
        return ()
    told = {(each.order, each.round) for each in read_register(context.journal, TELLINGS) if isinstance(each, LineageTold)}
    failed = []
    for order in orders:
        run = Recorder(context.journal, context.clock, order).run
        event = erase_event(run, context.data_map, emission.namespace) if run.state in _ENDED else None
        if event is None or (order, run.round) in told:
            continue
        try:
            send(emission, event)
        except StoreUnavailable:
            failed.append(order)
            continue
        # crash here: it is told a second time, with the same run id, which changes nothing for who hears it.
        register(context.journal, TELLINGS, LineageTold(context.clock.now(), order, run.round))
        telemetry.log(Action.TOLD, order=Opaque(order))
    return tuple(failed)
