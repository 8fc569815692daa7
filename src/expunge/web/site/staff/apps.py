"""The Django app of staff."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import import_string


class StaffConfig(AppConfig):
    """Templates and files of the pages; no tables."""

    name = "expunge.web.site.staff"
    label = "expunge_staff"

    def ready(self) -> None:
        """Have the keeper told of each logout of staff."""
        # Why by name: the module imports models, which exist from here on.
        import_string(f"{self.name}.endings.listen")()
