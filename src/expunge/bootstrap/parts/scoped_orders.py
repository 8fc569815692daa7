"""The services for orders that do not reach everything of a person, and for artefacts learnt from data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from expunge.bootstrap.service import DomainService
from expunge.core.orders.run import Run
from expunge.core.values.cause import ByRule, Cause, Entered
from expunge.core.values.copy import Selector
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderKind
from expunge.core.values.scope import Scope, Window
from expunge.engine.intake import class_orders, item_orders, person_orders
from expunge.engine.intake.item_orders import ItemReach
from expunge.engine.intake.person_orders import Accepted
from expunge.engine.models import membership_review
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import UsageError


class OrderService(DomainService):
    """Orders that do not reach everything of a person."""

    def within(self, request: person_orders.OrderRequest) -> Accepted:
        """Receive an order of any kind and scope for people that were resolved. An order with a scope suppresses no person.

        Raises UsageError for a cause that only Expunge itself gives an order.
        """
        if not isinstance(request.cause, Entered):
            message = f"{type(request.cause).__name__} is a cause that Expunge gives orders of its own"
            raise UsageError(message, help="OnRequest, ByGuardian or ByRule; consents, retention and disgorgements make the others")
        with self.changing():
            return person_orders.receive(self.context, request)

    def about_class(
        self, kind: OrderKind, scope: Scope, selectors: dict[str, Selector], *, rule: str, channel: str = "library", requester: str = ""
    ) -> Accepted:
        """Receive an order about a class of items by a rule of the program's own, in words.

        See :func:`expunge.engine.intake.class_orders.receive_class`.
        """
        with self.changing():
            return class_orders.receive_class(
                self.context, kind, scope, selectors, cause=ByRule(rule), channel=channel, requester=requester
            )

    def reach_of_items(
        self, person: ResolvedName, keys: Mapping[str, Collection[str]], windows: Mapping[str, Window] = MappingProxyType({})
    ) -> ItemReach:
        """Return the reach of an order for some items of a person; see :func:`expunge.engine.intake.item_orders.reach`."""
        return item_orders.reach(self.context, person.person, keys, windows)

    def about_items(
        self,
        person: ResolvedName,
        found: ItemReach,
        *,
        cause: Cause,
        channel: str = "library",
        contact: str = "",
        requester: str = "",
        order: OrderId | None = None,
    ) -> Accepted:
        """Receive an order for some items of a person, with what was made from them; the person is not suppressed.

        See :func:`expunge.engine.intake.item_orders.receive_items`. Raises UsageError for a cause that only Expunge itself gives an order.
        """
        if not isinstance(cause, Entered):
            message = f"{type(cause).__name__} is a cause that Expunge gives orders of its own"
            raise UsageError(message, help="OnRequest or ByGuardian")
        with self.changing():
            return item_orders.receive_items(
                self.context, person, found, cause=cause, channel=channel, contact=contact, requester=requester, order=order
            )


class ModelService(DomainService):
    """Artefacts learnt from people's data."""

    def looked_at(self, order: OrderId, dataset: str, said: str) -> Run:
        """Record a reviewer's reason for keeping a model; see :func:`expunge.engine.models.membership_review.look_at`."""
        with self.changing():
            return membership_review.look_at(self.context, order, dataset, said)
