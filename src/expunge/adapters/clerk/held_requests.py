"""Requests about what is held, and their answers. Answers travel in the body, as JSON: degrees are fractions."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from expunge.adapters.clerk.family_requests import OfFamilies, session_of
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import Request
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.protected_kinds import ProtectedKind
from expunge.core.families import selection
from expunge.core.families.holdings import Holdings, KindHeld, MadeFrom, NotCounted
from expunge.core.families.selection import Area
from expunge.core.families.whereabouts import Grid, Square
from expunge.core.retention.disclosure import DisclosedData, RetentionDisclosure
from expunge.core.values.outcome import Reason
from expunge.core.values.periods import Period
from expunge.errors import UsageError
from expunge.ports.families.held_door import (
    ChosenPlaces,
    ChosenSquares,
    HeldAnswer,
    HeldDoor,
    ListedPlace,
    LocationStanding,
    PlacesChoice,
    PlacesPage,
    PublicNotice,
)

_MOST_CHOICE = 1 << 20
_SAME_VERSION = "ask with the same version of Expunge as the clerk runs"


@dataclass(frozen=True)
class Held(OfFamilies):
    """The counts of a family."""

    name = "held"
    account: str
    family: str


@dataclass(frozen=True)
class Places(OfFamilies):
    """One page of the places of a family."""

    name = "places"
    account: str
    family: str
    session: str
    page: int


@dataclass(frozen=True)
class ChoosePlaces(OfFamilies):
    """A choice of places, in the body."""

    name = "choose-places"
    with_body = True
    most_body = _MOST_CHOICE
    account: str
    family: str
    session: str
    look: str


@dataclass(frozen=True)
class Location(OfFamilies):
    """The collection of whereabouts of a family."""

    name = "location"
    account: str
    family: str


@dataclass(frozen=True)
class StopLocation(OfFamilies):
    """The end of that collection."""

    name = "stop-location"
    account: str
    family: str


@dataclass(frozen=True)
class Notices(OfFamilies):
    """The notices of orders."""

    name = "notices"


@dataclass(frozen=True)
class Disclosures(OfFamilies):
    """What is disclosed of retention."""

    name = "disclosures"


class HeldDesk:
    """Answers requests about what is held."""

    def __init__(self, door: Callable[[], AbstractContextManager[HeldDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[HeldDoor, Any, bytes], Any]] = {
            Held: lambda door, ask, _: _of_answer(door.held(account_of(ask.account), ask.family)),
            Places: lambda door, ask, _: _of_page(door.places(account_of(ask.account), ask.family, session_of(ask.session), ask.page)),
            ChoosePlaces: lambda door, ask, body: selection.to_json(
                door.choose(account_of(ask.account), ask.family, session_of(ask.session), ask.look, read_choice(body))
            ),
            Location: lambda door, ask, _: _of_standing(door.location(account_of(ask.account), ask.family)),
            StopLocation: lambda door, ask, _: door.stop_location(account_of(ask.account), ask.family),
            Notices: lambda door, _, __: [_of_notice(each) for each in door.notices()],
            Disclosures: lambda door, _, __: [each.to_json() for each in door.disclosures()],
        }
        return {kind: self._of_door(act) for kind, act in acts.items()}

    def _of_door(self, act: Callable[[HeldDoor, Any, bytes], Any]) -> Handler:
        def handle(_: object, ask: Request, body: bytes) -> Answer:
            with self._door() as door:
                return Answer(body=json.dumps(act(door, ask, body)).encode())

        return handle


# --- answers ------------------------------------------------------------------------------------------------


def _of_answer(answer: HeldAnswer) -> Any:
    found = answer.holdings
    told = None if found is None else [
        found.at.isoformat(),
        [[each.kind.value, each.items, _day(each.oldest), _day(each.goes), each.undated, each.bound] for each in found.kinds],
        [[each.kind.value, each.learnt, each.unknown] for each in found.made],
        [[each.kind.value, each.reason.value] for each in found.not_counted],
    ]  # fmt: skip
    return [told, answer.counting]


def read_answer(told: Any) -> HeldAnswer:
    """Return the counts of an answer."""
    holdings, counting = told
    if holdings is None:
        return HeldAnswer(None, counting)
    at, kinds, made, away = holdings
    return HeldAnswer(
        Holdings(
            datetime.fromisoformat(at),
            tuple(KindHeld(DataKind(kind), items, _read_day(old), _read_day(goes), *rest) for kind, items, old, goes, *rest in kinds),
            tuple(MadeFrom(DataKind(kind), learnt, unknown) for kind, learnt, unknown in made),
            tuple(NotCounted(DataKind(kind), Reason(reason)) for kind, reason in away),
        ),
        counting,
    )


def _of_page(page: PlacesPage) -> Any:
    grid = page.grid
    drawn = None if grid is None else [
        grid.side, grid.columns, grid.rows, grid.stretch,
        [[each.column, each.row, each.items, each.south, each.west, each.north, each.east] for each in grid.squares],
    ]  # fmt: skip
    listed = [
        [each.handle, each.kind.value, each.latitude, each.longitude, each.at.isoformat() if each.at else None] for each in page.places
    ]
    away = [[kind.value, reason.value] for kind, reason in page.not_looked]
    return [page.look, drawn, page.total, listed, page.page, page.pages, page.unread, page.cut, away]


def read_page(told: Any) -> PlacesPage:
    """Return the places of an answer."""
    look, drawn, total, listed, page, pages, unread, cut, away = told
    grid = None
    if drawn is not None:
        side, columns, rows, stretch, squares = drawn
        grid = Grid(side, columns, rows, tuple(Square(*each) for each in squares), stretch)
    places = tuple(
        ListedPlace(handle, DataKind(kind), north, east, datetime.fromisoformat(at) if at else None)
        for handle, kind, north, east, at in listed
    )
    return PlacesPage(look, grid, total, places, page, pages, unread, cut, tuple((DataKind(kind), Reason(reason)) for kind, reason in away))


def _of_standing(standing: LocationStanding) -> Any:
    return [standing.collected, list(standing.agreed), standing.reminded.isoformat() if standing.reminded else None]


def read_standing(told: Any) -> LocationStanding:
    """Return the collection of whereabouts of an answer."""
    collected, agreed, reminded = told
    return LocationStanding(collected, tuple(agreed), datetime.fromisoformat(reminded) if reminded else None)


def _of_notice(notice: PublicNotice) -> Any:
    return [notice.language, notice.heading, list(notice.paragraphs), notice.sha256]


def read_notice(told: Any) -> PublicNotice:
    """Return a notice of an answer."""
    language, heading, paragraphs, digest = told
    return PublicNotice(language, heading, tuple(paragraphs), digest)


def read_disclosure(told: Any) -> RetentionDisclosure:
    """Return a disclosure of an answer."""
    data = tuple(
        DisclosedData(
            DataKind(each["kind"]), _read_period(each["months"], each["days"]), each["counted"], each["purpose"], each["need"],
            tuple(each["uses"]), each["kept"],
        )
        for each in told["data"]
    )  # fmt: skip
    return RetentionDisclosure(ProtectedKind(told["of"]), data, tuple(told["recipients"]))


# --- choices ------------------------------------------------------------------------------------------------


def written_choice(choice: PlacesChoice) -> bytes:
    """Return the body of a choice."""
    match choice:
        case ChosenPlaces(handles):
            told: dict[str, Any] = {"handles": list(handles)}
        case ChosenSquares(squares):
            told = {"squares": [list(each) for each in squares]}
        case Area(_, south, west, north, east):
            told = {"area": [south, west, north, east]}
    return json.dumps(told).encode()


def read_choice(body: bytes) -> PlacesChoice:
    """Return the choice of a body. Raises UsageError."""
    try:
        ((kind, told),) = json.loads(body).items()
        match kind:
            case "handles":
                return ChosenPlaces(tuple(map(_text, told)))
            case "squares":
                return ChosenSquares(tuple((_number(row), _number(column)) for row, column in told))
            case "area":
                south, west, north, east = map(float, told)
                return Area(frozenset({"*"}), south, west, north, east)
            case _:
                raise ValueError
    except UsageError:
        raise
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError("the choice of places cannot be read", help=_SAME_VERSION) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _read_day(told: str | None) -> date | None:
    return None if told is None else date.fromisoformat(told)


def _read_period(months: int, days: int) -> Period | None:
    return Period(days=days, months=months) if months or days else None
