"""What a verify step found, as the journal keeps it."""

from __future__ import annotations

import json

import pytest

from expunge.core.evidence import verification_codec
from expunge.core.values import canonical
from expunge.errors import StateCorrupt

FOUND = {"anna": {"datasets": [1], "kept": []}, "bert": {"datasets": [2], "kept": []}, "cem": {"datasets": [1], "kept": []}}


def read(text: str) -> dict[str, object]:
    of, said = verification_codec.unpack(text)
    return {person: said[place] for person, place in of.items()}


def test_the_same_words_stand_there_once() -> None:
    text = verification_codec.pack(FOUND)
    assert read(text) == FOUND
    assert len(json.loads(text)["said"]) == 2


def test_each_order_gets_its_own_people_and_no_words_of_others() -> None:
    mine, theirs = verification_codec.parts(verification_codec.pack(FOUND), [["bert", "nobody"], ["cem", "anna"]])
    assert read(mine) == {"bert": FOUND["bert"]}
    assert read(theirs) == {"anna": FOUND["anna"], "cem": FOUND["cem"]}
    assert json.loads(theirs)["said"] == [FOUND["anna"]]


def test_what_earlier_versions_wrote_is_read() -> None:
    assert read(canonical.encode(FOUND).decode()) == FOUND


def test_anything_else_is_refused() -> None:
    with pytest.raises(StateCorrupt, match="not an object"):
        verification_codec.unpack("[1]")
