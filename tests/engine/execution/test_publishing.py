"""What a receipt and the notices say: times, grounds, counts, what it does not cover; and that each of these is true of this order."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from expunge import clock, faults
from expunge.bootstrap import Expunge
from expunge.core.evidence.receipt import DatasetEntry, Receipt, Result, Verdict
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.core.verification import receipt_verify
from expunge.core.verification.receipt_verify import VerifiedReceipt
from expunge.errors import StateCorrupt
from expunge.testing.forked import in_child
from tests.engine.household import ANNA, CARA, Erased, Household


def verified(home: Household, order: OrderId, number: int = 1) -> VerifiedReceipt:
    with home.open() as opened:
        files = opened.receipt_folder(order, number)
    return receipt_verify.verify(files, files["trust-policy.txt"], at=None)


def receipt(home: Household, order: OrderId, number: int = 1) -> Receipt:
    return verified(home, order, number).receipt


def entry(said: Receipt, dataset: str) -> DatasetEntry:
    (found,) = [each for each in said.datasets if each.dataset == dataset]
    return found


def notices(home: Household, order: OrderId) -> dict[str, dict[str, str]]:
    files = [json.loads(path.read_text()) for path in sorted((home.state / "outbox").glob(f"{order}-*.json"))]
    return {each["kind"]: each["fields"] for each in files}


class Ticking:
    """Every look at the clock is a minute later than the one before."""

    def __init__(self) -> None:
        self.instant = clock.now()

    def now(self) -> datetime:
        self.instant += timedelta(minutes=1)
        return self.instant


def without_pauses(opened: Expunge) -> None:
    opened.context = replace(opened.context, pause=lambda _: None)


def test_the_times_are_those_of_the_steps_and_the_receipt_ends_with_the_next_probe(home: Household) -> None:
    with home.open() as opened:
        opened.context = replace(opened.context, clock=Ticking())
        order = opened.order_erase([opened.resolve(f"profile:{ANNA}")]).order
        opened.plan(order)
        run = opened.apply(order)
    times = receipt(home, order).times
    ended = {name: step.ended.replace(microsecond=0) for name, step in run.current.steps.items() if step.ended}
    assert times.requested == run.received.at.replace(microsecond=0)
    assert times.requested < times.fenced < min(ended.values())
    assert times.erased == max(when for name, when in ended.items() if name.startswith(("erase:", "purge:")))
    assert times.erased < times.verified <= max(ended.values())
    assert receipt(home, order).valid_until == times.verified + timedelta(days=30)


def test_every_erased_entry_was_looked_for_with_content_of_people_who_stay(home: Household) -> None:
    said = receipt(home, home.erase(f"profile:{ANNA}").order)
    erased = [each for each in said.datasets if each.outcome is Result.ERASED]
    assert {each.dataset for each in erased} == {"profiles", "voice", "transcripts", "participants", "shared", "events"}
    for each in erased:
        assert each.scan is not None
        assert 0 < each.scan.controls_asked == each.scan.controls_found, each.dataset


def test_what_is_out_of_scope_comes_from_the_store_the_map_and_the_world(home: Household) -> None:
    text = home.map.read_text().replace("url: ./world/lake}", 'url: ./world/lake, outside: "tapes in the vault until 2027"}')
    home.map.write_text(text)
    scope = receipt(home, home.erase(f"profile:{ANNA}").order).out_of_scope
    assert "lake: tapes in the vault until 2027" in scope
    assert any(each.startswith("media: ") and "disk below" in each for each in scope), "the store's own words"
    assert [each.partition(":")[0] for each in scope if "names none" in each] == ["app", "media"]
    assert any("third party" in each for each in scope)


def test_a_held_item_stands_in_the_receipt_with_its_date_and_the_last_receipt_is_the_one_that_holds(home: Household) -> None:
    until = clock.now().replace(microsecond=0) + timedelta(days=30)
    key = f"voice/{ANNA}/rec-anna-0-X7.wav"
    with home.open() as opened:
        subject = opened.resolve(f"profile:{ANNA}")
        hold = opened.holds.place(subject, "voice", ground="matter 7", authority="court", until=until, items=[key])
    run = home.erase(f"profile:{ANNA}")
    (kept,) = receipt(home, run.order).kept
    assert (kept.dataset, kept.ground, kept.until, kept.items) == ("voice", "matter 7", until, 1)
    assert entry(receipt(home, run.order), "voice").items == 1
    with home.open() as opened:
        opened.holds.end(hold.id, "closed")
        assert opened.holds.active() == ()
    assert home.apply(run.order).state is OrderState.FULFILLED
    assert receipt(home, run.order).verdict is Verdict.FULFILLED
    assert verified(home, run.order).index == 1


def test_a_second_round_says_of_what_the_first_had_erased_that_it_is_erased_as_much_and_as_deep(home: Household) -> None:
    (home.world / "media" / "stray.txt").write_text("the purple hedgehog sleeps under grandmother's piano")
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    first = receipt(home, run.order)
    (home.world / "media" / "stray.txt").unlink()
    assert home.apply(run.order).state is OrderState.FULFILLED
    second = receipt(home, run.order)
    before = {each.dataset: (each.outcome, each.items, each.claimed) for each in first.datasets if not each.dataset.startswith("elsewhere")}
    assert {each.dataset: (each.outcome, each.items, each.claimed) for each in second.datasets} == before


def test_a_lost_reply_and_a_crash_do_not_change_what_is_counted(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    home.plan(accepted.order)

    def doomed() -> None:
        with faults.arm("store.erase:after", "kill", 6):
            home.apply(accepted.order)

    assert in_child(doomed).killed_by == 9
    with faults.arm("store.erase:after", "lost", 1):
        assert home.apply(accepted.order).state is OrderState.FULFILLED
    counted = {each.dataset: each.items for each in receipt(home, accepted.order).datasets}
    assert counted == {"accounts": 0, "profiles": 1, "voice": 2, "transcripts": 2, "participants": 1, "shared": 1, "events": 2}


def test_killed_between_the_statement_and_the_log_the_same_statement_is_logged_once(home: Household) -> None:
    for point in ("log.publish.swap:before", "log.publish.swap:after"):
        accepted = home.order(f"profile:{ANNA}")
        home.plan(accepted.order)
        with home.open() as opened:
            size = opened.context.log.head().size

        def doomed(order: OrderId = accepted.order, point: str = point) -> None:
            with faults.arm(point, "kill", 1):
                home.apply(order)

        assert in_child(doomed).killed_by == 9
        with home.open() as opened:
            (stated,) = opened.status(accepted.order).current.stated.values()
        home.apply(accepted.order)
        with home.open() as opened:
            assert opened.context.log.head().size == size + 1
            statement = opened.receipt_folder(accepted.order)["receipt.pae"]
        assert statement.endswith(stated.statement.encode())


def test_a_model_that_nobody_here_can_retrain_is_destroyed_while_its_source_held_something(home: Household) -> None:
    more = (
        '  model:\n    store: media\n    path: "models/{name}.bin"\n    derived_from: [transcripts]\n    retention: life\n'
        "    on_erase: {retrain: make-it-without-a-program}\n"
    )
    home.write_map(more=more)
    weights = home.world / "media" / "models" / "words.bin"
    weights.parent.mkdir()
    weights.write_bytes(random.Random("weights").randbytes(20_000))
    nobody = home.erase("profile:prf-nobody-000000")
    assert entry(receipt(home, nobody.order), "model").outcome is Result.ABSENT
    assert weights.exists()
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert entry(receipt(home, run.order), "model").reason is Reason.COMMAND_FAILED
    assert not weights.exists()
    again = home.apply(run.order)
    assert (again.round, again.state) == (2, OrderState.IN_PART)
    assert entry(receipt(home, run.order), "model").reason is Reason.COMMAND_FAILED


def test_a_map_that_asks_for_more_than_the_store_reaches_is_told_so(home: Household) -> None:
    text = home.map.read_text()
    home.map.write_text(
        text.replace("accounts, subject: {account: account_id}", "accounts, grounding: device, subject: {account: account_id}")
    )
    run = home.erase("account:acc-south-82LM")
    said = entry(receipt(home, run.order), "accounts")
    assert (said.outcome, said.reason) == (Result.UNABLE, Reason.TOO_SHALLOW)
    assert run.state is OrderState.IN_PART


def test_outside_the_maintenance_window_nothing_reads_as_erased_in_that_store(home: Household) -> None:
    now = clock.now()
    window = f"{now + timedelta(hours=2):%H}:00-{now + timedelta(hours=3):%H}:00"
    home.map.write_text(home.map.read_text().replace("busy_ms: 500}", f'busy_ms: 500, window: "{window}"}}'))
    accepted = home.order(f"profile:{ANNA}")
    home.plan(accepted.order)
    with home.open() as opened:
        without_pauses(opened)
        run = opened.apply(accepted.order)
    assert run.state is OrderState.IN_PART
    assert entry(receipt(home, run.order), "transcripts").reason is Reason.OUTSIDE_WINDOW
    assert entry(receipt(home, run.order), "voice").outcome is Result.ERASED


def test_the_person_is_told_what_was_received_what_could_not_be_done_and_what_is_done(home: Household) -> None:
    (home.world / "media" / "stray.txt").write_text("the purple hedgehog sleeps under grandmother's piano")
    accepted = home.order(f"profile:{ANNA}", cooling_off=timedelta(0))
    assert notices(home, accepted.order) == {"received": {"earliest": accepted.earliest.date().isoformat()}}
    home.plan(accepted.order)
    home.apply(accepted.order)
    assert notices(home, accepted.order)["could-not"] == {"reasons": "elsewhere in media: residue found"}
    (home.world / "media" / "stray.txt").unlink()
    home.apply(accepted.order)
    assert notices(home, accepted.order)["done"] == {"receipts": "1"}


def test_two_people_in_one_order_each_read_only_what_is_theirs(home: Household) -> None:
    with home.open() as opened:
        subject = opened.resolve(f"profile:{CARA}")
        opened.holds.place(subject, "voice", ground="matter 7", authority="court", until=clock.now() + timedelta(days=9))
    run = home.erase(f"profile:{ANNA}", f"profile:{CARA}")
    anna, cara = receipt(home, run.order, 1), receipt(home, run.order, 2)
    assert (anna.verdict, anna.kept) == (Verdict.FULFILLED, ())
    assert (cara.verdict, entry(cara, "voice").outcome, entry(cara, "voice").items) == (Verdict.IN_PART, Result.KEPT, 2)
    assert anna.commitment != cara.commitment
    assert run.state is OrderState.IN_PART


def test_receipts_that_lie_in_files_of_their_own_are_still_handed_out(erased: Erased) -> None:
    """As versions before the packs put them on the shelf."""
    home, order = erased.home, erased.run.order
    with home.open() as opened:
        files, shelf = opened.receipt_folder(order), opened.context.shelf
        (pack,) = [name for name in shelf.names(order) if name.startswith("receipts-")]
        digest = receipt(home, order).policy_digest
        shelf.put(order, "receipt-1-1.dsse.json", files["receipt.dsse.json"])
        shelf.put(order, "receipt-1-1.tlog-proof", files["receipt.tlog-proof"])
        shelf.put(order, f"trust-policy-{digest[:16]}.txt", files["trust-policy.txt"])
        shelf.remove(order, pack)
        assert opened.receipt_folder(order) == files
        shelf.remove(order, "receipt-1-1.tlog-proof")
        with pytest.raises(StateCorrupt, match="missing"):
            opened.receipt_folder(order)
