"""Consent in a whole installation: what is given is evidence, what is withdrawn ends at once and takes with it what nothing else needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import pytest

from expunge import faults
from expunge.core.consent import consent_receipt
from expunge.core.consent.consent import ConsentReason, Consents, fold
from expunge.core.consent.consent_events import NO_ACT, ConsentAct, EndReason
from expunge.core.evidence.commitment import parse_opening
from expunge.core.journal import events as ev
from expunge.core.values.cause import ByGuardian
from expunge.core.values.order import OrderKind, OrderState
from expunge.engine.consent.disclosure_texts import TextState
from expunge.engine.gate import consent_register
from expunge.errors import EvidenceInvalid, IllegalTransition, Misconfigured, NeedsApproval, UsageError
from expunge.gate import GateReason, Subject
from expunge.testing.forked import in_child
from tests.engine.consents import AGREED, CHILD, OTHER_PARENT, PARENT, PURPOSES, asking, assured, day, disclosing, later, prove
from tests.engine.household import ANNA, BELA, PEOPLE, SAID, Household


@pytest.fixture
def family(home: Household) -> Household:
    return asking(home)


def why(home: Household, purpose: str = "training", name: str = CHILD) -> ConsentReason:
    with home.open() as opened:
        return opened.consents.ask(opened.resolve(name), purpose).why


def give(home: Household, purpose: str = "training", name: str = CHILD, proof: str = "") -> None:
    with home.open() as opened:
        opened.consents.give(opened.resolve(name), purpose, replace(AGREED, proof=proof))


@pytest.mark.duty("RNG-12", "FAIL-09")
def test_a_consent_is_evidence_that_anybody_can_check_and_nobody_can_read_a_name_from(family: Household) -> None:
    with family.open() as opened:
        agreed = opened.consents.give(opened.resolve(CHILD), "training", AGREED)
        publics = [opened.context.keys.signer_public()]
    receipt = consent_receipt.verify(agreed.receipt, publics)
    assert receipt.sha256 == sha256((family.folder / "consent" / "training.md").read_bytes()).hexdigest()
    assert (receipt.purpose, receipt.act, receipt.surface, receipt.guardian) == ("training", ConsentAct.PRESSED, AGREED.surface, False)
    parse_opening(agreed.opening).verify(receipt.commitment)
    assert ANNA.encode() not in agreed.receipt
    with pytest.raises(EvidenceInvalid):
        consent_receipt.verify(agreed.receipt.replace(b'"sig":"', b'"sig":"A'), publics)
    with pytest.raises(EvidenceInvalid, match="not signed by a known key"):
        consent_receipt.verify(agreed.receipt, [bytes(32)])


@pytest.mark.duty("RNG-12", "FAIL-09")
@pytest.mark.parametrize("act", [*sorted(NO_ACT), "nodded", ""])
def test_what_is_no_affirmative_act_is_refused_and_nothing_is_written(family: Household, act: str) -> None:
    with family.open() as opened:
        with pytest.raises(UsageError):
            opened.consents.give(opened.resolve(CHILD), "training", replace(AGREED, act=act))
        assert opened.context.journal.length("consents") == 0


def test_consent_by_terms_of_use_is_refused(family: Household) -> None:
    with family.open() as opened, pytest.raises(UsageError, match="stands apart from terms"):
        opened.consents.give(opened.resolve(CHILD), "training", replace(AGREED, surface="terms of service 3.1"))


def test_nobody_can_agree_under_a_name_that_nobody_bears(family: Household) -> None:
    with family.open() as opened, pytest.raises(UsageError, match="nobody of that name"):
        opened.consents.give(opened.resolve("profile:prf-nobody"), "training", AGREED)


def test_a_text_that_was_not_what_people_saw_is_agreed_to_by_nobody(family: Household) -> None:
    with family.open() as opened:
        with pytest.raises(UsageError, match="what was shown is not version 1"):
            opened.consents.give(opened.resolve(CHILD), "training", replace(AGREED, shown="0" * 64))
        shown = sha256((family.folder / "consent" / "training.md").read_bytes()).hexdigest()
        opened.consents.give(opened.resolve(CHILD), "training", replace(AGREED, shown=shown.upper()))


def test_a_text_altered_after_the_fact_is_named_refused_and_not_lost(family: Household) -> None:
    give(family)
    path = family.folder / "consent" / "training.md"
    before = path.read_bytes()
    path.write_bytes(before + b"\nAlso, we sell it.\n")
    with family.open() as opened:
        with pytest.raises(Misconfigured, match="altered after people had agreed to it: version 1 of the text training") as caught:
            opened.consents.give(opened.resolve(f"profile:{BELA}"), "training", AGREED)
        assert str(path) in caught.value.message
        assert "expunge consent text training --version 1" in caught.value.help
        assert {each.name: each.state for each in opened.consents.texts()} == {"training": TextState.ALTERED, "review": TextState.NEW}
        assert opened.consents.text("training", "1") == before, "what was shown is still there"
    assert why(family) is ConsentReason.AGREED, "whoever agreed, agreed to what they saw"


@pytest.mark.parametrize(
    ("content", "what"), [(None, "cannot be read"), (b"", "empty"), (b"\xff\xfe", "UTF-8"), (b"x" * (1 << 19), "longer")]
)
def test_a_text_that_nobody_could_read_is_refused(family: Household, content: bytes | None, what: str) -> None:
    path = family.folder / "consent" / "training.md"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with family.open() as opened:
        with pytest.raises(Misconfigured, match=what):
            opened.consents.give(opened.resolve(CHILD), "training", AGREED)
        assert opened.consents.texts()[0].state is TextState.MISSING


@pytest.mark.duty("COP-05")
def test_a_material_change_of_text_or_purpose_waits_for_a_new_consent(family: Household) -> None:
    give(family)
    second = "    - {version: 1, file: consent/training.md}\n    - {version: 2, file: consent/review.md}\n"
    family.write_map(more=PURPOSES.replace("    - {version: 1, file: consent/training.md}\n", second))
    assert why(family) is ConsentReason.TEXT
    give(family)
    assert why(family) is ConsentReason.AGREED
    family.write_map(more=PURPOSES.replace("datasets: [voice, profiles]", "datasets: [voice, profiles, transcripts]"))
    assert why(family) is ConsentReason.TEXT, "an older version of the text is the newest again: what they agreed to is gone from the map"
    give(family)
    assert why(family) is ConsentReason.AGREED


@pytest.mark.duty("COP-11", "DSG-11")
def test_a_withdrawal_ends_use_at_once_and_erases_what_nothing_else_needs(family: Household) -> None:
    give(family)
    give(family, "review")
    give(family, "training", f"profile:{BELA}")
    before = family.logical()
    with family.open() as opened:
        first = opened.consents.withdraw(opened.resolve(CHILD), "training")
    assert (first.datasets, first.order) == ((), None), "review still needs the recordings, the contract the profile"
    assert why(family) is ConsentReason.WITHDRAWN
    assert family.logical() == before
    with family.open() as opened:
        second = opened.consents.withdraw(opened.resolve(CHILD), "review")
        assert second.order is not None
        run = opened.status(second.order)
    assert second.datasets == ("transcripts", "voice"), "the recordings, and what is found through them"
    assert (run.received.kind, run.received.scope is not None) == (OrderKind.WITHDRAWAL, True)
    family.plan(second.order)
    assert family.apply(second.order).state is OrderState.FULFILLED
    with family.open() as opened:
        page = opened.receipt_folder(second.order)["receipt.html"].decode()
    assert "Everything else about this person stays." in page, "the profile, and what the contract needs"
    assert not family.search(*SAID[ANNA], where=("world/media",))
    after = family.logical()
    assert any(ANNA in name and name.startswith("profiles") for name in after), "the profile stays: the contract needs it"
    gone = {name for name in before if name not in after}
    assert gone
    assert not any(BELA in name for name in gone)


def test_withdrawing_takes_one_word_and_no_proof_from_the_person_themself(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
    give(family, proof=proof)
    with family.open() as opened:
        opened.consents.withdraw(opened.resolve(CHILD), "training")
    assert why(family) is ConsentReason.WITHDRAWN


@pytest.mark.parametrize("purpose", ["keeping", "nothing"])
def test_what_does_not_rest_on_consent_cannot_be_withdrawn(family: Household, purpose: str) -> None:
    with family.open() as opened, pytest.raises(UsageError, match="no purpose that rests on consent") as caught:
        opened.consents.withdraw(opened.resolve(CHILD), purpose)
    assert caught.value.help == "those that do: review, training"


def killed(act: Callable[[], object], point: str, at: int = 1) -> None:
    def doomed() -> None:
        with faults.arm(point, "kill", at):
            act()

    ended = in_child(doomed)
    assert ended.killed_by == 9, ended.error or "the failpoint was not passed"


@pytest.mark.parametrize(
    ("point", "at"),
    [
        ("journal.register:after", 1),
        ("journal.begin:before", 1),
        ("journal.begin:after", 1),
        ("journal.register:before", 2),
        ("journal.register:after", 2),
    ],
)
def test_a_withdrawal_that_was_interrupted_has_its_one_order_after_the_next_start(family: Household, point: str, at: int) -> None:
    give(family)

    def withdraw() -> None:
        with family.open() as opened:
            opened.consents.withdraw(opened.resolve(CHILD), "training")

    killed(withdraw, point, at)
    assert why(family) is ConsentReason.WITHDRAWN
    with family.open() as opened:
        opened.recover()
        opened.recover()
        (run,) = opened.orders()
        assert run.received.kind is OrderKind.WITHDRAWAL
        (withdrawal,) = opened.consents.register().withdrawals
        assert not list(opened.context.shelf.names(withdrawal)), "what was sealed for it is gone"


def test_nothing_of_a_consent_names_anybody_in_the_state(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
    give(family, proof=proof)
    with family.open() as opened:
        opened.consents.freeze(opened.resolve(CHILD), by="priya", reason="two court papers")
        opened.consents.release(opened.resolve(CHILD), by="priya", reason="settled")
        opened.consents.withdraw(opened.resolve(CHILD), "training", proof)
    assert not family.search(ANNA, PEOPLE[ANNA], f"{PEOPLE[ANNA]}@example.org", "2020-06-15", where=("state",))


# Guardians


def test_a_guardian_decides_until_the_child_does_and_the_birthday_is_destroyed(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
        child = opened.resolve(CHILD)
        with pytest.raises(UsageError, match="a guardian decides"):
            opened.consents.give(child, "training", AGREED)
        opened.consents.give(child, "training", replace(AGREED, proof=proof))
        later(opened, day(2033, 6, 14))
        assert opened.consents.ask(child, "training").holds
        later(opened, day(2033, 6, 15))
        assert opened.consents.ask(child, "training").why is ConsentReason.NO_AUTHORITY, (
            "on their thirteenth birthday, with nobody doing anything"
        )
        with pytest.raises(UsageError, match="gives no authority"):
            opened.consents.give(child, "review", replace(AGREED, proof=proof))
        opened.consents.give(child, "training", AGREED)
        assert opened.consents.ask(child, "training").holds
        assert opened.context.shelf.get(proof, consent_register.BORN) is None
        (ended,) = opened.consents.register().guardianships.values()
        assert ended.ended is not None
        assert ended.ended.why is EndReason.GREW_UP


def test_the_age_is_the_maps_and_a_new_law_changes_it_for_everybody(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
    give(family, proof=proof)
    family.write_map(more=PURPOSES.replace("13 years", "16 years"))
    with family.open() as opened:
        later(opened, day(2036, 6, 14))
        assert opened.consents.ask(opened.resolve(CHILD), "training").holds
        later(opened, day(2036, 6, 15))
        assert not opened.consents.ask(opened.resolve(CHILD), "training").holds


@pytest.mark.parametrize(
    ("child", "guardian", "born", "what"),
    [
        (CHILD, CHILD, date(2020, 1, 1), "own guardian"),
        (PARENT, CHILD, date(2020, 1, 1), "nobody decides for a account"),
        (CHILD, PARENT, date(2001, 1, 1), "decides alone already"),
        (CHILD, PARENT, date(2999, 1, 1), "not yet born"),
        ("profile:prf-nobody", PARENT, date(2020, 1, 1), "nobody of that name"),
    ],
)
def test_who_cannot_be_a_guardian(family: Household, child: str, guardian: str, born: date, what: str) -> None:
    with family.open() as opened, pytest.raises(UsageError, match=what):
        opened.consents.prove(opened.resolve(child), opened.resolve(guardian), born=born, method="paper", by="priya")


@pytest.mark.duty("COP-11")
def test_a_guardian_orders_with_their_proof_and_a_stranger_cannot(family: Household) -> None:
    with family.open() as opened:
        proof, child = prove(opened), opened.resolve(CHILD)
        accepted = opened.order_erase([child], guardian=proof)
        assert opened.status(accepted.order).received.cause == ByGuardian(proof, "by the operator")
        for other in ("grd-0000000000000000", ""):
            with pytest.raises(UsageError, match="no authority: no such proof"):
                opened.order_erase([child], guardian=other)
        with pytest.raises(UsageError, match="no authority"):
            opened.order_erase([child, opened.resolve(f"profile:{BELA}")], guardian=proof)


@pytest.mark.parametrize("planned", [False, True])
def test_an_order_is_stopped_when_the_guardianship_ends_before_anything_was_erased(family: Household, planned: bool) -> None:
    with family.open() as opened:
        proof = prove(opened)
        order = opened.order_erase([opened.resolve(CHILD)], guardian=proof).order
        if planned:
            opened.plan(order)
        before = family.logical()
        assert opened.consents.end(proof, EndReason.CUSTODY, "priya") == (order,)
        run = opened.status(order)
        assert run.state is OrderState.CANCELLED
        assert "custody changed" in family_reason(opened, order)
    assert family.logical() == before


def family_reason(opened: object, order: str) -> str:
    events = [ev.decode(data) for data in opened.context.journal.read(order)]  # type: ignore[attr-defined]
    return next(each.reason for each in events if isinstance(each, ev.Cancelled))


def test_an_order_of_a_guardian_whose_child_grew_up_meanwhile_is_stopped_when_it_is_applied(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
        order = opened.order_erase([opened.resolve(CHILD)], guardian=proof).order
        opened.plan(order)
        later(opened, day(2033, 6, 15))
        with pytest.raises(IllegalTransition, match="stopped: the authority of the guardian"):
            opened.apply(order)
        assert opened.status(order).state is OrderState.CANCELLED


def test_in_a_dispute_neither_side_sees_or_orders_anything(family: Household, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("export") / "anna.zip"
    with family.open() as opened:
        mother, father = prove(opened), prove(opened, guardian=OTHER_PARENT)
        child, household = opened.resolve(CHILD), opened.resolve(PARENT)
        opened.consents.give(child, "training", replace(AGREED, proof=mother))
        order = opened.order_erase([child], guardian=mother).order
        opened.plan(order)
        opened.consents.freeze(child, by="priya", reason="two court papers")
        assert opened.consents.ask(child, "training").why is ConsentReason.FROZEN
        for proof in (mother, father):
            with pytest.raises(NeedsApproval, match="in dispute"):
                opened.order_erase([child], guardian=proof)
            with pytest.raises(UsageError, match="in dispute"):
                opened.consents.give(child, "review", replace(AGREED, proof=proof))
            with pytest.raises(UsageError, match="in dispute"):
                opened.consents.withdraw(child, "training", proof)
        with pytest.raises(NeedsApproval, match="in dispute"):
            opened.order_erase([household])
        with pytest.raises(NeedsApproval, match="in dispute"):
            opened.export(household, target)
        with pytest.raises(NeedsApproval, match="in dispute"):
            opened.apply(order)
        assert opened.order_erase([opened.resolve(f"profile:{BELA}")]), "everybody else goes on"
        with pytest.raises(UsageError, match="frozen already"):
            opened.consents.freeze(child, by="priya", reason="again")
        with pytest.raises(UsageError, match="somebody's name and a reason"):
            opened.consents.release(child, by=" ", reason="")
        opened.consents.release(child, by="priya", reason="custody to the mother, court paper seen")
        opened.consents.end(father, EndReason.CUSTODY, "priya")
        assert opened.apply(order).state is OrderState.FULFILLED
        assert opened.export(household, target)
        with pytest.raises(UsageError, match="is not frozen"):
            opened.consents.release(child, by="priya", reason="again")


def test_a_child_who_was_erased_leaves_no_guardian_and_no_birthday(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
    family.erase(CHILD)
    with family.open() as opened:
        opened.sweep()
        (known,) = opened.consents.register().guardianships.values()
        assert known.ended is not None
        assert known.ended.why is EndReason.ERASED
        assert opened.context.shelf.get(proof, consent_register.BORN) is None


def test_an_authority_ends_once(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
        opened.consents.end(proof, EndReason.RESIGNED, "priya")
        with pytest.raises(UsageError, match="no authority of that proof"):
            opened.consents.end(proof, EndReason.CUSTODY, "priya")


def test_two_identities_of_one_child_keep_the_stricter_word_and_the_order_of_neither_is_lost(family: Household) -> None:
    other = f"profile:{BELA}"
    give(family, "training")
    give(family, "training", other)
    with family.open() as opened:
        owed = opened.consents.withdraw(opened.resolve(other), "training").order
        opened.consents.merge(opened.resolve(other), opened.resolve(CHILD), by="priya", reason="one child, two devices")
        with pytest.raises(UsageError, match="one person already"):
            opened.consents.merge(opened.resolve(CHILD), opened.resolve(other), by="priya", reason="again")
        assert owed in {run.order for run in opened.orders()}
    assert (why(family), why(family, "training", other)) == (ConsentReason.WITHDRAWN, ConsentReason.WITHDRAWN)
    with family.open() as opened:
        opened.consents.split(opened.resolve(CHILD), opened.resolve(other), by="priya", reason="two children after all")
    give(family)
    assert (why(family), why(family, "training", other)) == (ConsentReason.AGREED, ConsentReason.WITHDRAWN)


@pytest.mark.duty("COP-08")
def test_a_flow_to_third_parties_ends_what_was_agreed_to_by_a_weak_method(family: Household) -> None:
    with family.open() as opened:
        opened.consents.give(opened.resolve(CHILD), "training", replace(AGREED, carries_disclosure=False))
    assert why(family) is ConsentReason.AGREED
    disclosing(family)
    assert why(family) is ConsentReason.METHOD
    with family.open() as opened, pytest.raises(UsageError, match="third parties"):
        opened.consents.give(opened.resolve(CHILD), "training", replace(AGREED, carries_disclosure=False))


# The register


def test_the_short_way_of_reading_the_register_says_what_the_long_one_says(family: Household) -> None:
    give(family)
    with family.open() as opened:
        proof = prove(opened, f"profile:{BELA}")
        opened.consents.withdraw(opened.resolve(CHILD), "training")
        opened.consents.freeze(opened.resolve(f"profile:{BELA}"), by="priya", reason="two court papers")
        warm = opened.consents.register()
        slow = fold(Consents({}, {}), [ev.decode(data) for data in opened.context.journal.read("consents")])  # type: ignore[misc]
        assert proof in warm.guardianships
    with family.open() as opened:
        cold = opened.consents.register()
    for name in ("fixed", "terms", "said", "guardianships", "frozen", "ordered", "withdrawals", "history", "entries"):
        assert getattr(warm, name) == getattr(cold, name) == getattr(slow, name), name
        assert repr(getattr(cold, name)) == repr(getattr(slow, name)), "the very same types"


# What pipelines are told


def told(home: Household, purpose: str = "training") -> GateReason:
    with home.open() as opened:
        # Why a day: the snapshot of a copied installation may be minutes old.
        return opened.gate(timedelta(days=1)).may_use(Subject("profile", ANNA), purpose).reason


@pytest.mark.duty("COP-11", "DSG-11")
def test_the_gate_says_yes_from_the_consent_on_and_no_from_the_withdrawal_on(family: Household) -> None:
    with family.open() as opened:
        opened.gate_publish()
    assert told(family) is GateReason.NO_CONSENT
    assert told(family, "nothing") is GateReason.UNKNOWN_PURPOSE
    give(family)
    assert (told(family), told(family, "review")) == (GateReason.PERMITTED, GateReason.NO_CONSENT)
    with family.open() as opened:
        opened.consents.withdraw(opened.resolve(CHILD), "training")
    assert told(family) is GateReason.WITHDRAWN


@pytest.mark.duty("COP-06")
def test_the_gate_lets_nothing_out_to_third_parties_on_the_consent_to_something_else(family: Household) -> None:
    give(family)
    disclosing(family)
    with family.open() as opened:
        assured(opened, "speech laboratories", "voice")
        opened.gate_publish()
    assert (told(family), told(family, "partners")) == (GateReason.PERMITTED, GateReason.NO_CONSENT)
    give(family, "partners")
    assert told(family, "partners") is GateReason.PERMITTED


def test_the_gate_keeps_a_child_out_while_guardians_are_in_dispute(family: Household) -> None:
    give(family)
    with family.open() as opened:
        opened.consents.freeze(opened.resolve(CHILD), by="priya", reason="two court papers")
    assert told(family, "keeping") is GateReason.FROZEN
    with family.open() as opened:
        opened.consents.release(opened.resolve(CHILD), by="priya", reason="settled")
    assert told(family) is GateReason.PERMITTED


@pytest.mark.duty("COP-05")
def test_the_gate_says_no_as_soon_as_it_is_published_under_a_purpose_that_asks_for_more(family: Household) -> None:
    give(family)
    family.write_map(more=PURPOSES.replace("datasets: [voice, profiles]", "datasets: [voice, profiles, transcripts]"))
    with family.open() as opened:
        opened.gate_publish()
    assert told(family) is GateReason.NO_CONSENT
