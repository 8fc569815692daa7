"""Hand over the content of files: as a subject's export, as content for a tracer."""

from __future__ import annotations

import io
import json
import mimetypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import BinaryIO

from expunge.core.values.copy import Copy, Item, Selector
from expunge.core.values.ids import Pseudonym
from expunge.errors import CouldNotLook
from expunge.ports.optional.placing import FILE_NAME
from expunge.ports.scanner import KEY, Tracer
from expunge.stores.tables.json_members import MemberCut
from expunge.stores.tree.folder_layout import FolderLayout, WantedValues
from expunge.stores.tree.interface import FileState, Tree
from expunge.stores.tree.member_cut import member_cut
from expunge.stores.tree.nominated import PlacedCopy, numbered
from expunge.stores.tree.record_files import FileRecord, Unreadable, Value

_CHUNK = 1 << 20


class TreeContent:
    """Reads of one dataset's copies."""

    def __init__(self, tree: Tree, layout: FolderLayout) -> None:
        self._tree = tree
        self._layout = layout

    def wholly(self, copy: Copy, key: str) -> bool:
        """Return whether the name alone says that the whole file belongs to the copy."""
        return copy.selector is None or bool(self._layout.says(key, WantedValues([copy.selector])).whole)

    def lastingly(self, copy: Copy, key: str) -> bool:
        """Return whether the name says so whatever is written under it."""
        return self.wholly(copy, key) and (copy.selector is None or not self._layout.within(key, [copy.selector]))

    # --- export ---------------------------------------------------------------------------------

    def export(self, copy: Copy) -> Iterator[Item]:
        """Yield one item for each state of a file, and one for its metadata; folders and links have no content of their own."""
        for key in copy.keys:
            if self._tree.is_folder(key) or self._tree.is_link(key):
                continue
            for state in self._tree.states(key):
                yield from self._items(copy, key, state)

    def _items(self, copy: Copy, key: str, state: FileState) -> Iterator[Item]:
        name, shared = _archived(key, state.older), key in copy.shared
        if not self.wholly(copy, key):
            if self._layout.many_in_a_file:
                yield Item(f"{name}.records.jsonl", self._lines(state, key, copy), "application/jsonl", shared)
                return
            if state.older and not any(self._lines(state, key, copy)):
                return
        yield Item(name, self._bytes(state), mimetypes.guess_type(key)[0] or "application/octet-stream", shared)
        notes = state.notes()
        if notes:
            text = json.dumps(dict(notes), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
            yield Item(f"{name}.metadata.json", [text], "application/json", shared)

    def _bytes(self, state: FileState) -> Iterator[bytes]:
        with self._open(state) as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def _lines(self, state: FileState, key: str, copy: Copy) -> Iterator[bytes]:
        for record, _ in self._theirs(lambda: self._open(state), key, [copy]):
            yield json.dumps(record.value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"

    # --- trace ----------------------------------------------------------------------------------

    def trace(self, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Each file is read once for each subject that owns it whole, once for all subjects that have records in it."""
        sharing: dict[str, list[Copy]] = {}
        placed: dict[str, dict[str, list[PlacedCopy]]] = {}
        for copy in copies:
            for key in copy.keys:
                if isinstance(copy, PlacedCopy):
                    placed.setdefault(key, {}).setdefault(copy.row, []).append(copy)
                elif self.wholly(copy, key):
                    self._trace_file(copy, key, tracer)
                elif not self._tree.is_link(key):
                    sharing.setdefault(key, []).append(copy)
        for key, together in sharing.items():
            # What cannot be read can be neither traced nor erased: erase and check say so.
            with suppress(OSError, Unreadable):
                self._each_state(key, partial(self._trace_records, key=key, together=together, tracer=tracer))
        for key, by_row in placed.items():
            self._trace_placed(key, by_row, tracer)

    def _trace_placed(self, key: str, by_row: dict[str, list[PlacedCopy]], tracer: Tracer) -> None:
        """Single records, by their numbers in the file, and the name alone."""
        for copy in by_row.pop(FILE_NAME, ()):
            tracer.name(copy.subject, self._layout.dataset.name, copy.name)
        fields = self._layout.dataset.subject_fields
        with suppress(OSError, Unreadable):
            for row, record in numbered(self._tree, self._layout, key, fields, by_row) if by_row else ():
                for copy in by_row.get(row, ()):
                    # Why again: the file may have been written since, and the record under this number be another one.
                    if self._is_same(copy, key, record):
                        self._trace_record(copy.subject, record, tracer)
                        if not self._layout.many_in_a_file:
                            self._trace_beside(copy.subject, key, tracer)

    def _is_same(self, copy: Copy, key: str, record: FileRecord) -> bool:
        """Whether a record still names whom the copy was made for."""
        found, match = self._layout.template_of(key), copy.selector.match if copy.selector else {}
        fields = self._layout.recorded(found[0], match) if found else ()
        return record.value is not None and all(record.texts(name) == match[name] for name in fields)

    def _trace_beside(self, subject: Pseudonym, key: str, tracer: Tracer) -> None:
        self._trace_names(subject, key, tracer)
        for state in islice(self._tree.states(key), 1):
            self._trace_notes(subject, state, tracer)

    def _trace_records(self, state: FileState, key: str, together: Sequence[Copy], tracer: Tracer) -> None:
        for record, selectors in self._theirs(state.open, key, together):
            stays = member_cut(self._layout, record, selectors) is not None
            for selector in selectors:
                subject, cut = selector.subject, member_cut(self._layout, record, [selector]) if stays else None
                if cut is not None:
                    self._trace_members(subject, cut, tracer)
                    continue
                self._trace_record(subject, record, tracer)
                if not self._layout.many_in_a_file:
                    self._trace_names(subject, key, tracer)
                    self._trace_notes(subject, state, tracer)

    def _trace_record(self, subject: Pseudonym, record: FileRecord, tracer: Tracer) -> None:
        self._trace_value(subject, "", record.value, tracer)
        # Also as it lies there: a window taken from another file (a sidecar) may run across several fields. Bytes of another
        # encoding say nothing of their own: whoever looks for words in them looks in UTF-8.
        raw = record.raw if record.codec == "utf-8" else record.raw.decode(record.codec).encode()
        tracer.blob(subject, self._layout.dataset.name, "record", io.BytesIO(raw))

    def _trace_members(self, subject: Pseudonym, cut: MemberCut, tracer: Tracer) -> None:
        """Trace the members that leave a record: all else in it belongs to the people for whom it stays."""
        for around in cut.around:
            tracer.blob(subject, self._layout.dataset.name, "record", io.BytesIO(around.encode()))
        for member in cut.gone:
            value = json.loads(member)
            self._trace_value(subject, "", value, tracer)
            if isinstance(value, dict | list):
                tracer.blob(subject, self._layout.dataset.name, "record", io.BytesIO(member.encode()))

    def _trace_names(self, subject: Pseudonym, key: str, tracer: Tracer) -> None:
        name = self._layout.dataset.name
        found = self._layout.template_of(key)
        if found is None:
            return
        template, readings = found
        for part, segment in zip(key.rstrip("/").split("/"), template.segments, strict=False):
            if segment.placeholders:
                tracer.name(subject, name, part)
        for placeholder, value in sorted({pair for reading in readings for pair in reading.items()}):
            tracer.text(subject, name, placeholder, value)

    def _each_state(self, key: str, trace: Callable[[FileState], None]) -> None:
        """Trace every state of a file; where one is gone since it was listed, also what a new listing has: another took its place."""
        for _ in range(2):
            gone = False
            for state in self._tree.states(key):
                try:
                    trace(state)
                except FileNotFoundError:
                    gone = True
            if not gone:
                return

    def _trace_state(self, state: FileState, subject: Pseudonym, tracer: Tracer) -> None:
        with state.open() as file:
            tracer.blob(subject, self._layout.dataset.name, "content", file)
        self._trace_notes(subject, state, tracer)

    def _trace_file(self, copy: Copy, key: str, tracer: Tracer) -> None:
        name = self._layout.dataset.name
        self._trace_names(copy.subject, key, tracer)
        if self._tree.is_folder(key):
            return
        try:
            # What a link leads to is theirs as well: if it stays there, under a name that leads to nobody, it is residue.
            self._each_state(key, partial(self._trace_state, subject=copy.subject, tracer=tracer))
        except FileNotFoundError:
            return
        except (Unreadable, OSError) as error:
            message = f"dataset {name}: a file cannot be read"
            raise CouldNotLook(message, help="`expunge check` names it") from error
        if self._layout.dataset.format:
            # Damaged records are no obstacle here: the whole file goes, and all of it was traced as bytes.
            with suppress(OSError, Unreadable):
                self._each_state(key, partial(self._trace_fields, key=key, subject=copy.subject, tracer=tracer))

    def _trace_fields(self, state: FileState, key: str, subject: Pseudonym, tracer: Tracer) -> None:
        with state.open() as file:
            for record in self._layout.read(file, key, ()):
                self._trace_value(subject, "", record.value, tracer)

    def _trace_notes(self, subject: Pseudonym, state: FileState, tracer: Tracer) -> None:
        for word, value in state.notes().items():
            # The company's own words beside the bytes: a name that one person alone has is content.
            tracer.text(subject, self._layout.dataset.name, KEY, word)
            tracer.text(subject, self._layout.dataset.name, "metadata", value)

    def _trace_value(self, subject: Pseudonym, field: str, value: Value, tracer: Tracer) -> None:
        dataset = self._layout.dataset.name
        if isinstance(value, dict):
            for key, inner in value.items():
                if field:
                    # Below the top, keys may be data: they are content, and no names of fields.
                    tracer.text(subject, dataset, field, key)
                self._trace_value(subject, field or key, inner, tracer)
        elif isinstance(value, list):
            numbers = [each for each in value if isinstance(each, int | float) and not isinstance(each, bool)]
            if len(numbers) > 1 and len(numbers) == len(value):
                tracer.vector(subject, dataset, field or "record", [float(number) for number in numbers])
                return
            for inner in value:
                self._trace_value(subject, field, inner, tracer)
        elif isinstance(value, str):
            tracer.text(subject, dataset, field or "record", value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            if abs(value) < 1e300:
                tracer.number(subject, dataset, field or "record", float(value))
            tracer.text(subject, dataset, field or "record", str(value))

    # --- reading --------------------------------------------------------------------------------

    def _theirs(self, opening: Callable[[], BinaryIO], key: str, copies: Sequence[Copy]) -> Iterator[tuple[FileRecord, list[Selector]]]:
        wanted = WantedValues(copy.selector for copy in copies if copy.selector)
        says = self._layout.says(key, wanted)
        texts = wanted.texts(wanted.fields) if says.unsaid is None else None
        for record in self._layout.holding(opening, key, (*wanted.fields, *self._layout.beside(wanted)), texts):
            owners = wanted.in_record(record, wanted.fields, says)
            if owners:
                yield record, [wanted.selectors[owner] for owner in sorted(owners)]

    def _open(self, state: FileState) -> BinaryIO:
        try:
            return state.open()
        except (OSError, Unreadable) as error:
            message = f"dataset {self._layout.dataset.name}: a file cannot be read"
            raise CouldNotLook(message, help="`expunge check` names it; run again once it can be read") from error


def _archived(key: str, older: int) -> str:
    """A key as a name that every archive can hold: bytes that are no UTF-8 are spelt out, no part leads upwards."""
    name = key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    parts = ["_" if part in {"", ".", ".."} else part for part in name.split("/")]
    return "/".join([f"older versions/{older}"] * bool(older) + parts)
