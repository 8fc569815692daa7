"""The toy store keeps every promise of a real one: the worked example of CONTRIBUTING."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from toy_store import ToyStore, locked

from expunge.core.datamap import ByField, Dataset, StoreSpec
from expunge.errors import Misconfigured
from expunge.stores import REGISTRY, open_store
from expunge.testing import StoreSuite


class TestToyStore(StoreSuite):
    store = ToyStore

    def declare(self, folder):
        return StoreSpec("toy", "toy", str(folder / "toy")), [
            Dataset("people", "toy", ByField({"person": "id"}), "life", table="people.json")
        ]

    def write(self, folder, people):
        path = folder / "toy" / "people.json"
        path.parent.mkdir(exist_ok=True)
        with locked(path.parent):
            held = json.loads(path.read_text()) if path.exists() else {}
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps({**held, **{each.id: each.row() for each in people}}))
            fresh.replace(path)

    def read(self, folder):
        return {one: json.dumps(row).encode() for one, row in json.loads((folder / "toy" / "people.json").read_text()).items()}

    def plant(self, folder, person):
        (folder / "toy" / "people.json.bak").write_text(json.dumps(person.row()))

    def spoil(self, folder, person):
        (folder / "toy" / "people.json").write_text("{")
        return True


def test_one_line_registers_it(tmp_path, monkeypatch):
    monkeypatch.setitem(REGISTRY, "toy", ToyStore)
    with closing(open_store(StoreSpec("mine", "toy", str(tmp_path)), ())) as store:
        assert isinstance(store, ToyStore)


def test_an_unknown_kind_is_a_fault_of_the_map_that_lists_the_known_ones():
    with pytest.raises(Misconfigured, match="no kind 'tape'") as caught:
        open_store(StoreSpec("mine", "tape", "/dev/tape"), ())
    assert "files" in caught.value.help
