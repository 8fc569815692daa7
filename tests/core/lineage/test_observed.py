"""Observed lineage as values: one spelling for a name, sums that no order and no repetition changes, gaps in the map."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.datamap import Aggregate, DataMap, Dataset, Ignore, Inherited, StoreSpec, TableLayout
from expunge.core.datamap.lineage_spec import Harmless, LineageSpec
from expunge.core.lineage.dataset_lookup import DatasetLookup
from expunge.core.lineage.lineage_merge import sighted
from expunge.core.lineage.observations import ColumnFlow, Observation, RunStage, add_packed, add_up, pack, unpack
from expunge.core.lineage.openlineage import EventRefusal, address, parse, read
from expunge.core.lineage.undeclared_lineage import gaps, tag
from expunge.core.orders.plan import PlanSnapshot, plan
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.errors import StateCorrupt
from tests.core.maps import SCRUBS, voice_company

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
APP = "sqlite:///app.db"


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        ("postgres://db:5432", "app.public.t", "postgres://db:5432/app.public.t"),
        ("postgresql://user:pw@DB", "app.public.t", "postgres://db:5432/app.public.t"),
        ("postgres://127.0.0.1:6543/", "app.public.t", "postgres://localhost:6543/app.public.t"),
        ("s3a://Lake", "/events/2026/", "s3://lake/events/2026"),
        ("file", "/srv/media/a.wav", "file:///srv/media/a.wav"),
        ("file://", "/srv/media", "file:///srv/media"),
        ("file:", "srv/media", "file:///srv/media"),
        ("file://localhost", "/srv/media", "file:///srv/media"),
        ("file://other", "/srv/media", "file://other/srv/media"),
        ("sqlite:///srv/app.db", "main.t", "sqlite:///srv/app.db/main.t"),
        ("sqlite:////srv/app.db", "t", "sqlite:///srv/app.db/t"),
        ("bigquery", "project.set.table", "bigquery/project.set.table"),
        ("bigquery/project.set.table", "", "bigquery/project.set.table"),
    ],
)
def test_a_dataset_has_one_spelling(namespace: str, name: str, expected: str) -> None:
    assert address(namespace, name) == expected
    assert address(expected, "") == expected


def event(**changes: Any) -> dict[str, Any]:
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-03-01T13:00:00+01:00",
        "run": {"runId": "one"},
        "job": {"namespace": "n", "name": "j"},
        "inputs": [{"namespace": "s3://lake", "name": "in"}],
        "outputs": [{"namespace": "s3://lake", "name": "out"}],
        **changes,
    }


def test_run_job_and_dataset_events_are_read_and_nothing_but_names_is_kept() -> None:
    lineage = {
        "fields": {"c": {"inputFields": [{"namespace": "s3://lake", "name": "in", "field": "f", "transformations": [{"secret": 1}]}]}}
    }
    dataset = {"namespace": "s3://lake", "name": "out", "facets": {"columnLineage": lineage, "schema": {"fields": []}}}
    seen = read(event(outputs=[dataset]))
    assert isinstance(seen, Observation)
    column = ColumnFlow("s3://lake/in", "f", "s3://lake/out", "c")
    assert (seen.at, seen.stage, seen.inputs, seen.outputs, seen.columns) == (
        NOON,
        RunStage.COMPLETE,
        ("s3://lake/in",),
        ("s3://lake/out",),
        (column,),
    )
    job = read({key: value for key, value in event().items() if key not in {"run", "eventType"}})
    assert isinstance(job, Observation)
    assert job.stage is RunStage.DESIGN
    of_dataset = read({"eventTime": "2026-03-01T12:00:00Z", "dataset": dataset})
    assert isinstance(of_dataset, Observation)
    assert (of_dataset.inputs, of_dataset.outputs) == (("s3://lake/in",), ("s3://lake/out",))


def test_column_lineage_names_a_source_that_the_inputs_leave_out() -> None:
    lineage = {"fields": {"c": {"inputFields": [{"namespace": "s3://lake", "name": "other", "field": "f"}]}}}
    seen = read(event(outputs=[{"namespace": "s3://lake", "name": "out", "facets": {"columnLineage": lineage}}]))
    assert isinstance(seen, Observation)
    assert seen.inputs == ("s3://lake/in", "s3://lake/other")


WORDS = "run job dataset inputs outputs facets columnLineage fields inputFields namespace name eventTime eventType runId x"
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(WORDS.split()), inner)))
def test_whatever_comes_is_an_observation_or_a_refusal_that_repeats_nothing(value: Any) -> None:
    found = read(value)
    assert isinstance(found, Observation | EventRefusal)
    if isinstance(found, EventRefusal):
        assert found.what
        assert found.mend


@given(st.binary(max_size=300), st.booleans())
def test_whatever_bytes_come_they_are_values_or_no_json(body: bytes, lines: bool) -> None:
    try:
        found = parse(body, lines=lines)
    except ValueError as error:
        found = [str(error)]
    assert isinstance(found, list)


NAMES = st.sampled_from([f"s3://lake/{name}" for name in "abcdef"])
SOME = st.lists(NAMES, max_size=3, unique=True).map(lambda names: tuple(sorted(names)))
OBSERVATIONS = st.lists(
    st.builds(
        Observation,
        run=st.sampled_from(["r1", "r2", "r3"]),
        at=st.integers(0, 9).map(lambda hours: NOON + timedelta(hours=hours)),
        stage=st.sampled_from(RunStage),
        job=st.sampled_from(["j", "k"]),
        inputs=SOME,
        outputs=SOME,
        columns=st.lists(st.builds(ColumnFlow, NAMES, st.just("f"), NAMES, st.just("c")), max_size=2).map(tuple),
    ),
    max_size=8,
)


@given(OBSERVATIONS, st.randoms(use_true_random=False))
def test_no_order_and_no_repetition_changes_what_events_add_up_to(observations: list[Observation], chance: random.Random) -> None:
    again = observations + [each for each in observations if chance.random() < 0.5]
    chance.shuffle(again)
    assert add_up(again) == add_up(observations)


@given(OBSERVATIONS)
def test_every_edge_of_every_single_event_is_in_the_sum(observations: list[Observation]) -> None:
    found = add_up(observations)
    for each in observations:
        for source in each.inputs:
            for target in each.outputs:
                assert any(source in flow.inputs and target in flow.outputs for flow in found.flows)


@given(OBSERVATIONS)
def test_what_is_packed_in_groups_adds_up_to_what_was_observed(observations: list[Observation]) -> None:
    assert add_packed([pack(observations[:3]), pack(observations[3:])]) == add_up(observations)


@pytest.mark.parametrize("packed", ["", "[]", '{"texts":[],"seen":[[1]]}', '{"texts":[],"seen":[["r",0,"COMPLETE",3,[],[],[]]]}'])
def test_a_register_that_was_changed_is_noticed(packed: str) -> None:
    with pytest.raises(StateCorrupt):
        add_packed([packed])


def test_inputs_of_one_event_and_outputs_of_another_of_the_same_run_make_an_edge() -> None:
    start = Observation("r", NOON, RunStage.START, "j", ("s3://lake/a",), ())
    end = Observation("r", NOON, RunStage.COMPLETE, "j", (), ("s3://lake/b",))
    (flow,) = add_up([end, start]).flows
    assert (flow.inputs, flow.outputs, flow.completed) == ({"s3://lake/a"}, {"s3://lake/b"}, True)


def seen(*pairs: tuple[str, str], stage: RunStage = RunStage.COMPLETE) -> list[Observation]:
    return [Observation(f"r{number}", NOON, stage, "j", (source,), (target,)) for number, (source, target) in enumerate(pairs)]


def test_places_are_found_by_the_store_and_by_the_names_that_the_map_gives() -> None:
    data_map = replace(voice_company(), lineage=LineageSpec({"profiles": ("duckdb://w/raw.profiles", "duckdb://w/old.*")}))
    atlas = DatasetLookup(data_map)
    assert atlas.datasets(f"{APP}/transcripts") == atlas.datasets(f"{APP}/main.transcripts") == {"transcripts"}
    assert atlas.datasets("duckdb://w/raw.profiles") == atlas.datasets("duckdb://w/old.p") == {"profiles"}
    assert atlas.datasets("duckdb://w/new.p") == frozenset()
    for whole in ("file:///media", "file:///media/v", "file:///media/v/p-1", "file:///media/v/p-1/r-1.wav"):
        assert atlas.datasets(whole) == {"recordings"}
    for other in ("file:///mediation", "file:///media/w", "file:///media/v/p-1/r-1.mp3", "file:///media/v/p-1/r-1.wav/more"):
        assert atlas.datasets(other) == frozenset()
    assert atlas.place(f"{APP}/main.copy") == ("app", "copy")
    assert atlas.place("file:///media/w/x.wav") == ("media", "w/x.wav")


def test_a_server_is_known_whoever_connects_to_it_and_however_its_schema_is_written() -> None:
    base = voice_company()
    stores = {**base.stores, "app": StoreSpec("app", "postgres", "postgresql://me:secret@DB/voice?sslmode=require")}
    atlas = DatasetLookup(replace(base, stores=stores))
    assert atlas.datasets(address("postgres://db:5432", "voice.public.transcripts")) == {"transcripts"}
    assert atlas.datasets(address("postgres://db:5432", "other.public.transcripts")) == frozenset()


def test_a_dataset_that_is_made_from_one_that_is_made_from_ours_is_unknown_and_ours_all_the_same() -> None:
    found = gaps(voice_company(), add_up(seen((f"{APP}/transcripts", "s3://lake/daily"), ("s3://lake/daily", "s3://lake/monthly"))))
    assert [(each.address, each.sources) for each in found.unknown] == [
        ("s3://lake/daily", ("transcripts",)),
        ("s3://lake/monthly", ("transcripts",)),
    ]


def test_what_feeds_ours_is_told_and_what_has_nothing_to_do_with_it_too() -> None:
    found = gaps(voice_company(), add_up(seen(("s3://crm/leads", f"{APP}/profiles"), ("s3://weather/now", "s3://weather/map"))))
    assert [(each.address, each.sources, each.feeds) for each in found.unknown] == [
        ("s3://crm/leads", (), ("profiles",)),
        ("s3://weather/map", (), ()),
        ("s3://weather/now", (), ()),
    ]


def test_a_cycle_of_pipelines_ends_and_hides_nothing() -> None:
    ring = [(f"{APP}/transcripts", "s3://a/1"), ("s3://a/1", "s3://a/2"), ("s3://a/2", "s3://a/1"), ("s3://a/2", f"{APP}/transcripts")]
    found = gaps(voice_company(), add_up(seen(*ring, ("s3://a/1", "s3://a/1"))))
    assert [each.sources for each in found.unknown] == [("transcripts",), ("transcripts",)]


def test_a_run_that_failed_may_have_written_all_the_same() -> None:
    (only,) = gaps(voice_company(), add_up(seen((f"{APP}/transcripts", "s3://a/1"), stage=RunStage.FAIL))).unknown
    assert (only.sources, only.completed) == (("transcripts",), False)


def test_what_the_map_calls_harmless_ends_the_path() -> None:
    data_map = replace(voice_company(), lineage=LineageSpec(harmless=(Harmless("s3://counts/*", "numbers of calls, nobody's"),)))
    observed = seen((f"{APP}/transcripts", "s3://counts/day"), ("s3://counts/day", "s3://board/chart"))
    assert [(each.address, each.sources) for each in gaps(data_map, add_up(observed)).unknown] == [("s3://board/chart", ())]


def test_what_the_map_ignores_in_a_store_is_no_place_of_people_for_pipelines_either() -> None:
    data_map = replace(voice_company(), ignore=(Ignore("app", "stage_*", "counters of the pipeline"), Ignore("media", "cache/*", "icons")))
    observed = [
        (f"{APP}/transcripts", at) for at in (f"{APP}/stage_1", f"{APP}/main.stage_2", "file:///media/cache/1.png", f"{APP}/staged")
    ]
    assert [each.address for each in gaps(data_map, add_up(seen(*observed))).unknown] == [f"{APP}/staged"]


def with_more(data_map: DataMap, *datasets: Dataset) -> DataMap:
    return replace(data_map, datasets={**data_map.datasets, **{each.name: each for each in datasets}})


def test_an_edge_between_datasets_of_the_map_that_it_does_not_declare_matters_where_nobody_can_be_found_in_the_target() -> None:
    model = Dataset("model", "app", Inherited(("recordings",)), "life", layout=TableLayout("model"), derived_from=("recordings",))
    counts = Dataset("counts", "app", Aggregate("a", "b", "c", "d", "e"), "life", layout=TableLayout("counts"))
    data_map = with_more(voice_company(), model, counts)
    pairs = [
        (f"{APP}/{source}", f"{APP}/{target}")
        for source, target in (("transcripts", "model"), ("profiles", "counts"), ("transcripts", "profiles"))
    ]
    found = gaps(data_map, add_up(seen(*pairs, ("file:///media/v", f"{APP}/model"), ("file:///media/v", f"{APP}/transcripts"))))
    assert [(each.source, each.target, each.matters) for each in found.unsaid] == [
        ("profiles", "counts", True),
        ("transcripts", "model", True),
        ("transcripts", "profiles", False),
    ]


def test_edges_are_marked_with_where_they_come_from() -> None:
    observed = add_up(seen(("file:///media/v", f"{APP}/transcripts"), (f"{APP}/transcripts", "s3://a/1")))
    marks = {(each.edge.source, each.edge.target): (each.edge.declared, each.edge.seen) for each in sighted(voice_company(), observed)}
    assert marks == {("recordings", "transcripts"): (True, True), ("transcripts", "s3://a/1"): (False, True)}


def test_a_run_of_a_thousand_by_a_thousand_datasets_is_kept_without_a_million_edges() -> None:
    inputs, outputs = (tuple(sorted(f"s3://{side}/{number}" for number in range(1000))) for side in ("in", "out"))
    observed = add_up([Observation("r", NOON, RunStage.COMPLETE, "j", (*inputs, f"{APP}/transcripts"), outputs)])
    assert len(observed.flows) == 1
    assert sum(1 for each in gaps(voice_company(), observed).unknown if each.sources) == 1000
    assert len(sighted(voice_company(), observed, most=500)) == 501


KEY = bytes(32)
ANNA = Pseudonym("a" * 32)


def planned(data_map: DataMap, observed: list[Observation]) -> Any:
    return plan(
        PlanSnapshot(OrderId("ord-x"), (ANNA,), data_map, "m" * 64, SCRUBS, (), observed=gaps(data_map, add_up(observed)).places(KEY))
    )


def test_a_plan_names_what_it_cannot_reach_by_a_keyed_name() -> None:
    made = planned(voice_company(), seen((f"{APP}/transcripts", "s3://mail/ada.quillfeather"), ("s3://x/y", f"{APP}/profiles")))
    assert made.observed == (tag(KEY, "s3://mail/ada.quillfeather"),)
    assert b"quillfeather" not in made.to_bytes()
    assert type(made).from_bytes(made.to_bytes()) == made


def test_a_plan_without_gaps_has_the_bytes_that_it_always_had() -> None:
    assert b"observed" not in planned(voice_company(), seen(("file:///media/v", f"{APP}/transcripts"))).to_bytes()


def seen_by(*columns: ColumnFlow) -> Observation:
    return Observation("ab" * 16, NOON, RunStage.COMPLETE, "n/j", ("s3://a/b",), ("s3://a/c",), columns)


@given(st.lists(st.builds(ColumnFlow, *[st.text("abc/:é", min_size=1, max_size=9)] * 4), max_size=5), st.datetimes(timezones=st.just(UTC)))
def test_observations_come_out_of_a_pack_as_they_went_in(columns: list[ColumnFlow], at: datetime) -> None:
    said = (replace(seen_by(*sorted(set(columns))), at=at), seen_by())
    assert unpack(pack(said)) == said


WRONG = {
    "no JSON": "{",
    "a list": "[]",
    "a field more": '{"texts":[],"seen":[],"more":1}',
    "a number for a text": '{"texts":[1],"seen":[]}',
    "a control character": r'{"texts":["a\u0000"],"seen":[]}',
    "half a character": r'{"texts":["a\ud800"],"seen":[]}',
    "a text without end": '{"texts":["' + "x" * 5000 + '"],"seen":[]}',
    "a text that is not there": '{"texts":["j"],"seen":[["RUN",1,"COMPLETE",1,[],[],[]]]}',
    "a place from the end": '{"texts":["j"],"seen":[["RUN",1,"COMPLETE",-1,[],[],[]]]}',
    "no run": '{"texts":["j"],"seen":[["x",1,"COMPLETE",0,[],[],[]]]}',
    "a number for a run": '{"texts":["j"],"seen":[[1,1,"COMPLETE",0,[],[],[]]]}',
    "no stage": '{"texts":["j"],"seen":[["RUN",1,"NONE",0,[],[],[]]]}',
    "a time out of time": '{"texts":["j"],"seen":[["RUN",99999999999999999999,"COMPLETE",0,[],[],[]]]}',
    "half a column": '{"texts":["j"],"seen":[["RUN",1,"COMPLETE",0,[],[],[[0,0]]]]}',
    "a place in a place": '{"texts":["j"],"seen":[["RUN",1,"COMPLETE",0,[[0]],[],[]]]}',
    "half a row": '{"texts":["j"],"seen":[["RUN",1]]}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_pack_of_a_process_that_is_not_trusted_is_refused_whole(name: str) -> None:
    with pytest.raises(ValueError, match="no observations"):
        unpack(WRONG[name].replace("RUN", "ab" * 16))
