"""Closure is exact, order is right, cycles are shown, and what leads nowhere stays visible."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.datamap import Aggregate, ByField, DataMap, Dataset, IdentitySpec, Inherited, TableLayout, Through
from expunge.core.lineage.lineage_graph import CycleFound, Edge, EdgeKind, Lineage, closure, kinds_with_members, lineage_of

NOBODY = Aggregate("counts", "s", "p", "r", "n")


def dataset(name, subject, *derived_from):
    return Dataset(name, "store", subject, "life", layout=TableLayout(name), derived_from=derived_from)


def world(*datasets, **identities):
    return DataMap({}, {each.name: each for each in datasets}, identities, {}, (), "")


HOUSE = world(
    dataset("accounts", ByField({"account": "account_id"})),
    dataset("profiles", ByField({"profile": "profile_id"})),
    dataset("recordings", ByField({"profile": "profile_id"})),
    dataset("transcripts", Through("recordings", "recording_id"), "recordings"),
    dataset("model", Inherited(("transcripts",)), "transcripts"),
    dataset("bills", ByField({"account": "account_id"})),
    dataset("counts", NOBODY, "recordings"),
    dataset("chart", NOBODY, "counts"),
    account=IdentitySpec("account", "accounts", "account_id", ("email",)),
    profile=IdentitySpec("profile", "profiles", "profile_id", (), "account"),
)


def graph_of(data_map):
    return lineage_of(data_map.datasets, data_map.identities)


def test_each_kind_of_edge_is_drawn():
    edges = graph_of(HOUSE).edges
    assert Edge("recordings", "transcripts", EdgeKind.DERIVED) in edges
    assert Edge("recordings", "transcripts", EdgeKind.THROUGH, "recording_id") in edges
    assert Edge("profiles", "recordings", EdgeKind.NAMED, "profile_id") in edges
    assert Edge("accounts", "profiles", EdgeKind.MEMBER, "account_id") in edges
    assert not [edge for edge in edges if edge.source == edge.target]
    assert len(edges) == len(set(edges))


def test_a_childs_order_reaches_what_is_the_childs_and_leaves_the_household():
    reached = closure(HOUSE, ["profile"])
    assert set(reached) == {"profiles", "recordings", "transcripts", "model"}
    assert [edge.target for edge in reached["model"]] == ["transcripts", "model"]
    assert reached["recordings"] == ()


def test_an_account_takes_its_members_along():
    assert kinds_with_members(HOUSE.identities, ["account"]) == {"account", "profile"}
    assert set(closure(HOUSE, ["account"])) == {"accounts", "profiles", "recordings", "transcripts", "model", "bills"}


def test_aggregates_hold_nobody_but_stay_in_whole_or_in_part():
    assert "counts" not in closure(HOUSE, ["account"])
    paths = graph_of(HOUSE).descendants(["recordings"], {EdgeKind.DERIVED})
    assert set(paths) == {"recordings", "transcripts", "model", "counts", "chart"}
    assert [edge.source for edge in paths["chart"]] == ["recordings", "counts"]


def test_ancestors_are_told_in_the_order_of_the_map():
    assert graph_of(HOUSE).ancestors("model") == ("recordings", "transcripts")


def test_an_unknown_source_is_a_node_and_a_marked_edge():
    graph = graph_of(world(dataset("model", Inherited(("bought",)), "bought")))
    assert graph.nodes == ("model", "bought")
    assert graph.unknown == (Edge("bought", "model", EdgeKind.DERIVED, known=False),)


def test_a_cycle_is_refused_and_shown():
    graph = graph_of(
        world(
            dataset("a", ByField({}), "c"), dataset("b", ByField({}), "a"), dataset("c", ByField({}), "b"), dataset("d", ByField({}), "c")
        )
    )
    with pytest.raises(CycleFound) as caught:
        graph.order()
    assert caught.value.path[0] == caught.value.path[-1]
    assert set(caught.value.path) == {"a", "b", "c"}
    assert " -> ".join(caught.value.path) in str(caught.value)


def test_what_is_derived_from_itself_is_a_cycle():
    assert graph_of(world(dataset("a", ByField({}), "a"))).cycle() == ("a", "a")


def test_people_found_by_a_model_in_recordings_found_through_people_are_no_cycle():
    graph = graph_of(
        world(dataset("participants", ByField({"profile": "id"}), "calls"), dataset("calls", Through("participants", "call_id")))
    )
    assert graph.cycle({EdgeKind.DERIVED}) == ()
    assert graph.cycle({EdgeKind.THROUGH}) == ()
    assert graph.order({EdgeKind.THROUGH}) == ("participants", "calls")


NAMES = [f"d{n}" for n in range(7)]
GRAPHS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from([EdgeKind.DERIVED, EdgeKind.THROUGH])), max_size=14
).map(lambda edges: Lineage(tuple(NAMES), tuple(Edge(*edge) for edge in edges)))


def reachable(graph, start):
    """By brute force: every chain of edges up to the number of nodes."""
    found = {start}
    for _ in graph.nodes:
        found |= {edge.target for edge in graph.edges if edge.source in found}
    return found


@given(graph=GRAPHS, start=st.sampled_from(NAMES))
def test_closure_is_exact(graph, start):
    assert set(graph.descendants([start])) == reachable(graph, start)


@given(graph=GRAPHS, start=st.sampled_from(NAMES))
def test_each_path_is_a_chain_of_edges_from_the_start(graph, start):
    for target, path in graph.descendants([start]).items():
        assert all(edge in graph.edges for edge in path)
        assert [edge.source for edge in path][:1] == ([start] if path else [])
        assert all(one.target == other.source for one, other in pairwise(path))
        assert (path[-1].target if path else start) == target


@given(graph=GRAPHS, start=st.sampled_from(NAMES))
def test_ancestors_are_descendants_looked_at_from_the_other_end(graph, start):
    expected = {name for name in NAMES if name != start and start in graph.descendants([name])}
    assert set(graph.ancestors(start)) == expected


@given(graph=GRAPHS)
def test_the_order_puts_sources_first_or_shows_a_true_cycle(graph):
    try:
        order = graph.order()
    except CycleFound as found:
        steps = list(pairwise(found.path))
    else:
        assert sorted(order) == sorted(graph.nodes)
        assert all(order.index(edge.source) < order.index(edge.target) for edge in graph.edges)
        assert graph.cycle() == ()
        return
    assert steps
    assert all(any((edge.source, edge.target) == step for edge in graph.edges) for step in steps)
