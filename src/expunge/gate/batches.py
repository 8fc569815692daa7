"""The gate over many rows: Arrow, Polars and pandas tables, and other iterables. The result has the type of the input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from expunge.core.gate.gate_entry import former_entry, kind_key
from expunge.errors import UsageError
from expunge.gate.columns import AT_ONCE, arrow_instants, arrow_texts, micros, missing, texts_of_values
from expunge.gate.decisions import YES, Decision, GateReason, Subject, Tally
from expunge.gate.entry_hashes import Texts, entries_of
from expunge.gate.entry_list import Mask
from expunge.gate.snapshot_view import PurposeView
from expunge.gate.spelling_rules import common_spelling, respelt

if TYPE_CHECKING:
    from expunge.gate.file_gate import Gate
    from expunge.gate.manifests import ManifestWriter

_Instants = tuple[NDArray[np.int64], Mask]


@dataclass
class Passed:
    """The rows that were let through."""

    rows: Any
    """Of the type that went in; for a reader or an iterator, one that asks as it is read."""
    tally: Tally
    """Final once ``rows`` has been read to its end."""


@dataclass
class RowFilter:
    """Asks the gate about many rows, for one kind of identifier and one purpose."""

    gate: Gate
    kind: str
    purpose: str
    manifest: ManifestWriter | None = None
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        if not self.purpose or not self.kind:
            raise ValueError("name the purpose and the kind of identifier")
        self._kind_key = kind_key(self.gate.key, self.kind)

    def mask(self, texts: Iterable[Texts], instants: _Instants | None = None) -> Mask:
        """Return which rows may be used; all answers of one call come from one snapshot."""
        view = self.gate.current()
        if isinstance(view, GateReason):
            masks = [np.zeros(len(text), np.bool_) for text in texts]
            self.tally.add(view, sum(map(len, masks)))
            return _joined(masks)
        lens, masks, at = view.lens(self.purpose), [], 0
        since = lens.kept_since(self.gate.now()) if instants is not None else None
        if self.manifest is not None:
            self.manifest.saw(view.head)
        for text in texts:
            some = None if instants is None else (instants[0][at : at + len(text)], instants[1][at : at + len(text)])
            masks.append(self._sift(lens, text, since, some))
            at += len(text)
        return _joined(masks)

    def _sift(self, lens: PurposeView, texts: Texts, since: datetime | None, instants: _Instants | None) -> Mask:
        first, second = entries_of(texts, self._kind_key)
        left = texts.valid & (texts.lengths > 0)
        self.tally.add(GateReason.NO_SUBJECT, int(len(left) - left.sum()))
        if lens.head.kinds is not None and self.kind not in lens.head.kinds:
            self.tally.add(GateReason.UNKNOWN_KIND, int(left.sum()))
            return np.zeros(len(left), np.bool_)
        refusals = lens.refused(first, second, lambda still: self._former(lens, texts, still & texts.valid))
        others = self._under_other_spellings(lens, texts, refusals)
        if since is not None and instants is not None:
            refusals += [(GateReason.NO_TIME, ~instants[1]), (GateReason.ENDED, instants[0] < micros(since))]
        for reason, refused in refusals:
            self.tally.add(reason, int((refused & left).sum()))
            left &= ~refused
        self.tally.add(GateReason.PERMITTED, int(left.sum()))
        if self.manifest is not None:
            self.manifest.add_many(self.kind, first[left], second[left])
            for row, common in others.items():
                if left[row]:
                    self.manifest.add(self.kind, self.gate.entry(Subject(self.kind, common)))
        return left

    def _under_other_spellings(self, lens: PurposeView, texts: Texts, refusals: list[tuple[GateReason, Mask]]) -> dict[int, str]:
        """Correct the answers for identifiers that are not written in their common spelling; row -> that spelling."""
        others: dict[int, str] = {}
        for row, value, common in respelt(texts, lens.head.spelling(self.kind)):
            others[row] = common
            reason = self.gate.reason_of(lens, Subject(self.kind, value))
            for _, mask in refusals:
                mask[row] = False
            if reason not in YES:
                alone = np.zeros(len(texts), np.bool_)
                alone[row] = True
                refusals.append((reason, alone))
        return others

    def _former(self, lens: PurposeView, texts: Texts, still: Mask) -> Mask:
        assert lens.former is not None
        found = np.zeros(len(texts), np.bool_)
        for at in np.flatnonzero(still):
            value = texts.value(int(at)).decode("utf-8", "surrogatepass")
            found[at] = lens.former.holds(former_entry(self.gate.key, self.kind, value))
        return found

    def ask(self, subject: Subject | None, recorded: datetime | None = None) -> Decision:
        """About one: counted, and entered in the manifest where it may be used."""
        if subject is None:
            decision = Decision(allowed=False, reason=GateReason.NO_SUBJECT, as_of=None)
        else:
            decision = self.gate.may_use(subject, self.purpose, recorded)
        self.tally.add(decision.reason)
        if decision.reason in YES and self.manifest is not None and subject is not None:
            view = self.gate.current()
            if not isinstance(view, GateReason):
                self.manifest.saw(view.head)
            common = common_spelling(view.head.spelling(subject.kind), subject.value) if not isinstance(view, GateReason) else subject.value
            for value in {subject.value, common}:
                self.manifest.add(subject.kind, self.gate.entry(Subject(subject.kind, value)))
        return decision


def allowed(sieve: RowFilter, data: Any, column: str | None, recorded: str | None = None) -> Passed:
    """Return the rows of a table, reader, frame or iterable that may be used.

    Args:
        sieve: the gate and the question.
        data: pyarrow Table, RecordBatch or RecordBatchReader; polars or pandas DataFrame; or an iterable of mappings or values.
        column: the column of the identifier; None for an iterable of the identifiers themselves.
        recorded: the column of the time at which a row was recorded, to apply the period for which it may be kept.

    Raises:
        UsageError: for a column that is missing or holds no identifiers, or data of another type.
    """
    library = type(data).__module__.partition(".")[0]
    if library == "pyarrow":
        return Passed(_arrow(sieve, data, column, recorded), sieve.tally)
    if library in {"polars", "pandas"}:
        return Passed(_frame(sieve, data, column, recorded, library), sieve.tally)
    if isinstance(data, Mapping | str | bytes) or not isinstance(data, Iterable):
        message = f"cannot look through a {type(data).__name__}"
        raise UsageError(message, help="give a table, a frame, a reader or an iterable of rows")
    return Passed(_each(sieve, data, column, recorded), sieve.tally)


def _arrow(sieve: RowFilter, data: Any, column: str | None, recorded: str | None) -> Any:
    import pyarrow as pa

    if isinstance(data, pa.Array | pa.ChunkedArray):
        return _kept(data, sieve.mask(arrow_texts(data)))
    name = _named(column, data.schema.names)
    if recorded is not None:
        _named(recorded, data.schema.names)
    if isinstance(data, pa.RecordBatchReader):
        return pa.RecordBatchReader.from_batches(data.schema, (_arrow(sieve, batch, column, recorded) for batch in data))
    instants = arrow_instants(data.column(recorded)) if recorded is not None else None
    return _kept(data, sieve.mask(arrow_texts(data.column(name)), instants))


def _kept(data: Any, mask: Mask) -> Any:
    import pyarrow as pa

    try:
        return data.filter(pa.array(mask))
    except pa.ArrowNotImplementedError as error:
        raise UsageError("this version of pyarrow cannot filter a column of such a type", help="cast views to plain text first") from error


def _frame(sieve: RowFilter, data: Any, column: str | None, recorded: str | None, library: str) -> Any:
    if type(data).__name__ != "DataFrame":
        message = f"cannot look through a {type(data).__name__} of {library}"
        raise UsageError(message, help="give a DataFrame: collect a lazy one first")
    names = list(data.columns)
    series = data[_named(column, names)]
    instants = None
    if recorded is not None:
        times = data[_named(recorded, names)]
        instants = _instants(times.to_list())
    values = series.to_list()
    chunks = (texts_of_values(values[at : at + AT_ONCE]) for at in range(0, len(values), AT_ONCE))
    texts = arrow_texts(series.to_arrow()) if library == "polars" and _has_arrow() else chunks
    mask = sieve.mask(texts, instants)
    return data.filter(mask) if library == "polars" else data[mask]


def _each(sieve: RowFilter, rows: Iterable[Any], column: str | None, recorded: str | None) -> Iterator[Any]:
    for row in rows:
        value, time = (row, None) if column is None else (_field(row, column), _field(row, recorded) if recorded else None)
        if recorded and not isinstance(time, datetime):
            sieve.tally.add(GateReason.NO_TIME)
        elif sieve.ask(subject_of(sieve.kind, value), _aware(time)):
            yield row


def subject_of(kind: str, value: object) -> Subject | None:
    """Return the subject that a value names, or None for an empty value.

    Raises UsageError for a value that would have to be guessed at (bytes, fractions).
    """
    if isinstance(value, Subject):
        return value
    if missing(value) or value == "":
        return None
    if isinstance(value, str | int) and not isinstance(value, bool):
        return Subject(kind, str(value))
    message = f"a subject is text or a whole number, not {type(value).__name__}"
    raise UsageError(message, help="turn it into text that stands in the stores as it is")


def named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object from pairs. Raises ValueError for a repeated name.

    Of two equal names, the next reader after the gate might take the other one.
    """
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def _field(row: Any, name: str) -> Any:
    if not isinstance(row, Mapping):
        message = f"a row is a mapping, not {type(row).__name__}"
        raise UsageError(message, help="leave the column out where the rows are the identifiers themselves")
    return row.get(name)


def _named(column: str | None, names: list[str]) -> str:
    if column is None or names.count(column) != 1:
        message = f"there is no single column {column!r}" if column else "name the column"
        raise UsageError(message, help=f"there are {', '.join(names)}")
    return column


def _instants(values: list[Any]) -> _Instants:
    known = [value if isinstance(value, datetime) and value == value else None for value in values]
    return (
        np.fromiter((0 if value is None else micros(value) for value in known), np.int64, len(known)),
        np.fromiter((value is not None for value in known), np.bool_, len(known)),
    )


def _aware(time: datetime | None) -> datetime | None:
    return time if time is None or time.tzinfo else time.replace(tzinfo=UTC)


def _joined(masks: list[Mask]) -> Mask:
    return np.concatenate(masks) if masks else np.zeros(0, np.bool_)


def _has_arrow() -> bool:
    return find_spec("pyarrow") is not None
