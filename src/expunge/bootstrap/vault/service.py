"""The service that takes recordings into a vault, and through which programs read them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from expunge.bootstrap.service import DomainService
from expunge.bootstrap.vault import vault_names
from expunge.bootstrap.vault.kept_vault import KeptVault, taking_in
from expunge.bootstrap.vault.vault_names import named_in
from expunge.bootstrap.vault.vaults import Vaults
from expunge.core.datamap.datamap import Dataset, Through
from expunge.core.journal.opening_events import RecordingOpened
from expunge.engine.gate import fencing
from expunge.engine.vault import admission, openings
from expunge.engine.vault.openings import Reader
from expunge.errors import Busy, Refused, StoreUnavailable, UsageError
from expunge.gate import Gate
from expunge.gate import Subject as GateSubject
from expunge.ports.vault.sealed_library import SealedRecording, Subject
from expunge.ports.vault.vault_door import ReadablePage, ReadableRecording
from expunge.stores.vault.sealed_tree import SealedLayout
from expunge.vault.gated_reader import GatedReader
from expunge.vault.ingesting import Incoming, Ingested, NewRecording
from expunge.vault.library import Library


@dataclass(frozen=True)
class Claimed:
    """Facts about a recording, as its sender says."""

    subjects: Sequence[Subject]
    """Further people in it, beside those in its name."""
    clear_before: bool
    digest: str
    size: int | None


@dataclass(frozen=True)
class VaultService(DomainService):
    """Takes recordings into vaults, and opens them for programs."""

    vaults: Vaults
    gate: Callable[[], Gate]
    kept: KeptVault | None = None
    """The way through the keeper, where this process cannot open the keys. Recordings come in and are read by it then."""
    refusals: openings.Refusals = field(default_factory=openings.Refusals, repr=False)

    # --- in -------------------------------------------------------------------------------------

    def ingest(
        self,
        dataset: str,
        name: str,
        stream: BinaryIO,
        subjects: Sequence[Subject] = (),
        *,
        clear_before: bool = False,
        digest: str = "",
        size: int | None = None,
    ) -> Ingested:
        """Take one recording in: sealed from the first byte, and durable when this returns.

        Args:
            dataset: a dataset of a vault.
            name: the recording's name, by a path of the dataset: ``doorbell/p-17/r-1.mp4``.
            stream: its bytes, read once.
            subjects: further people in it, as (kind, identifier), beside those in its name.
            clear_before: whether it lay in the clear on a disk before.
            digest: the hex SHA-256 that the sender claims.
            size: the number of bytes that the sender claims.

        Raises:
            UsageError: the name fits no path, another recording has it, or the bytes are not as claimed.
            Refused: a person in it is suppressed or does not permit it, or this kind of data may not be collected.
        """
        if self.kept is not None:
            return self.kept.ingest(dataset, name, stream, subjects, clear_before=clear_before, digest=digest, size=size)
        claimed = Claimed(subjects, clear_before, digest, size)
        with taking_in(), self.incoming(dataset, name, claimed) as incoming:
            return incoming.take(stream)

    def incoming(self, dataset: str, name: str, claimed: Claimed) -> Incoming:
        """Begin to take one recording in, whose bytes may come in parts. Raises as :meth:`ingest`, and OSError."""
        found = self._dataset(dataset)
        if isinstance(found.subject, Through):
            message = f"{dataset} holds what was made from recordings of {found.subject.dataset}"
            raise UsageError(message, help="say from which: expunge.vault.derive, or `expunge vault derive`")
        people = tuple(dict.fromkeys((*named_in(found, name), *claimed.subjects)))
        new = NewRecording(found.name, name, people, self.context.clock.now(), claimed.clear_before, claimed.digest, claimed.size)
        if people and not SealedLayout.of(found).shows(SealedRecording("", found.name, name, people, 0, "", new.at)):
            message = "a person in it would be found by no order: the path that its name fits has no field for them"
            raise UsageError(message, help=f"give `path:` of {found.name} a placeholder for each kind of identifier, or use another name")
        return Incoming(self._library(found), new, self._admitting(found, people))

    def renew_gate(self) -> None:
        """Publish the gate snapshot where it is due, unless a run is under way: that publishes it itself."""
        if fencing.is_due(self.context):
            with suppress(Busy), self.changing():
                fencing.renew(self.context)

    def named(self, dataset: str, fields: Mapping[str, str]) -> str:
        """Return a recording's name, from values for the placeholders of a path. Raises UsageError where they fill no path."""
        return vault_names.named(self._dataset(dataset), fields)

    def names(self, dataset: str, folder: Path) -> Iterator[tuple[str, Path]]:
        """Yield (name, file) for each file below a folder. Raises StrayFiles where some fit no path of the dataset."""
        return vault_names.names_below(self._dataset(dataset), folder)

    # --- out ------------------------------------------------------------------------------------

    def open(self, recording: str, *, purpose: str, program: str = "", first: int = 0, last: int | None = None) -> BinaryIO:
        """Open a recording for a purpose. Return a seekable binary file, which can be read as long as the gate lets it.

        The opening is durably in the journal before this returns. The gate is asked again before each read.

        Args:
            recording: ``DATASET/NAME``: ``doorbell/doorbell/p-17/r-1.mp4``.
            purpose: a purpose of the map; where the map declares none, any word.
            program: the program's name for the journal; else its file's name.
            first: the first byte to read.
            last: the end, the first byte not to read; None for all.

        Raises:
            UsageError: there is no such recording, or no such part.
            Refused: the gate does not let it. Reads raise it too.
        """
        if self.kept is not None:
            return self.kept.open(recording, purpose=purpose, program=program, first=first, last=last)
        return cast("BinaryIO", self.opened(recording, openings.this_reader(purpose, program), first, last))

    def opened(self, recording: str, reader: Reader, first: int, last: int | None) -> GatedReader:
        """Open a recording for a reader. The parameters and the errors are those of :meth:`open`."""
        found, sealed = self._found(recording)
        return self._opened(found, sealed, reader, first, last)

    def opened_by_family(self, recording: str, reader: Reader, ask: Callable[[], None], last: int | None = None) -> GatedReader:
        """Open a recording for the family whose it is, as :meth:`opened` does for a program.

        Args:
            recording: ``DATASET/NAME``.
            reader: names the account and the family.
            ask: raises Refused where the family may not read; asked before each read, in the place of the gate's question about everybody
                in the recording.
            last: the first byte not to read; None for all, and at most all.
        """
        found, sealed = self._found(recording)
        return self._opened(found, sealed, reader, 0, None if last is None else min(last, sealed.size), ask)

    def sealed_recording(self, recording: str) -> SealedRecording:
        """Return what the label of a recording says. Raises UsageError where there is none."""
        return self._found(recording)[1]

    def opened_for_review(self, recording: str, ask: Callable[[], None]) -> GatedReader:
        """Open a recording for the review desk, which has entered the view in its own register before.

        Args:
            recording: ``DATASET/NAME``.
            ask: raises where nothing may be read any more; asked before each read.

        Raises UsageError where there is none, StoreUnavailable.
        """
        found, sealed = self._found(recording)
        library = self._library(found)
        ask()
        try:
            content = library.open(sealed)
        except OSError as error:
            message = "the recording cannot be read: its file is lost or was changed"
            raise StoreUnavailable(message, help="`expunge check` says more; put the file back from its backup") from error
        return GatedReader(content, 0, sealed.size, ask, lambda: library.is_gone(sealed))

    def _opened(
        self,
        dataset: Dataset,
        sealed: SealedRecording,
        reader: Reader,
        first: int = 0,
        last: int | None = None,
        rule: Callable[[], None] | None = None,
    ) -> GatedReader:
        gate, library = self.gate(), self._library(dataset)
        end = sealed.size if last is None else last
        if not 0 <= first <= end <= sealed.size:
            message = f"the recording has {sealed.size} bytes"
            raise UsageError(message, help="ask for a part of it")

        def decide() -> None:
            openings.require_reader(self.context, reader)
            for subject in sealed.subjects:
                decision = gate.may_use(GateSubject(*subject), reader.purpose, sealed.at)
                if not decision:
                    message = f"the gate does not let this recording be read for this purpose: {decision.reason.value}"
                    raise Refused(message, help="`expunge gate publish` renews the gate; consents and orders decide the rest")

        ask = self.refusals.entering(self.context, sealed, reader, rule or decide)
        ask()
        try:
            content = library.open(sealed)
        except OSError as error:
            message = "the recording cannot be read: its file is lost or was changed"
            raise StoreUnavailable(message, help="`expunge check` says more; put the file back from its backup") from error
        try:
            # commit point: the opening is in the journal before the first byte is read.
            openings.enter(self.context, sealed, reader, first, end)
        except BaseException:
            content.close()
            raise
        return GatedReader(content, first, end, ask, lambda: library.is_gone(sealed))

    def openings(self) -> tuple[RecordingOpened, ...]:
        """Return every opening, oldest first."""
        return tuple(openings.entered(self.context))

    def recordings(self, dataset: str) -> tuple[SealedRecording, ...]:
        """Return the recordings of a dataset: names, sizes and times, and no byte of their content."""
        found = self._dataset(dataset)
        return tuple(self._library(found).recordings(found.name))

    def datasets(self) -> tuple[str, ...]:
        """Return the datasets that lie in vaults."""
        return vault_names.datasets_of(self.context.data_map)

    def readable(self, dataset: str, purpose: str) -> Iterator[ReadableRecording]:
        """Yield the recordings of a dataset that may be read for a purpose, by the gate of this moment."""
        if self.kept is not None:
            yield from self.kept.readable(dataset, purpose)
            return
        after: int | None = 0
        while after is not None:
            page = self.readable_page(dataset, purpose, after)
            yield from page.recordings
            after = page.following

    def readable_page(self, dataset: str, purpose: str, after: int) -> ReadablePage:
        """Return some of :meth:`readable`, from a place on."""
        found = self._dataset(dataset)
        some, following = self._library(found).page(found.name, after)
        gate = self.gate()
        let = (each for each in some if all(gate.may_use(GateSubject(*one), purpose, each.at) for one in each.subjects))
        return ReadablePage(tuple(ReadableRecording(each.name, each.size) for each in let), following)

    # --- deciding -------------------------------------------------------------------------------

    def _admitting(self, dataset: Dataset, people: Sequence[Subject]) -> Callable[[], None]:
        """Return :func:`expunge.engine.vault.admission.admit` for some people, as a function that can be called any number of times."""

        def why_not(subject: Subject, purpose: str) -> str:
            # Why only here: most maps have no purpose that asks, and to open the gate takes longer than all other questions.
            decision = opened().may_use(GateSubject(*subject), purpose)
            return "" if decision else decision.reason.value

        opened = functools.cache(self.gate)
        return lambda: admission.admit(self.context, dataset, people, why_not)

    # --- finding --------------------------------------------------------------------------------

    def _found(self, recording: str) -> tuple[Dataset, SealedRecording]:
        """Return a recording, named as DATASET/NAME, and its dataset. Raises UsageError where there is none."""
        dataset, _, name = recording.partition("/")
        found = self._dataset(dataset)
        sealed = self._named(found, name)
        if sealed is None:
            raise UsageError("there is no such recording", help="name it as DATASET/NAME; what was erased is not there any more")
        return found, sealed

    def _named(self, dataset: Dataset, name: str) -> SealedRecording | None:
        library = self._library(dataset)
        # Why anybody's where the name says nobody: what was made from a recording need not repeat whose that is.
        subjects = named_in(dataset, name, vault_names.people_of(self.context.data_map, dataset)) or None
        return next((each for each in library.named(dataset.name, [name], subjects) if library.is_whole(each)), None)

    def _dataset(self, name: str) -> Dataset:
        return vault_names.dataset_of(self.context.data_map, name)

    def _library(self, dataset: Dataset) -> Library:
        return self.vaults.library(self.context.data_map.stores[dataset.store])
