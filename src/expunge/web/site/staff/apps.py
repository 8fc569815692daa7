"""The Django app of staff."""

from __future__ import annotations

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """Templates and files of the pages; no tables."""

    name = "expunge.web.site.staff"
    label = "expunge_staff"
