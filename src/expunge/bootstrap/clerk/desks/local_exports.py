"""Exports for families in the clerk's process."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from uuid import UUID

from expunge.bootstrap.clerk.household import Household
from expunge.bootstrap.clerk.rounds.exporter import Exporter, Ticket
from expunge.core.accounts.asks import AskKind
from expunge.core.export.export_manifest import MANIFEST
from expunge.core.export.export_state import ExportState
from expunge.core.export.wanted_export import WantedExport
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.errors import KeyDestroyed, NotPermitted, Refused
from expunge.ports.families.export_door import MOST_AT_ONCE, ExportCard, ExportedPart, OfferedKind, export_ask


@dataclass(frozen=True)
class LocalExports:
    """Implements ``expunge.ports.families.export_door.ExportDoor``."""

    household: Household
    exporter: Exporter

    def offered(self, account: UUID, family: str) -> tuple[OfferedKind, ...]:
        """See the port."""
        self.household.require_member(account, family)
        found = self.household.expunge.exports.estimate(self.household.person(family))
        return tuple(OfferedKind(each.kind, each.items, each.bytes) for each in found)

    def begin(self, permit: str, session: bytes, account: UUID, family: str, wanted: WantedExport) -> str:
        """See the port."""
        self.household.require_member(account, family)
        person = self.household.person(family)
        self.household.permits.use_permit(permit, session, export_ask(account, family, wanted))
        with self.exporter.entering:
            export = self.household.expunge.exports.begin(person, wanted, str(account))
            try:
                self.exporter.submit(export, family, wanted)
            except BaseException:
                self.household.expunge.exports.end(export)
                raise
        return export

    def exports(self, account: UUID, family: str) -> tuple[ExportCard, ...]:
        """See the port."""
        self.household.require_member(account, family)
        return tuple(self._card(state) for state in reversed(self._of(account, family)))

    def cancel(self, account: UUID, family: str, export: str) -> None:
        """See the port."""
        self.household.require_member(account, family)
        state = self._mine(account, family, export)
        if state.ended is None:
            self.household.expunge.exports.end(state.export)

    def fetch(self, account: UUID, family: str, session: bytes, export: str, part: int, first: int, last: int) -> str:
        """See the port."""
        state = self._fetchable(account, family, session, export)
        key = self._key(state.export)
        # commit point: view implies log.
        self.household.expunge.exports.fetch(state.export, part, first, last)
        return self.exporter.admit(Ticket(account, family, session, state.export, part, last, key, time.monotonic(), first))

    def read(self, account: UUID, family: str, session: bytes, ticket: str, first: int) -> bytes:
        """See the port."""
        self.household.require_member(account, family)
        found = self.exporter.ticket(ticket, account, family, session)
        if first < found.first:
            raise NotPermitted("this range was not entered", help="begin the download again")
        self._mine_open(account, family, found.export)
        most = min(MOST_AT_ONCE, found.last - first)
        return self.household.expunge.exports.read(found.export, found.key, found.part, first, most) if most > 0 else b""

    def beside(self, account: UUID, family: str, session: bytes, export: str, name: str) -> bytes:
        """See the port."""
        state = self._fetchable(account, family, session, export)
        try:
            return self.household.expunge.exports.beside(state.export, name)
        except KeyDestroyed as error:
            raise _gone() from error

    def _fetchable(self, account: UUID, family: str, session: bytes, export: str) -> ExportState:
        """Return an open export of an account that may be shown content now."""
        self.household.require_open(account, family, session)
        self.household.expunge.exports.require_no_dispute(self.household.person(family))
        return self._mine_open(account, family, export)

    def _mine_open(self, account: UUID, family: str, export: str) -> ExportState:
        # Why at each read: a download that goes on may be the one that a recovery is begun against.
        now = self.household.expunge.context.clock.now()
        if self.household.register.recovery_times(account).closes(AskKind.EXPORT, now):
            raise NotPermitted("a recovery of this account is under way, or ended a short while ago", help="wait until it is over")
        state = self._mine(account, family, export)
        if not state.is_open(now):
            raise _gone()
        return state

    def _mine(self, account: UUID, family: str, export: str) -> ExportState:
        found = next((each for each in self._of(account, family) if each.export == export), None)
        if found is None:
            raise _gone()
        return found

    def _of(self, account: UUID, family: str) -> tuple[ExportState, ...]:
        return tuple(each for each in self.household.expunge.exports.states_of(Pseudonym(family)) if each.account == str(account))

    def _key(self, export: OrderId) -> bytes:
        try:
            return self.household.expunge.exports.key(export)
        except KeyDestroyed as error:
            raise _gone() from error

    def _card(self, state: ExportState) -> ExportCard:
        progress = self.exporter.progress(state.export)
        so_far = (progress.files, progress.bytes, progress.of_bytes) if progress is not None and not state.parts else (0, 0, 0)
        parts = self._parts(state) if state.is_open(self.household.expunge.context.clock.now()) else ()
        return ExportCard(state.export, state.begun, state.kinds, *so_far, parts, state.until, state.ended, state.ended_at)

    def _parts(self, state: ExportState) -> tuple[ExportedPart, ...]:
        try:
            manifest = json.loads(self.household.expunge.exports.beside(state.export, MANIFEST))
        except (KeyDestroyed, Refused):
            return ()
        return tuple(ExportedPart(number, each["bytes"], each["sha256"]) for number, each in enumerate(manifest["parts"], 1))


def _gone() -> Refused:
    return Refused("this export is not there any more", help="ask for another one")
