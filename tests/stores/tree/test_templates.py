"""Path templates: what a name says, in every way in which it can be read."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.stores.tree.template_walk import CompiledTemplate, walk

texts = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=8)


def read(template, key):
    return [dict(each) for each in CompiledTemplate.of(template).readings(key)]


@pytest.mark.parametrize(
    ("template", "key", "readings"),
    [
        ("voice/{p}/{r}.flac", "voice/p1/r1.flac", [{"p": "p1", "r": "r1"}]),
        ("voice/{p}/{r}.flac", "voice/p1/r1.flac.bak", []),
        ("voice/{p}/{r}.flac", "voice/p1/sub/r1.flac", []),
        ("voice/{p}/{r}.flac", "Voice/p1/r1.flac", []),
        ("{p}.flac", ".flac", []),
        ("{p}.tar.gz", "a.b.tar.gz", [{"p": "a.b"}]),
        ("{a}_{b}", "x_y", [{"a": "x", "b": "y"}]),
        ("{a}_{b}", "x_y_z", [{"a": "x", "b": "y_z"}, {"a": "x_y", "b": "z"}]),
        ("{a}--{b}.x", "p--q--r.x", [{"a": "p", "b": "q--r"}, {"a": "p--q", "b": "r"}]),
        ("{a}/{a}.txt", "p/p.txt", [{"a": "p"}]),
        ("{a}/{a}.txt", "p/q.txt", []),
        ("{a}_{a}", "x_x", [{"a": "x"}]),
        ("100%.[a]/{p}", "100%.[a]/\n'", [{"p": "\n'"}]),
        ("{p}.flac", ".expunge-0123.flac", []),
    ],
)
def test_readings(template, key, readings):
    assert read(template, key) == readings


@given(st.lists(st.one_of(texts.map(lambda text: ("literal", text)), texts.map(lambda text: ("value", text))), min_size=1, max_size=5))
def test_what_was_filled_in_is_among_the_readings(parts):
    template, key, values = "", "", {}
    for number, (sort, text) in enumerate(parts):
        if sort == "literal":
            literal = re.sub(r"[{}]", "x", text)
            template, key = template + literal, key + literal
        else:
            if template.endswith("}"):
                template, key = template + "-", key + "-"
            template, key = template + f"{{v{number}}}", key + text
            values[f"v{number}"] = text
    if not key.startswith(".expunge-"):
        assert values in read(template, key)


@given(texts, texts)
def test_every_reading_spells_the_name(one, other):
    key = f"{one}_{other}"
    for reading in CompiledTemplate.of("{a}_{b}").readings(key):
        assert f"{reading['a']}_{reading['b']}" == key


def test_a_walk_enters_only_what_can_lead_somewhere(tmp_path):
    for name in ("p1/a.x", "p1/b.x", "p1/c.y", "p2/a.x", "p1/deep/a.x"):
        path = tmp_path / "v" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "v" / "p2").chmod(0)
    found = walk(tmp_path, CompiledTemplate.of("v/{p}/{r}.x"), lambda reading: reading.get("p", "p1") == "p1")
    assert [each.key for each in found] == ["v/p1/a.x", "v/p1/b.x", "v/p1/", "v/"]


@pytest.mark.parametrize("template", ["v/{p}/{r}.x", "v/{p}/{r}", "v/{p}/{p}-{r}.x", "{p}/{q}/{r}.x", "v/{p}/deep/{r}.x"])
@pytest.mark.parametrize("values", [{"a"}, {"a", "b"}, {"", ".", "../a", "a/b", "\0", "x" * 300}, set("abcdefg"), {"p1"}, set()])
@pytest.mark.parametrize("field", ["p", "r"])
def test_a_walk_that_looks_values_up_finds_what_a_list_shows(tmp_path, template, values, field):
    for name in ("p1/a.x", "p1/b.x", "p1/c.y", "p2/a.x", "p1/deep/a.x", "p3/p3-a.x", "p3/.expunge-a.x", "a/a.x", "a/deep/b.x", "b/q.x"):
        path = tmp_path / "v" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "v" / "p4").symlink_to("p1")
    (tmp_path / "v" / "p2" / "b.x").symlink_to("nowhere")
    layout = CompiledTemplate.of(template)

    def wanted(reading):
        return reading.get(field) in values if field in reading else True

    def meaning(found):
        return [(each.key, each.readings) for each in found if each.is_link or any(field in reading for reading in each.readings)]

    assert meaning(walk(tmp_path, layout, wanted, {field: values})) == meaning(walk(tmp_path, layout, wanted))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_a_folder_in_which_no_name_can_be_looked_up_is_not_taken_for_empty(tmp_path):
    closed = tmp_path / "v" / "p1"
    closed.mkdir(parents=True)
    closed.chmod(0)
    with pytest.raises(PermissionError):
        list(walk(tmp_path, CompiledTemplate.of("v/{p}/{r}.x"), lambda _: True, {"r": {"a"}}))
