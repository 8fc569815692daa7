"""Nothing that a person says waits for a run: real processes, one of which erases, and others that say something meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from expunge import Expunge, faults
from expunge.core.consent import consent_events as ce
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.gate import Subject
from expunge.servers.processes import wait_until
from expunge.testing.forked import RunningChild, in_child, start
from tests.engine.consents import AGREED, BORN, CHILD, PARENT, asking
from tests.engine.evidence.test_honesty import receipt
from tests.engine.household import ANNA, BELA, CARA, DINO, Household, strings_of

EVIDENCE = {"ground": "evidence in a pending case", "authority": "district court"}
SOON = 1.0
"""Seconds within which whatever a person says is journalled."""


@pytest.fixture(params=["folder", pytest.param("postgresql", marks=pytest.mark.soak)])
def company(request: pytest.FixtureRequest, home: Household) -> Household:
    """A household that asks for consent, with its state in a folder or on a server."""
    asking(home)
    if request.param == "postgresql":
        url = request.getfixturevalue("database")
        home.map.write_text(home.map.read_text().replace("state: ./state\n", f'state: "{url}"\nstate_folder: ./shared\n'))
        Expunge.init(home.map)
    return home


@dataclass
class Meanwhile:
    """A run that stands still in the middle until it is told to go on."""

    home: Household
    order: OrderId
    folder: Path
    child: RunningChild | None = None

    def run(self, point: str, at: int, *, work: bool = False) -> None:
        """Carry out the order, and stop at a failpoint; as ``apply`` does or as a worker."""

        def stand_still() -> None:
            (self.folder / "there").touch()
            assert wait_until((self.folder / "go").exists, 60), "the run was never told to go on"

        with self.home.open() as opened, faults.arm(point, stand_still, at):
            if work:
                opened.submit(self.order, hurry=True)
                opened.work(threading.Event(), poll=0.2, until_idle=True)
            else:
                opened.apply(self.order)

    def begin(self, point: str, at: int, *, work: bool = False) -> None:
        """Have a process of its own carry it out, as far as the point."""
        self.child = start(lambda: self.run(point, at, work=work))
        assert wait_until((self.folder / "there").exists, 60), "the run did not come so far"

    def end(self) -> None:
        """Let it go on to its end."""
        (self.folder / "go").touch()
        assert self.child is not None
        child, self.child = self.child, None
        child.wait().returned()


@pytest.fixture
def meanwhile(company: Household, tmp_path: Path) -> Iterator[Meanwhile]:
    order = company.order(f"profile:{ANNA}").order
    company.plan(order)
    (tmp_path / "meanwhile").mkdir()
    running = Meanwhile(company, order, tmp_path / "meanwhile")
    yield running
    if running.child is not None:
        running.child.kill()


def soon(home: Household, act: Callable[[Expunge], Any]) -> Any:
    """Have another process do something, and see that it takes no second."""

    def timed() -> tuple[float, Any]:
        with home.open() as opened:
            began = time.monotonic()
            value = act(opened)
            return time.monotonic() - began, value

    seconds, value = in_child(timed).returned()
    assert seconds < SOON
    return value


def placed(opened: Expunge, dataset: str, who: str = ANNA) -> str:
    until = opened.context.clock.now() + timedelta(days=30)
    return opened.holds.place(opened.resolve(f"profile:{who}"), dataset, until=until, **EVIDENCE).id


def refused(home: Household, who: str, purpose: str = "training") -> bool:
    """Whether the snapshot that pipelines read refuses somebody."""
    with home.open() as opened:
        return not opened.gate().may_use(Subject("profile", who), purpose)


@pytest.mark.parametrize("work", [pytest.param(False, id="apply"), pytest.param(True, id="worker", marks=pytest.mark.soak)])
def test_whatever_people_say_during_a_run_is_journalled_at_once_and_the_run_meets_it(
    work: bool, meanwhile: Meanwhile, request: pytest.FixtureRequest
) -> None:
    home = meanwhile.home
    if work and "folder" in request.node.callspec.params.values():
        pytest.skip("with state in a folder there are no workers")
    with home.open() as opened:
        for who in (CARA, DINO):
            opened.consents.give(opened.resolve(f"profile:{who}"), "training", AGREED)
    voices = {path: path.read_bytes() for path in (home.world / "media" / "voice" / ANNA).iterdir()}
    meanwhile.begin("store.erase:before", 1, work=work)

    withdrawn = soon(home, lambda each: each.consents.withdraw(each.resolve(f"profile:{CARA}"), "training"))
    assert refused(home, CARA)
    bela = soon(home, lambda each: each.order_erase([each.resolve(f"profile:{BELA}")])).order
    assert refused(home, BELA)
    again = soon(home, lambda each: each.order_erase([each.resolve(f"profile:{ANNA}")])).order
    soon(home, lambda each: placed(each, "voice"))
    second = soon(home, lambda each: placed(each, "profiles"))
    soon(home, lambda each: each.holds.end(second, "placed by mistake"))
    assert soon(home, lambda each: each.gates.publish()) > 0
    soon(home, lambda each: each.order_cancel(bela))
    assert not refused(home, BELA, "keeping")
    soon(home, lambda each: each.retention.publish(home.folder / "public"))
    with pytest.raises(AssertionError, match="IllegalTransition"):
        soon(home, lambda each: each.order_cancel(meanwhile.order))  # its first step that erases has begun

    meanwhile.end()
    with home.open() as opened:
        run = opened.status(meanwhile.order)
        assert run.state is OrderState.IN_PART
        assert opened.status(bela).state is OrderState.CANCELLED
        assert opened.status(again).state is OrderState.FENCED
        assert withdrawn.order is not None
        assert opened.status(withdrawn.order).state is OrderState.FENCED
    assert {path: path.read_bytes() for path in voices} == voices
    assert refused(home, CARA)
    assert refused(home, ANNA, "keeping")
    assert not refused(home, DINO)
    if not work:
        kept = {each.dataset: each.items for each in receipt(home, run.order).kept}
        assert kept == {"voice": 2, "profiles": 1}, "what was lifted meanwhile is kept to the round's end"
    with home.open() as opened:
        # A worker may have done that by itself.
        assert [each.order for each in opened.run_due()] == [run.order] or work
    assert {each.dataset for each in receipt(home, run.order).kept} == {"voice"}
    assert {path: path.read_bytes() for path in voices} == voices


@pytest.mark.soak
@pytest.mark.parametrize("work", [False, True], ids=["apply", "worker"])
def test_a_hold_that_another_process_places_between_two_files_keeps_the_second(
    work: bool, meanwhile: Meanwhile, request: pytest.FixtureRequest
) -> None:
    home = meanwhile.home
    if work and "folder" in request.node.callspec.params.values():
        pytest.skip("with state in a folder there are no workers")
    voices = {path: path.read_bytes() for path in (home.world / "media" / "voice" / ANNA).iterdir()}
    meanwhile.begin("files.erase.unlink:after", 2, work=work)
    soon(home, lambda each: placed(each, "voice"))
    meanwhile.end()
    (kept,) = [path for path in voices if path.exists()]
    assert kept.read_bytes() == voices[kept]
    with home.open() as opened:
        assert opened.status(meanwhile.order).state is OrderState.IN_PART
    said = receipt(home, meanwhile.order)
    assert {each.dataset: each.items for each in said.kept} == {"voice": 1}
    assert next(each.items for each in said.datasets if each.dataset == "voice") == 1


def test_an_order_cancelled_before_its_round_erases_anything_leaves_everything(meanwhile: Meanwhile) -> None:
    home = meanwhile.home
    before = home.logical()
    meanwhile.begin("store.trace:before", 1)
    soon(home, lambda each: each.order_cancel(meanwhile.order, "thought better of it"))
    meanwhile.end()
    with home.open() as opened:
        run = opened.status(meanwhile.order)
        assert (run.state, run.reasons, run.key_destroyed) == (OrderState.CANCELLED, ("thought better of it",), True)
        assert opened.context.log.head().size == 0
        assert opened.recover() == ()
    assert home.logical() == before
    assert not refused(home, ANNA, "keeping")


@pytest.mark.parametrize("leader", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_of_two_orders_that_share_a_round_one_may_be_cancelled_and_the_other_goes_on(leader: bool, meanwhile: Meanwhile) -> None:
    home = meanwhile.home
    other = home.order(f"profile:{DINO}").order
    home.plan(other)
    before = home.logical()

    def both() -> None:
        def stand_still() -> None:
            (meanwhile.folder / "there").touch()
            assert wait_until((meanwhile.folder / "go").exists, 60), "the run was never told to go on"

        with home.open() as opened, faults.arm("store.trace:before", stand_still, 2):
            opened.apply_all([meanwhile.order, other])

    meanwhile.child = start(both)
    assert wait_until((meanwhile.folder / "there").exists, 60), "the run did not come so far"
    gone, stays, whose = (meanwhile.order, other, DINO) if leader else (other, meanwhile.order, ANNA)
    soon(home, lambda each: each.order_cancel(gone))
    meanwhile.end()
    with home.open() as opened:
        assert (opened.status(gone).state, opened.status(stays).state) == (OrderState.CANCELLED, OrderState.FULFILLED)
        assert set(opened.status(stays).current.cohort) == {gone, stays}
    left = DINO if whose == ANNA else ANNA
    assert home.search(*strings_of(whose), where=("world",)) == []
    assert all(name in home.logical() for name in before if left in name)


def test_the_end_of_a_guardians_authority_stops_the_round_that_has_not_begun_to_erase(company: Household, tmp_path: Path) -> None:
    with company.open() as opened:
        child, parent = opened.resolve(CHILD), opened.resolve(PARENT)
        proof = opened.consents.prove(child, parent, born=BORN, method="birth certificate", by="R. Reviewer")
        order = opened.order_erase([child], guardian=proof).order
        opened.plan(order)
    before = company.logical()
    running = Meanwhile(company, order, tmp_path)
    running.begin("store.trace:before", 1)
    assert soon(company, lambda each: each.consents.end(proof, ce.EndReason.RESIGNED, "R. Reviewer")) == (order,)
    running.end()
    with company.open() as opened:
        assert opened.status(order).state is OrderState.CANCELLED
    assert company.logical() == before


SAID: dict[str, Callable[[Expunge], object]] = {
    "withdrawal": lambda opened: opened.consents.withdraw(opened.resolve(f"profile:{CARA}"), "training"),
    "order": lambda opened: opened.order_erase([opened.resolve(f"profile:{CARA}")]),
    "publish": lambda opened: opened.gates.publish(),
}
POINTS = ("journal.changing:after", "journal.register:after", "journal.changed:after")


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("what", SAID)
def test_whoever_says_something_during_a_run_may_be_killed_and_is_taken_up_beside_it(what: str, point: str, meanwhile: Meanwhile) -> None:
    home = meanwhile.home
    with home.open() as opened:
        opened.consents.give(opened.resolve(f"profile:{CARA}"), "training", AGREED)
    meanwhile.begin("store.erase:before", 2)

    def doomed() -> None:
        with home.open() as opened, faults.arm(point, "kill"):
            SAID[what](opened)

    killed = in_child(doomed).killed_by
    assert killed or (what, point) == ("publish", "journal.register:after")
    soon(home, lambda each: each.recover())
    with home.open() as opened:
        owed = [run for run in opened.orders() if run.order != meanwhile.order]
        assert all(run.state is OrderState.FENCED for run in owed), "whoever was received is fenced"
        withdrawn = opened.consents.register().withdrawals
        assert len(owed) == len(withdrawn) if what == "withdrawal" else len(owed) <= 1
    assert refused(home, CARA) == bool(owed or withdrawn)
    meanwhile.end()
    with home.open() as opened:
        assert opened.status(meanwhile.order).state is OrderState.FULFILLED


@pytest.mark.soak
@pytest.mark.parametrize("point", ["journal.exclusive:after", "journal.changing:after", "journal.changed:after"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_run_that_is_killed_under_its_rights_leaves_them_to_others(point: str, at: int, meanwhile: Meanwhile) -> None:
    home = meanwhile.home

    def doomed() -> None:
        with home.open() as opened, faults.arm(point, "kill", at):
            opened.apply(meanwhile.order)

    in_child(doomed)
    soon(home, lambda each: each.order_erase([each.resolve(f"profile:{CARA}")]))
    assert home.apply(meanwhile.order).state is OrderState.FULFILLED
    assert refused(home, CARA, "keeping")


def test_a_slow_publisher_never_takes_back_what_a_quicker_one_published(company: Household, tmp_path: Path) -> None:
    """One reads the registers and stands still; another fences somebody; then the first one writes."""
    there, go = tmp_path / "there", tmp_path / "go"

    def slow() -> None:
        def stand_still() -> None:
            there.touch()
            wait_until(go.exists, 0.6)

        with company.open() as opened, faults.arm("gate.publish.data:before", stand_still):
            opened.gates.publish()

    child = start(slow)
    assert wait_until(there.exists, 30), "nobody published"
    soon(company, lambda each: each.order_erase([each.resolve(f"profile:{BELA}")]))
    go.touch()
    child.wait()
    assert refused(company, BELA, "keeping")
