"""Promises about reading: items are found, shown, traced and reported, and reading changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from expunge.core.datamap.datamap import ByField
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.spelling import near
from expunge.core.values.copy import Copy, FindingKind
from expunge.core.values.ids import Pseudonym
from expunge.ports.optional.spelling_search import SpellingSearch
from expunge.ports.optional.subject_listing import SubjectListing
from expunge.ports.optional.undeclared_places import UndeclaredPlaces
from expunge.ports.scanner import Stretch
from expunge.testing.harness import StoreHarness, locate_all
from expunge.testing.people import AWKWARD, holds, people, person, said


class Listener:
    """A tracer that keeps its input, so that a test can compare it with the truth."""

    def __init__(self) -> None:
        self.heard: dict[Pseudonym, list[object]] = {}
        self.fields: set[str] = set()
        self.lying: dict[Path, list[Stretch]] = {}

    def _keep(self, subject: Pseudonym, field: str, value: object) -> None:
        self.heard.setdefault(subject, []).append(value)
        self.fields.add(field)

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:  # noqa: ARG002
        """Keep a string."""
        self._keep(subject, field, value)

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:  # noqa: ARG002
        """Keep a number."""
        self._keep(subject, field, value)

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:  # noqa: ARG002
        """Keep a vector."""
        self._keep(subject, field, tuple(value))

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:  # noqa: ARG002
        """Keep bytes."""
        self._keep(subject, field, stream.read())

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:  # noqa: ARG002
        """Keep a name."""
        self._keep(subject, "name", value)

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        """Keep where it is said to lie."""
        self.lying.setdefault(path, []).extend(stretches)

    def everything(self, subject: Pseudonym) -> bytes:
        """Return all that was heard of one subject, as bytes."""
        heard = self.heard.get(subject, [])
        return b"\0".join(each if isinstance(each, bytes) else str(each).encode("utf-8", "surrogateescape") for each in heard)


class StoreReading(StoreHarness):
    """Reading from a store."""

    def test_finds_who_is_there_and_nobody_else(self, folder: Path) -> None:
        """Each located copy is about a subject that was asked for, has keys, and links for every field that others follow."""
        self.write(folder, people(6))
        asked, stranger = people(3), person("stranger")
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, [*asked, stranger])
        for dataset in datasets:
            found = located[dataset.name]
            assert {each.subject for each in found} == {each.pseudonym for each in asked}, dataset.name
            assert len(found) == len(asked), "one copy for each subject"
            for copy in found:
                assert copy.dataset == dataset.name
                assert copy.keys
                assert copy.items >= 1
                assert copy.selector is not None
                assert set(dataset.follow) <= set(copy.links)

    def test_nothing_is_there_before_anybody_was_written(self, folder: Path) -> None:
        """After its last person left, a store answers that it holds no person."""
        self.write(folder, people(2))
        self.forget(folder, people(2))
        assert all(not found for found in self.locate(folder, people(2)).values())
        assert dict(self.read(folder)) == {}

    def test_awkward_identifiers_are_data(self, folder: Path) -> None:
        """Quotes, newlines, wildcards, Unicode forms, case and NUL match themselves and nothing else."""
        crowd = [person(f"awkward-{number}", id=text) for number, text in enumerate(AWKWARD)]
        held = [each for each in crowd if self.sayable(each.id)]
        self.write(folder, held)
        with self.opened(folder) as (store, datasets):
            for one in crowd:
                located = locate_all(store, datasets, [one])
                for name, found in located.items():
                    assert {each.subject for each in found} <= {one.pseudonym}
                    assert len(found) == (1 if one in held else 0), (name, one.id)
                    assert all(copy.items == located[name][0].items for copy in found)

    def test_export_gives_back_what_was_written(self, folder: Path) -> None:
        """The export has all of the person, the media byte for byte, under names that are safe to unpack, and nothing of a bystander."""
        self.write(folder, people(4))
        one, *others = people(4)
        with self.opened(folder) as (store, datasets):
            data, names = b"", []
            for dataset in datasets:
                for copy in locate_all(store, datasets, [one])[dataset.name]:
                    for item in store.export(dataset, copy):
                        names.append((dataset.name, item.name))
                        data += b"".join(item.chunks)
        assert holds(data, one)
        assert not any(said(mark, data) for other in others for mark in other.marks)
        assert len(set(names)) == len(names)
        for _, name in names:
            assert not PurePosixPath(name).is_absolute()
            assert ".." not in PurePosixPath(name).parts
            assert "\0" not in name

    def test_trace_hears_all_of_the_person_and_nobody_else(self, folder: Path) -> None:
        """The tracer is told the real content, under the right subject."""
        self.write(folder, people(4))
        asked = people(2)
        heard = Listener()
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, asked)
            for dataset in datasets:
                store.trace(dataset, located[dataset.name], heard)
        assert set(heard.heard) == {each.pseudonym for each in asked}
        for one, other in (asked, asked[::-1]):
            assert holds(heard.everything(one.pseudonym), one)
            assert not any(said(mark, heard.everything(one.pseudonym)) for mark in other.marks)
        assert all(text not in field for one in asked for text in one.marks for field in heard.fields)

    def test_where_items_are_said_to_lie_is_looked_through(self, folder: Path) -> None:
        """A store that tells in which bytes of its files items lie names no others than those that a scan of it reads."""
        self.write(folder, people(4))
        heard = Listener()
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, people(2))
            for dataset in datasets:
                store.trace(dataset, located[dataset.name], heard)
            sources = [each.path for each in store.raw()] if heard.lying else []
            for path, stretches in heard.lying.items():
                assert any(path.is_relative_to(source) for source in sources)
                assert all(0 <= first < last <= path.stat().st_size for first, last in stretches)

    def test_bystanders_are_the_people_who_stay(self, folder: Path) -> None:
        """Controls have no pseudonym, are not the erased, can be traced, and are no more than asked for."""
        crowd = people(5)
        self.write(folder, crowd)
        gone, stay = crowd[:2], crowd[2:]
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, gone)
            everybody = Listener()
            for dataset in datasets:
                one = list(store.bystanders(dataset, located[dataset.name], 1))
                assert len({each.subject for each in one}) == 1
                controls = list(store.bystanders(dataset, located[dataset.name], None))
                assert {control.subject for control in controls} == {f"control-{number}" for number in range(len(stay))}
                store.trace(dataset, controls, everybody)
        heard = b"".join(everybody.everything(subject) for subject in everybody.heard)
        assert all(self.heard(folder, heard, each) for each in stay)
        assert not any(said(mark, heard) for each in gone for mark in each.marks)

    def test_those_whom_it_names_are_those_who_are_there(self, folder: Path) -> None:
        """Where a store lists identifiers without places, they are those of all copies, spelt the same."""
        awkward = [person(f"awkward-{number}", id=text) for number, text in enumerate(AWKWARD)]
        self.write(folder, [*people(5), *(each for each in awkward if self.sayable(each.id))])
        with self.opened(folder) as (store, datasets):
            for dataset in datasets:
                if not isinstance(store, SubjectListing) or not isinstance(dataset.subject, ByField):
                    continue
                copies = [bystander.selector.match for bystander in store.bystanders(dataset, (), None) if bystander.selector]
                for name in dataset.subject_fields:
                    named = {value for values in store.named(dataset, name) for value in values}
                    assert named == {value for match in copies for value in match.get(name, ())}
                    assert named

    def test_every_spelling_is_offered_when_it_is_asked_for(self, folder: Path) -> None:
        """Where a store searches for spellings itself, it offers each value that it holds, and those that it takes for others."""
        awkward = [person(f"awkward-{number}", id=text) for number, text in enumerate(AWKWARD)]
        self.write(folder, [*people(5), *(each for each in awkward if self.sayable(each.id))])
        with self.opened(folder) as (store, datasets):
            for dataset in datasets:
                if not isinstance(store, SpellingSearch) or not isinstance(dataset.subject, ByField):
                    continue
                copies = [bystander.selector.match for bystander in store.bystanders(dataset, (), None) if bystander.selector]
                for name in dataset.subject.fields.values():
                    held = {value for match in copies for value in match.get(name, ())}
                    assert {value for values in store.near(dataset, name, None) for value in values} >= held
                    wanted = sorted({near(value) for value in held})
                    assert {value for values in store.near(dataset, name, wanted) for value in values} >= held
                    assert {other for _, other in store.alike(dataset, name, sorted(held))} <= held
                    assert store.equality(dataset, name).folds or not list(store.alike(dataset, name, sorted(held)))

    def test_looking_changes_nothing(self, folder: Path) -> None:
        """Locate, export, trace, bystanders, preflight, check, probe and raw leave every byte and time as it was."""
        self.write(folder, people(5))
        before = self.state(folder)
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, people(2))
            list(store.check(()))
            list(store.raw())
            for dataset in datasets:
                copies = located[dataset.name]
                assert tuple(store.preflight(dataset, copies)) == ()
                list(store.probe(dataset, copies))
                store.trace(dataset, copies, Listener())
                list(store.bystanders(dataset, copies, None))
                for item in store.export(dataset, copies[0]):
                    assert all(isinstance(chunk, bytes) for chunk in item.chunks)
        assert self.state(folder) == before

    def test_probe_sees_what_the_eraser_would_not_admit(self, folder: Path) -> None:
        """It counts while the data is there, counts 0 once it is gone, and sees it again when it came back under the same copies."""
        crowd = people(3)
        self.write(folder, crowd)
        located = self.locate(folder, crowd[:1])
        assert self._probed(folder, located) >= 1
        self.forget(folder, crowd[:1])
        assert self._probed(folder, located) == 0
        self.write(folder, crowd[:1])
        assert self._probed(folder, located) >= 1

    def _probed(self, folder: Path, located: dict[str, list[Copy]]) -> int:
        items = 0
        with self.opened(folder) as (store, datasets):
            for dataset in datasets:
                answers = list(store.probe(dataset, located[dataset.name]))
                assert {answer.subject for answer in answers} == {each.subject for each in located[dataset.name]}
                assert all(answer.paths and not answer.could_not for answer in answers)
                items += sum(answer.items for answer in answers)
        return items

    def test_check_is_silent_about_what_is_declared(self, folder: Path) -> None:
        """A healthy store as its map says has no findings but notes."""
        self.write(folder, people(3))
        with self.opened(folder) as (store, _):
            assert [each for each in store.check(()) if each.kind is not FindingKind.NOTE] == []

    def test_check_finds_what_nobody_declared(self, folder: Path) -> None:
        """Data beside the declared datasets is a finding, with something to do about it."""
        self.write(folder, people(3))
        self.plant(folder, person("planted"))
        with self.opened(folder) as (store, _):
            found = [each for each in store.check(()) if each.kind is FindingKind.UNDECLARED]
            if isinstance(store, UndeclaredPlaces):
                assert sorted(store.undeclared_places(()), key=repr) == sorted(found, key=repr)
        assert found
        assert all(each.where and each.what and each.mend for each in found)

    def test_check_finds_a_store_that_is_not_there(self, folder: Path) -> None:
        """A path that leads nowhere is a finding, not a crash and not silence."""
        with self.opened(folder) as (store, _):
            assert [each.kind for each in store.check(())] != []

    def test_says_what_it_cannot_reach(self, folder: Path) -> None:
        """Every store has something out of its reach and says so; batches are not of size 0."""
        self.write(folder, people(1))
        with self.opened(folder) as (store, _):
            capabilities = store.capabilities
        assert capabilities.out_of_scope
        assert capabilities.batch >= 1
        assert capabilities.grounding >= Grounding.REMOVED

    def test_values_do_not_print_themselves(self, folder: Path) -> None:
        """The repr of a store's values holds no identifier, so that no log or traceback can."""
        self.write(folder, people(2))
        one = people(1)[0]
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, [one])
            shown = repr(located)
            for dataset in datasets:
                shown += repr(list(store.probe(dataset, located[dataset.name])))
                shown += repr(list(store.export(dataset, located[dataset.name][0])))
        assert one.id not in shown
        assert not any(mark in shown for mark in one.marks)

    def test_closing_twice_is_fine(self, folder: Path) -> None:
        """Closing is safe at any time, used or not."""
        with self.opened(folder) as (store, _):
            store.close()
            store.close()
