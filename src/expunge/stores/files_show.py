"""Handing over what files hold: to the person as an export, to a tracer as content."""

from __future__ import annotations

import io
import json
import mimetypes
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from expunge.core.copy import Copy, Item
from expunge.core.ids import Pseudonym
from expunge.errors import CouldNotLook
from expunge.ports.scanner import Tracer
from expunge.stores.layout import Layout, Wanted, opened
from expunge.stores.records import Record, Unreadable, Value

_CHUNK = 1 << 20


class Show:
    """Reads of one dataset's copies."""

    def __init__(self, root: Path, layout: Layout) -> None:
        self._root = root
        self._layout = layout

    def wholly(self, copy: Copy, key: str) -> bool:
        """Whether the name alone says that all of it is the copy's."""
        return copy.selector is None or bool(self._layout.owners(key, Wanted([copy.selector])))

    # --- export ---------------------------------------------------------------------------------

    def export(self, copy: Copy) -> Iterator[Item]:
        """One item a file; folders and links have no content of their own."""
        for key in copy.keys:
            path = self._root / key
            if key.endswith("/") or path.is_symlink():
                continue
            shared = key in copy.shared
            if self.wholly(copy, key) or self._layout.dataset.format == "json":
                kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
                yield Item(_archived(key), self._bytes(path), kind, shared)
            else:
                yield Item(f"{_archived(key)}.records.jsonl", self._lines(path, key, copy), "application/jsonl", shared)

    def _bytes(self, path: Path) -> Iterator[bytes]:
        with self._open(path) as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def _lines(self, path: Path, key: str, copy: Copy) -> Iterator[bytes]:
        with self._open(path) as file:
            for record, _ in self._theirs(file, key, [copy]):
                yield json.dumps(record.value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"

    # --- trace ----------------------------------------------------------------------------------

    def trace(self, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Each file is read once for each subject that owns it whole, once for all subjects that have records in it."""
        sharing: dict[str, list[Copy]] = {}
        for copy in copies:
            for key in copy.keys:
                if self.wholly(copy, key):
                    self._trace_file(copy, key, tracer)
                elif not (self._root / key).is_symlink():
                    sharing.setdefault(key, []).append(copy)
        for key, together in sharing.items():
            # What cannot be read can be neither traced nor erased: erase and check say so.
            with suppress(OSError, Unreadable), opened(self._root / key) as file:
                for record, subjects in self._theirs(file, key, together):
                    for subject in subjects:
                        self._trace_value(subject, "", record.value, tracer)
                        # Also as it lies there: a window taken from another file (a sidecar) may run across several fields.
                        tracer.blob(subject, self._layout.dataset.name, "record", io.BytesIO(record.raw))
                        if self._layout.dataset.format == "json":
                            self._trace_names(subject, key, tracer)

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

    def _trace_file(self, copy: Copy, key: str, tracer: Tracer) -> None:
        name = self._layout.dataset.name
        self._trace_names(copy.subject, key, tracer)
        path = self._root / key
        if path.is_symlink():
            # What a link leads to is theirs as well: if it stays there, under a name that leads to nobody, it is residue.
            if not path.is_file() or not path.resolve().is_relative_to(self._root):
                return
            path = path.resolve()
        if key.endswith("/"):
            return
        try:
            with opened(path) as file:
                tracer.blob(copy.subject, name, "content", file)
        except FileNotFoundError:
            return
        except (Unreadable, OSError) as error:
            message = f"dataset {name}: a file cannot be read"
            raise CouldNotLook(message, help="`expunge check` names it") from error
        if self._layout.dataset.format:
            # Damaged records are no obstacle here: the whole file goes, and all of it was traced as bytes.
            with suppress(OSError, Unreadable), opened(path) as file:
                for record in self._layout.read(file, key, ()):
                    self._trace_value(copy.subject, "", record.value, tracer)

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
                tracer.vector(subject, dataset, field or "record", [float(each) for each in numbers])
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

    def _theirs(self, file: BinaryIO, key: str, copies: Sequence[Copy]) -> Iterator[tuple[Record, list[Pseudonym]]]:
        wanted = Wanted(copy.selector for copy in copies if copy.selector)
        for record in self._layout.read(file, key, wanted.fields):
            owners = wanted.in_record(record, wanted.fields)
            if owners:
                yield record, [wanted.selectors[owner].subject for owner in sorted(owners)]

    def _open(self, path: Path) -> BinaryIO:
        try:
            return opened(path)
        except (OSError, Unreadable) as error:
            message = f"dataset {self._layout.dataset.name}: a file cannot be read"
            raise CouldNotLook(message, help="`expunge check` names it; run again once it can be read") from error


def _archived(key: str) -> str:
    """A key as a name that every archive can hold: bytes that are no UTF-8 are spelt out."""
    return key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
