"""Names in transcripts are masked: those that are known, and what looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.review.masking import MASK, mask

KNOWN = ("p-mia", "Mia Thistlewood")


@pytest.mark.parametrize(
    ("said", "shown", "words"),
    [
        ("please tell mia a story", f"please tell {MASK} a story", 1),
        ("MIA'S kettle", f"{MASK} kettle", 1),
        ("he went to Greenwich with Tom. The dog stayed.", f"he went to {MASK} with {MASK} The dog stayed.", 2),
        ("my name is anna kovacs and I am here", f"my name is {MASK} and I am here", 2),
        ("ask dr. weber about it", f"ask dr. {MASK} about it", 1),
        ("me llamo pedro y vivo aquí", f"me llamo {MASK} y vivo aquí", 1),
        ("call 555-1234 or write to a@b.c", f"call {MASK} or write to {MASK}", 2),
        ("I'm fine, and I\u2019ll wait 11 minutes", "I'm fine, and I\u2019ll wait 11 minutes", 0),
        ("", "", 0),
    ],
    ids=["known", "possessive", "capitals", "name is", "title", "Spanish", "numbers", "I", "empty"],
)
def test_what_is_masked(said: str, shown: str, words: int) -> None:
    found = mask(said, KNOWN)
    assert (found.text, found.words) == (shown, words)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("José", "jose\u0301 rang"),
        ("Jose\u0301", "josé rang"),
        ("Zoë", "zoe rang"),
        ("Mia-Sophie", "tell mia a story"),
        ("Mia", "the mia-corner"),
        ("Mia", "m\u200bia rang"),
        ("Mia", "mia\u02bcs kettle"),
        ("O'Brien", "o\u2019brien rang"),
        ("田中", "昨日田中さんが来た"),
        ("מיה", "תגיד למיה"),
        ("محمد", "ومحمد هنا"),
    ],
    ids=["NFD", "NFC", "no accent", "half a name", "in a word", "not seen", "modifier", "curly", "Japanese", "Hebrew", "Arabic"],
)
def test_a_known_name_in_another_spelling_is_masked(name: str, said: str) -> None:
    assert mask(said, [name]).words == 1


@given(st.text(max_size=200), st.sampled_from(["Mia", "mia", "MIA", "Thistlewood"]), st.text(max_size=200))
def test_no_known_name_is_left_whatever_stands_around(before: str, name: str, after: str) -> None:
    shown = mask(f"{before} {name} {after}", KNOWN).text
    assert name not in shown.split()


def test_a_name_that_is_not_known_may_stay_where_it_begins_a_sentence() -> None:
    """What the documents say of this: a list of all names there are is not kept."""
    assert mask("Zsófia rang.", KNOWN).words == 0
