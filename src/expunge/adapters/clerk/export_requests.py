"""Requests about exports of families, and their answers. An export is a random id, and a part of it is sent in ranges."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from expunge.adapters.clerk.family_requests import OfFamilies, session_of
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import Name, Request, Threads
from expunge.core.datamap.artefact import DataKind
from expunge.core.export.export_words import Language
from expunge.core.export.wanted_export import WantedExport, kinds_of
from expunge.core.journal.export_events import ExportEnd
from expunge.core.values.canonical import Json
from expunge.errors import UsageError
from expunge.ports.families.export_door import ExportCard, ExportDoor, ExportedPart, OfferedKind


class _OfExports(OfFamilies):
    # Why others: a download never keeps a page waiting.
    threads = Threads.VAULT


@dataclass(frozen=True)
class OfferedExport(OfFamilies):
    """The kinds that an export of a family can hold."""

    name = "offered-export"
    account: str
    family: str


@dataclass(frozen=True)
class BeginExport(OfFamilies):
    """The beginning of an export, under a permit of the keeper's."""

    name = "begin-export"
    permit: str
    session: str
    account: str
    family: str
    kinds: Name
    """Their words, with commas between them; empty for all."""
    part_size: int
    language: str


@dataclass(frozen=True)
class ListExports(OfFamilies):
    """The exports of an account."""

    name = "list-exports"
    account: str
    family: str


@dataclass(frozen=True)
class CancelExport(OfFamilies):
    """The end of an export."""

    name = "cancel-export"
    account: str
    family: str
    export: str


@dataclass(frozen=True)
class FetchExport(_OfExports):
    """The entry of a range that is about to be given out."""

    name = "fetch-export"
    account: str
    family: str
    session: str
    export: str
    part: int
    first: int
    last: int


@dataclass(frozen=True)
class ReadExport(_OfExports):
    """Bytes of a range that was entered."""

    name = "read-export"
    account: str
    family: str
    session: str
    ticket: str
    first: int


@dataclass(frozen=True)
class BesideExport(_OfExports):
    """A file of hashes or signatures."""

    name = "beside-export"
    account: str
    family: str
    session: str
    export: str
    file: str


class ExportDesk:
    """Answers requests about exports."""

    def __init__(self, door: Callable[[], AbstractContextManager[ExportDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[ExportDoor, Any], Answer]] = {
            OfferedExport: lambda door, ask: Answer(
                [[each.kind.value, each.items, each.bytes] for each in door.offered(account_of(ask.account), ask.family)]
            ),
            BeginExport: lambda door, ask: Answer(
                door.begin(ask.permit, session_of(ask.session), account_of(ask.account), ask.family, _wanted(ask))
            ),
            ListExports: lambda door, ask: Answer([_written(each) for each in door.exports(account_of(ask.account), ask.family)]),
            CancelExport: _cancelled,
            FetchExport: lambda door, ask: Answer(
                door.fetch(account_of(ask.account), ask.family, session_of(ask.session), ask.export, ask.part, ask.first, ask.last)
            ),
            ReadExport: lambda door, ask: Answer(
                body=door.read(account_of(ask.account), ask.family, session_of(ask.session), ask.ticket, ask.first)
            ),
            BesideExport: lambda door, ask: Answer(
                body=door.beside(account_of(ask.account), ask.family, session_of(ask.session), ask.export, ask.file)
            ),
        }
        return {kind: self._of_door(act) for kind, act in acts.items()}

    def _of_door(self, act: Callable[[ExportDoor, Any], Answer]) -> Handler:
        def handle(_: object, ask: Request, __: bytes) -> Answer:
            with self._door() as door:
                return act(door, ask)

        return handle


def words_of(wanted: WantedExport) -> Name:
    """Return the kinds of a wish as a request names them."""
    return Name(",".join(kind.value for kind in wanted.ordered))


def read_offered(told: Any) -> OfferedKind:
    """Return an offered kind of an answer."""
    kind, items, size = told
    return OfferedKind(DataKind(kind), items, size)


def read_export(told: Any) -> ExportCard:
    """Return an export of an answer."""
    export, begun, kinds, files, size, of_size, parts, until, ended, ended_at = told
    return ExportCard(
        export, datetime.fromisoformat(begun), tuple(map(DataKind, kinds)), files, size, of_size,
        tuple(ExportedPart(*part) for part in parts), _read_time(until), None if ended is None else ExportEnd(ended), _read_time(ended_at),
    )  # fmt: skip


def _wanted(ask: BeginExport) -> WantedExport:
    try:
        language = Language(ask.language)
    except ValueError as error:
        raise UsageError("there are no pages in this language", help="ask for en or es") from error
    return WantedExport(kinds_of([word for word in str(ask.kinds).split(",") if word]), ask.part_size, language)


def _written(card: ExportCard) -> Json:
    parts: list[Json] = [[part.number, part.bytes, part.sha256] for part in card.parts]
    kinds: list[Json] = [kind.value for kind in card.kinds]
    ended = None if card.ended is None else card.ended.value
    beginning: list[Json] = [card.export, card.begun.isoformat(), kinds, card.files, card.bytes, card.of_bytes, parts]
    return [*beginning, _time(card.until), ended, _time(card.ended_at)]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _read_time(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


def _cancelled(door: ExportDoor, ask: CancelExport) -> Answer:
    door.cancel(account_of(ask.account), ask.family, ask.export)
    return Answer()
