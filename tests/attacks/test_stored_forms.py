"""Journalled bytes that nobody of ours wrote: refused as such, whatever stands in them, and never taken for another event."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from expunge.core.consent import consent_receipt
from expunge.core.journal import events as ev
from expunge.core.journal.peek import peek, peek_text
from expunge.core.values import canonical, codec
from expunge.core.values.cause import ByGuardian, OnRequest
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Absent
from expunge.core.values.scope import Scope
from expunge.errors import EvidenceInvalid, StateCorrupt

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
WHO = Pseudonym("a" * 32)
SCOPE = Scope("why", ("voice",))
RECEIVED = ev.Received(NOON, OrderId("ord-x"), OrderKind.ERASURE, (WHO,), ("c" * 44,), "cli", OnRequest(), "", NOON, None, SCOPE)
BEYOND = "0001-01-01T00:00:00+05:00"
ODD: tuple[canonical.Json, ...] = (
    None, 0, True, "", "guardian ", [], {}, [["a"]], BEYOND, "9999-12-31T23:59:59-05:00", "2026-01-01", "erasure",
    {"is": "OnRequest"}, {"is": "ByGuardian", "proof": 3, "identified": ""}, {"is": "ByGuardian", "proof": "grd-"}, {"is": "Received"},
    {"is": None}, {"is": []}, {"is": {}},
)  # fmt: skip


def older(words: str, kind: str) -> dict[str, Any]:
    """A ``Received`` as versions wrote it that said why in words."""
    value = json.loads(ev.encode(RECEIVED))
    del value["cause"]
    return {**value, "attested": words, "kind": kind}


FORMS = [
    json.loads(ev.encode(RECEIVED)),
    older("guardian grd-0123456789abcdef", "erasure"),
    older("withdrawal wdr-0123456789abcdef", "withdrawal"),
]


def test_no_mixture_of_old_and_new_forms_is_anything_but_read_or_refused() -> None:
    choose, read, refused = random.Random(1), 0, 0
    for _ in range(3000):
        value = json.loads(json.dumps(choose.choice(FORMS)))
        for _ in range(choose.randrange(1, 4)):
            key = choose.choice([*value, "cause", "attested", "extra", "is"])
            if choose.random() < 0.25:
                value.pop(key, None)
            elif isinstance(value.get(key), dict):
                value[key][choose.choice([*value[key], "is", "x"])] = json.loads(json.dumps(choose.choice(ODD)))
            else:
                value[key] = json.loads(json.dumps(choose.choice(ODD)))
        try:
            event = ev.decode(canonical.encode(value))
        except StateCorrupt:
            refused += 1
            continue
        read += 1
        assert isinstance(event, ev.Received)
        assert ("attested" in value) != ("cause" in value)
    assert read > 100
    assert refused > 1000


@pytest.mark.parametrize("text", [BEYOND, "9999-12-31T23:59:59-05:00"])
def test_a_time_beyond_the_calendar_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="not an RFC 3339 UTC instant"):
        codec.parse_instant(text)
    with pytest.raises(StateCorrupt):
        ev.decode(canonical.encode({**FORMS[0], "at": text}))
    with pytest.raises(EvidenceInvalid):
        consent_receipt._instant(text)


def test_no_text_inside_an_event_makes_a_glance_see_another_event() -> None:
    bait = '"is":"Suppressed","order":"ord-bait","is":"ReceiptLogged"'
    for text in (bait, bait.replace('"', '\\"'), bait + "\\", "\\" + bait, f'x",{bait},"y":"'):
        for cause in (OnRequest(text), ByGuardian(text, text)):
            data = ev.encode(replace(RECEIVED, cause=cause, channel=text, requester=text, scope=Scope(text, ("voice",), (), {"is": 3})))
            assert peek(data, ev.Suppressed, ev.ReceiptLogged) is None
            assert peek(data, ev.Suppressed, ev.Received) is ev.Received
            assert peek_text(data, "order") == "ord-x"
        suppressed = ev.encode(ev.Suppressed(NOON, OrderId("ord-y"), (text,), (text,)))
        assert peek_text(suppressed, "order") == "ord-y"
        assert peek(suppressed, ev.ReceiptLogged, ev.Received) is None


def test_a_dataset_called_like_the_field_of_a_tag_is_read_back() -> None:
    for name in ("is", "order", "Suppressed"):
        ended = ev.StepEnded(NOON, "erase:is", 1, {name: {WHO: Absent()}}, {name: 3})  # type: ignore[arg-type]
        assert ev.decode(ev.encode(ended)) == ended
        assert peek(ev.encode(ended), ev.Suppressed, ev.ReceiptLogged, ev.Received) is None
