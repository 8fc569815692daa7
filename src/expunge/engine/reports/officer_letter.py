"""Tell the officer by mail that findings or incidents wait for people. The letter has numbers and no name."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.core.journal.notice_events import LetterResult
from expunge.engine.incidents import counting, owed
from expunge.engine.kernel.context import Context
from expunge.engine.noticing import deciding
from expunge.ports.accounts.family_letters import LetterDelivery
from expunge.ports.accounts.letters import Letter


@dataclass(frozen=True)
class WaitingForPeople:
    """What waits."""

    findings: int
    """That are not closed."""
    incidents: int
    """That are open."""
    overdue: int
    """Deadlines of both that are over."""

    def __bool__(self) -> bool:
        """Return whether anything waits."""
        return bool(self.findings or self.incidents)


def waiting(context: Context) -> WaitingForPeople:
    """Return what waits for people now."""
    due = (*deciding.owed(context), *owed.owed(context))
    findings = sum(not each.standing.closed for each in deciding.findings(context).findings.values())
    incidents = sum(1 for _ in counting.known(context.journal).open())
    return WaitingForPeople(findings, incidents, sum(each.standing.overdue for each in due))


def tell(context: Context, delivery: LetterDelivery) -> LetterResult | None:
    """Write to the officer of the map where anything waits. Return the result; None where nothing waits, or the map names no officer.

    Nothing is kept of it: the next run writes again as long as anything waits, whether this letter arrives or not.
    """
    found, review, accounts = waiting(context), context.data_map.review, context.data_map.accounts
    if not found or review is None or not review.officer:
        return None
    company = accounts.company if accounts else ""
    day = context.clock.now().date().isoformat()
    return delivery.deliver(Letter(review.officer, _SUBJECT, _text(found, company), "", key=f"officer {day}"))


_SUBJECT = "Findings or incidents wait for people"


def _text(found: WaitingForPeople, company: str) -> str:
    lines = [
        f"At the review desk{f' of {company}' if company else ''}:",
        f"- findings that two people have to judge: {found.findings}",
        f"- incidents that are open: {found.incidents}",
        f"- deadlines of these that are over: {found.overdue}",
        "`expunge findings list`, `expunge incidents list` and `expunge due` show them, and so do the pages of staff.",
    ]
    return "\n".join(lines) + "\n"
