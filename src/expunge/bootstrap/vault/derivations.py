"""The service that derives: what was made from a recording is sealed beside it, belongs to the same people, and dies with it.

The edge from a recording to what was made from it is the map's: the dataset is found *through* the recordings, by a placeholder that both
names have. So planning, holds, retention and receipts treat it as they treat every other edge.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO, TypeAlias, cast

from expunge.bootstrap.vault.kept_vault import taking_in
from expunge.bootstrap.vault.service import VaultService
from expunge.core.datamap.datamap import Dataset, Through
from expunge.core.lineage.dataset_lookup import DatasetLookup
from expunge.core.lineage.observations import Observation, RunStage
from expunge.engine.kernel.context import Context
from expunge.engine.lineage import observed_lineage
from expunge.engine.vault import openings
from expunge.errors import Refused, UsageError
from expunge.ports.vault.sealed_library import SealedRecording
from expunge.stores.tree.template_walk import CompiledTemplate
from expunge.vault.ingesting import Ingested, NewRecording, ingest

Maker: TypeAlias = Callable[[BinaryIO], bytes | BinaryIO]
"""Returns what it makes from the opened recording; a stream may still read from it."""


@dataclass(frozen=True)
class DerivationService(VaultService):
    """Makes things from sealed recordings, and seals them."""

    def derive(
        self, recording: str, dataset: str, make: Maker, *, purpose: str, by: str = "", fields: Mapping[str, str] | None = None
    ) -> Ingested:
        """Open a recording for a purpose, and seal what is made from it under all its people. It is durable when this returns.

        It has the time of the recording, so that its period of retention runs from there. The same thing again changes nothing.

        Args:
            recording: ``DATASET/NAME``.
            dataset: where it goes: a dataset of the same vault that the map has ``derived_from`` the recording's and finds through it.
            make: makes it.
            purpose: what the recording is opened for.
            by: name of the program, for the register of openings and the lineage; else its file's name.
            fields: values for placeholders of the dataset's path which the recording's name does not have.

        Raises:
            UsageError: there is no such recording, the map does not say that this is made from it, or another thing has the name.
            Refused: the gate does not let the recording be read, a person in it is suppressed, or it was erased meanwhile.
        """
        found, source = self._found(recording)
        target = self._dataset(dataset)
        name = self._name_of(found, source, target, fields or {})
        reader = openings.this_reader(purpose, by)
        admitted = self._admitting(target, source.subjects)

        def admit() -> None:
            admitted()
            # Why asked when the key is durable: an order that erased the recording before saw nothing of this, and a later one sees it.
            now = self._named(found, source.name)
            # Why compared: another recording may have come in by the name of one that was erased.
            if now is None or (now.digest, set(now.subjects)) != (source.digest, set(source.subjects)):
                raise Refused("the recording was erased meanwhile, or replaced", help="nothing is kept of what was made from it")

        with self._opened(found, source, reader) as file:
            made = make(cast("BinaryIO", file))
            note_edge(self.context, found.name, target.name, reader.program)
            new = NewRecording(target.name, name, source.subjects, source.at, source.clear_before)
            with io.BytesIO(made) if isinstance(made, bytes) else made as stream, taking_in():
                return ingest(self._library(target), new, stream, admit)

    def draw(self, recording: str, dataset: str, *, purpose: str, by: str = "", fields: Mapping[str, str] | None = None) -> Ingested:
        """Make the waveform of a sound, and :meth:`derive` it."""
        from expunge.vault.makers import waveform

        return self.derive(recording, dataset, waveform, purpose=purpose, by=by, fields=fields)

    def _name_of(self, found: Dataset, source: SealedRecording, target: Dataset, fields: Mapping[str, str]) -> str:
        """Return the name of what is made: by a path of its dataset, from the recording's name and further fields. Raises UsageError."""
        rule = target.subject
        link = dict(rule.ways).get(found.name) if isinstance(rule, Through) else None
        if not isinstance(rule, Through) or link is None or found.name not in target.derived_from or found.store != target.store:
            message = f"the map does not say that {target.name} is made from {found.name}"
            mend = f"subject: {{through: {found.name}, via: FIELD}}, derived_from: [{found.name}], on_erase: erase, in the same vault"
            raise UsageError(message, help=mend)
        ways = [way for path in found.paths for way in CompiledTemplate.of(path).readings(source.name)]
        known = {**ways[0], rule.via: ways[0][link]}
        if any(known.get(name, value) != value for name, value in fields.items()):
            raise UsageError("a field is said otherwise by the recording's name", help="give only the fields that its name does not have")
        wanted = {**known, **fields}
        for path in target.paths:
            placeholders = CompiledTemplate.of(path).placeholders
            if rule.via in placeholders and fields.keys() <= placeholders <= wanted.keys():
                name = self.named(target.name, {each: wanted[each] for each in placeholders})
                self._require_free(target, name, source)
                return name
        missing = sorted(CompiledTemplate.of(target.paths[0]).placeholders - wanted.keys())
        message = f"the fields fill no path of {target.name}"
        raise UsageError(message, help=f"give {' '.join(missing) or 'no other fields'}")

    def _require_free(self, target: Dataset, name: str, source: SealedRecording) -> None:
        known = self._named(target, name)
        if known is not None and set(known.subjects) != set(source.subjects):
            message = "what was made from a recording of other people has this name already"
            raise UsageError(message, help=f"a path of {target.name} has to tell recordings apart: put more placeholders into it")


def note_edge(context: Context, source: str, made: str, program: str) -> None:
    """Enter in the lineage that a program was seen to make one dataset of the map from another, once for each program."""
    lookup, journal = DatasetLookup(context.data_map), context.journal
    inputs, outputs = lookup.addresses(source)[:1], lookup.addresses(made)[:1]
    known = observed_lineage.sightings(journal).flows
    if not any((flow.job, flow.inputs, flow.outputs) == (program, frozenset(inputs), frozenset(outputs)) for flow in known):
        run = sha256("\0".join((program, *inputs, *outputs)).encode()).hexdigest()
        seen = Observation(run, context.clock.now(), RunStage.COMPLETE, program, inputs, outputs)
        observed_lineage.Intake(journal, context.clock).take([seen])
