"""Versions of a registered model, each judged by its own manifest, in a registry that MLflow itself has written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest

from expunge import clock
from expunge.core.evidence.receipt import Result
from expunge.core.values.order import OrderState
from expunge.learn.provenance.sealing import Sealer
from expunge.learn.provenance.tracking import Record
from tests.engine import household
from tests.engine.household import ANNA, BELA, CARA, MAP, PEOPLE
from tests.models.nursery import Nursery
from tests.models.test_failing import serves

# Why not imported: it takes two seconds, and most processes that collect this file run none of it.
pytestmark = pytest.mark.skipif(find_spec("mlflow") is None, reason="extra mlflow is not installed")

KEY = b"a key of thirty-two bytes or so!"
STORE = '  registry: {{kind: mlflow, url: "sqlite:///world/registry/mlflow.db", artifacts: ./world/registry/mlartifacts}}\nretention:\n'
INTENT = (
    "  intent: {{store: registry, model: intent, derived_from: [voice], artefact: version, origin: manifest, on_erase: destroy}}\n"
    "ignore:\n  - {{store: registry, path: experiments/*, reason: runs of load tests}}\n"
)
TRAININGS = "trainings: {ledger: ./ledger, key: ./training.key}\n"


class Company:
    """A registry with two versions: one learnt from Anna, one did not."""

    def __init__(self, home: Nursery) -> None:
        from tests.stores.mlflow.mlflow_company import Registry

        self.home = home
        folder = home.world / "registry"
        folder.mkdir()
        self.registry = Registry(folder)
        (home.folder / "training.key").write_bytes(KEY)
        text = MAP.replace("retention:\n", STORE, 1) + INTENT
        home.map.write_text(text.format(shared="erase", extra=TRAININGS))

    def version(self, *people: str, run: str = "") -> tuple[str, Path]:
        """Train, register and seal one; the id of its logged model, and where its weights lie."""
        run = run or self.registry.run(expunge__datasets='["voice"]')
        model = self.registry.model(run)
        self.registry.register("intent", f"models:/{model}")
        folders = [Path(each) for each in self.folders(model, run)]
        files = [path for each in people for path in sorted((self.home.world / "media" / "voice" / each).glob("*.wav"))]
        Sealer(self.home.folder / "ledger", KEY).seal(
            folders,
            dataset="intent",
            records=[Record(each.stem, sha256(each.read_bytes()).digest()) for each in files],
            people={"profile": people, "account": {PEOPLE[each] for each in people}},
            sources={"voice": clock.now()},
        )
        return model, folders[0]

    def folders(self, model: str, run: str) -> list[str]:
        """Where a version's files lie: its model's, and what its run logged."""
        with closing(sqlite3.connect(self.registry.folder / "mlflow.db")) as db:
            (one,) = db.execute("SELECT artifact_location FROM logged_models WHERE model_id = ?", (model,)).fetchone()
            (other,) = db.execute("SELECT artifact_uri FROM runs WHERE run_uuid = ?", (run,)).fetchone()
        return [each.removeprefix("file://") for each in (one, other)]

    def versions(self) -> list[int]:
        with closing(sqlite3.connect(self.registry.folder / "mlflow.db")) as db:
            return [row[0] for row in db.execute("SELECT version FROM model_versions WHERE name = 'intent' ORDER BY version")]


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(Nursery(household.build(tmp_path / "home").folder))


def test_the_version_that_had_the_person_goes_with_its_run_and_the_other_goes_on_serving(company: Company) -> None:
    old, old_folder = company.version(ANNA, BELA)
    _, new_folder = company.version(BELA, CARA)
    weights = (new_folder / "weights.bin").read_bytes()
    run = company.home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert company.versions() == [2]
    assert not old_folder.exists()
    assert (new_folder / "weights.bin").read_bytes() == weights
    assert company.home.search(old, where=("world",)) == []
    entry = company.home.entry(run.order, "intent")
    assert entry.outcome is Result.ERASED
    (said,) = [each for each in company.home.receipt(run.order).models if each.dataset == "intent"]
    (stayed,) = said.stayed
    assert sha256(weights).hexdigest() in stayed.contents
    assert serves(company.home, f"sha256:{sha256(weights).hexdigest()}")
    assert serves(company.home, "intent")


def test_two_versions_of_one_run_cannot_be_told_apart(company: Company) -> None:
    shared = company.registry.run(expunge__datasets='["voice"]')
    company.version(ANNA, BELA, run=shared)
    company.version(BELA, CARA, run=shared)
    run = company.home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert company.versions() == [], "the run that goes would take the other along"


def test_what_mlflow_noted_of_the_data_of_both_stays_with_the_one_that_stays(company: Company) -> None:
    from mlflow.entities import Dataset, DatasetInput

    from tests.stores.mlflow.mlflow_company import tracking

    runs = [company.registry.run(expunge__datasets='["voice"]') for _ in range(2)]
    with tracking(company.registry.folder) as store:
        for each in runs:
            store.log_inputs(each, [DatasetInput(Dataset("clips", "ab12cd34", "local", "{}"), [])])
    company.version(ANNA, BELA, run=runs[0])
    company.version(BELA, CARA, run=runs[1])
    run = company.home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert company.versions() == [2]
    with closing(sqlite3.connect(company.registry.folder / "mlflow.db")) as db:
        assert db.execute("SELECT count(*) FROM inputs WHERE destination_id = ?", (runs[1],)).fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM inputs WHERE destination_id = ?", (runs[0],)).fetchone() == (0,)


def test_a_file_that_was_logged_after_the_sealing_clears_nothing(company: Company) -> None:
    _, folder = company.version(BELA, CARA)
    (folder / "input_example.json").write_text('{"said": "rows of somebody"}')
    company.home.erase(f"profile:{ANNA}")
    assert company.versions() == []
