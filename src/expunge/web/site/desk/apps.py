"""The Django app of the review desk."""

from __future__ import annotations

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """Templates and files of the pages; no tables."""

    name = "expunge.web.site.desk"
    label = "expunge_desk"
