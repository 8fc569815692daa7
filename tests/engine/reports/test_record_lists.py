"""What people decided, what was kept back and who was told is listed with its reasons, and names nobody."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import Expunge
from expunge.core.values.order import OrderState
from tests.engine.consents import AGREED, CHILD, PARENT, asking, prove
from tests.engine.household import ANNA, BELA, CARA, Household, shorten_pauses, strings_of
from tests.engine.reports.packs import FIRST, Set, check, packed, rows

CASE = "a lawsuit in the county court"


@pytest.mark.duty("AMZ-21", "RNG-32")
def test_refusals_consents_holds_and_recipients_are_listed_with_reasons_and_name_nobody(home: Household, tmp_path: Path) -> None:
    asking(home)
    home.map.write_text(home.map.read_text() + "recipients:\n  acme: {gets: [transcripts]}\n")
    with Expunge.open(home.map, clock=Set(FIRST)) as expunge:
        shorten_pauses(expunge)
        child = expunge.resolve(CHILD)
        proof = prove(expunge)
        given = expunge.consents.give(child, "training", type(AGREED)("app 4.2", "pressed", proof=proof))
        taken = expunge.consents.withdraw(child, "training", proof)
        held = expunge.holds.place(
            expunge.resolve(f"profile:{BELA}"), "voice", ground=CASE, authority="the court", until=FIRST + timedelta(days=900)
        )
        order = expunge.order_erase([expunge.resolve(f"profile:{BELA}")]).order
        expunge.plan(order)
        assert expunge.apply(order).state is OrderState.IN_PART
        expunge.recipients.carried(order, "acme", "priya")
        stopped = expunge.order_erase([expunge.resolve(f"profile:{CARA}")]).order
        expunge.order_cancel(stopped, "asked for twice")
    files = packed(home, tmp_path / "evidence.zip")
    check(files)
    assert [(each["order"], each["what"]) for each in rows(files, "refusals")] == [(order, "in part"), (stopped, "cancelled")]
    kept, cancelled = (each["reasons"] for each in rows(files, "refusals"))
    assert any(CASE in reason for reason in kept)
    assert cancelled == ["asked for twice"]
    said = {each["what"]: each for each in rows(files, "consents")}
    assert (said["consent given"]["id"], said["consent given"]["by"]) == (given.consent, "guardian")
    assert (said["consent withdrawn"]["id"], said["withdrawal ordered"]["order"]) == (taken.withdrawal, taken.order)
    assert [(each["what"], each["id"], each["ground"]) for each in rows(files, "holds")] == [("hold placed", held.id, CASE)]
    told = [(each["what"], each["recipient"]) for each in rows(files, "recipients")]
    assert told == [("recipient instructed", "acme"), ("recipient told", "acme")]
    assert {each["what"] for each in rows(files, "requests")} == {"received"}
    everything = b"\n".join(files.values())
    whose = [*strings_of(ANNA), *strings_of(BELA), *strings_of(CARA), PARENT, "priya", child.person.subject, proof]
    assert [each for each in whose if each.encode() in everything] == []
    texts = [data for name, data in files.items() if re.fullmatch(r"policy/texts/training-[0-9a-f]{16}\.txt", name)]
    assert [b"for training" in each for each in texts] == [True]
