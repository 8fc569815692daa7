"""Destroying a model in an MLflow registry: ways that are known to leave it behind, each shown to, and the order that does not."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest

from expunge.core.datamap.datamap import Dataset, EraseAct, Inherited, ModelLayout, OnErase
from expunge.core.values.copy import Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Erased, Reason, Unable
from expunge.stores.mlflow.store import Mlflow
from tests.stores.mlflow.mlflow_company import Company, spec

KEY = IdempotencyKey("destroy-1")
CLASS = Pseudonym("class")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry") / "estate"
    folder.mkdir()
    return Company(folder)


@pytest.fixture
def company(made):
    return made.restored()


def model(name):
    return Dataset(
        name,
        "registry",
        Inherited(("clips",)),
        "voice",
        layout=ModelLayout(name),
        derived_from=("clips",),
        on_erase=OnErase(EraseAct.DESTROY),
    )


def destroy(company, **options):
    """What an order to destroy the model ``intent`` does to the store; (outcomes, outcome of the purge)."""
    dataset = model("intent")
    with closing(Mlflow(spec(company.folder, **options), (dataset, model("other")))) as store:
        copies = list(store.locate(dataset, [Selector(CLASS, {}, every=True)]))
        assert store.preflight(dataset, copies) == ()
        outcomes = store.erase(dataset, copies, KEY)
        purged = store.purge([dataset], KEY)
        assert [each.items for each in store.probe(dataset, copies)] == [0] * len(copies)
        assert list(store.locate(dataset, [Selector(CLASS, {}, every=True)])) == []
        return outcomes, purged


def gone(company):
    return not company.weights_left() and not company.marks_left() and not company.loads("intent") and not company.loads("intent-copy")


def test_an_order_takes_the_whole_estate_of_a_model_to_zero_and_leaves_the_other_serving(company):
    assert company.weights_left() == 1
    assert len(company.marks_left()) == 6
    assert company.loads("intent")
    assert company.loads("intent-copy")
    outcomes, purged = destroy(company)
    assert isinstance(outcomes[CLASS], Erased)
    assert isinstance(purged, Erased)
    assert gone(company)
    assert company.other() == company.kept
    again, _ = destroy(company)
    assert again == {}


def deletes_registered_model(company, client):
    client.delete_registered_model("intent")
    return "intent-copy"


def deletes_run(company, client):
    client.delete_run(company.run)
    return "intent"


def deletes_experiment(company, client):
    client.delete_experiment(client.get_experiment_by_name("voice").experiment_id)
    return "intent-copy"


def deletes_logged_model(company, client):
    client.delete_logged_model(company.model)
    return


def deletes_all_four(company, client):
    for name in ("intent", "intent-copy"):
        client.delete_registered_model(name)
    client.delete_logged_model(company.model)
    client.delete_run(company.run)
    deletes_experiment(company, client)
    return


def deletes_the_version_and_forgets_the_copy(company, client):
    client.delete_model_version("intent", 1)
    return "intent-copy"


def takes_the_alias_away(company, client):
    client.delete_registered_model_alias("intent", "prod")
    return "intent"


def deletes_the_traces(company, client):
    found = client.search_traces(locations=[client.get_experiment_by_name("voice").experiment_id])
    client.delete_traces(client.get_experiment_by_name("voice").experiment_id, trace_ids=[each.info.trace_id for each in found])
    return "intent"


def removes_the_folder_of_artifacts(company, client):
    shutil.rmtree(company.folder / "mlartifacts" / "voice")
    return


WAYS = (
    (deletes_registered_model, 1, False),
    (deletes_run, 1, False),
    (deletes_experiment, 1, True),
    (deletes_logged_model, 0, False),
    (deletes_all_four, 0, True),
    (deletes_the_version_and_forgets_the_copy, 1, False),
    (takes_the_alias_away, 1, False),
    (deletes_the_traces, 1, True),
    (removes_the_folder_of_artifacts, 0, False),
)
"""The way, in how many files the weights are left after ``mlflow gc``, and whether folders are left that no row knows."""


@pytest.mark.parametrize(("way", "weights", "orphans"), WAYS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_way_that_leaves_it_behind_and_the_order_that_does_not(company, way, weights, orphans):
    with company.client() as (_, client):
        serving = way(company, client)
    assert company.gc() == 0
    assert company.weights_left() == weights
    assert company.marks_left()
    assert serving is None or company.loads(serving)
    _, purged = destroy(company)
    if orphans:
        # Whose they are nobody can tell; nothing is taken for done until somebody says that the folder is this registry's.
        assert isinstance(purged, Unable)
        assert purged.reason is Reason.CANNOT_TELL
        _, purged = destroy(company, orphans="remove")
    assert isinstance(purged, Erased)
    assert gone(company)
    assert company.other() == company.kept
