"""The policies in force: published in the journal before they decide, so that each answer can be decided again later.

A process that decides reads the set when it starts. A set that differs from the one in force is entered first. A set with a mistake is
not entered: that nothing is granted is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from expunge.core.journal.policy_events import PolicyPublished, PolicySet, PolicyWithdrawn
from expunge.core.review.question import PolicyAnswer, PolicyReason, ViewQuestion
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import POLICIES, read_register, register
from expunge.errors import Misconfigured, UsageError
from expunge.ports.review.policy import ReviewPolicy
from expunge.ports.review.policy_sets import PolicySets

FAULTY, ABSENT = "policies-faulty", "no-review-desk"
NOTHING_IN_FORCE = PolicyReason("no-policies", "No policies were in force at that time, so that nothing was granted.")


@dataclass(frozen=True)
class NothingGranted:
    """Refuses every act."""

    reason: PolicyReason
    digest: str = ""

    def decide(self, _: ViewQuestion) -> PolicyAnswer:
        """Refuse, as :class:`expunge.ports.review.policy.ReviewPolicy` has it."""
        return PolicyAnswer(allowed=False, reasons=(self.reason,), policy_digest="")


def in_force(context: Context, sets: PolicySets | None) -> ReviewPolicy:
    """Return the policies that decide from now on, once the journal has them.

    Args:
        context: the composition.
        sets: reads and compiles the set of now; None where the map has no section ``review``.

    Returns one that refuses everything where the set has a mistake, or the map no review desk. Raises StateUnavailable, StateCorrupt where
    the journal cannot be read or written: nothing may be decided then.
    """
    if sets is None:
        return NothingGranted(PolicyReason(ABSENT, "The data map has no review desk: no member of staff sees or hears a recording."))
    last = next(iter(reversed(list(published(context)))), None)
    try:
        current = sets.current()
        policy = sets.compiled(current)
    except Misconfigured as error:
        if not isinstance(last, PolicyWithdrawn):
            register(context.journal, POLICIES, PolicyWithdrawn(context.clock.now()))
        return NothingGranted(PolicyReason(FAULTY, f"{error.message[:1].upper()}{error.message[1:]}."))
    if not (isinstance(last, PolicyPublished) and last.policies.digest == policy.digest):
        register(context.journal, POLICIES, PolicyPublished(context.clock.now(), current))
        # commit point: the set is in the journal; from here on an answer may name its digest.
    return policy


def published(context: Context) -> Iterator[PolicyPublished | PolicyWithdrawn]:
    """Yield every set that was in force, and every time in which nothing was granted, oldest first."""
    return (event for event in read_register(context.journal, POLICIES) if isinstance(event, PolicyPublished | PolicyWithdrawn))


def set_of(context: Context, digest: str) -> PolicySet:
    """Return a set that was in force, by the beginning of its digest. Raises UsageError for none, or for several."""
    found = {event.policies.digest: event.policies for event in published(context) if isinstance(event, PolicyPublished)}
    names = [each for each in found if each.startswith(digest)]
    if len(names) != 1:
        message = "several sets of policies begin so" if names else "no set of policies of that digest was in force"
        raise UsageError(message, help="`expunge access policy history` lists them")
    return found[names[0]]


def set_at(context: Context, at: datetime) -> PolicySet | None:
    """Return the set that was in force at a time; None where nothing was granted."""
    found: PolicySet | None = None
    for event in published(context):
        if event.at <= at:
            found = event.policies if isinstance(event, PolicyPublished) else None
    return found
