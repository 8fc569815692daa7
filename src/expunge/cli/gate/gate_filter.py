"""``expunge gate filter``: rows of Parquet, JSON lines or CSV from stdin to stdout."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from expunge import clock
from expunge.errors import ExpungeError, Misconfigured, UsageError

if TYPE_CHECKING:
    from expunge.gate import Gate, ManifestWriter, Tally
    from expunge.gate.settings import Settings

FORMS = ("parquet", "jsonl", "csv")
_MAGIC = b"PAR1"
_IN_MEMORY = 64 << 20


class GateShut(ExpungeError):
    """The gate knows nothing at present. Run again when a snapshot is there."""


def writer_of(settings: Settings, product: str, purpose: str) -> ManifestWriter:
    """The manifest that the settings' pipeline signs. Raises Misconfigured where they name none."""
    from expunge.gate.manifests import ManifestWriter

    if settings.pipeline is None:
        raise Misconfigured("the gate.toml names no pipeline to sign a manifest with", help="run `expunge gate key NAME`")
    return ManifestWriter(settings.pipeline, product, purpose, clock.now)


def _save(writer: ManifestWriter, path: Path, tally: Tally) -> None:
    """Write the manifest; a file that is there is never overwritten. Raises UsageError."""
    try:
        writer.save(path, tally)
    except OSError as error:
        message = f"the manifest {path} cannot be written: {error.strerror}"
        raise UsageError(message, help="name a new file in a folder that can be written") from error


def through(
    gate: Gate,
    column: str,
    kind: str,
    purpose: str,
    *,
    form: str,
    recorded: str | None,
    manifest: tuple[ManifestWriter, Path] | None,
) -> Tally:
    """Filter stdin to stdout; the manifest is written before the rows, so that no row comes out that it does not know of.

    Raises:
        UsageError: for input that is not of the format, or lacks the column; nothing was written then.
        GateShut: when the gate knows nothing; nothing was written.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as source, tempfile.SpooledTemporaryFile(_IN_MEMORY) as target:
        shutil.copyfileobj(sys.stdin.buffer, source)
        source.seek(0)
        chosen = form or _told(source)
        if chosen not in FORMS:
            message = f"there is no format {chosen!r}"
            raise UsageError(message, help=f"formats are {', '.join(FORMS)}")
        filters = {"parquet": _parquet, "jsonl": _jsonl, "csv": _csv}
        tally = filters[chosen](gate, source, target, column, kind, purpose, recorded, manifest[0] if manifest else None)
        if tally.shut is not None:
            raise GateShut(str(tally.shut), help="renew it with `expunge gate publish`, or let a worker do so; nothing was written")
        if manifest is not None:
            _save(*manifest, tally)
        target.seek(0)
        shutil.copyfileobj(target, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return tally


def _told(source: IO[bytes]) -> str:
    """The format by the first bytes: Parquet's mark, or a line that is a JSON object."""
    start = source.read(1 << 16)
    source.seek(0)
    if start.startswith(_MAGIC):
        return "parquet"
    return "jsonl" if start.lstrip().startswith(b"{") else "csv"


def _parquet(
    gate: Gate,
    source: IO[bytes],
    target: IO[bytes],
    column: str,
    kind: str,
    purpose: str,
    recorded: str | None,
    manifest: ManifestWriter | None,
) -> Tally:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise Misconfigured(
            "reading Parquet needs a package that is not installed: pyarrow", help="pip install 'expunge[parquet]'"
        ) from None
    try:
        file = pq.ParquetFile(source)
        batches = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())
        passed = gate.allowed(batches, column, kind, purpose, recorded=recorded, manifest=manifest)
        with pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
            for batch in passed.rows:
                writer.write_batch(batch)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            "the input is not a whole Parquet file", help="what was written to the pipe broke off, or is of another format"
        ) from error
    return passed.tally


def _jsonl(
    gate: Gate,
    source: IO[bytes],
    target: IO[bytes],
    column: str,
    kind: str,
    purpose: str,
    recorded: str | None,
    manifest: ManifestWriter | None,
) -> Tally:
    def rows() -> Iterator[dict[str, Any]]:
        for number, line in enumerate(source, 1):
            if not line.strip():
                continue
            row = _object(line, number)
            if column not in row:
                message = f"line {number} has no field {column!r}"
                raise UsageError(message, help="name the field that says whose a row is; null means nobody knows, and is refused")
            time = _instant(row.get(recorded)) if recorded else None
            yield {"subject": row[column], "time": time, "line": line}

    passed = gate.allowed(rows(), "subject", kind, purpose, recorded="time" if recorded else None, manifest=manifest)
    for row in passed.rows:
        target.write(row["line"] if row["line"].endswith(b"\n") else row["line"] + b"\n")
    return passed.tally


def _object(line: bytes, number: int) -> dict[str, Any]:
    from expunge.gate.batches import named_once

    try:
        row = json.loads(line, object_pairs_hook=named_once)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        message = f"line {number} is not a JSON object, or has a name twice"
        raise UsageError(message, help="one object a line; a last line that breaks off means that the pipe did")
    return row


def _csv(
    gate: Gate,
    source: IO[bytes],
    target: IO[bytes],
    column: str,
    kind: str,
    purpose: str,
    recorded: str | None,
    manifest: ManifestWriter | None,
) -> Tally:
    text = io.TextIOWrapper(source, "utf-8", newline="")
    out = io.TextIOWrapper(target, "utf-8", newline="", write_through=True)
    try:
        reader = csv.reader(text, strict=True)
        header = next(reader, None)
        for name in (column, recorded):
            if name and (header is None or header.count(name) != 1):
                message = f"the first line names no single column {name!r}"
                raise UsageError(message, help="a CSV file begins with the names of its columns")
        assert header is not None
        rows = _csv_rows(reader, header, column, recorded)
        passed = gate.allowed(rows, "subject", kind, purpose, recorded="time" if recorded else None, manifest=manifest)
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(row["row"] for row in passed.rows)
        out.flush()
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError("the input is not CSV in UTF-8", help="give its format with --format") from error
    finally:
        # Why detached: closing these would close what lies under them.
        text.detach()
        out.detach()
    return passed.tally


def _csv_rows(reader: Iterator[list[str]], header: list[str], column: str, recorded: str | None) -> Iterator[dict[str, Any]]:
    at, when = header.index(column), header.index(recorded) if recorded else None
    for number, row in enumerate(reader, 2):
        if len(row) != len(header):
            message = f"row {number} has {len(row)} fields, the first line {len(header)}"
            raise UsageError(message, help="a last row that breaks off means that the pipe did")
        yield {"subject": row[at] or None, "time": _instant(row[when]) if when is not None else None, "row": row}


def _instant(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
