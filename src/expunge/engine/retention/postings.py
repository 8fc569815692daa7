"""Texts that pages show the public: notices of orders (AMZ-10) and disclosures of retention (AMZ-09), with a register of what was shown.

What a page shows is read here, and noted in the register by its hash once a day. So the register says on which days which text was shown,
and a text that cannot be read on a day on which it has to be shown is noted as missing.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date
from hashlib import sha256
from pathlib import Path

from expunge.core.accounts.accounts_spec import PostedNotice
from expunge.core.journal.posting_events import PostingEvent, Postings, TextMissing, TextPosted, days_between, fold_postings
from expunge.core.retention.disclosure import RetentionDisclosure, disclosures
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import POSTINGS, read_register, register

MOST_BYTES = 256 << 10
"""The largest text of a notice."""
_PARAGRAPHS = re.compile(r"\n[ \t]*\n+")


@dataclass(frozen=True)
class ShownNotice:
    """The notice of an order as pages show it."""

    id: str
    language: str
    heading: str
    paragraphs: tuple[str, ...]
    sha256: str
    """Hex, of the bytes of its file."""
    since: date
    until: date


@dataclass(frozen=True)
class NoticeStanding:
    """How far a notice was posted as the map says."""

    notice: PostedNotice
    shown: int
    """Days on which it was shown."""
    missed: int
    """Days of its time until yesterday on which it was not."""
    current: bool
    """Whether the text that was shown last is the one that lies in its file now."""


def name_of(notice: PostedNotice) -> str:
    """Return what the register calls a notice."""
    return f"notice:{notice.id}"


def read(notice: PostedNotice, content: Callable[[str], bytes] = lambda path: Path(path).read_bytes()) -> ShownNotice | None:
    """Return a notice as it is shown; None where its file cannot be read, is no UTF-8, is empty or too large."""
    try:
        data = content(notice.file)
        text = data.decode("utf-8-sig") if len(data) <= MOST_BYTES else ""
    except (OSError, UnicodeDecodeError):
        return None
    heading, *paragraphs = (" ".join(each.split()) for each in _PARAGRAPHS.split(text.replace("\r\n", "\n").strip()))
    if not heading:
        return None
    found = tuple(filter(None, paragraphs))
    return ShownNotice(notice.id, notice.language, heading, found, sha256(data).hexdigest(), notice.since, notice.until)


class PostedTexts:
    """Reads what pages show, and notes it. Safe between threads."""

    def __init__(self, context: Context) -> None:
        """Read nothing yet."""
        self._context = context
        self._guard = threading.Lock()
        self._noted: set[tuple[date, str, str]] | None = None

    def notices(self) -> tuple[ShownNotice, ...]:
        """Return the notices that have to be shown today, and note that they are. Raises Busy, StateUnavailable."""
        spec = self._context.data_map.accounts
        found = []
        for notice in spec.posted if spec is not None else ():
            if not notice.due(self._today()):
                continue
            shown = read(notice)
            self._note(name_of(notice), shown.sha256 if shown is not None else "")
            if shown is not None:
                found.append(shown)
        return tuple(found)

    def disclosures(self) -> tuple[RetentionDisclosure, ...]:
        """Return what is disclosed of retention by the map as it is now, and note that it is shown. Raises as :meth:`notices`."""
        found = disclosures(self._context.data_map)
        for each in found:
            self._note(each.name, each.digest)
        return found

    def _today(self) -> date:
        return self._context.clock.now().astimezone(UTC).date()

    def _note(self, name: str, digest: str) -> None:
        """Note that a text is shown today, or is missing, unless that was noted."""
        place = self._today(), name, digest
        with self._guard:
            if self._noted is None:
                self._noted = _already(self._context, self._today())
            if place in self._noted:
                return
            now = self._context.clock.now()
            event: PostingEvent = TextPosted(now, name, digest) if digest else TextMissing(now, name)
            # commit point: the register says that it was shown today.
            register(self._context.journal, POSTINGS, event)
            self._noted = {each for each in self._noted if each[0] == self._today()} | {place}


def _already(context: Context, today: date) -> set[tuple[date, str, str]]:
    known = postings(context)
    shown = {(today, each.name, each.sha256) for each in known.shown if today in each.days}
    return shown | {(today, name, "") for name, day in known.missing if day == today}


def postings(context: Context) -> Postings:
    """Return the register as it stands."""
    return fold_postings(read_register(context.journal, POSTINGS))


def standings(context: Context) -> tuple[NoticeStanding, ...]:
    """Return how far each notice of the map was posted, in the order of the map."""
    known, today = postings(context), context.clock.now().astimezone(UTC).date()
    found = []
    for notice in context.data_map.accounts.posted if context.data_map.accounts is not None else ():
        days, latest, shown = known.days(name_of(notice)), known.latest(name_of(notice)), read(notice)
        missed = sum(day not in days for day in days_between(notice.since, min(notice.until, today)))
        found.append(NoticeStanding(notice, len(days), missed, bool(latest and shown and latest.sha256 == shown.sha256)))
    return tuple(found)
