"""The ledger of the subjects of each training, kept beside Expunge. A model registry is no place for it: far more people can read one.

Each manifest is one file, readable by its owner alone. It holds subjects as keyed tags. Without the key it names no subject. With the key
every subject can be looked up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from expunge import durable
from expunge.learn.records.record_hashes import tags
from expunge.learn.records.refusals import FileRefused
from expunge.learn.records.subject_names import older_names, subject_name

SCHEMA = "expunge.training-ledger/1"
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Training:
    """The inputs of one training."""

    manifest: str
    """Hex SHA-256 over its records."""
    records: int
    subjects: frozenset[bytes] = field(repr=False)
    """Keyed tags, 16 bytes each."""
    run: str = ""
    """Of the tracking server."""

    def used(self, key: bytes, subject: str) -> bool:
        """Return whether a subject's data was in it."""
        return not self.subjects.isdisjoint(tags(key, older_names(subject_name(subject))))


class TrainingStore(Protocol):
    """Anything that keeps trainings."""

    def add(self, training: Training) -> None:
        """Keep one; durable when it returns. The same one once more changes nothing."""
        ...


class Ledger:
    """Trainings as files in a folder of the machine that trains."""

    def __init__(self, folder: Path | str) -> None:
        """Take the folder; it is made, for its owner alone, at the first :meth:`add`."""
        self.folder = Path(folder)

    def add(self, training: Training) -> None:
        """Keep one; durable when it returns. Raises OSError, and ValueError where the manifest is no SHA-256 in hex."""
        body = {
            "schema": SCHEMA,
            "manifest_sha256": training.manifest,
            "records": training.records,
            "subjects": sorted(subject.hex() for subject in training.subjects),
            "run": training.run,
        }
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # commit point: the training is known once the file has its name; before, a crash leaves nothing but a temporary.
        durable.write_bytes(self._path(training.manifest), json.dumps(body, indent=1).encode() + b"\n", at="learn.ledger.write")

    def read(self, manifest: str) -> Training | None:
        """Return the training of a manifest, None where it was never kept here. Raises OSError, FileRefused, ValueError."""
        path = self._path(manifest)
        try:
            body = json.loads(path.read_bytes())
            if body["schema"] != SCHEMA or body["manifest_sha256"] != manifest:
                raise KeyError("schema")
            subjects = frozenset(bytes.fromhex(each) for each in body["subjects"])
            return Training(manifest, int(body["records"]), subjects, str(body["run"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = "the file of a training in the ledger was altered or is of another version"
            raise FileRefused(message) from error

    def using(self, key: bytes, subject: str) -> Iterator[Training]:
        """Yield the trainings that used a subject's data, which a withdrawal concerns. Raises OSError, FileRefused."""
        for path in sorted(self.folder.glob("*.json")):
            training = self.read(path.stem) if _NAME.fullmatch(path.stem) else None
            if training is not None and training.used(key, subject):
                yield training

    def remove(self, manifest: str) -> None:
        """Forget a training, once its models are destroyed. Raises OSError, ValueError."""
        # crash here: the file is there or it is not; removing it again is harmless.
        durable.unlink(self._path(manifest), at="learn.ledger.remove")
        if self.folder.is_dir():
            durable.fsync_directory(self.folder, at="learn.ledger.folder")

    def _path(self, manifest: str) -> Path:
        if not _NAME.fullmatch(manifest):
            message = "a manifest is named by 64 hexadecimal digits"
            raise ValueError(message)
        return self.folder / f"{manifest}.json"
