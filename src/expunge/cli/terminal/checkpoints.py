"""Earlier checkpoints of a log, and the keys that a trust policy names for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from expunge.errors import EvidenceInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from expunge.core.note import VerifierKey


def keys_of(folder: Path, policy_text: bytes) -> tuple[VerifierKey, ...]:
    """The keys that the policy names for the log that the folder says it is."""
    from expunge.core.log import log_tiles, trust

    try:
        origin = (folder / log_tiles.CHECKPOINT).read_bytes().partition(b"\n")[0].decode("utf-8", "replace")
    except OSError as error:
        message = "there is no log in that folder: its checkpoint cannot be read"
        raise EvidenceInvalid(message, help="name the folder that holds `checkpoint` and `tile`") from error
    parsed = trust.parse(policy_text)
    if not any(log.key.name == origin for log in parsed.logs):
        message = "the trust policy names no such log"
        raise EvidenceInvalid(message, help="it may be another log than the one you trust")
    return parsed.checkpoint_keys(origin)


def earlier_heads(files: Iterable[Path], keys: tuple[VerifierKey, ...]) -> Iterator[tuple[int, bytes]]:
    """(size, root) of earlier checkpoints, each by the log's own keys."""
    from expunge.core import note
    from expunge.core.log import checkpoint, tlog_proof

    for path in files:
        data = path.read_bytes()
        if data.startswith(tlog_proof.HEADER.encode()):
            data = tlog_proof.parse(data).checkpoint
        head = checkpoint.parse(note.open_strict(data, keys)[0])
        yield head.size, head.root
