"""Requests, threads, notices and receipts of families in the clerk's process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from expunge.bootstrap.clerk.household import Household
from expunge.core.journal.thread_events import MessageKind, ThreadSide
from expunge.core.journal.threads import ThreadId
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.engine.requests import notices, overview
from expunge.engine.threads import messages
from expunge.engine.threads.messages import Note
from expunge.ports.families.order_door import NoticeLine, RequestDetail, RequestList, ThreadMessage


@dataclass(frozen=True)
class LocalOrders:
    """Implements ``expunge.ports.families.order_door.OrderDoor``."""

    household: Household

    def requests(self, account: UUID, family: str) -> RequestList:
        """See the port."""
        return overview.listed(self.household.expunge.context, self.household.notices, self._of(account, family), str(account))

    def request(self, account: UUID, family: str, order: OrderId) -> RequestDetail:
        """See the port."""
        return overview.detail(self.household.expunge.context, self._of(account, family), order)

    def messages(self, account: UUID, family: str, order: OrderId, session: bytes) -> tuple[ThreadMessage, ...]:
        """See the port."""
        self.household.require_open(account, family, session)
        context, subject = self.household.expunge.context, Pseudonym(family)
        overview.run_of(context, subject, order)
        return tuple(
            ThreadMessage(
                each.written.at,
                each.written.side,
                each.written.kind,
                each.written.side is ThreadSide.PERSON and each.written.by == str(account),
                each.text,
            )
            for each in messages.read(context, ThreadId(order, subject))
        )

    def write(self, account: UUID, family: str, order: OrderId, session: bytes, kind: MessageKind, text: str, message: str = "") -> None:
        """See the port."""
        self.household.require_open(account, family, session)
        context, subject = self.household.expunge.context, Pseudonym(family)
        overview.run_of(context, subject, order)
        messages.write(context, Note(ThreadId(order, subject), ThreadSide.PERSON, kind, str(account), text, message))

    def unread(self, account: UUID, family: str) -> int:
        """See the port."""
        return self.household.notices.listed(account, self._of(account, family)).unread

    def notices(self, account: UUID, family: str) -> tuple[NoticeLine, ...]:
        """See the port."""
        found = self.household.notices.listed(account, self._of(account, family))
        return tuple(
            NoticeLine(each.order, each.kind, each.at, each.reason, found.seen is None or each.at > found.seen) for each in found.notices
        )

    def see_notices(self, account: UUID, family: str, until: datetime) -> None:
        """See the port."""
        subject = self._of(account, family)
        newest = next((each.at for each in self.household.notices.notices(subject)), None)
        if newest is not None:
            # Why the smaller: a page could name a time that has not come, and later notices would never be new.
            notices.see(self.household.expunge.context, account, subject, min(until, newest))

    def _of(self, account: UUID, family: str) -> Pseudonym:
        self.household.require_member(account, family)
        return Pseudonym(family)


@dataclass(frozen=True)
class LocalReceipts:
    """Implements ``expunge.ports.families.order_door.ReceiptDoor``."""

    household: Household

    def receipt(self, account: UUID, family: str, order: OrderId) -> dict[str, bytes]:
        """See the port."""
        self.household.require_member(account, family)
        return overview.receipt_files(self.household.expunge.context, Pseudonym(family), order)

    def published_keys(self) -> bytes:
        """See the port."""
        return self.household.expunge.published_policy().encode()
