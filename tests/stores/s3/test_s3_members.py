"""Objects of several people: an entry of a JSON list leaves, and the object stays, in every version of it that others need."""

from __future__ import annotations

import gzip
import json
from contextlib import closing

import pytest

from expunge.core.values.copy import Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Erased
from expunge.stores.s3.store import S3
from tests.stores.s3.s3_company import Shelf, bucket, dataset

CREW = dataset("crew", "crew/{team}.json.gz", format="json", records="members")
GROUPS = dataset("groups", "groups/{group}.json", format="json", members=True)
KEY = IdempotencyKey("order-1")


@pytest.fixture(params=["Enabled", ""])
def shelf(seaweed, tmp_path, request):
    """A prefix in a bucket, with versions and without."""
    seaweed.start()
    name = bucket(seaweed, "members-enabled", "Enabled") if request.param else bucket(seaweed, "members-never")
    return Shelf.of(seaweed, name, tmp_path)


def erase(shelf, kind):
    with closing(S3(shelf.spec(), (CREW, GROUPS))) as store:
        found = list(store.locate(kind, [Selector(Pseudonym("anna"), {"profile_id": frozenset({"anna"})})]))
        assert store.preflight(kind, found) == ()
        (outcome,) = store.erase(kind, found, KEY).values()
        assert [each.items for each in store.probe(kind, found)] == [0]
    assert isinstance(outcome, Erased)


def test_an_entry_of_a_packed_list_leaves(shelf):
    document = '{"v": 1.0, "members": [%s ,%s], "name": "north"}'
    entries = [json.dumps({"profile_id": name, "said": f"{name} said"}) for name in ("anna", "bert")]
    shelf.put("crew/1.json.gz", gzip.compress((document % tuple(entries)).encode()))
    erase(shelf, CREW)
    assert gzip.decompress(shelf.get("crew/1.json.gz")).decode() == document.replace("%s ,%s", entries[1])


def test_a_member_leaves_a_group_and_the_last_one_takes_the_object(shelf):
    shelf.put("groups/1.json", b'{"profile_id": ["anna", "bert"], "title": "readers"}')
    shelf.put("groups/2.json", b'{"profile_id": ["anna"], "title": "hers"}')
    erase(shelf, GROUPS)
    assert shelf.get("groups/1.json") == b'{"profile_id": ["bert"], "title": "readers"}'
    assert not any(key.endswith("groups/2.json") for key, _ in shelf.all())
