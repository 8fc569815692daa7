"""``expunge evidence``: a signed pack of receipts, proofs, policy and lists for a regulator, and its check offline."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge import clock
from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.verification.evidence_pack import EvidenceManifest

app = typer.Typer(help="Evidence: pack it for a regulator, check a pack offline.", no_args_is_help=True)


@app.command()
def pack(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.zip", help="The file to write; it must not exist.", show_default=False)],
    start: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first day, in UTC; else since the first record.", show_default=False)
    ] = "",
    end: Annotated[
        str, typer.Option("--to", metavar="DATE", help="The day after the last, in UTC; else until now.", show_default=False)
    ] = "",
    recipient: Annotated[str, typer.Option("--for", metavar="NAME", help="For whom it is made.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Write a signed zip: receipts with their proofs, the newest checkpoint, the policy in force, and lists by kind.

    It holds no name, no identifier and no content of any person. index.html in it opens offline. Exit code 1 when this installation lacks
    something that the log has: the pack is written, and names it.
    """
    times = {"start": read_day(start, "--from"), "end": read_day(end, "--to")}
    with opened(map_file, recover=True) as expunge:
        packed = expunge.records.pack(out, recipient=recipient, **times)
    if as_json:
        said = {"file": out, "receipts": packed.receipts, "unknown": packed.unknown, **_values(packed.manifest)}
        output.write_json("evidence-pack/1", said)
    else:
        log = packed.manifest.log
        output.say(f"{out}: {output.count(packed.receipts, 'receipt')}, entries {log.first} to {log.past} (not included) of {log.size}")
        output.note(f"next: expunge evidence verify {out}")
    if packed.unknown:
        output.note(f"this installation does not have what was entered in the log as {', '.join(map(str, packed.unknown))}")
        raise typer.Exit(Exit.FAILED)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="A pack, or the folder that it was unpacked into.", exists=True)],
    trust: Annotated[
        Path | None,
        typer.Option(help="Keys got elsewhere, in the form of trust-policy.txt.", exists=True, dir_okay=False, show_default=False),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check a pack: signature, each file, each receipt, and that none of its part of the log is missing. Needs no state and no network.

    Exit code 0 when it holds, 6 when it does not: the answer names each file, receipt and entry of the log concerned.
    """
    from expunge.cli.terminal.evidence_files import read_pack
    from expunge.core.verification import evidence_verify

    found = evidence_verify.verify(read_pack(file), trust.read_bytes() if trust else None, at=clock.now())
    if as_json:
        said = {"holds": True, "trusted": found.trusted, "receipts": found.receipts, "ledger": found.ledger, "registers": found.registers}
        output.write_json("evidence-verification/1", {**said, **_values(found.manifest), "steps": found.steps})
        return
    for number, step in enumerate(found.steps, 1):
        output.say(f"{number}. {output.visible(step)}")


@app.command()
def records(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show how long each kind of record about orders is kept, and how many are past that. Nothing erases them by itself."""
    with opened(map_file) as expunge:
        found = expunge.records.ages()
    if as_json:
        said = [
            {"kind": each.kind, "period": str(each.period), "records": each.records, "oldest": each.oldest, "past": each.past}
            for each in found
        ]
        output.write_json("records/1", {"records": said})
        return
    from rich.table import Table

    table = Table("records of", "kept", "there are", "oldest", "past their period")
    for each in found:
        table.add_row(each.kind.value, str(each.period), f"{each.records:,}", output.moment(each.oldest), f"{each.past:,}")
    output.stdout().print(table)


def read_day(text: str, option: str) -> datetime | None:
    """Read a day as the instant at which it begins in UTC; None for empty text. Raises UsageError."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{option}: {output.visible(text)!r} is not a date"
        raise UsageError(message, help="write it as 2026-01-31") from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _values(manifest: EvidenceManifest) -> dict[str, Any]:
    log = manifest.log
    covered = {"origin": log.origin, "size": log.size, "root": log.root, "first": log.first, "past": log.past}
    times = {"made": manifest.made, "for": manifest.recipient, "from": manifest.start, "to": manifest.end}
    return {**times, "log": covered, "lists": manifest.lists, "files": len(manifest.files)}
