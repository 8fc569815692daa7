"""A model of any kind that forgets by its own trainer: trained again without the subjects, or destroyed.

Its way of learning is unknown, so a training without the subjects is the only way to forget. The result has to differ from the old model.
Where there is no trainer, or it fails, hangs, exceeds its memory or returns the old weights, the model is destroyed.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from expunge import durable, permit
from expunge.core.models.model_outcomes import ArtefactContent, given_back
from expunge.core.values.outcome import Reason, Unable
from expunge.learn.base.report import Report
from expunge.learn.features.frozen_encoder import Frozen
from expunge.learn.records.refusals import FileRefused
from expunge.learn.records.subject_names import Missing, Subjects, require_known, subject_names
from expunge.learn.retraining import Manifest, named
from expunge.learn.serving.serve_guard import contents, file_hash, files_of
from expunge.learn.sharded.checkpoints import wipe
from expunge.ports.commands import CommandLimits, Commands, Ran

Retrain = Callable[[Manifest], object] | str | None
_MOST_HEADER = 64 << 20


@dataclass(frozen=True)
class OpaqueReport(Report):
    """The report of a forget, with the end of the model."""

    outcome: Ran | Unable | None = None
    """How the training ended. Unable: the model was destroyed and nothing is in its place.

    None where there is no trainer or nobody is left to learn from, and where an earlier call that was cut short had come to its end.
    """
    after: tuple[str, ...] = ()
    """Hex SHA-256 of every file that is there now."""
    said: tuple[str, ...] = field(default=())
    """What it rests on, as receipts say it."""


class Opaque:
    """One model on disk. Several calls of :meth:`forget` come one after the other, never at once."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        records: Mapping[str, Subjects],
        retrain: Retrain = None,
        commands: Commands | None = None,
        *,
        limits: CommandLimits | None = None,
        derived: Sequence[str | os.PathLike[str]] = (),
        frozen: Sequence[Frozen] = (),
    ) -> None:
        """Say what the model is and how it is made.

        Args:
            path: its file or folder.
            records: what it has learnt from: record id -> the subject, or the subjects of a record of several people.
            retrain: a function at the top level of a module, called with a :class:`Manifest` in a process of its own; or a command,
                which gets the manifest as JSON on standard input. None: whoever is forgotten takes the model along.
            commands: who runs it: ``expunge.adapters.commands.local_commands.LocalCommands(folder)``.
            limits: time and memory of one training; an hour and 4 GiB by default.
            derived: files and folders made from the model (exports, quantised copies, checkpoints): they go with what they came from.
            frozen: parts that stay as they are.

        Raises:
            ValueError: for ``retrain`` without ``commands``, and for a function that no other process could find.
        """
        if retrain is not None and commands is None:
            raise ValueError("say who runs the training: commands=LocalCommands(folder)")
        self.path = Path(path).absolute()
        self._records = {record: frozenset(subject_names(of)) for record, of in records.items()}
        self._commands = commands
        self._limits = limits or CommandLimits()
        self._derived = tuple(Path(each).absolute() for each in derived)
        self._frozen = tuple(frozen)
        self._desk = self.path.with_name(f"{durable.TEMPORARY_PREFIX}{self.path.name}")
        self._aside, self._memory = self._desk / "aside", self._desk / "memory.json"
        self._command, self._function = "", dict[str, str]()
        if isinstance(retrain, str):
            self._command = retrain
        elif retrain is not None:
            self._command = f"{shlex.quote(sys.executable)} -m expunge.learn.retraining"
            self._function = named(retrain)

    def forget(self, subjects: Subjects, progress: Callable[[float], None] | None = None, *, missing: Missing = "raise") -> OpaqueReport:
        """Train the model again without the subjects, or destroy it. ``missing="ignore"`` passes over unknown subjects.

        After a crash, call it again: the old model is there, the new one, or none.

        Raises:
            UnknownSubjects: a subject is in no record. Nothing was done then.
            BadInput: a subject is neither text nor a whole number.
            FileRefused: for links in the model or its derived files: their targets would stay. Nothing was done then.
            OSError: when files cannot be read or removed: then the old ones may still be there.
            TakenOver: see :mod:`expunge.permit`.
        """
        asked = frozenset(subject_names(subjects))
        gone = {record for record, of in self._records.items() if of & asked}
        unknown = tuple(sorted(asked.difference(*self._records.values())))
        require_known(unknown, len(asked), missing)
        if not gone:
            return OpaqueReport(0, 0, unknown, after=self._hashes(), said=self._said())
        for place in (self.path, *self._derived):
            _refuse_links(place)
        left = tuple(sorted(self._records.keys() - gone))
        known = self._remembered(left)
        self._clear_desk()
        before, outcome = self._hashes(), None
        done = bool(before) and list(before) == known["after"]
        if left and self._command and not done:
            known["old"] = sorted({*known["old"], *_weights(self.path, self._frozen)})
            outcome = self._retrained(left, known, progress)
        destroyed = [each for place in self._derived for each in _hashes(place)]
        for place in self._derived:
            self._destroy(place)
        if isinstance(outcome, Ran):
            self._swap()
        elif not done:
            self._destroy(self.path)
        self._clear_desk()
        self._records = {record: self._records[record] for record in left}
        taught = len(left) if isinstance(outcome, Ran) else 0
        return OpaqueReport(
            subjects=len(asked) - len(unknown),
            records=len(gone),
            unknown=unknown,
            recomputed=taught,
            monolith=len(left),
            destroyed=(*sorted(set(before) - set(self._hashes())), *destroyed),
            why_all="nobody knows how it learns" if taught else "",
            emptied=not left,
            outcome=outcome,
            after=self._hashes(),
            said=self._said(),
        )

    def _remembered(self, left: tuple[str, ...]) -> dict[str, list[str]]:
        """What an earlier call for the same people, that was cut short, has written down: ``old`` weights, files ``after`` it."""
        try:
            known = json.loads(self._memory.read_bytes())
            if known["left"] == [_hash_of(left)]:
                return {key: [str(each) for each in known[key]] for key in ("left", "old", "after")}
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return {"left": [_hash_of(left)], "old": [], "after": []}

    def _clear_desk(self) -> None:
        for each in self._desk.iterdir() if self._desk.is_dir() else ():
            if each != self._memory:
                self._destroy(each)

    def _remember(self, known: Mapping[str, list[str]]) -> None:
        durable.write_bytes(self._memory, json.dumps(known).encode(), at="learn.opaque.memory")

    def _retrained(self, left: tuple[str, ...], known: dict[str, list[str]], progress: Callable[[float], None] | None) -> Ran | Unable:
        assert self._commands is not None
        self._desk.mkdir(mode=0o700, exist_ok=True)
        self._remember(known)
        self._aside.mkdir(mode=0o700)
        manifest = Manifest(left, self._aside / self.path.name)
        more = {**self._function, "paths": sys.path} if self._function else {}
        ran = self._commands.run(self._command, manifest.request(**more), self._limits, progress or _nobody)
        if isinstance(ran, Unable):
            return ran
        try:
            there = _known_by(manifest.out, self._frozen)
        except (FileNotFoundError, ValueError):
            return Unable(Reason.COMMAND_FAILED, "the training ended well and left no model behind")
        except FileRefused:
            return Unable(Reason.COMMAND_FAILED, "the training left links behind in place of a model")
        if given_back(there, known["old"]):
            return Unable(Reason.SAME_AS_BEFORE, "the training gave back what was there before")
        # Why before the swap: a trainer that gives the same each time would else be taken, after a crash, for one that gives back the old.
        self._remember({**known, "after": list(_hashes(manifest.out))})
        return ran

    def _swap(self) -> None:
        permit.check()
        # crash here: no model is in its place, and the next call destroys what is aside.
        if os.path.lexists(self.path):
            durable.replace(self.path, self._aside / "old", at="learn.opaque.away")
        # commit point: what is under the name is the new model.
        durable.replace(self._aside / self.path.name, self.path, at="learn.opaque.swap")
        durable.fsync_directory(self.path.parent, at="learn.opaque.folder")

    def _destroy(self, place: Path) -> None:
        """Overwrite and remove a file, or all that is in a folder and the folder; durable once it returns."""
        if not os.path.lexists(place):
            return
        permit.check()
        # crash here: some of the files are gone; the next call removes the others.
        for folder, folders, files in os.walk(place, topdown=False):
            for each in (Path(folder, name) for name in (*files, *folders)):
                if each.is_symlink():
                    durable.unlink(each, at="learn.opaque.link")
                elif each.is_file():
                    wipe(each)
                elif not each.is_dir():
                    durable.unlink(each, at="learn.opaque.other")
            durable.rmdir(Path(folder), at="learn.opaque.rmdir")
        wipe(place)
        durable.fsync_directory(place.parent, at="learn.opaque.parent")

    def _hashes(self) -> tuple[str, ...]:
        return _hashes(self.path)

    def _said(self) -> tuple[str, ...]:
        return tuple(each.sentence for each in self._frozen)


def _nobody(_: float) -> None:
    """Progress that nobody watches."""


def _hash_of(names: tuple[str, ...]) -> str:
    return sha256(json.dumps(names).encode()).hexdigest()


def _hashes(path: Path) -> tuple[str, ...]:
    """Hex SHA-256 of every file; none where nothing is."""
    try:
        return tuple(sorted(content.digest for content in contents(path)))
    except (FileNotFoundError, ValueError):
        return ()


def _known_by(path: Path, frozen: Sequence[Frozen]) -> list[ArtefactContent]:
    """What tells a model from another one: its files, and of safetensors the weights alone; without what stays in every version.

    Raises FileNotFoundError where nothing is there, ValueError where nothing of its own is, FileRefused where links are.
    """
    _refuse_links(path)
    kept = frozenset[str]().union(*(each.hashes for each in frozen))
    found = []
    for file in files_of(path):
        digest = file_hash(file)
        if digest not in kept:
            found += [ArtefactContent(file.name, each) for each in (digest, _tensors(file)) if each]
    if not found:
        raise ValueError("no model")
    return found


def _weights(path: Path, frozen: Sequence[Frozen]) -> frozenset[str]:
    try:
        return frozenset(each.digest for each in _known_by(path, frozen))
    except (FileNotFoundError, ValueError):
        return frozenset()


def _refuse_links(path: Path) -> None:
    """Raise FileRefused for a symbolic link, and for a file that has another name elsewhere."""
    for each in (path, *path.rglob("*")):
        if each.is_symlink() or (each.is_file() and each.stat().st_nlink > 1):
            message = f"{path.name} has links in it: what they lead to would stay; name the files themselves"
            raise FileRefused(message)


def _tensors(path: Path) -> str:
    """Hex SHA-256 of the tensors of a safetensors file, whatever else its header says; empty for any other file."""
    if path.suffix != ".safetensors":
        return ""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            head = json.loads(file.read(size)) if size <= _MOST_HEADER else None
        except ValueError:
            return ""
        if not isinstance(head, dict):
            return ""
        head.pop("__metadata__", None)
        state = sha256(json.dumps(head, sort_keys=True).encode())
        while chunk := file.read(1 << 20):
            state.update(chunk)
    return state.hexdigest()
