"""Tags: given once, never inherited, never from the class's name; older forms of a class are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from expunge.core.values import codec, tags
from expunge.core.values.canonical import Json
from expunge.errors import StateCorrupt


@tags.tagged("test.Route")
@dataclass(frozen=True)
class Way:
    target: str


def upgrade(fields: dict[str, Json]) -> dict[str, Json]:
    """`words` was a sentence of two parts, now `reason` and `by`."""
    words = fields.pop("words", None)
    return {**fields, **dict(zip(("reason", "by"), words.split(" by "), strict=True))} if isinstance(words, str) else fields


@tags.tagged("test.Stop", upgrade=upgrade)
@dataclass(frozen=True)
class Halt:
    reason: str
    by: str
    count: int = 0


@tags.tagged("test.Trip")
@dataclass(frozen=True)
class Trip:
    parts: tuple[Way | Halt, ...]


@dataclass(frozen=True)
class Bare:
    target: str


class Derived(Way):
    pass


Part: TypeAlias = Way | Halt


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = dict(tags.every_tag())
    yield
    assert dict(tags.every_tag()) == before


def test_the_tag_is_written_and_read_whatever_the_class_is_called() -> None:
    written = codec.to_json(Way("home"))
    assert written == {"is": "test.Route", "target": "home"}
    assert codec.from_json(Part, written) == Way("home")
    with pytest.raises(StateCorrupt):
        codec.from_json(Part, {"is": "Way", "target": "home"})


@pytest.mark.parametrize("value", [Bare("home"), Derived("home"), Trip((Bare("home"),))])  # type: ignore[arg-type]
def test_what_has_no_tag_of_its_own_is_not_written(value: object) -> None:
    with pytest.raises(TypeError, match="has no tag"):
        codec.to_json(value)


def test_what_has_no_tag_is_not_read() -> None:
    with pytest.raises(TypeError, match="Bare has no tag"):
        codec.from_json(Bare, {"is": "Bare", "target": "home"})


def test_a_tag_belongs_to_one_class_and_a_class_has_one_tag() -> None:
    with pytest.raises(ValueError, match=r"'test\.Route': Way has it"):
        tags.tagged("test.Route")(Bare)
    with pytest.raises(ValueError, match="it has another"):
        tags.tagged("test.Other")(Way)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ({"words": "ill by a doctor"}, Halt("ill", "a doctor")),
        ({"words": "ill by a doctor", "count": 2}, Halt("ill", "a doctor", 2)),
        ({"reason": "ill", "by": "a doctor", "count": 2}, Halt("ill", "a doctor", 2)),
    ],
)
def test_a_class_reads_its_older_forms(stored: dict[str, Json], read: Halt) -> None:
    body = {"is": "test.Stop", **stored}
    again = dict(body)
    assert codec.from_json(Halt, body) == read
    assert codec.from_json(Trip, {"is": "test.Trip", "parts": [body, codec.to_json(Way("home"))]}) == Trip((read, Way("home")))
    assert body == again
    assert codec.from_json(Halt, codec.to_json(read)) == read


@pytest.mark.parametrize("stored", [{"words": "ill"}, {"words": 7}, {"reason": "ill"}])
def test_what_was_never_a_form_of_it_is_refused(stored: dict[str, Json]) -> None:
    with pytest.raises(StateCorrupt, match=r"does not fit test\.Stop"):
        codec.from_json(Halt, {"is": "test.Stop", **stored})
