from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.site.desk.desk_company import desk_site
from tests.web.site.desk.kit import Desk, desk_of
from tests.web.site.desk.watching import Watching
from tests.web.site.kit import SiteServed


@pytest.fixture(scope="session")
def desk_of_the_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    """The pages of one company with a review desk, for all tests of a worker."""
    with desk_site(tmp_path_factory.mktemp("desk")) as served:
        yield served


@pytest.fixture(scope="module")
def office(desk_of_the_worker: SiteServed, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """Its desk with staff of one module: ``reviewer``, ``reviewer-2``, ``officer`` and ``officer-2``, all logged in."""
    desk_of_the_worker.sql("DELETE FROM expunge_counter")
    with desk_of(desk_of_the_worker, tag=f"-{request.module.__name__.rpartition('.')[2].removeprefix('test_').replace('_', '-')}") as found:
        yield found


@pytest.fixture(scope="session")
def watching_office(desk_of_the_worker: SiteServed) -> Iterator[Desk]:
    """Its desk with the staff of all tests of views."""
    desk_of_the_worker.sql("DELETE FROM expunge_counter")
    with desk_of(desk_of_the_worker, tag="-watching") as found:
        yield found


@pytest.fixture(scope="module")
def watched(watching_office: Desk) -> Watching:
    """Its reviewer at a browser, and its officer, both logged in just now."""
    return Watching.at(watching_office)
