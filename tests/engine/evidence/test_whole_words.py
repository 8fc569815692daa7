"""Identifiers of the erased are taken out of others' content where they stand as whole words, and nowhere else, however many there are."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import BinaryIO

from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.person import Person
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence.whole_words import Words, _WholeWordsOut
from expunge.ports.scanner import Stretch

some_text = st.text("ab-_.@+ é\n", max_size=24)
some_values = st.lists(st.text("ab-_.@+é", min_size=1, max_size=5), max_size=8)


def by_definition(values: Sequence[str], text: str) -> str:
    """One value after the other, at each place the longest."""
    if not values:
        return text
    longest_first = sorted(values, key=len, reverse=True)
    pattern = "|".join(rf"(?<![\w{'.' if '@' in each else ''}-]){re.escape(each)}(?![\w-])" for each in longest_first)
    return re.sub(pattern, lambda found: "#" * len(found.group()), text)


@given(some_values, some_text)
def test_values_are_taken_out_as_whole_words(values: list[str], text: str) -> None:
    # values without a word character are none of the identifiers that are looked for by their runs
    named = [each for each in values if re.search(r"[\w-]", each)]
    words = Words(named)
    assert words.take_out(text, lambda value: "#" * len(value)) == by_definition(named, text)
    if not words.lie_in(text):
        assert by_definition(named, text) == text


@given(some_text)
def test_values_without_any_word_are_taken_out_too(text: str) -> None:
    assert Words(["+@+"]).take_out(text, lambda value: "#" * len(value)) == by_definition(["+@+"], text)


class Heard:
    """Notes what is passed on."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        self.heard.append((field, value))

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        self.heard.append((field, value))

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        self.heard.append((field, value))

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        self.heard.append((field, stream.read()))

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        self.heard.append(("name", value))

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        self.heard.append(("lies", (path, *stretches)))


def test_everything_is_passed_on_once_and_without_them() -> None:
    heard = Heard()
    anna = Person(Pseudonym("a" * 32), {"profile": frozenset({"prf-anna-1"})}, {"profile.phone": frozenset({"+49 151 1234"})})
    passing = _WholeWordsOut(heard, [anna], seams=True)
    other = Pseudonym("control-0")
    for number in range(1500):
        passing.text(other, "d", "text", f"number {number}")
    passing.text(other, "d", "text", "calls prf-anna-1 at +49 151 1234.")
    passing.text(other, "d", "text", "prf-anna-12 is somebody else")
    passing.blob(other, "d", "row", io.BytesIO(b"\x07prf-anna-1\xff"))
    passing.blob(other, "d", "row", io.BytesIO(b"\x07prf-anna-12\xff"))
    passing.blob(other, "d", "file", io.BytesIO(bytes(2 << 20)))
    passing.name(other, "d", "prf-anna-1.wav")
    passing.pass_on()
    texts = [value for field, value in heard.heard if field == "text"]
    assert texts == [f"number {number}" for number in range(1500)] + ["calls \0 at \0.", "prf-anna-12 is somebody else"]
    blobs = [value for field, value in heard.heard if field == "row"]
    assert blobs == [b"\x07" + bytes(10) + b"\xff", b"\x07prf-anna-12\xff"]
    assert ("file", bytes(2 << 20)) in heard.heard
    assert ("name", "\0.wav") in heard.heard


def test_what_joins_values_is_not_passed_on_where_nobody_asks_for_it() -> None:
    heard = Heard()
    passing = _WholeWordsOut(heard, [], seams=False)
    passing.blob(Pseudonym("control-0"), "d", "row", io.BytesIO(b"left and right"))
    passing.pass_on()
    assert heard.heard == []


def test_a_longer_word_of_a_person_who_stays_is_left_as_it_is() -> None:
    asked: list[str] = []

    def stays(words: Collection[str]) -> bool:
        asked.extend(words)
        return "ann@example.org.uk" in words

    words = Words(["ann@example.org"], stays=stays)
    text = "ann@example.org.uk, not ann@example.org. Nor ann@example.org.html"
    assert words.take_out(text, lambda value: "#" * len(value)) == text.replace("not ann@example.org.", f"not {'#' * 15}.").replace(
        "ann@example.org.html", f"{'#' * 15}.html"
    )
    assert set(asked) == {"ann@example.org.uk", "ann@example.org.html"}
