"""The trust policies of an installation: the one that goes with receipts, and the one to publish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from expunge.core import note
from expunge.core.log import checkpoint, trust


def trust_policy(origin: str, signer: bytes, pair: tuple[bytes, bytes], witnesses: trust.TrustPolicy | None = None) -> str:
    """Return the policy that goes with receipts signed by these keys.

    It names the witnesses and asks for none of them: a receipt whose checkpoint waited for them too long is published without. Whoever
    reads it says what is enough. It leaves out their addresses, so that a receipt that waits stays the same when one moves.
    """
    signers = (note.VerifierKey(origin, note.Algorithm.ED25519, signer),)
    logs = tuple(trust.NamedKey(key) for key in checkpoint.log_keys(origin, *pair))
    seeing = tuple(trust.NamedKey(each.key, name=each.name) for each in witnesses.witnesses) if witnesses else ()
    return trust.TrustPolicy(signers=signers, logs=logs, witnesses=seeing).encode().decode()


def published_policy(
    origin: str,
    signers: Sequence[tuple[bytes, datetime | None]],
    pairs: Sequence[tuple[tuple[bytes, bytes], datetime | None]],
    witnesses: trust.TrustPolicy | None = None,
) -> str:
    """Return the policy to publish.

    Every signer and log key so far, oldest first, and since when each counts; the witnesses, and the quorum that the operator keeps to.
    """
    seen = witnesses or trust.TrustPolicy((), ())
    signing = [(note.VerifierKey(origin, note.Algorithm.ED25519, key), since) for key, since in signers]
    logging = [(key, since) for pair, since in pairs for key in checkpoint.log_keys(origin, *pair)]
    return (
        trust.TrustPolicy(
            signers=tuple(key for key, _ in signing),
            logs=tuple(trust.NamedKey(key) for key, _ in logging),
            witnesses=seen.witnesses,
            groups=seen.groups,
            quorum=seen.quorum,
            starts=tuple(trust.KeyStart(since, key) for key, since in (*signing, *logging) if since is not None) + seen.starts,
        )
        .encode()
        .decode()
    )
