"""Words of a receipt that were untrue once: each of these was signed and verified."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest

from expunge import clock, faults
from expunge.core.evidence.receipt import DatasetEntry, Receipt, Result
from expunge.core.orders.plan import Plan
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.errors import Drift
from expunge.testing.forked import in_child
from tests.engine.household import ANNA, BELA, CARA, PEOPLE, Erased, Household, wav


def receipt(home: Household, order: OrderId, number: int = 1) -> Receipt:
    with home.open() as opened:
        files = opened.receipt_folder(order, number)
    return receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt


def entry(said: Receipt, dataset: str) -> DatasetEntry:
    (found,) = [each for each in said.datasets if each.dataset == dataset]
    return found


def hold(home: Household, who: str, dataset: str, *items: str) -> str:
    with home.open() as opened:
        subject, until = opened.resolve(who), clock.now() + timedelta(days=9)
        return opened.holds.place(subject, dataset, ground="matter 7", authority="court", until=until, items=items).id


def interrupted(home: Household, order: OrderId, point: str) -> None:
    def doomed() -> None:
        with faults.arm(point, "kill", 1):
            home.apply(order)

    assert in_child(doomed).killed_by == 9


def test_a_hold_on_a_childs_recordings_binds_an_order_for_the_whole_account(home: Household) -> None:
    hold(home, f"profile:{ANNA}", "voice")
    run = home.erase(f"account:{PEOPLE[ANNA]}")
    assert len(list((home.world / "media" / "voice" / ANNA).glob("*.wav"))) == 2
    assert run.state is OrderState.IN_PART


@pytest.mark.parametrize("together", [False, True])
def test_a_hold_on_a_shared_recording_binds_an_order_for_somebody_else_in_it(home: Household, together: bool) -> None:
    hold(home, f"profile:{BELA}", "shared", "shared/rec-both-north-K2.wav")
    run = home.erase(f"profile:{ANNA}", *([f"profile:{BELA}"] if together else []))
    assert (home.world / "media" / "shared" / "rec-both-north-K2.wav").exists()
    assert run.state is OrderState.IN_PART


def test_what_two_rounds_erased_is_counted_together(home: Household) -> None:
    mine = hold(home, f"profile:{ANNA}", "voice", f"voice/{ANNA}/rec-anna-0-X7.wav")
    run = home.erase(f"profile:{ANNA}")
    assert entry(receipt(home, run.order), "voice").items == 1
    with home.open() as opened:
        opened.holds.end(mine, "closed")
    home.apply(run.order)
    assert entry(receipt(home, run.order), "voice").items == 2


def test_a_hold_that_came_while_the_order_was_interrupted_is_not_counted_as_erased(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    home.plan(accepted.order)
    interrupted(home, accepted.order, "store.erase:before")
    hold(home, f"profile:{ANNA}", "voice", f"voice/{ANNA}/rec-anna-0-X7.wav")
    try:
        home.apply(accepted.order)
    except Drift:
        home.plan(accepted.order)
        home.apply(accepted.order)
    said = receipt(home, accepted.order)
    assert (entry(said, "voice").items, [each.items for each in said.kept]) == (1, [1])


def test_a_dataset_that_could_not_be_looked_through_at_the_end_has_no_clean_probe(home: Household) -> None:
    first, second = home.order(f"profile:{ANNA}").order, home.order(f"profile:{CARA}").order
    home.plan(first)
    with faults.record() as names:
        home.apply(first)
    purged = max(index for index, name in enumerate(names) if name == "store.purge:after")
    before = names[:purged].count("store.locate:before")
    assert names.count("store.locate:before") > before + 1, "everybody is looked for again after the purge"
    home.plan(second)
    with faults.arm("store.locate:before", "full", before + 2):
        home.apply(second)
    for each in receipt(home, second).datasets:
        if each.outcome is Result.ERASED:
            assert each.probe is not None
            assert each.probe.paths != ("nothing to look for",), each.dataset


def test_an_undeclared_place_that_could_not_be_read_is_not_said_to_be_scanned(home: Household) -> None:
    (home.world / "notes").mkdir()
    whole = gzip.compress(wav("somebody", 0.1), mtime=0)
    (home.world / "notes" / "damaged.gz").write_bytes(whole[:12] + b"\xff" * 40 + whole[52:])
    home.map.write_text(home.map.read_text().replace("  lake:", "  notes: {kind: files, url: ./world/notes}\n  lake:"))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART, "a part of a store was not looked at"
    assert not any("notes" in each and "they were scanned" in each for each in receipt(home, run.order).out_of_scope)


@pytest.mark.parametrize("rotate", ["rotate_signer", "rotate_log"])
def test_keys_rotated_between_statement_and_log_do_not_make_a_receipt_that_nobody_can_check(home: Household, rotate: str) -> None:
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)
    interrupted(home, order, "log.publish.swap:before")
    with home.open() as opened:
        getattr(opened._keys, rotate)()
    home.apply(order)
    assert receipt(home, order).order == order


def test_another_orders_plan_is_refused_when_an_order_is_resumed(home: Household) -> None:
    order, other = home.order(f"profile:{ANNA}").order, home.order(f"profile:{CARA}").order
    home.plan(order)
    saved = home.plan(other)
    interrupted(home, order, "store.erase:before")
    assert Plan.from_bytes(saved).order == other
    with home.open() as opened, pytest.raises(Drift):
        opened.apply(order, saved=saved)


def test_a_later_look_that_misses_everybody_else_cannot_tell(erased: Erased) -> None:
    home, order = erased.home, erased.run.order
    (home.world / "media").rename(home.world / "moved")
    (home.world / "media").mkdir()
    with home.open() as opened:
        assert "media" in opened.verify(order).failed


def test_a_later_look_does_not_miss_people_who_were_erased_since(erased: Erased) -> None:
    home, order = erased.home, erased.run.order
    home.erase(f"profile:{BELA}")
    with home.open() as opened:
        looked = opened.verify(order)
    assert (looked.failed, looked.found) == ({}, 0)
