"""What a registry says its models were made from, read from tables that MLflow itself wrote."""

from __future__ import annotations

from contextlib import closing

import pytest

from expunge.core.datamap.datamap import Dataset, EraseAct, Ignore, Inherited, ModelLayout, OnErase
from expunge.core.lineage.model_origin import descendants
from expunge.core.values.copy import FindingKind
from expunge.ports.optional.model_registry import ModelRegistry
from expunge.stores.mlflow.store import Mlflow
from tests.stores.mlflow.mlflow_company import Registry, spec

MANIFEST = "ab" * 32


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A teacher with a manifest, and what was made from it; models that say nothing; one that lies."""
    made = Registry(tmp_path_factory.mktemp("registry"))
    run = made.run(expunge__manifest_sha256=MANIFEST, expunge__lineage="ok", expunge__datasets='["recordings"]')
    made.teacher = made.model(run)
    made.register("teacher", f"models:/{made.teacher}")
    made.copy("teacher", 1, "promoted")
    student = made.run(expunge__derived_from='["models:/promoted/1"]', expunge__how="distilled from", expunge__lineage="ok")
    made.register("student", f"models:/{made.model(student)}")
    made.onnx = made.model(made.run(), expunge__derived_from="models:/student/1", expunge__how="exported from")
    made.register("liar", f"models:/{made.model(made.run(expunge__lineage='ok'))}")
    made.register("garbled", f"models:/{made.model(made.run(expunge__manifest_sha256='abc'))}")
    made.register("stranger", f"models:/{made.model(made.run(expunge__lineage='missing'))}")
    made.register("heir", f"models:/{made.model(made.run(expunge__derived_from='models:/stranger/1'))}")
    return made


def declared(*names, derived_from=("recordings",)):
    return tuple(
        Dataset(
            name,
            "registry",
            Inherited(derived_from),
            "life",
            layout=ModelLayout(name),
            derived_from=derived_from,
            on_erase=OnErase(EraseAct.DESTROY),
        )
        for name in names
    )


def opened(registry, *names, **more):
    return closing(Mlflow(spec(registry.folder), declared(*names, **more)))


def test_every_model_says_what_it_came_from(registry):
    with opened(registry) as store:
        assert isinstance(store, ModelRegistry)
        known = {each.place: each for each in store.origins()}
    teacher = known["teacher/1"]
    assert (teacher.manifest, teacher.datasets, teacher.sources, teacher.dark) == (MANIFEST, ("recordings",), (), False)
    assert known["promoted/1"].sources == ("teacher/1",)
    assert known["promoted/1"].weights == teacher.weights
    assert (known["student/1"].sources, known["student/1"].how) == (("promoted/1",), "distilled from")
    assert known[registry.onnx].sources == ("student/1",)
    assert descendants(known.values(), ["teacher/1"]) == {"promoted/1", "student/1", registry.onnx}


def test_what_says_nothing_lies_or_came_from_such_is_dark(registry):
    with opened(registry) as store:
        assert {each.place for each in store.origins() if each.dark} == {"liar/1", "garbled/1", "stranger/1", "heir/1"}


def test_a_dark_model_is_a_finding_unless_the_map_says_what_it_learnt_from(registry):
    with opened(registry, "teacher", "stranger", "heir") as store:
        found = {each.where: each.kind for each in store.check(()) if each.where.startswith("models/") and each.where.endswith("/1")}
        assert found == {
            "models/stranger/1": FindingKind.NOTE,
            "models/heir/1": FindingKind.NOTE,
            "models/liar/1": FindingKind.UNDECLARED,
            "models/garbled/1": FindingKind.UNDECLARED,
        }
        ignored = [Ignore("registry", "models/liar/*", "random weights for load tests")]
        assert "models/liar/1" not in {each.where for each in store.check(ignored)}
    with opened(registry, "stranger", derived_from=()) as store:
        kinds = {each.where: each.kind for each in store.check(())}
        assert kinds["models/stranger/1"] is FindingKind.UNDECLARED
