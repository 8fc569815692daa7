"""``python -m tests.web.site.deleting_numbers`` measures, on the demo's company, from *erase everything* to *erased and verified*.

The seconds of the clerk, from the confirmed form to the status that says verified of every place, stand beside those of `expunge apply`
alone. Both are of one process, about children of one company, after a first order that warms the servers.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from expunge.bootstrap import Expunge
from expunge.bootstrap.clerk.desks.local_deletions import LocalDeletions
from expunge.bootstrap.clerk.household import KeptHousehold
from expunge.bootstrap.clerk.rounds.order_carrier import OrderCarrier
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.families.deletion import Stage
from expunge.core.families.selection import Everything
from expunge.demo.company import services
from expunge.demo.company.build import build_company, write_map
from expunge.demo.voices.speech import Tones
from expunge.ports.accounts.account_register import AccountRecord

PARENT = UUID(int=1)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with services.running(folder / "servers", folder / "world") as running:
            world = build_company(folder, running, 7, Tones())
            running.announce()
            write_map(world, with_export=True)
            Expunge.init(folder / "expunge.yaml")
            children = [person.profile_id for home in world.households for person in home.profiles if person.child][:5]
            with Expunge.open(folder / "expunge.yaml") as opened:
                applied(opened, children[0])
                for first, second in zip(children[1::2], children[2::2], strict=True):
                    alone = applied(opened, first)
                    seconds, items, places = by_the_clerk(folder / "expunge.yaml", second)
                    print(
                        f"`order erase`, `plan` and `apply` {alone[0]:.2f} s, `apply` alone {alone[1]:.2f} s ({alone[2]} items); "
                        f"by the clerk {seconds:.2f} s ({items} items, {places} places)"
                    )


def applied(opened: Expunge, child: str) -> tuple[float, float, int]:
    """Seconds of `order erase`, `plan` and `apply`, of `apply` alone, and items that went."""
    ordered = time.monotonic()
    order = opened.order_erase([opened.resolve(f"profile:{child}")]).order
    forecast = opened.plan(order)
    begun = time.monotonic()
    run = opened.apply(order)
    print(f"  {run.state.value}: {'; '.join(run.reasons)}" if run.reasons else f"  {run.state.value}")
    return time.monotonic() - ordered, time.monotonic() - begun, sum(sum(by.values()) for by in forecast.items.values())


def by_the_clerk(path: Path, child: str) -> tuple[float, int, int]:
    """Seconds from the confirmed form to an end, items that the preview showed, and places."""
    with closing(KeptHousehold(path)) as kept, kept.used() as household:
        family = household.expunge.resolve(f"profile:{child}").person.subject
        household.register.open_account(AccountRecord(PARENT, b"parent", "en", datetime.now(UTC)))
        household.register.set_membership(Membership(PARENT, family, MembershipRole.GUARDIAN, datetime.now(UTC)))
        carrier = OrderCarrier(kept.used)
        doors = LocalDeletions(household, carrier)
        carrier.start()
        shown = doors.preview(PARENT, family, b"s" * 32, Everything())
        begun = time.monotonic()
        answer = doors._receive(PARENT, family, Everything(), f"form of {child}", shown.digest)
        assert answer.order is not None
        while (status := doors.status(PARENT, family, answer.order)).stage not in {Stage.DONE, Stage.IN_PART}:
            time.sleep(0.05)
        seconds = time.monotonic() - begun
        carrier.stop()
    return seconds, shown.items, len(status.places)


if __name__ == "__main__":
    main()
