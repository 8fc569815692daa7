"""Authenticators by libraries: codes by the vectors of RFC 6238, and passkeys against whatever a browser may send."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.adapters.credentials.passkeys_fido2 import Fido2Passkeys
from expunge.adapters.credentials.totp_codes import TotpCodes
from expunge.errors import ProofRefused
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator, packed, unpacked

CODES, PASSKEYS = TotpCodes("Owl & Co"), Fido2Passkeys("https://owl.example", "owl.example", "Owl")
SEED = base64.b32encode(b"12345678901234567890").decode()
CHALLENGE = bytes(range(32))
MADE = SoftAuthenticator("https://owl.example", "owl.example")


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    """Appendix B, SHA-1, the last six of eight digits."""
    for beside in (-30, 0, 30):
        assert CODES.step_of(SEED, code, at(seconds + beside)) == seconds // 30
    for far in (90, 900):
        assert CODES.step_of(SEED, code, at(seconds + far)) is None
    assert CODES.step_of(SEED, f"{code[:3]} {code[3:]}", at(seconds)) == seconds // 30


@pytest.mark.parametrize("code", ["", "28708", "2870822", "٢٨٧٠٨٢", "-28708", "28708a", "x" * 10_000])
def test_what_is_no_code_is_none(code: str) -> None:
    assert CODES.step_of(SEED, code, at(59)) is None


def test_seeds_differ_and_the_address_is_one_that_apps_read() -> None:
    seeds = {CODES.new_seed() for _ in range(50)}
    assert len(seeds) == 50
    assert {len(base64.b32decode(seed)) for seed in seeds} == {20}
    address = CODES.address(SEED, "anna+owl@home.example")
    assert address.startswith("otpauth://totp/")
    assert f"secret={SEED}" in address
    assert "Owl%20%26%20Co" in address


def test_options_are_what_a_browser_parses() -> None:
    made = PASSKEYS.creation_options(UUID(int=5), "anna@home.example", CHALLENGE, [b"known"])
    assert made["challenge"] == packed(CHALLENGE)
    assert made["attestation"] == "none"
    assert made["authenticatorSelection"] == {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"}
    assert made["excludeCredentials"] == [{"type": "public-key", "id": packed(b"known")}]
    assert made["user"]["id"] == packed(UUID(int=5).bytes)
    assert [each["alg"] for each in made["pubKeyCredParams"]] == [-7, -8, -257]
    asked = PASSKEYS.request_options(CHALLENGE, [b"known"])
    assert (asked["rpId"], asked["userVerification"], asked["challenge"]) == ("owl.example", "required", packed(CHALLENGE))
    assert json.loads(json.dumps([made, asked])) == [made, asked]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=8), more, max_size=3),
)


def _mutations(good: bytes) -> st.SearchStrategy[object]:
    """A good answer with one part of it replaced: by other JSON, or by other bytes."""
    told = json.loads(good)
    names = [(name,) for name in told] + [("response", name) for name in told["response"]]

    def changed(path: tuple[str, ...], value: object) -> object:
        fresh = json.loads(good)
        target = fresh
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = value
        return fresh

    def cut(path: tuple[str, ...], place: int, bit: int) -> object:
        value = told["response"][path[-1]] if len(path) == 2 else told[path[0]]
        if not isinstance(value, str):
            return changed(path, None)
        data = bytearray(unpacked(value)) if value != "public-key" else bytearray(b"x")
        data[place % len(data)] ^= 1 << bit
        return changed(path, packed(bytes(data)))

    paths = st.sampled_from(names)
    return st.one_of(st.builds(changed, paths, JSON), st.builds(cut, paths, st.integers(0, 2000), st.integers(0, 7)), JSON)


CREATED = MADE.create({"challenge": packed(CHALLENGE)})
NEW = PASSKEYS.verify_creation(CHALLENGE, json.loads(CREATED))
SIGNED = MADE.sign({"challenge": packed(CHALLENGE), "allowCredentials": [{"id": packed(NEW.credential)}]})
KEYS = {NEW.credential: NEW.key}


@given(_mutations(CREATED))
def test_a_browser_that_sends_anything_enrols_a_key_or_is_refused(response: object) -> None:
    """Nothing but ProofRefused comes out, and what is enrolled can be used."""
    with contextlib.suppress(ProofRefused):
        made = PASSKEYS.verify_creation(CHALLENGE, response)
        assert 0 < len(made.credential) <= 1023
        with pytest.raises(ProofRefused):
            PASSKEYS.verify_assertion(CHALLENGE, {made.credential: made.key}, json.loads(CREATED))


@given(_mutations(SIGNED))
def test_a_browser_that_sends_anything_confirms_only_with_the_signature_itself(response: object) -> None:
    with contextlib.suppress(ProofRefused):
        assertion = PASSKEYS.verify_assertion(CHALLENGE, KEYS, response)
        assert (assertion.credential, assertion.sign_count) == (NEW.credential, 2)
        assert isinstance(response, dict)
        good = json.loads(SIGNED)
        for name in ("clientDataJSON", "authenticatorData", "signature"):
            assert unpacked(response["response"][name]) == unpacked(good["response"][name])


def test_a_key_of_another_algorithm_is_not_enrolled() -> None:
    told = json.loads(CREATED)
    data = unpacked(told["response"]["attestationObject"])
    assert data.count(b"\x01\x02\x03\x26") == 1
    for algorithm in (b"\x38\x22", b"\x38\x2e"):
        told["response"]["attestationObject"] = packed(data.replace(b"\x03\x26", b"\x03" + algorithm))
        with pytest.raises(ProofRefused):
            PASSKEYS.verify_creation(CHALLENGE, told)


def test_the_library_writes_no_credential_into_a_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        PASSKEYS.verify_creation(CHALLENGE, json.loads(CREATED))
        PASSKEYS.verify_assertion(CHALLENGE, KEYS, json.loads(SIGNED))
    assert caplog.text == ""
