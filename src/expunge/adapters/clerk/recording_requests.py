"""Requests about recordings of a family, and their answers. Recordings have handles, which mean nothing outside a web session."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from expunge.adapters.clerk.family_requests import OfFamilies, session_of
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import Name, Request
from expunge.core.datamap.artefact import DataKind
from expunge.core.families import selection
from expunge.core.families.looks import Look, LookCount, LookedBy, LookPage, StaffLook
from expunge.core.families.media_types import MediaType
from expunge.core.families.timeline import TimelineFilter, TimelineItem, TimelinePage
from expunge.core.values.canonical import Json
from expunge.errors import UsageError
from expunge.ports.families.recording_door import MediaPart, RecordingCard, RecordingDoor
from expunge.ports.families.sketching import Sketch

Who: TypeAlias = tuple[str, str, str]
"""Account, family and session, as requests name them."""


@dataclass(frozen=True)
class OfRecordings(OfFamilies):
    """A request about recordings."""

    account: str
    family: str
    session: str


@dataclass(frozen=True)
class ListTimeline(OfRecordings):
    """A page of a timeline."""

    name = "list-timeline"
    kinds: str
    since: str
    until: str
    text: Name
    after: str
    most: int


@dataclass(frozen=True)
class OneRecording(OfRecordings):
    """One recording."""

    name = "one-recording"
    handle: str


@dataclass(frozen=True)
class SketchRecording(OfRecordings):
    """The sketch of a recording."""

    name = "sketch-recording"
    handle: str


@dataclass(frozen=True)
class PlayPart(OfRecordings):
    """A part of a recording."""

    name = "play-part"
    handle: str
    first: int | None
    last: int | None


@dataclass(frozen=True)
class ChooseRecordings(OfRecordings):
    """The selection of some recordings; of all that pass the filter where the body names none."""

    name = "choose-recordings"
    with_body = True
    most_body = 64 << 20
    kinds: str
    since: str
    until: str
    text: Name
    every: bool


@dataclass(frozen=True)
class ListLooks(OfRecordings):
    """Looks at the recordings of a family."""

    name = "list-looks"
    before: int | None
    most: int


class RecordingDesk:
    """Answers requests about recordings."""

    def __init__(self, door: Callable[[], AbstractContextManager[RecordingDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[RecordingDoor, Any, bytes], Answer]] = {
            ListTimeline: lambda door, ask, _: _told(_page(door.timeline(*_who(ask), read_filter(ask), ask.after, ask.most))),
            OneRecording: lambda door, ask, _: _told(_card(door.recording(*_who(ask), ask.handle))),
            SketchRecording: lambda door, ask, _: _sketch(door.sketch(*_who(ask), ask.handle)),
            PlayPart: lambda door, ask, _: _part(door.part(*_who(ask), ask.handle, ask.first, ask.last)),
            ChooseRecordings: lambda door, ask, body: _told(
                selection.to_json(door.choose(*_who(ask), _handles(body), read_filter(ask) if ask.every else None))
            ),
            ListLooks: lambda door, ask, _: _told(_looks(door.looks(*_who(ask), ask.before, ask.most))),
        }
        return {kind: self._of_door(act) for kind, act in acts.items()}

    def _of_door(self, act: Callable[[RecordingDoor, Any, bytes], Answer]) -> Handler:
        def handle(_: object, ask: Request, body: bytes) -> Answer:
            with self._door() as door:
                return act(door, ask, body)

        return handle


def listing(who: Who, wanted: TimelineFilter, after: str, most: int) -> ListTimeline:
    """Return the request for a page of a timeline."""
    kinds, since, until, text = _fields(wanted)
    return ListTimeline(*who, kinds, since, until, text, after, most)


def choosing(who: Who, wanted: TimelineFilter | None) -> ChooseRecordings:
    """Return the request for a selection: of all that pass a filter, or where there is none of the recordings in the body."""
    kinds, since, until, text = _fields(wanted or TimelineFilter())
    return ChooseRecordings(*who, kinds, since, until, text, every=wanted is not None)


def _fields(wanted: TimelineFilter) -> tuple[str, str, str, Name]:
    since, until = (each.isoformat() if each else "" for each in (wanted.since, wanted.until))
    return ",".join(sorted(wanted.kinds)), since, until, Name(wanted.text)


def read_filter(ask: ListTimeline | ChooseRecordings) -> TimelineFilter:
    """Return the filter of a request. Raises UsageError."""
    try:
        kinds = frozenset(map(DataKind, ask.kinds.split(","))) if ask.kinds else frozenset[DataKind]()
        since, until = (datetime.fromisoformat(each) if each else None for each in (ask.since, ask.until))
    except ValueError as error:
        raise UsageError("a filter cannot be read", help="ask with the same version of Expunge as the clerk runs") from error
    if any(each is not None and each.tzinfo is None for each in (since, until)):
        raise UsageError("the bounds of a filter have a time zone", help="ask with the same version of Expunge as the clerk runs")
    return TimelineFilter(kinds, since, until, str(ask.text))


def read_page(told: Any) -> TimelinePage:
    """Return a page of an answer."""
    items, total, first, held, following, previous, could_not = told
    return TimelinePage(tuple(map(_read_item, items)), total, first, held, following, previous, tuple(could_not))


def read_recording(told: Any) -> RecordingCard:
    """Return a recording of an answer."""
    return RecordingCard(_read_item(told[0]), told[1], told[2], told[3])


def read_sketch(answer: Answer) -> Sketch:
    """Return a sketch of an answer."""
    bars, seconds, cut = _any(answer.value)
    return Sketch(tuple(bars), float(seconds) if seconds else None, cut, answer.body)


def read_part(answer: Answer) -> MediaPart:
    """Return a part of an answer."""
    media, size, first = _any(answer.value)
    return MediaPart(MediaType(media), size, first, answer.body)


def read_looks(told: Any) -> LookPage:
    """Return looks of an answer."""
    counts = tuple(map(_read_count, told[0]))
    return LookPage(counts, tuple(map(_read_look, told[1])), *told[2:])


def _who(ask: OfRecordings) -> tuple[Any, str, bytes]:
    family = ask.family
    if len(family) != 32 or not set(family) <= set("0123456789abcdef"):
        raise UsageError("a family is named by its pseudonym", help="ask with the same version of Expunge as the clerk runs")
    return account_of(ask.account), family, session_of(ask.session)


def _told(value: Json) -> Answer:
    # Why in the body: a page of transcripts is longer than the head of a frame.
    return Answer(body=json.dumps(value).encode())


def _any(value: Json) -> Any:
    return value


def _handles(body: bytes) -> tuple[str, ...]:
    try:
        found = json.loads(body or b"[]")
    except ValueError as error:
        raise UsageError("the recordings of a request cannot be read", help="choose anew on the page") from error
    if not isinstance(found, list) or len(found) > selection.MOST_ITEMS or not all(isinstance(each, str) for each in found):
        raise UsageError("the recordings of a request cannot be read", help="choose anew on the page")
    return tuple(found)


def _item(item: TimelineItem) -> Json:
    at = item.at.isoformat() if item.at else None
    seconds = None if item.seconds is None else repr(item.seconds)
    return [item.handle, item.kind.value, at, item.size, item.transcript, item.device, seconds, item.shared, item.broken]


def _read_item(told: Any) -> TimelineItem:
    handle, kind, at, size, transcript, device, seconds, shared, broken = told
    moment = datetime.fromisoformat(at) if at else None
    length = None if seconds is None else float(seconds)
    return TimelineItem(handle, DataKind(kind), moment, size, transcript, device, length, shared, broken)


def _page(page: TimelinePage) -> Json:
    items: list[Json] = [_item(each) for each in page.items]
    return [items, page.total, page.first, page.held, page.following, page.previous, list(page.could_not)]


def _card(card: RecordingCard) -> Json:
    return [_item(card.item), card.newer, card.older, card.words_closed]


def _sketch(sketch: Sketch) -> Answer:
    return Answer([list(sketch.bars), "" if sketch.seconds is None else repr(sketch.seconds), sketch.cut], sketch.picture)


def _part(part: MediaPart) -> Answer:
    return Answer([part.media.value, part.size, part.first], part.data)


def _looks(page: LookPage) -> Json:
    counts: list[Json] = [
        [each.by.value, each.name, each.purpose, each.opened, each.refused, each.bytes, each.last.isoformat(), each.seconds]
        for each in page.counts
    ]
    looks: list[Json] = [
        [
            each.at.isoformat(), each.by.value, each.name, each.purpose, each.refused, each.more, each.first, each.last,
            _item(each.item) if each.item else None, each.kind.value if each.kind else None,
            _staff_look(each.staff) if each.staff else None,
        ]
        for each in page.looks
    ]  # fmt: skip
    return [counts, looks, page.total, page.first, page.following]


def _read_count(told: Any) -> LookCount:
    by, name, purpose, opened, refused, size, last, seconds = told
    return LookCount(LookedBy(by), name, purpose, opened, refused, size, datetime.fromisoformat(last), seconds)


def _read_look(told: Any) -> Look:
    at, by, name, purpose, refused, more, first, last, item, kind, staff = told
    return Look(
        datetime.fromisoformat(at), LookedBy(by), name, purpose, refused, more, first, last,
        _read_item(item) if item else None, DataKind(kind) if kind else None, _read_staff_look(staff) if staff else None,
    )  # fmt: skip


def _staff_look(staff: StaffLook) -> Json:
    return [
        staff.function, staff.case_kind, staff.case_number, list(staff.approvers), staff.seconds, staff.views, staff.clarity, staff.sound,
        staff.break_glass, staff.look,
    ]  # fmt: skip


def _read_staff_look(told: Any) -> StaffLook:
    function, kind, number, approvers, seconds, views, clarity, sound, break_glass, look = told
    return StaffLook(function, kind, number, tuple(approvers), seconds, views, clarity, sound, break_glass, look)
