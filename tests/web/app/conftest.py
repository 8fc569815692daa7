from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.app.company_app import App, app_site


@pytest.fixture(scope="session")
def app_of_the_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app of one company, for all tests of a worker that erase nothing of its stores."""
    with app_site(tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest.fixture
def app(app_of_the_worker: App) -> App:
    """The same, for one test."""
    return app_of_the_worker


@pytest.fixture
def many_bad_tokens(app: App) -> Iterator[None]:
    """Tell other tests nothing of the tokens that are refused here: the worker counts those of all clients for a minute, in memory."""
    yield
    app.site.begin_worker_anew()
