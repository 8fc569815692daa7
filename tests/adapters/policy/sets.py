"""Sets of policies for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from expunge.adapters.policy.cedar_policy import CedarPolicy
from expunge.adapters.policy.examples import bases
from expunge.adapters.policy.policy_folder import shipped_files
from expunge.core.accounts.review_spec import ReviewLimits
from expunge.core.journal.policy_events import PolicySet
from expunge.core.journal.review_words import DeskAct
from expunge.core.review.question import ViewQuestion


def shipped(own: str = "", limits: ReviewLimits | None = None) -> PolicySet:
    """Return the shipped set, with a file of a company's own."""
    files: Mapping[str, str] = shipped_files() if not own else {**shipped_files(), "own/ours.cedar": own}
    return PolicySet(files, limits or ReviewLimits())


def decides(own: str = "", limits: ReviewLimits | None = None) -> CedarPolicy:
    """Return the shipped set, ready to decide."""
    return CedarPolicy(shipped(own, limits))


def question(act: DeskAct = DeskAct.VIEW, **facts: object) -> ViewQuestion:
    """Return a question with everything in order, but for some facts."""
    return replace(bases()[act], **facts)  # type: ignore[arg-type]
