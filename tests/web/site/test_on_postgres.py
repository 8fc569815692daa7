"""The pages with accounts, journal and the keeper's tables on PostgreSQL: each page, and a family's deletion through what goes wrong."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from uuid import UUID

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.bootstrap.clerk.desks.local_deletions import LocalDeletions
from expunge.bootstrap.clerk.household import KeptHousehold
from expunge.bootstrap.clerk.rounds import order_carrier
from expunge.bootstrap.clerk.rounds.order_carrier import OrderCarrier
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.families.deletion import Stage
from expunge.core.families.selection import Everything
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.ports.accounts.account_register import AccountRecord
from expunge.servers.postgres import PostgresServer
from tests.web.serving import company
from tests.web.site import family_company, recordings_company, stopping_company, walk_families, walk_recordings, walk_stopping
from tests.web.site.browser import chromium, visitor
from tests.web.site.family_company import guardian
from tests.web.site.kit import SiteServed, databases, site
from tests.web.site.test_deleting_pages import ended, places, previewed
from tests.web.site.test_held import counted
from tests.web.site.walk import Walk

AWAY = "A part of our system does not answer. Your recordings stay sealed, and erasures that are under way go on."


@contextmanager
def closed(server: PostgresServer, url: str) -> Iterator[None]:
    """Let a server take no connection to a database until the block ends."""
    name = url.rpartition("/")[2]
    server.sql(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    try:
        yield
    finally:
        server.sql(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")


def kill_clerk(served: SiteServed) -> None:
    """End the clerk of a server as a power cut would."""
    server = served.served.process.pid
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    (clerk,) = (int(each) for each in children if b"\0clerk\0run\0" in Path(f"/proc/{each}/cmdline").read_bytes())
    os.kill(clerk, signal.SIGKILL)


@contextmanager
def worker(served: SiteServed) -> Iterator[None]:
    """Carry out what is queued, as a worker beside the server, until the block ends."""
    stop = threading.Event()

    def work() -> None:
        with Expunge.open(served.folder / "expunge.yaml") as opened:
            opened.work(stop, poll=0.2)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def until_reached(read: Callable[[], object], within: float = 60.0) -> None:
    """Wait until a page is no longer one of a part that is away."""
    end = time.monotonic() + within
    while AWAY in str(read()):
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.soak
def test_a_family_sees_stops_and_deletes_through_lost_databases_a_lost_disk_and_a_killed_clerk(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    postgres_server.start()
    with (
        databases(postgres_server) as urls,
        site(tmp_path, enrich=family_company.enrich, **urls) as served,
    ):
        one = guardian(served, "mia.mother@home.example", "p-mia")
        home = one.go()
        assert "2 voice recordings" in counted(one.person, home).words
        media = served.folder / "world" / "media"
        for url in urls.values():
            with closed(postgres_server, url):
                page = one.person.get(f"{home}delete/")
                assert page.status == HTTPStatus.SERVICE_UNAVAILABLE
                assert AWAY in page.words
            assert one.person.get(f"{home}delete/").status == HTTPStatus.OK
        time.sleep(1.1)  # A thread looks at its connection again after a second.
        postgres_server.stop("immediate")
        postgres_server.start()
        assert one.person.get(f"{home}requests/").status == HTTPStatus.OK, "no connection from before is relied on"
        media.rename(tmp_path / "away")
        media.mkdir()
        previewed(one, "everything")
        assert "What we could not look at now Transcripts: " in one.person.last.words
        assert one.person.get(f"{home}timeline/").path == "/account/confirm/"
        one.confirm()
        assert "This list is not whole" in one.person.last.words
        assert "No recording could be shown." in one.person.last.words
        media.rmdir()
        (tmp_path / "away").rename(media)
        previewed(one, "everything")
        one.person.send("typed", typed="erase")
        one.confirm()
        address = one.person.last.path
        kill_clerk(served)
        with worker(served):
            until_reached(lambda: one.person.get(address).words)
            assert "Erased and verified" in ended(one, address)
        assert places(served, "p-mia") == 0
        assert places(served, "p-tom") == 1


def test_two_clerks_carry_out_an_order_once(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two machines that share the server and the state folder's files, and nothing else."""
    monkeypatch.setattr(order_carrier, "TO_WORKERS", 0.0)
    monkeypatch.setattr(order_carrier, "SOON", 0.05)
    company(tmp_path, database)
    path, parent = tmp_path / "expunge.yaml", UUID(int=1)
    with closing(KeptHousehold(path)) as first, closing(KeptHousehold(path)) as second:
        carriers = [OrderCarrier(first.used, look=0.1), OrderCarrier(second.used, look=0.1)]
        with first.used() as household:
            family = household.expunge.resolve("profile:p-mia").person.subject
            household.register.open_account(AccountRecord(parent, b"parent", "en", clock.now()))
            household.register.set_membership(Membership(parent, family, MembershipRole.GUARDIAN, clock.now()))
            doors = LocalDeletions(household, carriers[0])
            digest = doors.preview(parent, family, b"s" * 32, Everything()).digest
            answer = doors._receive(parent, family, Everything(), "the form of a test", digest)
            assert answer.order is not None
            order = OrderId(answer.order)
            for carrier in carriers:
                carrier.start()
            try:
                end = time.monotonic() + 60
                while (status := doors.status(parent, family, order)).stage is not Stage.DONE:
                    assert time.monotonic() < end, status
                    time.sleep(0.05)
            finally:
                for carrier in carriers:
                    carrier.stop()
            assert household.expunge.status(order).state is OrderState.FULFILLED
            assert len(household.expunge.receipts(order)) == 1


@pytest.mark.soak
def test_every_page_is_there_with_both_databases_on_a_server(tmp_path: Path, postgres_server: PostgresServer) -> None:
    seen: dict[str, str] = {}
    postgres_server.start()
    # Why the browser last: beside its event loop Django asks no database.
    with databases(postgres_server) as urls, site(tmp_path, **urls) as served, chromium() as browser, visitor(browser) as person:
        Walk(served, person, lambda name, page: seen.update({name: page.title()})).everything()
        assert "a request failed: " not in served.served.stderr().replace("a request failed: DisallowedHost", "")
    assert len(seen) > 90
    # A receipt is a page of its own, without the frame.
    assert {name for name, title in seen.items() if not title.endswith("Acme Doorbells")} <= {"problem.500", "portal_receipt_page"}


PORTAL = {
    "held, copies, deletion": (walk_families.slow_to_begin, walk_families.walk),
    "recordings": (recordings_company.enrich, walk_recordings.walk),
    "stopping": (stopping_company.enrich, walk_stopping.walk),
}


@pytest.mark.soak
@pytest.mark.parametrize("pages", PORTAL)
def test_every_page_of_a_family_is_there_with_both_databases_on_a_server(
    tmp_path: Path, postgres_server: PostgresServer, pages: str
) -> None:
    seen: dict[str, str] = {}
    enrich, walk = PORTAL[pages]
    postgres_server.start()
    with (
        databases(postgres_server) as urls,
        site(tmp_path, enrich=enrich, **urls) as served,
        chromium() as browser,
        visitor(browser) as person,
    ):
        walk(served, person, lambda name, page: seen.update({name: page.title()}))
        assert "a request failed: " not in served.served.stderr()
    assert len(seen) > 5
    assert {name for name, title in seen.items() if not title.endswith("Acme Doorbells")} <= {"portal_play.gone"}
