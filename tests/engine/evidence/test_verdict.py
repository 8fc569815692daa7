"""What the verdict of a store says of a model that was made anew without a comparison."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.evidence.trace_evidence import ScanComparison, TraceLedger
from expunge.core.evidence.traces import Trace, Traces
from expunge.core.models.model_outcomes import ArtefactRemade, ComparisonResult
from expunge.core.values.outcome import Reason
from expunge.engine.evidence.verdict import Judge
from expunge.engine.subjects.locating import EVERYBODY
from expunge.ports.scanner import Coverage
from tests.core.orders.test_run import NOON, PLAN, run_after
from tests.engine.household import build

WINDOWS = 4


@pytest.mark.parametrize(
    ("still", "proof", "said"),
    [
        (2, ComparisonResult.NOT_ASKED, []),
        (3, ComparisonResult.NOT_ASKED, [Reason.CANNOT_TELL]),
        (4, ComparisonResult.EQUAL, []),
    ],
    ids=["half of it", "more than half", "all of it, and a comparison showed that it is another"],
)
def test_a_model_that_is_the_old_one_for_the_most_part_is_not_told_from_it(
    tmp_path: Path, still: int, proof: ComparisonResult, said: list[Reason]
) -> None:
    traces = tuple(Trace(EVERYBODY, "transcripts", "text", "utf-8", each, 8, 8, each.to_bytes(16, "big")) for each in range(WINDOWS))
    seen, stays = frozenset(range(WINDOWS)), frozenset(range(still))
    ledger = TraceLedger(Traces(bytes(32), traces), ScanComparison(seen, stays, stays), ["transcripts"])
    run = replace(run_after(), remade={"transcripts": ArtefactRemade(NOON, "transcripts", ("a",), ("b",), proof=proof)})
    step = next(each for each in PLAN.steps if each.id == "verify:app")
    with build(tmp_path / "home").open() as opened:
        judge = Judge(opened.context, run, step, Capabilities(Grounding.SCRUBBED), ledger, Coverage(1, 1, 0, ()))
        dataset = opened.context.data_map.datasets["transcripts"]
        assert [each.reason for each in judge._the_old_one(dataset)] == said
