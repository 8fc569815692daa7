"""The simulated store keeps the promises of a real one: what is shown over it is shown of the engine."""

from __future__ import annotations

import json

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout
from expunge.testing import StoreSuite
from tests.estate.simulated import TABLES, Simulated, insert, load


class TestSimulated(StoreSuite):
    store = Simulated
    crowd = 200

    def declare(self, folder):
        return StoreSpec("simulated", "simulated", str(folder / "store")), [
            Dataset("people", "simulated", ByField({"person": "id"}), "life", layout=TableLayout("people"))
        ]

    def write(self, folder, people):
        insert(folder / "store", "people", *(each.row() for each in people))

    def read(self, folder):
        return {row["id"]: json.dumps(row).encode() for row in load(folder / "store")[TABLES]["people"].values()}

    def plant(self, folder, person):
        insert(folder / "store", "people_backup", person.row())

    def spoil(self, folder, person):
        (folder / "store" / "store.json").write_text("{")
        return True
