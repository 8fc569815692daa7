"""Signed heads of a log under a trust policy: who signed, who cosigned and when, and whether that is enough.

As C2SP tlog-checkpoint says, lines by keys that the policy does not name are ignored: they are how keys are rotated, and other readers'
witnesses. A line by a known key must verify.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from expunge.core import note
from expunge.core.log import checkpoint
from expunge.core.log.trust import TrustPolicy
from expunge.core.note import Algorithm, VerifierKey
from expunge.errors import EvidenceInvalid

CLOCKS_APART = timedelta(minutes=5)
"""Clocks of witnesses, logs and readers may differ by so much."""
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999; C2SP allows times up to 2^63 - 1."""


@dataclass(frozen=True)
class Cosignature:
    """One witness's cosignature, verified."""

    key: VerifierKey
    at: datetime | None
    """When the witness says that it looked; None where that is no time that can be."""
    fault: str = ""
    """Why it does not count; empty where it does."""


@dataclass(frozen=True)
class SignedHead:
    """A checkpoint, and the lines of it that a policy knows."""

    head: checkpoint.Checkpoint
    note: bytes
    """The signed note, byte for byte."""
    signers: tuple[VerifierKey, ...]
    """Keys of the log that signed."""
    cosignatures: tuple[Cosignature, ...]
    """By witnesses of the policy, counting or not."""
    ignored: int
    """Lines by keys that the policy does not name."""

    @property
    def witnesses(self) -> tuple[str, ...]:
        """Names of the witnesses whose word counts."""
        return tuple(each.key.name for each in self.cosignatures if not each.fault)

    @property
    def seen(self) -> datetime | None:
        """The earliest time at which a witness whose word counts saw it."""
        return min((each.at for each in self.cosignatures if each.at and not each.fault), default=None)

    @property
    def fresh(self) -> datetime | None:
        """The latest such time."""
        return max((each.at for each in self.cosignatures if each.at and not each.fault), default=None)


def open_head(data: bytes, policy: TrustPolicy, *, now: datetime | None = None) -> SignedHead:
    """Open the head that a log shows now: signed by the log's own keys of now, and cosigned by the quorum that the policy names.

    Args:
        data: the checkpoint.
        policy: whose word counts.
        now: the time of asking; None leaves out what depends on it.

    Raises:
        EvidenceInvalid: when it is malformed, of a log that the policy does not name, a line by a known key does not verify, a kind of key
            that the policy lists for the log did not sign, or the quorum is not met.
    """
    opened = open_earlier(data, policy, now=now)
    lives = {key: policy.life_of(key) for key in opened.signers}
    ended = [key for key, life in lives.items() if now is not None and life.until is not None and life.until + CLOCKS_APART < now]
    wanted = {log.key.algorithm for log in policy.logs if log.key.name == opened.head.origin}
    if {key.algorithm for key in opened.signers if key not in ended} != wanted:
        raise EvidenceInvalid(
            "the checkpoint is signed by a key of the log that was replaced since"
            if ended
            else "the checkpoint is not signed by the log itself, by one key of each kind that the trust policy names for it",
            help="a cosignature is no signature: somebody else may show this log, or its operator may hide it",
        )
    require_quorum(opened.cosignatures, policy)
    return opened


def open_earlier(data: bytes, policy: TrustPolicy, *, now: datetime | None = None) -> SignedHead:
    """Open a head that was kept from before. One of the log's keys, replaced since or not, must have signed it.

    No quorum is asked for: a log answers for whatever it signed.

    Raises:
        EvidenceInvalid: as :func:`open_head`, but for the quorum and for kinds of keys that did not sign.
    """
    origin = data.partition(b"\n")[0].decode("utf-8", "replace")
    if not any(log.key.name == origin for log in policy.logs):
        raise EvidenceInvalid("the trust policy names no such log", help="it may be another log than the one you trust")
    known = {(key.name, key.id): key for key in policy.checkpoint_keys(origin)}
    opened = note.open_note(data, known.values())
    signed = [(known[line.name, line.key_id], line) for line in opened.signatures]
    signers = tuple(key for key, _ in signed if key.algorithm is not Algorithm.COSIGNATURE)
    if not signers:
        raise EvidenceInvalid(
            "the checkpoint is not signed by the log itself",
            help="a cosignature is no signature: somebody else may show this log, or its operator may hide it",
        )
    cosigned = [(key, line) for key, line in signed if key.algorithm is Algorithm.COSIGNATURE]
    cosignatures = tuple(cosigned_at(key, line.signature, policy, origin, now) for key, line in cosigned)
    return SignedHead(checkpoint.parse(opened.text), data, signers, cosignatures, len(note.parse_note(data).signatures) - len(signed))


def require_quorum(cosignatures: Iterable[Cosignature], policy: TrustPolicy) -> None:
    """Raise EvidenceInvalid unless the cosignatures that count meet the policy's quorum."""
    cosigned = tuple(cosignatures)
    if policy.witnessed_by(each.key for each in cosigned if not each.fault):
        return
    faults = [f"{each.key.name}'s does not count: {each.fault}" for each in cosigned if each.fault]
    message = "; ".join(["the checkpoint lacks the cosignatures that the trust policy asks for", *faults])
    raise EvidenceInvalid(message, help="whoever runs the log could show others a different one; ask for it again later")


def cosigned_at(key: VerifierKey, signature: bytes, policy: TrustPolicy, origin: str, now: datetime | None) -> Cosignature:
    """Judge the time of a cosignature of ``origin`` that verified."""
    seconds = int.from_bytes(signature[:8], "big")
    if seconds > _LAST_SECOND:
        return Cosignature(key, None, "its time cannot be")
    at = datetime.fromtimestamp(seconds, UTC)
    life, began = policy.life_of(key), policy.log_since(origin)
    if now is not None and at > now + CLOCKS_APART:
        fault = "its time is in the future"
    elif began is not None and at < began - CLOCKS_APART:
        fault = "its time is before the log began"
    elif life.since is not None and at < life.since - CLOCKS_APART:
        fault = "its time is before the witness had that key"
    elif life.until is not None and at > life.until + CLOCKS_APART:
        fault = "its time is after the witness replaced that key"
    else:
        fault = ""
    return Cosignature(key, at, fault)


def known_lines(data: bytes, policy: TrustPolicy) -> bytes:
    """Return a checkpoint with the lines by keys that the policy names for its log, and no others. Raises EvidenceInvalid."""
    parsed = note.parse_note(data)
    known = {(key.name, key.id) for key in policy.checkpoint_keys(checkpoint.parse(parsed.text).origin)}
    return parsed._replace(signatures=tuple(line for line in parsed.signatures if (line.name, line.key_id) in known)).encode()


def open_own(data: bytes, keys: Sequence[VerifierKey]) -> checkpoint.Checkpoint:
    """Open a checkpoint that every one of a log's own ``keys`` must have signed; cosignatures are not looked at.

    Raises:
        EvidenceInvalid: otherwise.
    """
    opened = note.open_note(data, keys)
    head = checkpoint.parse(opened.text)
    if len(opened.signatures) != len(keys):
        raise EvidenceInvalid("the checkpoint is not signed by both of the log's keys")
    if head.origin != keys[0].name:
        raise EvidenceInvalid("the checkpoint is of another log")
    return head
