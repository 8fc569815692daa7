"""The app's entry for a host program's ``INSTALLED_APPS`` (``expunge.adapters.state``); needed only for its ``migrate`` command."""

from __future__ import annotations

from django.apps import AppConfig


class StateConfig(AppConfig):
    """Expunge's own state."""

    name = "expunge.adapters.state"
    label = "expunge_state"
    verbose_name = "Expunge state"
    default_auto_field = "django.db.models.BigAutoField"
