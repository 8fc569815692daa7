"""Where the rule says *promptly* and gives no number, a clock with a number counts, and `expunge obligations` says what is late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from expunge import Expunge
from expunge.adapters.asking.documents import SignedForm
from expunge.core.datamap.clocks import ClockState
from expunge.ports.consent_method import HandedEvidence
from tests.engine.consent.test_asking import SCAN, Parent, forward, number_of, parent
from tests.engine.consents import CHILD, prove
from tests.engine.household import BELA

__all__ = ["parent"]
DIRECTED, CONTACT, DOCUMENT = "coppa-parent-directed", "coppa-contact-without-consent", "coppa-identity-document"


DOCUMENTS = replace(SignedForm(), name="identity document")
"""A way of asking whose evidence is a document with a picture, looked at by staff."""


def standing(opened: Expunge) -> dict[str, ClockState]:
    return {each.clock: each.standing for each in opened.dues.all() if each.clock.startswith("coppa-")}


def today(opened: Expunge) -> str:
    return next(f"{each.today.value}: {each.why}" for each in opened.dues.obligations() if each.duty.id == "TIM-09")


@pytest.mark.duty("TIM-09")
def test_what_a_parent_directs_is_gone_within_thirty_days_or_late(parent: Parent) -> None:
    with parent.home.open() as opened:
        opened.order_erase([opened.resolve(f"profile:{BELA}")])
        assert DIRECTED not in standing(opened), "no guardian asked"
        accepted = opened.order_erase([opened.resolve(CHILD)], guardian=prove(opened))
        assert standing(opened)[DIRECTED] is ClockState.RUNNING
        assert today(opened).startswith("met: ")
        forward(opened, timedelta(days=31))
        assert standing(opened)[DIRECTED] is ClockState.OVERDUE
        assert today(opened) == f"no: overdue: order {accepted.order} ({DIRECTED})"
        opened.plan(accepted.order)
        opened.apply(accepted.order)
        assert DIRECTED not in standing(opened)
        assert today(opened).startswith("met: ")


@pytest.mark.duty("TIM-09")
def test_contact_data_of_who_never_answers_is_late_until_a_sweep_forgets_it(parent: Parent) -> None:
    with parent.home.open() as opened:
        parent.ask(opened)
        assert standing(opened)[CONTACT] is ClockState.RUNNING
        forward(opened, timedelta(days=15))
        assert standing(opened)[CONTACT] is ClockState.OVERDUE
        parent.sweep(opened)
        assert CONTACT not in standing(opened)


@pytest.mark.duty("TIM-09")
@pytest.mark.parametrize(("method", "counted"), [(DOCUMENTS, True), (SignedForm(), False)], ids=["document", "form"])
def test_a_document_that_a_parent_showed_is_late_after_a_day_and_a_signed_form_is_not(
    parent: Parent, method: SignedForm, *, counted: bool
) -> None:
    with parent.home.open() as opened:
        request, begun = opened.consents.ask_guardian(method, parent.question(opened))
        opened.consents.answer(method, request, HandedEvidence(number_of(begun), SCAN, "priya"))
        forward(opened, timedelta(days=2))
        assert standing(opened).get(DOCUMENT) is (ClockState.OVERDUE if counted else None)


@pytest.mark.duty("TIM-09")
def test_a_map_whose_laws_leave_out_the_clocks_counts_nothing(parent: Parent) -> None:
    text = parent.home.map.read_text()
    parent.home.map.write_text(text + "laws: [gdpr-answer]\n")
    with parent.home.open() as opened:
        assert today(opened).startswith(f"no: the map's `laws` leave out {CONTACT}")
