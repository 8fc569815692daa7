"""What is left out because a block cannot hold it is what a look at everything leaves out."""

from __future__ import annotations

import base64
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.residue.formats import carve
from expunge.residue.forms import finder, ink, scripts, tokens
from expunge.residue.forms.finder import Before, FoundForms
from expunge.residue.matching.matcher import PADDING

TEXT = "the purple hedgehog sleeps under the old piano"
PARTS = st.one_of(
    st.sampled_from(
        [
            TEXT.encode(),
            TEXT.encode("utf-16-le"),
            TEXT.encode("utf-32-be"),
            "пурпурный ёж спит под старым роялем".encode("utf-16-be"),
            "紫のハリネズミはピアノの下で眠る".encode("utf-16-le"),
            TEXT.replace(" ", "\u2009").encode(),
            TEXT.replace("e", "e\u200b").encode(),
            TEXT.replace(" ", "\u00a0").encode(),
            base64.b64encode(TEXT.encode()),
            base64.b85encode(TEXT.encode()),
            "".join(f"&#{ord(sign)};" for sign in TEXT).encode(),
            b"=?utf-8?Q?purple_hedgehog?=",
            *(bytes([each]) for each in (0x00, 0x08, 0x09, 0x20, 0x7F, 0x80, 0xC2, 0xE2, 0xFF)),
        ]
    ),
    st.binary(max_size=20),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace")),
)


def said(data: bytes, *, last: bool, since: int) -> tuple[object, ...]:
    whole = data + bytes(PADDING)
    found: FoundForms = finder.find(np.frombuffer(whole, np.uint8), whole, len(data), Before(since), last=last)
    return found.held, found.long, [(each.form, each.data, each.begins.tolist(), each.ends.tolist()) for each in found.written]


@given(st.lists(PARTS, max_size=12), st.booleans(), st.integers(0, 100))
def test_a_printed_block_says_what_it_says_to_all_readers(parts: list[bytes], last: bool, since: int) -> None:
    data = b"".join(parts)
    since = min(since, len(data))
    asked_first = said(data, last=last, since=since)
    with pytest.MonkeyPatch.context() as patch:
        for where in (finder, scripts):
            patch.setattr(where, "printed", lambda _part: False)
        assert said(data, last=last, since=since) == asked_first


@pytest.mark.parametrize("printed", [False, True])
def test_containers_begin_where_each_place_by_itself_says(printed: bool) -> None:
    rng = random.Random(3)
    signs = bytes(range(0x20, 0x7F)) if printed else bytes(range(256))
    heads = [
        b"%PDF-1.4\n",
        b"\x1f\x8b\x08\0\0\0",
        b"\x28\xb5\x2f\xfd",
        b"\x5d\0\0\1\0" + b"\xff" * 8,
        b"PGDMP\1\1\0\4\x08\1",
        b"x\x9cK\xcaI",
    ]
    size = 300_000
    data = bytearray(rng.choices(signs, k=size))
    edges = [0, 131_072, 262_144, size]
    for edge in edges:
        for head in heads[: 1 if printed else None]:
            at = min(max(0, edge + rng.randrange(-90, 90)), size - len(head))
            data[at : at + len(head)] = head
    whole = bytes(data)
    expected = [at for at in range(size) if carve.begins(whole[at : at + carve.LOOKAHEAD])]
    found = carve.starts(np.frombuffer(whole + bytes(PADDING), np.uint8), size)
    assert sorted({at for at, _ in found}) == expected


LETTERS = {
    "hex": "0123456789abcdef",
    "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "lower": "abcdefghijklmnopqrstuvwxyz",
    "all": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_",
    "few capitals": "abcdefghijklmnopqrstuvwxyz-0123456789T",
}


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(LETTERS)), st.integers(1, 80), st.sampled_from([" ", "\0", ", ", "é", "=", "\r"])),
        min_size=1,
        max_size=40,
    ),
    st.integers(0, 2**32),
)
def test_runs_of_letters_are_the_same_where_most_of_a_block_is_something_else(runs: list[tuple[str, int, str]], seed: int) -> None:
    rng = random.Random(seed)
    text = "".join("".join(rng.choices(LETTERS[kind], k=size)) + behind for kind, size, behind in runs).encode()

    def found(data: bytes) -> set[tuple[int, int, int, int]]:
        whole = data + b" " * PADDING
        block = np.frombuffer(whole, np.uint8)
        made = tokens.find(block, whole, len(data), ink.masks(block, len(data)) == ink.FULL)
        every = zip(*(column.tolist() for column in made[:4]), strict=True) if made is not None else ()
        # a run of the shortest ones may lie so that it has one whole word of eight bytes only
        return {each for each in every if each[2] > tokens.SHORTEST}

    assert found(text) == found(text + b" " * (8 * len(text)))
