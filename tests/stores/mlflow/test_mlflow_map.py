"""MLflow registries in a data map: what may be written, and what is said about what may not."""

from __future__ import annotations

from contextlib import closing

import pytest

from expunge.core.datamap.datamap import ByField, ExperimentLayout, ModelLayout
from expunge.errors import Misconfigured
from expunge.maps.reading.reader import examine, read_map
from expunge.stores import Kinds, open_store
from tests.stores.mlflow.mlflow_company import spec

MAP = """
version: 1
state: .expunge
identities: {{profile: {{dataset: trials, key: tags.profile_id}}}}
stores:
  registry: {{kind: mlflow, url: "sqlite:///mlflow.db", artifacts: ./mlartifacts{options}}}
retention:
  life: {{period: 1 year, from: start_time, purpose: training, need: to train the recogniser}}
datasets:
  trials: {{store: registry, experiment: voice, subject: {{profile: tags.profile_id}}, retention: life}}
  intent: {{store: registry, model: intent, derived_from: trials, on_erase: destroy}}
{more}
"""


def written(folder, options="", more=""):
    path = folder / "expunge.yaml"
    path.write_text(MAP.format(options=options, more=more))
    return path


def test_an_experiment_and_a_model_of_one_registry(tmp_path):
    data_map = read_map(written(tmp_path, ", orphans: remove"), {}, kinds=Kinds())
    assert data_map.datasets["trials"].layout == ExperimentLayout("voice")
    assert data_map.datasets["trials"].subject == ByField({"profile": "tags.profile_id"})
    assert data_map.datasets["intent"].layout == ModelLayout("intent")
    registry = data_map.stores["registry"]
    assert registry.url == f"sqlite:///{tmp_path}/mlflow.db"
    assert registry.options == {"artifacts": str(tmp_path / "mlartifacts"), "orphans": "remove"}
    with closing(open_store(registry, data_map.datasets_of("registry"))) as store:
        assert [each.what for each in store.check(())] == ["the database does not exist"]


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ("  twice: {store: registry, experiment: voice, subject: {profile: run_name}, retention: life}", "overlapping-datasets"),
        ("  table: {store: registry, table: runs, subject: {profile: run_name}, retention: life}", "layout-not-for-kind"),
        ("  both: {store: registry, model: a, experiment: b, subject: {profile: run_name}, retention: life}", "missing-layout"),
    ],
)
def test_a_layout_that_cannot_be_is_a_fault_of_the_map(tmp_path, more, rule):
    assert [each.rule for each in examine(written(tmp_path, more=more), {}, kinds=Kinds()).faults] == [rule]


def test_a_url_that_names_no_file_is_a_fault_of_the_map(tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text().replace("sqlite:///mlflow.db", "http://localhost:5000"))
    (fault,) = examine(path, {}, kinds=Kinds()).faults
    assert fault.rule == "bad-url"


def test_a_folder_of_artifacts_that_another_store_holds_is_a_fault_of_the_map(tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text().replace("stores:\n", "stores:\n  media: {kind: files, url: ./mlartifacts/voice}\n"))
    (fault,) = examine(path, {}, kinds=Kinds()).faults
    assert fault.rule == "same-store-twice"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"artifacts": ""}, "artifacts"),
        ({"artifacts": "mlartifacts"}, "folder"),
        ({"artifacts": "s3://models/here"}, "folder"),
        ({"artifacts": {"main": ""}}, "artifacts"),
        ({"orphans": "burn"}, "orphans"),
        ({"busy_ms": -1}, "busy_ms"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_is_opened(tmp_path, options, said):
    with pytest.raises(Misconfigured, match=said) as caught:
        open_store(spec(tmp_path, **options), ())
    assert caught.value.help
