"""Hostile recordings end in a clear error, and the next request works. Nothing that the process says is believed."""

from __future__ import annotations

import os
import signal

import pytest

from expunge.adapters.closed import closed_child
from expunge.adapters.closed.closed_child import ChildEnded, ClosedChild
from expunge.adapters.rendering.renderer import ClosedRenderer
from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review.rendition import Segment
from expunge.errors import StoreUnavailable, Unplayable, UsageError
from tests.adapters.rendering import hostile
from tests.adapters.rendering.conftest import style
from tests.adapters.rendering.recorded import Held, film, street


def works(renderer: ClosedRenderer) -> None:
    assert renderer.segment(Held(film(1.0, 64, 48)), style(), 0, 500).frames == 5


@pytest.mark.parametrize("case", hostile.CASES)
def test_a_hostile_recording_ends_in_a_clear_error(renderer: ClosedRenderer, case: str) -> None:
    make, said = hostile.CASES[case]
    source = make()
    for act in (lambda: renderer.describe(source), lambda: renderer.segment(source, style(), 0, 1000)):
        with pytest.raises(Unplayable, match=said) as caught:
            act()
        assert caught.value.help
    works(renderer)


def test_a_picture_of_64_million_pixels_is_not_opened(renderer: ClosedRenderer) -> None:
    with pytest.raises(Unplayable, match="million pixels"):
        renderer.still(Held(hostile.picture_bomb()), style())
    works(renderer)


def test_a_film_that_is_cut_short_is_shown_as_far_as_it_goes(renderer: ClosedRenderer) -> None:
    content = film(8.0, 64, 48, "webm", "libvpx")
    cut = Held(content[: len(content) // 2])
    assert renderer.segment(cut, style(), 0, 1000).frames == 10
    with pytest.raises((Unplayable, UsageError), match=r"damaged|behind the end"):
        renderer.segment(cut, style(), 6000, 7000)


@pytest.mark.parametrize("seed", range(10))
def test_a_film_with_damage_anywhere_is_shown_or_refused(renderer: ClosedRenderer, seed: int) -> None:
    mutation(renderer, seed)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(10, 610, 100))
def test_films_with_damage_anywhere_are_shown_or_refused(renderer: ClosedRenderer, first: int) -> None:
    for seed in range(first, first + 100):
        mutation(renderer, seed)


def mutation(renderer: ClosedRenderer, seed: int) -> None:
    found: object
    try:
        found = renderer.segment(Held(hostile.mutated(seed)), style(Clarity.PIXELATED, Sound.CLEAR), 0, 700)
    except (Unplayable, UsageError) as error:
        found = error
    assert found.help if isinstance(found, Unplayable | UsageError) else isinstance(found, Segment)
    works(renderer)


def test_a_recording_that_takes_too_long_ends_and_the_next_is_rendered() -> None:
    renderer = ClosedRenderer(most=1, seconds=0.05)
    try:
        renderer.warm()
        with pytest.raises(Unplayable, match="too long"):
            renderer.segment(Held(street()), style(Clarity.CLEAR), 0, 9000)
        renderer._seconds = 60
        works(renderer)
    finally:
        renderer.close()


def test_a_process_that_dies_while_it_renders_is_replaced(renderer: ClosedRenderer) -> None:
    works(renderer)
    pid = renderer._pools[None].waiting()[0]
    with pytest.raises(Unplayable, match="did not survive"):
        renderer.segment(Held(street(), before=lambda: os.kill(pid, signal.SIGKILL)), style(), 0, 1000)
    works(renderer)
    assert pid not in renderer.processes()


@pytest.mark.parametrize(
    "lie",
    [
        "a range behind the end",
        "a range that is too long",
        "a range that is none",
        "another kind",
        "an endless body",
        "no JSON",
        "a list",
        "silence",
        "an end",
    ],
)
def test_a_process_that_was_taken_over_is_not_believed(lie: str) -> None:
    child = ClosedChild("tests.adapters.closed.liar", lie)
    try:
        with pytest.raises(ChildEnded):
            child.ask({}, Held(bytes(1000)), 1.0)
    finally:
        child.end()


@pytest.mark.parametrize(
    "fields", [{}, {"head": "x"}, {"fault": "made up"}, {"head": 3, "first": [], "last": 2, "codecs": 1, "heard": 1}], ids=str
)
def test_an_answer_with_strange_fields_shows_nothing(fields: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    monkeypatch.setattr("expunge.adapters.rendering.renderer._MODULE", "tests.adapters.closed.liar")
    renderer = ClosedRenderer(most=1)
    renderer._pools[None]._words = ("fields", json.dumps(fields))
    try:
        with pytest.raises(Unplayable):
            renderer.segment(Held(bytes(1000)), style(), 0, 1000)
    finally:
        renderer.close()


def test_a_process_that_cannot_close_itself_is_given_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closed_child, "BEGIN", 30.0)
    with pytest.raises(StoreUnavailable, match="could not close itself"):
        ClosedChild("tests.adapters.closed.liar", "open")
