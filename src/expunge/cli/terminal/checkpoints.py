"""What somebody kept of a log from before, for ``--since``: a checkpoint, a proof, a receipt's folder, or the folder of a watch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from expunge.errors import EvidenceInvalid, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from expunge.core.log.trust import TrustPolicy
    from expunge.core.verification.entry_order import KeptHead


def kept_heads(places: Iterable[Path], policy: TrustPolicy, now: datetime) -> list[KeptHead]:
    """Read what was kept; every head is signed by the log's own keys, of now or from before.

    Raises:
        EvidenceInvalid: a file is of no such form, or not signed by the log.
        UsageError: a folder is neither of a receipt nor of a watch.
    """
    return [head for place in places for head in (_of_folder if place.is_dir() else _of_file)(place, policy, now)]


def _of_file(path: Path, policy: TrustPolicy, now: datetime) -> Iterator[KeptHead]:
    from expunge.core.log import signed_head, tlog_proof
    from expunge.core.verification.entry_order import KeptHead

    data = path.read_bytes()
    if data.startswith(tlog_proof.HEADER.encode()):
        data = tlog_proof.parse(data).checkpoint
    signed = signed_head.open_earlier(data, policy, now=now)
    yield KeptHead(path.name, signed.head, signed.head.size, signed.seen)


def _of_folder(folder: Path, policy: TrustPolicy, now: datetime) -> Iterator[KeptHead]:
    from expunge import survey
    from expunge.core.verification import entry_order, receipt_folder, receipt_verify

    if not (folder / receipt_folder.ENVELOPE).is_file():
        watched = list(survey.watched_heads(folder, policy, now))
        if not watched:
            message = "a folder given with --since holds neither a receipt nor heads that a watch kept"
            raise UsageError(message, help="name a receipt's folder, or the folder of `expunge log watch --keep`")
        yield from watched
        return
    from expunge.cli.terminal.receipt_files import read_folder

    verified = receipt_verify.verify(read_folder(folder), policy.encode(), at=now)
    signed = min((each.at for each in verified.cosignatures if each.at and not each.fault), default=None)
    yield entry_order.KeptHead(folder.name, verified.checkpoint, verified.checkpoint.size, signed)
    # Whatever comes after a receipt in the log was entered after the time of which that receipt speaks.
    yield entry_order.KeptHead(folder.name, verified.checkpoint, verified.index + 1, verified.receipt.times.verified)


def parsed_policy(text: bytes) -> TrustPolicy:
    """Parse a trust policy. Raises EvidenceInvalid, also for one that names no log."""
    from expunge.core.log import trust

    policy = trust.parse(text)
    if not policy.logs:
        raise EvidenceInvalid("the trust policy names no log", help="give the operator's policy: it has `log` lines")
    return policy
