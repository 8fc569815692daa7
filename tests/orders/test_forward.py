"""The forward rule as values: what was read, what was learnt, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from expunge.core.datamap.artefact import ArtefactKind
from expunge.core.disgorgement.forward_limb import Deletion, ForwardFinding, ForwardJudge, Product
from expunge.core.disgorgement.taint import Derivation
from expunge.core.values.ids import OrderId

DAY = datetime(2026, 1, 1, tzinfo=UTC)
FIRST, SECOND = (
    Deletion(OrderId("ord-1"), DAY, frozenset({"voice"})),
    Deletion(OrderId("ord-2"), DAY + timedelta(days=10), frozenset({"voice"})),
)
MODEL, LABELS = ArtefactKind.MODEL, ArtefactKind.LABELS


def at(days: int) -> datetime:
    return DAY + timedelta(days=days)


def judge(
    products: dict[str, tuple[ArtefactKind, int | None]], made: list[tuple[str, str, int | None]], name: str
) -> tuple[ForwardFinding, str]:
    """Products: kind and day made; made: source, product and day read; the day is counted from the first deletion, the second is day 10."""
    known = {key: Product(key, kind, None if day is None else at(day)) for key, (kind, day) in products.items()}
    known["voice"] = Product("voice", ArtefactKind.RAW, None)
    edges = [Derivation(source, product, "made from", None if day is None else at(day)) for source, product, day in made]
    found = ForwardJudge(known, edges, [SECOND, FIRST]).judge(name)
    return found.finding, found.why


@pytest.mark.duty("AMZ-08")
@pytest.mark.parametrize(
    ("made_on", "read_on", "expected"),
    [
        (-1, -2, ForwardFinding.BEFORE),
        (0, -2, ForwardFinding.BEFORE),
        (1, -2, ForwardFinding.VIOLATION),
        (1, 0, ForwardFinding.CLEAN),
        (1, None, ForwardFinding.UNKNOWN),
        (None, -2, ForwardFinding.UNKNOWN),
        (20, 5, ForwardFinding.VIOLATION),
        (20, 15, ForwardFinding.CLEAN),
    ],
)
def test_what_counts_is_when_the_source_was_read_and_when_the_product_was_made(
    made_on: int | None, read_on: int | None, expected: ForwardFinding
) -> None:
    assert judge({"m": (MODEL, made_on)}, [("voice", "m", read_on)], "m")[0] is expected


@pytest.mark.duty("AMZ-08")
def test_a_label_set_holds_the_data_and_an_older_model_only_learnt_from_it() -> None:
    held = {"labels": (LABELS, -5), "m": (MODEL, 3)}
    assert judge(held, [("voice", "labels", -6), ("labels", "m", 2)], "m")[0] is ForwardFinding.VIOLATION
    learnt = {"old": (MODEL, -5), "m": (MODEL, 3)}
    finding, why = judge(learnt, [("voice", "old", -6), ("old", "m", 2)], "m")
    assert (finding, why) == (ForwardFinding.RELIES, "it builds on old")


def test_a_model_that_learnt_what_it_should_not_accuses_those_that_build_on_it() -> None:
    products = {"bad": (MODEL, 3), "m": (MODEL, 5)}
    made: list[tuple[str, str, int | None]] = [("voice", "bad", -6), ("bad", "m", 4)]
    assert judge(products, made, "bad")[0] is judge(products, made, "m")[0] is ForwardFinding.VIOLATION


def test_a_model_between_two_deletions_may_keep_what_it_learnt_before_the_second() -> None:
    products = {"between": (MODEL, 3), "m": (MODEL, 20)}
    finding, why = judge(products, [("voice", "between", 2), ("between", "m", 15)], "m")
    assert (finding, why) == (ForwardFinding.RELIES, "it builds on between")


def test_a_clean_model_made_since_is_nothing_to_rely_on() -> None:
    products = {"new": (MODEL, 12), "m": (MODEL, 20)}
    assert judge(products, [("voice", "new", 11), ("new", "m", 15)], "m")[0] is ForwardFinding.CLEAN


def test_an_origin_that_nobody_knows_is_never_clean_and_circles_end() -> None:
    assert judge({"m": (MODEL, 5)}, [], "m")[0] is ForwardFinding.UNKNOWN
    assert judge({"m": (MODEL, 5)}, [("elsewhere", "m", 4)], "m")[0] is ForwardFinding.UNKNOWN
    circle = {"a": (LABELS, 5), "b": (LABELS, 5)}
    assert judge(circle, [("a", "b", 4), ("b", "a", 4), ("voice", "b", -1)], "a")[0] is ForwardFinding.VIOLATION
