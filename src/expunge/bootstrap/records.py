"""The service for records: evidence packs, and what they are made of."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

from expunge import durable
from expunge.bootstrap.service import DomainService
from expunge.core.pages.yearly_report import ReportKind, YearlyReport
from expunge.core.verification import evidence_pack
from expunge.core.verification.ledger_record import LedgerKind
from expunge.engine.reports import duty_ledger, evidence_packing, record_periods, yearly_reports
from expunge.engine.reports.duty_ledger import LedgerEntry, NewRecord
from expunge.engine.reports.evidence_packing import PackedEvidence, WantedEvidence
from expunge.engine.reports.record_periods import RecordAge
from expunge.errors import Misconfigured, UsageError


@dataclass(frozen=True)
class RecordService(DomainService):
    """Records of what was asked, answered and done."""

    trust_policy: Callable[[], str]
    """Every key so far, since when it counts, and the witnesses."""

    def pack(self, target: Path, *, recipient: str = "", start: datetime | None = None, end: datetime | None = None) -> PackedEvidence:
        """Write an evidence pack of the time from ``start`` until before ``end`` as a zip, whole or not at all.

        Raises UsageError where the file exists, and as :func:`expunge.engine.reports.evidence_packing.pack`.
        """
        wanted = WantedEvidence(recipient, start, end)
        self._finish()
        if target.exists():
            message = "the file to be written exists already"
            raise UsageError(message, help="name a new file")
        packed: list[PackedEvidence] = []

        def write(file: BinaryIO) -> None:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                packed.append(
                    evidence_packing.pack(
                        self.context, wanted, self.trust_policy(), lambda name, data: archive.writestr(evidence_pack.zip_entry(name), data)
                    )
                )

        durable.write_new(target, write, at="evidence.pack")
        return packed[0]

    def enter(
        self,
        kind: LedgerKind,
        on: date,
        *,
        role: str = "",
        person: str = "",
        about: tuple[str, ...] = (),
        signed_by: str = "",
        document: str = "",
    ) -> LedgerEntry:
        """Enter a record in the ledger.

        Args:
            kind: what was done.
            on: the day on which it was done.
            role: the role, authority or third party; no name of a person.
            person: the person's name, of which a keyed pseudonym is kept and nothing else.
            about: ids of the earlier records that it is about.
            signed_by: the role of whoever signed the paper.
            document: hex SHA-256 of the paper.

        Raises as :func:`expunge.engine.reports.duty_ledger.add`.
        """
        self._finish()
        with self.alone():
            return duty_ledger.add(self.context, NewRecord(kind, on, role, person, about, signed_by, document))

    def ledger(self) -> tuple[LedgerEntry, ...]:
        """Return every record of the ledger, oldest first."""
        return tuple(duty_ledger.entries(self.context).values())

    def verify_ledger(self) -> tuple[str, ...]:
        """Verify each record of the ledger; see :func:`expunge.engine.reports.duty_ledger.verify`."""
        self._finish()
        return duty_ledger.verify(self.context, self.trust_policy())

    def report(self, kind: ReportKind, year: int, folder: Path) -> YearlyReport:
        """Draft a yearly report into a folder, with its evidence; see :func:`expunge.engine.reports.yearly_reports.draft`.

        Raises UsageError where the folder holds something already, Misconfigured where it cannot be written to.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            message = "the folder for the draft is not empty"
            raise UsageError(message, help="name a new folder")

        def put(name: str, data: bytes) -> None:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

        self._finish()
        try:
            report, _ = yearly_reports.draft(self.context, kind, year, self.trust_policy(), put)
        except OSError as error:
            message = f"the draft cannot be written to {folder}: {error.strerror}"
            raise Misconfigured(message, help="name a folder that can be written to") from error
        return report

    def _finish(self) -> None:
        """Enter in the log what a crash left stated and not logged."""
        if any(each.logged is None for each in duty_ledger.entries(self.context).values()):
            with self.alone():
                duty_ledger.finish(self.context)

    def ages(self) -> tuple[RecordAge, ...]:
        """Return the records of every kind, and those past their period."""
        return record_periods.ages(self.context)
