"""Real MLflow estates for tests: a company's registry in a folder, written by MLflow itself and closed again after each use."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from expunge.core.datamap import ByField, Dataset, StoreSpec


@cache
def _template() -> Path:
    """A fresh MLflow database, made once for each process: its migrations take seconds."""
    folder = Path(tempfile.mkdtemp(prefix="mlflow-template-"))
    with _stores(folder):
        pass
    return folder / "mlflow.db"


@contextmanager
def _stores(folder: Path) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

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
    return Dataset("trials", "registry", ByField({"profile": field}), "life", experiment=experiment)
