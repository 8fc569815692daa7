"""The toy store keeps every promise of a real one: the shipped suite, run where the package is installed."""

from __future__ import annotations

import json

from toystore import ToyStore, locked

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout
from expunge.testing import StoreSuite


class TestToyStore(StoreSuite):
    store = ToyStore

    def declare(self, folder):
        return StoreSpec("toy", "toy", str(folder / "toy")), [
            Dataset("people", "toy", ByField({"person": "id"}), "life", layout=TableLayout("people.json"))
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
