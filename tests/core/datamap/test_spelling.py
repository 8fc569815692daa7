"""Which texts name the same person, and that a canonical spelling stands for itself."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.compared_fields import field_spelling
from expunge.core.datamap.datamap import ByField, DataMap, Dataset, IdentitySpec, Through
from expunge.core.datamap.spelling import (
    EMAIL,
    OPAQUE,
    PHONE,
    UUID,
    CaseRule,
    Spelling,
    SpellingType,
    UnicodeForm,
    canonical,
    default_spelling,
    near,
)
from expunge.core.values.ids import pseudonym
from expunge.phones import e164, is_region

GB = replace(PHONE, region="GB")
FOLDED = replace(OPAQUE, case=CaseRule.FOLD)


def one(rule: Spelling, *texts: str) -> bool:
    return len({canonical(rule, text, e164) for text in texts}) == 1


@pytest.mark.parametrize(
    ("rule", "texts"),
    [
        (
            EMAIL,
            ("Mia@Example.org", "mia@example.org", " MIA@EXAMPLE.ORG\n", "\u200bmia@example.org\ufeff", "\uff4d\uff49\uff41@example.org"),
        ),
        (EMAIL, ("mia@bücher.example", "mia@BU\u0308CHER.example", "Mia@xn--bcher-kva.example")),
        (replace(EMAIL, case=CaseRule.EXACT), ("Mia@Example.org", "Mia@EXAMPLE.ORG")),
        (GB, ("+44 20 7946 0958", "020 7946 0958", "(020) 7946-0958", "0044 20 7946 0958", "+442079460958", "tel:+44-20-7946-0958")),
        (PHONE, ("+1 (650) 253-0000", "0016502530000", "+1.650.253.0000")),
        (OPAQUE, ("acc-51XK", " acc-51XK", "acc-51XK\r\n", "\u00a0acc-51XK", "acc-51XK\x1f")),
        (OPAQUE, ("zoë", "zoe\u0308")),
        (OPAQUE, ("5f0c7e52-93a1-4b8e-a6d4-2f91c0b37e18", "5F0C7E52-93A1-4B8E-A6D4-2F91C0B37E18 ")),
        (OPAQUE, ("7", "7.0", "7.00", " 7.0\n")),
        (OPAQUE, ("-70", "-70.000")),
        (FOLDED, ("0", "0.0")),
        (UUID, ("5f0c7e52-93a1-4b8e-a6d4-2f91c0b37e18", "5F0C7E5293A14B8EA6D42F91C0B37E18", "{5f0c7e52-93a1-4b8e-a6d4-2f91c0b37e18}")),
        (FOLDED, ("Straße", "STRASSE", "strasse ")),
        (FOLDED, ("\u212bngstrom", "Ångstrom", "a\u030angstrom")),
    ],
)
def test_spellings_of_one_person(rule: Spelling, texts: tuple[str, ...]) -> None:
    assert one(rule, *texts)


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        (EMAIL, "mia@example.org", "mia+news@example.org"),
        (EMAIL, "m.ia@example.org", "mia@example.org"),
        (replace(EMAIL, case=CaseRule.EXACT), "Mia@example.org", "mia@example.org"),
        (GB, "020 7946 0958", "020 7946 0959"),
        (GB, "020 7946 0958", "020 7946 0958 ext. 7"),
        (PHONE, "020 7946 0958", "+44 20 7946 0958"),
        (OPAQUE, "acc-51XK", "acc-51xk"),
        (OPAQUE, "0042", "42"),
        (OPAQUE, "007.0", "7"),
        (OPAQUE, "7", "70"),
        (OPAQUE, "7.5", "7.50"),
        (OPAQUE, "1.0.0", "1"),
        (OPAQUE, "v7.0", "v7"),
        (OPAQUE, "5f0c7e5293a14b8ea6d42f91c0b37e18", "5F0C7E5293A14B8EA6D42F91C0B37E18"),
        (UUID, "5f0c7e52-93a1-4b8e-a6d4-2f91c0b37e18", "5f0c7e52-93a1-4b8e-a6d4-2f91c0b37e19"),
        (OPAQUE, "a b", "ab"),
        (OPAQUE, "ﬁ", "fi"),
    ],
)
def test_spellings_of_two_people(rule: Spelling, first: str, second: str) -> None:
    assert not one(rule, first, second)


@given(st.text(), st.sampled_from([OPAQUE, FOLDED, EMAIL, PHONE, GB, UUID, replace(OPAQUE, form=UnicodeForm.NFKC)]))
def test_a_canonical_spelling_stands_for_itself(text: str, rule: Spelling) -> None:
    common = canonical(rule, text, e164)
    assert canonical(rule, common, e164) == common


@given(st.text(), st.text(alphabet=st.characters(max_codepoint=126)), st.sampled_from([OPAQUE, FOLDED, EMAIL]))
def test_two_ascii_spellings_of_one_person_are_near_each_other(text: str, other: str, rule: Spelling) -> None:
    for variant in (other, f" {other.swapcase()}\t"):
        if canonical(rule, variant, e164) == canonical(rule, other, e164):
            assert near(variant) == near(canonical(rule, other, e164))
    if text.isascii():
        assert canonical(rule, text, e164).isascii()


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1))
def test_the_pseudonyms_of_ids_spelt_canonically_stay_what_they_were(text: str) -> None:
    for rule in (OPAQUE, FOLDED, EMAIL):
        assert pseudonym(bytes(32), "account", canonical(rule, text, e164)) == pseudonym(bytes(32), "account", text)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("email", EMAIL), ("e_mail", EMAIL), ("user-mail", EMAIL), ("contactEmail", EMAIL), ("owner.email_address", EMAIL),
        ("EMAIL", EMAIL),
        ("phone", PHONE), ("phone_number", PHONE), ("mobileNumber", PHONE), ("msisdn", PHONE),
        ("email_hash", OPAQUE), ("mailbox", OPAQUE), ("phone_id", OPAQUE), ("account_id", OPAQUE), ("number", OPAQUE), ("", OPAQUE),
    ],
)  # fmt: skip
def test_the_name_of_a_field_says_what_it_holds(name: str, rule: Spelling) -> None:
    assert default_spelling(name) == rule


def test_a_text_that_no_plan_knows_is_no_number() -> None:
    assert e164("not a number", "GB") == ""
    assert e164("12", "") == ""
    assert is_region("NO")
    assert not is_region("EN")
    assert canonical(GB, " Switchboard ", e164) == "switchboard"


def test_lone_surrogates_are_compared_like_other_characters() -> None:
    assert one(EMAIL, "mia\udce9@Example.org", "MIA\udce9@example.org")


def company() -> DataMap:
    datasets = [
        Dataset("accounts", "app", ByField({"account": "id"}), "life", follow=("id", "email")),
        Dataset("profiles", "app", ByField({"profile": "pid"}), "life", follow=("pid", "id")),
        Dataset("notes", "app", ByField({"account": "author"}), "life"),
        Dataset("letters", "app", Through("accounts", "email"), "life"),
        Dataset("stamps", "app", Through("letters", "number"), "life"),
    ]
    identities = {
        "account": IdentitySpec("account", "accounts", "id", ("email", "contact"), compare={"contact": GB}),
        "profile": IdentitySpec("profile", "profiles", "pid", member_of="account"),
    }
    return DataMap({}, {each.name: each for each in datasets}, identities, {}, (), "/state")


@pytest.mark.parametrize(
    ("dataset", "field", "rule"),
    [
        ("accounts", "id", OPAQUE), ("accounts", "email", EMAIL), ("accounts", "contact", GB), ("accounts", "name", None),
        ("profiles", "id", OPAQUE), ("notes", "author", OPAQUE), ("letters", "email", EMAIL), ("stamps", "number", None),
    ],
)  # fmt: skip
def test_the_field_of_a_dataset_compares_as_its_identity(dataset: str, field: str, rule: Spelling | None) -> None:
    data_map = company()
    assert field_spelling(data_map, data_map.datasets[dataset], field) == rule


def test_each_kind_of_the_gate_compares_as_its_field() -> None:
    data_map = company()
    rules = {kind: data_map.spelling(kind) for kind in data_map.kinds}
    assert rules == {"account": OPAQUE, "account.email": EMAIL, "account.contact": GB, "profile": OPAQUE, "model": OPAQUE}


def test_forms_are_those_of_unicode() -> None:
    assert {form.name for form in UnicodeForm} <= {"NFC", "NFKC"}
    assert canonical(OPAQUE, "zoe\u0308", e164) == unicodedata.normalize("NFC", "zoe\u0308")
    assert SpellingType.TEXT.value == "text"
