"""The service that takes recordings into a vault, and through which programs read them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from expunge.bootstrap.service import DomainService
from expunge.bootstrap.vault.vaults import KIND, Vaults
from expunge.core.datamap.datamap import ByField, Dataset
from expunge.core.journal.opening_events import RecordingOpened
from expunge.engine.gate import fencing
from expunge.engine.vault import admission, openings
from expunge.errors import Busy, Refused, StoreUnavailable, UsageError
from expunge.gate import Gate
from expunge.gate import Subject as GateSubject
from expunge.ports.vault.sealed_library import SealedRecording, Subject
from expunge.stores.tree.template_walk import CompiledTemplate
from expunge.stores.vault.sealed_tree import SealedLayout
from expunge.vault.gated_reader import GatedReader
from expunge.vault.ingesting import Ingested, NewRecording, ingest
from expunge.vault.library import Library


@dataclass(frozen=True)
class VaultService(DomainService):
    """Takes recordings into vaults, and opens them for programs."""

    vaults: Vaults
    gate: Callable[[], Gate]

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
        found = self._dataset(dataset)
        people = tuple(dict.fromkeys((*named_in(found, name), *subjects)))
        new = NewRecording(found.name, name, people, self.context.clock.now(), clear_before, digest, size)
        if people and not SealedLayout.of(found).shows(SealedRecording("", found.name, name, people, 0, "", new.at)):
            message = "a person in it would be found by no order: the path that its name fits has no field for them"
            raise UsageError(message, help=f"give `path:` of {found.name} a placeholder for each kind of identifier, or use another name")
        try:
            return ingest(self._library(found), new, stream, self._admitting(found, people))
        except OSError as error:
            message = f"the recording could not be taken in: {error.strerror or 'input/output error'}"
            raise StoreUnavailable(message, help="nothing readable is left of it; mend it, then ingest it again") from error

    def renew_gate(self) -> None:
        """Publish the gate snapshot where it is due, unless a run is under way: that publishes it itself."""
        with suppress(Busy), self.changing():
            fencing.renew(self.context)

    def named(self, dataset: str, fields: Mapping[str, str]) -> str:
        """Return a recording's name, from values for the placeholders of a path. Raises UsageError where they fill no path."""
        found = self._dataset(dataset)
        for path in found.paths:
            template = CompiledTemplate.of(path)
            if template.placeholders == set(fields):
                parts = ("".join(fields[part] if at % 2 else part for at, part in enumerate(each.parts)) for each in template.segments)
                return "/".join(parts)
        wanted = " or ".join(
            " ".join(f"--field {name}=..." for name in sorted(CompiledTemplate.of(path).placeholders)) for path in found.paths
        )
        message = f"the fields fill no path of {dataset}"
        raise UsageError(message, help=f"give {wanted}, or the whole name")

    def names(self, dataset: str, folder: Path) -> Iterator[tuple[str, Path]]:
        """Yield (name, file) for each file below a folder. Raises UsageError where one fits no path of the dataset."""
        found = self._dataset(dataset)
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            name = path.relative_to(folder).as_posix()
            named_in(found, name)
            yield name, path

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
        dataset, _, name = recording.partition("/")
        found = self._dataset(dataset)
        gate = self.gate()
        library = self._library(found)
        sealed = self._named(library, found, name)
        end = sealed.size if last is None else last
        if not 0 <= first <= end <= sealed.size:
            message = f"the recording has {sealed.size} bytes"
            raise UsageError(message, help="ask for a part of it")

        def ask() -> None:
            for subject in sealed.subjects:
                decision = gate.may_use(GateSubject(*subject), purpose, sealed.at)
                if not decision:
                    message = f"the gate does not let this recording be read for this purpose: {decision.reason.value}"
                    raise Refused(message, help="`expunge gate publish` renews the gate; consents and orders decide the rest")

        ask()
        try:
            content = library.open(sealed)
        except OSError as error:
            message = "the recording cannot be read: its file is lost or was changed"
            raise StoreUnavailable(message, help="`expunge check` says more; put the file back from its backup") from error
        try:
            # commit point: the opening is in the journal before the first byte is read.
            openings.enter(self.context, sealed, openings.this_reader(purpose, program), first, end)
        except BaseException:
            content.close()
            raise
        return cast("BinaryIO", GatedReader(content, first, end, ask))

    def openings(self) -> tuple[RecordingOpened, ...]:
        """Return every opening, oldest first."""
        return tuple(openings.entered(self.context))

    def recordings(self, dataset: str) -> tuple[SealedRecording, ...]:
        """Return the recordings of a dataset: names, sizes and times, and no byte of their content."""
        found = self._dataset(dataset)
        return tuple(self._library(found).recordings(found.name))

    def datasets(self) -> tuple[str, ...]:
        """Return the datasets that lie in vaults."""
        data_map = self.context.data_map
        return tuple(name for name, each in data_map.datasets.items() if data_map.stores[each.store].kind == KIND)

    def readable(self, dataset: str, purpose: str) -> tuple[SealedRecording, ...]:
        """Return the recordings of a dataset that may be read for a purpose, by the gate of this moment."""
        gate = self.gate()
        return tuple(
            each
            for each in self.recordings(dataset)
            if all(gate.may_use(GateSubject(*subject), purpose, each.at) for subject in each.subjects)
        )

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

    def _named(self, library: Library, dataset: Dataset, name: str) -> SealedRecording:
        subjects = named_in(dataset, name)
        whole = (each for each in library.named(dataset.name, [name], subjects) if library.is_whole(each))
        sealed = next(whole, None)
        if sealed is None:
            raise UsageError("there is no such recording", help="name it as DATASET/NAME; what was erased is not there any more")
        return sealed

    def _dataset(self, name: str) -> Dataset:
        found = self.context.data_map.datasets.get(name)
        if found is None or self.context.data_map.stores[found.store].kind != KIND:
            known = self.datasets()
            message = "no dataset of that name lies in a vault"
            raise UsageError(message, help=f"one of: {', '.join(known)}" if known else "declare a store of kind vault in the map")
        return found

    def _library(self, dataset: Dataset) -> Library:
        return self.vaults.library(self.context.data_map.stores[dataset.store])


def named_in(dataset: Dataset, name: str) -> tuple[Subject, ...]:
    """Return the people in a recording's name. Raises UsageError where the name fits no path, or can be read in two ways."""
    rule = dataset.subject
    pairs = rule.pairs() if isinstance(rule, ByField) else ()
    parts = name.split("/")
    ways = [way for path in dataset.paths for way in CompiledTemplate.of(path).readings(name)]
    if not ways or "\0" in name or not {"", ".", ".."}.isdisjoint(parts):
        message = f"a name fits no path of {dataset.name}"
        raise UsageError(message, help=f"names are like {' or '.join(dataset.paths)}")
    if len({tuple(way.get(field) for _, field in pairs) for way in ways}) > 1:
        message = f"a name of {dataset.name} can be read in two ways, so that it could be two people's"
        raise UsageError(message, help="separate the placeholders by '/' or by a character that no identifier holds")
    return tuple((kind, ways[0][field]) for kind, field in pairs if field in ways[0])
