"""Appeals against a refusal or a partial result: when one may be made, and when its answer is due."""

from __future__ import annotations

from expunge.core.journal.thread_events import MessageKind, ThreadSide
from expunge.core.journal.threads import Thread, ThreadId, fold_threads
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import THREADS, read_register
from expunge.engine.recipients import deadlines
from expunge.engine.recipients.deadlines import Deadline

APPEAL = "appeal"
"""What clocks apply to for an appeal that was not answered."""
_APPEALED = frozenset({OrderState.IN_PART, OrderState.CANCELLED})


def every(context: Context) -> dict[ThreadId, Thread]:
    """Return every thread."""
    return fold_threads(read_register(context.journal, THREADS))


def owed(context: Context) -> tuple[Deadline, ...]:
    """Return the deadline of each appeal that was not answered, by the clocks of the map that apply to appeals."""
    found: list[Deadline] = []
    for thread in every(context).values():
        appeal = thread.open_appeal
        if appeal is not None and thread.ended is None:
            found += deadlines.owed(context, f"appeal about order {thread.id.order}", APPEAL, {deadlines.RECEIVED: appeal.at})
    return tuple(found)


def may_appeal(run: Run, thread: Thread) -> bool:
    """Return whether the person may appeal: the order was refused or done in part, and no appeal about that end was made yet."""
    if run.state not in _APPEALED or thread.ended is not None or thread.room(ThreadSide.PERSON) == 0:
        return False
    since = [message for message in thread.messages if run.ended_at is not None and message.at >= run.ended_at]
    return not any(message.kind is MessageKind.APPEAL for message in since)
