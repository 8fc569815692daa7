"""Listings that break off in the middle of one key's versions."""

from __future__ import annotations

import pytest

from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Erased
from expunge.stores.s3.store import S3
from tests.stores.s3.test_s3_versions import KEY, VOICE, Estate, kept

__all__ = ["kept"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_versions_of_one_key_that_lie_on_two_pages_are_all_found_and_all_go(kept: Estate, size: int) -> None:
    for number in range(5):
        kept.put("voice/anna/1.flac", b"%d" % number)
        kept.put("voice/bert/1.flac", b"%d" % number)
    with kept.store() as store:
        assert isinstance(store, S3)
        events = store._bucket.client.meta.events
        events.register("provide-client-params.s3.ListObjectVersions", lambda params, **_: {**params, "MaxKeys": size})
        found = list(store.locate(VOICE, [Selector(Pseudonym("anna"), {"profile_id": frozenset({"anna"})})]))
        assert [(each.items, each.bytes) for each in found] == [(1, 5)]
        assert store.erase(VOICE, found, KEY) == {"anna": Erased(1, 5)}
        held = next(iter(store._bucket.pages("voice/bert/", versioned=True)))
    assert [(key, len(entries)) for key, entries in held.items()] in ([], [("voice/bert/1.flac", 5)])
    assert [key for key, _, _ in kept.versions()] == ["voice/bert/1.flac"] * 5
