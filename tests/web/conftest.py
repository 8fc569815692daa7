from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.serving import Served, company, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests of a module."""
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, company(folder)) as running:
        yield running
