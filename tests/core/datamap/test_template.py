"""Templates are sound or explained, and two that fit one file are told without looking at files."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.path_template import overlap, parse_template


def test_placeholders_are_named_in_order_and_once():
    assert parse_template("{a}/x-{b}.flac").placeholders == ("a", "b")
    assert parse_template("{a}/{b}/{a}.flac").placeholders == ("a", "b")
    assert parse_template("fixed.jsonl").placeholders == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/abs/{a}",
        "a//b",
        "../x",
        "a/./b",
        "a/",
        "{a",
        "a}",
        "{}",
        "{a b}",
        "{1a}",
        "{a}{b}",
        "{{a}}",
        "${HOME}/x",
        "a\\b",
        "a\0b",
        "*.flac",
        "a?",
        "[ab]",
    ],
)
def test_what_cannot_be_followed_is_explained(text):
    with pytest.raises(ValueError, match=r"\w+"):
        parse_template(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("v/{a}.flac", "v/{b}.flac", True),
        ("v/{a}.flac", "v/{a}.json", False),
        ("v/{a}/{b}.flac", "v/{a}.flac", False),
        ("v/{a}.flac", "v/{a}-raw.flac", True),
        ("v/x-{a}.flac", "v/y-{a}.flac", False),
        ("{a}/b", "a/{b}", True),
        ("ab{x}", "{y}ba", True),
        ("a{x}", "a", False),
        ("a{x}a", "a{x}", True),
        ("x", "x", True),
    ],
)
def test_templates_that_fit_one_file_overlap(one, other, same):
    assert overlap(one, other) is same
    assert overlap(other, one) is same


SEGMENTS = st.lists(st.sampled_from(["a", "b", "{x}"]), min_size=1, max_size=5).map("".join).filter(lambda text: "}{" not in text)
NAMES = [first + second + third for first in "ab" for second in ["", *"ab"] for third in ["", *"ab"]]
WIDER = sorted({name + more for name in NAMES for more in NAMES} | set(NAMES))


@given(one=SEGMENTS, other=SEGMENTS)
def test_overlap_agrees_with_trying_every_short_name(one, other):
    patterns = [re.compile(text.replace("{x}", "[^/]+")) for text in (one, other)]
    common = [name for name in WIDER if all(pattern.fullmatch(name) for pattern in patterns)]
    if common:
        assert overlap(one, other)
    elif len(one.replace("{x}", "x")) + len(other.replace("{x}", "x")) <= 6:
        assert not overlap(one, other)
