"""The Merkle tree of RFC 6962 section 2.1 (same tree as RFC 9162 section 2.1): hashes, proofs and strict verifiers.

Hashes are 32 bytes (SHA-256). Proof makers get their hashes through a ``node`` function, so that a tree may lie in memory or in files.
Verifiers return None and raise :class:`~expunge.errors.EvidenceInvalid` on anything wrong, also on values of a wrong type. They refuse
three inputs that a verifier written straight from RFC 9162 section 2.1.4.2 accepts: a consistency proof from size 0 (it proves nothing,
whatever the roots are), two empty trees with made-up roots, and hashes that are not 32 bytes long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NoReturn, TypeAlias

from expunge.errors import EvidenceInvalid

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree of no leaves."""
MAX_SIZE = 2**63 - 1

Node: TypeAlias = Callable[[int, int], bytes]
"""``node(level, index)``: hash of the complete subtree over leaves ``index << level`` up to ``(index + 1) << level``."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 over 0x00 and the leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 over 0x01 and the two children."""
    return sha256(b"\x01" + left + right).digest()


def tree_root(size: int, node: Node) -> bytes:
    """Root of the tree of the first ``size`` leaves."""
    return EMPTY_ROOT if size == 0 else _range_hash(0, size, node)


def prove_inclusion(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """Audit path of RFC 6962 section 2.1.1, the leaf's sibling first. Raises EvidenceInvalid when ``index`` is not below ``size``."""
    _check_sizes(index, size)
    if index >= size:
        _refuse("the index is not in the tree")
    return tuple(_path(index, 0, size, node))


def prove_consistency(size1: int, size2: int, node: Node) -> tuple[bytes, ...]:
    """Consistency proof of RFC 6962 section 2.1.2. Raises EvidenceInvalid unless 0 < ``size1`` <= ``size2``."""
    _check_sizes(size1, size2)
    if not 0 < size1 <= size2:
        _refuse("a consistency proof needs 0 < first size <= second size")
    return tuple(_subproof(size1, 0, size2, node, whole=True))


def nodes_of(leaf_hashes: Sequence[bytes]) -> Node:
    """A ``node`` function over leaf hashes in memory."""
    levels = [list(leaf_hashes)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def node(level: int, index: int) -> bytes:
        return levels[level][index]

    return node


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Iterable[bytes], root: bytes) -> None:
    """Check that the leaf is at ``index`` of the tree of ``size`` leaves with ``root`` (RFC 9162 section 2.1.3.2).

    Args:
        leaf_hash: :func:`leaf_hash` of the leaf, 32 bytes.
        index: position, from 0; below ``size``.
        size: number of leaves, at least 1.
        proof: audit path, the leaf's sibling first.
        root: root hash, 32 bytes.

    Raises:
        EvidenceInvalid: when anything is wrong.
    """
    _check_sizes(index, size)
    _check_hash(leaf_hash)
    _check_hash(root)
    path = _check_proof(proof)
    if index >= size:
        _refuse("the index is not in the tree")
    current = leaf_hash
    for on_the_left, sibling in _climb(index, size - 1, path):
        current = node_hash(sibling, current) if on_the_left else node_hash(current, sibling)
    if current != root:
        _refuse("the proof does not lead to the root")


def verify_consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Iterable[bytes]) -> None:
    """Check that the tree of ``size1`` leaves is the beginning of the tree of ``size2`` leaves (RFC 9162 section 2.1.4.2).

    Raises:
        EvidenceInvalid: when anything is wrong, and for ``size1`` = 0, of which nothing can be proven.
    """
    _check_sizes(size1, size2)
    _check_hash(root1)
    _check_hash(root2)
    path = _check_proof(proof)
    if size1 == 0:
        _refuse("nothing can be proven from an empty tree")
    if size1 > size2:
        _refuse("the first tree is larger than the second")
    if size1 == size2:
        if path or root1 != root2:
            _refuse("two trees of one size must have one root and need no proof")
        return
    if size1 & (size1 - 1) == 0:
        path = (root1, *path)
    if not path:
        _refuse("the proof is too short")
    first, last = size1 - 1, size2 - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old = new = path[0]
    for on_the_left, sibling in _climb(first, last, path[1:]):
        old = node_hash(sibling, old) if on_the_left else old
        new = node_hash(sibling, new) if on_the_left else node_hash(new, sibling)
    if old != root1 or new != root2:
        _refuse("the proof does not lead to both roots")


def _climb(first: int, last: int, path: Iterable[bytes]) -> Iterator[tuple[bool, bytes]]:
    """For each hash of a proof, whether it stands on the left; raises EvidenceInvalid when there are too many or too few."""
    for sibling in path:
        if last == 0:
            _refuse("the proof is too long")
        on_the_left = bool(first & 1) or first == last
        yield on_the_left, sibling
        while on_the_left and first and not first & 1:
            first, last = first >> 1, last >> 1
        first, last = first >> 1, last >> 1
    if last != 0:
        _refuse("the proof is too short")


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_hash(start: int, end: int, node: Node) -> bytes:
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(size)
    return node_hash(_range_hash(start, middle, node), _range_hash(middle, end, node))


def _path(index: int, start: int, end: int, node: Node) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(index, start, middle, node), _range_hash(middle, end, node)]
    return [*_path(index, middle, end, node), _range_hash(start, middle, node)]


def _subproof(size: int, start: int, end: int, node: Node, *, whole: bool) -> list[bytes]:
    """``size`` counts from 0; ``whole`` says that the old tree is the subtree met first, whose root the verifier has."""
    if size == end:
        return [] if whole else [_range_hash(start, end, node)]
    middle = start + _split(end - start)
    if size <= middle:
        return [*_subproof(size, start, middle, node, whole=whole), _range_hash(middle, end, node)]
    return [*_subproof(size, middle, end, node, whole=False), _range_hash(start, middle, node)]


def _check_sizes(*sizes: int) -> None:
    for size in sizes:
        if type(size) is not int or not 0 <= size <= MAX_SIZE:
            _refuse("an index or size is not a whole number in range")


def _check_hash(value: bytes) -> None:
    if not isinstance(value, bytes) or len(value) != HASH_SIZE:
        _refuse("a hash is not 32 bytes")


def _check_proof(proof: Iterable[bytes]) -> tuple[bytes, ...]:
    if isinstance(proof, str | bytes) or not isinstance(proof, Iterable):
        _refuse("a proof is not a list of hashes")
    path = tuple(proof)
    for each in path:
        _check_hash(each)
    return path


def _refuse(what: str) -> NoReturn:
    message = f"Merkle proof refused: {what}"
    raise EvidenceInvalid(message, help="do not rely on it; fetch the proof again or ask the log's operator")
