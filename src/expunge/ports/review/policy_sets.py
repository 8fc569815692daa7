"""The port that makes sets of policies decide: that of today, and that of an earlier day."""

from __future__ import annotations

from typing import Protocol

from expunge.core.journal.policy_events import PolicySet
from expunge.ports.review.policy import ReviewPolicy


class PolicySets(Protocol):
    """Read sets of policies, and make them decide."""

    def current(self) -> PolicySet:
        """Return the set that is in force now: the shipped one with the company's own. Raise Misconfigured where a file cannot be read."""
        ...

    def compiled(self, policies: PolicySet) -> ReviewPolicy:
        """Return a set that decides.

        Raise Misconfigured for a mistake, with the file, the line, and what to write instead.
        """
        ...
