"""What the clerk keeps in memory about families beside their openings: counts, the last look at places, and what is done by itself.

Counts are numbers. A look at places is content: it is kept for two minutes, for pages of one list, and no longer than the clerk runs.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from hashlib import sha256

from expunge import telemetry
from expunge.bootstrap.clerk.household import Household
from expunge.bootstrap.clerk.reminding import letters_of
from expunge.core.families.holdings import Holdings
from expunge.core.families.whereabouts import Place
from expunge.engine.families import holdings, location_reminders, whereabouts
from expunge.engine.families.holdings import Origins
from expunge.engine.families.kept_counts import KeptCounts
from expunge.engine.families.order_watch import OrderWatch
from expunge.engine.families.whereabouts import Whereabouts
from expunge.engine.retention.postings import PostedTexts
from expunge.errors import ExpungeError, NotResolved

_ORIGINS_SECONDS = 600.0
"""So long the records of where models came from are good for counts."""
_LOOK_SECONDS = 120.0
_MOST_LOOKS = 32
"""Looks at places that are kept at once."""
FIRST_SECONDS, EVERY_SECONDS = 30.0, 3600.0
"""Seconds until what is done by itself is done first, and between two times."""


@dataclass(frozen=True)
class PlacesLook:
    """The places of a family as they were read."""

    name: str
    """By which pages name this look."""
    found: Whereabouts = field(repr=False)
    until: float
    key: bytes = field(repr=False)

    def handle(self, place: Place) -> str:
        """Return the name of a place on pages of this look; empty for one that cannot be chosen by itself."""
        if not place.key:
            return ""
        told = b"\0".join(part.encode("utf-8", "surrogateescape") for part in (place.dataset, place.key))
        return hmac.new(self.key, told, sha256).hexdigest()[:20]


@dataclass
class _OfHousehold:
    """What belongs to one opened installation."""

    household: Household
    watch: OrderWatch
    texts: PostedTexts
    origins: Origins | None = None
    origins_until: float = 0.0


class HeldRoom:
    """See the module. Safe between threads."""

    def __init__(self, used: Callable[[], AbstractContextManager[Household]], now: Callable[[], float] = time.monotonic) -> None:
        """Set up; nothing is opened before the first question.

        Args:
            used: gives the household by the map as it is now, for a block.
            now: seconds of a clock that never goes back.
        """
        self._used, self._now = used, now
        self._guard = threading.Lock()
        self._current: _OfHousehold | None = None
        self._looks: dict[str, PlacesLook] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.counts: KeptCounts[Holdings] = KeptCounts(self._count, self._changed, now)

    def texts(self, household: Household) -> PostedTexts:
        """Return what reads the texts that pages show."""
        return self._of(household).texts

    def look(self, household: Household, family: str) -> PlacesLook:
        """Return the places of a family as they were read at most two minutes ago. Raises NotResolved, and as stores do."""
        with self._guard:
            found = self._looks.get(family)
        if found is not None and found.until > self._now():
            return found
        read = whereabouts.look(household.expunge.context, household.person(family).person)
        made = PlacesLook(secrets.token_hex(6), read, self._now() + _LOOK_SECONDS, secrets.token_bytes(32))
        with self._guard:
            now = self._now()
            self._looks = {name: each for name, each in self._looks.items() if each.until > now}
            if len(self._looks) >= _MOST_LOOKS:
                del self._looks[next(iter(self._looks))]
            self._looks[family] = made
        return made

    def forget(self, family: str) -> None:
        """Drop what is kept of a family, because something about it has changed."""
        with self._guard:
            self._looks.pop(family, None)
        self.counts.forget(family)

    def begin(self, first: float = FIRST_SECONDS, every: float = EVERY_SECONDS) -> None:
        """Do by itself, in a thread beside, what no page asks for: note what is shown today, and remind families.

        Args:
            first: seconds until the first time.
            every: seconds between two.
        """
        self._thread = threading.Thread(target=self._work, args=(first, every), name="clerk-daily", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End what is done by itself, and wait for counts that go on."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        self.counts.close()

    def _work(self, pause: float, every: float) -> None:
        while not self._ending.wait(pause):
            pause = every
            for act in (self.note_texts, self.remind):
                try:
                    act()
                except ExpungeError:
                    # The state, a store or the keeper is away for now: the next time is soon enough.
                    telemetry.log(telemetry.Action.CLERK_LATE)

    def note_texts(self) -> None:
        """Note the texts that pages show today, also on a day on which nobody asks for a page."""
        with self._used() as household:
            texts = self.texts(household)
            texts.notices()
            texts.disclosures()

    def remind(self) -> None:
        """Remind the families that are due that whereabouts are collected."""
        with self._used() as household:
            letters = letters_of(household)
            if letters is not None:
                sent = location_reminders.remind(household.expunge.context, household.people.find, letters)
                if sent.reminded or sent.later or sent.unreachable:
                    telemetry.log(telemetry.Action.REMINDED, families=sent.reminded, later=sent.later, unreachable=sent.unreachable)

    def _of(self, household: Household) -> _OfHousehold:
        with self._guard:
            if self._current is None or self._current.household is not household:
                context = household.expunge.context
                self._current = _OfHousehold(household, OrderWatch(context.journal), PostedTexts(context))
                self._looks.clear()
            return self._current

    def _count(self, family: str) -> Holdings:
        with self._used() as household:
            context = household.expunge.context
            try:
                person = household.person(family).person
            except NotResolved:
                return Holdings(context.clock.now(), (), (), ())
            return holdings.count(context, person, self._origins(household))

    def _origins(self, household: Household) -> Origins:
        kept = self._of(household)
        if kept.origins is None or kept.origins_until <= self._now():
            kept.origins, kept.origins_until = holdings.origins(household.expunge.context), self._now() + _ORIGINS_SECONDS
        return kept.origins

    def _changed(self) -> frozenset[str] | None:
        with self._used() as household:
            return self._of(household).watch.changed()
