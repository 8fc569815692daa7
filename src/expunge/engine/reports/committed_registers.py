"""The registers to which the transparency log commits, as a pack of evidence has them: views of staff, and incidents.

Rows have ids of requests and accounts of staff, which are random, and no pseudonym of a person in a recording, no family and no name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any

from expunge.core.journal import events as journalled
from expunge.core.journal.incident_events import IncidentsCommitted, IncidentsLogged
from expunge.core.journal.review_events import ReviewsCommitted, ReviewsLogged
from expunge.core.log import register_forms
from expunge.core.review import commitment
from expunge.core.review.colleagues import SIGNED
from expunge.core.values import codec, tags
from expunge.core.values.record_kind import RecordKind
from expunge.core.verification import register_entry
from expunge.core.verification.register_entry import PENDING
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import INCIDENTS, REVIEWS

Row = dict[str, Any]
_FORMS = {RecordKind.VIEWS: (REVIEWS, register_forms.VIEWS), RecordKind.INCIDENTS: (INCIDENTS, register_forms.INCIDENTS)}
_SHOWN = frozenset(
    {
        "request", "lease", "sequence", "reviewer", "function", "purpose", "case_kind", "case_number", "approvers", "dataset", "recording",
        "first_ms", "last_ms", "clarity", "sound", "room", "break_glass", "policy", "bytes", "shown_ms", "seeks", "hidden_ms", "ended",
        "act", "reasons", "more", "until", "extends", "sealed", "why", "outcome", "justified", "by_family", "granted", "number", "index",
        "incident", "kind", "began", "discovered", "what", "into", "accounts", "people", "could_not", "digest", "fact", "on", "verdict",
    }
)  # fmt: skip
"""Fields of events that a pack shows. All others stay out: people, families, accounts of families, sessions, salts, names, texts."""


@dataclass(frozen=True)
class CommittedEntry:
    """One entry of the log with the events behind it."""

    index: int
    at: datetime
    """When it was noted that it is in the log."""
    begins: datetime
    """When the first event behind it was entered."""
    folder: str
    files: dict[str, bytes]
    kind: RecordKind
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class CommittedRegister:
    """One register."""

    entries: tuple[CommittedEntry, ...]
    pending: tuple[tuple[datetime, Row], ...]
    """Events that no entry of the log commits to yet."""
    since: datetime | None
    """When its first event was entered."""


def read(context: Context, kind: RecordKind) -> CommittedRegister:
    """Read a register. Raises StateUnavailable, StateCorrupt."""
    stream, form = _FORMS[kind]
    entries: list[CommittedEntry] = []
    waiting: list[tuple[int, bytes, Any]] = []
    stated: Callable[[int, datetime], CommittedEntry] | None = None
    since: datetime | None = None
    for position, data in enumerate(context.journal.read(stream)):
        event = journalled.decode(data)
        since = since or event.at
        if isinstance(event, ReviewsCommitted | IncidentsCommitted):
            stated, waiting = _entry(kind, form, event, waiting), []
        elif isinstance(event, ReviewsLogged | IncidentsLogged) and stated is not None:
            entries.append(stated(event.index, event.at))
            stated = None
        waiting.append((position, data, event))
    pending = tuple((event.at, _row(event, PENDING, position)) for position, _, event in waiting)
    return CommittedRegister(tuple(entries), pending, since)


def _entry(
    kind: RecordKind, form: str, committed: ReviewsCommitted | IncidentsCommitted, behind: list[tuple[int, bytes, Any]]
) -> Callable[[int, datetime], CommittedEntry]:
    salt = bytes.fromhex(committed.salt)
    hashes = [commitment.salted(salt, position, data) for position, data, _ in behind]
    files = register_entry.encode(register_forms.leaf(form, committed.number, committed.root), committed.first, hashes)
    folder = f"{register_entry.FOLDER}{kind.value}/{committed.number}"
    begins = min((event.at for _, _, event in behind), default=committed.at)

    def logged(index: int, at: datetime) -> CommittedEntry:
        rows = tuple(_row(event, index, position) for position, _, event in behind)
        return CommittedEntry(index, max(at, committed.at), begins, folder, files, kind, rows)

    return logged


def _row(event: Any, entry: int | str, position: int) -> Row:
    """Return what a pack says of an event."""
    row: Row = {"at": codec.instant(event.at.replace(microsecond=0)), "what": _words(event), "entry": entry, "position": position}
    for each in fields(event):
        if each.name in _SHOWN:
            row["about" if each.name == "what" else each.name] = _plain(getattr(event, each.name))
        elif each.name == "subjects":
            row["people"] = len(event.subjects)
    return row


def _words(event: object) -> str:
    tag = tags.tag_of(type(event))
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in tag).strip()


def _plain(value: Any) -> Any:
    match value:
        case bool():
            return "yes" if value else "no"
        case datetime():
            return codec.instant(value.replace(microsecond=0))
        case Enum():
            return str(value.value)
        case tuple():
            return [_named(str(each.value if isinstance(each, Enum) else each)) for each in value]
        case None:
            return ""
    return value


def _named(text: str) -> str:
    """Return an approver of a request: the account, and no name of the map."""
    return "an approver of the map, by signature" if text.startswith(SIGNED) else text


def all_of(context: Context) -> Iterator[tuple[RecordKind, CommittedRegister]]:
    """Yield every register to which the log commits."""
    for kind in _FORMS:
        yield kind, read(context, kind)
