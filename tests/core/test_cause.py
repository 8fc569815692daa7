"""Why an order exists is a value: what older versions said in words is read by their exact spelling, and by nothing like it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from expunge.core.journal import events as ev
from expunge.core.values import canonical
from expunge.core.values.cause import (
    ByDisgorgement,
    ByGuardian,
    ByInactivity,
    ByRetention,
    ByRule,
    ByWithdrawal,
    Cause,
    OnRequest,
    Reappeared,
    check_words,
)
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderKind
from expunge.core.values.scope import Scope
from expunge.errors import StateCorrupt, UsageError

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
EARLIER = OrderId("ord-earlier")
GUARDIAN, WITHDRAWAL, DISGORGEMENT = "grd-0123456789abcdef", OrderId("wdr-0123456789abcdef"), "dis-0123456789abcdef"
RECEIVED = ev.Received(
    NOON,
    OrderId("ord-x"),
    OrderKind.ERASURE,
    (Pseudonym("a" * 32),),
    ("c" * 44,),
    "cli",
    OnRequest(),
    "",
    NOON,
    None,
    Scope("why", ("voice",)),
)


def before(kind: OrderKind, attested: str, follows: OrderId | None = None) -> bytes:
    """A ``Received`` as versions wrote it that said why in words."""
    value = json.loads(ev.encode(replace(RECEIVED, kind=kind, follows=follows)))
    del value["cause"]
    return canonical.encode({**value, "attested": attested})


@pytest.mark.parametrize(
    "cause",
    [
        OnRequest(),
        OnRequest("Guardian grd-0123456789abcdef"),
        ByGuardian(GUARDIAN, "signed in"),
        ByWithdrawal(WITHDRAWAL),
        ByDisgorgement(DISGORGEMENT, "models"),
        ByRetention(("life", "logs")),
        ByInactivity("profile"),
        Reappeared(),
        Reappeared(WITHDRAWAL),
        ByRule("a test"),
    ],
)
def test_every_cause_is_journalled_and_read_again(cause: Cause) -> None:
    event = replace(RECEIVED, cause=cause)
    assert ev.decode(ev.encode(event)) == event


@pytest.mark.parametrize(
    ("kind", "attested", "follows", "cause"),
    [
        (OrderKind.ERASURE, "by the operator", None, OnRequest("by the operator")),
        (OrderKind.ERASURE, "", None, OnRequest("")),
        (OrderKind.ERASURE, f"guardian {GUARDIAN}", None, ByGuardian(GUARDIAN)),
        (OrderKind.WITHDRAWAL, f"guardian {GUARDIAN}", None, ByGuardian(GUARDIAN)),
        (OrderKind.ERASURE, "guardian  two spaces", None, ByGuardian(" two spaces")),
        (OrderKind.ERASURE, f"Guardian {GUARDIAN}", None, OnRequest(f"Guardian {GUARDIAN}")),
        (OrderKind.ERASURE, f"by guardian {GUARDIAN}", None, OnRequest(f"by guardian {GUARDIAN}")),
        (OrderKind.ERASURE, f" guardian {GUARDIAN}", None, OnRequest(f" guardian {GUARDIAN}")),
        (OrderKind.EXPIRY, f"guardian {GUARDIAN}", None, ByRule(f"guardian {GUARDIAN}")),
        (OrderKind.WITHDRAWAL, f"withdrawal {WITHDRAWAL}", None, ByWithdrawal(WITHDRAWAL)),
        (OrderKind.WITHDRAWAL, f"withdrawal {WITHDRAWAL}, seen again by a later look", EARLIER, Reappeared(WITHDRAWAL)),
        (OrderKind.WITHDRAWAL, f"withdrawal {WITHDRAWAL} ", None, OnRequest(f"withdrawal {WITHDRAWAL} ")),
        (OrderKind.WITHDRAWAL, "consent withdrawn", None, OnRequest("consent withdrawn")),
        (OrderKind.ERASURE, f"withdrawal {WITHDRAWAL}", None, OnRequest(f"withdrawal {WITHDRAWAL}")),
        (OrderKind.DISGORGEMENT, f"{DISGORGEMENT}: FTC, 2023", None, ByDisgorgement(DISGORGEMENT, "")),
        (OrderKind.DISGORGEMENT, f"Dis-{DISGORGEMENT[4:]}: FTC", None, ByRule(f"Dis-{DISGORGEMENT[4:]}: FTC")),
        (OrderKind.DISGORGEMENT, "by a rule of the map", None, ByRule("by a rule of the map")),
        (OrderKind.ERASURE, f"{DISGORGEMENT}: FTC, 2023", None, OnRequest(f"{DISGORGEMENT}: FTC, 2023")),
        (OrderKind.EXPIRY, "by the retention schedule of the map", None, ByRetention(())),
        (OrderKind.ERASURE, "by the retention schedule of the map", None, OnRequest("by the retention schedule of the map")),
        (OrderKind.INACTIVITY, "by the inactivity rule of the map", None, ByInactivity("")),
        (OrderKind.ERASURE, "suppressed since an earlier order", EARLIER, Reappeared()),
        (OrderKind.ERASURE, "suppressed since an earlier order", None, OnRequest("suppressed since an earlier order")),
    ],
)
def test_words_of_older_versions_are_read_as_those_read_them(kind: OrderKind, attested: str, follows: OrderId | None, cause: Cause) -> None:
    event = ev.decode(before(kind, attested, follows))
    assert event == replace(RECEIVED, kind=kind, follows=follows, cause=cause)


@pytest.mark.parametrize(
    "change",
    [
        {"attested": None},
        {"attested": 7},
        {"kind": "wish"},
        {"follows": 7},
        {"cause": {"is": "OnRequest", "identified": "both"}},
    ],
)
def test_what_is_neither_form_is_refused(change: dict[str, object]) -> None:
    value = {**json.loads(before(OrderKind.ERASURE, "by the operator")), **change}
    with pytest.raises(StateCorrupt):
        ev.decode(canonical.encode(value))
    del value["attested"]
    value.pop("cause", None)
    with pytest.raises(StateCorrupt):
        ev.decode(canonical.encode(value))


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (f"guardian {GUARDIAN}", "--guardian"),
        (f"Guardian {GUARDIAN}", "--guardian"),
        (f"by guardian {GUARDIAN}", "--guardian"),
        (f"by the guardian ({GUARDIAN})", "--guardian"),
        (f" guardian {GUARDIAN}", "--guardian"),
        (f"\tguardian\n{GUARDIAN}", "--guardian"),
        (f"guardian\u00a0{GUARDIAN}", "--guardian"),
        (f"\u200bguardian {GUARDIAN}", "--guardian"),
        (f"\uff47\uff55\uff41rdian {GUARDIAN}", "--guardian"),
        ("\uff47\uff55\uff41rdian of the child", "--guardian"),
        ("the mother, \uff47\uff52\uff44-0123456789abcdef", "--guardian"),
        (f"the mother, {GUARDIAN.upper()}", "--guardian"),
        ("proof grd\u20110123456789abcdef", "--guardian"),
        ("guardian ", "--guardian"),
        ("guardian grd-...", "--guardian"),
        (f"withdrawal {WITHDRAWAL}", "expunge consent withdraw"),
        (f"Withdrawal: {WITHDRAWAL}", "expunge consent withdraw"),
        (f"{DISGORGEMENT}: FTC, docket 2023", "expunge order disgorge"),
        (f"for {DISGORGEMENT.upper()}", "expunge order disgorge"),
    ],
)
def test_words_that_look_like_an_authority_are_refused_and_the_right_way_is_named(words: str, instead: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_words(words)
    assert instead in caught.value.help
    assert "0123456789abcdef" not in f"{caught.value.message} {caught.value.help}", "what was typed may say who it is"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "by the operator",
        "passport seen",
        "guardianship papers seen at the desk",
        "withdrawal form signed",
        "disaffected",
        "mother, by phone",
    ],
)
def test_other_words_are_taken_as_they_are(words: str) -> None:
    check_words(words)
