"""Signed notes: the published example, the rules of C2SP, and verifier keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core import merkle
from expunge.core.log import checkpoint
from expunge.core.note import Algorithm, NoteSignature, VerifierKey, open_note, open_strict, parse_key, parse_note
from expunge.errors import EvidenceInvalid
from tests.evidence_kit import ORIGIN, SeededKeys

KEYS = SeededKeys()
ED25519, P256 = KEYS.log_keys()
HEAD = checkpoint.Checkpoint(ORIGIN, 1, merkle.leaf_hash(b"leaf"))
NOTE = KEYS.signed(HEAD)

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of golang.org/x/mod/sumdb/note."""


def test_a_note_signed_by_other_software_opens() -> None:
    text, signatures = open_note(PETERS_NOTE.encode(), [PETER])
    assert text.startswith("If you think")
    assert text.endswith("problem is.\n")
    assert [each.name for each in signatures] == ["PeterNeumann"]


def test_both_lines_of_a_checkpoint_verify_and_its_text_comes_back() -> None:
    text, signatures = open_note(NOTE, [str(ED25519), str(P256)])
    assert checkpoint.parse(text) == HEAD
    assert len(signatures) == 2
    assert open_strict(NOTE, (ED25519, P256)) == (text, (ED25519, P256))


def test_unknown_keys_are_ignored_by_the_ordinary_opening_and_repeated_lines_count_once() -> None:
    note = parse_note(NOTE)
    more = note._replace(signatures=(*note.signatures, note.signatures[0], NoteSignature("x.example", b"abcd", b"x"))).encode()
    assert len(open_note(more, [ED25519, P256]).signatures) == 2
    assert len(open_note(more, str(P256)).signatures) == 1


def test_a_note_that_no_trusted_key_signed_is_refused() -> None:
    for keys in ([], [PETER], [str(SeededKeys("other").log_keys()[0])]):
        with pytest.raises(EvidenceInvalid):
            open_note(NOTE, keys)


def test_a_known_key_whose_signature_fails_spoils_the_note_even_beside_a_good_one() -> None:
    note = parse_note(NOTE)
    first, second = note.signatures
    bad = note._replace(signatures=(first, second._replace(signature=second.signature[:-1] + b"\0"))).encode()
    with pytest.raises(EvidenceInvalid):
        open_note(bad, [ED25519, P256])


def test_an_ecdsa_signature_in_loose_der_is_refused() -> None:
    note = parse_note(NOTE)
    line = note.signatures[1]
    assert line.signature[0] == 0x30
    long_form = b"\x30\x81" + line.signature[1:]
    integer = line.signature[3]
    padded = bytes([0x30, line.signature[1] + 1, 2, integer + 1, 0]) + line.signature[4:]
    for loose in (long_form, padded, line.signature + b"\0"):
        with pytest.raises(EvidenceInvalid):
            open_note(note._replace(signatures=(line._replace(signature=loose),)).encode(), [P256])


@given(st.integers(0, len(NOTE) - 1), st.integers(0, 255))
def test_one_changed_byte_never_opens_with_both_keys_to_another_text_or_signature(where: int, byte: int) -> None:
    changed = NOTE[:where] + bytes([byte]) + NOTE[where + 1 :]
    if changed == NOTE:
        return
    with pytest.raises(EvidenceInvalid):
        open_strict(changed, (ED25519, P256))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.replace("— ".encode(), b"- "),
        NOTE + "— name \n".encode(),
        NOTE + "— name AAAA\n".encode(),
        NOTE + "— na+me AAAAAAAA\n".encode(),
        NOTE + "—  AAAAAAAA\n".encode(),
        NOTE + "— n AAAAAAA=\n".encode().replace(b"A=", b"B="),
        NOTE + "— a\u2003b AAAAAAAA\n".encode(),
        NOTE.replace(b"1\n", b"1\n\xff\n", 1),
        NOTE.replace(b"1\n", b"1\t\n", 1),
        b"a\n" * 600_000 + NOTE,
        NOTE + "— n AAAAAAAA\n".encode() * 99,
    ],
)
def test_malformed_notes_are_refused(data: bytes) -> None:
    with pytest.raises(EvidenceInvalid):
        open_note(data, [ED25519, P256])


def test_verifier_keys_have_one_spelling() -> None:
    for key in (ED25519, P256, VerifierKey("w.example", Algorithm.COSIGNATURE, KEYS.log_public())):
        assert parse_key(str(key)) == key
    text = str(ED25519)
    name, key_id, material = text.split("+", 2)
    for wrong in (
        "",
        name,
        f"{name}+{key_id}",
        f"{name}+{key_id.upper()}+{material}",
        f"{name}+00000000+{material}",
        f"other+{key_id}+{material}",
        f"{name}+{key_id}+{material} ",
        f"{name}+{key_id}+{material[:-4]}",
        f"{name}+{key_id}+AA==",
        f"+{key_id}+{material}",
        str(P256)[:-8],
    ):
        with pytest.raises(EvidenceInvalid):
            parse_key(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "o\n1\nAAAA\n",
        f"o\n01\n{'A' * 43}=\n",
        f"o\n-1\n{'A' * 43}=\n",
        f"o\n+1\n{'A' * 43}=\n",
        f"o\n\u0661\n{'A' * 43}=\n",
        f"o\n0\n{'A' * 43}=\n",
        f"o\n1\n{'A' * 43}=\nextension\n",
        f"\n1\n{'A' * 43}=\n",
        f"o\n1\n{'A' * 42}B=\n",
        f"o\n9223372036854775808\n{'A' * 43}=\n",
        f"o\n{'9' * 5000}\n{'A' * 43}=\n",
    ],
)
def test_loose_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(EvidenceInvalid):
        checkpoint.parse(text)
