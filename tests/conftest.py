"""Settings for every test: Hypothesis profiles, and a machine-independent environment."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests.servers_plugin import database, debian_postgres, postgres_server, seaweed
from tests.soaking import pytest_runtest_call, pytest_terminal_summary

__all__ = ["database", "debian_postgres", "postgres_server", "pytest_runtest_call", "pytest_terminal_summary", "seaweed"]

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# MLflow would tell its makers of every use, from a thread of its own.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
for name in ("EXPUNGE_FAILPOINT", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
    os.environ.pop(name, None)
