"""Identifiers as values: which tell a person anywhere, and in which form a cell names one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.datamap import ByField, DataMap, Through
from expunge.core.datamap.mapdiff import digest, map_diff
from expunge.core.datamap.mentions import MentionAct, MentionForm, MentionQuery, MentionRule, distinctive, form_in, longer_in, yaml_for
from expunge.core.values.ids import Pseudonym
from tests.core.maps import voice_company


@pytest.mark.parametrize(
    ("value", "tells"),
    [("7", False), ("anna", False), ("1234567", False), ("12345678", True), ("a-12", True), ("u7", True), ("anna@example.org", True)],
)
def test_a_short_number_or_word_may_be_anything(value: str, *, tells: bool) -> None:
    assert distinctive(value) is tells


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("a-12", MentionForm.WHOLE),
        ("a-12   ", MentionForm.WHOLE),
        ("a-12, and nobody else", MentionForm.PROSE),
        ("told by a-12.", MentionForm.PROSE),
        ('{"by": "a-12"}', MentionForm.PART),
        ("[a-12, b-3]", MentionForm.PART),
        ("home/a-12/portrait.png", MentionForm.PART),
        ("a-12;b-3", MentionForm.PART),
        ("a-123", None),
        ("aa-12", None),
        ("b-3", None),
    ],
)
def test_a_cell_names_a_person_by_a_whole_value_or_word(text: str, form: MentionForm | None) -> None:
    assert form_in(text, "a-12") is form


@pytest.mark.parametrize(
    ("text", "longer"),
    [
        ("mary.smith", ()),
        ("told by mary.smith.", ()),
        ("mary.smith.jones and mary.smith", ()),
        ("told by mary.smith.jones.", ({"mary.smith.jones", "mary.smith.jones."},)),
        ("dr.mary.smith", ({"dr.mary.smith"},)),
        ("mary.smith+x mary.smith+x mary.smith+y", ({"mary.smith+x"}, {"mary.smith+y"})),
    ],
)
def test_the_longer_words_around_a_value_are_told_unless_it_stands_alone_somewhere(text: str, longer: tuple[set[str], ...]) -> None:
    assert longer_in(text, "mary.smith") == longer


@given(st.text(min_size=1).filter(lambda text: text.strip() == text))
def test_a_value_that_fills_its_cell_is_a_mention_whatever_characters_it_has(value: str) -> None:
    assert form_in(value, value) is MentionForm.WHOLE


def test_a_bound_value_counts_in_its_column_alone() -> None:
    query = MentionQuery(Pseudonym("a" * 32), frozenset({"a-12"}), {"seller": frozenset({"7"})})
    assert query.whole("seller") == {"a-12", "7"}
    assert query.whole("pieces") == {"a-12"}
    assert "a-12" not in repr(query)
    assert "7" not in repr(query)


def test_the_line_to_paste_keeps_what_stands_inside_longer_text() -> None:
    assert yaml_for(["payee", "payer"]) == "mentions: {payee: null, payer: null}"
    assert yaml_for(["members"], inside=True) == "mentions: {members: keep}"


def with_rules(rules: Mapping[str, MentionRule]) -> DataMap:
    before = voice_company()
    return replace(before, datasets={**before.datasets, "profiles": replace(before.datasets["profiles"], mentions=rules)})


def test_a_map_without_rules_has_the_digest_it_always_had_and_one_that_changes_less_is_looked_at_twice() -> None:
    taken, kept = (with_rules({"invited_by": MentionRule(act)}) for act in (MentionAct.NULL, MentionAct.KEEP))
    assert digest(with_rules({})) == digest(voice_company())
    assert len({digest(voice_company()), digest(taken), digest(kept)}) == 3
    (change,) = map_diff(taken, kept)
    assert change.weaker == ("identifiers stay in rows of other people",)
    assert map_diff(kept, taken)[0].weaker == ()


def test_further_columns_and_another_name_there_count_in_the_digest_where_they_are_said() -> None:
    base = voice_company()

    def with_subject(name: str, rule: ByField | Through) -> DataMap:
        return replace(base, datasets={**base.datasets, name: replace(base.datasets[name], subject=rule)})

    assert digest(with_subject("profiles", ByField({"profile": "profile_id"}, {}))) == digest(base)
    assert digest(with_subject("profiles", ByField({"profile": "profile_id"}, {"profile": ("guest_id",)}))) != digest(base)
    assert digest(with_subject("transcripts", Through("recordings", "recording_id", ""))) == digest(base)
    assert digest(with_subject("transcripts", Through("recordings", "recording_id", "id"))) != digest(base)
