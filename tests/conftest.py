"""Settings for every test: Hypothesis profiles, a machine-independent environment, and marks that follow from what a test uses."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.servers_plugin import database, debian_postgres, postgres_server, seaweed
from tests.soaking import pytest_runtest_call, pytest_terminal_summary

__all__ = ["database", "debian_postgres", "postgres_server", "pytest_runtest_call", "pytest_terminal_summary", "seaweed"]

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25, derandomize=True)
settings.register_profile("soak", settings.get_profile("default"), max_examples=2000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# MLflow would tell its makers of every use, from a thread of its own.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
for name in ("EXPUNGE_FAILPOINT", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
    os.environ.pop(name, None)

SERVERS = {"postgres_server", "debian_postgres", "seaweed", "redis_port", "served"}
"""Fixtures that lend a server."""
LATER = {("nth", "last")}
"""Parameters of the shipped suites that a sample leaves to the soak: (name, value)."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they use, before marks are selected."""
    for item in items:
        if not SERVERS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("servers")
        if "kill" in item.nodeid or "crash" in item.nodeid:
            item.add_marker("kills")
        called = getattr(item, "callspec", None)
        if called is not None and not LATER.isdisjoint((name, value) for name, value in called.params.items() if isinstance(value, str)):
            item.add_marker("soak")
