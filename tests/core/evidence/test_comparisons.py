"""What a receipt may say of a model that is not what a training without the person makes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from expunge.core.evidence import receipt
from expunge.core.evidence.receipt import Verdict
from expunge.core.models.model_outcomes import ComparisonResult, keyed_contents
from expunge.core.pages import render
from tests.evidence_kit import with_differences, with_models

OTHER = replace(with_models().models[1], proof=ComparisonResult.DIFFERS)


def released(page: int, *models: receipt.ModelEntry) -> receipt.Receipt:
    whole = with_models()
    return replace(whole, models=(*models, *whole.models[2:]), tool=replace(whole.tool, page=page))


@pytest.mark.parametrize(
    ("model", "said"),
    [(OTHER, "does not say what it made"), (replace(OTHER, fresh=("ab" * 32,)), "reads as done")],
    ids=["without its digest", "with it"],
)
def test_a_model_that_differs_from_a_training_without_the_person_never_reads_as_done(model: receipt.ModelEntry, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        released(4, model)


def test_receipts_of_before_still_read_and_write_the_same_bytes() -> None:
    old = receipt.build(released(3, OTHER))
    assert b'"fresh"' not in old
    assert receipt.build(receipt.parse(old)) == old


@pytest.mark.parametrize(
    "changes",
    [
        {"proof": ComparisonResult.EQUAL},
        {"fresh": (), "again": ("ab" * 32,)},
        {"fresh": with_differences().models[1].after},
        {"fresh": ("ab",)},
        {"proof": ComparisonResult.COULD_NOT, "fresh": (), "again": (), "weights": ("ab" * 32,)},
        {"weights": with_differences().models[1].fresh},
    ],
    ids=["equal, and another was made", "a second run without a first", "the same", "no digest", "weights of nothing", "the same weights"],
)
def test_a_comparison_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"compar|run|same|malformed"):
        replace(with_differences().models[1], **changes)  # type: ignore[arg-type]


def test_the_page_names_a_cause_only_where_two_runs_differ() -> None:
    page = render(receipt.build(with_differences())).decode()
    assert with_differences().verdict is Verdict.IN_PART
    intents, _, voices = page.rpartition(">voices</th>")
    assert "another again the second time" in voices
    assert "another again the second time" not in intents
    assert "ids of the run and times" in intents, "of faces, before it"
    assert all(digest in intents for digest in with_differences().models[1].fresh)


def test_old_contents_are_keyed_by_installation_and_order() -> None:
    digests = ("ab" * 32, "cd" * 32)
    made = keyed_contents(bytes(32), "ord-1", digests)
    assert made == (
        "603f8fd1e85fbb7da222954fa8843a8614e033431c8e2c7f6d43b435b1f907cf",
        "ac4a83fd835f28a8abce7f2405f519334c8ea99553b306d67d8308bdeb3b0bad",
    )
    assert made == keyed_contents(bytes(32), "ord-1", reversed(digests))
    assert not {*made} & {*digests, *keyed_contents(bytes(32), "ord-2", digests), *keyed_contents(b"k" * 32, "ord-1", digests)}
    assert "the operator alone can tell" in render(receipt.build(with_differences())).decode()
    assert "the operator alone can tell" not in render(receipt.build(with_models())).decode()
