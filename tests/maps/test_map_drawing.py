"""The picture shows every dataset and edge, reads without eyes, needs nothing else, and never hides a card behind another."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.datamap import ByField, DataMap, Dataset, Inherited, StoreSpec, TableLayout
from expunge.maps import examine
from expunge.maps.drawing.picture import draw_lineage
from expunge.maps.drawing.placement import lay_out
from expunge.maps.drawing.tree import lineage_tree, tree_text
from expunge.stores import Kinds

MAPS = Path(__file__).parents[1] / "vectors" / "maps"
SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("sound.yaml", "example.yaml", "faults/unknown-dataset.yaml", "faults/derived-cycle.yaml")


def the_map(name):
    data_map = examine(MAPS / name, {"APP_DB": "postgres://app:hunter2@db/app"}, kinds=Kinds()).map
    assert data_map is not None
    return data_map


@pytest.fixture(params=NAMES)
def data_map(request):
    return the_map(request.param)


def groups(svg):
    return [group.findtext(f"{SVG}title") or "" for group in ET.fromstring(svg).iter(f"{SVG}g")]


def test_every_dataset_and_every_edge_is_there(data_map):
    titles = groups(draw_lineage(data_map))
    for name, dataset in data_map.datasets.items():
        assert [title for title in titles if title.startswith(f"{name}: ")]
        for source in dataset.derived_from:
            assert [title for title in titles if title.startswith(f"{name} is ") and f"derived from {source}" in title]


def test_the_picture_has_a_name_and_the_same_in_words(data_map):
    root = ET.fromstring(draw_lineage(data_map))
    assert root.get("role") == "img"
    assert [child.tag for child in root][:2] == [f"{SVG}title", f"{SVG}desc"]
    assert root.get("aria-labelledby") == f"{root[0].get('id')} {root[1].get('id')}"
    for name in data_map.datasets:
        assert f"{name}: in " in (root[1].text or "")


def test_the_picture_needs_no_style_script_or_network(data_map):
    svg = draw_lineage(data_map)
    assert not re.search(r"<style|<script|style=|href|url\(|@import|<image|on[a-z]+=", svg)
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]


def test_no_url_of_a_store_is_drawn(data_map):
    assert "hunter2" not in draw_lineage(data_map)
    assert str(MAPS) not in draw_lineage(data_map)


def test_what_nobody_declared_is_marked():
    svg = draw_lineage(the_map("faults/unknown-dataset.yaml"))
    assert "recordngs: declared nowhere" in groups(svg)
    assert "unknown provenance" in svg
    assert "4 datasets in 2 stores; 1 declared nowhere" in svg


def test_one_map_has_one_picture():
    assert draw_lineage(the_map("sound.yaml")) == draw_lineage(the_map("sound.yaml"))


def test_names_cannot_break_the_picture():
    name = "a<b>&\"c'" + "x" * 200
    dataset = Dataset(name, "s&", ByField({"<kind>": "f"}), "r", layout=TableLayout("<table>&" + "y" * 300))
    svg = draw_lineage(DataMap({"s&": StoreSpec("s&", "<k>", "")}, {name: dataset}, {}, {}, (), ""), title="<&>")
    root = ET.fromstring(svg)
    assert root[0].text == "<&>"
    shown = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert max(map(len, shown)) < 60
    assert any(text.endswith("…") for text in shown)


def test_an_empty_map_is_a_picture_too():
    assert "0 datasets in 0 stores" in draw_lineage(DataMap({}, {}, {}, {}, (), ""))
    assert lineage_tree(DataMap({}, {}, {}, {}, (), "")) == ()


NODES = [f"n{number}" for number in range(9)]
LINKS = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=20, unique=True)


@given(links=LINKS)
def test_no_card_lies_on_another_and_sources_stand_left(links):
    layout = lay_out(NODES, links, size=80, gap=20, thin=10)
    for one, other in combinations(NODES, 2):
        if layout.column[one] == layout.column[other]:
            assert abs(layout.middle[one] - layout.middle[other]) >= 100 - 1e-6
    assert all(40 - 1e-6 <= layout.middle[name] <= layout.height - 40 + 1e-6 for name in NODES)
    for source, target in layout.ways:
        assert layout.column[source] < layout.column[target]
        assert len(layout.ways[source, target]) == layout.column[target] - layout.column[source] - 1


@given(links=LINKS)
def test_lines_pass_between_the_cards(links):
    layout = lay_out(NODES, links, size=80, gap=20, thin=10)
    for points in layout.ways.values():
        for column, middle in points:
            for name in NODES:
                if layout.column[name] == column:
                    assert abs(layout.middle[name] - middle) >= 65 - 1e-6


def names(branches):
    return [name for branch in branches for name in (branch.name, *names(branch.children))]


def test_the_tree_holds_every_dataset(data_map):
    assert set(data_map.datasets) <= set(names(lineage_tree(data_map)))


def test_the_tree_reads_as_a_tree():
    text = tree_text(lineage_tree(the_map("example.yaml")))
    assert text.splitlines()[2:] == [
        "recordings  (media: voice/{profile_id}/{recording_id}.flac; of profile; 90 days; erased)",
        "└─ transcripts  (derived and found through recording_id; app: public.transcripts; as recordings; 90 days; erased)",
        "   └─ intent_model  (derived; models: intent; of its sources; 90 days; retrained)",
    ]


def test_what_has_two_sources_stands_under_both_and_opens_once():
    datasets = {
        "a": Dataset("a", "s", ByField({"k": "f"}), "r"),
        "b": Dataset("b", "s", ByField({"k": "f"}), "r"),
        "c": Dataset("c", "s", Inherited(("a", "b")), "r", derived_from=("a", "b")),
        "d": Dataset("d", "s", Inherited(("c",)), "r", derived_from=("c",)),
    }
    tree = lineage_tree(DataMap({}, datasets, {}, {}, (), ""))
    assert names(tree) == ["a", "c", "d", "b", "c"]
    assert [branch.children[0].again for branch in tree] == [False, True]


@pytest.mark.parametrize("name", NAMES[3:])
def test_a_cycle_ends_the_tree_and_shows_in_the_picture(name):
    text = tree_text(lineage_tree(the_map(name)))
    assert text.count("transcripts") <= 4
    assert any("a cycle" in title for title in groups(draw_lineage(the_map(name))))
