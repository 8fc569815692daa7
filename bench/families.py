"""*Delete everything* by a family, carried out by the clerk, beside `expunge apply` alone: children of one company, in turns, in one run.

The clerk's side begins with the confirmed form and ends when the status says *erased and verified* of every place: it receives the order,
fences, plans, queues, carries out and is asked for the status meanwhile. The other side is `apply` of an order that is planned already. A
first order, which is not counted, warms the servers. Stores of six kinds lie on real servers.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from bench.result import Result
from expunge import clock
from expunge.bootstrap import Expunge
from expunge.bootstrap.clerk.desks.local_deletions import LocalDeletions
from expunge.bootstrap.clerk.household import KeptHousehold
from expunge.bootstrap.clerk.rounds.order_carrier import OrderCarrier
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.families.deletion import Stage
from expunge.core.families.selection import Everything
from expunge.core.values.order import OrderState
from expunge.demo.company import services
from expunge.demo.company.build import build_company, write_map
from expunge.demo.voices.speech import Tones
from expunge.ports.accounts.account_register import AccountRecord

HERE = Path(__file__).resolve().parent
PARENT = UUID(int=1)
TURNS = 2


@dataclass(frozen=True)
class Deleted:
    """One child's data, erased and verified."""

    seconds: float
    cpu: float
    """Processor seconds of this process; the servers' own are not in it."""
    items: int


def run() -> list[Result]:
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with (
        tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name,
        company(Path(name)) as (path, children),
        Expunge.open(path) as opened,
    ):
        alone(opened, children[0])
        turns = zip(children[1::2], children[2::2], strict=True)
        pairs = [(by_the_clerk(path, first), alone(opened, second)) for first, second in turns]
    clerk, apply = ([pair[side] for pair in pairs] for side in (0, 1))
    return [
        Result(
            name="delete everything by the clerk, from the form to erased and verified",
            ours=statistics.median(each.seconds for each in clerk),
            unit="s",
            other=statistics.median(each.seconds for each in apply),
            other_name="apply of a planned order alone",
            of="ratio",
            better="lower",
            note=f"medians of {TURNS} children each, on six kinds of stores; {_told('the clerk', clerk)}; {_told('apply', apply)}",
        )
    ]


def _told(who: str, found: list[Deleted]) -> str:
    each = ", ".join(f"{one.seconds:.2f} s ({one.cpu:.2f} s of the processor, {one.items} items)" for one in found)
    return f"{who}: {each}"


@contextmanager
def company(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """The demo's company on its servers: its map, and children enough for all turns and one order before."""
    with services.running(folder / "servers", folder / "world") as running:
        world = build_company(folder, running, 7, Tones())
        running.announce()
        write_map(world, with_export=True)
        Expunge.init(folder / "expunge.yaml")
        children = [person.profile_id for home in world.households for person in home.profiles if person.child]
        yield folder / "expunge.yaml", children[: 1 + 2 * TURNS]


def alone(opened: Expunge, child: str) -> Deleted:
    """Receive and plan an order, and measure its `apply`."""
    order = opened.order_erase([opened.resolve(f"profile:{child}")]).order
    forecast = opened.plan(order)
    begun, cpu = time.monotonic(), time.process_time()
    state = opened.apply(order).state
    seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
    assert state in {OrderState.FULFILLED, OrderState.IN_PART}
    return Deleted(seconds, cpu, sum(sum(by.values()) for by in forecast.items.values()))


def by_the_clerk(path: Path, child: str) -> Deleted:
    """Confirm a form, and measure until the status is an end. The form is handed to the door behind the permit of the keeper."""
    with closing(KeptHousehold(path)) as kept, kept.used() as household:
        family = household.expunge.resolve(f"profile:{child}").person.subject
        household.register.open_account(AccountRecord(PARENT, b"parent", "en", clock.now()))
        household.register.set_membership(Membership(PARENT, family, MembershipRole.GUARDIAN, clock.now()))
        carrier = OrderCarrier(kept.used)
        doors = LocalDeletions(household, carrier)
        carrier.start()
        shown = doors.preview(PARENT, family, b"s" * 32, Everything())
        begun, cpu = time.monotonic(), time.process_time()
        answer = doors._receive(PARENT, family, Everything(), f"form of {child}", shown.digest)  # noqa: SLF001 - a permit stands before it
        assert answer.order is not None
        while doors.status(PARENT, family, answer.order).stage not in {Stage.DONE, Stage.IN_PART}:
            time.sleep(0.05)
        seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
        carrier.stop()
    return Deleted(seconds, cpu, shown.items)


if __name__ == "__main__":
    for result in run():
        print(result)
