"""The outbox port: notices to the person by order id, without an address. The sender resolves the address at the last moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from expunge.core.values.ids import OrderId

Notice: TypeAlias = tuple[OrderId, str, str, Mapping[str, str]]
"""Order, kind, text and fields, as :meth:`Outbox.put` takes them."""


class Outbox(Protocol):
    """The place of notices that wait for delivery.

    Durable once ``put`` returns; idempotent under (order, kind): putting the same notice twice leaves one.
    """

    def put(self, order: OrderId, kind: str, text: str, fields: Mapping[str, str]) -> None:
        """Leave a notice.

        ``kind`` is ``received``, ``done``, ``could-not``, ``came-back`` or ``cancelled``; text and fields hold no identifier.
        """
        ...

    def put_all(self, notices: Sequence[Notice]) -> None:
        """Leave several notices; each is whole or not there."""
        ...
