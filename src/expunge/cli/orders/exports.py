"""``expunge export``: a copy of what is held about a person, and its check by a stranger."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.cli.terminal import options, output, person_prompt
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.datamap.artefact import DataKind
    from expunge.core.export.wanted_export import ExportProgress

_UNITS = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4, "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([KMGT]?I?B?)", re.IGNORECASE)
_NOTED = 1 << 28
"""Bytes between two lines of progress."""


def export(
    name: person_prompt.Name,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write; it must not exist.")],
    kinds: Annotated[
        str, typer.Option("--kinds", metavar="KIND,...", help="Only these kinds, as `--kinds list` names them.", show_default=False)
    ] = "",
    part_size: Annotated[str, typer.Option("--part-size", metavar="SIZE", help="The most that one zip may have.")] = "2GB",
    language: Annotated[str, typer.Option("--language", metavar="en|es", help="Of the page that opens by itself.")] = "en",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Write everything that is held about a person into zips with pages that open offline, and signed lists of hashes.

    Exit code 1 when something could not be read; the pages and the lists say what.
    """
    from expunge.core.export.export_words import Language
    from expunge.core.export.wanted_export import WantedExport

    if language not in {each.value for each in Language}:
        raise UsageError("the pages are written in no such language", help="--language en, or --language es")
    wanted = WantedExport(_kinds(kinds), _size(part_size), Language(language))
    with opened(map_file) as expunge:
        (person,) = person_prompt.resolve(expunge, [name], whole=False)
        done = expunge.export(person, out, wanted, _Noting())
    failed = {dataset: each.reason.value for dataset, each in done.failed.items()}
    parts = [{"file": each.name, "bytes": each.bytes, "sha256": each.sha256} for each in done.parts]
    if as_json:
        counts = {"items": done.items, "bytes": done.bytes, "datasets": done.datasets, "failed": failed}
        output.write_json("exported/2", {"folder": out, "export": done.export, "parts": parts, **counts})
    else:
        held = output.count(done.items, "file"), output.size(done.bytes), output.count(len(parts), "part")
        output.say(f"{', '.join(held)}, in {output.visible(str(out))}")
        for dataset, reason in failed.items():
            output.say(f"could not read {dataset}: {reason}")
        output.note(f"next: expunge export-verify {output.visible(str(out))}; unpack {parts[0]['file']} and open index.html")
    if failed:
        raise typer.Exit(Exit.FAILED)


def export_verify(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The folder of an export, one of its zips, or where they were unpacked.", exists=True)
    ],
    trust: Annotated[
        Path | None,
        typer.Option(help="Keys got elsewhere, in the form of trust-policy.txt.", exists=True, dir_okay=False, show_default=False),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check an export: signatures, each part, and each file in it. Needs no state and no network.

    Exit code 0 when it holds, 6 when it does not.
    """
    from expunge.cli.terminal.export_files import check

    found = check(path, trust.read_bytes() if trust else None)
    if as_json:
        output.write_json(
            "export-verification/1", {"holds": True, "trusted": trust is not None, "parts": found.parts, "files": found.files}
        )
        return
    output.say(f"{output.count(found.parts, 'part')}, {output.count(found.files, 'file')}: each is what was signed")
    if trust is None:
        output.say("the keys came along with the export: that it is the company's is not shown; --trust FILE names keys got elsewhere")


class _Noting:
    """Notes how far an export is, now and then."""

    def __init__(self) -> None:
        self._next = _NOTED

    def __call__(self, progress: ExportProgress) -> None:
        if progress.bytes >= self._next:
            self._next = progress.bytes + _NOTED
            output.note(f"part {progress.part}: {output.count(progress.files, 'file')}, {output.size(progress.bytes)}")


def _kinds(text: str) -> frozenset[DataKind]:
    from expunge.core.export.wanted_export import kinds_of

    return kinds_of([word.strip().lower() for word in text.split(",") if word.strip()])


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None or found[2].upper() not in _UNITS:
        message = f"--part-size: {output.visible(text)!r} is no size"
        raise UsageError(message, help="write it as 2GB or 500MB")
    return int(float(found[1]) * _UNITS[found[2].upper()])
