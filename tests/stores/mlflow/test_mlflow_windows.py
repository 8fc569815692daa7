"""Windows of time over runs, by MLflow's own clock and by a tag; what hangs on a run goes with it, runs of another time stay."""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import datetime

from expunge.core.values.copy import Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.stores.mlflow.store import Mlflow
from expunge.testing import WindowSuite
from tests.stores.mlflow.mlflow_company import Registry, people_of, spec, tracking


class TestTags(WindowSuite):
    """The time in a tag, as ISO 8601 text."""

    store = Mlflow
    field = "tags.recorded_at"
    named = "tags.item"

    def declare(self, folder):
        return spec(folder), people_of("voice")

    def spelt(self, when):
        return when.isoformat() if isinstance(when, datetime) else when

    def write(self, folder, items):
        from mlflow.entities import RunTag

        with tracking(folder) as store:
            found = store.get_experiment_by_name("voice")
            experiment = found.experiment_id if found else store.create_experiment("voice", f"file://{folder}/mlartifacts/voice")
            for each in items:
                tags = {"profile_id": each.owner.id, "said": each.owner.text, "item": each.name, **self.tags(each.when)}
                store.create_run(experiment, "trainer", self.started(each.when), [RunTag(*pair) for pair in tags.items()], "enrol")

    def tags(self, when):
        return {} if when is None else {"recorded_at": self.spelt(when)}

    def started(self, when):
        return 1_700_000_000_000

    def read(self, folder):
        seen = {}
        with tracking(folder) as store, suppress(AttributeError):
            for run in store.search_runs([store.get_experiment_by_name("voice").experiment_id], "", 3, max_results=1000):
                seen[run.data.tags["item"]] = repr(sorted(run.data.tags.items())).encode()
        return seen


class TestStarted(TestTags):
    """The time at which MLflow says that a run began, in milliseconds."""

    field = "start_time"
    texts = False
    zones = False
    none = False
    purges = False

    def tags(self, when):
        return {}

    def started(self, when):
        return int(when.timestamp() * 1000)


def test_what_hangs_on_an_old_run_goes_with_it_and_its_newer_child_stays(tmp_path):
    registry = Registry(tmp_path)
    window = TestStarted()._window(until=datetime.fromisoformat("2024-01-01T00:00:00+00:00"))
    old = registry.run(profile_id="p1", start=1_600_000_000_000)
    child = registry.run(mlflow__parentRunId=old, start=1_800_000_000_000)
    young = registry.run(mlflow__parentRunId=old, start=1_600_000_000_001)
    model = registry.model(old)
    dataset = people_of("voice")
    with closing(Mlflow(spec(tmp_path), (dataset,))) as store:
        copies = list(store.locate(dataset, [Selector(Pseudonym("class"), {}, every=True, where=window)]))
        store.erase(dataset, copies, IdempotencyKey("k"))
    left = {path.name for path in (tmp_path / "mlartifacts" / "voice").iterdir()} | {
        path.name for path in (tmp_path / "mlartifacts" / "voice" / "models").iterdir()
    }
    assert {old, young, model}.isdisjoint(left)
    assert child in left
