"""Many receipts in one file, and many statements built as one: the same bytes as one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.evidence import receipt
from expunge.core.verification.receipt_pack import PackedReceipt, pack, unpack
from expunge.errors import EvidenceInvalid
from tests.evidence_kit import fulfilled, in_part

PEOPLE = st.lists(st.tuples(st.binary(min_size=32, max_size=32).map(bytes.hex), st.binary(min_size=32, max_size=32)), max_size=4)


@given(PEOPLE, st.sampled_from([fulfilled(), in_part()]), st.text(min_size=1))
def test_statements_built_together_are_those_built_one_by_one(people: list[tuple[str, bytes]], said: receipt.Receipt, scope: str) -> None:
    """Whatever is said of all of them, also what looks like the fields that differ."""
    trap = f'"nonce":"x" "sha256":"{said.commitment}" {scope.encode(errors="replace").decode()}'
    like = replace(said, out_of_scope=(trap, *said.out_of_scope))
    each = [receipt.build(replace(like, commitment=commitment, nonce=nonce)) for commitment, nonce in people]
    assert list(receipt.build_for_all(like, people)) == each


@pytest.mark.parametrize(("commitment", "nonce"), [("ab" * 31, bytes(32)), ("AB" * 32, bytes(32)), ("ab" * 32, bytes(31))])
def test_a_malformed_commitment_or_nonce_is_refused(commitment: str, nonce: bytes) -> None:
    with pytest.raises(ValueError, match=r"malformed|32 bytes"):
        list(receipt.build_for_all(fulfilled(), [(commitment, nonce)]))


@given(st.binary(), st.dictionaries(st.integers(1, 9), st.tuples(st.binary(), st.binary())))
def test_what_was_packed_comes_back(policy: bytes, receipts: dict[int, tuple[bytes, bytes]]) -> None:
    data = pack(policy, receipts)
    for number in range(1, 11):
        there = receipts.get(number)
        assert unpack(data, number) == (None if there is None else PackedReceipt(*there, policy))


WHOLE = pack(b"policy", {1: (b"envelope", b"proof"), 2: (b"e", b"p")})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        WHOLE[:-1],
        WHOLE + b"x",
        WHOLE.replace(b"[1,", b"[-,"),
        WHOLE.replace(b'"policy"', b'"Policy"'),
        WHOLE.replace(b"[1,8,", b'["",8,'),
    ],
)
def test_a_damaged_pack_is_refused(data: bytes) -> None:
    with pytest.raises(EvidenceInvalid):
        unpack(data, 1)
