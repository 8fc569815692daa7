"""The Django app of staff."""

from __future__ import annotations

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """Counts of sign-ins by hour; no account of staff has a row of its own here but what a session needs."""

    name = "expunge.web.site.staff"
    label = "expunge_staff"
