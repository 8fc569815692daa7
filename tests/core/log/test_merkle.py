"""RFC 6962 trees against published values, and verifiers that cannot be talked into anything."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core import merkle
from expunge.errors import EvidenceInvalid

_IN_HEX = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
LEAVES = [bytes.fromhex(each) for each in _IN_HEX]
"""The eight leaves of the Certificate Transparency reference tests."""
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
PATHS = {(0, 1): [], (0, 8): [A, B, C], (5, 8): [D, E, ROOTS[4]], (2, 3): [ROOTS[2]], (1, 5): [ROOTS[1], B, D]}
CONSISTENCY = {(1, 1): [], (1, 8): [A, B, C], (6, 8): [F, E, ROOTS[4]], (2, 5): [B, D]}


def tree(leaves: list[bytes]) -> merkle.Node:
    return merkle.nodes_of([merkle.leaf_hash(each) for each in leaves])


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert merkle.tree_root(size, tree(LEAVES)).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_audit_paths_are_the_published_ones(index: int, size: int) -> None:
    proof = merkle.prove_inclusion(index, size, tree(LEAVES))
    assert [each.hex() for each in proof] == PATHS[index, size]
    merkle.verify_inclusion(merkle.leaf_hash(LEAVES[index]), index, size, proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("size1", "size2"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(size1: int, size2: int) -> None:
    proof = merkle.prove_consistency(size1, size2, tree(LEAVES))
    assert [each.hex() for each in proof] == CONSISTENCY[size1, size2]
    merkle.verify_consistency(size1, size2, bytes.fromhex(ROOTS[size1]), bytes.fromhex(ROOTS[size2]), proof)


def reference_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + reference_root(leaves[:k]) + reference_root(leaves[k:])).digest()


@given(st.integers(1, 200), st.data())
def test_every_proof_verifies_and_no_changed_one_does(size: int, data: st.DataObject) -> None:
    leaves = [b"leaf %d" % number for number in range(size)]
    node, root = tree(leaves), reference_root(leaves)
    assert merkle.tree_root(size, node) == root
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.prove_inclusion(index, size, node)
    hashed = merkle.leaf_hash(leaves[index])
    merkle.verify_inclusion(hashed, index, size, proof, root)
    earlier = data.draw(st.integers(1, size))
    old = reference_root(leaves[:earlier])
    consistency = merkle.prove_consistency(earlier, size, node)
    merkle.verify_consistency(earlier, size, old, root, consistency)

    for wrong in (data.draw(changed(proof)), (*proof, root), proof[:-1] if proof else (root,)):
        with pytest.raises(EvidenceInvalid):
            merkle.verify_inclusion(hashed, index, size, wrong, root)
    with pytest.raises(EvidenceInvalid):
        merkle.verify_inclusion(hashed, data.draw(st.integers(0, 300).filter(lambda other: other != index)), size, proof, root)
    for wrong in (data.draw(changed(consistency)), (*consistency, root)):
        with pytest.raises(EvidenceInvalid):
            merkle.verify_consistency(earlier, size, old, root, wrong)
    with pytest.raises(EvidenceInvalid):
        merkle.verify_consistency(earlier, size, root, old, consistency if old != root else (root,))


@st.composite
def changed(draw: st.DrawFn, proof: tuple[bytes, ...]) -> tuple[bytes, ...]:
    if not proof:
        return (bytes(32),)
    at, byte, bit = draw(st.integers(0, len(proof) - 1)), draw(st.integers(0, 31)), draw(st.integers(0, 7))
    broken = bytearray(proof[at])
    broken[byte] ^= 1 << bit
    return (*proof[:at], bytes(broken), *proof[at + 1 :])


ROOT = bytes.fromhex(ROOTS[1])


@pytest.mark.parametrize(
    ("size1", "size2", "root1", "root2", "proof"),
    [
        (0, 1, merkle.EMPTY_ROOT, ROOT, []),
        (0, 0, ROOT, ROOT, []),
        (0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, []),
        (1, 1, b"", b"", []),
        (1, 1, ROOT, ROOT, [ROOT]),
        (2, 1, ROOT, ROOT, []),
        (1, 2, ROOT, ROOT, []),
        (True, 1, ROOT, ROOT, []),
        (1, 2**63, ROOT, ROOT, [ROOT] * 63),
        (-1, 1, ROOT, ROOT, []),
        (1, 2, ROOT, ROOT, "proof"),
        (1, 2, ROOT, ROOT, None),
        (1, 2, ROOT, ROOT, [b""]),
    ],
)
def test_wrong_consistency_proofs_that_textbooks_accept_are_refused(size1, size2, root1, root2, proof) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EvidenceInvalid):
        merkle.verify_consistency(size1, size2, root1, root2, proof)


@pytest.mark.parametrize(
    ("leaf", "index", "size", "proof", "root"),
    [
        (b"", 0, 1, [], b""),
        (ROOT, 0, 0, [], ROOT),
        (ROOT, 1, 1, [], ROOT),
        (ROOT, False, 1, [], ROOT),
        (ROOT, 0, 1.0, [], ROOT),
        (ROOT, 0, 1, [], ROOT[:31]),
        (bytearray(ROOT), 0, 1, [], ROOT),
        (ROOT.hex(), 0, 1, [], ROOT),
        (ROOT, 0, 1, ROOT, ROOT),
        (ROOT, 0, 2, [None], ROOT),
    ],
)
def test_wrong_inclusion_proofs_are_refused_whatever_their_type(leaf, index, size, proof, root) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EvidenceInvalid):
        merkle.verify_inclusion(leaf, index, size, proof, root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 2)])
def test_no_inclusion_is_proven_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(EvidenceInvalid):
        merkle.prove_inclusion(index, size, tree(LEAVES))


@pytest.mark.parametrize(("size1", "size2"), [(0, 3), (4, 3)])
def test_no_consistency_is_proven_backwards_or_from_nothing(size1: int, size2: int) -> None:
    with pytest.raises(EvidenceInvalid):
        merkle.prove_consistency(size1, size2, tree(LEAVES))
