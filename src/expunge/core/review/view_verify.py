"""Check the receipt of a look offline and purely: files in, the result of each step out.

Every file is parsed to values, written again and compared byte for byte. A change of one character anywhere is detected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise

from expunge.core import merkle
from expunge.core.evidence.receipt_codec import instant
from expunge.core.journal.review_events import ViewServed
from expunge.core.log import dsse
from expunge.core.log.signed_head import CLOCKS_APART, SignedHead
from expunge.core.log.trust import TrustPolicy, parse_canonical
from expunge.core.log.trust import parse as parse_policy
from expunge.core.review import view_receipt as form
from expunge.core.review.commitment import SALT_BYTES
from expunge.core.review.view_receipt import ProvenView, ViewsReceipt
from expunge.core.values import canonical, codec
from expunge.core.values.signature import key_id, parse_ed25519_pem
from expunge.core.verification.checked_files import NamedFile, cosigned, opened_checkpoint, signer_of
from expunge.errors import EvidenceInvalid, StateCorrupt

_KEY_LAG = timedelta(days=1)
_WHOLE = ("function", "purpose", "case_kind", "case_number", "request", "reviewer", "dataset", "recording", "subjects", "break_glass")
"""What every view of one lease has alike."""


@dataclass(frozen=True)
class VerifiedViews:
    """A receipt of a look that holds, and its meaning."""

    receipt: ViewsReceipt
    views: tuple[ViewServed, ...]
    head: SignedHead
    trusted: bool
    """Whether the keys were got elsewhere; else they came along, and prove only that the files belong together."""
    steps: tuple[str, ...]
    """What was checked, in order, as sentences."""

    @property
    def seconds(self) -> int:
        """Return the seconds of the recording that were given, rounded up; what was fetched twice counts twice."""
        return -(-sum(each.last_ms - each.first_ms for each in self.views) // 1000)


def is_receipt_of_look(files: Mapping[str, bytes]) -> bool:
    """Return whether files are those of a receipt of a look rather than of an erasure."""
    return form.ENVELOPE in files


def verify(
    files: Mapping[str, bytes], trust: bytes | None = None, *, at: datetime | None = None, witnessed_later: bool = False
) -> VerifiedViews:
    """Check the files of one receipt of a look.

    Args:
        files: by name, every one of :data:`expunge.core.review.view_receipt.FILES` and none besides.
        trust: keys got elsewhere, in the form of ``trust-policy.txt``; None to check against the keys that came along.
        at: the time of checking; None leaves out what depends on it.
        witnessed_later: do not ask the checkpoint for the quorum.

    Raises EvidenceInvalid when anything is wrong; the message names the file.
    """
    _check_names(files)
    steps: list[str] = []
    policy = NamedFile(form.POLICY).refuse_or(lambda: parse_canonical(files[form.POLICY]))
    policies = [policy] if trust is None else [policy, parse_policy(trust)]
    receipt = _check_statement(files, policies, steps)
    signed = opened_checkpoint(
        NamedFile(form.CHECKPOINT), files[form.CHECKPOINT], receipt.log, policies, now=at, witnessed_later=witnessed_later
    )
    views = NamedFile(form.ENVELOPE).refuse_or(lambda: _check_views(receipt))
    NamedFile(form.ENVELOPE).refuse_or(lambda: _check_log(receipt, signed))
    _check_times(views, receipt, signed)
    places = f"entr{'y' if len(receipt.entries) == 1 else 'ies'} {', '.join(str(each.index) for each in receipt.entries)}"
    steps += [
        f"It holds views 0 to {len(views) - 1} of the look {receipt.look}, without a gap, each as it was entered.",
        f"{places} of the log {receipt.log} commit to them, under its signed checkpoint of {signed.head.size} entries.",
        cosigned(signed.cosignatures),
        _closing(views, trusted=trust is not None),
    ]
    return VerifiedViews(receipt, views, signed, trust is not None, tuple(steps))


def _check_names(files: Mapping[str, bytes]) -> None:
    missing = [name for name in form.FILES if name not in files]
    if missing:
        message = f"the receipt is not whole: {', '.join(missing)} missing"
        raise EvidenceInvalid(message, help="keep its four files together in one folder")
    if len(files) > len(form.FILES):
        message = f"the folder holds {len(files) - len(form.FILES)} file(s) that do not belong to a receipt of a look"
        raise EvidenceInvalid(message, help=f"it is {', '.join(form.FILES)}; move anything else away")


def _check_statement(files: Mapping[str, bytes], policies: Sequence[TrustPolicy], steps: list[str]) -> ViewsReceipt:
    """Check signature and signer, and that the statement names the very policy that came along."""
    named = NamedFile(form.ENVELOPE)
    envelope = named.refuse_or(lambda: dsse.parse(files[form.ENVELOPE]))
    public = NamedFile(form.SIGNER).refuse_or(lambda: parse_ed25519_pem(files[form.SIGNER]))
    named.refuse_or(lambda: envelope.verify(public))
    receipt = named.refuse_or(lambda: form.parse(envelope.payload))
    if receipt.signer != key_id(public):
        raise EvidenceInvalid("the receipt names another signer than signer.pem")
    if receipt.policy != sha256(files[form.POLICY]).hexdigest():
        raise EvidenceInvalid("trust-policy.txt is not the one that the receipt names")
    for policy in policies:
        life = policy.life_of(signer_of(policy, public))
        early = life.since is not None and receipt.issued < life.since - _KEY_LAG
        if early or (life.until is not None and receipt.issued > life.until + _KEY_LAG):
            message = f"the receipt says {instant(receipt.issued)}, at which its signer's key did not count"
            raise EvidenceInvalid(message, help="do not rely on its dates; ask the company by another way")
    steps.append(f"The statement is signed by the key {receipt.signer} (Ed25519), and is spelled in its one right way.")
    given = "you gave" if len(policies) > 1 else "came along with the receipt"
    steps.append(f"The signer is named by the trust policy that {given}.")
    return receipt


def _check_views(receipt: ViewsReceipt) -> tuple[ViewServed, ...]:
    """Return the views: each behind the root of its entry, all of one lease, numbered from 0 without a gap."""
    roots = {each.number: each.root for each in receipt.entries}
    if not 0 < len(receipt.views) <= form.MOST_VIEWS:
        raise EvidenceInvalid("it holds no view, or far too many")
    found = []
    for number, each in enumerate(receipt.views):
        view = _view(each)
        if (view.lease, view.sequence) != (receipt.look, number):
            message = f"view {number} is missing, or another look's stands in its place"
            raise EvidenceInvalid(message, help="ask for the receipt again")
        if len(each.salt) != SALT_BYTES:
            raise EvidenceInvalid("a salt is not 32 bytes")
        merkle.verify_inclusion(
            merkle.leaf_hash(each.salt + each.event.encode()), each.index, each.count, each.path, _root(roots.get(each.entry, ""))
        )
        found.append(view)
    if [each.number for each in receipt.entries] != sorted({each.entry for each in receipt.views}):
        raise EvidenceInvalid("it names other entries of the log than its views")
    for first, following in pairwise(receipt.views):
        if (first.entry, first.index) >= (following.entry, following.index):
            raise EvidenceInvalid("its views do not stand in the order of the register")
    for first_view, view in pairwise(found):
        if any(getattr(first_view, name) != getattr(view, name) for name in _WHOLE) or view.at < first_view.at:
            raise EvidenceInvalid("its views are not of one look")
    return tuple(found)


def _view(proven: ProvenView) -> ViewServed:
    """Return the event of a view. Raises EvidenceInvalid for bytes that are no such event in its one spelling."""
    data = proven.event.encode()
    try:
        view: ViewServed = codec.from_json(ViewServed, canonical.decode(data))
        exact = canonical.encode(codec.to_json(view)) == data
    except StateCorrupt as error:
        raise EvidenceInvalid(
            "an event in it is no view of this form", help="check it with the version of Expunge that issued it"
        ) from error
    if not exact:
        raise EvidenceInvalid("an event in it is not in its one spelling")
    return view


def _root(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError as error:
        raise EvidenceInvalid("a root in it is no hex") from error
    if found.hex() != text or len(found) != merkle.HASH_SIZE:
        raise EvidenceInvalid("a root in it is not 32 bytes in small hex")
    return found


def _check_log(receipt: ViewsReceipt, signed: SignedHead) -> None:
    for each in receipt.entries:
        merkle.verify_inclusion(merkle.leaf_hash(each.leaf), each.index, signed.head.size, each.path, signed.head.root)
    for first, following in pairwise(receipt.entries):
        if first.index >= following.index:
            raise EvidenceInvalid("its entries do not stand in the order of the log")


def _check_times(views: Sequence[ViewServed], receipt: ViewsReceipt, signed: SignedHead) -> None:
    last = max(each.at for each in views)
    if receipt.issued + CLOCKS_APART < last:
        raise EvidenceInvalid("the receipt was issued before its last view", help="do not rely on its dates")
    if signed.seen is not None and last > signed.seen + CLOCKS_APART:
        message = f"it tells of a view after {instant(signed.seen)}, when a witness saw its checkpoint already"
        raise EvidenceInvalid(message, help="do not rely on its dates")


def _closing(views: Sequence[ViewServed], *, trusted: bool) -> str:
    first, last = views[0], views[-1]
    clearest = max((each.clarity for each in views), key=lambda each: each.step)
    loudest = max((each.sound for each in views), key=lambda each: each.step)
    seconds = -(-sum(each.last_ms - each.first_ms for each in views) // 1000)
    keys = "" if trusted else " The keys came along with the receipt: to know who signed, check it against keys that you got elsewhere."
    return (
        f"The receipt holds. It says: between {instant(first.at.replace(microsecond=0))} and {instant(last.at.replace(microsecond=0))} a "
        f"{first.function.value} was given {seconds} second(s) of one recording, picture {clearest.value}, sound {loudest.value}, for "
        f"{first.purpose.value}, case {first.case_kind.value} {first.case_number}. It names no person, and does not show that no view came "
        f"after the last of these.{keys}"
    )
