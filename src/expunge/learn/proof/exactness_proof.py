"""Compare a model with an independent fit that never had the subjects, made in a fresh process. This is the main proof.

The process shares nothing with this one: started anew, with an environment of its own, one thread, no argument that names a subject. Its
loader is asked for all subjects but the forgotten. The model it fits must have the digest of the served file. The loader is trusted to
leave them out, but not blindly. The fitted model is asked to forget them, and has to report that it knows no subject of that name. A file
of the served content, wherever it lies, is not opened there by anything written in Python.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from expunge.errors import UsageError
from expunge.learn.base import environment, model_files
from expunge.learn.proof.fresh_process import COPY_REFUSED
from expunge.learn.records.records import KEY, Records, key_check
from expunge.learn.records.refusals import BadInput, FileRefused
from expunge.learn.records.subject_names import Missing, Subjects, require_known, subject_name, subject_names

FRESH = "expunge.learn.proof.fresh_process"
_HANDED_ON = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", *environment.PINS)
_ONE_THREAD = ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_ANSWER = 1 << 20


@dataclass(frozen=True)
class Proof:
    """The comparison; it holds no name of a person and is fit for a receipt."""

    kind: str
    """``fresh process``: an independent fit; ``command``: one by a program, which says of itself that it left them out."""
    before: str
    """Hex SHA-256 of the file before the forget; empty where nobody kept it."""
    after: str
    """Hex SHA-256 of the file that serves."""
    fresh: str
    """Hex SHA-256 of what the independent fit would have written; empty where it came to no end."""
    equal: bool
    """Whether the last two are the same, and not what was there before."""
    again: str = ""
    """Likewise of a second run of the same fit, which is made where the first differs; empty where none was, or it came to no end."""
    environment: dict[str, str] = field(default_factory=dict)
    """Of the independent fit, as far as it is known: versions, processor, settings."""
    said: str = ""


@dataclass(frozen=True)
class Bystanders:
    """The accuracy of the model for those who stay."""

    people: int
    samples: int
    before: float
    """Share of their samples that was right, 0 to 1."""
    after: float
    low: float
    high: float
    """Bounds of the 95 % interval of ``after - before``; people are drawn, not samples."""
    worse: int
    """People for whom fewer samples are right than before."""
    better: int


def prove(  # noqa: PLR0913 - each is a fact of its own about the fit
    model: str | Path,
    factory: str | Sequence[str],
    without: Subjects,
    *,
    before: str | Path = "",
    missing: Missing = "raise",
    key: bytes | None = None,
    paths: Sequence[str | Path] | None = None,
    variables: Mapping[str, str] | None = None,
    within_s: float = 3600.0,
) -> Proof:
    """Fit once more without some people, in a fresh process, and compare digests.

    Args:
        model: the file that serves.
        factory: ``"module:function"``, called with ``without=frozenset`` of subjects and returning a fitted estimator of this library whose
            rows never held them; or a command, a program and its arguments, which reads ``{"without": [...], "out": PATH}`` on
            standard input and leaves the model's file there. Its reads are not watched: name a command only where you trust it.
        without: the forgotten subjects, all of them since the model began, as ``fit`` was given them.
        before: the file from before the forget, or its digest; the same digest afterwards is a forget that was skipped.
        missing: a name that is spelled otherwise proves nothing, so that everybody has to be in the file from before. Without that file the
            independent fit is made once more, with everybody, and has to know them. ``"ignore"`` asks nobody: for rows that are gone.
        key: the key of the file from before, where it is not the default.
        paths: folders to import ``module`` from; this process' working folder if None.
        variables: environment variables that the loader needs, besides the few that are handed on.
        within_s: seconds; then the process and what it started are killed.

    Returns:
        The comparison. A fit that fails or hangs is a proof that was not made, and says so.

    Raises:
        UsageError: where the factory is no name or no subject is named.
        UnknownSubjects: nothing shows that a subject ever was in the model.
        BadInput: a subject is neither text nor a whole number.
        FileRefused: the file from before is no model, or of another key.
        OSError: where a file cannot be read.
    """
    people = _as_given(without)
    if not people:
        raise UsageError("nobody is named who was forgotten", help="prove(model, factory, without=[...])")
    data = Path(model).read_bytes()
    after = model_files.digest(data)
    before, earlier = _earlier(before)
    if earlier is not None:
        require_known(_unknown_to(earlier, key, people), len(people), missing)
    work = _IndependentFit(factory, people, (len(data), after), tuple(paths or (Path.cwd(),)), variables or {}, within_s, key)
    answer, trouble = work.without(people)
    if earlier is None and missing != "ignore" and not trouble:
        whole, _ = work.without([])
        require_known([""] * int(whole.get("unknown", len(people))), len(people), missing)
    fresh, where = str(answer.get("digest", "")), dict(answer.get("environment", {}))
    if not trouble and answer.get("known"):
        trouble = "the loader of the independent fit handed out people who were to be left out"
    if trouble or fresh == after or after == before:
        equal = not trouble and fresh == after != before
        return Proof(work.kind, before, after, fresh, equal, "", where, trouble or _compared(before, after))
    again = str(work.without(people)[0].get("digest", ""))
    said = _differs(fresh, again, _differences(data, where))
    return Proof(work.kind, before, after, fresh, equal=False, again=again, environment=where, said=said)


@dataclass(frozen=True)
class _IndependentFit:
    """A fit in a process of its own, as often as it is asked for."""

    factory: str | Sequence[str]
    people: list[str | int]
    """Those of whom a model is asked whether it knows them."""
    served: tuple[int, str]
    """Size and digest of what may not be opened."""
    paths: tuple[str | Path, ...]
    variables: Mapping[str, str]
    within_s: float
    key: bytes | None

    def __post_init__(self) -> None:
        if isinstance(self.factory, str) and not _FACTORY.fullmatch(self.factory):
            raise UsageError("the factory is no module:function", help='write it as "training:fit", or give a command as a list')

    @property
    def kind(self) -> str:
        return "fresh process" if isinstance(self.factory, str) else "command"

    def without(self, those: Sequence[str | int]) -> tuple[dict[str, Any], str]:
        """What the fit without some people came to, or what went wrong."""
        if isinstance(self.factory, str):
            folders = [str(Path(path).resolve()) for path in self.paths]
            asked = {"factory": self.factory, "without": those, "people": self.people, "paths": folders, "served": self.served}
            return _run([sys.executable, "-P", "-m", FRESH], json.dumps(asked).encode(), self.variables, self.within_s, _answer)
        with tempfile.TemporaryDirectory(prefix="expunge-proof-") as folder:
            out = Path(folder) / "model"
            request = json.dumps({"without": those, "out": str(out)}).encode()
            return _run(list(self.factory), request, self.variables, self.within_s, lambda _, code: _left(out, code, self.key, self.people))


def bystanders(
    before: Any,
    after: Any,
    features: Any,
    y: Any,
    subjects: Sequence[Any],
    *,
    forgotten: Collection[str],
    right: Callable[[np.ndarray, np.ndarray], np.ndarray] = np.equal,
) -> Bystanders:
    """Return the accuracy for bystanders, before and after. They must not lose by a forget.

    Args:
        before: the model before the forget, or anything with ``predict``.
        after: the model after it.
        features: (n, ...) samples to be judged by, best such as neither model was taught.
        y: (n,) true labels.
        subjects: the subject of each sample; several in a tuple. Samples of a forgotten subject are left out.
        forgotten: the forgotten subjects.
        right: ``right(y, predicted)`` says which predictions are right, (n,) bool; for regressions bring one with a tolerance.

    Raises:
        BadInput: where no subject is left, or lengths differ.
    """
    gone = set(subject_names(forgotten))
    groups = [tuple(map(subject_name, each if isinstance(each, list | tuple | set | frozenset) else (each,))) for each in subjects]
    truth = np.asarray(y)
    if not len(groups) == len(truth) == features.shape[0]:
        raise BadInput("samples, labels and subjects differ in number")
    stay = np.array([gone.isdisjoint(group) for group in groups], dtype=bool)
    if not stay.any():
        raise BadInput("nobody stays whose samples could be judged")
    was, now = (np.asarray(right(truth[stay], np.asarray(each.predict(features[stay]))), dtype=float) for each in (before, after))
    owner = np.unique([each[0] for each, stays in zip(groups, stay, strict=True) if stays], return_inverse=True)[1]
    change = np.bincount(owner, weights=now - was)
    shift = float((now - was).mean())
    # A mean over people who are drawn whole: the ratio estimator's variance.
    rest = change - shift * np.bincount(owner)
    half = 1.959963984540054 * float(np.sqrt(len(rest) / max(1, len(rest) - 1) * (rest**2).sum())) / len(was)
    return Bystanders(
        people=len(change),
        samples=len(was),
        before=float(was.mean()),
        after=float(now.mean()),
        low=shift - half,
        high=shift + half,
        worse=int((change < 0).sum()),
        better=int((change > 0).sum()),
    )


_Read = Callable[[bytes, int], tuple[dict[str, Any], str]]


def _run(command: Sequence[str], asked: bytes, variables: Mapping[str, str], within_s: float, read: _Read) -> tuple[dict[str, Any], str]:
    """The answer of a process, or what went wrong. What it writes to standard error may hold content: nobody keeps it."""
    clean = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    clean |= dict.fromkeys(_ONE_THREAD, "1") | dict(variables)
    try:
        process = subprocess.Popen(
            command,
            env=clean,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        return {}, f"the independent fit could not be started: {error.strerror}"
    with process:
        try:
            out, _ = process.communicate(asked, timeout=within_s)
        except subprocess.TimeoutExpired:
            out = None
            _kill(process)
        except BaseException:
            _kill(process)
            raise
    if out is None:
        return {}, f"the independent fit was not done within {within_s:g} s"
    return read(out, process.returncode)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The process, and what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _answer(out: bytes, code: int) -> tuple[dict[str, Any], str]:
    last = (out[-_MOST_ANSWER:].decode("utf-8", "replace").strip().splitlines() or [""])[-1].strip()
    try:
        found = json.loads(last) if last.startswith("{") else {"digest": last}
    except ValueError:
        found = {}
    if code:
        kind = str(found.get("failed", ""))
        if kind == COPY_REFUSED:
            return {}, "the independent fit opened a file with the very content that serves: a copy is no fit"
        return {}, f"the independent fit failed: {kind}" if kind.isidentifier() else f"the independent fit failed with exit status {code}"
    if not _DIGEST.fullmatch(str(found.get("digest", ""))):
        return {}, "the independent fit ended without a digest"
    return found, ""


def _as_given(without: Subjects) -> list[str | int]:
    """The subjects as the loader knows them: text in the spelling in which it came, and whole numbers. Raises BadInput."""
    subject_names(without)
    some = without if isinstance(without, Iterable) and not isinstance(without, str) else [without]
    given = {each if isinstance(each, str) else subject_name(each): each for each in some}
    return [int(each) if isinstance(each, int | np.integer) else name for name, each in sorted(given.items())]


def _earlier(before: str | Path) -> tuple[str, bytes | None]:
    """Digest and content of the file from before; None where only its digest is known. Raises OSError."""
    if isinstance(before, str) and (not before or _DIGEST.fullmatch(before)):
        return before, None
    data = Path(before).read_bytes()
    return model_files.digest(data), data


def _unknown_to(data: bytes, key: bytes | None, people: Sequence[str | int]) -> tuple[str, ...]:
    head, tensors = model_files.from_bytes(data)
    if head.get("key") != key_check(key or KEY):
        raise FileRefused("the subjects in the file were tagged with another key: prove(..., key=...)")
    return Records.from_tensors(key or KEY, tensors).of(people)[2]


def _left(out: Path, code: int, key: bytes | None, people: Sequence[str | int]) -> tuple[dict[str, Any], str]:
    """The digest of what a command left behind, and how many of the people are unknown to it; a link leads to what is there already."""
    if code:
        return {}, f"the independent fit failed with exit status {code}"
    if out.is_symlink() or not out.is_file() or out.stat().st_nlink > 1:
        return {}, "the independent fit left no file of its own behind"
    data = out.read_bytes()
    try:
        unknown = len(_unknown_to(data, key, people))
    except FileRefused:
        unknown = len(people)
    return {"digest": model_files.digest(data), "unknown": unknown}, ""


def _differences(data: bytes, where: Mapping[str, str]) -> str:
    """Names of what differs between the environment that the file names and that of the fit, as far as it is known."""
    if not where:
        return ""
    try:
        head, _ = model_files.from_bytes(data)
    except FileRefused:
        return ""
    learnt = head.get("environment", {})
    return ", ".join(sorted(name for name in {*learnt, *where} if learnt.get(name) != where.get(name)))


def _compared(before: str, after: str) -> str:
    if after == before:
        return "the file is the one from before the forget: nothing was forgotten"
    return "the file is, byte for byte, what an independent fit in a fresh process makes that never had them"


def _differs(fresh: str, again: str, elsewhere: str) -> str:
    """What a difference shows. That a training does not give the same twice is said only where its two runs differ."""
    said = "the file is not what an independent fit without them makes"
    if not again:
        return f"{said}; a second fit came to no end"
    if again != fresh:
        return f"{said}; two such fits differ from each other as well: nothing is proven"
    # Why not as the cause: nobody has tried whether the same environment gives the same.
    return f"{said}, twice; it ran in another environment ({elsewhere}): fit in the same one" if elsewhere else f"{said}, twice"
