from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.web.site.browser import Visitor, chromium, visitor
from tests.web.site.family_company import family_site
from tests.web.site.kit import SiteServed, site

_BEEN: set[str] = set()
"""Modules that had the worker's pages."""


@pytest.fixture(scope="session")
def pages_of_the_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    """The pages of one company for all tests of a worker: a server takes five seconds of a processor to begin and two to end."""
    with running(tmp_path_factory.mktemp("site")) as served:
        yield served


def running(folder: Path) -> AbstractContextManager[SiteServed]:
    return site(folder, "--access-log", folder / "access.log")


@pytest.fixture(scope="module")
def served_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    """The pages of a company that no customer has come to yet, for the tests of a module. Each test has addresses of its own.

    Addresses and labels of staff are those of one module alone: the keeper counts its letters to an address for an hour, in memory, and
    its register of staff forgets no label. A test that stops a part of the server, or counts all that it did, has a `site` to itself.
    """
    name = request.module.__name__
    if name in _BEEN:
        # Stolen tests may bring a module back to a worker, where its labels are taken.
        with running(tmp_path_factory.mktemp("site")) as served:
            yield served
        return
    _BEEN.add(name)
    served = request.getfixturevalue("pages_of_the_worker")
    served.forget_everyone()
    yield served


@pytest.fixture(scope="session")
def family_of_the_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    """The pages of families of one company, for all tests of a worker that change nothing of its stores."""
    with family_site(tmp_path_factory.mktemp("family")) as served:
        yield served


@pytest.fixture(scope="module")
def served_family(family_of_the_worker: SiteServed) -> SiteServed:
    """The same for the tests of a module, without customers. Each test has addresses of its own."""
    family_of_the_worker.forget_everyone()
    return family_of_the_worker


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module."""
    with chromium() as running:
        yield running


@pytest.fixture
def person(browser: Browser) -> Iterator[Visitor]:
    """A person who was never here before."""
    with visitor(browser) as lent:
        yield lent


@pytest.fixture
def other(browser: Browser) -> Iterator[Visitor]:
    """Another one, at another machine."""
    with visitor(browser) as lent:
        yield lent


@pytest.fixture(autouse=True)
def fresh_attempts(request: pytest.FixtureRequest) -> None:
    """Let no test of a module be held up by the attempts of another: they all come from one address."""
    for name in ("served_site", "served_family"):
        if name in request.fixturenames:
            served: SiteServed = request.getfixturevalue(name)
            served.sql("DELETE FROM expunge_counter")
