"""Check an uploaded receipt for a person who has no program: the verdict, whose key signed, and the short code to compare.

It tells three cases apart that look alike: a key that the company publishes, a key that only came along with the files, and no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from expunge.core.evidence.receipt import Receipt
from expunge.core.evidence.receipt import parse as parse_receipt
from expunge.core.log import dsse
from expunge.core.log.trust import TrustPolicy
from expunge.core.log.trust import parse as parse_policy
from expunge.core.pages.receipt_v6 import short_code
from expunge.core.values.signature import key_id
from expunge.core.verification import receipt_folder as folder
from expunge.core.verification.receipt_verify import VerifiedReceipt, verify
from expunge.errors import EvidenceInvalid

STATEMENT = "statement.json"
"""The name of a statement that came without its envelope."""


class CheckedExtent(StrEnum):
    """The part of a receipt that was there to check."""

    FOLDER = "folder"
    """All of it: statement, signature, page and the place in the log."""
    ENVELOPE = "envelope"
    """Statement and signature: nothing shows that it is in the log."""
    STATEMENT = "statement"
    """The statement alone, which any person can write."""


class KeySource(StrEnum):
    """Where the key came from that the signature holds by."""

    PUBLISHED = "published"
    """The company whose pages these are publishes it."""
    OTHER = "other"
    """The company does not publish it: it came along with the receipt, and another company may have given that."""
    CAME_ALONG = "came along"
    """It came along with the receipt, and the published ones are not known here."""
    NONE = "none"
    """No key was there to check with."""


@dataclass(frozen=True)
class CheckedReceipt:
    """The result of a check that refused nothing."""

    extent: CheckedExtent
    key: KeySource
    code: str
    """The short code of the statement."""
    receipt: Receipt
    verified: VerifiedReceipt | None
    """What the whole folder's check found; None for a part."""
    unpublished: str = ""
    """Why the published keys do not do, where the receipt holds by its own."""

    def same_code(self, text: str) -> bool:
        """Return whether a code that a person typed is this receipt's: spaces, dashes and case do not count."""
        return _letters(text) == _letters(self.code)


def check(files: Mapping[str, bytes], published: bytes | None, at: datetime) -> CheckedReceipt:
    """Check what was uploaded.

    Args:
        files: by name: those of a folder, or an envelope or a statement alone.
        published: the company's published trust policy; None where it is not known.
        at: now.

    Raises:
        EvidenceInvalid: it does not hold; the message names the file.
    """
    if len(files) > 1:
        return _folder(files, published, at)
    if folder.ENVELOPE in files:
        return _envelope(files[folder.ENVELOPE], None if published is None else parse_policy(published))
    if STATEMENT in files:
        receipt = parse_receipt(files[STATEMENT])
        return CheckedReceipt(CheckedExtent.STATEMENT, KeySource.NONE, short_code(files[STATEMENT]), receipt, None)
    raise EvidenceInvalid("one file of a receipt is not enough to check it", help="upload the whole folder, or receipt.dsse.json")


def _folder(files: Mapping[str, bytes], published: bytes | None, at: datetime) -> CheckedReceipt:
    alone = verify(files, at=at, witnessed_later=True)
    key, why, verified = KeySource.CAME_ALONG, "", alone
    if published is not None:
        try:
            key, verified = KeySource.PUBLISHED, verify(files, published, at=at)
        except EvidenceInvalid as error:
            key, why = KeySource.OTHER, error.message
    code = short_code(dsse.parse(files[folder.ENVELOPE]).payload)
    return CheckedReceipt(CheckedExtent.FOLDER, key, code, alone.receipt, verified, why)


def _envelope(data: bytes, published: TrustPolicy | None) -> CheckedReceipt:
    envelope = dsse.parse(data)
    receipt = parse_receipt(envelope.payload)
    key = KeySource.NONE
    for signer in published.signers if published else ():
        if key_id(signer.key) == receipt.signer:
            envelope.verify(signer.key)
            key = KeySource.PUBLISHED
    return CheckedReceipt(CheckedExtent.ENVELOPE, key, short_code(envelope.payload), receipt, None)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())
