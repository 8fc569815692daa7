"""Find the items that a customer means by *delete what I just said*."""

from __future__ import annotations

from datetime import timedelta

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import AboutNobody, Inherited
from expunge.core.datamap.person import Person
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.families.app_access import SaidEvent
from expunge.core.values.scope import Window
from expunge.engine.intake import item_orders
from expunge.engine.intake.item_orders import ItemReach
from expunge.engine.kernel.context import Context
from expunge.errors import UsageError

SAID = frozenset({DataKind.VOICE, DataKind.VIDEO, DataKind.MESSAGE, DataKind.CONVERSATION, DataKind.TRANSCRIPT})
"""The kinds of data that a person says or shows; what was made from them goes with them."""
_UNTIL = timedelta(seconds=60)
"""For so much the company's clock may be behind that of its stores."""


def reach(context: Context, person: Person, event: SaidEvent) -> ItemReach | None:
    """Return the reach of an order for what a person just said; None where nothing was recorded then.

    Raises UsageError for items that are gone or are not the person's, CouldNotLook and StoreUnavailable where a store cannot be read.
    """
    if event.items:
        return item_orders.reach(context, person, {event.dataset: event.items})
    data_map = context.data_map
    roots = [
        name
        for name, each in data_map.datasets.items()
        if not each.derived_from and not isinstance(each.subject, AboutNobody | Inherited) and kind_held(data_map, name) in SAID
    ]
    span = Window("-", event.issued_at - timedelta(minutes=event.minutes), event.issued_at + _UNTIL)
    windows = item_orders.dated(data_map, roots, span)
    found = {name: window for name, window in windows.items() if _holds(context, person, name, window)}
    return item_orders.reach(context, person, {}, found) if found else None


def _holds(context: Context, person: Person, name: str, window: Window) -> bool:
    try:
        item_orders.reach(context, person, {}, {name: window})
    except UsageError:
        # Nothing of the person in this dataset is of that time.
        return False
    return True
