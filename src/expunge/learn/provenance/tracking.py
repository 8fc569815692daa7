"""Record a model's training data where its run is tracked: a commitment in MLflow, the subjects in a ledger beside Expunge.

MLflow's own digest of a dataset is eight hexadecimal digits over a sample of its rows: it commits to nothing. Here the manifest is SHA-256
over the sorted hashes of all records, so that two trainings on the same set have the same one, in whatever sequence the rows came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from expunge.core.lineage.model_origin import DATASETS, DERIVED, HOW, KNOWN, LINEAGE, MANIFEST, RECORDS, names_in
from expunge.errors import StoreUnavailable, UsageError
from expunge.learn.provenance.ledger import Ledger, Training, TrainingStore
from expunge.learn.records.record_hashes import tag
from expunge.learn.records.records import KEY, Records
from expunge.learn.records.refusals import BadInput
from expunge.learn.records.subject_names import subject_name

_DOMAIN = b"expunge/training-records/1\0"
_MODEL = re.compile(r"models:/(m-[0-9a-f]{32}|[^/@]+/[1-9][0-9]*)")


@dataclass(frozen=True)
class Record:
    """One record that a model learns from."""

    id: str = field(repr=False)
    content: bytes = field(repr=False)
    """SHA-256 of its content, 32 bytes."""
    subjects: tuple[str, ...] = field(default=(), repr=False)


def manifest_of(records: Iterable[tuple[str, bytes]]) -> str:
    """Return the commitment to a set of records: hex SHA-256 over the sorted SHA-256 of (id, content hash); each pair counts once.

    Raises:
        BadInput: there is none, a content hash is not of 32 bytes, or one id stands for two contents.
    """
    known: dict[str, bytes] = {}
    for name, content in records:
        if len(content) != 32:
            raise BadInput("the content of a record is named by its SHA-256, 32 bytes")
        if known.setdefault(name, content) != content:
            raise BadInput("one record id stands for two different contents")
    if not known:
        raise BadInput("a training without any record: there is nothing to note")
    pairs = ((name.encode("utf-8", "surrogatepass"), content) for name, content in known.items())
    hashes = sorted(sha256(len(name).to_bytes(8, "big") + name + content).digest() for name, content in pairs)
    return sha256(_DOMAIN + b"".join(hashes)).hexdigest()


def log_training(
    records: Iterable[Record] | Records,
    *,
    ledger: TrainingStore | Path | str,
    key: bytes = KEY,
    datasets: Sequence[str] = (),
    dataset: Any = None,
    run_id: str = "",
) -> str:
    """Record the training data of the active MLflow run. Its models are no longer dark.

    The run gets the tags ``expunge.manifest_sha256``, ``expunge.records``, ``expunge.datasets`` and ``expunge.lineage=ok``, and ``dataset``
    as an input. The subjects go to ``ledger`` alone, as keyed tags, before MLflow is told anything.

    Args:
        records: the training data; or the ``Records`` of an estimator of this library, whose tags are those of its own key.
        ledger: the ledger of subjects, or a folder for it.
        key: makes the tags of people; the same for all trainings, or no subject is found again.
        datasets: names of the data map that the records come from.
        dataset: a dataset of ``mlflow.data``, logged as the run's input.
        run_id: another run than the active one.

    Returns:
        The manifest, hex SHA-256.

    Raises:
        BadInput: no records, or records that contradict one another.
        UsageError: no run, or one that was already told to learn from something else.
        StoreUnavailable: the tracking server does not answer; it may be told again.
        OSError: the ledger cannot be written; MLflow was told nothing.
    """
    if isinstance(records, Records):
        manifest = manifest_of((name, content) for name, content, _ in records.each())
        count, subjects = len(records), frozenset(records.by_tag)
    else:
        held = list(records)
        manifest = manifest_of((each.id, each.content) for each in held)
        count, subjects = len({each.id for each in held}), frozenset(tag(key, subject_name(each)) for one in held for each in one.subjects)
    with _Told(run_id) as told:
        told.require_unsaid(MANIFEST, manifest)
        keeper = Ledger(ledger) if isinstance(ledger, Path | str) else ledger
        keeper.add(Training(manifest, count, subjects, told.run))
        if dataset is not None:
            told.add_input(dataset, manifest)
        told.say({MANIFEST: manifest, RECORDS: str(count), **({DATASETS: json.dumps(sorted(datasets))} if datasets else {})})
        # Why last: a run that was interrupted before stays dark.
        told.say({LINEAGE: KNOWN})
    return manifest


def log_derived(sources: Sequence[str], *, how: str, run_id: str = "") -> None:
    """Note that the active run makes a model from other models: quantised, exported, distilled, fine-tuned, an ensemble.

    Args:
        sources: ``models:/NAME/VERSION`` or ``models:/m-...``: by number, since an alias means another version tomorrow.
        how: a word or two, such as ``distilled from``.
        run_id: another run than the active one.

    Raises:
        UsageError: no run, no source, or a source that names no version.
        StoreUnavailable: the tracking server does not answer; it may be told again.
    """
    if not sources or not how or not all(_MODEL.fullmatch(source) for source in sources):
        message = "what a model was made from is named by version"
        raise UsageError(message, help='log_derived(["models:/intent/3"], how="distilled from")')
    with _Told(run_id) as told:
        told.say({DERIVED: json.dumps(sorted({*names_in(told.tags().get(DERIVED, "")), *sources})), HOW: how, LINEAGE: KNOWN})


class _Told:
    """One run of the tracking server, as a context manager that turns its errors into ours."""

    def __init__(self, run_id: str) -> None:
        import mlflow

        active = mlflow.active_run()
        self.run: str = run_id or (active.info.run_id if active else "")
        if not self.run:
            message = "no MLflow run is active"
            raise UsageError(message, help="call it inside `with mlflow.start_run():`, or give run_id")
        self._client = mlflow.MlflowClient()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from mlflow.exceptions import MlflowException

        if isinstance(error, MlflowException):
            # Why not its message: it quotes values.
            message = f"the tracking server refuses or does not answer ({error.error_code})"
            raise StoreUnavailable(message, help="call it again: nothing is noted twice") from error

    def tags(self) -> dict[str, str]:
        return dict(self._client.get_run(self.run).data.tags)

    def require_unsaid(self, name: str, value: str) -> None:
        if self.tags().get(name, value) != value:
            message = "the run was already said to learn from other records"
            raise UsageError(message, help="log one training in a run: begin another run for another set of records")

    def add_input(self, dataset: Any, manifest: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        entity: Any = Dataset.from_dictionary(dataset.to_dict())
        inputs: Any = self._client.get_run(self.run).inputs
        known = inputs.dataset_inputs if inputs else ()
        if not any((each.dataset.name, each.dataset.digest) == (entity.name, entity.digest) for each in known):
            tags = [InputTag("mlflow.data.context", "training"), InputTag(MANIFEST, manifest)]
            self._client.log_inputs(self.run, [DatasetInput(entity, tags)])

    def say(self, tags: dict[str, str]) -> None:
        for name, value in tags.items():
            self._client.set_tag(self.run, name, value)
