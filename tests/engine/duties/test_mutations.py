"""Each guard of the table stands in the source, and some test fails without it."""

from __future__ import annotations

import pytest

from tests.engine.duties.mutation import Mutation
from tests.engine.duties.mutations import MUTATIONS, PAGE, name_of, noticed, noticed_by, page, sound, without_line

ASKED_FOR = {"AMZ-03", "AMZ-04", "AMZ-07", "DSG-05", "DSG-09", "FAIL-02", "FAIL-03", "NST-01", "NST-03", "RNG-26", "TIM-04"}


def test_every_guard_of_the_table_stands_in_the_source_once() -> None:
    assert [each.broken for each in MUTATIONS if not sound(each)] == []
    assert {each.duty for each in MUTATIONS} >= ASKED_FOR


def test_every_duty_that_is_met_has_a_guard_that_was_taken_out_and_the_page_says_which_test_failed() -> None:
    kept = noticed()
    assert without_line() == ()
    assert [name for each in MUTATIONS if not kept.get(name := name_of(each))] == [], "python -m tests.engine.duties.mutations"
    assert PAGE.read_text("utf-8") == page(), "python -m tests.engine.duties.mutations"


@pytest.mark.soak
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: f"{each.duty} {each.broken}")
def test_without_the_guard_a_test_fails(mutation: Mutation) -> None:
    assert noticed_by(mutation), f"{mutation.duty}: nobody notices that {mutation.broken}"
