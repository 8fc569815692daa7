"""A consent receipt has one spelling; whatever else is in it, or is not, it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge.core.consent.consent_events import NO_ACT, ConsentAct
from expunge.core.consent.consent_receipt import ConsentReceipt, verify
from expunge.core.datamap.purposes import Terms, Use
from expunge.core.log import dsse
from expunge.core.values import canonical
from expunge.core.values.signature import key_id
from expunge.errors import EvidenceInvalid, ExpungeError

PAGE = Path(__file__).parents[3] / "docs" / "spec" / "consent-receipt.md"
TERMS = Terms("make the recogniser understand children better", Use.TRAINING, ("recordings", "wake_words"), ())
RECEIPT = ConsentReceipt(
    "cns-00112233445566aa", "5f" * 32, datetime(2026, 11, 25, 12, tzinfo=UTC), "training", TERMS, "training", "1",
    sha256(b"May we?\n").hexdigest(), "app 4.2, voice settings", ConsentAct.PRESSED, True, "email plus",
)  # fmt: skip
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()


def signed(statement: bytes) -> bytes:
    return dsse.Envelope(statement, KEY.sign(dsse.pae(statement)), key_id(PUBLIC)).encode()


def test_what_was_written_is_read_back() -> None:
    assert verify(signed(RECEIPT.encode()), [bytes(32), PUBLIC]) == RECEIPT


def test_the_example_of_the_specification_is_what_is_written() -> None:
    assert RECEIPT.encode().decode() in PAGE.read_text(encoding="utf-8").splitlines()


def predicate(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda statement: change(statement["predicate"])


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another predicate type": lambda each: each.update(predicateType="https://expunge.example/receipt/v1"),
    "two subjects": lambda each: each["subject"].append(each["subject"][0]),
    "a field more": predicate(lambda each: each.update(email="x")),
    "no surface": predicate(lambda each: each.pop("surface")),
    "by nobody": predicate(lambda each: each.update(by="somebody")),
    "a time without a zone": predicate(lambda each: each.update(at="2026-11-25T12:00:00")),
    "a use that there is not": predicate(lambda each: each["terms"].update(use="selling")),
    "terms without datasets": predicate(lambda each: each["terms"].pop("datasets")),
    **{f"by {word}": predicate(lambda each, word=word: each.update(act=word)) for word in NO_ACT},  # type: ignore[misc]
}


@pytest.mark.duty("RNG-12", "FAIL-09")
@pytest.mark.parametrize("change", CHANGES)
def test_a_statement_of_another_form_is_refused_though_it_is_signed(change: str) -> None:
    statement = json.loads(RECEIPT.encode())
    CHANGES[change](statement)
    with pytest.raises(ExpungeError) as caught:
        verify(signed(canonical.encode(statement)), [PUBLIC])
    assert caught.value.exit_code == 6


def test_every_changed_byte_is_refused() -> None:
    whole = signed(RECEIPT.encode())
    for at in range(0, len(whole), 7):
        with pytest.raises(EvidenceInvalid):
            verify(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], [PUBLIC])
