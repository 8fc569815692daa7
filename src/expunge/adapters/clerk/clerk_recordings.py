"""Recordings of families at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from expunge.adapters.clerk import recording_requests as wire
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.connection import Connections
from expunge.core.families import selection
from expunge.core.families.looks import LookPage
from expunge.core.families.selection import Selection
from expunge.core.families.timeline import TimelineFilter, TimelinePage
from expunge.ports.families.recording_door import MediaPart, RecordingCard
from expunge.ports.families.sketching import Sketch


class ClerkRecordings:
    """Implements ``expunge.ports.families.recording_door.RecordingDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkRecordings(…)"

    def timeline(self, account: UUID, family: str, session: bytes, wanted: TimelineFilter, after: str, most: int) -> TimelinePage:
        """See the port."""
        request = wire.listing(_who(account, family, session), wanted, after, most)
        return wire.read_page(_told(self._connections.ask(request)))

    def recording(self, account: UUID, family: str, session: bytes, handle: str) -> RecordingCard:
        """See the port."""
        return wire.read_recording(_told(self._connections.ask(wire.OneRecording(*_who(account, family, session), handle))))

    def sketch(self, account: UUID, family: str, session: bytes, handle: str) -> Sketch:
        """See the port."""
        return wire.read_sketch(self._connections.ask(wire.SketchRecording(*_who(account, family, session), handle)))

    def part(self, account: UUID, family: str, session: bytes, handle: str, first: int | None, last: int | None) -> MediaPart:
        """See the port."""
        return wire.read_part(self._connections.ask(wire.PlayPart(*_who(account, family, session), handle, first, last)))

    def choose(self, account: UUID, family: str, session: bytes, handles: Sequence[str], wanted: TimelineFilter | None) -> Selection:
        """See the port."""
        request = wire.choosing(_who(account, family, session), wanted)
        return selection.from_json(_told(self._connections.ask(request, json.dumps(list(handles)).encode())))

    def looks(self, account: UUID, family: str, session: bytes, before: int | None, most: int) -> LookPage:
        """See the port."""
        return wire.read_looks(_told(self._connections.ask(wire.ListLooks(*_who(account, family, session), before, most))))


def _who(account: UUID, family: str, session: bytes) -> wire.Who:
    return str(account), family, session.hex()


def _told(answer: Answer) -> Any:
    return json.loads(answer.body)
