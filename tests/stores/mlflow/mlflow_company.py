"""Real MLflow estates for tests: a company's registry in a folder, written by MLflow itself and closed again after each use."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from expunge.core.datamap.datamap import ByField, Dataset, ExperimentLayout, StoreSpec
from expunge.testing.plain_search import search


@cache
def _template() -> Path:
    """A fresh MLflow database, made once for each process: its migrations take seconds."""
    folder = Path(tempfile.mkdtemp(prefix="mlflow-template-"))
    with _stores(folder):
        pass
    return folder / "mlflow.db"


@cache
def _remember_newest_schema() -> None:
    """Have MLflow read its forty migrations once for a process, not each time that a store is opened, to learn which is the newest."""
    from mlflow.store.db import utils

    utils._get_latest_schema_revision = cache(utils._get_latest_schema_revision)


@contextmanager
def _stores(folder: Path) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        _remember_newest_schema()
        store = SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", f"file://{folder}/mlartifacts")
        try:
            yield store
        finally:
            store.engine.dispose()


@contextmanager
def tracking(folder: Path) -> Iterator[Any]:
    """MLflow's own tracking store over the folder's database, made where there is none."""
    if not (folder / "mlflow.db").exists():
        shutil.copy(_template(), folder / "mlflow.db")
    with _stores(folder) as store:
        yield store


def spec(folder: Path, **options: Any) -> StoreSpec:
    """The store as a map declares it."""
    return StoreSpec(
        "registry", "mlflow", f"sqlite:///{folder}/mlflow.db", {"artifacts": str(folder / "mlartifacts"), "busy_ms": 200, **options}
    )


def people_of(experiment: str, field: str = "tags.profile_id") -> Dataset:
    """An experiment with runs and traces of people."""
    return Dataset("trials", "registry", ByField({"profile": field}), "life", layout=ExperimentLayout(experiment))


class Registry:
    """A registry whose models are a few bytes each: what is tested is what MLflow's tables say of them."""

    def __init__(self, folder: Path) -> None:
        """In a folder, with the experiment ``voice``."""
        self.folder = folder
        with tracking(folder) as store:
            self.experiment = store.create_experiment("voice", f"file://{folder}/mlartifacts/voice")

    def run(self, *, experiment: str = "", start: int = 1_700_000_000_000, **tags: str) -> str:
        """A run with some tags (``__`` stands for a dot), and a file of its own; its id."""
        from mlflow.entities import RunTag

        with tracking(self.folder) as store:
            named = [RunTag(name.replace("__", "."), value) for name, value in tags.items()]
            run = store.create_run(experiment or self.experiment, "trainer", start, named, "run")
            place = Path(run.info.artifact_uri.removeprefix("file://"))
            place.mkdir(parents=True)
            (place / "log.txt").write_text(f"log of {run.info.run_id}")
            return str(run.info.run_id)

    def model(self, run: str, **tags: str) -> str:
        """A logged model of a run, with weights; its id."""
        from mlflow.entities import LoggedModelTag

        with tracking(self.folder) as store:
            named = [LoggedModelTag(name.replace("__", "."), value) for name, value in tags.items()]
            model = store.create_logged_model(self.experiment, "model", run, named)
            place = Path(model.artifact_location.removeprefix("file://"))
            place.mkdir(parents=True)
            (place / "MLmodel").write_text("flavors: {}")
            (place / "weights.bin").write_bytes(model.model_id.encode() * 20)
            return str(model.model_id)

    def register(self, name: str, source: str, run: str = "", **tags: str) -> int:
        """A version of a registered model; its number."""
        from mlflow.exceptions import MlflowException

        with connected(f"sqlite:///{self.folder}/mlflow.db") as (_, client):
            with suppress(MlflowException):
                client.create_registered_model(name)
            named = {each.replace("__", "."): value for each, value in tags.items()}
            return int(client.create_model_version(name, source, run or None, tags=named).version)

    def copy(self, name: str, version: int, target: str) -> None:
        """Promote a version under another name."""
        with connected(f"sqlite:///{self.folder}/mlflow.db") as (_, client):
            client.copy_model_version(f"models:/{name}/{version}", target)


@contextmanager
def connected(uri: str) -> Iterator[tuple[Any, Any]]:
    """MLflow and a client of it, with every connection closed again at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registered
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracked

        mlflow.set_tracking_uri(uri)
        try:
            yield mlflow, mlflow.MlflowClient()
        finally:
            for kind in (Tracked, Registered):
                for engine in getattr(kind, "_engine_map", {}).values():
                    engine.dispose()


ROWS = "0.7351928461"
"""A number of the training rows, as they lie in input examples and tables."""
WHO = "p4kid7q2x9w5e8r1t6y3"
"""The person in tags, parameters and traces."""


class Company:
    """A registry with the model ``intent`` and everything that MLflow makes around it, and with ``other``, which stays."""

    def __init__(self, folder: Path) -> None:
        """Make the registry in a folder."""
        self.folder = folder
        self.uri = f"sqlite:///{folder}/mlflow.db"
        self.run = self.model = self.child = ""
        shutil.copy(_template(), folder / "mlflow.db")
        with self.client() as (mlflow, client):
            client.create_experiment("voice", artifact_location=f"file://{folder}/mlartifacts/voice")
            client.create_experiment("others", artifact_location=f"file://{folder}/mlartifacts/others")
            self._train(mlflow, client)
            self._train_other(mlflow)
        self.kept = self.other()
        self._copy = folder.with_name(folder.name + "-copy")
        shutil.copytree(folder, self._copy)
        self._windows = self._own_windows()

    def restored(self) -> Company:
        """The registry as it was when it was made."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._copy, self.folder)
        return self

    @contextmanager
    def client(self) -> Iterator[tuple[Any, Any]]:
        """As :func:`connected`."""
        with connected(self.uri) as opened:
            yield opened

    def _train(self, mlflow: Any, client: Any) -> None:
        import pandas as pd
        from sklearn.linear_model import LogisticRegression

        frame = pd.DataFrame({"pitch": [float(ROWS), 0.2, 0.9, 0.4], "speed": [1.0, 2.0, 3.0, 4.0], "label": [0.0, 1.0, 0.0, 1.0]})
        mlflow.set_experiment("voice")
        with mlflow.start_run() as run:
            self.run = run.info.run_id
            mlflow.log_input(mlflow.data.from_pandas(frame, name="clips-of-kids", targets="label"), context="training")
            mlflow.set_tag("profile_id", WHO)
            mlflow.log_param("speaker", WHO)
            mlflow.log_metric("accuracy", 0.5)
            mlflow.log_table(frame, "rows.json")
            fitted = LogisticRegression().fit(frame[["pitch", "speed"]], frame["label"])
            info = mlflow.sklearn.log_model(
                fitted,
                name="model",
                registered_model_name="intent",
                input_example=frame[["pitch", "speed"]][:2],
                pip_requirements=["scikit-learn"],
            )
            self.model = info.model_id
            mlflow.set_logged_model_tags(info.model_id, {"note": WHO})
            with mlflow.start_span("predict") as span:
                span.set_inputs({"who": WHO})
            with mlflow.start_run(nested=True) as child:
                self.child = child.info.run_id
                mlflow.log_param("fold", "1")
        mlflow.flush_trace_async_logging()
        self._upload_trace(client)
        client.copy_model_version("models:/intent/1", "intent-copy")
        client.set_registered_model_alias("intent", "prod", 1)
        client.set_model_version_tag("intent", 1, "approved_by", WHO)
        client.update_registered_model("intent", f"learned from {WHO}")

    @staticmethod
    def _upload_trace(client: Any) -> None:
        """Write ``traces.json``, which MLflow does or does not by itself, as its threads happen to run."""
        from mlflow.tracing.client import TracingClient

        (found,) = client.search_traces(locations=[client.get_experiment_by_name("voice").experiment_id])
        TracingClient()._upload_trace_data(found.info, found.data)

    @staticmethod
    def _train_other(mlflow: Any) -> None:
        import pandas as pd
        from sklearn.linear_model import LinearRegression

        frame = pd.DataFrame({"heat": [1.0, 2.0, 3.0], "load": [2.0, 4.0, 6.0]})
        mlflow.set_experiment("others")
        with mlflow.start_run():
            mlflow.log_input(mlflow.data.from_pandas(frame, name="meters"), context="training")
            fitted = LinearRegression().fit(frame[["heat"]], frame["load"])
            mlflow.sklearn.log_model(fitted, name="model", registered_model_name="other", pip_requirements=["scikit-learn"])

    # --- looking from outside ------------------------------------------------------------------------

    def loads(self, name: str) -> bool:
        """Whether MLflow still loads what is registered under a name."""
        with self.client() as (mlflow, _):
            try:
                mlflow.pyfunc.load_model(f"models:/{name}/1")
            except Exception:  # noqa: BLE001 - MLflow raises anything from its own kinds to OSError
                return False
        return True

    def other(self) -> list[float]:
        """What the model that stays answers, its run and its data still there."""
        with self.client() as (mlflow, client):
            import pandas as pd

            version = client.get_model_version("other", 1)
            run = client.get_run(version.run_id)
            (entry,) = run.inputs.dataset_inputs
            assert entry.dataset.name == "meters"
            model = mlflow.pyfunc.load_model("models:/other/1")
            return list(model.predict(pd.DataFrame({"heat": [5.0, 7.0]})))

    def gc(self) -> int:
        """Run ``mlflow gc`` as an operator would; its exit code."""
        from click.testing import CliRunner
        from mlflow.cli import gc

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = CliRunner().invoke(gc, ["--backend-store-uri", self.uri]).exit_code
        with self.client():
            pass
        return code

    def weights_left(self) -> int:
        """How many files anywhere in the folder still hold the weights, told by their bytes alone."""
        return sum(any(each in path.read_bytes() for each in self._windows) for path in self.folder.rglob("*") if path.is_file())

    def _own_windows(self) -> set[bytes]:
        """Stretches of the weights that no file of the other model has."""
        (data,) = [path.read_bytes() for path in self.folder.rglob(f"{self.model}/artifacts/*") if path.suffix in {".skops", ".pkl"}]
        others = b"\0".join(path.read_bytes() for path in (self.folder / "mlartifacts" / "others").rglob("*") if path.is_file())
        own = {data[at : at + 48] for at in range(0, len(data) - 48, 16)}
        return {each for each in own if each not in others and len(set(each)) > 8}

    def marks_left(self) -> list[str]:
        """Which of the marks of ``intent`` are left anywhere, in names or in bytes, however they are written."""
        marks = [self.run, self.model, self.child, WHO, ROWS, "clips-of-kids"]
        return [each for each in marks if search([self.folder], [each])]
