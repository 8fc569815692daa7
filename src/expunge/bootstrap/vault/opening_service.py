"""The service for the register of openings: who read, who was refused, and whether each reading was allowed at its time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from expunge.bootstrap.service import DomainService
from expunge.bootstrap.vault.inventory import OtherFiles, SealedObject, inventory
from expunge.bootstrap.vault.service import VaultService
from expunge.bootstrap.vault.vault_names import named_in
from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import spelt_names
from expunge.engine.vault import openings, reviewing
from expunge.engine.vault.openings import Wanted
from expunge.engine.vault.reviewing import OpeningReview
from expunge.errors import UsageError

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class OpeningService(DomainService):
    """Reads the register of openings. It needs neither a key of a recording nor the root of the vault, but for names of recordings."""

    vault: VaultService

    def chosen(
        self, *, recording: str = "", subject: str = "", purpose: str = "", user: str = "", since: datetime | None = None
    ) -> Iterator[RecordingOpened | OpeningRefused]:
        """Return openings and refusals, oldest first, as they are read from the journal.

        Args:
            recording: ``DATASET/NAME`` of a living recording, or the random id of any.
            subject: a person, ``KIND:IDENTIFIER``, whose pseudonym is looked for.
            purpose: the purpose, exactly.
            user: the account, exactly.
            since: the time of the first.

        Raises UsageError for a recording that is not there, and a kind of person that the map does not have.
        """
        name = self._pseudonym(subject) if subject else None
        id_ = self._id(recording) if recording else ""
        return openings.chosen(self.context, Wanted(id_, name, purpose, user, since))

    def review(self, since: datetime | None = None, *, by: str = "") -> OpeningReview:
        """Hold each opening against what stood at its time; with a name, enter who made the review. Raises UsageError."""
        found = reviewing.review(self.context, since)
        if by:
            with self.changing():
                reviewing.enter(self.context, found, by)
        return found

    def inventory(self) -> Iterator[SealedObject | OtherFiles]:
        """Return every recording with its epoch and whether its file is sealed; see :mod:`expunge.bootstrap.vault.inventory`."""
        return inventory(self.context.data_map, self.vault.vaults)

    def _pseudonym(self, subject: str) -> Pseudonym:
        kind, colon, value = subject.partition(":")
        data_map = self.context.data_map
        if not colon or not value or kind not in data_map.kinds:
            raise UsageError("a person is named with a kind", help=f"KIND:IDENTIFIER, with one of {', '.join(sorted(data_map.identities))}")
        return spelt_names.name_of(data_map, self.context.keys.pseudonym_key(), kind, value)

    def _id(self, recording: str) -> str:
        if _ID.fullmatch(recording):
            return recording
        dataset, _, name = recording.partition("/")
        data_map = self.context.data_map
        if dataset not in self.vault.datasets():
            raise UsageError("no dataset of that name lies in a vault", help="name the recording as DATASET/NAME, or by its id")
        found = data_map.datasets[dataset]
        library = self.vault.vaults.library(data_map.stores[found.store])
        for each in library.recordings(dataset, named_in(found, name)):
            if each.name == name:
                return each.id
        raise UsageError("there is no such recording", help="what was erased is known by its id alone; `--subject` finds its openings")
