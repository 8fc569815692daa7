"""What is noticed about people who look at recordings: the verbs of an installation."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from expunge.adapters.noticing.rollup_file import RollupFile
from expunge.adapters.noticing.rule_file import NoticingRules
from expunge.bootstrap.open_state import read_installed
from expunge.bootstrap.service import DomainService
from expunge.core.accounts.review_spec import ReviewSpec
from expunge.core.journal.finding_events import FindingReason
from expunge.core.journal.notice_events import LetterResult
from expunge.core.noticing.findings import Finding, Findings, FindingStanding, message
from expunge.core.noticing.judging import Compared, compare
from expunge.core.noticing.rules import WINDOW_DAYS, Rulebook
from expunge.core.values.copy import Finding as MapFinding
from expunge.core.values.copy import FindingKind
from expunge.engine.incidents import entering
from expunge.engine.noticing import deciding, running
from expunge.engine.noticing.deciding import Judgement
from expunge.engine.noticing.running import Noticed
from expunge.engine.reports import officer_letter
from expunge.errors import Busy, Misconfigured, NotWitnessed, StateUnavailable

__all__ = ["FindingReason", "FindingService", "Judgement", "rulebook", "seen"]
ROLLUP = "noticing/rollup.npz"
_SECTION = "review"


@dataclass(frozen=True)
class FindingService(DomainService):
    """Findings of one installation."""

    state: Path

    def run(self, since: date | None = None, *, anew: bool = False) -> Noticed:
        """Judge the days since the last run; see :func:`expunge.engine.noticing.running.run`. Raises Misconfigured for faulty rules."""
        spec = self.context.data_map.review or ReviewSpec()
        rules = NoticingRules(spec.noticing).rulebook()
        with self.changing():
            noticed = running.run(self.context, RollupFile(self.state / ROLLUP), rules, spec.limits.hours, since, anew=anew)
            entering.refresh(self.context)
            return noticed

    def tell_officer(self) -> LetterResult | None:
        """Write to the officer of the map where findings or incidents wait; see :func:`expunge.engine.reports.officer_letter.tell`."""
        from expunge.bootstrap.accounts.guard_settings import settings_of
        from expunge.bootstrap.accounts.kept_guard import NoDelivery, delivery_of

        accounts = self.context.data_map.accounts
        return officer_letter.tell(self.context, delivery_of(settings_of(accounts)) if accounts else NoDelivery())

    def all(self) -> Findings:
        """Return every finding."""
        return deciding.findings(self.context)

    def named(self, which: str) -> Finding:
        """Return a finding by the beginning of its id. Raises UsageError."""
        return deciding.found(self.all(), which)

    def compared(self, which: str) -> tuple[Compared, ...]:
        """Return the numbers of a finding's day beside what is usual for others, rule by rule of those that are met now.

        Raises UsageError for no such finding, Misconfigured for faulty rules, OSError where the sums of the days cannot be kept.
        """
        spec, finding = self.context.data_map.review or ReviewSpec(), self.named(which)
        rules = NoticingRules(spec.noticing).rulebook().rules
        rollup, _, _ = running.current(self.context, RollupFile(self.state / ROLLUP), spec.limits.hours)
        day = date.fromisoformat(finding.opened.day)
        days = rollup.days(day - timedelta(days=WINDOW_DAYS))
        return compare(days, finding.opened.reviewer, day, [each for each in rules if each.name in finding.met])

    def message(self, which: str, reason: FindingReason, reference: str) -> bytes:
        """Return what an approver of the map signs to judge a finding. Raises UsageError."""
        return message(self.named(which), reason.value, reference)

    def decide_signed(self, which: str, approver: str, judgement: Judgement, signed: str) -> Finding:
        """Enter the judgement of an approver of the map; see :func:`expunge.engine.noticing.deciding.decide_signed`."""
        with self.changing():
            decided = deciding.decide_signed(self.context, which, approver, judgement, signed)
            self._take_in(decided)
            return decided

    def decide(self, which: str, account: str, judgement: Judgement) -> Finding:
        """Enter the judgement of a member of staff who is logged in; see :func:`expunge.engine.noticing.deciding.decide`."""
        with self.changing():
            decided = deciding.decide(self.context, which, account, judgement)
            self._take_in(decided)
            return decided

    def _take_in(self, decided: Finding) -> None:
        """Make an incident of what was confirmed. Each nightly run takes in what a crash left out."""
        if decided.standing is FindingStanding.CONFIRMED:
            # Why suppressed: the judgement stands, whether the log can be written now or not.
            with suppress(Busy, NotWitnessed, StateUnavailable):
                entering.refresh(self.context)


def rulebook(map_path: Path | str | None = None) -> Rulebook:
    """Return the rules of a map: those of the package, and what its file makes stricter. Raises Misconfigured for a mistake."""
    spec = read_installed(map_path).review or ReviewSpec()
    return NoticingRules(spec.noticing).rulebook()


def seen(map_path: Path | str | None = None) -> tuple[MapFinding, ...]:
    """Return what is wrong with the rules that a map names; nothing without a review desk."""
    spec = read_installed(map_path).review
    if spec is None:
        return ()
    try:
        NoticingRules(spec.noticing).rulebook()
    except Misconfigured as error:
        return (MapFinding(FindingKind.UNSUPPORTED, _SECTION, _SECTION, error.message, error.help, spec.line),)
    return ()
