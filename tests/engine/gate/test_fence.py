"""Who is suppressed is known again among many identifiers, in whichever format their entries were made, and nobody else is."""

from __future__ import annotations

import random

import pytest

from expunge.core.gate.gate_entry import GateEntries, former_entry, gate_entry
from expunge.core.journal import events as ev
from expunge.core.values.ids import OrderId, pseudonym
from expunge.engine.gate import fencing
from expunge.engine.kernel.journal_streams import SUPPRESSIONS, register
from tests.engine.household import ANNA, BELA, CARA, DINO, Household

EARLIER = OrderId("ord-" + "a" * 20)
KEY = bytes(range(32))


def test_entries_made_together_are_those_made_one_by_one() -> None:
    seed = random.Random(1)
    letters = ["a", "0", "é", "漢", "\udc80"]
    values = ["", "x" * 16, "x" * 32, *("".join(seed.choices(letters, k=seed.randrange(70))) for _ in range(9000))]
    entries = GateEntries(KEY)
    for kind in ("profile", "account"):
        assert entries.of(kind, values) == [gate_entry(KEY, kind, each) for each in values]
    same = [f"user-{number:012}" for number in range(100)]
    assert entries.of("profile", same) == [gate_entry(KEY, "profile", each) for each in same]
    assert entries.of("profile", []) == []


@pytest.mark.parametrize("earlier", ["former", "unpaired", "none"])
def test_whoever_is_suppressed_is_found_among_others_also_from_before_format_2(home: Household, earlier: str) -> None:
    order = home.order(f"profile:{ANNA}").order
    with home.open() as opened:
        context = opened.context
        key, gate = context.keys.pseudonym_key(), context.keys.gate_key()
        bela = str(pseudonym(key, "profile", BELA))
        if earlier == "former":
            entry = former_entry(gate, "profile", BELA).hex()
            register(context.journal, SUPPRESSIONS, ev.Suppressed(context.clock.now(), EARLIER, (bela,), (entry,)))
        elif earlier == "unpaired":
            register(context.journal, SUPPRESSIONS, ev.Suppressed(context.clock.now(), EARLIER, (bela,), (), 2))
        fence = fencing.fenced(context)
        found = dict(fence.among("profile", [CARA, BELA, ANNA, DINO]))
        assert found == {ANNA: pseudonym(key, "profile", ANNA)} | ({} if earlier == "none" else {BELA: pseudonym(key, "profile", BELA)})
        assert {value: fence.names[name] for value, name in found.items()} == {each: order if each == ANNA else EARLIER for each in found}
        assert list(fence.among("account", [ANNA])) == [], "another kind's value is another person"
        assert list(fence.among("profile", [CARA, DINO])) == []


def test_whoever_was_let_go_again_is_not_found(home: Household) -> None:
    order = home.order(f"profile:{ANNA}").order
    with home.open() as opened:
        opened.order_cancel(order, "asked for it")
        assert list(fencing.fenced(opened.context).among("profile", [ANNA, BELA])) == []
