"""The page of places: a coarse picture without tiles, the list with the same facts, and the switch that ends their collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from expunge.core.datamap.artefact import DataKind
from expunge.core.families.selection import Area
from expunge.core.families.whereabouts import Grid
from expunge.errors import UsageError
from expunge.ports.families.held_door import ChosenPlaces, ChosenSquares, PlacesChoice
from expunge.web.site.portal import deleting
from expunge.web.site.portal.kind_words import NAMED, counted, why
from expunge.web.site.portal.member import Member, clerk, family_page

_UNIT = 32
"""Height of a square in the units of the picture."""
_MARGIN, _LABEL = 76, 84
"""Room for the degrees at the left, and for one below."""
_MOST_LISTED = 60
"""Squares that the form lists; beyond, an area is chosen by its edges."""
_MOST_NUMBER = 15


@dataclass(frozen=True)
class DrawnSquare:
    """A square of the picture, in the picture's units."""

    x: float
    y: float
    width: float
    items: str
    """How many places, in words."""
    where: str
    """Its south-western corner, in words."""
    strength: str
    """From 0 to 1: how dark it is."""
    value: str
    """How a form names it."""


@dataclass(frozen=True)
class Picture:
    """A grid as it is drawn: squares, lines between them, and degrees at the edges."""

    width: float
    height: float
    left: int
    squares: tuple[DrawnSquare, ...]
    meridians: tuple[tuple[float, str], ...]
    """(x, degrees) of lines from south to north."""
    parallels: tuple[tuple[float, str], ...]
    side: str
    """The side of a square, in words."""
    unit: int = _UNIT


@require_http_methods(["GET", "HEAD", "POST"])
@family_page
def places(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show the places of a child, or keep those that a person chose and lead to where they are erased."""
    if request.method == "POST":
        return _choose(request, member)
    number = request.GET.get("page", "1")
    door = clerk().held
    page = door.places(member.account, member.family, member.session, int(number) if number.isdecimal() and len(number) < 9 else 1)
    values = {
        "page": page,
        "picture": drawn(page.grid) if page.grid is not None else None,
        "listed": page.grid is not None and len(page.grid.squares) <= _MOST_LISTED,
        "rows": [(place, degrees(place.latitude, place.longitude, 4)) for place in page.places],
        "away": [(NAMED[kind], why(reason)) for kind, reason in page.not_looked],
        "standing": door.location(member.account, member.family),
    }
    return render(request, "portal/places.html", values)


@require_http_methods(["GET", "HEAD", "POST"])
@family_page
def switch_off(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show what the switch does, or end the collection of places."""
    door = clerk().held
    if request.method == "POST":
        if door.stop_location(member.account, member.family):
            messages.success(request, _("Places are no longer collected."))
        return redirect("portal_places_off", member.slug)
    return render(request, "portal/places_off.html", {"standing": door.location(member.account, member.family)})


def _choose(request: HttpRequest, member: Member) -> HttpResponseBase:
    here = redirect("portal_places", member.slug)
    try:
        choice = _choice(request)
    except ValueError:
        messages.error(
            request, _("Write each edge as a number of degrees: north and south from -90 to 90, west and east from -180 to 180.")
        )
        return here
    if choice is None:
        messages.error(request, _("Choose places, squares or an area first."))
        return here
    look = request.POST.get("look", "")[:40]
    try:
        chosen = clerk().held.choose(member.account, member.family, member.session, look, choice)
    except UsageError:
        messages.error(request, _("No place of the list is meant by that, or the places have changed. Look at them and choose anew."))
        return here
    return deleting.begin(request, member, chosen)


def _choice(request: HttpRequest) -> PlacesChoice | None:
    """Return what the form chose; None for nothing. Raises ValueError, and UsageError for an area that is none."""
    given: Mapping[str, str] = request.POST.dict()
    if given.get("act") == "area":
        edges = [given.get(name, "").strip().replace(",", ".").replace("\u2212", "-") for name in ("south", "west", "north", "east")]
        if any(len(edge) > _MOST_NUMBER for edge in edges):
            raise ValueError
        try:
            return Area(frozenset({"*"}), *map(float, edges))
        except UsageError as error:
            raise ValueError from error
    if given.get("act") == "squares":
        squares = [square.partition(".")[::2] for square in request.POST.getlist("square")]
        return ChosenSquares(tuple((int(row), int(column)) for row, column in squares)) if squares else None
    handles = tuple(handle for handle in request.POST.getlist("place") if handle)
    return ChosenPlaces(handles) if handles else None


# --- drawing ------------------------------------------------------------------------------------------------


def drawn(grid: Grid) -> Picture:
    """Return a grid as it is drawn. Lines stand where squares meet; every fact of it stands in the list too."""
    wide = max(6.0, round(_UNIT * grid.stretch, 2))
    most = max(square.items for square in grid.squares)
    places_after = _decimals(grid.side)
    squares = tuple(
        DrawnSquare(
            round(_MARGIN + square.column * wide, 2),
            square.row * _UNIT,
            wide,
            counted_places(square.items),
            degrees(square.south, square.west, places_after),
            f"{0.3 + 0.7 * square.items / most:.2f}",
            f"{square.row}.{square.column}",
        )
        for square in grid.squares
    )
    first = grid.squares[0]
    north = first.north + first.row * grid.side
    west = first.west - first.column * grid.side
    every = max(1, -(-grid.rows // 6)), max(1, int(-(-_LABEL // wide)))
    parallels = tuple((row * _UNIT, latitude(north - row * grid.side, places_after)) for row in range(0, grid.rows + 1, every[0]))
    meridians = tuple(
        (round(_MARGIN + column * wide, 2), longitude(_wrapped(west + column * grid.side), places_after))
        for column in range(0, grid.columns + 1, every[1])
    )
    width, height = round(_MARGIN + grid.columns * wide + _LABEL, 2), grid.rows * _UNIT + 30
    return Picture(width, height, _MARGIN, squares, meridians, parallels, _side(grid.side))


def counted_places(number: int) -> str:
    """Return a number of places in words."""
    return counted(DataKind.LOCATION, number)


def degrees(north: float, east: float, after: int) -> str:
    """Return a place as people write it: *51.4779° N, 0.0015° W*."""
    return f"{latitude(north, after)}, {longitude(east, after)}"


def latitude(value: float, after: int) -> str:
    """Return a latitude with some decimals."""
    return f"{abs(value):.{after}f}° {'N' if value >= 0 else 'S'}"


def longitude(value: float, after: int) -> str:
    """Return a longitude with some decimals."""
    shown = f"{abs(value):.{after}f}"
    return f"{shown}° E" if value >= 0 else _("%(degrees)s° W") % {"degrees": shown}


def _side(side: float) -> str:
    """The height of a square on the ground: a degree of latitude is 111 km."""
    kilometres = side * 111.2
    return f"{kilometres:.1f} km" if kilometres < 10 else f"{kilometres:.0f} km"


def _decimals(side: float) -> int:
    return 0 if side >= 1 else 1 if side >= 0.1 else 2


def _wrapped(value: float) -> float:
    return value - 360 if value > 180 else value
