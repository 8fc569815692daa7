"""What every check of files that were given out does: name the file that is wrong, and open the checkpoint of the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from expunge.core import note
from expunge.core.evidence.receipt_codec import instant
from expunge.core.log import checkpoint, signed_head
from expunge.core.log.signed_head import Cosignature, SignedHead
from expunge.core.log.trust import TrustPolicy
from expunge.core.note import Algorithm, VerifierKey
from expunge.errors import EvidenceInvalid

T = TypeVar("T")


@dataclass(frozen=True)
class NamedFile:
    """Puts a file's name before what a parser has to say."""

    name: str

    def refuse_or(self, read: Callable[[], T]) -> T:
        """Return what ``read`` returns. Raises EvidenceInvalid with the file's name before its message."""
        try:
            return read()
        except EvidenceInvalid as error:
            message = f"{self.name}: {error.message}"
            raise EvidenceInvalid(message, help=error.help) from error


def opened_checkpoint(
    named: NamedFile, data: bytes, log: str, policies: Sequence[TrustPolicy], *, now: datetime | None, witnessed_later: bool
) -> SignedHead:
    """Return the head of a checkpoint on which each line is by a key of one of some policies, and which both keys of the log signed.

    Args:
        named: the file that holds it.
        data: the signed note.
        log: the origin that the signed statement names.
        policies: that which came along, and the reader's own, whose word counts where there is one: the last.
        now: the time of checking; None leaves out what depends on it.
        witnessed_later: do not ask for the quorum.

    Raises EvidenceInvalid.
    """
    # Why a reader's own witnesses count: who asks a further witness adds a line that the operator's policy does not know.
    keys = dict.fromkeys(key for policy in policies for key in policy.checkpoint_keys(log))
    text, signers = named.refuse_or(lambda: note.open_strict(data, keys))
    head = named.refuse_or(lambda: checkpoint.parse(text))
    if head.origin != log:
        message = f"{named.name} is from another log than the receipt names"
        raise EvidenceInvalid(message)
    for policy in policies:
        _check_signers(policy, head.origin, signers)
        signed = signed_head.open_earlier(data, policy, now=now)
        if not witnessed_later:
            signed_head.require_quorum(signed.cosignatures, policy)
    return signed


def signer_of(policy: TrustPolicy, public: bytes) -> VerifierKey:
    """Return the signer of a policy that has this public key. Raises EvidenceInvalid where it names none."""
    for key in policy.signers:
        if key.key == public:
            return key
    raise EvidenceInvalid(
        "the signer is not one that the trust policy names: none of those whom it names signed this",
        help="a receipt signed by another key may be a forgery; ask the company by another way",
    )


def cosigned(cosignatures: Sequence[Cosignature]) -> str:
    """Return a sentence about the witnesses of a checkpoint."""
    counting = [f"{each.key.name} at {instant(each.at)}" for each in cosignatures if each.at and not each.fault]
    faults = "".join(f" That of {each.key.name} does not count: {each.fault}." for each in cosignatures if each.fault)
    if not counting:
        return f"No witness cosigned that checkpoint: whoever runs the log could still show others a different one.{faults}"
    return f"{len(counting)} witness(es) cosigned that checkpoint: {', '.join(counting)}.{faults}"


def _check_signers(policy: TrustPolicy, origin: str, signed: tuple[VerifierKey, ...]) -> None:
    known = set(policy.checkpoint_keys(origin))
    by_log = {key.algorithm for key in signed if key.algorithm is not Algorithm.COSIGNATURE and key in known}
    if by_log != {Algorithm.ED25519, Algorithm.ECDSA_P256}:
        raise EvidenceInvalid(
            "the checkpoint is not signed by both keys that the trust policy names for the log",
            help="the log may be another one than the one you trust",
        )
