"""Erase subjects from a lake: whole files and folders by their names, rows by writing files anew without them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field

from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Outcomes, Reason, Unable
from expunge.stores.arrow.damage import Damaged
from expunge.stores.arrow.row_match import Targets
from expunge.stores.parquet.lake.column_scan import THREADS
from expunge.stores.parquet.lake.copy_keys import named
from expunge.stores.parquet.lake.lake_files import SUMMARY, Lake, LakeLayout, LakeName, checksum_of, rows_of
from expunge.stores.parquet.mentions import LakeMentions
from expunge.stores.parquet.rewrite.cell_change import CellChange
from expunge.stores.parquet.rewrite.row_cut import LeavingSubjects, RowCut
from expunge.stores.tree.erase import DOUBTFUL, answer_of, named_after, trouble_of
from expunge.stores.tree.folder_layout import WantedValues
from expunge.stores.tree.interface import NameTrouble, NobodyThere, Removal, SubjectShare, Tree
from expunge.stores.tree.record_files import Unreadable


@dataclass
class _File:
    """What one call does to one file."""

    subjects: dict[Pseudonym, None] = field(default_factory=dict)
    whole: bool = False
    alone: set[int] = field(default_factory=set)
    together: set[int] = field(default_factory=set)


class LakeEraser:
    """One ``erase`` call over the files of one dataset."""

    def __init__(self, lake: Lake, tree: Tree, layout: LakeLayout) -> None:
        self._lake = lake
        self._tree = tree
        self._layout = layout

    def erase(self, copies: Sequence[Copy]) -> Outcomes:
        """Remove checksums and summaries of the files first, then whole files, then rows, then folders that are empty now."""
        shares = {copy.subject: SubjectShare() for copy in copies}
        asked = {copy.subject: len(copy.keys) for copy in copies}
        selectors = [copy.selector for copy in copies if copy.selector]
        wanted = WantedValues(selectors)
        files = self._files(copies, {each.subject: number for number, each in enumerate(selectors)})
        ready = self._ready(files, wanted, shares)
        self._companions(ready, files, shares)
        self._remove([key for key in ready if files[key].whole and not key.endswith("/")], files, shares)
        leaving = LeavingSubjects(
            Targets(selectors),
            [shares[selector.subject] for selector in selectors],
            # Who keeps what lies outside a window may still be named beside it.
            frozenset(text for selector in selectors if not selector.narrowed for values in selector.match.values() for text in values),
            self._layout.dataset.shared,
            self._layout.dataset.subject_fields,
            self._layout.dataset.members,
        )
        self._rewrite([key for key in ready if not files[key].whole], files, leaving, shares, wanted)
        named = self._release(copies, shares)
        files |= {key: _File(dict.fromkeys(shares)) for key in named if key not in files}
        self._tree.finish({key: tuple(each.subjects) for key, each in files.items()}, shares, named_after(self._layout, wanted))
        return {subject: answer_of(self._layout, share, asked[subject]) for subject, share in shares.items()}

    def _files(self, copies: Sequence[Copy], numbers: Mapping[Pseudonym, int]) -> dict[str, _File]:
        files: dict[str, _File] = {}
        for copy in copies:
            number = numbers.get(copy.subject)
            for key in copy.keys:
                about = named(key)
                file = files.setdefault(about.file, _File())
                file.subjects[copy.subject] = None
                file.whole |= about.whole
                if number is not None:
                    (file.together if about.shared else file.alone).add(number)
        return files

    def _ready(self, files: Mapping[str, _File], wanted: WantedValues, shares: Mapping[Pseudonym, SubjectShare]) -> list[str]:
        """Those of the files that nothing stands in the way of."""
        ready = []
        for key, file in files.items():
            objection = self._objection(key, wanted)
            if objection is None:
                ready.append(key)
                continue
            for subject in file.subjects:
                shares[subject].troubles.append(objection)
        return ready

    def _objection(self, key: str, wanted: WantedValues) -> Unable | None:
        if self._layout.template_of(key) is None:
            return trouble_of(Unreadable("the name fits no template of the dataset"))
        kept = self._lake.table_format(key)
        if kept is not None:
            return table_of(kept)
        return DOUBTFUL if self._layout.doubtful(key, wanted) else self._tree.objection(key)

    # --- names ----------------------------------------------------------------------------------

    def _companions(self, ready: Sequence[str], files: Mapping[str, _File], shares: Mapping[Pseudonym, SubjectShare]) -> None:
        """Checksums and summaries were computed from what is leaving, and fit no file that is rewritten: they go first."""
        theirs: dict[str, dict[Pseudonym, None]] = {}
        for key in ready:
            if key.endswith("/"):
                continue
            places = [checksum_of(key)]
            folder = key
            while "/" in folder:
                folder = folder.rpartition("/")[0]
                places.append(f"{folder}/{SUMMARY}")
            for place in (*places, SUMMARY):
                theirs.setdefault(place, {}).update(files[key].subjects)
        there = {place: subjects for place, subjects in theirs.items() if self._lake.exists(place)}
        for place in list(there):
            if place.endswith(SUMMARY) and self._lake.exists(checksum_of(place)):
                there[checksum_of(place)] = there[place]
        for removed in self._tree.remove([Removal(place, [shares[subject] for subject in subjects]) for place, subjects in there.items()]):
            if removed.error:
                for share in removed.removal.shares:
                    share.troubles.append(trouble_of(removed.error))

    def _remove(self, keys: Iterable[str], files: Mapping[str, _File], shares: Mapping[Pseudonym, SubjectShare]) -> None:
        rows = {key: sum(rows_of(self._lake, part) for part in self._lake.states(key)) for key in keys}
        for removed in self._tree.remove([Removal(key, [shares[subject] for subject in files[key].subjects]) for key in rows]):
            for share in removed.removal.shares:
                share.kept += removed.kept
                if removed.error:
                    share.troubles.append(trouble_of(removed.error))
                elif removed.there:
                    share.items += rows[removed.removal.key]
                    share.bytes += removed.bytes

    # --- rows -----------------------------------------------------------------------------------

    def _rewrite(
        self,
        keys: Sequence[str],
        files: Mapping[str, _File],
        leaving: LeavingSubjects,
        shares: Mapping[Pseudonym, SubjectShare],
        wanted: WantedValues,
    ) -> None:
        """Every file once, whoever is in it; several at a time."""
        threads = max(1, THREADS // max(1, len(keys)))
        cuts = {key: self._cut(key, files[key], leaving, wanted, threads) for key in keys}
        if len(keys) < 2 or THREADS == 1:
            done = [(key, self._attempt(key, cuts[key])) for key in keys]
        else:
            with ThreadPoolExecutor(min(THREADS, len(keys)), "expunge-parquet") as pool:
                # Each thread works in the caller's context: its permit goes along.
                futures = [(key, pool.submit(copy_context().run, self._attempt, key, cuts[key])) for key in keys]
                done = [(key, future.result()) for key, future in futures]
        for key, trouble in done:
            if trouble is None:
                cuts[key].credit()
            else:
                for subject in files[key].subjects:
                    shares[subject].troubles.append(trouble)

    def _release(self, copies: Sequence[Copy], shares: Mapping[Pseudonym, SubjectShare]) -> list[str]:
        """Take identifiers out of other people's rows, as the dataset's rules say; return the names of the files that had one."""
        values: dict[str, set[str]] = {}
        for copy in copies:
            for column, held in copy.mentions.items():
                values.setdefault(column, set()).update(held)
        named = [copy.subject for copy in copies if copy.mentions]
        changed = []
        for part in LakeMentions(self._lake, self._layout).files() if values else ():
            cut = CellChange(self._layout.dataset.mentions, values)
            if not self._names(part, cut):
                continue
            trouble = self._objection(part.key, WantedValues(())) or self._changed(part.key, cut, named, shares)
            if trouble is None:
                changed.append(part.key)
                continue
            for subject in named:
                shares[subject].troubles.append(trouble)
        return changed

    def _names(self, part: LakeName, cut: CellChange) -> bool:
        """Whether a file has anything to change; a file that cannot be read is tried, so that its trouble is told."""
        try:
            with self._lake.opened(part) as file:
                return cut.concerns(file)
        except (OSError, Unreadable):
            return True

    def _changed(self, key: str, cut: CellChange, subjects: Sequence[Pseudonym], shares: Mapping[Pseudonym, SubjectShare]) -> Unable | None:
        """Change one file, its checksum and summaries first; what stands in the way."""
        self._companions([key], {key: _File(dict.fromkeys(subjects))}, shares)
        return self._attempt(key, cut)

    def _cut(self, key: str, file: _File, leaving: LeavingSubjects, wanted: WantedValues, threads: int) -> RowCut:
        found = self._layout.template_of(key)
        # Where the template leaves the file's name open, the name of a file of theirs alone is theirs as well.
        open_name = found is not None and bool(found[0].segments[-1].placeholders)
        columns = self._layout.columns(found[0], leaving.targets.fields) if found else ()
        says = self._layout.says(key, wanted)
        return RowCut(leaving, columns, says, file.alone, file.together, goes_with_them=open_name, threads=threads)

    def _attempt(self, key: str, cut: RowCut | CellChange) -> Unable | None:
        try:
            self._tree.rewrite(key, cut)
        except (NobodyThere, FileNotFoundError):
            return None
        except Damaged as error:
            return damage(error)
        except (OSError, Unreadable, NameTrouble) as error:
            return trouble_of(error)
        return None


def damage(error: Damaged) -> Unable:
    """A file that cannot be read, as an answer."""
    return Unable(error.reason, f"a file cannot be read: {error}; `expunge check` names it")


def table_of(name: str) -> Unable:
    """Return the answer for files that a table format keeps a log of."""
    return Unable(Reason.UNSUPPORTED, f"the files are those of an {name} table, whose log names each of them: erase through that format")
