from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.web.site.browser import Visitor, chromium, visitor
from tests.web.site.kit import SiteServed, site


@pytest.fixture(scope="module")
def served_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    """The pages of one company for the tests of a module. Each test has addresses of its own."""
    with site(tmp_path_factory.mktemp("site")) as served:
        yield served


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
