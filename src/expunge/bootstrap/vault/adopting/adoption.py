"""The service that adopts recordings: they are sealed into a vault, proven, and erased where they lay in the clear, batch by batch.

The two places are the only record of progress: a recording in the clear is still to be adopted. So a run can end anywhere, and the next one
goes on. A recording is in one of the places or in both, and never in neither.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from expunge.bootstrap.vault.adopting.clear_bucket import ClearBucket
from expunge.bootstrap.vault.adopting.clear_folder import ClearFolder
from expunge.bootstrap.vault.adopting.clear_place import ClearName, ClearPlace
from expunge.bootstrap.vault.adopting.clear_recordings import Adopting
from expunge.bootstrap.vault.service import VaultService
from expunge.bootstrap.vault.vault_names import named_in
from expunge.core.datamap.datamap import ByField, StoreSpec
from expunge.core.values.hold import Hold, item_tag
from expunge.core.values.ids import IdempotencyKey
from expunge.core.values.outcome import Outcome
from expunge.engine.kernel import spelt_names
from expunge.engine.kernel.journal_streams import HOLDS
from expunge.engine.subjects import hold_register
from expunge.errors import Busy, UsageError
from expunge.ports.vault.sealed_library import Subject
from expunge.stores.s3.bucket_connection import Bucket
from expunge.vault.batches import WIDTH, Stays

_PLACES: Mapping[str, Callable[[StoreSpec], ClearPlace]] = {
    "files": lambda spec: ClearFolder(Path(spec.url.removeprefix("file://")).resolve()),
    "s3": lambda spec: ClearBucket(spec, Bucket(spec)),
}
"""Kind of store -> the place of recordings in the clear."""
TOGETHER, TOGETHER_BYTES = 128, 64 << 20
"""Recordings of one batch, and their bytes: room for so many, sealed, has to be there beside those in the clear."""
ASKED = 1_000
"""Recordings whose people are asked for together, in a forecast."""
TURN_S = 2.0
"""Seconds after which other processes get a turn to run orders."""
PAUSE_S = 0.2
BYTES_A_SECOND = 130_000_000
SECONDS_EACH, SECONDS_EACH_OF_A_BUCKET = 0.006, 0.022
"""Measured on a disk under much other load (`bench/adoption.py`, `bench/adoption_buckets.py`): what a recording takes whatever its size."""
AGAIN = "its name is in the clear again: it was written anew meanwhile"


@dataclass(frozen=True)
class AdoptionForecast:
    """What a run would do, as far as this can be told without opening a recording."""

    recordings: int
    bytes: int
    people: int
    left: Mapping[str, int]
    """The reason why recordings would stay in the clear -> how many."""
    seconds_each: float = SECONDS_EACH

    @property
    def minutes(self) -> float:
        """Return roughly how long a run takes, by measurements on one machine."""
        return (self.bytes / BYTES_A_SECOND + self.recordings * self.seconds_each) / 60


@dataclass
class AdoptionSummary:
    """What a run has done."""

    sealed: int = 0
    """Recordings that this run sealed, and erased in the clear."""
    known: int = 0
    """Recordings that were sealed already, by an earlier run or otherwise, and that this run erased in the clear."""
    bytes: int = 0
    """The bytes of both."""
    left: Counter[str] = field(default_factory=Counter)
    """The reason why recordings stay in the clear -> how many."""
    purged: Outcome | None = None
    """The answer of the store's purge; None where the run ended before it."""

    @property
    def done(self) -> int:
        """Number of recordings that are in the vault alone."""
        return self.sealed + self.known


Reporter = Callable[[AdoptionSummary], None]


def _untold(_: AdoptionSummary) -> None: ...


@dataclass(frozen=True)
class AdoptionService(VaultService):
    """Adopts recordings in the clear into a vault."""

    def forecast(self, dataset: str, source: str) -> AdoptionForecast:
        """Return what :meth:`adopt` would do. It changes nothing, and raises as that does."""
        self.renew_gate()
        with self._adopting(dataset, source) as adopting:
            return self._foreseen(adopting)

    def _foreseen(self, adopting: Adopting) -> AdoptionForecast:
        recordings = size = 0
        people: set[int] = set()
        left: Counter[str] = Counter()
        names = adopting.place.names(adopting.clear)
        while batch := {found.key: found for found in islice(names, ASKED)}:
            for name, theirs in adopting.whose(list(batch)).items():
                try:
                    if isinstance(theirs, Stays):
                        raise theirs
                    adopting.require_admitted(name, theirs)
                    # Why a number for each person: keeping ten million identifiers, only to count them, takes too much memory.
                    people |= {hash(each) for each in theirs}
                    size += batch[name].size()
                    recordings += 1
                except Stays as stays:
                    left[str(stays)] += 1
                except FileNotFoundError:
                    continue
        each = SECONDS_EACH_OF_A_BUCKET if adopting.place.together else SECONDS_EACH
        return AdoptionForecast(recordings, size, len(people), left, each)

    def adopt(self, dataset: str, source: str, report: Reporter = _untold) -> AdoptionSummary:
        """Seal the recordings of a dataset in a folder, and erase the clear bytes of each that came back from the vault unchanged.

        Other processes run orders in between. To go on after an interruption, call it again.

        Args:
            dataset: a dataset of a vault, with the paths and the subject of the other.
            source: the dataset whose recordings lie in the clear.
            report: told after each turn.

        Raises:
            UsageError: the two do not fit together.
            StoreUnavailable, CouldNotLook: one of the places cannot be used now. Recordings adopted so far stay adopted.
        """
        with self._adopting(dataset, source) as adopting:
            return self._adopted(adopting, report)

    def _adopted(self, adopting: Adopting, report: Reporter) -> AdoptionSummary:
        summary = AdoptionSummary()
        batches = _batches(adopting.place.names(adopting.clear))
        with ThreadPoolExecutor(WIDTH) as pool:
            while self._turn(adopting, batches, summary, pool):
                report(summary)
                # Why: a process that waits for the right to run orders polls for it.
                time.sleep(PAUSE_S)
        with self._waiting():
            summary.purged = adopting.store.purge((adopting.clear,), IdempotencyKey(f"adopt/{adopting.clear.name}"))
        return summary

    def _turn(self, adopting: Adopting, batches: Iterator[list[str]], summary: AdoptionSummary, pool: ThreadPoolExecutor) -> bool:
        """Adopt recordings for the seconds of one turn. Return whether there are more."""
        self.renew_gate()
        done: list[str] = []
        more = False
        with self._waiting():
            until = time.monotonic() + TURN_S
            for names in batches:
                for name, answer in adopting.adopt(names, pool).items():
                    if isinstance(answer, Stays):
                        summary.left[str(answer)] += 1
                        continue
                    done.append(name)
                    summary.sealed += answer.fresh
                    summary.known += not answer.fresh
                    summary.bytes += answer.recording.size
                if time.monotonic() >= until:
                    more = True
                    break
            if again := adopting.left(done):
                summary.left[AGAIN] += again
        return more

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Hold the right to run orders for the length of a block, after waiting for it as long as another process has it."""
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(self.alone())
                    break
                except Busy:
                    continue
            yield

    # --- the two places -------------------------------------------------------------------------

    @contextmanager
    def _adopting(self, dataset: str, source: str) -> Iterator[Adopting]:
        sealed = self._dataset(dataset)
        data_map = self.context.data_map
        clear = data_map.datasets.get(source)
        if clear is None:
            message = f"the map has no dataset {source!r}"
            raise UsageError(message, help="declare where the recordings lie in the clear as a dataset of its own, beside the vault's")
        spec = data_map.stores[clear.store]
        if spec.kind not in _PLACES:
            message = f"{source} lies in a store of kind {spec.kind}, and is not adopted from there"
            raise UsageError(message, help="copy the recordings into a folder that the map declares, and adopt that; then erase the rest")
        if data_map.state_url:
            message = "with its state on a server, workers could run orders over recordings that are on their way"
            raise UsageError(message, help="adopt before the state is moved to the server; `expunge ingest` takes recordings in on both")
        if (
            clear.format
            or not isinstance(clear.subject, ByField)
            or clear.subject != sealed.subject
            or set(clear.paths) - set(sealed.paths)
        ):
            message = f"{source} and {dataset} do not fit together: whole files, with the same paths and the same subject"
            raise UsageError(message, help="copy `path` and `subject` of the one to the other in the map")
        place = _PLACES[spec.kind](spec)
        adopting = Adopting(
            clear=clear,
            place=place,
            store=self.context.open_store(clear.store),
            sealed=sealed,
            library=self._library(sealed),
            people=lambda name: named_in(sealed, name),
            admitting=lambda people: self._admitting(sealed, people),
            held=_Holds(self, clear.name).keep,
            now=self.context.clock.now,
        )
        with closing(place):
            yield adopting


def _batches(names: Iterator[ClearName]) -> Iterator[list[str]]:
    """Yield names of about so many recordings and bytes as one batch has; each name once in a batch."""
    batch: dict[str, None] = {}
    size = 0
    for found in names:
        with suppress(FileNotFoundError):
            size += found.size()
        batch[found.key] = None
        if len(batch) >= TOGETHER or size >= TOGETHER_BYTES:
            yield list(batch)
            batch, size = {}, 0
    if batch:
        yield list(batch)


class _Holds:
    """The holds on the recordings in the clear, read again when the register of holds grew."""

    def __init__(self, service: VaultService, dataset: str) -> None:
        self._context = service.context
        self._dataset = dataset
        self._length = -1
        self._standing: tuple[Hold, ...] = ()

    def keep(self, name: str, people: tuple[Subject, ...]) -> bool:
        """Return whether a hold keeps a recording."""
        length = self._context.journal.length(HOLDS)
        if length != self._length:
            self._standing = tuple(each for each in hold_register.active(self._context) if each.dataset == self._dataset)
            self._length = length
        if not self._standing:
            return False
        key = self._context.keys.pseudonym_key()
        names = frozenset(spelt_names.name_of(self._context.data_map, key, kind, value) for kind, value in people)
        tag = item_tag(key, self._dataset, name)
        return any(each.covers(self._dataset, names, tag) for each in self._standing)
