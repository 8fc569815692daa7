"""Path templates: what a name says, in every way in which it can be read."""

from __future__ import annotations

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
