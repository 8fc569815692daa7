"""Exports as verbs of an installation: into a folder, or kept to be fetched."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from expunge.adapters.files.export_files import PlainExportFolder
from expunge.bootstrap.service import DomainService
from expunge.core.export.export_state import ExportState
from expunge.core.export.wanted_export import EVERYTHING, ExportProgress, WantedExport
from expunge.core.journal.export_events import ExportEnd
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.engine.export import ending_exports, export_register, exporting, kept_exports
from expunge.engine.export.exporting import ExportSummary
from expunge.engine.export.held_data import HeldData
from expunge.engine.gate import consent_register
from expunge.engine.subjects import locating
from expunge.engine.subjects.resolving import ResolvedName
from expunge.engine.vault.openings import this_reader


def _untold(_: ExportProgress) -> None: ...


class ExportService(DomainService):
    """Copies of what is held about a person. Each is entered in the journal before anything is read."""

    def estimate(self, resolved: ResolvedName) -> tuple[HeldData, ...]:
        """Count what is held about a person, by kind. Raises NeedsApproval while guardians are in dispute."""
        return exporting.estimate(self.context, resolved)

    def write(
        self,
        resolved: ResolvedName,
        target: Path,
        wanted: WantedExport = EVERYTHING,
        report: Callable[[ExportProgress], None] = _untold,
    ) -> ExportSummary:
        """Write an export into a new folder, which is there as a whole or not at all. Raises UsageError where it exists."""
        with PlainExportFolder(target) as folder:
            return exporting.export(self.context, resolved, folder, wanted, report)

    def begin(self, resolved: ResolvedName, wanted: WantedExport, account: str) -> OrderId:
        """Enter an export that an account asked for; see :func:`expunge.engine.export.kept_exports.begin`."""
        return kept_exports.begin(self.context, resolved, wanted, account, this_reader("").user)

    def build(
        self, export: OrderId, resolved: ResolvedName, wanted: WantedExport, report: Callable[[ExportProgress], None] = _untold
    ) -> ExportSummary:
        """Make an export that was entered; see :func:`expunge.engine.export.kept_exports.build`."""
        return kept_exports.build(self.context, export, resolved, wanted, report)

    def interrupted(self, made_here: Collection[OrderId]) -> tuple[ExportState, ...]:
        """Return the exports that no process makes; see :func:`expunge.engine.export.kept_exports.interrupted`."""
        return kept_exports.interrupted(self.context, made_here)

    def again(self, state: ExportState) -> bool:
        """Enter that an interrupted export is made anew; see :func:`expunge.engine.export.kept_exports.again`."""
        return kept_exports.again(self.context, state)

    def untold(self) -> tuple[ExportState, ...]:
        """Return the exports that wait, and of which their account was written nothing."""
        return kept_exports.untold(self.context)

    def told(self, export: OrderId) -> None:
        """Enter that the account of an export was written that it is ready."""
        export_register.told(self.context, export)

    def states(self, resolved: ResolvedName) -> tuple[ExportState, ...]:
        """Return every export with data of a person, those of commands among them, oldest first."""
        return export_register.of(self.context, locating.names_of(self.context, resolved.person))

    def states_of(self, subject: Pseudonym) -> tuple[ExportState, ...]:
        """Return every export with data of a subject, oldest first; no store is asked."""
        return export_register.of(self.context, [subject])

    def require_no_dispute(self, resolved: ResolvedName) -> None:
        """Raise NeedsApproval while guardians of a person are in dispute."""
        consent_register.require_no_dispute(self.context, consent_register.load(self.context), [resolved.person])

    def fetch(self, export: OrderId, part: int, first: int, last: int) -> ExportState:
        """Enter that a range of a part is about to be given out; see :func:`expunge.engine.export.export_register.fetch`."""
        return export_register.fetch(self.context, export, part, first, last, kept_exports.COPIES)

    def key(self, export: OrderId) -> bytes:
        """Return the key of an export. Raises Refused, KeyDestroyed where it is gone."""
        return kept_exports.key_of(self.context, export)

    def read(self, export: OrderId, key: bytes, part: int, first: int, most: int) -> bytes:
        """Return bytes of a part, which :meth:`fetch` has entered."""
        return kept_exports.require_shelf(self.context).read(export, key, part, first, most)

    def beside(self, export: OrderId, name: str) -> bytes:
        """Return a file that lies beside the parts: hashes and signatures, which hold nothing of a person."""
        return kept_exports.require_shelf(self.context).beside(export, self.key(export), name)

    def end(self, export: OrderId, why: ExportEnd = ExportEnd.CANCELLED) -> None:
        """End an export. Its key is destroyed when this returns."""
        ending_exports.end(self.context, export, why)

    def sweep(self, made_here: Collection[OrderId] | None = None) -> int:
        """End exports whose time is over, and remove what a crash left; see :func:`expunge.engine.export.kept_exports.sweep`."""
        return kept_exports.sweep(self.context, made_here)
