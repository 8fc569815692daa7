"""One office for a worker: its server, its reviewer and its film are used by every test of views."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.site.desk.watched_company import WatchedOffice, watched_office


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedOffice]:
    """The pages of a company whose reviewer looks at films."""
    with watched_office(tmp_path_factory.mktemp("watched")) as office:
        yield office
