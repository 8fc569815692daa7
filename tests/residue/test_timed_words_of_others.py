"""Words of other people, one by one in every form, are no word sequence of the erased person."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from expunge.core.evidence.traces import Traces
from expunge.core.values.ids import Pseudonym
from expunge.residue.forms import words
from expunge.residue.take.tracer import Collector
from tests.residue.planting import look
from tests.residue.timed_words import FORMS

PHRASES = (
    "turn on the lights in the kitchen please", "what is the weather going to be like tomorrow", "set a timer for ten minutes please",
    "play some music in the living room now", "remind me to call my mother in the morning",
)  # fmt: skip
"""What many people say. The erased person said it too."""
TRACED, SIZE = 600, 20_000_000
"""Sentences of the erased person, and bytes of the other people's."""
SAME = 4
"""Words that no sentence of the other people has in a row as a traced one has."""


def english() -> list[str]:
    """Return sentences from the descriptions of the packages that are installed here."""
    texts = [path.read_text(errors="replace") for folder in sys.path for path in Path(folder).glob("*.dist-info/METADATA")]
    sentences = (re.sub(r"\s+", " ", each).strip() for text in texts for each in re.split(r"(?<=[.!?])\s+", text))
    return sorted({each for each in sentences if 8 <= len(each.split()) <= 22 and re.fullmatch(r"[A-Za-z ,.;'!?()-]+", each)})


def runs(sentence: str) -> set[tuple[str, ...]]:
    said = re.findall("[a-z]+", sentence.lower().replace("'", ""))
    return {tuple(said[at : at + SAME]) for at in range(len(said) - SAME + 1)}


def documents(others: list[str], chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield files in each form by turns: whole sentences, and their words in any order."""
    vocabulary = [word for sentence in others for word in sentence.split()]
    for number in range(sys.maxsize):
        form = list(FORMS)[number % len(FORMS)]
        whole = [word for sentence in chance.sample(others, 40) for word in sentence.split()]
        yield f"{number}-{form}", FORMS[form](whole if number % 2 else chance.choices(vocabulary, k=500))


def test_nothing_is_found_in_what_other_people_said(tmp_path: Path) -> None:
    chance, sentences = random.Random(7), english()
    chance.shuffle(sentences)
    collector = Collector(bytes(range(32)), 64)
    for sentence in (*sentences[:TRACED], *PHRASES):
        collector.text(Pseudonym("m"), "said", "text", sentence)
    taken = collector.traces()
    traces = Traces(taken.key, tuple(trace for trace in taken.traces if trace.form == words.FORM))
    assert len(traces.traces) > TRACED
    said = set().union(*map(runs, (*sentences[:TRACED], *PHRASES)))
    others = [each for each in sentences[TRACED:] if not runs(each) & said]
    written = 0
    for name, data in documents(others, chance):
        (tmp_path / name).write_bytes(data)
        written += len(data)
        if written >= SIZE:
            break
    assert not look(tmp_path, traces).found
    (tmp_path / "hers.ctm").write_bytes(FORMS["kitchen.ctm"](PHRASES[0].split()))
    assert look(tmp_path, traces).found, "and what the person said is"
