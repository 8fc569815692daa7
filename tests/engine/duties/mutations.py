"""Which test fails without the guard, or the notice, that meets a duty: ``python -m tests.engine.duties.mutations [DUTY...]`` prints it.

Each mutation takes one guard out of a copy of the source and runs the tests that show the duty. The table is complete when every duty that
``duties.yaml`` calls met has a line; those that lack one are printed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from expunge.engine.reports.estate_duties import duties
from tests.docs.obligations import MET, ROOT, marks, status
from tests.engine.duties.access_mutations import ACCESS
from tests.engine.duties.incident_mutations import INCIDENTS
from tests.engine.duties.mutation import Mutation
from tests.engine.duties.mutations_by_kind import CONSENT, DESTRUCTION, REST, SCOPE, STAFF

NOTICED = Path(__file__).with_name("noticed.json")
"""Which test failed first when each mutation was run last."""
PAGE = ROOT / "docs" / "reference" / "mutations.md"
PAGE_HEAD = """\
# What each duty rests on

{count} guards and notices that meet {duties} duties, each taken out of a copy of the source in turn, and the first test that failed
then. Made by `python -m tests.engine.duties.mutations`; `make soak` runs every one again.

| duty | taken out | of | test that failed |
| --- | --- | --- | --- |
"""
_RANK = {each.id: at for at, each in enumerate(duties())}
SECONDS = 300
"""How long the tests of one mutation may run."""
_BITE = "tests/engine/duties/test_duties_bite.py"
_CLAIMS = "tests/engine/retention/test_claims.py"
_LEDGER = "tests/engine/reports/test_duty_ledger.py"
_PACK = "tests/engine/reports/test_evidence_pack.py"
_YEARLY = "tests/engine/reports/test_yearly_reports.py"
_PERIODS = "tests/engine/reports/test_record_periods.py"
_ITEMS = "tests/engine/families/test_item_orders.py"
_DELETING = "tests/engine/families/test_deleting.py"
_RECIPIENTS = "tests/engine/recipients/test_recipients.py"


def _bite(name: str) -> tuple[str, ...]:
    return (f"{_BITE}::{name}",)


MUTATIONS = (
    Mutation(
        "AMZ-03", "a public sentence counts as true whatever the check found", "engine/retention/published_policy.py",
        "return CheckedClaim(claim, true=true, evidence=evidence)", "return CheckedClaim(claim, true=True, evidence=evidence)", (_CLAIMS,),
    ),
    Mutation(
        "AMZ-03", "that a sentence became false is not entered", "engine/retention/published_policy.py",
        "events.append(ClaimNowFalse(now, each.claim.id, each.evidence))", "pass", (_CLAIMS,),
    ),
    Mutation(
        "AMZ-03", "a policy with a false sentence is published", "bootstrap/retention.py",
        "if all(each.true for each in found):", "if True:", (_CLAIMS,),
    ),
    Mutation(
        "AMZ-04", "nothing is located in tables and files", "engine/subjects/locating.py",
        "copies = store_calls.locate(store, dataset, tuple(selectors.values()))", "copies = ()",
        _bite("test_voice_and_whereabouts_go_and_the_receipt_says_of_every_store_what_a_second_look_found"),
    ),
    Mutation(
        "AMZ-04", "no second look after the deletion", "engine/evidence/verification.py",
        "probed = {dataset.name: _probed(context, run, dataset, located) for dataset in datasets}",
        "probed = {dataset.name: {} for dataset in datasets}",
        _bite("test_voice_and_whereabouts_go_and_the_receipt_says_of_every_store_what_a_second_look_found"),
    ),
    Mutation(
        "AMZ-07", "anybody may ask as a parent", "engine/gate/consent_register.py",
        "_require_authority(context, consents, people, cause.proof)", "pass",
        _bite("test_everything_of_a_child_goes_when_a_parent_asks_and_nothing_when_a_stranger_does"),
    ),
    Mutation(
        "AMZ-07", "the profiles of an account stay", "engine/subjects/resolving.py",
        "if member.member_of != owner.kind:", "if True:", ("tests/engine/execution/test_stories.py",),
    ),
    Mutation(
        "DSG-05", "more is shared before a recipient has confirmed", "core/journal/recipient_ledger.py",
        "return frozenset(each.recipient for each in self.open())", "return frozenset()", (_RECIPIENTS,),
    ),
    Mutation(
        "DSG-05", "no instruction is made", "engine/recipients/instructions.py",
        "_make(context, run, recipient, tuple(sorted(datasets)), people)", "pass", (_RECIPIENTS,),
    ),
    Mutation(
        "DSG-05", "the letter says more than the order covers", "engine/recipients/instructions.py",
        '"erase": _ALL if scope is None else _SELECTED', '"erase": _ALL', ("tests/orders/test_reach.py",),
    ),
    Mutation(
        "DSG-05", "the clocks of recipients are not counted", "engine/reports/all_deadlines.py",
        "found += _of_recipients(context, entered, now)", "pass", ("tests/orders/test_reach.py",),
    ),
    *(
        Mutation(
            "DSG-09", f"de-identified without `{each}`", "maps/sections/datasets.py",
            "if not _SENTENCE.fullmatch(text):", f'if key != "{each}" and not _SENTENCE.fullmatch(text):',
            _bite("test_data_counts_as_de_identified_with_all_four_conditions_and_not_with_three"),
        )
        for each in ("safeguards", "prohibition", "release", "no_attempt")
    ),
    Mutation(
        "FAIL-02", "a new store is not searched for people erased before", "engine/aftercare/sweeping.py",
        "for value, name in fence.among(kind, values):", "for value, name in ():",
        _bite("test_a_store_that_is_declared_later_is_searched_for_everybody_who_was_erased_before"),
    ),
    Mutation(
        "FAIL-02", "undeclared tables are not found", "stores/sqlite/check.py",
        "yield self._finding(FindingKind.UNDECLARED, name, what, mend)", "pass",
        _bite("test_a_store_that_is_declared_later_is_searched_for_everybody_who_was_erased_before"),
    ),
    Mutation(
        "FAIL-03", "the order is not reopened", "engine/aftercare/sweeping.py",
        "recorder.append(ev.Reopened(recorder.now(), order))", "pass",
        _bite("test_whoever_was_told_that_it_was_gone_is_told_that_it_was_not_each_time"),
    ),
    Mutation(
        "FAIL-03", "nobody is told that it came back", "engine/aftercare/sweeping.py",
        'context.outbox.put(each.order, "came-back", _CAME_BACK, {"order": order})', "pass",
        _bite("test_whoever_was_told_that_it_was_gone_is_told_that_it_was_not_each_time"),
    ),
    Mutation(
        "NST-01", "every store claims the same depth", "engine/evidence/verdict.py",
        "return self._make(dataset, Result.ERASED, outcome.items, self.capabilities.grounding,",
        "return self._make(dataset, Result.ERASED, outcome.items, Grounding.SCRUBBED,",
        _bite("test_the_receipt_says_for_each_store_how_deep_it_went_and_how_that_was_checked"),
    ),
    Mutation(
        "NST-03", "deleted rows are called purged", "core/datamap/grounding.py",
        "return self.name.lower()", 'return self.name.lower().replace("scrubbed", "purged")',
        _bite("test_no_receipt_calls_rows_that_were_deleted_media_that_were_cleared_purged_or_destroyed"),
    ),
    Mutation(
        "RNG-26", "a receipt need not be in the log", "core/verification/receipt_verify.py",
        "named.refuse_or(lambda: merkle.verify_inclusion(leaf_hash, proof.index, head.size, proof.path, head.root))", "pass",
        _bite("test_a_receipt_that_is_not_in_the_log_is_refused_whatever_its_signature_says"),
    ),
    Mutation(
        "RNG-26", "a receipt may say fulfilled over a list that does not", "core/evidence/receipt.py",
        "_require(self.verdict is verdict_of(self.datasets, self.kept),", "_require(True,", ("tests/core/evidence/test_receipt.py",),
    ),
    Mutation(
        "TIM-04", "the person is not told that it is done", "engine/execution/order_conclusion.py",
        'notices.append((run.order, "done", _DONE, {"receipts": str(len(run.current.logged))}))', "pass",
        _bite("test_the_person_is_told_the_outcome_and_what_could_not_be_done"),
    ),
    Mutation(
        "TIM-04", "the person is not told what could not be done", "engine/execution/order_conclusion.py",
        'notices.append((run.order, "could-not", _COULD_NOT, {"reasons": "; ".join(run.reasons)}))', "pass",
        _bite("test_the_person_is_told_the_outcome_and_what_could_not_be_done"),
    ),
    Mutation(
        "TIM-04", "the receipt does not name the recipients that were told", "engine/execution/order_conclusion.py",
        "*instructions.told_in_receipt(recipients, recorder.run.order))", ")",
        (_RECIPIENTS,),
    ),
    Mutation(
        "TIM-04", "a recipient is told to erase what was not chosen too", "engine/recipients/instruction_reach.py",
        "if selector.only:", "if False:", (f"{_ITEMS}::test_a_recipient_is_told_of_the_named_items_and_of_nothing_else",),
    ),
    Mutation(
        "TIM-04", "data that no field leads to stays in silence", "engine/subjects/locating.py",
        "unlinked = isinstance(scope, ItemScope) and name in scope.unlinked", "unlinked = False",
        (f"{_ITEMS}::test_what_no_field_leads_to_stays_and_the_receipt_says_why",),
    ),
    Mutation(
        "AMZ-05", "other items of the child go with the chosen one", "engine/intake/item_orders.py",
        "return replace(selector, only={name: wanted})", "return selector",
        (f"{_ITEMS}::test_a_recording_goes_with_its_transcript_and_nothing_else_does",),
    ),
    Mutation(
        "AMZ-05", "an order that lost its items takes all of the child", "engine/subjects/locating.py",
        "and not all(each.subject in named and named[each.subject].narrowed for each in people)", "and False",
        (f"{_ITEMS}::test_without_its_selectors_the_order_takes_nothing",),
    ),
    Mutation(
        "COP-11", "a parent erases something else than was shown", "bootstrap/clerk/desks/local_deletions.py",
        "if prepared.preview.digest != digest:", "if False:",
        (f"{_DELETING}::test_a_plan_that_changed_since_is_shown_again_and_nothing_is_done",),
    ),
    Mutation(
        "COP-11", "an order goes on though its parent is one no more", "bootstrap/clerk/rounds/order_carrier.py",
        "and not _still_asked_for(household, run):", "and False:",
        (f"{_DELETING}::test_a_role_that_ends_before_anything_was_erased_ends_the_order",),
    ),
    Mutation(
        "AMZ-01", "the last use is not noted before retention takes it", "engine/retention/expiry.py",
        "last_uses.note_expiring(context, {each.rule.dataset: each.until for each in free})", "pass",
        ("tests/engine/retention/test_last_use_remembered.py",),
    ),
    Mutation(
        "AMZ-02", "a profile that is used again before the order begins is erased", "engine/execution/running.py",
        "if inactive_profiles.spare(context, present) or given_again.narrow(context, present):",
        "if given_again.narrow(context, present):", ("tests/engine/retention/test_last_use_remembered.py",),
    ),
    Mutation(
        "COP-05", "data that nobody agreed to is not looked for", "engine/aftercare/sweeping.py",
        "groundless = data_without_ground.look(context, failed)", "pass", ("tests/engine/consent/test_given_again.py",),
    ),
    Mutation(
        "COP-15", "open guesses do not count", "engine/reports/estate_duties.py",
        "if open_ones:", "if False:", ("tests/docs/test_obligations.py",),
    ),
    Mutation(
        "AMZ-15", "a training is never due", "engine/reports/duty_ledger.py",
        'yield from deadlines.owed(context, f"role {role.id} ({role.role})", "training", events)', "pass",
        (f"{_LEDGER}::test_training_is_due_a_year_after_the_role_began_and_a_year_after_the_last_one",),
    ),
    Mutation(
        "RNG-15", "an earlier training counts as the last", "engine/reports/duty_ledger.py",
        'return {"done": max(map(_at, done))} if done else {}', 'return {"done": min(map(_at, done))} if done else {}',
        (f"{_LEDGER}::test_training_is_due_a_year_after_the_role_began_and_a_year_after_the_last_one",),
    ),
    Mutation(
        "AMZ-18", "the certification does not say what is overdue", "engine/reports/yearly_reports.py",
        "late = [each for each in all_deadlines.everything(context) if each.standing is ClockState.OVERDUE]", "late = []",
        (f"{_YEARLY}::test_a_certification_lists_what_is_open_so_that_nobody_certifies_over_it",),
    ),
    Mutation(
        "RNG-28", "the certification does not say which duties are not met", "engine/reports/yearly_reports.py",
        "unmet = [each for each in estate_duties.look(context) if each.unmet]", "unmet = []",
        (f"{_YEARLY}::test_a_certification_lists_what_is_open_so_that_nobody_certifies_over_it",),
    ),
    Mutation(
        "AMZ-19", "an order that was not handed over is not owed", "engine/reports/duty_ledger.py",
        "if not done(LedgerKind.HAND_OVER, order, role):", "if False:",
        (f"{_LEDGER}::test_an_order_is_handed_to_each_role_and_acknowledged_in_time",),
    ),
    Mutation(
        "AMZ-19", "a record of the ledger is not entered in the log", "engine/reports/duty_ledger.py",
        "(index,) = context.log.append([each.leaf])", "index = 0",
        (f"{_LEDGER}::test_records_are_in_the_log_and_in_the_pack_and_one_that_is_left_out_is_named",),
    ),
    Mutation(
        "AMZ-20", "of a year without records numbers are given", "engine/reports/yearly_reports.py",
        "recorded = since is not None and since < end", "recorded = True",
        (f"{_YEARLY}::test_what_cannot_be_shown_is_said_and_is_never_zero",),
    ),
    Mutation(
        "AMZ-20", "what nobody entered reads as none", "engine/reports/yearly_reports.py",
        '() if rows else (*without, "none was entered here, which does not show that there was none")', "()",
        (f"{_YEARLY}::test_what_cannot_be_shown_is_said_and_is_never_zero",),
    ),
    Mutation(
        "RNG-31", "acknowledgements, reports and notices are not owed", "engine/reports/duty_ledger.py",
        "yield from deadlines.owed(context, f\"{kind.value} {each.id} ({each.role or each.person})\", word, {event: _at(each)})", "pass",
        (f"{_LEDGER}::test_an_order_is_handed_to_each_role_and_acknowledged_in_time",),
    ),
    Mutation(
        "AMZ-21", "actions are not listed", "engine/reports/record_lists.py",
        'put(RecordKind.ACTIONS, event.at, {"what": _words(event), **said})', "pass",
        (f"{_PACK}::test_requests_answers_and_actions_are_listed_after_the_order_s_key_is_gone_and_name_nobody",),
    ),
    Mutation(
        "AMZ-21", "what is past its period is not told", "engine/reports/record_periods.py",
        "ends = [end for each in times if (end := end_of(each, period)) <= now]", "ends: list[datetime] = []",
        (f"{_PERIODS}::test_what_is_past_its_period_is_told_and_stays",),
    ),
    Mutation(
        "RNG-32", "the map's periods of records do not count", "engine/reports/record_periods.py",
        "period = context.data_map.records.get(kind, KEPT)", "period = KEPT",
        (f"{_PERIODS}::test_what_is_past_its_period_is_told_and_stays",),
    ),
    Mutation(
        "AMZ-22", "an entry of the log without its receipt is not missed", "core/verification/evidence_verify.py",
        "elif known[index].folder not in named or not known[index].folder", "elif not known[index].folder",
        (f"{_PACK}::test_a_receipt_that_is_left_out_is_named_though_the_company_signs_the_rest_anew",),
    ),
    Mutation(
        "AMZ-22", "the edges of a time are not looked at", "core/verification/evidence_verify.py",
        "elif after.at < manifest.end:", "elif False:",
        (f"{_PACK}::test_a_pack_of_a_time_has_its_own_receipts_and_shows_that_the_next_ones_lie_outside",),
    ),
    Mutation(
        "RNG-33", "a pack may end before the log does", "core/verification/evidence_verify.py",
        "if manifest.end is None and log.past != log.size:", "if False:",
        (f"{_PACK}::test_a_receipt_that_is_left_out_is_named_though_the_company_signs_the_rest_anew",),
    ),
    Mutation(
        "RNG-33", "a request of an authority is never overdue", "engine/reports/estate_duties.py",
        'each in duty_ledger.owed(context) if "request for records" in', 'each in () if "request for records" in',
        (f"{_LEDGER}::test_obligations_say_what_the_ledger_lacks_and_what_is_overdue",),
    ),
    Mutation(
        "DSG-03", "a limb is done although dates cannot be read", "engine/reports/all_deadlines.py",
        "not looks[-1].failed and not _undecided(entered, looks[-1])", "not looks[-1].failed", ("tests/orders/test_reach.py",),
    ),
    Mutation(
        "DSG-04", "what a hold keeps is in no receipt", "engine/subjects/locating.py",
        "located.kept.setdefault(dataset.name, {})[copy.subject] = (Kept(hold.ground, hold.until, items),)", "pass",
        ("tests/engine/retention/test_held_items.py",),
    ),
    *SCOPE, *CONSENT, *DESTRUCTION, *REST, *STAFF, *ACCESS, *INCIDENTS,
)  # fmt: skip


def sound(mutation: Mutation) -> bool:
    """Return whether the guard stands in the source, once."""
    return (ROOT / "src" / "expunge" / mutation.file).read_text("utf-8").count(mutation.old) == 1


def noticed_by(mutation: Mutation) -> tuple[str, ...]:
    """Return the first test that fails without the guard, and none where all pass."""
    with TemporaryDirectory(prefix="expunge-mutation-") as scratch:
        source = Path(scratch) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        path = source / "expunge" / mutation.file
        path.write_text(path.read_text("utf-8").replace(mutation.old, mutation.new), "utf-8")
        # Why no bytecode: two mutations of one file within a second would look alike.
        around = {**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        told = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={scratch}/bt", *mutation.tests)
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", *told], cwd=ROOT, env=around, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", ran.stdout, re.MULTILINE)
    if not failed and ran.returncode not in (0, 1):
        message = f"the tests could not run without {mutation.broken}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}"
        raise RuntimeError(message)
    return tuple(failed)


def without_line() -> tuple[str, ...]:
    """Return the duties that are met and that no mutation is about."""
    tests = marks()
    told = {each.duty for each in MUTATIONS}
    return tuple(each.id for each in duties() if status(each, tests.get(each.id, [])) == MET and each.id not in told)


def noticed() -> dict[str, str]:
    """Return what the last run of each mutation found, as it is kept beside this module: the mutation -> the first test that failed."""
    read: dict[str, str] = json.loads(NOTICED.read_text("utf-8"))
    return read


def name_of(mutation: Mutation) -> str:
    """Return the words under which a mutation is kept."""
    return f"{mutation.duty}: {mutation.broken}"


def page() -> str:
    """Return the page of mutations, from the kept results."""
    kept = noticed()
    rows = []
    for each in sorted(MUTATIONS, key=lambda one: (_RANK[one.duty], one.broken)):
        failed = kept.get(name_of(each), "not run yet").removeprefix("test_").replace("_", " ")
        rows.append(f"| {each.duty} | {each.broken} | `{each.file}` | {failed} |\n")
    return PAGE_HEAD.format(count=len(MUTATIONS), duties=len({each.duty for each in MUTATIONS})) + "".join(rows)


def main(wanted: Sequence[str]) -> int:
    """Print a line for each mutation: duty, what was taken out, and which tests fail; keep that, and write the page."""
    wrong, kept = 0, noticed()
    for each in (one for one in MUTATIONS if not wanted or one.duty in wanted):
        failed = noticed_by(each)
        wrong += not failed
        first = failed[0].partition("[")[0].rpartition("::")[2] if failed else ""
        print(f"{each.duty:8} {each.broken}: {first or 'NOBODY NOTICES'}", flush=True)
        kept[name_of(each)] = first
    known = {name_of(each) for each in MUTATIONS}
    NOTICED.write_text(json.dumps({name: tests for name, tests in sorted(kept.items()) if name in known}, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(), "utf-8")
    print(f"met, and in no line yet: {', '.join(without_line()) or 'none'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
