"""Orders about a class of items rather than a person: expired items, or items that a regulator wants destroyed.

Such an order names no subject. It has one pseudonym, drawn for it, under which its items are located, traced, erased, probed and scanned
for. It suppresses no subject, and ends with one receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from expunge.core.datamap.datamap import Inherited, Through
from expunge.core.datamap.person import Person
from expunge.core.retention.retention_rules import following, found_through
from expunge.core.values.cause import Cause
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.order import OrderKind
from expunge.core.values.scope import Scope
from expunge.engine.intake import person_orders
from expunge.engine.intake.person_orders import Accepted
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import UsageError

KIND = "class"
"""Stands where the kind of an identity stands for people; not a name that a map can give."""


def receive_class(
    context: Context,
    kind: OrderKind,
    scope: Scope,
    selectors: Mapping[str, Selector],
    *,
    cause: Cause,
    channel: str = "library",
    requester: str = "",
) -> Accepted:
    """Receive an order about a class of items.

    Args:
        context: the composition.
        kind: of the order.
        scope: the datasets it reaches, and why.
        selectors: dataset -> which of its items; their ``subject`` is replaced by the order's own pseudonym. A dataset of the scope
            that is found ``through`` another may be left out: what is found through the items of that one is meant.
        cause: why it exists.
        channel: how it came in.
        requester: who entered it.

    Raises UsageError for a dataset beyond the scope, for one of the scope that neither a selector nor another dataset of it leads to, and
    for a selector of every item of a dataset that is found through another one of the scope as well.
    """
    _check(context, scope, selectors)
    subject = Pseudonym(context.random(16).hex())
    mine = {name: {subject: replace(each, subject=subject)} for name, each in selectors.items()}
    resolved = ResolvedName(KIND, Person(subject, {}, {}), known=True)
    request = person_orders.OrderRequest((resolved,), channel, cause, requester=requester, selectors=mine, kind=kind, scope=scope)
    return person_orders.receive(context, request)


def _check(context: Context, scope: Scope, selectors: Mapping[str, Selector]) -> None:
    beyond = sorted(selectors.keys() - set(scope.datasets))
    if beyond:
        message = f"{', '.join(beyond)} is selected from but not in the scope of the order"
        raise UsageError(message, help="name every dataset that the order reaches in its scope")
    led = following(context.data_map, found_through(context.data_map, selectors))
    scope_names = frozenset(scope.datasets)
    for name in scope.datasets:
        rule = context.data_map.datasets[name].subject if name in context.data_map.datasets else None
        led_to = isinstance(rule, Through) and not scope_names.isdisjoint(rule.sources)
        if not led_to and name not in selectors and isinstance(rule, Inherited) and name in led:
            # It goes as a whole when any of what it is made from does.
            continue
        if not led_to and name not in selectors:
            message = f"the order reaches {name}, but nothing says which of its items are meant"
            raise UsageError(message, help="give a selector for it, or reach the dataset it is found through")
        if led_to and name in selectors and selectors[name].every and name not in scope.whole:
            message = (
                f"{name} is found through {getattr(rule, 'dataset', '')}, which the order reaches too: every item of it cannot be meant"
            )
            raise UsageError(message, help="leave the selector out, or make two orders")
