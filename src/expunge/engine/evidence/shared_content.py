"""Tell content windows that other people's live data holds as well from residue of the erased subject."""

from __future__ import annotations

import codecs
import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

from expunge.core.datamap.datamap import AboutNobody, Dataset, Inherited, remakes
from expunge.core.datamap.mentions import is_prose
from expunge.core.datamap.person import Person
from expunge.core.evidence.traces import Trace, Traces
from expunge.core.models.model_outcomes import WHOLE
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence import tracing
from expunge.engine.evidence.spelt_cells import SpeltCells
from expunge.engine.evidence.whole_words import CodedWords, LongerWords, Words
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import mentions, orphaned_items
from expunge.engine.subjects.living_identifiers import LivingIdentifiers
from expunge.engine.subjects.living_keys import LivingKeys
from expunge.ports.scanner import SEAM, Scanned, Stretch, Tracer
from expunge.ports.store import Store

FIRST_BATCH = 50
MOST_IN_A_BATCH = 25_000
"""Copies of people who stay that are read at a time: few at first, because windows that many people's data holds are met at once; then ten
times as many each time, because a store may read a file with many people's records once for each batch."""
_GATHERED = 1 << 9
"""Short values that are looked through together."""
_SHORT = 1 << 12
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_SMALL = 1 << 20
"""Whole files smaller than this (sidecars, documents) are looked through for identifiers; larger ones are media."""


_Turn: TypeAlias = "tuple[Dataset, Store, PassingTracer, list[Copy]]"


@dataclass(frozen=True)
class SharedTraces:
    """The traces that are accounted for, by index."""

    people: frozenset[int]
    """Held by somebody who stays."""
    kept: frozenset[int]
    """Held by what is kept on purpose; that excuses the kept item's own place, not a stray copy of it."""


def held_by_others(
    context: Context,
    store: str,
    traces: Traces,
    seen: Iterable[int],
    kept: Mapping[str, Sequence[Copy]],
    erased: Mapping[str, Sequence[Copy]],
    people: Sequence[Person] = (),
    before: frozenset[int] = frozenset(),
) -> SharedTraces:
    """Return the traces seen after the erasure that belong to a bystander, or to an item that is kept on purpose.

    Only data that leads to a subject counts. An orphaned item is no bystander's: what it holds of the erased person is residue. The live
    data of bystanders is read only when a trace was seen, and only until every one is accounted for. An erased person's own identifier,
    standing as a whole word, is never a bystander's: a child's id inside the household's record is the child's.

    Args:
        context: the composition.
        store: the store that was scanned.
        traces: all of the order.
        seen: indexes that the scan found.
        kept: dataset -> copies of the erased people that stay on purpose.
        erased: dataset -> copies of the erased people that are still live (an erase failed): they are not *others*.
        people: the erased people, where they are known.
        before: what datasets that the store rewrites by itself held before anything was erased (:func:`held_before`).
    """
    candidates = frozenset(index for index in seen if traces.traces[index].subject not in traces.controls)
    if not candidates:
        return SharedTraces(frozenset(), frozenset())
    holder, moved = (_SeamsApart(context, traces, candidates) for _ in range(2))
    keeper = context.scanner.holder(traces, candidates)
    seams = any(traces.traces[index].part == SEAM for index in candidates)
    filtered, filtered_moved = (
        without_identifiers(context, each, people, seams=seams, coded=_names_any(traces, candidates)) for each in (holder, moved)
    )
    stores = {name: context.open_store(name) for name in (store, *inside(context, store))}
    rewritten = frozenset(name for each in stores.values() for name in store_calls.capabilities(each).rewritten)
    named = on_record(context, stores, traces, candidates)
    reading, living = [], LivingKeys(context)
    for dataset in _likeliest_first(context, stores, (traces.traces[index].dataset for index in candidates)):
        opened = stores[dataset.store]
        staying = kept.get(dataset.name, ())
        if staying:
            # What stays on purpose holds its own content, names and identifiers included.
            store_calls.trace(opened, dataset, staying, keeper)
        mine = (*erased.get(dataset.name, ()), *staying)
        others = _batches(_others(context, dataset, opened, mine, erased, living))
        reading.append((dataset, opened, filtered_moved if dataset.name in rewritten else filtered, others))
    # Why in turns: what everybody's e-mail ends in is met at once in the few rows of its own dataset, and nowhere in millions of another.
    for dataset, opened, passing, batch in _in_turns(reading):
        store_calls.trace(opened, dataset, batch, passing)
        passing.pass_on()
        if candidates <= holder.held():
            return SharedTraces(candidates, keeper.held())
    # Why less: a trigger may have handed the erased person's content to them; their own is what they held before as well.
    return SharedTraces(holder.held() | (moved.held() & before) | named, keeper.held())


def held_by_dataset(
    context: Context,
    dataset: Dataset,
    traces: Traces,
    wanted: frozenset[int],
    kept: Mapping[str, Sequence[Copy]],
    erased: Mapping[str, Sequence[Copy]],
    people: Sequence[Person],
    living: LivingKeys,
) -> SharedTraces:
    """Return the windows that live items of one dataset hold, reading bystanders' items until all that are wanted were met.

    An item of one erased person that could not be erased counts for what it holds of another's, unless it is of both. The arguments are
    those of :func:`held_by_others`. Raises what stores raise when they cannot be read.
    """
    seams, opened = any(traces.traces[index].part == SEAM for index in wanted), context.open_store(dataset.store)
    holder, keeper = _SeamsApart(context, traces, wanted), context.scanner.holder(traces, wanted)
    staying, left = kept.get(dataset.name, ()), erased.get(dataset.name, ())
    if staying:
        store_calls.trace(opened, dataset, staying, keeper)
    found = keeper.held() | _held_of_one_another(context, dataset, opened, traces, wanted, left, people)
    passing = without_identifiers(context, holder, people, seams=seams, coded=_names_any(traces, wanted))
    for batch in _batches(_others(context, dataset, opened, (*left, *staying), erased, living)) if found != wanted else ():
        store_calls.trace(opened, dataset, batch, passing)
        passing.pass_on()
        if wanted <= holder.held() | found:
            break
    return SharedTraces(holder.held(), found)


def _held_of_one_another(
    context: Context,
    dataset: Dataset,
    opened: Store,
    traces: Traces,
    wanted: frozenset[int],
    left: Sequence[Copy],
    people: Sequence[Person],
) -> frozenset[int]:
    """The windows of one erased person that items of another hold which could not be erased: they are in that person's own entry."""
    owners = Counter(key for copy in left for key in set(copy.keys))
    shared = frozenset(key for key, count in owners.items() if count > 1)
    alone = [copy.without(shared) for copy in left]
    placed = context.scanner.placed(traces, wanted)
    passing = without_identifiers(context, placed, people, seams=any(traces.traces[index].part == SEAM for index in wanted))
    for copy in alone:
        if copy.keys:
            store_calls.trace(opened, dataset, [copy], passing)
    passing.pass_on()
    return frozenset(index for subject, held in placed.held_by().items() for index in held if traces.traces[index].subject != subject)


def strays(traces: Traces, scanned: Scanned, accounted: SharedTraces, kept_copies: Mapping[str, Sequence[Copy]]) -> frozenset[int]:
    """Return windows of kept items that were also seen in another file: a hold keeps the named item, not a copy that nobody declared.

    Told where keys are paths (a file's key ends the path where it was seen).
    """
    keys = tuple(f"/{key}" for copies in kept_copies.values() for copy in copies for key in copy.keys)
    doubtful = accounted.kept - accounted.people
    places: dict[Trace, list[bool]] = {}
    for place in scanned.found:
        places.setdefault(place.trace, []).append(place.path.as_posix().endswith(keys) if keys else False)
    return frozenset(index for index in doubtful if len(set(places.get(traces.traces[index], ()))) == 2)


class PassingTracer(Tracer, Protocol):
    """A tracer that passes content on, some of it later."""

    def pass_on(self) -> None:
        """Pass on what was gathered."""
        ...


def without_identifiers(
    context: Context, inner: Tracer, people: Sequence[Person], *, seams: bool, keeping: bool = True, coded: bool = True
) -> PassingTracer:
    """Return a tracer that passes content on with the erased people's identifiers taken out where they stand as whole words.

    Mentions that stay on purpose are passed on as they are, unless ``keeping`` is false. A value that names one of the people in another
    form is passed on as what it says, without the names, unless ``coded`` is false.
    """
    kept = _kept_mentions(context) if keeping else _KeptMentions()
    stays = LivingIdentifiers(context, people).any
    said = context.scanner.said if coded else None
    return _WholeWordsOut(inner, people, SpeltCells(context.data_map, people), seams=seams, mentions=kept, stays=stays, said=said)


def _names_any(traces: Traces, candidates: Iterable[int]) -> bool:
    """Return whether one of some windows is of an identifier of the order."""
    return any(traces.traces[index].dataset == tracing.IDENTIFIERS for index in candidates)


def _others(
    context: Context, dataset: Dataset, store: Store, mine: Sequence[Copy], erased: Mapping[str, Sequence[Copy]], living: LivingKeys
) -> Iterator[Copy]:
    """What is live in a dataset and not theirs."""
    if not remakes(dataset):
        yield from orphaned_items.owned(context, dataset, store_calls.bystanders(store, dataset, mine, None), erased, living)
        return
    # Why without asking whose: what is made anew is nobody's, and may hold what the old one held as well (a shard, a header).
    keys = {key for each in mine for key in each.keys}
    for copy in store_calls.locate(store, dataset, (Selector(Pseudonym(WHOLE), {}, every=True),)):
        left = copy.without(keys)
        if left.keys:
            yield left


def on_record(context: Context, stores: Mapping[str, Store], traces: Traces, candidates: Iterable[int]) -> frozenset[int]:
    """Return the names of artefacts that the map's record of provenance holds: what was made from what, destroyed or not."""
    provenance = context.data_map.provenance
    record = context.data_map.datasets[provenance.dataset] if provenance else None
    single = {dataset.name for dataset in context.data_map.datasets.values() if dataset.artefact}
    wanted = [index for index in candidates if traces.traces[index].dataset in single]
    if record is None or record.store not in stores or not wanted:
        return frozenset()
    holder, opened = context.scanner.holder(traces, wanted), stores[record.store]
    for batch in _batches(store_calls.bystanders(opened, record, (), None)):
        store_calls.trace(opened, record, batch, holder)
    return holder.held()


def held_before(context: Context, store: str, traces: Traces, theirs: Mapping[str, Sequence[Copy]]) -> frozenset[int]:
    """Return the traces that bystanders hold in the datasets into which the store itself writes when rows of other people are deleted.

    The look is made before anything is erased. Afterwards a trigger's rows could not be told apart. ``theirs`` are the copies of the people
    to be erased, by dataset.
    """
    opened = context.open_store(store)
    rewritten = store_calls.capabilities(opened).rewritten
    if not rewritten:
        return frozenset()
    holder = context.scanner.holder(traces, [index for index, each in enumerate(traces.traces) if each.subject not in traces.controls])
    for dataset in context.data_map.datasets_of(store):
        if dataset.name in rewritten:
            for batch in _batches(store_calls.bystanders(opened, dataset, theirs.get(dataset.name, ()), None)):
                store_calls.trace(opened, dataset, batch, holder)
    return holder.held()


def inside(context: Context, store: str) -> list[str]:
    """Return other stores whose files lie under this one's root, as a database in a folder: what is found there may be their people's.

    Stores that show the same content through the same interface are among them.
    """
    roots = [each.path.resolve() for each in store_calls.raw(context.open_store(store)) if each.path.is_dir()]
    shown = "" if roots else store_calls.interface(context.open_store(store))
    found = []
    for name in context.data_map.stores if roots or shown else ():
        if name == store:
            continue
        try:
            paths = [each.path.resolve() for each in store_calls.raw(context.open_store(name))] if roots else []
            same = bool(shown) and store_calls.interface(context.open_store(name)) == shown
        except store_calls.TROUBLE:
            continue
        if same or any(path.is_relative_to(root) for path in paths for root in roots):
            found.append(name)
    return found


def _likeliest_first(context: Context, stores: Iterable[str], sources: Iterable[str]) -> list[Dataset]:
    """The datasets of some stores that hold somebody's data, those first that most of the windows come from."""
    counts = Counter(sources)
    declared = [dataset for name in stores for dataset in context.data_map.datasets_of(name)]
    looked = [each for each in declared if remakes(each) or not isinstance(each.subject, AboutNobody | Inherited)]
    return sorted(looked, key=lambda each: -counts[each.name])


def _batches(copies: Iterable[Copy]) -> Iterator[list[Copy]]:
    batch: list[Copy] = []
    wanted = FIRST_BATCH
    for copy in copies:
        batch.append(copy)
        if len(batch) == wanted:
            yield batch
            batch, wanted = [], min(wanted * 10, MOST_IN_A_BATCH)
    if batch:
        yield batch


def _in_turns(reading: Sequence[tuple[Dataset, Store, PassingTracer, Iterator[list[Copy]]]]) -> Iterator[_Turn]:
    """The next batch of each dataset, again and again, until all are read."""
    left = list(reading)
    while left:
        for each in tuple(left):
            dataset, store, passing, batches = each
            batch = next(batches, None)
            if batch is None:
                left.remove(each)
            else:
                yield dataset, store, passing, batch


class _Joined(io.RawIOBase):
    """A head that was read already, and the rest of its stream."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._head = io.BytesIO(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _SeamsApart:
    """Holds values, and apart from them what joins two values of a row: that accounts for traces of such joints, and for no value.

    An identifier that begins where another value ends would read as a part of a longer word there.
    """

    def __init__(self, context: Context, traces: Traces, candidates: frozenset[int]) -> None:
        joints = frozenset(index for index in candidates if traces.traces[index].part == SEAM)
        values = context.scanner.holder(traces, candidates)
        self._values, self._joints = values, context.scanner.holder(traces, joints)
        self.text, self.number, self.vector, self.name, self.lies = values.text, values.number, values.vector, values.name, values.lies

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        (self._joints if field == SEAM else self._values).blob(subject, dataset, field, stream)

    def held(self) -> frozenset[int]:
        """The candidates that were met."""
        return self._values.held() | self._joints.held()


@dataclass(frozen=True)
class _KeptMentions:
    """The cells of other people's rows that may name an erased person: the receipt lists them."""

    columns: frozenset[tuple[str, str]] = frozenset()
    """(dataset, column) that the map keeps."""
    listed: frozenset[str] = frozenset()
    """Datasets whose free text is looked through for the receipt."""

    def keep(self, dataset: str, field: str) -> bool:
        """Return whether the map keeps mentions in a column, parts of its structures included."""
        return (dataset, field) in self.columns or (dataset, field.partition(".")[0]) in self.columns

    def allow(self, dataset: str, field: str, value: str, identifiers: frozenset[str]) -> bool:
        """Return whether a cell may name the person: its column is kept, or it is free text that no identifier fills."""
        return self.keep(dataset, field) or (dataset in self.listed and is_prose(value) and value.strip() not in identifiers)


def _kept_mentions(context: Context) -> _KeptMentions:
    columns, listed = set[tuple[str, str]](), set[str]()
    for dataset in context.data_map.datasets.values():
        if mentions.listed_in(context, dataset) is not None:
            listed.add(dataset.name)
            columns |= {(dataset.name, column) for column, rule in dataset.mentions.items() if not rule.releases}
    return _KeptMentions(frozenset(columns), frozenset(listed))


class _WholeWordsOut:
    """Passes content on with the erased people's identifiers taken out where they stand as whole words.

    What is left of a match is then an identifier of somebody else that merely contains theirs (``a-12`` in ``a-123``). Short values are
    gathered, because nearly always none of many has such a word in it; :meth:`pass_on` passes on what was gathered.
    """

    def __init__(
        self,
        inner: Tracer,
        people: Sequence[Person],
        spelt: SpeltCells | None = None,
        *,
        seams: bool,
        mentions: _KeptMentions = _KeptMentions(),
        stays: LongerWords | None = None,
        said: Callable[[str | bytes], Iterable[bytes]] | None = None,
    ) -> None:
        self._inner = inner
        self._seams = seams
        self._mentions = mentions
        self._spelt = spelt
        values = {value for person in people for _, value in person.in_unicode_forms().identifiers() if len(value) >= 8}
        values |= {value for value in (spelt.capitals() if spelt is not None else ()) if len(value) >= 8}
        self._values = frozenset(values)
        self._words = Words(values, stays=stays)
        self._coded = CodedWords(said, self._words) if said is not None and values else None
        # Bytes are looked through as Latin-1, one character each, with the words of ASCII.
        plain = None if stays is None else (lambda words: stays([word.encode("latin-1").decode("utf-8", "replace") for word in words]))
        self._bytes = Words((data.decode("latin-1") for value in values for data in _encoded(value)), re.ASCII, plain)
        self._texts: list[tuple[Pseudonym, str, str, str]] = []
        self._blobs: list[tuple[Pseudonym, str, str, bytes]] = []

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        self._texts.append((subject, dataset, field, value))
        if len(self._texts) >= _GATHERED or len(value) > _SHORT:
            self._pass_texts()

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        text = str(int(value)) if math.isfinite(value) and value == int(value) else ""
        if text not in self._values or self._mentions.allow(dataset, field, text, self._values):
            self._inner.number(subject, dataset, field, value)

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        self._inner.vector(subject, dataset, field, value)

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        if field == SEAM and not self._seams:
            return
        head = stream.read(_SMALL)
        if len(head) < _SMALL:
            self._blobs.append((subject, dataset, field, head))
            if len(self._blobs) >= _GATHERED or len(head) > _SHORT:
                self._pass_blobs()
            return
        self._inner.blob(subject, dataset, field, io.BufferedReader(_Joined(head, stream)))

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        self._inner.name(subject, dataset, self._words.take_out(value, _nothing))

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        self._inner.lies(path, stretches)

    def pass_on(self) -> None:
        """Pass on what was gathered."""
        self._pass_texts()
        self._pass_blobs()

    def _pass_texts(self) -> None:
        texts, self._texts = self._texts, []
        if self._spelt is not None:
            fills = self._spelt.fills
            texts = [each for each in texts if not fills(each[3]) or self._mentions.keep(each[1], each[2])]
        text = self._inner.text
        if self._coded is not None:
            cut = [None if self._mentions.keep(each[1], each[2]) else self._coded.cut(each[3]) for each in texts]
            texts = [each if said is None else (*each[:3], said) for each, said in zip(texts, cut, strict=True)]
        if self._words.lie_in("\n".join([each[3] for each in texts])):
            allowed = [self._mentions.allow(dataset, field, value, self._values) for _, dataset, field, value in texts]
            naming = {each[0] for each, stays in zip(texts, allowed, strict=True) if not stays and self._words.names(each[3])}
            for (subject, dataset, field, value), stays in zip(texts, allowed, strict=True):
                text(subject, dataset, field, value if stays else self._words.take_out(value, _nothing, named=subject in naming))
        else:
            for each in texts:
                text(*each)

    def _pass_blobs(self) -> None:
        blobs, self._blobs = self._blobs, []
        met = self._bytes.lie_in(b"\n".join([blob[3] for blob in blobs]).decode("latin-1"))
        for subject, dataset, field, data in blobs:
            left = data
            if not self._mentions.keep(dataset, field):
                said = self._coded.cut(data) if self._coded is not None and field != SEAM else None
                if said is not None:
                    self._inner.text(subject, dataset, field, said)
                    continue
                plain = data.decode("latin-1") if met else ""
                cut = self._bytes.take_out(plain, _zeros, named=self._bytes.names(plain)).encode("latin-1") if met else data
                left = self._wide(cut)
            self._inner.blob(subject, dataset, field, io.BytesIO(left))

    def _wide(self, data: bytes) -> bytes:
        """Return a text in UTF-16 without the identifiers; any other bytes as they are."""
        codec = _MARKS.get(data[:2])
        if codec is None:
            return data
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            return data
        return self._words.take_out(text, _zeros, named=self._words.names(text)).encode(codec)


def _encoded(value: str) -> Iterator[bytes]:
    """Yield the bytes of an identifier in texts of one byte or more a letter, and in JSON with escapes."""
    yield value.encode("utf-8", "surrogatepass")
    if not value.isascii():
        with suppress(UnicodeEncodeError):
            yield value.encode("cp1252")
        yield json.dumps(value)[1:-1].encode()


def _nothing(_: str) -> str:
    return "\0"


def _zeros(value: str) -> str:
    return "\0" * len(value)
