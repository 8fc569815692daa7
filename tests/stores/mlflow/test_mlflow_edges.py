"""Registries that are odd, shared or hostile: other revisions, sources anywhere on the disk, runs that made several models."""

from __future__ import annotations

import shutil
import sqlite3
import warnings
from contextlib import closing

import pytest

from expunge.core.datamap.datamap import ByField, Dataset, EraseAct, ExperimentLayout, Inherited, ModelLayout, OnErase
from expunge.core.datamap.grounding import Grounding
from expunge.core.values.copy import FindingKind, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Erased, Reason, Unable
from expunge.errors import CouldNotLook
from expunge.stores.mlflow.catalogue import REVISIONS, MlflowSchema
from expunge.stores.mlflow.entity_groups import EntityGroup
from expunge.stores.mlflow.match import gather
from expunge.stores.mlflow.origins import origins
from expunge.stores.mlflow.row_deletion import delete_items, delete_orphans
from expunge.stores.mlflow.store import Mlflow
from expunge.testing.plain_search import search
from tests.stores.mlflow.mlflow_company import Registry, people_of, spec, tracking

KEY = IdempotencyKey("edges-1")
CLASS = Pseudonym("class")
EVERY = [Selector(CLASS, {}, every=True)]


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path)


def model(name):
    return Dataset(
        name,
        "registry",
        Inherited(("clips",)),
        "life",
        layout=ModelLayout(name),
        derived_from=("clips",),
        on_erase=OnErase(EraseAct.DESTROY),
    )


def opened(registry, *datasets, **options):
    return closing(Mlflow(spec(registry.folder, **options), datasets))


def destroy(registry, *datasets, **options):
    """Erase the first dataset as a whole and purge; (what was warned of, outcome, outcome of the purge)."""
    with opened(registry, *datasets, **options) as store:
        copies = list(store.locate(datasets[0], EVERY))
        warned = store.preflight(datasets[0], copies)
        return warned, store.erase(datasets[0], copies, KEY)[CLASS], store.purge(datasets, KEY)


def erase_person(registry, dataset, who, **options):
    """Erase one person from a dataset and purge."""
    (field,) = dataset.subject.fields.values()
    with opened(registry, dataset, **options) as store:
        copies = list(store.locate(dataset, [Selector(Pseudonym("p"), {field: frozenset({who})})]))
        (outcome,) = store.erase(dataset, copies, KEY).values()
        return outcome, store.purge([dataset], KEY)


def left(registry, *marks):
    return [each for each in marks if search([registry.folder], [each])]


# --- schemas ---------------------------------------------------------------------------------------


def chain():
    """Every revision of the MLflow that is installed, oldest first."""
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    return [each.revision for each in ScriptDirectory.from_config(_get_alembic_config("sqlite://")).walk_revisions()][::-1]


def understood(folder, revisions):
    """Let MLflow's own migrations climb through some revisions, and run every statement of ours at each; the last schema."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase
    from sqlalchemy import create_engine

    url = f"sqlite:///{folder}/mlflow.db"
    engine = create_engine(url)
    InitialBase.metadata.create_all(engine)
    engine.dispose()
    for revision in revisions:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            command.upgrade(_get_alembic_config(url), revision)
        with closing(sqlite3.connect(folder / "mlflow.db", isolation_level=None)) as connection:
            schema = MlflowSchema(connection, "here")
            assert schema.unknown() == [], revision
            family = EntityGroup(connection, schema)
            gather(family, people_of("voice"), [Selector(CLASS, {"tags.profile_id": frozenset({"x"})})])
            gather(family, model("intent"), EVERY)
            delete_items(connection, schema)
            delete_orphans(connection, schema)
            assert origins(connection, schema) == ()
    return schema


def test_the_schemas_from_3_0_on_are_understood(tmp_path):
    revisions = chain()
    known = [each for each in revisions if each in REVISIONS]
    assert set(known) == REVISIONS
    assert known == revisions[-len(known) :], "a migration of this MLflow that nobody has looked at: see which tables it adds"
    schema = understood(tmp_path, [*known[::18], known[-1]])
    # Which columns name a run, a trace or a model: none is in a table that nothing of ours deletes from.
    named = {"run_uuid", "run_id", "trace_id", "request_id", "model_id", "source_run_id"}
    assert {table for table, columns in schema.columns.items() if columns & named} == {
        *("runs", "tags", "params", "metrics", "latest_metrics", "logged_models", "logged_model_tags", "logged_model_params"),
        *("logged_model_metrics", "model_versions", "trace_info", "trace_tags", "trace_request_metadata", "trace_metrics"),
        *("spans", "span_metrics", "assessments", "issues"),
    }


@pytest.mark.soak
def test_every_single_revision_is_understood(tmp_path):
    understood(tmp_path, [each for each in chain() if each in REVISIONS])


def test_a_revision_that_nobody_has_looked_at_is_refused_by_every_call(registry):
    registry.register("intent", f"models:/{registry.model(registry.run())}")
    dataset = model("intent")
    with opened(registry, dataset) as store:
        copies = list(store.locate(dataset, EVERY))
    with closing(sqlite3.connect(registry.folder / "mlflow.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        connection.commit()
    with opened(registry, dataset) as store:
        with pytest.raises(CouldNotLook, match="ffffffffffff") as caught:
            list(store.locate(dataset, EVERY))
        assert caught.value.help
        assert [each.kind for each in store.check(())] == [FindingKind.UNSUPPORTED]
        assert store.erase(dataset, copies, KEY)[CLASS].reason is Reason.SCHEMA_CHANGED
        assert store.purge([dataset], KEY).reason is Reason.SCHEMA_CHANGED
        assert store.preflight(dataset, copies)[0].reason is Reason.SCHEMA_CHANGED
        assert all(each.could_not for each in store.probe(dataset, copies))


def test_a_database_that_is_not_mlflows_is_said_to_be_none(tmp_path):
    (tmp_path / "mlartifacts").mkdir()
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        connection.execute("CREATE TABLE runs (a)")
    with closing(Mlflow(spec(tmp_path), ())) as store:
        (found,) = store.check(())
    assert found.kind is FindingKind.UNSUPPORTED
    assert "MLflow" in found.what


# --- folders ---------------------------------------------------------------------------------------


def test_a_source_outside_the_artifacts_is_never_touched_and_said(registry, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "weights.bin").write_bytes(b"precious")
    (registry.folder / "mlartifacts" / "link").symlink_to(elsewhere) if (registry.folder / "mlartifacts").mkdir() is None else None
    for name, source in {
        "a": str(elsewhere),
        "b": "file:///",
        "c": f"file://{registry.folder}/mlartifacts/link",
        "d": "s3://models/d",
    }.items():
        registry.register(name, source)
        warned, outcome, _ = destroy(registry, model(name))
        assert [each.reason for each in warned] == [Reason.UNSUPPORTED], name
        assert isinstance(outcome, Unable)
        assert outcome.reason is Reason.UNSUPPORTED
    assert (elsewhere / "weights.bin").read_bytes() == b"precious"
    assert (registry.folder / "mlflow.db").exists()


@pytest.mark.parametrize("folder", ["voice", "voice/models"])
def test_a_source_that_is_a_folder_of_others_too_stays(registry, folder):
    stays = registry.model(registry.run())
    registry.register("intent", f"file://{registry.folder}/mlartifacts/{folder}")
    warned, outcome, _ = destroy(registry, model("intent"))
    assert [each.reason for each in warned] == [Reason.REFERENCED]
    assert outcome.reason is Reason.REFERENCED
    assert (registry.folder / "mlartifacts" / "voice" / "models" / stays / "artifacts" / "weights.bin").exists()


def test_a_folder_that_was_registered_as_it_is_goes(registry):
    plain = registry.folder / "mlartifacts" / "imported" / "intent-v1"
    plain.mkdir(parents=True)
    (plain / "model.onnx").write_bytes(b"weights of intent")
    registry.register("intent", f"file://{plain}")
    registry.register("twin", str(plain))
    _, outcome, purged = destroy(registry, model("intent"), model("twin"))
    assert isinstance(outcome, Erased)
    assert not isinstance(purged, Unable)
    assert not plain.exists()
    assert left(registry, "intent", "twin") == []


def test_what_a_tracking_server_serves_lies_under_the_first_folder(registry):
    with tracking(registry.folder) as store:
        served = store.create_experiment("served", "mlflow-artifacts:/7")
        run = store.create_run(served, "trainer", 1, [], "run").info
    assert run.artifact_uri.startswith("mlflow-artifacts:/7/")
    place = registry.folder / "mlartifacts" / "7" / run.run_id / "artifacts"
    place.mkdir(parents=True)
    (place / "clip.flac").write_bytes(b"voice")
    dataset = Dataset("served", "registry", ByField({"run": "run_id"}), "life", layout=ExperimentLayout("served"))
    outcome, purged = erase_person(registry, dataset, run.run_id)
    assert isinstance(outcome, Erased)
    assert not isinstance(purged, Unable)
    assert left(registry, run.run_id) == []


def test_an_artifact_folder_that_is_gone_is_no_trouble(registry):
    weights = registry.model(registry.run())
    registry.register("intent", f"models:/{weights}")
    shutil.rmtree(registry.folder / "mlartifacts")
    _, outcome, purged = destroy(registry, model("intent"))
    assert isinstance(outcome, Erased)
    assert isinstance(purged, Erased)
    assert left(registry, weights) == []


def test_orphaned_weights_are_a_finding_and_in_the_way_until_the_map_says_whose_they_are(registry):
    registry.run(profile_id="p1")
    folder = registry.folder / "mlartifacts" / "voice" / "models" / ("m-" + "0" * 32) / "artifacts"
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    dataset = people_of("voice")
    with opened(registry, dataset) as store:
        found = [each for each in store.check(()) if each.kind is FindingKind.UNDECLARED]
        assert [each.where for each in found] == [f"artifacts/voice/models/m-{'0' * 32}"]
        assert "weights" in found[0].what
        purged = store.purge([dataset], KEY)
        assert (purged.reason, store.capabilities.grounding) == (Reason.CANNOT_TELL, Grounding.SCRUBBED)
    with opened(registry, dataset, orphans="keep") as store:
        assert isinstance(store.purge([dataset], KEY), Erased)
        assert any("another registry" in each for each in store.capabilities.out_of_scope)
    assert folder.exists()
    with opened(registry, dataset, orphans="remove") as store:
        assert isinstance(store.purge([dataset], KEY), Erased)
    assert not folder.exists()


# --- runs that made several things -------------------------------------------------------------------


def test_a_run_that_also_made_an_undeclared_model_is_in_the_way(registry):
    run = registry.run()
    mine, other = registry.model(run), registry.model(run)
    registry.register("intent", f"models:/{mine}")
    registry.register("other", f"models:/{other}")
    warned, outcome, _ = destroy(registry, model("intent"))
    assert [each.reason for each in warned] == [Reason.REFERENCED]
    assert outcome.reason is Reason.REFERENCED
    assert left(registry, mine, other, run) == [mine, other, run]


def test_a_run_that_also_made_a_declared_model_stays_with_it_and_goes_with_the_last(registry):
    run = registry.run()
    mine, other, checkpoint = registry.model(run), registry.model(run), registry.model(run)
    registry.register("intent", f"models:/{mine}")
    registry.register("other", f"models:/{other}")
    warned, outcome, _ = destroy(registry, model("intent"), model("other"))
    assert warned == ()
    assert isinstance(outcome, Erased)
    assert left(registry, mine, other, checkpoint, run) == [other, checkpoint, run]
    destroy(registry, model("other"), model("intent"))
    assert left(registry, mine, other, checkpoint, run) == []


def test_checkpoints_and_child_runs_of_the_run_that_trained_it_go_as_well(registry):
    run = registry.run()
    child = registry.run(mlflow__parentRunId=run)
    best, early, fold = registry.model(run), registry.model(run), registry.model(child)
    registry.register("intent", f"models:/{best}")
    stranger = registry.model(registry.run())
    destroy(registry, model("intent"))
    assert left(registry, run, child, best, early, fold, stranger) == [stranger]


def test_a_persons_run_takes_along_the_model_that_it_made_and_its_copies(registry):
    mine, others = registry.run(profile_id="p-one-3f6c1e"), registry.run(profile_id="p-two-9b2d7a")
    weights, stays = registry.model(mine), registry.model(others)
    registry.register("voice-of-one", f"models:/{weights}")
    registry.copy("voice-of-one", 1, "promoted-one")
    registry.register("voice-of-two", f"models:/{stays}")
    outcome, purged = erase_person(registry, people_of("voice"), "p-one-3f6c1e")
    assert isinstance(outcome, Erased)
    assert isinstance(purged, Erased)
    assert left(registry, "p-one-3f6c1e", mine, weights, "voice-of-one", "promoted-one") == []
    assert left(registry, "p-two-9b2d7a", others, stays, "voice-of-two") == ["p-two-9b2d7a", others, stays, "voice-of-two"]


def test_a_model_that_is_a_dataset_of_its_own_stays_when_the_run_of_a_person_goes(registry):
    mine = registry.run(profile_id="p-one-3f6c1e")
    weights = registry.model(mine)
    registry.register("intent", f"models:/{weights}")
    registry.copy("intent", 1, "promoted")
    people = people_of("voice")
    with opened(registry, people, model("intent")) as store:
        copies = list(store.locate(people, [Selector(Pseudonym("p"), {"tags.profile_id": frozenset({"p-one-3f6c1e"})})]))
        assert store.preflight(people, copies) == ()
        store.erase(people, copies, KEY)
        store.purge([people], KEY)
    assert left(registry, "p-one-3f6c1e", "log of") == []
    assert left(registry, weights, "promoted") == [weights, "promoted"]
    destroy(registry, model("intent"), people)
    assert left(registry, mine, weights, "promoted") == []


def test_weights_inside_the_artifacts_of_a_persons_run_are_in_the_way_where_their_model_is_declared(registry):
    mine = registry.run(profile_id="p-one-3f6c1e")
    registry.register("intent", f"runs:/{mine}/model", mine)
    people = people_of("voice")
    with opened(registry, people, model("intent")) as store:
        copies = list(store.locate(people, [Selector(Pseudonym("p"), {"tags.profile_id": frozenset({"p-one-3f6c1e"})})]))
        (warned,) = store.preflight(people, copies)
        (outcome,) = store.erase(people, copies, KEY).values()
    assert warned.reason is outcome.reason is Reason.REFERENCED
    assert left(registry, mine) == [mine]


def test_a_field_without_a_prefix_is_a_tag_a_parameter_or_metadata(registry):
    from mlflow.entities import Param

    run = registry.run()
    with tracking(registry.folder) as store:
        store.log_batch(run, [], [Param("speaker", "p-one-3f6c1e")], [])
    tagged = registry.run(speaker="p-one-3f6c1e")
    outcome, _ = erase_person(registry, people_of("voice", "speaker"), "p-one-3f6c1e")
    assert outcome.items == 2
    assert left(registry, run, tagged, "p-one-3f6c1e") == []


# --- traces -------------------------------------------------------------------------------------------


def trace(store, experiment, number, **metadata):
    """A trace with an assessment, as a program leaves it; its id."""
    from mlflow.entities import Feedback, TraceInfo, TraceLocation, TraceState

    info = TraceInfo(
        trace_id=f"tr-{number:032x}",
        trace_location=TraceLocation.from_experiment_id(experiment),
        request_time=1_700_000_000_000,
        state=TraceState.OK,
        trace_metadata=metadata,
        tags={},
        request_preview=f"asked by {metadata.get('mlflow.trace.user')}",
    )
    store.start_trace(info)
    store.create_assessment(Feedback(name="tone", value=f"kind to {metadata.get('mlflow.trace.user')}", trace_id=info.trace_id))
    return info.trace_id


def test_traces_of_a_person_go_with_their_assessments_and_daily_sums(registry):
    with tracking(registry.folder) as store:
        mine = trace(store, registry.experiment, 1, **{"mlflow.trace.user": "u-one-3f6c1e"})
        theirs = trace(store, registry.experiment, 2, **{"mlflow.trace.user": "u-two-9b2d7a"})
    place = registry.folder / "mlartifacts" / "voice" / "traces" / mine / "artifacts"
    place.mkdir(parents=True)
    (place / "traces.json").write_text('{"spans": "u-one-3f6c1e"}')
    day = "2023-11-14"
    with closing(sqlite3.connect(registry.folder / "mlflow.db", isolation_level=None)) as connection:
        for number, when in enumerate((day, "2023-11-15")):
            sums = (number, registry.experiment, when, "execution_time", "total", 1)
            connection.execute(
                "INSERT INTO sql_trace_metric_daily_rollups (id, experiment_id, rollup_day, metric_name, grouping_set, sample_count)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                sums,
            )
    outcome, purged = erase_person(registry, people_of("voice", "metadata.mlflow.trace.user"), "u-one-3f6c1e")
    assert outcome.items == 1
    assert isinstance(purged, Erased)
    assert left(registry, mine, "u-one-3f6c1e", theirs, "u-two-9b2d7a") == [theirs, "u-two-9b2d7a"]
    with closing(sqlite3.connect(registry.folder / "mlflow.db")) as connection:
        assert connection.execute("SELECT rollup_day FROM sql_trace_metric_daily_rollups").fetchall() == [("2023-11-15",)]
        assert connection.execute("SELECT rollup_day, rollup_family FROM sql_trace_rollup_rebuild_queue").fetchall() == [
            (day, "trace_metric")
        ]


def test_a_dataset_that_two_runs_read_goes_with_the_second(registry):
    from mlflow.entities import Dataset as Read
    from mlflow.entities import DatasetInput, InputTag

    one, two = registry.run(profile_id="p-one-3f6c1e"), registry.run(profile_id="p-two-9b2d7a")
    with tracking(registry.folder) as store:
        for run in (one, two):
            read = Read("clips-of-2026", "0123abcd", "local", "{}", "{}", "{}")
            store.log_inputs(run, [DatasetInput(read, [InputTag("mlflow.data.context", "training")])])
    erase_person(registry, people_of("voice"), "p-one-3f6c1e")
    assert left(registry, one, "clips-of-2026") == ["clips-of-2026"]
    erase_person(registry, people_of("voice"), "p-two-9b2d7a")
    assert left(registry, two, "clips-of-2026") == []


def test_a_field_that_no_run_has_is_a_finding_and_so_are_runs_that_nobody_declared(registry):
    registry.run(profile_id="p1")
    with tracking(registry.folder) as store:
        other = store.create_experiment("other", f"file://{registry.folder}/mlartifacts/other")
    registry.run(experiment=other)
    with opened(registry, people_of("voice", "tags.profil_id")) as store:
        found = {(each.kind, each.where) for each in store.check(())}
    assert found == {(FindingKind.SUBJECT_PATH, "experiments/voice"), (FindingKind.UNDECLARED, "experiments/other")}
    with opened(registry, people_of("vioce")) as store:
        assert FindingKind.MISSING in {each.kind for each in store.check(())}
