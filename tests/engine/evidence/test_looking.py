"""Looking again with other eyes: what comes in while an order runs, what cannot be looked at, and whose the data is that comes back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from expunge import clock, faults
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.evidence.receipt import DatasetEntry, Result
from expunge.core.orders.run import Run
from expunge.core.values.copy import RawSource
from expunge.core.values.ids import OrderId, StepId
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.core.verification import receipt_verify
from expunge.engine.kernel.context import Progress
from expunge.errors import Drift
from expunge.ports.store import Store
from expunge.testing.forked import in_child
from tests import exports
from tests.engine.household import ANNA, BELA, CARA, PEOPLE, SAID, Erased, Household, strings_of, wav


def entry(home: Household, order: OrderId, dataset: str) -> DatasetEntry:
    with home.open() as opened:
        files = opened.receipt_folder(order)
    said = receipt_verify.verify(files, None, at=None).receipt
    (found,) = [each for each in said.datasets if each.dataset == dataset]
    return found


def apply_with(home: Household, order: OrderId, at: dict[str, Callable[[], object]]) -> Run:
    """Apply, and let something happen in the company just before a step begins."""

    def report(progress: Progress) -> None:
        if progress.state == "start" and progress.step in at:
            at.pop(progress.step)()

    with home.open() as opened:
        opened.context = replace(opened.context, pause=lambda _: None)
        run = opened.apply(order, report=report)
    assert at == {}, "it happened"
    return run


def planned(home: Household, name: str = f"profile:{ANNA}") -> OrderId:
    accepted = home.order(name)
    home.plan(accepted.order)
    return accepted.order


def records(home: Household, name: str) -> Callable[[], object]:
    """The app, which does not ask the gate, stores one more recording."""

    def write() -> None:
        folder = home.world / "media" / "voice" / ANNA
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.wav").write_bytes(wav(name))

    return write


def test_what_came_in_between_planning_and_erasing_is_erased_too_with_what_hangs_on_it(home: Household) -> None:
    order = planned(home)
    said = "a sentence about zeppelins that came in late"

    def comes_in() -> None:
        records(home, "rec-anna-8-X7")()
        with sqlite3.connect(home.database) as db:
            db.execute("INSERT INTO transcripts (recording_id, text) VALUES ('rec-anna-8-X7', ?)", (said,))
        db.close()

    run = apply_with(home, order, {"look:media": comes_in})
    assert run.state is OrderState.FULFILLED, run.reasons
    assert [entry(home, order, each).items for each in ("voice", "transcripts")] == [3, 3]
    assert home.search(*strings_of(ANNA), "rec-anna-8-X7", said) == []


def test_before_the_erasure_a_folder_is_read_where_the_items_lie_and_the_shelf_does_not_say_whose_they_are(home: Household) -> None:
    beside = home.world / "media" / "voice" / "prf-nobody-9-Z1"
    beside.mkdir()
    (beside / "rec-nobody-1-Q9.wav").write_bytes(wav("another person speaks", seconds=20))
    order = planned(home)
    shelf = home.folder / "state" / "orders" / order
    found: list[str] = []

    def searches() -> None:
        assert (shelf / "lying-1-media").exists()
        found.extend(str(each) for each in home.search(*strings_of(ANNA)) if str(each).startswith("state"))

    run = apply_with(home, order, {"look:media": searches})
    assert run.state is OrderState.FULFILLED, run.reasons
    assert found == []
    assert 0 < run.current.steps[StepId("look:media")].counts["bytes"] < (beside / "rec-nobody-1-Q9.wav").stat().st_size
    assert not (shelf / "lying-1-media").exists(), "it ends with the order's key"


@pytest.mark.duty("COP-02")
def test_what_a_normal_read_still_returns_is_never_erased_whatever_the_step_said(home: Household) -> None:
    order = planned(home)
    run = apply_with(home, order, {"purge:media": records(home, "rec-anna-9-X7")})
    assert run.state is OrderState.IN_PART
    said = entry(home, order, "voice")
    assert (said.outcome, said.reason) == (Result.UNABLE, Reason.RESIDUE)
    assert said.detail.startswith("a normal read of voice still returns items")
    assert said.probe is not None
    assert said.probe.items_found == 1
    assert home.apply(order).state is OrderState.FULFILLED


def test_a_dataset_that_cannot_be_probed_is_not_erased_and_the_receipt_says_why(home: Household) -> None:
    order = planned(home)
    damaged = home.world / "lake" / "events" / "2026-05-02.jsonl.gz"
    run = apply_with(home, order, {"purge:lake": lambda: damaged.write_bytes(b"\x1f\x8b\x08\x00 this is no gzip stream")})
    assert run.state is OrderState.IN_PART
    said = entry(home, order, "events")
    assert (said.outcome, said.reason) == (Result.UNABLE, Reason.CANNOT_TELL)
    assert "could not be probed" in said.detail
    assert said.probe is not None
    assert not said.probe.clean


def away(home: Household, store: str) -> dict[str, Callable[[], object]]:
    """A store that goes away, and comes back."""
    here, there = home.world / store, home.folder / "away"
    return {"goes": lambda: here.rename(there), "comes": lambda: there.rename(here)}


def test_what_could_not_be_traced_is_not_erased_because_nothing_could_show_that_it_is_gone(home: Household) -> None:
    order, media = planned(home), away(home, "media")
    run = apply_with(home, order, {"trace:media": media["goes"], "look:app": media["comes"]})
    assert run.state is OrderState.IN_PART
    assert entry(home, order, "voice").outcome is Result.UNABLE
    assert len(list((home.world / "media" / "voice" / ANNA).iterdir())) == 2
    assert home.apply(order).state is OrderState.FULFILLED


def test_a_pointer_stays_while_what_it_points_to_could_not_be_erased(home: Household) -> None:
    order, media = planned(home), away(home, "media")
    run = apply_with(home, order, {"erase:shared": media["goes"], "erase:participants": media["comes"]})
    assert run.state is OrderState.IN_PART
    assert entry(home, order, "participants").reason is Reason.REFERENCED
    with sqlite3.connect(home.database) as db:
        assert db.execute("SELECT count(*) FROM participants WHERE profile_id = ?", (ANNA,)).fetchone() == (1,)
    db.close()
    assert home.apply(order).state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


def test_a_call_that_was_lost_before_it_took_effect_is_made_again(home: Household) -> None:
    order = planned(home)
    with faults.arm("store.erase:before", "lost", 1):
        run = apply_with(home, order, {})
    assert run.state is OrderState.FULFILLED, run.reasons
    assert sorted(step.attempts for name, step in run.current.steps.items() if name.startswith("erase:"))[-2:] == [1, 2]


def test_an_interrupted_order_does_not_go_on_under_another_map(home: Household) -> None:
    order = planned(home)

    def doomed() -> None:
        with faults.arm("store.erase:before", "kill", 1):
            home.apply(order)

    assert in_child(doomed).killed_by == 9
    original = home.map.read_text()
    home.write_map(shared="keep")
    with pytest.raises(Drift):
        home.apply(order)
    assert home.search(*SAID[ANNA], where=("world",)), "nothing was erased under the new map"
    home.map.write_text(original)
    assert home.apply(order).state is OrderState.FULFILLED


def test_a_hold_that_was_placed_after_the_plan_is_drift(home: Household) -> None:
    from datetime import timedelta

    order = planned(home)
    with home.open() as opened:
        subject, until = opened.resolve(f"profile:{ANNA}"), clock.now() + timedelta(days=3)
        opened.holds.place(subject, "voice", ground="matter 7", authority="court", until=until)
    with pytest.raises(Drift, match="a hold was placed"):
        home.apply(order)


def test_a_hold_for_one_child_keeps_nothing_of_another(home: Household) -> None:
    from datetime import timedelta

    with home.open() as opened:
        subject = opened.resolve(f"profile:{BELA}")
        opened.holds.place(subject, "voice", ground="matter 7", authority="court", until=clock.now() + timedelta(days=3))
    with home.open() as opened:
        order = opened.order_erase([opened.resolve(f"profile:{ANNA}")]).order
        assert opened.plan(order).plan.holds == ()
    assert home.apply(order).state is OrderState.FULFILLED


def test_an_export_that_could_not_read_a_place_says_so_inside(home: Household) -> None:
    (home.world / "lake").rename(home.world / "elsewhere")
    target = home.folder / "export"
    with home.open() as opened:
        exported = opened.export(opened.resolve(f"profile:{ANNA}"), target)
    assert set(exported.failed) == {"events"}
    assert [each["dataset"] for each in exports.manifest(target)["could_not"]] == ["events"]
    page = exports.everything(target)["index.html"].decode()
    assert "What could not be read" in page
    assert "Records, from events: the system that has it did not answer." in page


def test_a_later_look_names_the_store_it_could_not_search(erased: Erased) -> None:
    home, run = erased
    (home.world / "lake").rename(home.world / "elsewhere")
    with home.open() as opened:
        looked = opened.verify(run.order)
    assert looked.found == 0
    assert set(looked.failed) == {"lake"}


def test_what_came_back_under_the_persons_own_name_is_theirs_and_found_by_a_later_look(erased: Erased) -> None:
    home, run = erased
    with sqlite3.connect(home.database) as db:
        db.execute("INSERT INTO profiles VALUES (?, ?, NULL)", (ANNA, PEOPLE[ANNA]))
    db.close()
    records(home, "rec-anna-0-X7")()
    (home.world / "media" / "voice" / ANNA / "rec-anna-0-X7.wav").write_bytes(wav(f"{ANNA}0"))
    with home.open() as opened:
        assert opened.verify(run.order).found > 0
        assert len(opened.sweep().came_back) == 1
    kinds = {path.stem.removeprefix(f"{run.order}-") for path in (home.state / "outbox").glob(f"{run.order}-*.json")}
    assert "came-back" in kinds, "the person is told"


def test_a_parents_email_in_a_childs_profile_stays_the_parents(home: Household) -> None:
    parent = f"{PEOPLE[ANNA]}@example.org"
    with sqlite3.connect(home.database) as db:
        db.execute("ALTER TABLE profiles ADD COLUMN contact TEXT")
        db.execute("UPDATE profiles SET contact = ? WHERE profile_id = ?", (parent, ANNA))
    db.close()
    home.map.write_text(home.map.read_text().replace("key: profile_id, member_of", "key: profile_id, also: [contact], member_of"))
    with home.open() as opened:
        values = {value for _, value in opened.resolve(f"profile:{ANNA}").person.identifiers()}
    assert values == {ANNA}


def test_a_child_named_as_a_whole_means_the_account_with_everybody_in_it(home: Household) -> None:
    with home.open() as opened:
        alone, whole = opened.resolve(f"profile:{ANNA}"), opened.resolve(f"profile:{ANNA}", whole=True)
    assert (alone.kind, alone.owners) == ("profile", ("account",))
    assert whole.kind == "account"
    assert whole.members == {"profile": 2}
    assert {ANNA, BELA} <= {value for _, value in whole.person.identifiers()}


def test_only_who_is_in_a_recording_decides_whether_it_is_shared(home: Household) -> None:
    """The dataset that names the people may be another than the one that leads to the recording."""
    with sqlite3.connect(home.database) as db:
        db.execute("CREATE TABLE plays (recording_id TEXT, profile_id TEXT, closed_at TEXT)")
        db.execute("INSERT INTO plays VALUES ('rec-both-north-K2', ?, NULL)", (ANNA,))
    db.close()
    home.write_map(shared="keep", more="  plays: {store: app, table: plays, subject: {profile: profile_id}, retention: life}\n")
    home.map.write_text(home.map.read_text().replace("{through: participants, via", "{through: plays, via"))
    run = home.erase(f"profile:{ANNA}")
    assert (home.world / "media" / "shared" / "rec-both-north-K2.wav").exists()
    assert run.reasons == ("shared: kept, recording shared with people who stay",)


@pytest.mark.parametrize("at", [at if at in (1, 3, 6) else pytest.param(at, marks=pytest.mark.soak) for at in range(1, 7)])
def test_what_could_not_be_looked_through_for_a_moment_is_traced_before_it_is_erased(home: Household, at: int) -> None:
    """One refused connection, and erased would be what no scan can ever show to be gone."""
    order = planned(home)
    with faults.record() as names, faults.arm("store.locate:before", "fail", at):
        run = apply_with(home, order, {})
    assert names[: names.index("store.trace:before")].count("store.locate:before") >= at - 1, "it failed before anything was traced"
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert sorted({state.attempts for step, state in run.current.steps.items() if step.startswith("trace:")}) == [1, 2]
    for name in ("voice", "transcripts", "events"):
        assert entry(home, order, name).items == 2, "the figures are those of the look that saw all"


def test_what_cannot_be_looked_through_is_not_erased_untraced(home: Household) -> None:
    order = planned(home)
    away = home.world.with_name("away.db")
    home.database.rename(away)
    run = apply_with(home, order, {"look:app": lambda: away.rename(home.database)})
    assert run.state is OrderState.IN_PART
    assert (run.current.steps[StepId("trace:app")].attempts, entry(home, order, "transcripts").reason) == (3, Reason.UNREACHABLE)
    assert home.search(SAID[ANNA][0], where=("world",)), "it lies where it lay, for the next round to trace and to erase"
    home.plan(order)
    assert apply_with(home, order, {}).state is OrderState.FULFILLED


@pytest.mark.parametrize("at", [1, pytest.param(3, marks=pytest.mark.soak), 6])
def test_who_could_not_be_looked_for_at_the_end_for_a_moment_is_looked_for_again(home: Household, at: int) -> None:
    first, second = planned(home), planned(home, f"profile:{CARA}")
    with faults.record() as names:
        apply_with(home, first, {})
    purged = max(index for index, name in enumerate(names) if name == "store.purge:after")
    before, asked = names[:purged].count("store.locate:before"), names[purged:].count("store.locate:before")
    assert asked >= at
    with faults.arm("store.locate:before", "fail", before + at):
        run = apply_with(home, second, {})
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


class Restless:
    """A store whose files are being moved by its own server while they are read: gone from where they were listed, soon to be back."""

    def __init__(self, real: Store, root: Path, left: bytes) -> None:
        self.real = real
        self.root = root
        self.aside = root.with_name("aside")
        self.left = left
        """What lies there meanwhile."""
        self.times = 0
        """How many looks will find only that where they were told to look."""

    def raw(self) -> Iterator[RawSource]:
        if self.aside.exists():
            shutil.rmtree(self.root)
            self.aside.rename(self.root)
        told = tuple(self.real.raw())
        if self.times:
            self.times -= 1
            self.root.rename(self.aside)
            self.root.mkdir()
            (self.root / "half.tmp").write_bytes(self.left)
        yield from told

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def apply_restlessly(home: Household, order: OrderId, step: str, times: int, left: bytes = b"") -> Run:
    """Apply over media that move ``times`` times from the beginning of a step on."""
    with home.open() as opened:
        inner = opened.context.open_store
        restless = Restless(inner("media"), home.world / "media", left)

        def report(progress: Progress) -> None:
            if (progress.state, progress.step) == ("start", step):
                restless.times = times

        opened.context = replace(
            opened.context, pause=lambda _: None, open_store=lambda name: cast(Store, restless) if name == "media" else inner(name)
        )
        return opened.apply(order, report=report)


@pytest.mark.parametrize("step", ["look:media", "verify:media"])
def test_files_that_moved_while_they_were_read_are_read_again(home: Household, step: str) -> None:
    order = planned(home)
    run = apply_restlessly(home, order, step, 1)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    scan = entry(home, order, "voice").scan
    assert scan is not None
    assert scan.controls_found == scan.controls_asked > 0


def test_looks_that_all_miss_the_people_who_stay_cannot_tell(home: Household) -> None:
    order = planned(home)
    run = apply_restlessly(home, order, "verify:media", 3)
    assert run.state is OrderState.IN_PART
    found = entry(home, order, "voice")
    assert (found.reason, found.detail) == (Reason.CANNOT_TELL, "the scan missed content of people who stay, so it says nothing")


def test_residue_that_one_look_saw_is_residue_though_the_next_saw_everybody_else(home: Household) -> None:
    order = planned(home)
    content = (home.world / "media" / "voice" / ANNA / f"rec-{ANNA[4:8]}-0-X7.wav").read_bytes()
    run = apply_restlessly(home, order, "verify:media", 1, left=content)
    assert run.state is OrderState.IN_PART
    assert entry(home, order, "voice").reason is Reason.RESIDUE


class Withdrawn:
    """A store that does not reach for a moment what it reached before: its files cannot be seen, or it does not answer."""

    def __init__(self, real: Store, reaches: Grounding) -> None:
        self.real = real
        self.reaches = reaches
        self.away = False

    @property
    def capabilities(self) -> Capabilities:
        told = self.real.capabilities
        return replace(told, grounding=self.reaches) if self.away else told

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@pytest.mark.parametrize("reaches", [Grounding.NONE, Grounding.REMOVED])
def test_what_reaches_less_for_a_moment_than_was_planned_does_not_read_as_done(home: Household, reaches: Grounding) -> None:
    order = planned(home)
    with home.open() as opened:
        inner = opened.context.open_store
        withdrawn = Withdrawn(inner("media"), reaches)

        def report(progress: Progress) -> None:
            withdrawn.away = (progress.state, progress.step) == ("start", "verify:media")

        opened.context = replace(opened.context, open_store=lambda name: cast(Store, withdrawn) if name == "media" else inner(name))
        run = opened.apply(order, report=report)
    assert run.state is OrderState.IN_PART
    found = entry(home, order, "voice")
    said = f"the plan says scrubbed; media reaches {reaches.word} now; apply again"
    assert (found.outcome, found.reason, found.detail) == (Result.UNABLE, Reason.TOO_SHALLOW, said)
    with home.open() as opened:
        assert opened.apply(order).state is OrderState.FULFILLED


def test_rows_that_cannot_be_followed_to_a_person_now_make_the_look_could_not_and_are_no_residue(home: Household) -> None:
    words = "seventeen hedgehogs asked the lighthouse for marmalade"
    with sqlite3.connect(home.database) as db:
        db.execute("CREATE TABLE notes (profile_id TEXT, note TEXT, closed_at TEXT)")
        db.execute("INSERT INTO notes VALUES (?, ?, NULL)", (ANNA, words))
        db.execute("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", (f"rec-{BELA[4:8]}-0-X7", f"she said: {words}, twice"))
    db.close()
    home.write_map(more="  notes: {store: app, table: notes, subject: {profile: profile_id}, retention: life}\n")
    order, media = planned(home), away(home, "media")
    run = apply_with(home, order, {"purge:app": media["goes"]})
    assert run.state is OrderState.IN_PART
    said = entry(home, order, "notes")
    assert (said.outcome, said.reason) == (Result.UNABLE, Reason.UNREACHABLE), said.detail
    media["comes"]()
    assert home.apply(order).state is OrderState.FULFILLED
