"""The kind ``vault`` keeps every promise of the port: the shipped suite."""

from __future__ import annotations

import io
from contextlib import closing, suppress
from dataclasses import replace

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.core.values.copy import Selector
from expunge.core.values.outcome import Erased
from expunge.testing import ItemListingSuite, StoreSuite
from expunge.testing.harness import KEY, erase_all, locate_all
from expunge.testing.people import holds, people
from expunge.testing.plain_search import contents, search
from expunge.vault.ingesting import NewRecording, ingest
from tests.stores.vault.sealed import OwnLibrary, now, opened

PROFILE = ByField({"profile": "profile_id"})


def dataset(name, path):
    return Dataset(name, "recordings", PROFILE, "voice", layout=PathLayout((path,)))


class TestVault(StoreSuite, ItemListingSuite):
    """Two datasets of sealed recordings."""

    store = staticmethod(opened)
    unsayable = "/\0"
    unsayable_whole = (".", "..")
    crowd = 400

    def declare(self, folder):
        return StoreSpec("recordings", "vault", str(folder / "vault")), [
            dataset("doorbell", "doorbell/{profile_id}/{recording_id}.mp4"),
            dataset("said", "said/{profile_id}.txt"),
        ]

    def library(self, folder):
        return OwnLibrary(folder, ["doorbell", "said"])

    def write(self, folder, people):
        with closing(self.library(folder)) as library:
            for one in people:
                for name, data in (
                    (("doorbell", f"doorbell/{one.id}/r-1.mp4"), one.blob),
                    (("said", f"said/{one.id}.txt"), f"{one.email}\n{one.text}".encode()),
                ):
                    ingest(library, NewRecording(*name, (("profile", one.id),), now(), clear_before=False), io.BytesIO(data), lambda: None)

    def read(self, folder):
        held = {}
        with closing(self.library(folder)) as library:
            for name in ("doorbell", "said"):
                for each in sorted(library.recordings(name), key=lambda each: each.name):
                    with suppress(FileNotFoundError), library.open(each) as file:
                        (_, one), data = each.subjects[0], file.read()
                        held[one] = held.get(one, b"") + each.name.encode() + data
        return held

    def plant(self, folder, person):
        (folder / "vault" / "objects" / "00" / "old.mp4").write_bytes(person.blob)

    def visible(self, folder, person):
        with closing(self.library(folder)) as library:
            found = [each for name in ("doorbell", "said") for each in library.recordings(name, [("profile", person.id)])]
            return tuple(library.wrapped(found))

    def heard(self, folder, data, person):
        return not holds(data, person) and all(each in data for each in self.visible(folder, person))

    def state(self, folder):
        """Beside the folder and the key table there are the table's journal and its index, which come and go with who has it open."""
        return {path: data for path, data in contents(folder) if not path.name.endswith(("-wal", "-shm"))}

    def test_one_recording_of_a_person_goes_by_its_name(self, folder):
        (one,) = people(1)
        with closing(self.library(folder)) as library:
            for number in (1, 2):
                name = f"doorbell/{one.id}/r-{number}.mp4"
                data = f"ring number {number} ".encode() * 200
                ingest(
                    library,
                    NewRecording("doorbell", name, (("profile", one.id),), now(), clear_before=False),
                    io.BytesIO(data),
                    lambda: None,
                )
        spec, (doorbell, _) = self.declare(folder)
        with closing(opened(spec, (doorbell,))) as store:
            (copy,) = store.locate(doorbell, [Selector(one.pseudonym, {"profile_id": frozenset({one.id})})])
            names = store.names_of(doorbell, copy)
            assert {each["recording_id"] for each in names.values()} == {"r-1", "r-2"}
            assert names.keys() == set(copy.keys)
            (chosen,) = store.locate(doorbell, [replace(copy.selector, only={"recording_id": frozenset({"r-1"})})])
            assert chosen.items == 1
            assert store.erase(doorbell, [chosen], KEY) == {one.pseudonym: Erased(1, chosen.bytes)}
            (left,) = store.locate(doorbell, [copy.selector])
            assert [names[key]["recording_id"] for key in left.keys] == ["r-2"]
            assert [each.items for each in store.probe(doorbell, [chosen])] == [0]

    def test_the_sealed_file_goes_with_the_erasure(self, folder):
        """Not only with the purge: its size says how long somebody was there."""
        crowd = people(3)
        self.write(folder, crowd)
        before = {path for path in (folder / "vault").rglob("*") if path.is_file()}
        self.erase(folder, self.locate(folder, crowd[:1]))
        assert len(before - {path for path in (folder / "vault").rglob("*") if path.is_file()}) == 2

    def test_a_purge_scrubs_while_the_table_stays_open(self, folder):
        """A process that goes on has the table open: its journal is emptied by the purge, and not by closing it."""
        crowd = people(3)
        self.write(folder, crowd)
        theirs = self.visible(folder, crowd[0])
        with self.opened(folder) as (store, datasets):
            erase_all(store, datasets, locate_all(store, datasets, crowd[:1]), KEY)
            sources = [each.path for each in store.raw()]
            assert search(sources, theirs), "the journal had it: else this shows nothing"
            store.purge(datasets, KEY)
            assert search(sources, theirs) == []
