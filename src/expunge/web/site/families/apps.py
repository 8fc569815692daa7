"""The Django app of hand-overs. It has no tables: what counts lies with the keeper."""

from __future__ import annotations

from django.apps import AppConfig


class FamiliesConfig(AppConfig):
    """Pages of hand-overs."""

    name = "expunge.web.site.families"
    label = "expunge_families"
