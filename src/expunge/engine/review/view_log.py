"""Enter views: durable in the journal, and committed to in the transparency log, before the first byte is handed out.

Threads that enter views at the same time share one append and one entry of the log. The thread that comes first writes for all that wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from expunge.core.journal.peek import peek
from expunge.core.journal.review_events import ReviewEvent, ReviewsCommitted, ReviewsLogged, ViewGiven, ViewServed
from expunge.core.review import commitment
from expunge.core.review.request import Reviews
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import encoded as journalled
from expunge.engine.review.review_stream import ReviewStream
from expunge.errors import Busy, ExpungeError, StateUnavailable

MOST_WAITING = 512
"""Events of the register after which an entry of the log is due, whatever the time."""
LONGEST_WAITING = timedelta(seconds=1)
"""The time after which one is due, however few events wait."""
MOST_TOGETHER = 2048
"""Views of one append."""

_AWAY = (Busy, StateUnavailable, OSError)
Conclude = Callable[[Reviews, int], ViewServed]
"""Returns the event of a view from the register and the number of the view in its lease. Raises Refused where it may not be seen."""


@dataclass
class _Wanted:
    """One view that waits to be entered."""

    conclude: Conclude
    lease: str
    result: ViewServed | None = None
    error: BaseException | None = None
    leads: bool = False
    """Whether its thread writes for all that wait."""
    woken: threading.Event = field(default_factory=threading.Event)


class ViewLog:
    """Enters views and what belongs to them. Safe between threads."""

    def __init__(self, context: Context, stream: ReviewStream, log_behind: timedelta) -> None:
        """Write nothing yet.

        Args:
            context: the composition.
            stream: the register.
            log_behind: for so long a lease whose first view is in the log goes on while the log cannot be written.
        """
        self._context, self._stream, self._log_behind = context, stream, log_behind
        self._queue: list[_Wanted] = []
        self._led = False
        """Whether a thread writes, or was told to."""
        self._given: list[ViewGiven] = []
        self._guard = threading.Lock()
        self._writing = threading.Lock()
        self._committed_at: datetime | None = None
        self._fault: ExpungeError | OSError | None = None
        """Why the log was not written the last time."""
        self._away_since: datetime | None = None
        """Since when, where there is a fault."""

    def enter(self, lease: str, conclude: Conclude) -> ViewServed:
        """Enter a view. When this returns, it is on the device, and so is the log's entry for the first view of its lease.

        Raises:
            Refused: what ``conclude`` raises.
            Busy, StateUnavailable, NotWitnessed: journal or log cannot be written. Then nothing may be handed out.
        """
        mine = _Wanted(conclude, lease)
        with self._guard:
            self._queue.append(mine)
            mine.leads, self._led = not self._led, True
        if not mine.leads:
            mine.woken.wait()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        assert mine.result is not None
        return mine.result

    def _lead(self) -> None:
        """Write for all that wait, and have the next one lead that came meanwhile."""
        with self._guard:
            wanted, self._queue = self._queue[:MOST_TOGETHER], self._queue[MOST_TOGETHER:]
        try:
            with self._writing:
                self._write(wanted)
        finally:
            with self._guard:
                following = self._queue[0] if self._queue else None
                self._led = following is not None
            if following is not None:
                following.leads = True
                following.woken.set()
            for each in wanted:
                each.woken.set()

    def note_given(self, view: ViewServed, count: int) -> None:
        """Note the bytes that a view handed out. It is written with the next append."""
        event = ViewGiven(max(self._context.clock.now(), view.at), view.lease, view.sequence, count)
        with self._guard:
            self._given.append(event)

    def flush(self) -> None:
        """Write what waits, and have the log commit to all of it. Raises Busy, StateUnavailable, NotWitnessed."""
        with self._writing:
            self._finish_entry()
            self._append([], commit=True)
            self._finish_entry()

    def _write(self, wanted: Sequence[_Wanted]) -> None:
        """Enter views. The caller holds the right to write."""
        try:
            self._try_finish_entry()
            self._append(wanted, commit=False)
            # commit point: the views are in the journal. A crash before the log's entry leaves views of which no byte was handed out.
            self._try_finish_entry()
            self._refuse_unlogged(wanted)
        except (ExpungeError, OSError) as error:
            _fail(wanted, error)
        except BaseException as error:
            _fail(wanted, error)
            raise

    def _append(self, wanted: Sequence[_Wanted], *, commit: bool) -> None:
        """Append views, with a statement of the log's next entry where one is due."""
        with self._guard:
            given, self._given = self._given, []
        salt, now = self._context.random(commitment.SALT_BYTES), self._context.clock.now()
        size = self._log_size() if self._is_due(commit=commit, now=now, wanted=wanted) else None

        def conclude(reviews: Reviews) -> list[ReviewEvent]:
            events: list[ReviewEvent] = [*given, *_views(reviews, wanted)]
            first, waiting = self._stream.waiting()
            count = len(waiting) + len(events)
            if size is not None and reviews.unlogged is None and (events or any(map(_is_content, waiting))):
                encoded = [*waiting, *journalled(events)]
                root = commitment.root_of(salt, first, encoded).hex()
                events.append(ReviewsCommitted(now, reviews.next_number, first, count, salt.hex(), root, size))
            return events

        try:
            self._stream.enter(conclude)
        except BaseException:
            with self._guard:
                self._given = [*given, *self._given]
            raise
        if size is not None:
            self._committed_at = now

    def _is_due(self, *, commit: bool, now: datetime, wanted: Sequence[_Wanted]) -> bool:
        if commit or self._committed_at is None or now - self._committed_at >= LONGEST_WAITING:
            return True
        if len(self._stream.waiting()[1]) + len(wanted) >= MOST_WAITING:
            return True

        def lacks_entry(reviews: Reviews) -> bool:
            firsts = (reviews.leases[each.lease].first_position for each in wanted if each.lease in reviews.leases)
            return any(first is None or first >= reviews.committed_to for first in firsts)

        return self._stream.read(lacks_entry)

    def _log_size(self) -> int | None:
        """Return the size of the log; None where it is away. Raises StateCorrupt: a log that contradicts itself stops every view."""
        try:
            return self._context.log.head().size
        except _AWAY as error:
            self._away(error)
            return None

    def _try_finish_entry(self) -> None:
        try:
            self._finish_entry()
        except _AWAY as error:
            # Why kept: whose lease it stops is decided for each view.
            self._away(error)
        else:
            self._fault = None

    def _away(self, error: ExpungeError | OSError) -> None:
        self._fault, self._away_since = error, self._away_since if self._fault is not None else self._context.clock.now()

    def _finish_entry(self) -> None:
        """Put the stated entry in the log, and note that it is there. After a crash too."""
        committed = self._stream.read(lambda reviews: reviews.unlogged)
        if committed is None:
            return
        leaf, log = commitment.log_leaf(committed), self._context.log
        # Why asked first: a crash after the append and before the event must not enter a leaf twice.
        index = log.find(leaf, committed.log_size)
        if index is None:
            (index,) = log.append([leaf])
        head = log.head()
        # commit point: the leaf is in the log under a published checkpoint; crash here and it is found again by its bytes.
        logged = ReviewsLogged(self._context.clock.now(), committed.number, index, head.size, head.root.hex())
        self._stream.enter(lambda reviews: (logged,) if reviews.unlogged == committed else ())

    def _refuse_unlogged(self, wanted: Sequence[_Wanted]) -> None:
        """Refuse the views whose lease has no entry in the log yet, and every view once the log is too far behind."""

        def lacking(reviews: Reviews) -> set[str]:
            unlogged, logged_to, now = reviews.unlogged, reviews.logged_to, self._context.clock.now()
            behind = [unlogged.at] if unlogged is not None else []
            behind += [self._away_since] if self._fault is not None and self._away_since is not None else []
            late = any(now - since > self._log_behind for since in behind)
            names = {each.lease for each in wanted if each.result is not None}
            begun = ((name, reviews.leases[name].first_position) for name in names)
            return {name for name, first in begun if late or first is None or first >= logged_to}

        names = self._stream.read(lacking)
        for each in wanted:
            if each.result is not None and each.lease in names:
                each.error = self._fault or StateUnavailable("the log could not be written", help="nothing is shown meanwhile; try again")
                self.note_given(each.result, 0)
                each.result = None


def _is_content(data: bytes) -> bool:
    """Return whether an event is more than an entry of the log about others: such entries alone ask for no further one."""
    return peek(data, ReviewsCommitted, ReviewsLogged) is None


def _fail(wanted: Sequence[_Wanted], error: BaseException) -> None:
    for each in wanted:
        each.result, each.error = None, each.error or error


def _views(reviews: Reviews, wanted: Sequence[_Wanted]) -> list[ReviewEvent]:
    """Return the events of the views that may be seen; the others get their error."""
    events: list[ReviewEvent] = []
    numbers: dict[str, int] = {}
    for each in wanted:
        each.result = each.error = None
        number = numbers.get(each.lease, reviews.leases[each.lease].views if each.lease in reviews.leases else 0)
        try:
            each.result = each.conclude(reviews, number)
        except ExpungeError as error:
            each.error = error
            continue
        numbers[each.lease] = number + 1
        events.append(each.result)
    return events
