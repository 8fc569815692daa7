"""Values of the clerk's ports come over the wire as they were: each reason, day and count, and the digest that a confirmation names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from expunge.adapters.clerk import values
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.families.deletion import (
    DeletionPreview,
    DeletionStatus,
    Going,
    Place,
    PlaceState,
    Remade,
    Stage,
    Staying,
    StayReason,
    Unread,
)
from expunge.core.values import canonical
from expunge.core.values.ids import OrderId
from expunge.core.values.outcome import Reason
from expunge.errors import Misconfigured
from expunge.ports.families.deletion_door import DeletionAnswer

AT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
PREVIEW = DeletionPreview(
    going=tuple(Going(kind, number) for number, kind in enumerate(DataKind, 1)),
    staying=(
        *(Staying(DataKind.VOICE, 3, reason, "tax law: «ten years»", AT) for reason in StayReason),
        Staying(DataKind.BACKUP, 1, StayReason.BACKUP),
    ),
    remade=tuple(Remade(DataKind.MODEL, act) for act in EraseAct),
    unread=tuple(Unread(DataKind.NOTE, reason) for reason in Reason),
    others=2,
    cooling_seconds=3600,
    basis="b" * 64,
)
PLACES = (
    *(Place(DataKind.VOICE, PlaceState.KEPT, 4, AT, reason, "a hold") for reason in StayReason),
    *(Place(DataKind.TRANSCRIPT, PlaceState.NOT_YET, 0, None, reason) for reason in Reason),
    *(Place(DataKind.MODEL, state, 1) for state in PlaceState),
)
STATUSES = tuple(
    DeletionStatus(OrderId("ord-1"), stage, True, AT, AT, AT + timedelta(days=45), None, False, PLACES, 7, True) for stage in Stage
)
ALL = {
    "preview": (DeletionPreview, PREVIEW),
    "statuses": (tuple[DeletionStatus, ...], STATUSES),
    "an order": (DeletionAnswer, DeletionAnswer(OrderId("ord-1"))),
    "another preview": (DeletionAnswer, DeletionAnswer(None, PREVIEW)),
}


@pytest.mark.parametrize("name", ALL)
def test_a_value_comes_over_the_wire_as_it_was(name: str) -> None:
    kind, value = ALL[name]
    assert values.read(kind, canonical.decode(canonical.encode(values.written(kind, value)))) == value


def test_a_preview_has_the_same_digest_on_both_sides() -> None:
    came = values.read(DeletionPreview, canonical.decode(canonical.encode(values.written(DeletionPreview, PREVIEW))))
    assert came.digest == PREVIEW.digest


@pytest.mark.parametrize("change", [{"others": "many"}, {"going": [["no kind", 1]]}, {"unread": None}], ids=range(3))
def test_an_answer_that_does_not_fit_is_refused_without_its_content(change: dict[str, canonical.Json]) -> None:
    told = values.written(DeletionPreview, PREVIEW)
    assert isinstance(told, dict)
    with pytest.raises(Misconfigured, match="does not fit") as refused:
        values.read(DeletionPreview, {**told, **change})
    assert "tax law" not in str(refused.value)
