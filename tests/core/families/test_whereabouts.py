"""Places on a coarse grid: where each lies, and that no square is smaller than it may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.families.whereabouts import MOST_ACROSS, SIDES, Grid, Place, gridded, is_place


def drawn(*places: tuple[float, float]) -> tuple[Grid, tuple[tuple[int, int], ...]]:
    found = gridded([Place("places", str(at), *place) for at, place in enumerate(places)])
    assert found is not None
    return found


def test_no_place_is_no_picture() -> None:
    assert gridded([]) is None


def test_one_place_is_one_square_of_a_hundredth_of_a_degree() -> None:
    grid, lie = drawn((48.137154, 11.576124))
    assert (grid.side, grid.columns, grid.rows, lie) == (0.01, 1, 1, ((0, 0),))
    (square,) = grid.squares
    assert (square.south, square.west, square.north, square.east, square.items) == (48.13, 11.57, 48.14, 11.58, 1)


def test_rows_begin_in_the_north_and_columns_in_the_west() -> None:
    grid, lie = drawn((51.4779, -0.0015), (51.4807, -0.0098), (51.5010, 0.0052), (51.4779, -0.0016))
    assert lie == ((3, 0), (2, 0), (0, 1), (3, 0))
    assert [(each.row, each.column, each.items) for each in grid.squares] == [(0, 1, 1), (2, 0, 1), (3, 0, 2)]
    assert 0.6 < grid.stretch < 0.65


def test_an_edge_lies_in_the_square_north_and_east_of_it() -> None:
    grid, lie = drawn((51.48, 7.00), (51.47, 6.99))
    assert lie == ((0, 1), (1, 0))
    assert (grid.squares[0].south, grid.squares[0].west) == (51.48, 7.0)


def test_places_on_both_sides_of_the_last_meridian_stand_beside_one_another() -> None:
    grid, lie = drawn((-17.0, 179.995), (-17.0, -179.995), (-17.0, 179.985))
    assert (grid.columns, lie) == (3, ((0, 1), (0, 2), (0, 0)))
    assert [(each.west, each.east) for each in grid.squares] == [(179.98, 179.99), (179.99, 180.0), (-180.0, -179.99)]


def test_far_journeys_have_large_squares() -> None:
    grid, _ = drawn((48.1, 11.5), (40.7, -74.0))
    assert grid.side == 5.0
    assert grid.columns <= MOST_ACROSS


@pytest.mark.parametrize("wrong", [(90.1, 0.0), (-90.1, 0.0), (0.0, 180.1), (0.0, -180.1), (float("nan"), 0.0), (0.0, float("inf"))])
def test_what_is_no_place_on_the_globe_is_refused(wrong: tuple[float, float]) -> None:
    assert not is_place(*wrong)
    assert is_place(-90.0, 180.0)


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=40))
def test_every_place_lies_in_its_square(places: list[tuple[float, float]]) -> None:
    grid, lie = drawn(*places)
    assert grid.side in SIDES
    assert sum(each.items for each in grid.squares) == len(places)
    by_place = {(each.row, each.column): each for each in grid.squares}
    for (latitude, longitude), (row, column) in zip(places, lie, strict=True):
        assert 0 <= row < grid.rows
        assert 0 <= column < grid.columns
        square = by_place[row, column]
        assert square.south - 1e-5 <= latitude <= square.north + 1e-5
        west, east = square.west, square.east if square.east > square.west else square.east + 360
        assert any(west - 1e-5 <= longitude + turn <= east + 1e-5 for turn in (0, 360, -360))
    assert min(each.south for each in grid.squares) >= -90
    assert max(each.north for each in grid.squares) <= 90
