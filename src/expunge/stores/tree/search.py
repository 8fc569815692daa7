"""Search declared names for copies of subjects and for bystanders."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice

from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.errors import CouldNotLook
from expunge.stores.tree.folder_layout import FolderLayout, NameFacts, SubjectTally, WantedValues
from expunge.stores.tree.interface import FileState, FoundName, Tree
from expunge.stores.tree.member_cut import member_cut
from expunge.stores.tree.record_files import FileRecord, Unreadable
from expunge.stores.tree.template_walk import Bindings, CompiledTemplate, Readings


class TreeSearch:
    """One pass over the files of one dataset."""

    def __init__(self, tree: Tree, layout: FolderLayout) -> None:
        self._tree = tree
        self._layout = layout
        self.unreadable: set[str] = set()
        """Keys of the files that a call could not read."""

    # --- who has what ---------------------------------------------------------------------------

    def locate(self, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """One copy for each selector that anything belongs to, or that an unreadable file may hold something of."""
        wanted = WantedValues(selectors)
        tallies = [SubjectTally() for _ in selectors]
        for template in self._layout.templates:
            self._look_along(template, wanted, tallies)
        for selector, tally in zip(selectors, tallies, strict=True):
            if tally.keys:
                yield self._copy(selector, tally)

    def _look_along(self, template: CompiledTemplate, wanted: WantedValues, tallies: Sequence[SubjectTally]) -> None:
        recorded = self._layout.recorded(template, wanted.fields)
        named = [name for name in wanted.fields if name in template.placeholders]
        if not named and not recorded and not wanted.every:
            return
        last_hit = ""
        only = {} if recorded or wanted.every or len(named) != 1 else {named[0]: wanted.values(named[0])}
        for found in self._walk(template, (lambda _: True) if recorded else lambda reading: wanted.may_lead(named, reading), only):
            if found.is_folder and not wanted.in_name(found.readings) and not found.is_link:
                # Why not asked further: its name means nobody, and what lies in it was listed before it.
                continue
            says = self._says(found, wanted)
            owners = says.whole
            if found.is_folder and found.is_link and not owners and self._tree.objection(found.key):
                message = f"dataset {self._layout.dataset.name}: a folder is a symbolic link to a place that no dataset declares"
                raise CouldNotLook(message, help="`expunge check` names it; declare the place where it leads as a store, or move it back")
            if found.is_folder:
                # A folder that the template itself names is nobody's, also where everything is meant.
                owners = owners if template.segments[found.key.count("/") - 1].placeholders else owners - wanted.every
                if owners and not last_hit.startswith(found.key) and self._tree.bare(found):
                    self._add(found.key, 0, found.readings, owners, tallies)
            elif owners:
                last_hit = found.key
                self._add_file(found, template, owners, wanted, tallies)
            if says.part or (recorded and not owners and not found.is_folder):
                self._look_inside(found, recorded, wanted, says, tallies)

    def _says(self, found: FoundName, wanted: WantedValues) -> NameFacts:
        if found.is_folder:
            return wanted.says(found.readings, lambda: None, inside=False)
        return wanted.says(found.readings, found.modified, inside=self._layout.inside)

    def _add_file(
        self, found: FoundName, template: CompiledTemplate, owners: set[int], wanted: WantedValues, tallies: Sequence[SubjectTally]
    ) -> None:
        try:
            size = found.size()
        except FileNotFoundError:
            return
        self._add(found.key, size, found.readings, owners, tallies)
        # A name that can be read in two ways may as well be somebody else's.
        for owner in owners:
            if any(owner not in wanted.in_name((reading,)) for reading in found.readings):
                tallies[owner].shared.add(found.key)
            match = wanted.selectors[owner].match
            for name in self._layout.dataset.subject_fields if not wanted.selectors[owner].every else ():
                tallies[owner].meet(name, _bound(found.readings, name) - match.get(name, frozenset()))
        followed = self._layout.recorded(template, self._layout.dataset.follow)
        if followed and not found.is_link:
            self._follow(found, followed, [tallies[owner] for owner in owners])

    def _follow(self, found: FoundName, followed: Sequence[str], tallies: Sequence[SubjectTally]) -> None:
        try:
            for state in self._tree.states_of(found):
                for record in self._records(state, found.key, followed):
                    for tally in tallies:
                        for name in followed:
                            tally.links.setdefault(name, set()).update(record.texts(name))
        except FileNotFoundError:
            return
        except (Unreadable, OSError) as error:
            message = f"dataset {self._layout.dataset.name}: a file that other datasets follow cannot be read"
            raise CouldNotLook(message, help="`expunge check` names it; repair it, then run again") from error

    def _add(self, key: str, size: int, readings: Readings, owners: set[int], tallies: Sequence[SubjectTally]) -> None:
        links = {name: {reading[name] for reading in readings if name in reading} for name in self._layout.dataset.follow}
        for owner in owners:
            tallies[owner].add(key, size, links)

    def _look_inside(
        self, found: FoundName, recorded: Sequence[str], wanted: WantedValues, says: NameFacts, tallies: Sequence[SubjectTally]
    ) -> None:
        if found.is_link and self._tree.objection(found.key) is None:
            return
        # Why only then: with further conditions, or where everything is meant, more than values decides whose a record is.
        texts = wanted.texts(recorded) if says.unsaid is None else None
        counted: set[int] = set()
        """Who was met in a newer state of the file: what older ones hold of them is the same again, and not counted twice."""
        try:
            for state in self._tree.states_of(found):
                here: set[int] = set()
                for record in self._layout.holding(state.open, found.key, (*recorded, *self._layout.beside(wanted)), texts):
                    owners = wanted.in_record(record, recorded, says) - counted
                    if owners:
                        here |= owners
                        self._add_record(found, record, owners, recorded, tallies, wanted)
                counted |= here
        except FileNotFoundError:
            return
        except (Unreadable, OSError):
            self.unreadable.add(found.key)
            # It may hold anybody's data: whoever is asked for has an item here that cannot be erased before it is mended.
            for number, tally in enumerate(tallies):
                if says.unsaid is None or number in says.unsaid | says.part:
                    tally.add(found.key, 0, {})

    def _add_record(
        self,
        found: FoundName,
        record: FileRecord,
        owners: set[int],
        recorded: Sequence[str],
        tallies: Sequence[SubjectTally],
        wanted: WantedValues,
    ) -> None:
        values = {name: record.texts(name) for name in recorded}
        named = {name: record.texts(name) for name in self._layout.dataset.subject_fields}
        for owner in owners:
            links = {name: _bound(found.readings, name) | record.texts(name) for name in self._layout.dataset.follow}
            tallies[owner].add(found.key, record.size, links)
            match = wanted.selectors[owner].match
            together = any(values[name] - match.get(name, frozenset()) for name in recorded if len(values[name]) > 1)
            if together:
                tallies[owner].shared.add(found.key)
            stays = together and member_cut(self._layout, record, [wanted.selectors[owner]]) is not None
            if stays or wanted.selectors[owner].every:
                continue
            for name, texts in named.items():
                tallies[owner].meet(name, (texts | _bound(found.readings, name)) - match.get(name, frozenset()))

    def _copy(self, selector: Selector, tally: SubjectTally) -> Copy:
        links = {name: frozenset(tally.links.get(name, ())) for name in self._layout.dataset.follow}
        return Copy(
            self._layout.dataset.name,
            selector.subject,
            tuple(tally.keys),
            tally.items,
            tally.bytes,
            links=links,
            selector=selector,
            shared=frozenset(tally.shared) if not self._layout.many_in_a_file else frozenset(),
            others={name: frozenset(values) for name, values in tally.others.items()},
            # The name of a file with records of many people names nobody's record.
            lasting=not self._layout.many_in_a_file,
        )

    # --- who else is there ----------------------------------------------------------------------

    def bystanders(self, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield copies of bystanders, grouped by the values of their subject fields, at most ``limit``."""
        gone = {key for each in erased for key in each.keys}
        leaving = WantedValues(each.selector for each in erased if each.selector)
        groups: dict[tuple[frozenset[str], ...], SubjectTally] = {}
        fields = self._layout.dataset.subject_fields
        for key, size, values in self._everybody(gone, leaving):
            group = tuple(values.get(name, frozenset()) for name in fields)
            if group not in groups and limit is not None and len(groups) >= limit:
                break
            links = {name: values.get(name, frozenset()) for name in self._layout.dataset.follow}
            groups.setdefault(group, SubjectTally()).add(key, size, links)
        for number, (group, tally) in enumerate(groups.items()):
            match = {name: values for name, values in zip(fields, group, strict=True) if values}
            yield self._copy(control(Pseudonym(f"control-{number}"), match, leaving.selectors), tally)

    def _everybody(self, gone: set[str], leaving: WantedValues) -> Iterator[tuple[str, int, dict[str, frozenset[str]]]]:
        fields = self._layout.dataset.subject_fields
        for template in self._layout.templates:
            recorded = self._layout.recorded(template, fields)
            named = [name for name in fields if name in template.placeholders]
            for found in self._walk(template, lambda _: True, {}):
                if found.key.endswith("/") or found.is_link:
                    continue
                says = self._says(found, leaving)
                if found.key in gone and (says.whole or (named and not says.part)):
                    continue
                spoken = {name: frozenset({value}) for name, value in found.readings[0].items()} if named else {}
                if says.part:
                    yield from self._others_inside(found, recorded, leaving, says, spoken)
                elif named:
                    yield found.key, 0, spoken
                elif recorded:
                    yield from self._others_inside(found, recorded, leaving, says, spoken)

    def _others_inside(
        self, found: FoundName, recorded: Sequence[str], leaving: WantedValues, says: NameFacts, spoken: Mapping[str, frozenset[str]]
    ) -> Iterator[tuple[str, int, dict[str, frozenset[str]]]]:
        try:
            # What only an older state holds stays for nobody: the present one says who is there.
            for state in islice(self._tree.states_of(found), 1):
                for record in self._records(state, found.key, (*recorded, *self._layout.beside(leaving))):
                    values = {name: record.texts(name) for name in (*recorded, *self._layout.dataset.follow)} | dict(spoken)
                    theirs = spoken or any(values[name] for name in recorded)
                    if record.value is not None and theirs and not leaving.in_record(record, recorded, says):
                        yield found.key, record.size, values
        except (Unreadable, OSError):
            # Nobody's control can be taken from a damaged file; its damage is reported where it matters, by erase and check.
            return

    # --- reading --------------------------------------------------------------------------------

    def header(self) -> Iterator[str]:
        """Yield the columns that the first file of a CSV dataset names. A file that cannot be read names none."""
        for template in self._layout.templates if self._layout.dataset.format == "csv" else ():
            fields = self._layout.recorded(template, self._layout.dataset.subject_fields)
            files = (found for found in self._walk(template, lambda _: True, {}) if not (found.is_folder or found.is_link))
            for found in islice(files, 1):
                with suppress(OSError, Unreadable):
                    states = islice(self._tree.states_of(found), 1)
                    records = (record for state in states for record in self._records(state, found.key, fields))
                    yield from next((record.value for record in records if isinstance(record.value, dict)), {})

    def _walk(
        self, template: CompiledTemplate, wanted: Callable[[Bindings], bool], only: Mapping[str, Collection[str]]
    ) -> Iterator[FoundName]:
        try:
            yield from self._tree.walk(template, wanted, only)
        except OSError as error:
            message = f"dataset {self._layout.dataset.name}: a folder cannot be listed"
            raise CouldNotLook(message, help="see `expunge check` for which one; give this user the right to read it") from error

    def _records(self, state: FileState, key: str, fields: Sequence[str]) -> Iterator[FileRecord]:
        with state.open() as file:
            yield from self._layout.read(file, key, fields)


def control(subject: Pseudonym, match: Mapping[str, frozenset[str]], leaving: Sequence[Selector]) -> Selector:
    """Return the selector of a group of bystanders: without what other selectors mean of the group, by a window or by named items.

    A selector that names items by several fields leaves the group as it is: no selector finds the rest.
    """

    def meets(wanted: Mapping[str, frozenset[str]]) -> bool:
        return any(not values.isdisjoint(wanted.get(name, ())) for name, values in match.items())

    met = [each for each in leaving if (each.every or meets(each.match)) and not meets(each.spare)]
    windows = tuple(dict.fromkeys(each.where for each in met if each.where and not each.only))
    spare: dict[str, frozenset[str]] = {}
    for each in met:
        if len(each.only) == 1 and each.where is None:
            spare |= {name: spare.get(name, frozenset()) | values for name, values in each.only.items()}
    return Selector(subject, match, outside=windows, spare=spare)


def _bound(readings: Readings, name: str) -> frozenset[str]:
    return frozenset(reading[name] for reading in readings if name in reading)
