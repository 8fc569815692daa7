"""Writes the vectors of docs/spec from fixed seeds: `python -m tests.evidence_vectors` must change nothing that was released."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from expunge.core import merkle
from expunge.core.evidence import commitment, receipt
from expunge.core.log import checkpoint, trust
from expunge.core.log.witness_protocol import AddCheckpoint
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.values import canonical
from tests.approval_kit import approvals
from tests.evidence_kit import (
    IDENTIFIERS,
    OPENING,
    ORIGIN,
    SeededKeys,
    at_page,
    for_people,
    for_some_items,
    fulfilled,
    in_part,
    issue,
    raw,
    with_differences,
    with_forms,
    with_mentions,
    with_models,
    with_text_of_others,
)
from tests.log_kit import SeededWitness, with_lines

SECONDS = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp())
HERE = Path(__file__).parent / "vectors" / "evidence"


def witnesses() -> trust.TrustPolicy:
    """A policy that asks for one witness of each of two groups."""
    keys = [VerifierKey(f"w{n}.example", Algorithm.COSIGNATURE, raw(SeededKeys(f"w{n}").log)) for n in range(4)]
    named = tuple(trust.NamedKey(key, f"https://{key.name}/" if n else "", f"w{n}") for n, key in enumerate(keys))
    groups = (trust.Group("a", "1", ("w0", "w1")), trust.Group("b", "any", ("w2", "w3")), trust.Group("both", "all", ("a", "b")))
    return replace(SeededKeys().policy(), witnesses=named, groups=groups, quorum="both")


def dated() -> trust.TrustPolicy:
    """A policy of a log whose keys, and the signer, were replaced once."""
    before, after = SeededKeys(), SeededKeys("rotated")
    signers = (*before.policy().signers, *after.policy().signers)
    logs = (*before.policy().logs, *after.policy().logs)
    times = (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 11, 25, 12, tzinfo=UTC))
    first, second = ([*made.policy().signers, *made.log_keys()] for made in (before, after))
    starts = tuple(trust.KeyStart(at, key) for at, keys in zip(times, (first, second), strict=True) for key in keys)
    return trust.TrustPolicy(signers, logs, starts=starts)


def cosigned(note: bytes) -> bytes:
    """The checkpoint with the cosignatures of w0 and w3, and one by nobody whom a policy names."""
    return with_lines(note, *(SeededWitness(name).line(note, SECONDS) for name in ("w0", "w3", "stranger")))


def approved() -> receipt.Receipt:
    """A receipt of page 8 whose plan was approved by an Ed25519 key and by passkeys of both kinds."""
    made = at_page(for_people(), 8)
    return replace(made, approvals=approvals(made))


RECEIPTS = {
    "receipt-fulfilled": fulfilled,
    "receipt-in-part": in_part,
    "receipt-models": with_models,
    "receipt-mentions": with_mentions,
    "receipt-differences": with_differences,
    "receipt-forms": with_forms,
    "receipt-others": with_text_of_others,
    "receipt-for-people": for_people,
    "receipt-some-items": for_some_items,
    "receipt-approved": approved,
}
"""Folder of a released receipt -> what makes it."""


def vectors() -> dict[str, bytes]:
    """Relative path -> bytes."""
    made = {}
    for name, say in RECEIPTS.items():
        made.update({f"{name}/{file}": content for file, content in issue(say()).items()})
    opening = commitment.Opening(OPENING, IDENTIFIERS)
    made["commitment/opening.json"] = opening.encode()
    made["commitment/commitment.txt"] = f"{opening.commitment()}\n".encode()
    made["trust-policy/witnesses.txt"] = witnesses().encode()
    made["trust-policy/since.txt"] = dated().encode()
    keys, leaves = SeededKeys(), [b"leaf %d" % number for number in range(300)]
    node = merkle.nodes_of([merkle.leaf_hash(each) for each in leaves])
    made["log/checkpoint"] = keys.signed(checkpoint.Checkpoint(ORIGIN, 300, merkle.tree_root(300, node)))
    made["log/cosigned-checkpoint"] = cosigned(made["log/checkpoint"])
    proof = merkle.prove_consistency(256, 300, node)
    made["log/add-checkpoint.request"] = AddCheckpoint(256, proof, made["log/checkpoint"]).encode()
    made["log/add-checkpoint.answer"] = SeededWitness("w0").line(made["log/checkpoint"], SECONDS).line().encode()
    made["log/vkeys.txt"] = "".join(f"{key}\n" for key in keys.log_keys()).encode()
    made["log/proofs.json"] = canonical.encode(
        {
            "leaf": "the bytes `leaf ` and the index in decimal",
            "inclusion": [
                {"index": index, "size": size, "path": [each.hex() for each in merkle.prove_inclusion(index, size, node)]}
                for index, size in ((0, 1), (255, 256), (256, 257), (17, 300), (299, 300))
            ],
            "consistency": [
                {"size1": size1, "size2": size2, "path": [each.hex() for each in merkle.prove_consistency(size1, size2, node)]}
                for size1, size2 in ((1, 300), (255, 256), (256, 300), (299, 300))
            ],
            "roots": {str(size): merkle.tree_root(size, node).hex() for size in (0, 1, 255, 256, 257, 299, 300)},
        },
    )
    return made


if __name__ == "__main__":
    for name, content in vectors().items():
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
