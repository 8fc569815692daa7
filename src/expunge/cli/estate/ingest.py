"""``expunge ingest``: take recordings into a vault, sealed from the first byte."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened_vault
from expunge.errors import Refused, UsageError

if TYPE_CHECKING:
    from expunge.bootstrap.vault.access import Vault

STDIN = "-"
_STRAYS_SHOWN = 10


@dataclass
class _Taken:
    """The result for the recordings."""

    fresh: int = 0
    known: int = 0
    bytes: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def ingest(
    source: Annotated[str, typer.Argument(metavar="FILE|DIR|-", help="A recording, a folder of them, or - for stdin.", show_default=False)],
    dataset: Annotated[str, typer.Option(help="The dataset of a vault that it belongs to.", show_default=False)],
    fields: Annotated[
        list[str] | None, typer.Option("--field", help="A placeholder of the dataset's path: recording_id=r-1; for each one.")
    ] = None,
    name: Annotated[str, typer.Option(help="The whole name instead, as the path has it.")] = "",
    subjects: Annotated[
        list[str] | None, typer.Option("--subject", help="A further person in it: profile:p-18; whom the name says is in it by itself.")
    ] = None,
    sha256: Annotated[str, typer.Option(help="Take it only if it has this SHA-256, in hex.")] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Take recordings into a vault: sealed before they touch a disk, each under a key of its own.

    A folder gives each file the name that it has below it. The fence, the schedule of this kind of data and, where the map has a purpose
    `store`, permission for it are asked first. The same recording again changes nothing; another one of the same name is refused. What
    is named here stays where it is, in the clear. Exit code 1: some of a folder were refused.
    """
    further = [_pair(each, ":", "--subject is written with its kind", "such as profile:p-18") for each in subjects or ()]
    filled = dict(_pair(each, "=", "--field names a placeholder and its value", "such as recording_id=r-1") for each in fields or ())
    if sha256 and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise UsageError("--sha256 is no SHA-256", help="give its 64 hex digits, as `sha256sum FILE` prints them")
    taken = _Taken()
    folder = source != STDIN and Path(source).is_dir()
    if folder and (name or filled or sha256):
        raise UsageError("files of a folder have names already", help="leave out --name, --field and --sha256")
    with opened_vault(map_file) as vault:
        vault.renew_gate()
        if folder:
            for each, path in _names(vault, dataset, Path(source)):
                with path.open("rb") as file:
                    try:
                        _take(vault, dataset, each, file, further, taken, clear=True)
                    except Refused as error:
                        taken.refused[error.message] += 1
        else:
            whole = name or vault.named(dataset, filled)
            for stream in _stream(source):
                _take(vault, dataset, whole, stream, further, taken, clear=source != STDIN, digest=sha256.lower())
    _tell(taken, as_json=as_json)
    if taken.refused:
        raise typer.Exit(Exit.FAILED)


def _names(vault: Vault, dataset: str, folder: Path) -> list[tuple[str, Path]]:
    from expunge.bootstrap.vault.vault_names import StrayFiles

    try:
        return list(vault.names(dataset, folder))
    except StrayFiles as error:
        for name in error.names[:_STRAYS_SHOWN]:
            output.note(f"no recording of {dataset}: {output.visible(name)}")
        raise


def _take(
    vault: Vault,
    dataset: str,
    name: str,
    stream: BinaryIO,
    further: list[tuple[str, str]],
    taken: _Taken,
    *,
    clear: bool,
    digest: str = "",
) -> None:
    found = vault.ingest(dataset, name, stream, further, clear_before=clear, digest=digest)
    taken.fresh += found.fresh
    taken.known += not found.fresh
    taken.bytes += found.recording.size if found.fresh else 0


def _stream(source: str) -> Iterator[BinaryIO]:
    if source == STDIN:
        yield sys.stdin.buffer
        return
    try:
        with Path(source).open("rb") as file:
            yield file
    except OSError as error:
        message = f"{output.visible(source)} cannot be read: {error.strerror}"
        raise UsageError(message, help="name a file, a folder, or - for stdin") from error


def _pair(text: str, sign: str, what: str, mend: str) -> tuple[str, str]:
    left, found, right = text.partition(sign)
    if not left or not found or not right:
        raise UsageError(what, help=mend)
    return left, right


def _tell(taken: _Taken, *, as_json: bool) -> None:
    refused = sum(taken.refused.values())
    if as_json:
        output.write_json("ingested/1", {"fresh": taken.fresh, "known": taken.known, "bytes": taken.bytes, "refused": refused})
    else:
        output.say(f"taken in: {output.count(taken.fresh, 'recording')}, {output.size(taken.bytes)}; {taken.known} were in already")
    for why, count in sorted(taken.refused.items()):
        output.note(f"refused: {output.count(count, 'recording')}: {why}")
