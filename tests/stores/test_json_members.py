"""Members of lists inside a JSON text: what is found, and that nothing else changes when some leave."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.stores.tables.json_members import ITSELF, JsonMembers, list_spans

NAMES = st.sampled_from(["ann", "bob", "cara", 'quo"te', "é", "\\", "]", ","])
SPACE = st.text(" \t\n\r", max_size=3)


@st.composite
def spelt(draw: st.DrawFn, value: object) -> str:
    """A JSON value with spaces anywhere."""
    before, after = draw(SPACE), draw(SPACE)
    if isinstance(value, list):
        inner = ",".join([draw(spelt(each)) for each in value])
        return f"{before}[{inner or draw(SPACE)}]{after}"
    if isinstance(value, dict):
        pairs = [f"{draw(SPACE)}{json.dumps(key)}{draw(SPACE)}:{draw(spelt(each))}" for key, each in value.items()]
        return f"{before}{{{','.join(pairs)}}}{after}"
    return before + json.dumps(value, ensure_ascii=draw(st.booleans())) + after


@given(st.data(), st.lists(NAMES, max_size=6), st.sets(NAMES))
def test_names_leave_a_list_and_the_rest_reads_as_before(data: st.DataObject, names: list[str], leaving: set[str]) -> None:
    value = {"v": 1.5, "people": names, "more": [{"people": names}], "last": None}
    text = data.draw(spelt(value))
    cut = JsonMembers(text, ["people"]).without({"people": frozenset(leaving)})
    left = [name for name in names if name not in leaving]
    assert json.loads(cut.text) == {**value, "people": left}
    assert [json.loads(member) for member in cut.gone] == [name for name in names if name in leaving]
    assert cut.whole == (bool(cut.gone) and not left)
    assert cut.gone or cut.text == text


@given(st.data(), st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=4), st.sets(NAMES))
def test_the_whole_element_around_a_value_leaves(data: st.DataObject, teams: list[list[str]], leaving: set[str]) -> None:
    value = {"teams": [{"members": [{"id": name, "n": [1, 2]} for name in team]} for team in teams]}
    cut = JsonMembers(data.draw(spelt(value)), ["teams.members.id"]).without({"teams.members.id": frozenset(leaving)})
    expected = [{"members": [{"id": name, "n": [1, 2]} for name in team if name not in leaving]} for team in teams]
    assert json.loads(cut.text) == {"teams": expected}


@pytest.mark.parametrize("text", ["", "[", "[1,]", '{"a" 1}', '{"a":1,}', "[1] 2", '{"a":[1 2]}', '["a', "{1:2}", "[[1,]]"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        JsonMembers(text, [ITSELF, "a"])
    assert not isinstance(refused.value, UnicodeError)
    with pytest.raises(ValueError, match=r"."):
        list_spans(text, ITSELF)


def test_a_value_outside_any_list_means_the_whole() -> None:
    document = JsonMembers('{"owner": "ann", "members": ["ann", 7, true]}', ["owner", "members"])
    assert document.texts("members") == {"ann", "7", "true"}
    assert document.without({"owner": frozenset({"ann"}), "members": frozenset({"ann"})}).whole
    cut = document.without({"members": frozenset({"ann", "true"})})
    assert (cut.text, cut.whole) == ('{"owner": "ann", "members": [7]}', False)


def test_keys_that_stand_twice_and_dots_in_keys_are_all_looked_at() -> None:
    document = JsonMembers('{"a": {"b": ["x"]}, "a.b": ["y"], "a": {"b": ["z"]}}', ["a.b"])
    assert document.texts("a.b") == {"x", "y", "z"}
    assert document.without({"a.b": frozenset("xyz")}).text == '{"a": {"b": []}, "a.b": [], "a": {"b": []}}'


def test_lists_at_a_place_are_found_with_their_elements() -> None:
    text = '\ufeff{"t": [{"m": [1, {"m": 2}]}, {"m": []}], "m": [3]}'
    assert [[text[start:end] for start, end in spans] for spans in list_spans(text, "t.m")] == [["1", '{"m": 2}'], []]
    assert list_spans('{"t": {"m": 1}}', "t.m") == []
