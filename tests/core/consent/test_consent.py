"""A yes holds for what was said yes to, by whoever may say it, until the first no; every other case is a no with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.consent import consent_events as ce
from expunge.core.consent.consent import ConsentReason
from expunge.core.consent.consent_rules import check_surface, may_give, may_withdraw, parse_act
from expunge.core.datamap.purposes import Ground, used_for_alone
from tests.core.consents import CHILD, DAD, MUM, OTHER, PARTNERS, PURPOSES, START, Company


@pytest.fixture
def company() -> Company:
    return Company()


def test_nobody_has_agreed_until_they_have(company: Company) -> None:
    assert company.ask().why is ConsentReason.NEVER
    company.give()
    assert (company.ask().holds, company.ask().why) == (True, ConsentReason.AGREED)
    assert company.ask(who=OTHER).why is ConsentReason.NEVER, "somebody else's yes"


@pytest.mark.duty("COP-06")
def test_each_purpose_is_agreed_to_on_its_own(company: Company) -> None:
    company.consents.purposes = {**PURPOSES, "partners": PARTNERS}
    company.give("training")
    assert {name: company.ask(name).why for name in ("training", "review", "partners", "answer", "other")} == {
        "training": ConsentReason.AGREED,
        "review": ConsentReason.NEVER,
        "partners": ConsentReason.NEVER,
        "answer": ConsentReason.OTHER_GROUND,
        "other": ConsentReason.NO_PURPOSE,
    }


def test_a_no_ends_it_at_once_and_a_new_yes_begins_it_again(company: Company) -> None:
    company.give()
    company.withdraw()
    assert company.ask().why is ConsentReason.WITHDRAWN
    company.give()
    assert company.ask().holds


def test_a_no_before_any_yes_is_kept(company: Company) -> None:
    company.withdraw()
    assert company.ask().why is ConsentReason.WITHDRAWN


@pytest.mark.duty("COP-05")
@pytest.mark.parametrize(
    "change",
    [{"datasets": ("voice", "model", "faces")}, {"recipients": ("labs",)}, {"description": "learn and sell"}, {"use": PARTNERS.use}],
    ids=lambda change: next(iter(change)),
)
def test_a_purpose_that_asks_for_more_waits_until_people_are_asked_again(company: Company, change: dict[str, object]) -> None:
    company.give()
    company.change(**change)
    assert company.ask().why is ConsentReason.TERMS
    company.give()
    assert company.ask().holds


def test_a_purpose_that_asks_for_less_needs_no_new_yes(company: Company) -> None:
    company.give()
    company.change(datasets=("voice",))
    assert company.ask().holds


@pytest.mark.duty("COP-05")
def test_a_material_change_of_the_text_ends_consent_and_a_change_of_words_does_not(company: Company) -> None:
    company.give()
    company.new_text(material=False)
    assert company.ask().holds
    company.new_text(material=True)
    assert company.ask().why is ConsentReason.TEXT
    company.new_text(material=False)
    assert company.ask().why is ConsentReason.TEXT, "the material change is still between"
    company.give()
    assert company.ask().holds


def test_a_version_that_vanished_from_the_map_covers_nobody(company: Company) -> None:
    company.give()
    company.consents.texts = {"training": company.consents.texts["review"], "review": ()}
    assert company.ask().holds, "of the same name, and the hash is that of the register"
    company.consents.texts = {}
    assert company.ask().why is ConsentReason.TEXT


@pytest.mark.duty("COP-05")
@pytest.mark.duty("FAIL-09")
def test_a_yes_to_other_words_than_those_that_are_fixed_is_no_yes(company: Company) -> None:
    given = company.give()
    company.consents.apply(replace(given, at=company.tick(), id="cns-other", sha256="hash of other words"))
    assert company.ask().why is ConsentReason.TEXT
    company.give()
    assert company.ask().holds


@pytest.mark.duty("COP-08")
def test_a_weak_method_falls_when_a_flow_to_third_parties_is_switched_on(company: Company) -> None:
    company.give(carries=False)
    assert company.ask().holds
    company.consents.purposes = {**PURPOSES, "partners": PARTNERS}
    assert company.ask().why is ConsentReason.METHOD
    company.consents.purposes = PURPOSES
    assert company.ask().holds, "and stands again when it is off"


def test_a_childs_own_yes_counts_for_nothing_while_somebody_decides_for_them_or_after(company: Company) -> None:
    company.give()
    company.prove("grd-1", days=100)
    assert company.ask().why is ConsentReason.NO_AUTHORITY
    assert company.ask(at=START + timedelta(days=101)).why is ConsentReason.NO_AUTHORITY, "they said it as a child"
    company.now = START + timedelta(days=101)
    company.give()
    assert company.ask().holds


def test_what_a_guardian_agreed_to_ends_on_the_day_the_child_decides_alone(company: Company) -> None:
    proof = company.prove("grd-1", days=100)
    company.give(proof=proof)
    birthday = START + timedelta(days=100)
    assert company.ask(at=birthday - timedelta(microseconds=1)).holds
    assert company.ask(at=birthday).why is ConsentReason.NO_AUTHORITY


def test_a_guardians_yes_outlives_their_custody_only_beside_another_guardian(company: Company) -> None:
    mother, father = company.prove("grd-1"), company.prove("grd-2", DAD)
    company.give(proof=mother)
    company.end(mother, ce.EndReason.CUSTODY)
    assert company.ask().holds, "the father stands behind it, and can end it"
    company.end(father, ce.EndReason.RESIGNED)
    assert company.ask().why is ConsentReason.NO_AUTHORITY


def test_a_mistaken_proof_takes_what_was_agreed_to_with_it(company: Company) -> None:
    stranger = company.prove("grd-1")
    company.prove("grd-2", DAD)
    company.give(proof=stranger)
    company.end(stranger, ce.EndReason.MISTAKEN)
    assert company.ask().why is ConsentReason.NO_AUTHORITY


def test_an_adult_who_was_taken_for_a_child_has_their_own_yes_back(company: Company) -> None:
    company.give()
    company.end(company.prove("grd-1"), ce.EndReason.MISTAKEN)
    assert company.ask().holds


def test_a_dispute_stops_use_until_it_is_released(company: Company) -> None:
    company.give(proof=company.prove("grd-1"))
    company.consents.apply(ce.ChildFrozen(company.tick(), CHILD, "e", "priya", "two court papers"))
    assert company.ask().why is ConsentReason.FROZEN
    company.consents.apply(ce.ChildReleased(company.tick(), CHILD, "priya", "settled"))
    assert company.ask().holds


def refused(company: Company, purpose: str = "training", proof: str = "", *, carries: bool = True) -> str:
    refusal = may_give(company.consents, CHILD, purpose, proof, company.now, carries_disclosure=carries)
    return refusal.why if refusal else ""


def test_who_may_say_yes(company: Company) -> None:
    assert refused(company) == ""
    assert "contract" in refused(company, "answer")
    assert "no such purpose" in refused(company, "nothing")
    mother = company.prove("grd-1")
    assert "guardian decides" in refused(company)
    assert refused(company, proof=mother) == ""
    assert "no authority" in refused(company, proof="grd-9")
    company.prove("grd-3", DAD, OTHER)
    assert "no authority" in refused(company, proof="grd-3"), "the guardian of another child"
    company.end(mother, ce.EndReason.CUSTODY)
    assert "no authority" in refused(company, proof=mother)
    assert "guardian decides" in refused(company), "a child without a guardian is still a child"


@pytest.mark.duty("COP-08")
def test_a_weak_method_is_refused_while_data_goes_to_third_parties(company: Company) -> None:
    company.consents.purposes = {**PURPOSES, "partners": PARTNERS}
    assert "third parties" in refused(company, carries=False)
    assert refused(company) == ""


def test_one_guardians_no_is_not_undone_by_the_other_behind_their_back(company: Company) -> None:
    mother, father = company.prove("grd-1"), company.prove("grd-2", DAD)
    company.give(proof=mother)
    company.withdraw(proof=father)
    assert "another guardian" in refused(company, proof=mother)
    assert refused(company, proof=father) == ""
    company.end(father, ce.EndReason.CUSTODY)
    assert refused(company, proof=mother) == ""


def test_a_child_can_say_no_and_a_stranger_cannot(company: Company) -> None:
    proof = company.prove("grd-1")
    assert may_withdraw(company.consents, CHILD, "", company.now) is None
    assert may_withdraw(company.consents, CHILD, proof, company.now) is None
    assert may_withdraw(company.consents, CHILD, "grd-9", company.now) is not None
    company.consents.apply(ce.ChildFrozen(company.tick(), CHILD, "e", "priya", "dispute"))
    assert may_withdraw(company.consents, CHILD, proof, company.now) is not None
    assert may_withdraw(company.consents, CHILD, "", company.now) is None


@pytest.mark.duty("RNG-12", "FAIL-09")
@pytest.mark.parametrize("word", sorted(ce.NO_ACT))
def test_what_is_no_affirmative_act_cannot_even_be_written_down(word: str) -> None:
    with pytest.raises(ValueError, match="is no consent"):
        parse_act(word)
    assert word not in set(ce.ConsentAct)


def test_an_unknown_act_is_explained() -> None:
    with pytest.raises(ValueError, match="ticked, pressed"):
        parse_act("nodded")


@pytest.mark.duty("RNG-12", "FAIL-09")
@pytest.mark.parametrize(
    "surface", ["Terms of Service", "privacy policy, section 9", "app, Privacy Notice", "end user licence", "cookie wall"]
)
def test_a_disclosure_inside_general_terms_is_no_disclosure(surface: str) -> None:
    with pytest.raises(ValueError, match="stands apart"):
        check_surface(surface)


@pytest.mark.parametrize("surface", ["", "a", "x" * 81, "app\nsettings", "ada@example.org"])
def test_a_surface_is_named_in_plain_words(surface: str) -> None:
    with pytest.raises(ValueError, match="3 to 80"):
        check_surface(surface)
    assert check_surface("app 4.2, voice settings (step 2)")


def test_two_identities_of_one_person_keep_the_stricter_word(company: Company) -> None:
    company.withdraw("training", OTHER)
    company.give("training", CHILD)
    company.give("review", OTHER)
    company.consents.apply(ce.SubjectsMerged(company.tick(), OTHER, CHILD, ("e1", "e2"), "priya", "one person"))
    for who in (CHILD, OTHER):
        assert company.ask("training", who).why is ConsentReason.WITHDRAWN, "a no of either stands, though the yes came later"
        assert company.ask("review", who).holds
    assert company.consents.entries[CHILD] >= {"e1", "e2", f"entry of {OTHER}", f"entry of {CHILD}"}
    assert len(company.consents.history[CHILD]) == 4
    company.give("training", OTHER)
    assert company.ask("training", CHILD).holds, "asked again, as one person"


def test_a_person_who_turns_out_to_be_two_has_agreed_to_nothing_twice(company: Company) -> None:
    company.give("training")
    company.withdraw("review")
    company.consents.apply(ce.SubjectSplit(company.tick(), CHILD, OTHER, "e2", "priya", "two people"))
    assert company.ask("training", CHILD).holds
    assert company.ask("training", OTHER).why is ConsentReason.NEVER
    assert company.ask("review", OTHER).why is ConsentReason.WITHDRAWN
    assert company.consents.entries[OTHER] == {"e2"}


def test_a_split_undoes_a_merger(company: Company) -> None:
    company.give("training", OTHER)
    company.give("review", OTHER)
    company.give("training", CHILD)
    company.consents.apply(ce.SubjectsMerged(company.tick(), OTHER, CHILD, ("e1", "e2"), "priya", "one person"))
    company.consents.apply(ce.SubjectsMerged(company.tick(), OTHER, CHILD, ("e1", "e2"), "priya", "again"))
    company.consents.apply(ce.SubjectSplit(company.tick(), CHILD, OTHER, "e2", "priya", "two after all"))
    company.withdraw("training", OTHER)
    assert company.ask("training", CHILD).holds
    assert company.ask("review", CHILD).why is ConsentReason.NEVER, "it was the other one who had agreed"
    assert company.ask("training", OTHER).why is ConsentReason.WITHDRAWN


def test_a_dispute_follows_the_child_through_a_merger_and_a_split(company: Company) -> None:
    company.consents.apply(ce.ChildFrozen(company.tick(), OTHER, "e2", "priya", "dispute"))
    company.consents.apply(ce.SubjectsMerged(company.tick(), OTHER, CHILD, ("e1", "e2"), "priya", "one child"))
    company.consents.apply(ce.SubjectSplit(company.tick(), CHILD, OTHER, "e2", "priya", "two"))
    assert {CHILD, OTHER} <= set(company.consents.frozen)


def test_what_nothing_else_has_a_ground_for_is_what_goes() -> None:
    assert used_for_alone(PURPOSES, "training", ["answer"]) == ("model",)
    assert used_for_alone(PURPOSES, "training", []) == ("model", "voice")
    assert used_for_alone(PURPOSES, "review", ["answer", "training", "gone"]) == ("notes",)


# Any order of events

STEPS = st.lists(
    st.sampled_from(
        ["give", "give by mum", "give by dad", "withdraw", "withdraw by mum", "prove mum", "prove dad", "end mum", "mistake mum", "grow up",
         "new text", "new words", "wider", "narrower", "disclose", "freeze", "release", "a year"]
    ),
    max_size=25,
)  # fmt: skip


class Script:
    """Takes steps as the engine would: what the rules refuse is not written."""

    def __init__(self) -> None:
        self.company = Company()
        self.last = ""
        self.clean = False
        """Nothing has happened since the last yes that could end it."""

    def take(self, step: str) -> None:
        company = self.company
        verb, _, by = step.partition(" by ")
        proof = {"mum": "grd-1", "dad": "grd-2"}.get(by, "")
        if verb == "give":
            if may_give(company.consents, CHILD, "training", proof, company.tick(), carries_disclosure=False) is None:
                company.give(proof=proof, carries=False)
                self.last, self.clean = "yes", True
        elif verb == "withdraw":
            if may_withdraw(company.consents, CHILD, proof, company.tick()) is None:
                company.withdraw(proof=proof)
                self.last, self.clean = "no", False
        else:
            self.clean = self.clean and step in ("new words", "narrower", "release", "prove dad", "prove mum")
            self.other(step)

    def other(self, step: str) -> None:
        company, consents = self.company, self.company.consents
        known = consents.guardianships.get("grd-1")
        match step:
            case "prove mum" | "prove dad":
                proof, who = ("grd-1", MUM) if step == "prove mum" else ("grd-2", DAD)
                if proof not in consents.guardianships:
                    company.prove(proof, who, days=max((company.now - START).days, 0) + 500)
                    self.clean = self.clean and bool(consents.said) and consents.said[CHILD]["training"].given.proof != ""  # type: ignore[union-attr]
            case "end mum" | "mistake mum" if known and not known.ended:
                company.end("grd-1", ce.EndReason.CUSTODY if step == "end mum" else ce.EndReason.MISTAKEN)
            case "grow up":
                company.birthdays = dict.fromkeys(company.birthdays, company.tick())
            case "new text" | "new words":
                company.new_text(material=step == "new text")
            case "wider":
                company.change(datasets=(*consents.purposes["training"].datasets, f"more{company.now:%j%H%M}"))
            case "narrower":
                company.change(datasets=consents.purposes["training"].datasets[:1])
            case "disclose":
                consents.purposes = {**consents.purposes, "partners": PARTNERS}
            case "freeze":
                consents.apply(ce.ChildFrozen(company.tick(), CHILD, "e", "priya", "dispute"))
            case "release":
                consents.apply(ce.ChildReleased(company.tick(), CHILD, "priya", "settled"))
            case "a year":
                company.now += timedelta(days=365)


@given(STEPS)
def test_in_any_order_consent_needs_a_valid_yes_and_the_first_no_ends_it(steps: list[str]) -> None:
    script = Script()
    for step in steps:
        script.take(step)
        company = script.company
        answer = company.ask()
        if answer.holds:
            given = answer.given
            assert script.last == "yes", "the last word was no, or nobody said anything"
            assert given is not None
            assert given.act in set(ce.ConsentAct)
            assert company.consents.fixed[given.text, given.version] == given.sha256
            assert CHILD not in company.consents.frozen
            assert set(company.consents.purposes["training"].datasets) <= set(company.consents.terms[given.terms].datasets)
            assert "partners" not in company.consents.purposes
            standing = company.consents.guardians_of(CHILD, company.now)
            assert bool(given.proof) == bool(standing), "who decides for the child stands behind it, or the person alone"
        if script.clean:
            assert answer.holds, f"{answer.why} after {steps}"
        assert company.ask("answer").why is ConsentReason.OTHER_GROUND


@given(st.lists(st.sampled_from(["training", "review"]), max_size=4), st.sampled_from(["training", "review", "answer"]))
def test_what_goes_is_used_for_the_purpose_and_for_nothing_that_stands(standing: list[str], name: str) -> None:
    gone = set(used_for_alone(PURPOSES, name, standing))
    assert gone <= set(PURPOSES[name].datasets)
    assert all(not gone & set(PURPOSES[each].datasets) for each in standing if each != name)


def test_every_purpose_of_the_fixture_that_needs_consent_has_a_text() -> None:
    assert all(bool(each.text) == (each.needs is Ground.CONSENT) for each in PURPOSES.values())
