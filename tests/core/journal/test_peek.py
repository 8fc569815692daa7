"""A look at journalled bytes says what decoding says."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import get_args

import pytest

from expunge.core.consent import consent_events as ce
from expunge.core.journal import events as ev
from expunge.core.journal.peek import peek, peek_text, read_flat
from expunge.errors import StateCorrupt
from tests import journal_kit as kit

EVENTS = get_args(ev.Event)
LINES = [line for path in sorted(kit.EVENTS.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def test_an_event_is_of_the_kind_that_decoding_says() -> None:
    for line in LINES:
        assert [kind for kind in EVENTS if peek(line, kind)] == [type(ev.decode(line))]
        assert peek(line, *EVENTS) is type(ev.decode(line))
    assert peek(LINES[0], ev.Fenced, ev.Ended) is None


def test_a_text_is_the_one_that_decoding_says() -> None:
    checked = 0
    for line in LINES:
        event = ev.decode(line)
        for field in fields(event):
            value = getattr(event, field.name)
            if type(value) is str:
                assert peek_text(line, field.name) == value
                checked += 1
        assert peek_text(line, "no such field") is None
    assert checked > 400


AWKWARD = (
    '","is":"Suppressed","order":"x',
    "back\\slash\\",
    '\\","order":"y',
    "\u00e9\u2603\U0001f5c2",
    "line\nfeed",
    '{"is":"Linked"}',
    "",
)


@pytest.mark.parametrize("text", AWKWARD)
def test_no_text_passes_for_a_tag_or_a_field(text: str) -> None:
    line = ev.encode(ev.Cancelled(kit.START, text))
    assert [kind for kind in EVENTS if peek(line, kind)] == [ev.Cancelled]
    assert peek_text(line, "reason") == text
    assert peek_text(line, "order") is None


def test_a_class_without_a_tag_cannot_be_looked_for() -> None:
    @dataclass(frozen=True)
    class Bare:
        at: str

    with pytest.raises(TypeError, match="has no tag"):
        peek(LINES[0], Bare)


FLAT = (ce.ConsentGiven, ce.ConsentWithdrawn, ce.GuardianEnded, ce.SubjectsMerged, ev.Fenced, ev.Approved, ev.StepIntended)


def test_a_flat_event_is_read_as_decoding_reads_it() -> None:
    read = [(kind, line) for line in LINES if (kind := peek(line, *FLAT)) is not None]
    assert {kind for kind, _ in read} == set(FLAT)
    for kind, line in read:
        assert read_flat(line, kind) == ev.decode(line)


@pytest.mark.parametrize("kind", [ev.Received, ev.StepEnded, ev.HoldPlaced, ev.Located])
def test_what_is_not_flat_is_not_read_quickly(kind: type) -> None:
    line = next(line for line in LINES if peek(line, kind))
    with pytest.raises(TypeError, match="is not flat"):
        read_flat(line, kind)


@pytest.mark.parametrize("change", [(b'"why":"', b'"because":"'), (b'"by":', b'"of":'), (b'"custody changed"', b'"tired"')])
def test_a_flat_event_with_other_fields_is_refused(change: tuple[bytes, bytes]) -> None:
    line = ev.encode(ce.GuardianEnded(kit.START, "grd-1", ce.EndReason.CUSTODY, "priya")).replace(*change)
    with pytest.raises(StateCorrupt, match="does not fit GuardianEnded"):
        read_flat(line, ce.GuardianEnded)
