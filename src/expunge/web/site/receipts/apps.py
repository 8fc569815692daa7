"""The Django app of receipts."""

from __future__ import annotations

from django.apps import AppConfig


class ReceiptsConfig(AppConfig):
    """Templates and files of the pages; no tables."""

    name = "expunge.web.site.receipts"
    label = "expunge_receipts"
