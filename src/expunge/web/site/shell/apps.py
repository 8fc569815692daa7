"""The Django app of the frame."""

from __future__ import annotations

from django.apps import AppConfig


class ShellConfig(AppConfig):
    """Templates and files of the frame; no tables."""

    name = "expunge.web.site.shell"
    label = "expunge_shell"
