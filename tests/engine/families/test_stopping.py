"""A family stops a use: the gate refuses at once, the board says what stands, and what a fault left undone is done by the next try."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from expunge.core.consent.board import BoardSwitch, Consequence, Speaker
from expunge.core.consent.consent import ConsentReason
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderKind
from expunge.engine.consent import guardian_register, parental_consent
from expunge.engine.families.stopping import consent_board, stopping
from expunge.engine.kernel.journal_streams import CONSENTS, register
from expunge.errors import StateUnavailable, UsageError
from expunge.faults import arm
from expunge.gate import GateReason, Subject
from tests.engine.consents import AGREED, BORN, CHILD, asking
from tests.engine.household import ANNA, Household

MOTHER, FATHER = "40000000-0000-4000-8000-000000000000", "50000000-0000-4000-8000-000000000000"


@pytest.fixture
def family(home: Household) -> Household:
    return asking(home)


def give(home: Household, *purposes: str, proof: str = "") -> None:
    with home.open() as opened:
        for purpose in purposes:
            opened.consents.give(opened.resolve(CHILD), purpose, replace(AGREED, proof=proof))


def switch(home: Household, purpose: str, account: str = MOTHER) -> BoardSwitch:
    with home.open() as opened:
        found = consent_board.board(opened.context, opened.resolve(CHILD).person.subject, account)
    assert [each.purpose for each in found] == ["keeping", "training", "review"], "every purpose of the map, whatever it rests on"
    return next(each for each in found if each.purpose == purpose)


def stop(home: Household, purpose: str, account: str = MOTHER) -> None:
    with home.open() as opened, opened.consents.changing():
        stopping.stop(opened.context, opened.resolve(CHILD), purpose, account)


def test_what_nobody_agreed_to_is_not_allowed_and_has_nothing_to_stop(family: Household) -> None:
    found = switch(family, "training")
    assert (found.allowed, found.why, found.can_stop, found.history) == (False, ConsentReason.NEVER, False, ())
    assert "You can say no" in found.text, "what would be agreed to can be read before"
    assert switch(family, "keeping").why is ConsentReason.OTHER_GROUND
    with pytest.raises(UsageError, match="nothing to stop"):
        stop(family, "training")
    with family.open() as opened:
        assert opened.context.journal.length("consents") == 0


@pytest.mark.duty("COP-11", "COP-06")
def test_the_gate_of_a_program_refuses_within_a_second_and_other_uses_go_on(family: Household) -> None:
    give(family, "training", "review")
    with family.open() as opened:
        gate = opened.gate()
        assert gate.may_use(Subject("profile", ANNA), "training")
        began = time.monotonic()
        with opened.consents.changing():
            stopping.stop(opened.context, opened.resolve(CHILD), "training", MOTHER)
        answer = gate.may_use(Subject("profile", ANNA), "training")
        assert (answer.allowed, answer.reason) == (False, GateReason.WITHDRAWN)
        assert time.monotonic() - began < 1
        assert gate.may_use(Subject("profile", ANNA), "review"), "each switch is one use"
    assert switch(family, "review").allowed


def test_a_switch_says_what_was_agreed_to_what_follows_and_who_said_what(family: Household) -> None:
    give(family, "training", "review")
    before = switch(family, "review")
    assert (before.version, before.can_stop, before.allowed) == ("1", True, True)
    assert before.text == (family.folder / "consent" / "review.md").read_text()
    assert before.follows == (), "training still has a ground for the recordings"
    stop(family, "training")
    before = switch(family, "review")
    assert before.follows == (Consequence(DataKind.TRANSCRIPT, EraseAct.ERASE), Consequence(DataKind.RECORD, EraseAct.ERASE))
    stop(family, "review")
    mine, others = switch(family, "review"), switch(family, "review", FATHER)
    assert (mine.allowed, mine.why, mine.can_stop, mine.follows) == (False, ConsentReason.WITHDRAWN, False, before.follows)
    assert [(each.given, each.by, each.method) for each in mine.history] == [(True, Speaker.PERSON, "signed in"), (False, Speaker.YOU, "")]
    assert (mine.stopped_by_another, others.stopped_by_another, others.history[-1].by) == (False, True, Speaker.ANOTHER_ACCOUNT)
    with family.open() as opened:
        run = opened.status(OrderId(mine.order))
    assert run.received.kind is OrderKind.WITHDRAWAL
    assert set(run.received.scope.datasets if run.received.scope else ()) == {"voice", "transcripts"}


def test_the_text_stays_the_one_that_was_agreed_to_when_its_file_changes(family: Household) -> None:
    give(family, "training")
    path = family.folder / "consent" / "training.md"
    agreed = path.read_text()
    path.write_text("We sell it all.\n")
    assert switch(family, "training").text == agreed
    (family.folder / "consent" / "review.md").unlink()
    assert switch(family, "review").text == "", "a text that cannot be read is shown by nobody"


def test_a_form_that_comes_twice_withdraws_once(family: Household) -> None:
    give(family, "training")
    stop(family, "training")
    stop(family, "training")
    assert [each.given for each in switch(family, "training").history] == [True, False]


def authorise(home: Household, account: str) -> str:
    """Let an account of the pages have shown that it is guardian."""
    with home.open() as opened:
        child, own = opened.resolve(CHILD), parental_consent.guardian_of(opened.context, account)
        event = guardian_register.proven(opened.context, child, own, born=BORN, method="signed form", by="priya")
        guardian_register.keep_birthday(opened.context, event.proof, BORN)
        register(opened.context.journal, CONSENTS, event)
    return event.proof


def test_a_guardians_no_wins_over_another_guardians_yes(family: Household) -> None:
    mothers, fathers = authorise(family, MOTHER), authorise(family, FATHER)
    give(family, "training", proof=mothers)
    stop(family, "training", FATHER)
    mine, others = switch(family, "training", FATHER), switch(family, "training", MOTHER)
    assert (others.allowed, others.stopped_by_another, others.no_binds) == (False, True, True)
    assert [each.by for each in others.history] == [Speaker.GUARDIAN, Speaker.ANOTHER_ACCOUNT]
    assert mine.history[-1].by is Speaker.YOU
    with pytest.raises(UsageError, match="another guardian said no"):
        give(family, "training", proof=mothers)
    give(family, "training", proof=fathers)
    assert switch(family, "training").allowed


def test_in_a_dispute_everybody_may_stop(family: Household) -> None:
    give(family, "training", proof=authorise(family, MOTHER))
    with family.open() as opened:
        opened.consents.freeze(opened.resolve(CHILD), by="priya", reason="custody is before a court")
    assert switch(family, "training").why is ConsentReason.FROZEN
    stop(family, "training", MOTHER)
    found = switch(family, "training", FATHER)
    assert (found.why, found.stopped_by_another, found.no_binds) == (ConsentReason.WITHDRAWN, True, False)


def test_a_gate_that_cannot_be_written_is_told_and_the_next_try_stops(family: Household) -> None:
    give(family, "review")
    with family.open() as opened:
        gate, person = opened.gate(), opened.resolve(CHILD)
        with arm("gate.publish.swap:before", "error"), pytest.raises(StateUnavailable), opened.consents.changing():
            stopping.stop(opened.context, person, "review", MOTHER)
        assert stopping.stands(opened.context, person, "review"), "the decision is written down"
        assert gate.may_use(Subject("profile", ANNA), "review"), "and programs have not heard of it"
        with opened.consents.changing():
            stopping.stop(opened.context, person, "review", MOTHER)
        assert not gate.may_use(Subject("profile", ANNA), "review")
    found = switch(family, "review")
    assert [each.given for each in found.history] == [True, False]
    assert found.order, "the order that the withdrawal owed is there as well"


def test_what_learnt_from_the_data_and_stays_is_named(family: Household) -> None:
    (family.world / "media" / "models").mkdir()
    (family.world / "media" / "models" / "intent.bin").write_bytes(b"weights")
    model = "  model: {store: media, path: models/intent.bin, kind: model, derived_from: [voice], on_erase: destroy, retention: life}\n"
    family.map.write_text(family.map.read_text().replace("datasets:\n", f"datasets:\n{model}", 1))
    give(family, "training", "review")
    assert switch(family, "training").learnt == (DataKind.MODEL,)
    stop(family, "review")
    found = switch(family, "training")
    assert found.learnt == ()
    assert Consequence(DataKind.MODEL, EraseAct.DESTROY) in found.follows, "nothing else would have a ground to keep the model"
