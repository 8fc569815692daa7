"""``expunge gate``: the snapshot, pipelines' keys, filters for shell pipelines, and lookups in training manifests."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.gate.training_manifest import TrainingManifest
    from expunge.gate.settings import Settings

app = typer.Typer(help="The gate: what pipelines ask before they use anything of a person.", no_args_is_help=True)

GateFile = Annotated[
    Path | None,
    typer.Option(
        "--gate",
        envvar="EXPUNGE_GATE",
        help="A pipeline's gate.toml; else one here or in a folder above, else the installation of the map.",
        show_default=False,
    ),
]


@app.command()
def publish(
    every: Annotated[float, typer.Option(help="Go on, and publish again every so many seconds; 0: once.", min=0)] = 0,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Write the gate's snapshot anew, with the time of now. Orders and workers do it too; this is for where no worker runs.

    Pipelines allow nothing with a snapshot that is older than they accept (60 seconds, unless they say otherwise), or than seven days: keep
    it running with --every 20. The gate.toml beside it names snapshot and signers, and no key.
    """
    from expunge.errors import Busy, StateUnavailable

    with opened(map_file, recover=True) as expunge:
        while True:
            try:
                _published(expunge.gates.publish(), as_json=as_json)
            except (Busy, StateUnavailable) as error:
                # Why it goes on: the next time, another process has let go, or the disk is there again; once asked, it fails.
                if not every:
                    raise
                output.note(error.message)
            if not every:
                return
            time.sleep(every)


def _published(suppressed: int, *, as_json: bool) -> None:
    if as_json:
        output.write_json("gate-published/1", {"suppressed": suppressed})
    else:
        output.say(f"published: {output.count(suppressed, 'identifier')} suppressed")


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Name of the pipeline; stands in its manifests.", show_default=False)],
    to: Annotated[Path | None, typer.Option(help="Folder to write to; else gate/pipelines/NAME in the state.", show_default=False)] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Give a pipeline a key: a folder with gate.toml, the gate key, and a key that signs its training manifests.

    The folder is secret: whoever has the gate key can match a list of guesses against the snapshot. Set EXPUNGE_GATE to its gate.toml.
    """
    with opened(map_file) as expunge:
        folder, certificate = expunge.gates.issue(name, to)
    if as_json:
        output.write_json("gate-key/1", {"folder": folder, "public": certificate.public.hex(), "issued": certificate.issued})
    else:
        output.say(f"{folder}: set EXPUNGE_GATE={folder / 'gate.toml'}")


@app.command("filter")
def filter_rows(
    column: Annotated[str, typer.Option(help="The column that says whose a row is.", show_default=False)],
    kind: Annotated[str, typer.Option(help="Its kind of identifier in the map: profile.", show_default=False)],
    purpose: Annotated[str, typer.Option(help="What the rows are used for: a purpose of the map.", show_default=False)],
    form: Annotated[str, typer.Option("--format", help="parquet, jsonl or csv; told by the content when left out.")] = "",
    recorded: Annotated[str, typer.Option(help="The column that says when a row was recorded: what is too old is left out.")] = "",
    manifest: Annotated[Path | None, typer.Option(help="Write a training manifest there, signed by the pipeline's key.")] = None,
    product: Annotated[str, typer.Option(help="With --manifest: what is made of the rows.")] = "",
    gate_file: GateFile = None,
    map_file: options.Map = None,
) -> None:
    """Let through, from stdin to stdout, the rows of people whose data may be used for a purpose. Counts go to stderr.

    Nothing is written to stdout before all was read and asked, so that a pipe that breaks leaves no half of a file that looks whole. When
    the gate knows nothing (no snapshot, too old, forged), nothing is written at all and the command fails.
    """
    from expunge.cli.gate import gate_filter

    if bool(manifest) != bool(product):
        raise UsageError("--manifest and --product go together", help="name the product that the manifest is for")
    if sys.stdin.isatty() or sys.stdout.isatty():
        raise UsageError("rows come from stdin and go to stdout", help="expunge gate filter ... < in.parquet > out.parquet")
    settings = _settings(gate_file)
    if settings is not None:
        writer = (gate_filter.writer_of(settings, product, purpose), manifest) if manifest else None
        gate = settings.gate()
    else:
        if manifest:
            raise UsageError(
                "a manifest is signed by a pipeline's key", help="run `expunge gate key NAME` and give its gate.toml with --gate"
            )
        writer = None
        with opened(map_file) as expunge:
            gate = expunge.gate()
    tally = gate_filter.through(gate, column, kind, purpose, form=form, recorded=recorded or None, manifest=writer)
    refused = ", ".join(f"{output.count(count, 'row')} {reason.value}" for reason, count in sorted(tally.refused.items()))
    output.note(f"{output.count(tally.allowed, 'row')} let through; refused: {refused or 'none'}")


@app.command("was-in")
def was_in(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="The manifest of a model or other product.", show_default=False)],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Whom to look for: profile:p-17.", show_default=False)],
    gate_file: GateFile = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Say whether somebody was let into a product, by its training manifest.

    Exit code 0: they were in it. 3: they were not. 6: the manifest was changed, or no pipeline of ours signed it. Others as everywhere.
    """
    from expunge.core.gate.training_manifest import parse_manifest
    from expunge.gate import Subject
    from expunge.gate import was_in as answer

    wanted = Subject.of(subject)
    data = _bytes_of(manifest)
    settings = _settings(gate_file)
    if settings is not None:
        read = parse_manifest(data, settings.signers)
        found = answer(read, settings.key, wanted)
    else:
        with opened(map_file) as expunge:
            read = expunge.gates.read_manifest(data)
            found = expunge.gates.was_in(read, wanted)
    _tell(read, found=found, as_json=as_json)
    if not found:
        raise typer.Exit(Exit.CHANGES)


def _tell(read: TrainingManifest, *, found: bool, as_json: bool) -> None:
    if as_json:
        body = {"product": read.product, "was_in": found, "purpose": read.purpose, "subjects": read.count, "begun": read.begun}
        seen = [{"policy": one.policy, "first": one.first, "last": one.last} for one in read.seen]
        output.write_json("was-in/1", {**body, "ended": read.ended, "pipeline": read.certificate.name, "seen": seen})
        return
    when = f"{output.moment(read.begun)} to {output.moment(read.ended)}"
    what = f"{output.visible(read.product)} ({output.visible(read.purpose)}, {output.count(read.count, 'subject')}, {when})"
    output.say(f"{'was in' if found else 'was not in'} {what}")


def _settings(gate_file: Path | None) -> Settings | None:
    """What a pipeline was given, where that is to be used: its ``gate.toml`` is named, or found and holds a key."""
    from expunge.gate import settings

    environ = dict(os.environ) if gate_file is None else {**os.environ, settings.FILE: str(gate_file)}
    if gate_file is None and not settings.has_key(environ, Path.cwd()):
        return None
    return settings.read(environ, Path.cwd())


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise UsageError(message, help="name the manifest that was written when the product was made") from error
