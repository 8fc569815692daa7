"""Check a receipt offline and purely: files in, the result of each step out.

Every file is parsed to values, written again and compared byte for byte. Everything that is said twice is compared. A change of one
character anywhere is detected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256

from expunge.core import merkle
from expunge.core.evidence import commitment, evidence_rules
from expunge.core.evidence.receipt import Receipt, Verdict
from expunge.core.evidence.receipt import parse as parse_receipt
from expunge.core.evidence.receipt_codec import instant
from expunge.core.evidence.unread_places import PlaceKind, blocking
from expunge.core.log import checkpoint, dsse, tlog_proof
from expunge.core.log.signed_head import Cosignature, SignedHead
from expunge.core.log.trust import TrustPolicy, parse_canonical
from expunge.core.log.trust import parse as parse_policy
from expunge.core.pages import render
from expunge.core.values.signature import key_id, parse_ed25519_pem
from expunge.core.verification import entry_order, sigstore_bundle
from expunge.core.verification import receipt_folder as folder
from expunge.core.verification.checked_files import NamedFile, cosigned, opened_checkpoint, signer_of
from expunge.errors import EvidenceInvalid

_UNTIED = (
    "NOTHING TIES IT TO A PERSON: there is no opening.json, so it can be anybody's receipt. Whoever shows it as theirs has that file, "
    "and it names them."
)


@dataclass(frozen=True)
class VerifiedReceipt:
    """A valid receipt, and its meaning."""

    receipt: Receipt
    index: int
    """Place in the log."""
    checkpoint: checkpoint.Checkpoint
    cosignatures: tuple[Cosignature, ...]
    """By witnesses that the reader's policy names, or the one that came along where there is no other; counting or not."""
    leaf_hash: bytes
    """Hash of its entry in the log."""
    trusted: bool
    """Whether the keys were got elsewhere (``trust`` was given); else they came along with the receipt and prove only that the files
    belong together."""
    opened: bool
    """Whether ``opening.json`` was there and ties the receipt to the identifiers in it."""
    expired: bool
    """Whether the next re-probe was due before ``at``; a newer receipt should exist."""
    steps: tuple[str, ...] = field(default=())
    """What was checked, in order, as sentences."""

    @property
    def witnesses(self) -> tuple[str, ...]:
        """Names of witnesses that cosigned the checkpoint, at a time that can be."""
        return tuple(each.key.name for each in self.cosignatures if not each.fault)


def verify(
    files: Mapping[str, bytes], trust: bytes | None = None, *, at: datetime | None = None, witnessed_later: bool = False
) -> VerifiedReceipt:
    """Check the files of one receipt.

    Args:
        files: by name; every name in :data:`~expunge.core.verification.receipt_folder.REQUIRED`, none beyond these and ``OPTIONAL``.
            Values of
            files named in ``BESIDE`` are not looked at and may be empty.
        trust: keys got elsewhere, in the form of ``trust-policy.txt`` (comments are fine); None to check against the keys that
            came along.
        at: the time of checking, for the question whether a newer receipt is due; None leaves it open.
        witnessed_later: do not ask the receipt's own checkpoint for the quorum. For callers who then hold it against a head that has the
            quorum: a head that continues the checkpoint is witnessed for it as well.

    Raises:
        EvidenceInvalid: when anything is wrong; the message names the file.
    """
    steps: list[str] = []
    _check_names(files)
    reading = _Reading(files, NamedFile(folder.POLICY).refuse_or(lambda: parse_canonical(files[folder.POLICY])), at, witnessed_later)
    elsewhere = None if trust is None else parse_policy(trust)
    envelope, receipt = _check_statement(reading, elsewhere, steps)
    _check_copies(reading, envelope, steps)
    _check_evidence(receipt, steps)
    _check_approvals(receipt, elsewhere, steps)
    proof, signed, leaf_hash = _check_log(reading, envelope, receipt, elsewhere, steps)
    _check_bundle(files, steps)
    opened = _check_opening(files, receipt, steps)
    expired = at is not None and at > receipt.valid_until
    steps.append(_closing(receipt, trusted=elsewhere is not None, opened=opened, expired=expired))
    trusted = elsewhere is not None
    return VerifiedReceipt(receipt, proof.index, signed.head, signed.cosignatures, leaf_hash, trusted, opened, expired, tuple(steps))


@dataclass(frozen=True)
class _Reading:
    files: Mapping[str, bytes]
    policy: TrustPolicy
    at: datetime | None = None
    witnessed_later: bool = False


def _check_names(files: Mapping[str, bytes]) -> None:
    missing = [name for name in folder.REQUIRED if name not in files]
    if missing:
        message = f"the receipt is not whole: {', '.join(missing)} missing"
        raise EvidenceInvalid(message, help="keep the seven files together in one folder")
    extra = len(set(files) - set(folder.REQUIRED) - folder.OPTIONAL)
    if extra:
        message = f"the folder holds {extra} file(s) that do not belong to a receipt"
        raise EvidenceInvalid(message, help=f"a receipt is {', '.join(folder.REQUIRED)}; move anything else away")


def _check_statement(reading: _Reading, elsewhere: TrustPolicy | None, steps: list[str]) -> tuple[dsse.Envelope, Receipt]:
    """Signature, signer, and that the statement names the very policy that came along."""
    named = NamedFile(folder.ENVELOPE)
    envelope = named.refuse_or(lambda: dsse.parse(reading.files[folder.ENVELOPE]))
    receipt = named.refuse_or(lambda: parse_receipt(envelope.payload))
    public = NamedFile(folder.SIGNER).refuse_or(lambda: parse_ed25519_pem(reading.files[folder.SIGNER]))
    named.refuse_or(lambda: envelope.verify(public))
    if receipt.signer != key_id(public):
        raise EvidenceInvalid("the receipt names another signer than signer.pem")
    if receipt.policy_digest != sha256(reading.files[folder.POLICY]).hexdigest():
        raise EvidenceInvalid("trust-policy.txt is not the one that the receipt names")
    steps.append(f"The statement is signed by the key {receipt.signer} (Ed25519), and is spelled in its one right way.")
    for policy in (reading.policy, elsewhere):
        if policy is not None:
            signer_of(policy, public)
    steps.append(
        "The signer is named by the trust policy that came along with the receipt."
        if elsewhere is None
        else "The signer is named by the trust policy that you gave.",
    )
    return envelope, receipt


def _check_copies(reading: _Reading, envelope: dsse.Envelope, steps: list[str]) -> None:
    """The forms made for other tools say the same."""
    if reading.files[folder.PAE] != dsse.pae(envelope.payload):
        raise EvidenceInvalid("receipt.pae is not what was signed")
    if reading.files[folder.SIGNATURE] != envelope.signature:
        raise EvidenceInvalid("receipt.sig is not the signature of the receipt")
    if reading.files[folder.PAGE] != render(envelope.payload):
        raise EvidenceInvalid("receipt.html does not say what was signed", help="read the page that `expunge receipt show` makes instead")
    steps.append("receipt.pae, receipt.sig, signer.pem and the page receipt.html say the same, byte for byte.")


def _check_evidence(receipt: Receipt, steps: list[str]) -> None:
    """No entry claims what its own evidence does not show."""
    NamedFile(folder.ENVELOPE).refuse_or(lambda: evidence_rules.require(receipt))
    later = ", ".join(rule.name for rule in evidence_rules.later(receipt.tool.page))
    of_old = f" of its version (page {receipt.tool.page}), which has none of these: {later}" if later else ""
    steps.append(f"Its evidence keeps the rules{of_old}.")
    if receipt.unread:
        steps.append(_unread(receipt))
    if receipt.sampled:
        steps.insert(
            0,
            f"IT RESTS ON A SAMPLE: of {', '.join(receipt.sampled)} a part of the bytes was read, and no depth beyond removed is claimed.",
        )


def _check_approvals(receipt: Receipt, elsewhere: TrustPolicy | None, steps: list[str]) -> None:
    """Each approval is of this order and this plan, by its own key, and by one that the reader's policy names where it names any."""
    pinned = elsewhere.approvers if elsewhere is not None else ()
    for each in receipt.approvals:
        NamedFile(folder.ENVELOPE).refuse_or(partial(each.verify, receipt.order, receipt.plan_digest))
        if pinned and (each.approver, each.key) not in {(known.name, known.key) for known in pinned}:
            message = f"the plan was approved by the {each.way}, a key that the trust policy does not name"
            raise EvidenceInvalid(message, help="ask the company by another way whose key that is")
        whose = "is named by the trust policy that you gave" if pinned else "came along with the receipt, which the company signed"
        steps.append(f"Its plan was approved by the {each.way} on {instant(each.at)}: the signature holds, and the key {whose}.")


def _unread(receipt: Receipt) -> str:
    """Say which places nothing accounts for: a reader may doubt the reasons."""
    declared = [f"{each.store}: {each.pattern} ({each.reason})" for each in receipt.unread if each.kind is PlaceKind.OPAQUE]
    ignored = [f"{each.store}: {each.pattern} ({each.reason})" for each in receipt.unread if each.kind is PlaceKind.IGNORED]
    parts = [f"{each.store}: files that no dataset declares" for each in receipt.unread if each.kind is PlaceKind.UNDECLARED]
    blocked = sorted(blocking(receipt.unread))
    said = [
        f"declared as unreadable, not read: {'; '.join(declared)}" if declared else "",
        f"ignored: {'; '.join(ignored)}" if ignored else "",
        f"undeclared: {'; '.join(parts)}" if parts else "",
        f"bytes that nobody can read lie in ignored or undeclared places of {', '.join(blocked)}" if blocked else "",
    ]
    return f"It lists places that nothing accounts for. {'. '.join(f'{each[0].upper()}{each[1:]}' for each in said if each)}."


def _check_log(
    reading: _Reading,
    envelope: dsse.Envelope,
    receipt: Receipt,
    elsewhere: TrustPolicy | None,
    steps: list[str],
) -> tuple[tlog_proof.TlogProof, SignedHead, bytes]:
    """The receipt is in the log that it names, under a checkpoint signed by both keys of the log."""
    named = NamedFile(folder.PROOF)
    proof = named.refuse_or(lambda: tlog_proof.parse(reading.files[folder.PROOF]))
    policies = [policy for policy in (reading.policy, elsewhere) if policy is not None]
    signed = opened_checkpoint(named, proof.checkpoint, receipt.log, policies, now=reading.at, witnessed_later=reading.witnessed_later)
    head = signed.head
    public = parse_ed25519_pem(reading.files[folder.SIGNER])
    leaf_hash = merkle.leaf_hash(dsse.leaf(envelope, public))
    named.refuse_or(lambda: merkle.verify_inclusion(leaf_hash, proof.index, head.size, proof.path, head.root))
    _check_dates(receipt, public, elsewhere or reading.policy, signed)
    steps.append(f"It is entry {proof.index} of the log {head.origin}, under its signed checkpoint of {head.size} entries.")
    steps.append(cosigned(signed.cosignatures))
    return proof, signed, leaf_hash


def _check_bundle(files: Mapping[str, bytes], steps: list[str]) -> None:
    """The forms made for tools of Sigstore, where they are there, say the same."""
    present = [name for name in (folder.BUNDLE, folder.ROOT) if name in files]
    if not present:
        return
    made = NamedFile(folder.BUNDLE).refuse_or(lambda: sigstore_bundle.files_of(files))
    for name in present:
        if files[name] != made[name]:
            message = f"{name} does not say what the receipt's other files say"
            raise EvidenceInvalid(message, help="`expunge receipt bundle` makes it again from these")
    steps.append(f"{' and '.join(present)}, for tools of Sigstore, {'say' if len(present) > 1 else 'says'} the same, byte for byte.")


def _check_dates(receipt: Receipt, public: bytes, policy: TrustPolicy, signed: SignedHead) -> None:
    signer = next(key for key in policy.signers if key.key == public)
    entry_order.require_within(receipt, policy.life_of(signer), signed.seen)


def _check_opening(files: Mapping[str, bytes], receipt: Receipt, steps: list[str]) -> bool:
    if folder.OPENING not in files:
        steps.append(_UNTIED)
        return False
    NamedFile(folder.OPENING).refuse_or(lambda: commitment.parse_opening(files[folder.OPENING]).verify(receipt.commitment))
    steps.append("opening.json ties the receipt to the identifiers that it holds.")
    return True


def _closing(receipt: Receipt, *, trusted: bool, opened: bool, expired: bool) -> str:
    said = "fulfilled" if receipt.verdict is Verdict.FULFILLED else "fulfilled in part only"
    keys = "" if trusted else " The keys came along with the receipt: to know who signed, check it against keys that you got elsewhere."
    whose = "" if opened else " WHOSE IT IS WAS NOT SHOWN."
    due = f" It was to be checked again by {instant(receipt.valid_until)}: ask for a newer one." if expired else ""
    looked = f"verified {instant(receipt.times.verified)}" if receipt.times.verified else "nothing could be verified"
    return f"The receipt holds. It says: {said}, {looked}.{whose}{keys}{due}"
