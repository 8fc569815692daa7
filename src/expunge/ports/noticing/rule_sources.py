"""Where the rules of noticing come from."""

from __future__ import annotations

from typing import Protocol

from expunge.core.noticing.rules import Rulebook


class RuleSource(Protocol):
    """The rules of the package, made stricter by a file of the company's."""

    def rulebook(self) -> Rulebook:
        """Return the rules in force. Raises Misconfigured for a mistake, with the file and the line."""
