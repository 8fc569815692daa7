"""Two orders in two years, and the packs that are made of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from expunge import Expunge
from expunge.cli.terminal.evidence_files import read_pack
from expunge.core.values import canonical
from expunge.core.verification import evidence_pack, evidence_verify
from expunge.core.verification.evidence_verify import VerifiedPack
from tests.engine.household import Household, shorten_pauses

FIRST, SECOND = datetime(2031, 5, 2, 12, tzinfo=UTC), datetime(2032, 5, 4, 12, tzinfo=UTC)
NEW_YEAR = datetime(2032, 1, 1, tzinfo=UTC)


class Set:
    """A clock that stands where it is put."""

    def __init__(self, at: datetime = FIRST) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def erase(home: Household, at: datetime, *names: str) -> str:
    with Expunge.open(home.map, clock=Set(at)) as expunge:
        shorten_pauses(expunge)
        order = expunge.order_erase([expunge.resolve(name) for name in names]).order
        expunge.plan(order)
        expunge.apply(order)
    return order


def packed(home: Household, target: Path, start: datetime | None = None, end: datetime | None = None) -> dict[str, bytes]:
    """The files of a pack of a time."""
    with Expunge.open(home.map, clock=Set(SECOND)) as expunge:
        expunge.records.pack(target, recipient="the Commission", start=start, end=end)
    return dict(read_pack(target))


def check(files: dict[str, bytes]) -> VerifiedPack:
    return evidence_verify.verify(files)


def rows(files: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(files[f"lists/{name}.json"])
    return found


def signed_again(home: Household, files: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    """A pack whose manifest was made anew for its files by the installation itself: what a company could hand over that hides something."""
    said = json.loads(files["manifest.json"])
    said["files"] = {name: sha256(data).hexdigest() for name, data in files.items() if name not in evidence_pack.UNLISTED}
    said["log"] |= changes
    data = canonical.encode(said)
    with Expunge.open(home.map) as expunge:
        signature = expunge.context.keys.sign_receipt(evidence_pack.to_sign(data))
    return {**files, "manifest.json": data, "manifest.sig": signature}


def without(files: dict[str, bytes], *beginnings: str) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if not name.startswith(beginnings)}
