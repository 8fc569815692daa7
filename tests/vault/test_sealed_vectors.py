"""What is published of the sealed format: two implementations, one from the specification alone, agree on every vector."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from typing import Any

import pytest

from expunge.errors import SealInvalid, UsageError
from expunge.vault.chunked import UnsealingReader, open_sealed, seal
from tests import sealed_vectors
from tests.vault import sealing_by_hand as by_hand

PUBLISHED = json.loads((sealed_vectors.HERE / "vectors.json").read_bytes())
KEY, CONTEXT = bytes.fromhex(PUBLISHED["key"]), bytes.fromhex(PUBLISHED["context"])
WHOLE = (sealed_vectors.HERE / PUBLISHED["refused"]["of"]).read_bytes()


def test_released_vectors_stay_as_they_are() -> None:
    assert {path.name: path.read_bytes() for path in sealed_vectors.HERE.iterdir()} == sealed_vectors.vectors()


@pytest.mark.parametrize("row", PUBLISHED["opened"], ids=lambda row: str(row["name"]))
def test_a_vector_opens_and_is_made_alike(row: dict[str, Any]) -> None:
    content = sealed_vectors.content(row["size"])
    sealed = by_hand.seal(KEY, content, CONTEXT, bytes.fromhex(row["salt"]))
    assert sha256(sealed).hexdigest() == row["sealed_sha256"]
    assert sealed == bytes.fromhex(row.get("sealed", sealed.hex()))
    assert open_sealed(KEY, sealed, CONTEXT) == content
    assert UnsealingReader(io.BytesIO(sealed), KEY, CONTEXT).read() == content
    ours = seal(KEY, content, CONTEXT)
    assert ours == by_hand.seal(KEY, content, CONTEXT, ours[:24])


@pytest.mark.parametrize("case", PUBLISHED["refused"]["cases"], ids=lambda case: str(case["why"]))
def test_a_changed_vector_is_refused(case: dict[str, Any]) -> None:
    bad = sealed_vectors.changed(case, WHOLE)
    key, context = bytes.fromhex(case.get("key", KEY.hex())), bytes.fromhex(case.get("context", CONTEXT.hex()))
    assert (bad, key, context) != (WHOLE, KEY, CONTEXT)
    with pytest.raises(by_hand.Refused):
        by_hand.unseal(key, bad, context)
    with pytest.raises((SealInvalid, UsageError)):
        open_sealed(key, bad, context)
    with pytest.raises((SealInvalid, UsageError)):
        UnsealingReader(io.BytesIO(bad), key, context).read()
