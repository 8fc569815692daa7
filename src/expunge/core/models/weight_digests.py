"""Digests over what a model's file has learnt, without the identifiers of the run and the times that its format writes beside it.

Known are MLflow's ``MLmodel`` and pickles, plain or by joblib without compression. A pickle is read as a structure: nothing that it
names is imported or called. Whatever is not known, or not understood to its end, counts by its bytes.
"""

from __future__ import annotations

import pickle
import re
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, ClassVar, cast

LARGEST = 1 << 30
"""Bytes of a file beyond which it counts by its bytes."""
RUN_KEYS = frozenset({"run_id", "model_id", "model_uuid", "utc_time_created", "artifact_path", "model_size_bytes"})
"""Top-level keys of an ``MLmodel`` that are another for each run."""
ID_NAMES = frozenset({"run_id", "model_id", "model_uuid", "experiment_id", "training_id", "build_id"})
TIME_NAMES = frozenset(
    {"created", "created_at", "creation_time", "trained_at", "fitted_at", "saved_at", "updated_at", "timestamp", "utc_time_created"}
)
"""Attributes, and names of the outermost dictionary, that are left out of a pickle where their value has the form of an id or a time."""
_NUMBERED = re.compile(r"(?:\d+-)?(.+)")
_LINE = re.compile(rb"([A-Za-z_]+): .{1,200}\n?")
_REGISTERED = re.compile(rb"(model_(name|version): .{1,300}\n){1,2}")
_PICKLED = (".pkl", ".pickle", ".joblib")
_MAGIC = re.compile(rb"\x80[\x02-\x05]")
_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|m-[0-9a-f]{32}|\d{15,20}")
_SECONDS, _MILLISECONDS = (1e9, 5e9), (1e12, 5e12)
_WRAPPED = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_DTYPE = re.compile(r"([A-Za-z?])(\d+)")


class _NotUnderstood(Exception):
    """The structure cannot be told from the bytes alone."""


def weights_digest(name: str, data: bytes) -> str:
    """Return the hex SHA-256 of what a file has learnt: of all of its bytes where its format is not known, empty where it is about a run.

    Args:
        name: its name, which says the format. A number that a registry's copy has before it (``3-MLmodel``) does not count.
        data: its content.
    """
    base = cast("re.Match[str]", _NUMBERED.fullmatch(PurePosixPath(name).name or "-")).group(1)
    if base == "registered_model_meta" and _REGISTERED.fullmatch(data):
        return ""
    if base == "MLmodel":
        return sha256(b"MLmodel\0" + _without_run(data)).hexdigest()
    if base.endswith(_PICKLED) and _MAGIC.match(data) and len(data) <= LARGEST:
        # Whatever a strange pickle brings about, it counts by its bytes.
        with suppress(Exception):
            return sha256(b"pickle\0" + _structure(data)).hexdigest()
    return sha256(data).hexdigest()


def _without_run(data: bytes) -> bytes:
    """An ``MLmodel`` without the lines of the run's own keys; with everything that is indented."""
    lines = [(_LINE.fullmatch(line), line) for line in data.splitlines(keepends=True)]
    return b"".join(line for found, line in lines if found is None or found[1].decode() not in RUN_KEYS)


# ---- pickles, as a structure -----------------------------------------------------------------------------------------


class _Named:
    """A class or function by its name."""

    def __init__(self, module: str, name: str) -> None:
        self.address = module, name

    def __call__(self, *arguments: Any) -> _Made:
        return _Made(self, arguments)


class _Made:
    """What a call of something would make, and what is put into it."""

    def __init__(self, maker: Any, arguments: Any, how: bytes = b"call") -> None:
        self.maker, self.arguments, self.how = maker, arguments, how
        self.states: list[Any] = []
        self.members: list[Any] = []

    def __call__(self, *arguments: Any) -> _Made:
        return _Made(self, arguments)

    def append(self, member: Any) -> None:
        self.members.append(member)

    def extend(self, members: Iterable[Any]) -> None:
        self.members.extend(members)

    def add(self, member: Any) -> None:
        self.members.append(member)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.members.append((key, value))


_Base: Any = getattr(pickle, "_Unpickler")  # noqa: B009 - the one that is written in Python, whose steps can be replaced


class _Bytes:
    """What a reader of pickles asks of a file."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def read(self, size: int = -1) -> bytes:
        start = self._at
        self._at = len(self._data) if size < 0 else min(start + size, len(self._data))
        return self._data[start : self._at]

    def readline(self) -> bytes:
        end = self._data.find(b"\n", self._at)
        return self.read(-1 if end < 0 else end + 1 - self._at)


class _Reader(_Base):  # type: ignore[misc]
    """Reads a pickle and makes nothing of it."""

    dispatch: ClassVar[dict[int, Any]] = dict(_Base.dispatch)

    def __init__(self, raw: _Bytes) -> None:
        super().__init__(raw, fix_imports=False)
        self.raw = raw

    def find_class(self, module: str, name: str) -> _Named:
        return _Named(module, name)

    def persistent_load(self, _: Any) -> Any:
        raise _NotUnderstood

    def get_extension(self, _: int) -> None:
        raise _NotUnderstood

    def load_newobj(self) -> None:
        arguments = self.stack.pop()
        self.stack.append(_Made(self.stack.pop(), arguments, b"new"))

    def load_newobj_ex(self) -> None:
        named, arguments = self.stack.pop(), self.stack.pop()
        self.stack.append(_Made(self.stack.pop(), (arguments, named), b"new"))

    def load_build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if not isinstance(made, _Made):
            raise _NotUnderstood
        made.states.append(state)
        if isinstance(made.maker, _Named) and made.maker.address == _WRAPPED:
            made.states.append(self._numbers(state))

    def _numbers(self, state: Mapping[str, Any]) -> Any:
        """The numbers that joblib writes behind the description of an array."""
        frame = self._unframer.current_frame
        if frame is not None and frame.read(1):
            raise _NotUnderstood
        kind = _DTYPE.fullmatch(str(state["dtype"].arguments[0]))
        if kind is None:
            raise _NotUnderstood
        if kind[1] == "O":
            return _Reader(self.raw).load()
        if state.get("numpy_array_alignment_bytes") is not None:
            self.raw.read(self.raw.read(1)[0])
        count = 1
        for each in state["shape"]:
            count *= int(each)
        size = count * int(kind[2]) * (4 if kind[1] == "U" else 1)
        found = self.raw.read(size)
        if len(found) != size:
            raise _NotUnderstood
        return found

    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex
    dispatch[pickle.BUILD[0]] = load_build


def _structure(data: bytes) -> bytes:
    raw = _Bytes(data)
    whole = _Reader(raw).load()
    return _Digests().of(_kept(whole) if isinstance(whole, dict) else whole) + raw.read()


class _Digests:
    """The digest of each part, taken once however often it is referred to."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}
        self._open: set[int] = set()
        self._alive: list[Any] = []

    def of(self, value: Any) -> bytes:
        plain = _plain(value)
        if plain is not None:
            return sha256(plain).digest()
        if id(value) in self._known:
            return self._known[id(value)]
        if id(value) in self._open:
            # What refers to itself has no digest that does not depend on where one begins.
            raise _NotUnderstood
        self._open.add(id(value))
        found = sha256(self._parts(value)).digest()
        self._open.discard(id(value))
        self._known[id(value)] = found
        # Why kept: the number of something that is gone is given to something else.
        self._alive.append(value)
        return found

    def _parts(self, value: Any) -> bytes:
        if isinstance(value, list | tuple):
            return type(value).__name__.encode() + b"\0" + b"".join(map(self.of, value))
        if isinstance(value, dict):
            return b"dict\0" + b"".join(self.of(key) + self.of(each) for key, each in value.items())
        if isinstance(value, set | frozenset):
            return type(value).__name__.encode() + b"\0" + b"".join(sorted(map(self.of, value)))
        if isinstance(value, _Made):
            states = [_attributes(each) for each in value.states]
            parts = (value.maker, value.arguments, states, value.members)
            return value.how + b"\0" + b"".join(map(self.of, parts))
        raise _NotUnderstood


def _plain(value: Any) -> bytes | None:
    """The bytes of what has no parts."""
    if isinstance(value, _Named):
        return b"named\0" + "\0".join(value.address).encode("utf-8", "surrogatepass")
    if isinstance(value, float):
        return b"float\0" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"text\0" + value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes | bytearray):
        return b"bytes\0" + value
    if value is None or isinstance(value, bool | int):
        return b"plain\0" + repr(value).encode()
    return None


def _attributes(state: Any) -> Any:
    """What is put into an object: its attributes, those in slots too, without ids and times of its making."""
    if isinstance(state, dict):
        return _kept(state)
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        return tuple(_kept(each) if isinstance(each, dict) else each for each in state)
    return state


def _kept(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in attributes.items() if not (isinstance(name, str) and _of_the_run(name.lstrip("_"), value))}


def _of_the_run(name: str, value: Any) -> bool:
    if name in ID_NAMES:
        return (isinstance(value, str) and _ID.fullmatch(value) is not None) or _is_made_by(value, "uuid", {"UUID"})
    return name in TIME_NAMES and _is_time(value)


def _is_time(value: Any) -> bool:
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
        return True
    if isinstance(value, int | float) and not isinstance(value, bool):
        return any(low <= value <= high for low, high in (_SECONDS, _MILLISECONDS))
    return _is_made_by(value, "datetime", {"datetime", "date"})


def _is_made_by(value: Any, module: str, names: set[str]) -> bool:
    return (
        isinstance(value, _Made)
        and isinstance(value.maker, _Named)
        and value.maker.address[0] == module
        and value.maker.address[1] in names
    )
