"""The service for records: evidence packs, and what they are made of."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from expunge import durable
from expunge.bootstrap.service import DomainService
from expunge.engine.reports import evidence_packing, record_periods
from expunge.engine.reports.evidence_packing import PackedEvidence, WantedEvidence
from expunge.engine.reports.record_periods import RecordAge
from expunge.errors import UsageError

_ENTRY_TIME = (1980, 1, 1, 0, 0, 0)
"""Entries carry no time of their own, so that the same content gives the same archive."""


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
        if target.exists():
            message = "the file to be written exists already"
            raise UsageError(message, help="name a new file")
        packed: list[PackedEvidence] = []

        def write(file: BinaryIO) -> None:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                packed.append(
                    evidence_packing.pack(
                        self.context, wanted, self.trust_policy(), lambda name, data: archive.writestr(_entry(name), data)
                    )
                )

        durable.write_new(target, write, at="evidence.pack")
        return packed[0]

    def ages(self) -> tuple[RecordAge, ...]:
        """Return the records of every kind, and those past their period."""
        return record_periods.ages(self.context)


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _ENTRY_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info
