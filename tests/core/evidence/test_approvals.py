"""Any person can check offline who approved a plan: by an Ed25519 key, or by a passkey whose answer says exactly this."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.core.approver_keys import (
    PasskeyAssertion,
    parse_approver_key,
    parse_assertion,
    passkey_challenge,
    share_a_key,
    verify_approval,
)
from expunge.core.evidence import receipt
from expunge.core.evidence.plan_approvals import PlanApproval, approval_message
from expunge.core.log import trust
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.pages import languages
from expunge.core.values import b64
from expunge.core.values.ids import OrderId, PlanDigest
from expunge.core.verification.receipt_verify import verify
from expunge.errors import EvidenceInvalid
from tests.approval_kit import DANA, EVE, LOSS, OFFICER, OFFICER_KEY, PAGES, PRESENT, VERIFIED, SeededPasskey, approvals
from tests.evidence_kit import SeededKeys, at_page, entry, fulfilled, in_ranges, issue
from tests.evidence_vectors import HERE, approved

SAID = approval_message(OrderId("ord-a"), PlanDigest("aa" * 32), "")
OTHER = approval_message(OrderId("ord-a"), PlanDigest("bb" * 32), "")


@pytest.mark.parametrize("passkey", [DANA, EVE], ids=["ES256", "EdDSA"])
def test_an_answer_holds_for_its_message_and_its_name(passkey: SeededPasskey) -> None:
    verify_approval(parse_approver_key(str(passkey.key)), "dana", passkey.answer("dana", SAID), SAID)


def _challenge_of(name: str, said: bytes) -> str:
    return json.loads(parse_assertion(DANA.answer(name, said)).client_data)["challenge"]


ATTACKS: dict[str, tuple[Callable[[], str], str]] = {
    "another plan": (lambda: DANA.answer("dana", OTHER), "another challenge"),
    "another name": (lambda: DANA.answer("officer", SAID), "another challenge"),
    "the bare digest": (lambda: DANA.answer("dana", SAID, challenge=b64.encode(sha256(SAID).digest()).rstrip("=")), "another challenge"),
    "a padded challenge": (lambda: DANA.answer("dana", SAID, challenge=_challenge_of("dana", SAID) + "="), "another challenge"),
    "other pages": (lambda: DANA.answer("dana", SAID, origin="https://privacy.nightowl.example.evil.example"), "on other pages"),
    "pages without TLS": (lambda: DANA.answer("dana", SAID, origin=PAGES.replace("https", "http")), "on other pages"),
    "another port": (lambda: DANA.answer("dana", SAID, origin=f"{PAGES}:8443"), "on other pages"),
    "another relying party": (lambda: DANA.answer("dana", SAID, relying_party="nightowl.example"), "another relying party"),
    "nobody verified": (lambda: DANA.answer("dana", SAID, flags=PRESENT), "without asking"),
    "nobody present": (lambda: DANA.answer("dana", SAID, flags=VERIFIED), "without asking"),
    "an enrolment": (lambda: DANA.answer("dana", SAID, type="webauthn.create"), "something else"),
    "a payment": (lambda: DANA.answer("dana", SAID, type="payment.get"), "something else"),
    "a frame": (lambda: DANA.answer("dana", SAID, crossOrigin=True), "in a frame"),
    "a frame by its top": (lambda: DANA.answer("dana", SAID, topOrigin="https://evil.example"), "in a frame"),
    "a frame by a number": (lambda: DANA.answer("dana", SAID, crossOrigin=0), "in a frame"),
    "attested data": (lambda: DANA.answer("dana", SAID, flags=PRESENT | VERIFIED | 0x40, behind=b"x"), "contradicts"),
    "bytes behind": (lambda: DANA.answer("dana", SAID, behind=b"x"), "contradicts"),
    "extensions that are not there": (lambda: DANA.answer("dana", SAID, flags=PRESENT | VERIFIED | 0x80), "contradicts"),
    "said twice": (
        lambda: DANA.answer("dana", SAID, client=b'{"type":"webauthn.get","type":"webauthn.get","challenge":"","origin":""}'),
        "cannot be read",
    ),
    "no object": (lambda: DANA.answer("dana", SAID, client=b"[]"), "cannot be read"),
    "no JSON": (lambda: DANA.answer("dana", SAID, client=b"\xff"), "cannot be read"),
    "deep JSON": (lambda: DANA.answer("dana", SAID, client=b"[" * 4000), "cannot be read"),
    "client data that is huge": (lambda: DANA.answer("dana", SAID, client=b" " * 4097), "longer or shorter"),
    "another passkey": (lambda: EVE.answer("dana", SAID), "does not verify"),
    "an Ed25519 signature": (lambda: b64.encode(OFFICER.sign(SAID)), "no passkey's answer"),
    "nothing": (lambda: "passkey:::", "longer or shorter"),
    "three parts": (lambda: DANA.answer("dana", SAID).rpartition(":")[0], "no passkey's answer"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_on_an_answer_is_refused_by_its_name(attack: str) -> None:
    made, why = ATTACKS[attack]
    with pytest.raises(EvidenceInvalid, match=why):
        verify_approval(DANA.key, "dana", made(), SAID)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([DANA, EVE]), st.integers(0, 2), st.data())
def test_no_bit_of_an_answer_can_be_changed(passkey: SeededPasskey, part: int, data: st.DataObject) -> None:
    made = parse_assertion(passkey.answer("dana", SAID))
    parts = [bytearray(each) for each in (made.authenticator_data, made.client_data, made.signature)]
    parts[part][data.draw(st.integers(0, len(parts[part]) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(EvidenceInvalid):
        verify_approval(passkey.key, "dana", str(PasskeyAssertion(*map(bytes, parts))), SAID)


COMPRESSED = load_der_public_key(DANA.key.spki).public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
BAD_KEYS = {
    "a path": f"passkey {PAGES}/staff {b64.encode(DANA.key.spki)}",
    "no TLS": f"passkey http://nightowl.example {b64.encode(DANA.key.spki)}",
    "capitals": f"passkey https://NightOwl.example {b64.encode(DANA.key.spki)}",
    "another form of the key": f"passkey {PAGES} {b64.encode(DANA.key.spki[26:])}",
    "a compressed point": f"passkey {PAGES} {b64.encode(COMPRESSED)}",
    "a point of small order": f"passkey {PAGES} {b64.encode(EVE.key.spki[:12] + bytes(32))}",
    "two spaces": f"passkey  {PAGES} {b64.encode(DANA.key.spki)}",
    "a log's P-256 key": str(SeededKeys().log_keys()[1]),
    "nothing": "",
}


@pytest.mark.parametrize("bad", BAD_KEYS)
def test_what_is_no_key_of_an_approver_is_refused(bad: str) -> None:
    with pytest.raises(EvidenceInvalid):
        parse_approver_key(BAD_KEYS[bad])


def test_one_key_is_one_person_whatever_name_or_origin_its_text_has() -> None:
    again = str(VerifierKey("officer-at-home", Algorithm.ED25519, OFFICER.public_key().public_bytes_raw()))
    assert share_a_key([OFFICER_KEY, str(DANA.key)], [again])
    assert share_a_key([str(DANA.key)], [str(replace(DANA, origin="https://other.example").key), OFFICER_KEY])
    eve = str(VerifierKey("eve", Algorithm.ED25519, EVE.key.spki[12:]))
    assert share_a_key([str(EVE.key)], [eve]), "an Ed25519 passkey is that key under another form"
    assert not share_a_key([OFFICER_KEY, str(DANA.key)], [str(EVE.key)])


# --- the receipt ---------------------------------------------------------------------------------


MADE = at_page(fulfilled(datasets=(entry(scan=in_ranges()),)), 8)


def said(*given: PlanApproval) -> receipt.Receipt:
    return replace(MADE, approvals=given)


def check(made: receipt.Receipt, *pinned: trust.NamedApprover) -> tuple[str, ...]:
    policy = replace(SeededKeys().policy(), approvers=pinned)
    return verify(issue(made), policy.encode()).steps


def test_a_stranger_reads_who_approved_and_by_what() -> None:
    files = {path.name: path.read_bytes() for path in (HERE / "receipt-approved").iterdir()}
    steps = " ".join(verify(files).steps)
    for way in ("Ed25519 key of officer", "passkey of dana", "passkey of eve"):
        assert f"Its plan was approved by the {way} on 2026-11-25T09:3" in steps
        assert f"Approved by {way}," in files["receipt.html"].decode()
    assert "came along with the receipt" in steps
    spanish = languages.page(receipt.build(approved()), "es").decode()
    assert "Aprobado con la llave de acceso de dana" in spanish
    assert "Who approved it" in languages.plain_part(receipt.build(approved()), "en")


@pytest.mark.parametrize("number", range(3))
def test_a_receipt_whose_approval_is_of_another_plan_is_refused_though_the_right_keys_signed_it(number: int) -> None:
    elsewhere = approvals(replace(MADE, plan_digest=PlanDigest("ee" * 32)))[number]
    with pytest.raises(EvidenceInvalid, match=r"challenge|does not verify"):
        check(said(elsewhere))
    (held, *_) = approvals(MADE)
    with pytest.raises(EvidenceInvalid, match="does not verify"):
        check(said(replace(held, loss="")))


def test_an_approval_by_a_key_that_the_reader_did_not_pin_is_refused() -> None:
    officer, dana, _ = approvals(MADE)
    pins = [trust.NamedApprover(each.approver, each.key) for each in (officer, dana)]
    assert "is named by the trust policy that you gave" in " ".join(check(said(officer, dana), *pins))
    for wrong in (pins[:1], [replace(pins[1], name="someone")], [replace(pins[1], key=str(replace(DANA, seed="mallory").key))]):
        with pytest.raises(EvidenceInvalid, match="a key that the trust policy does not name"):
            check(said(dana), *wrong)


def test_one_person_approves_once() -> None:
    officer, dana, _ = approvals(MADE)
    message = approval_message(MADE.order, MADE.plan_digest, LOSS)
    own_second_key = replace(dana, approver="officer", signature=DANA.answer("officer", message))
    for twice in ((officer, own_second_key), (dana, replace(dana, approver="deputy")), (dana, dana)):
        with pytest.raises(ValueError, match="one person approved twice"):
            said(*twice)


def test_earlier_pages_have_no_approvals() -> None:
    with pytest.raises(ValueError, match="page 8"):
        replace(at_page(MADE, 7), approvals=approvals(MADE))


def test_a_policy_with_approvers_is_written_and_read_back() -> None:
    policy = replace(
        SeededKeys().policy(), approvers=(trust.NamedApprover("dana", str(DANA.key)), trust.NamedApprover("officer", OFFICER_KEY))
    )
    assert trust.parse_canonical(policy.encode()) == policy
    for line in (f"approver dana {DANA.key}", "approver dana", "approver dana passkey https://a.example AAAA"):
        with pytest.raises(EvidenceInvalid):
            trust.parse(policy.encode() + f"{line}\n".encode())


def test_openssl_alone_checks_the_signature_of_a_passkey(tmp_path: Path) -> None:
    dana = approvals(MADE)[1]
    made, key = parse_assertion(dana.signature), b64.decode(dana.key.split(" ")[2])
    (tmp_path / "key.der").write_bytes(key)
    (tmp_path / "signed").write_bytes(made.authenticator_data + sha256(made.client_data).digest())
    (tmp_path / "signature").write_bytes(made.signature)
    told = "openssl dgst -sha256 -verify key.der -keyform DER -signature signature signed"
    ran = subprocess.run(told.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "Verified OK", ran.stderr
    message = approval_message(MADE.order, MADE.plan_digest, dana.loss)
    assert passkey_challenge("dana", message) == sha256(b"expunge/passkey-approval/1\0\0\4dana" + message).digest()
