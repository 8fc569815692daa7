"""The Django app of the portal."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Templates and files of the pages; no tables."""

    name = "expunge.web.site.portal"
    label = "expunge_portal"
