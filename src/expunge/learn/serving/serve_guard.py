"""Refuse to serve a model that was destroyed, is being rebuilt, or rests on data that had to go.

The engine tells the gate which models those are, by their name in the map and by the content of their files. A serving process asks the
gate before each answer. So a model stops within the age that the gate allows its snapshot, wherever a copy of it is loaded::

    guard = ServeGuard(standing(), "intent-model", "models/intent/7.safetensors")   # then load it
    guard.check()                                                                  # before each answer

:func:`guarded` does that for any object with ``predict``, ``expunge.learn.serving.serve_web`` for the paths of a server,
``expunge.learn.serving.serve_mlflow`` for a model that MLflow serves.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

from expunge.core.models.model_outcomes import ArtefactContent, given_back
from expunge.core.values.ids import MODEL
from expunge.errors import ExpungeError

PURPOSE = "serve"
"""What the gate is asked for. It need not be a purpose of the map: models give no consent."""
LOOK_EVERY = 0.02
"""Seconds for which an answer of the gate is used again: asking takes a question for each file of the model."""
_SUPPRESSED = "suppressed"
_OF_PEOPLE = frozenset(
    {
        "the data map has no such purpose",
        "a recipient that the purpose hands data to has to confirm an erasure first",
        "consent was not given, or does not hold any more",
    }
)
"""Reasons that come after the list of what is suppressed was looked at, and that hold for people alone."""
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class GateDecision(Protocol):
    """A decision of the gate: ``expunge.gate.Decision``."""

    @property
    def allowed(self) -> bool: ...  # noqa: D102

    @property
    def reason(self) -> str: ...  # noqa: D102


class ServeGate(Protocol):
    """A gate that decides which models may be used: ``expunge.gate.Gate``."""

    def may_use(self, subject: str, purpose: str) -> GateDecision: ...  # noqa: D102


class ModelRefused(ExpungeError):
    """The model may not answer; ``for_good`` where these very weights never may again."""

    def __init__(self, name: str, reason: str, *, for_good: bool) -> None:
        super().__init__(f"the model {name} may not serve: {reason}", help="load the model that was made in its place, or none")
        self.name = name
        self.reason = reason
        self.for_good = for_good


@dataclass(frozen=True)
class ServeRefusal:
    """Why a model may not serve."""

    reason: str
    for_good: bool


def contents(artefact: str | os.PathLike[str]) -> tuple[ArtefactContent, ...]:
    """Return the contents that identify a model: each of its files with its hash; or the one hash, where a digest is given, not a path.

    Raises OSError where nothing is there or it cannot be read, ValueError for a folder without files.
    """
    known = _DIGEST.fullmatch(artefact) if isinstance(artefact, str) else None
    if known is not None:
        return (ArtefactContent("model", known[1]),)
    path = Path(artefact)
    found = tuple(ArtefactContent(file.name, file_hash(file)) for file in files_of(path))
    if not found:
        message = f"{path.name}: a folder without files is no model"
        raise ValueError(message)
    return found


def files_of(path: Path) -> Iterator[Path]:
    """Yield the file itself, or every file of a folder, in the order of their paths."""
    if path.is_dir():
        yield from (each for each in sorted(path.rglob("*")) if each.is_file())
    else:
        yield path


def file_hash(path: Path) -> str:
    """Hex SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


class ServeGuard:
    """The serve guard of one model. May be used by several threads."""

    def __init__(
        self, gate: ServeGate, name: str, artefact: str | os.PathLike[str], *, purpose: str = PURPOSE, frozen: Collection[str] = ()
    ) -> None:
        """Take the model's hashes, once: what is loaded is what is asked about, whatever lies there later. So make it before loading.

        Args:
            gate: a gate over the snapshot of the map that has the model.
            name: of the dataset of the map that the model is in.
            artefact: its file or folder, or the hex SHA-256 of its file.
            purpose: see :data:`PURPOSE`.
            frozen: hex SHA-256 of files that are the same in every version: a public encoder beside the head.

        Raises:
            OSError, ValueError: as :func:`contents`.
        """
        self.name = name
        self.contents = tuple(content for content in contents(artefact) if content.digest not in frozen)
        self._gate = gate
        self._purpose = purpose
        self._last: tuple[float, ServeRefusal | None] = (0.0, None)
        self._lock = threading.Lock()

    def refusal(self) -> ServeRefusal | None:
        """Why it may not serve now; None where it may. A gate that knows nothing (no snapshot, too old, forged) allows nothing."""
        until, known = self._last
        if monotonic() < until:
            return known
        with self._lock:
            now = monotonic()
            if now >= self._last[0]:
                self._last = (now + LOOK_EVERY, self._ask())
            return self._last[1]

    def _ask(self) -> ServeRefusal | None:
        named = self._gate.may_use(f"{MODEL}:{self.name}", self._purpose)
        if not _free(named) and named.reason != _SUPPRESSED:
            return ServeRefusal(str(named.reason), for_good=False)
        refused = []
        for content in self.contents:
            answer = self._gate.may_use(f"{MODEL}:sha256:{content.digest}", self._purpose)
            if answer.reason == _SUPPRESSED:
                refused.append(content.digest)
            elif not _free(answer):
                return ServeRefusal(str(answer.reason), for_good=False)
        # Settings beside the weights are the same in what replaces it.
        if given_back(self.contents, refused):
            return ServeRefusal("an order has destroyed it, or made another in its place", for_good=True)
        if not _free(named):
            return ServeRefusal("an order is at it, and nothing has been made in its place yet", for_good=False)
        return None

    def check(self) -> None:
        """Raise :class:`ModelRefused` where the model may not serve now."""
        found = self.refusal()
        if found is not None:
            raise ModelRefused(self.name, found.reason, for_good=found.for_good)


def _free(answer: GateDecision) -> bool:
    return answer.allowed or answer.reason in _OF_PEOPLE


def serve_guard(gate: ServeGate, name: str, artefact: str | os.PathLike[str], *, purpose: str = PURPOSE) -> None:
    """Ask once, such as before a model is loaded. Raises ModelRefused, and OSError or ValueError as :func:`contents`."""
    ServeGuard(gate, name, artefact, purpose=purpose).check()


class Predicts(Protocol):
    """Anything with ``predict``: an estimator, an MLflow model that was loaded (``PyFuncModel``)."""

    def predict(self, *arguments: Any, **named: Any) -> Any: ...  # noqa: D102


Inner = TypeVar("Inner", bound=Predicts)


class Guarded(Generic[Inner]):
    """A model that asks before each answer; for everything else it is the model itself."""

    def __init__(self, model: Inner, guard: ServeGuard) -> None:
        self._model = model
        self._guard = guard

    def predict(self, *arguments: Any, **named: Any) -> Any:
        """Return the model's own answer. Raises ModelRefused."""
        self._guard.check()
        return self._model.predict(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name == "_model":
            raise AttributeError(name)
        answer = getattr(self._model, name)
        if not name.startswith("predict") and name not in _ANSWERS:
            return answer

        def asked(*arguments: Any, **named: Any) -> Any:
            self._guard.check()
            return answer(*arguments, **named)

        return asked if callable(answer) else answer


_ANSWERS = frozenset({"decision_function", "score", "transform"})


def guarded(model: Inner, guard: ServeGuard) -> Guarded[Inner]:
    """Return the model, asking before each answer: ``guarded(mlflow.pyfunc.load_model(uri), guard)``."""
    return Guarded(model, guard)
