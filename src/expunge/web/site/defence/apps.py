"""The Django app of the defence."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import import_string


class DefenceConfig(AppConfig):
    """Tables of tries and incidents; listens to logins."""

    name = "expunge.web.site.defence"
    label = "expunge_defence"

    def ready(self) -> None:
        """Listen to allauth's signals, and read the sets of known passwords. Raises Misconfigured where one cannot be read."""
        # Why by name: these modules import models, which exist from here on.
        for function in ("outcomes.listen", "password_rules.lists"):
            import_string(f"{self.name}.{function}")()
