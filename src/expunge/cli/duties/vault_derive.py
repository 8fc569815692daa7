"""``expunge vault derive``: seal what was made from a recording beside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.bootstrap.vault.derivations import Maker


def derive(
    recording: Annotated[str, typer.Argument(metavar="RECORDING", help="The recording, as DATASET/NAME.", show_default=False)],
    dataset: Annotated[str, typer.Option("--to", metavar="DATASET", help="The dataset of what is made from it.", show_default=False)],
    purpose: Annotated[str, typer.Option(help="What the recording is opened for: a purpose of the map.", show_default=False)],
    content: Annotated[
        Path | None,
        typer.Option(help="A file with what was made from it, or - for a pipe; else its waveform is made.", show_default=False),
    ] = None,
    field: Annotated[
        list[str] | None, typer.Option("--field", metavar="NAME=VALUE", help="A placeholder of the path that its name has not.")
    ] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Seal what was made from a recording under the same people. It is as old as the recording, and is erased with it.

    The gate is asked for the purpose, and the opening of the recording is entered in the journal.
    """
    with opened(map_file, recover=True) as expunge:
        expunge.derivations.renew_gate()
        fields = dict(each.partition("=")[::2] for each in field or ())
        said = {"purpose": purpose, "by": "expunge vault derive"}
        if content is None:
            made = expunge.derivations.draw(recording, dataset, **said, fields=fields)
        else:
            made = expunge.derivations.derive(recording, dataset, _given(content), **said, fields=fields)
    name = f"{made.recording.dataset}/{made.recording.name}"
    if as_json:
        output.write_json("derived/1", {"name": name, "bytes": made.recording.size, "fresh": made.fresh})
    else:
        output.say(f"{'sealed' if made.fresh else 'sealed already'}: {output.visible(name)}, {output.size(made.recording.size)}")


def _given(content: Path) -> Maker:
    def opened_file(_: BinaryIO) -> BinaryIO:
        return sys.stdin.buffer if str(content) == "-" else content.open("rb")

    return opened_file
