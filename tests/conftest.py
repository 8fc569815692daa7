"""Settings for every test: Hypothesis profiles, a machine-independent environment, and marks that follow from what a test uses."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import moment
from tests.huge_pages import use_huge_pages
from tests.servers_plugin import database, debian_postgres, openbao_server, postgres_server, seaweed, softhsm
from tests.soaking import pytest_runtest_call, pytest_terminal_summary

__all__ = [
    "database",
    "debian_postgres",
    "openbao_server",
    "postgres_server",
    "pytest_runtest_call",
    "pytest_terminal_summary",
    "seaweed",
    "softhsm",
]

THE_DAY = moment.move()
"""How the day of this run reads. The clock is put ahead before anything else is imported by a test."""

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25, derandomize=True)
settings.register_profile("soak", settings.get_profile("default"), max_examples=2000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# MLflow would tell its makers of every use, from a thread of its own.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
for name in ("EXPUNGE_FAILPOINT", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
    os.environ.pop(name, None)

EVERYWHERE = ("tests/core/", "tests/test_imports.py")
"""Where the tests lie that run on each tested Python."""
SERVERS = {"postgres_server", "debian_postgres", "seaweed", "redis_port", "served", "softhsm", "openbao_server"}
"""Fixtures that lend a server."""
LATER = {("nth", "last"), ("at_once", "one")}
"""Parameters of the shipped suites that a sample leaves to the soak: (name, value)."""
DRILLS = (
    "test_a_batch_goes_in_one_call",
    "test_awkward_identifiers_are_erased_and_only_they",
    "test_killed_at_every_failpoint_and_resumed",
    "test_reply_lost_is_settled_by_a_probe",
    "test_disk_full_is_an_answer",
    "test_others_write_meanwhile_and_lose_nothing",
    "test_others_read_meanwhile_and_see_everybody_else_whole",
)
"""Tests of the shipped suites that a variant leaves to the soak."""


EACH_ROW = ("tests/architecture/", "tests/core/", "tests/docs/", "tests/maps/")
"""Where each row of a table is a rule, a vector or a page of its own and costs next to nothing."""
FEW_ROWS, EACH = 3, 3


@pytest.fixture
def machines_clock() -> Iterator[None]:
    """Leave the day of this run: the test is about ages that a server or a file system tells by the machine's clock."""
    with moment.kept_to_the_machine():
        yield


def pytest_report_header() -> str:
    """Say which day it is."""
    return f"the day: {THE_DAY}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they use, before marks are selected."""
    for item in items:
        if not SERVERS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("servers")
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
        if item.nodeid.startswith(EVERYWHERE):
            item.add_marker("everywhere")
        if "kill" in item.nodeid or "crash" in item.nodeid:
            item.add_marker("kills")
        parameters = item.callspec.params.items() if hasattr(item, "callspec") else ()
        later = any((name, value) in LATER for name, value in parameters if isinstance(value, str))
        if later or (item.get_closest_marker("variant") and getattr(item, "originalname", "") in DRILLS):
            item.add_marker("soak")
    for item in _rows_for_the_soak(items):
        item.add_marker("soak")


def _rows_for_the_soak(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the rows of long tables that a sample leaves to the soak: all but each third one and the last.

    A table that shows that a duty is met keeps every row.
    """
    tables: dict[str, list[pytest.Item]] = {}
    for item in items:
        kept = item.nodeid.startswith(EACH_ROW) or item.get_closest_marker("duty") or item.get_closest_marker("soak")
        if hasattr(item, "callspec") and not kept:
            tables.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return [row for rows in tables.values() if len(rows) > FEW_ROWS for at, row in enumerate(rows[:-1]) if at % EACH]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without garbage collection: nearly all that is made meanwhile stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what stands after collecting out of garbage collection.

    Thirteen thousand items and all that they import take half a second to walk through; a test may collect at each step, or fork a hundred
    times, and in a fork a walk copies what it touches.
    """
    gc.collect()
    gc.freeze()
    if "PYTEST_XDIST_WORKER" in os.environ:
        use_huge_pages()
