"""``expunge receipt``: show a receipt, and check a receipt offline with the core alone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge import clock
from expunge.cli.terminal import options, output
from expunge.cli.terminal.log_answers import cosigned
from expunge.cli.terminal.receipt_files import read_folder
from expunge.errors import EvidenceInvalid, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from expunge.core.evidence.receipt import DatasetEntry, Receipt
    from expunge.core.review.view_verify import VerifiedViews
    from expunge.core.verification.receipt_verify import VerifiedReceipt
    from expunge.survey import ReceiptInLog

POLICY = "trust-policy.txt"

app = typer.Typer(help="Receipts: show them, check them offline.", no_args_is_help=True)


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of one receipt.", exists=True, file_okay=False)],
    trust: Annotated[
        Path | None,
        typer.Option(help="Keys got elsewhere, in the form of trust-policy.txt.", exists=True, dir_okay=False, show_default=False),
    ] = None,
    opening: Annotated[
        Path | None,
        typer.Option(help="The person's opening.json, where it is not in the folder.", exists=True, dir_okay=False, show_default=False),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(
            metavar="URL|DIR", help="Compare the receipt with the log of now, at this address or in this folder.", show_default=False
        ),
    ] = None,
    since: Annotated[
        list[Path] | None,
        typer.Option(
            help="With --log: a checkpoint, a proof, an older receipt's folder or a watch's folder, kept from before.", exists=True
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check a receipt: signature, statement, page, place in the log. Needs no network and no database, but for --log URL.

    The receipt of an erasure, or that of a look by staff.

    Exit code 0 when it holds, 6 when it does not. Without --trust the keys that came along are used, and the answer says so.
    Without an opening.json nothing ties it to a person: it still holds, with exit code 0, and the answer says so in capitals.
    With --log the log of now must continue the receipt's checkpoint and every head given with --since, and still hold the entry.
    """
    from expunge.core.review import view_verify
    from expunge.core.verification.receipt_verify import verify as check

    if since and log is None:
        raise UsageError("--since compares with the log of now", help="give --log with the log's address or folder")
    now = clock.now()
    files, keys = read_folder(folder), trust.read_bytes() if trust else None
    if view_verify.is_receipt_of_look(files):
        _verify_look(files, keys, opening, log, since or [], now, as_json=as_json)
        return
    if opening is not None:
        files = _with_opening(files, opening.read_bytes())
    verified = check(files, keys, at=now, witnessed_later=log is not None)
    found = _in_log(files if keys is None else {POLICY: keys}, verified, log, since or [], now) if log is not None else None
    if as_json:
        output.write_json("receipt-verification/1", {**_verification(verified), **_log_now(found)})
        return
    for number, step in enumerate((*verified.steps[:-1], *(found.steps if found else ()), verified.steps[-1]), 1):
        output.say(f"{number}. {output.visible(step)}")


def _verify_look(
    files: Mapping[str, bytes],
    keys: bytes | None,
    opening: Path | None,
    log: str | None,
    since: Sequence[Path],
    now: datetime,
    *,
    as_json: bool,
) -> None:
    from expunge.core.review import view_verify

    if opening is not None:
        raise UsageError("the receipt of a look names no person, and has no opening", help="leave --opening out")
    verified = view_verify.verify(files, keys, at=now, witnessed_later=log is not None)
    found = None
    if log is not None:
        found = _in_log(files if keys is None else {POLICY: keys}, verified, log, since, now)
    if as_json:
        output.write_json("look-verification/1", {**_looked(verified), **_log_now(found)})
        return
    for number, step in enumerate((*verified.steps[:-1], *(found.steps if found else ()), verified.steps[-1]), 1):
        output.say(f"{number}. {output.visible(step)}")


def _looked(verified: VerifiedViews) -> dict[str, Any]:
    receipt, first = verified.receipt, verified.views[0]
    return {
        "holds": True,
        "trusted": verified.trusted,
        "log": {"origin": receipt.log, "size": verified.head.head.size, "entries": [each.index for each in receipt.entries]},
        "witnesses": list(verified.head.witnesses),
        "steps": list(verified.steps),
        "look": receipt.look,
        "purpose": first.purpose.value,
        "case": f"{first.case_kind.value} {first.case_number}",
        "function": first.function.value,
        "seconds": verified.seconds,
        "views": [
            {
                "at": each.at.isoformat(), "first_ms": each.first_ms, "last_ms": each.last_ms, "clarity": each.clarity.value,
                "sound": each.sound.value,
            }
            for each in verified.views
        ],
    }  # fmt: skip


@app.command()
def bundle(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of one receipt.", exists=True, file_okay=False)],
    as_json: options.Json = False,
) -> None:
    """Write the receipt once more for tools of Sigstore: receipt.sigstore.json (bundle v0.3) and trusted-root.json, into its folder.

    Both are made from the other files, so this works for older receipts too. The root has the log's key that came along with the
    receipt: compare it with one got elsewhere. Nothing is checked here: see `expunge receipt verify`.
    """
    from expunge.core.verification import receipt_folder, sigstore_bundle

    files = read_folder(folder)
    missing = [name for name in receipt_folder.REQUIRED if name not in files]
    if missing:
        message = f"the receipt is not whole: {', '.join(missing)} missing"
        raise EvidenceInvalid(message, help="name the folder of one receipt")
    made = sigstore_bundle.files_of(files)
    for name, data in made.items():
        (folder / name).write_bytes(data)
    if as_json:
        output.write_json("receipt-bundle/1", {"files": sorted(made)})
        return
    for name in made:
        output.say(f"{folder / name}")


def _with_opening(files: dict[str, bytes], opening: bytes) -> dict[str, bytes]:
    from expunge.core.verification.receipt_folder import OPENING

    if files.get(OPENING, opening) != opening:
        raise UsageError("the folder has another opening.json", help="move one of the two away: a receipt is of one person")
    return {**files, OPENING: opening}


@app.command()
def show(
    which: Annotated[str, typer.Argument(metavar="ORDER|DIR", help="An order's id, or the folder of one receipt.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write an order's receipts here, one folder per person.", show_default=False),
    ] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show what a receipt says, and write the files to give away with --out. It is not checked here: see `expunge receipt verify`."""
    from expunge.core.evidence import receipt
    from expunge.core.log import dsse
    from expunge.core.pages.receipt_v6 import short_code
    from expunge.core.verification import receipt_folder

    shown = []
    for files in _files(which, out, map_file):
        if receipt_folder.ENVELOPE not in files:
            message = f"there is no {receipt_folder.ENVELOPE} in that folder"
            raise EvidenceInvalid(message, help="name the folder of one receipt")
        statement = dsse.parse(files[receipt_folder.ENVELOPE]).payload
        shown.append((receipt.parse(statement), short_code(statement)))
    if as_json:
        output.write_json("receipts/1", {"receipts": [{**_said(each), "code": code} for each, code in shown]})
        return
    for each, code in shown:
        _show(each)
        output.say(f"short code: {code}. Receipts with different codes are different.")


def _files(which: str, out: Path | None, map_file: Path | None) -> list[dict[str, bytes]]:
    """The files of one folder, or of every receipt of an order that holds now."""
    folder = Path(which)
    if folder.is_dir():
        return [read_folder(folder)]
    from expunge.cli.orders.apply import write_receipts
    from expunge.cli.terminal.installation import opened
    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        run = expunge.status(OrderId(which))
        if not run.history:
            message = "that order has no receipt yet"
            raise UsageError(message, help="`expunge status` shows where orders stand")
        if out is not None:
            write_receipts(expunge, run, out)
        return [expunge.receipt_folder(run.order, number) for number in range(1, len(run.subjects) + 1)]


def _show(receipt: Receipt) -> None:
    from rich.table import Table

    looked = f"verified {output.moment(receipt.times.verified)}" if receipt.times.verified else "nothing could be verified"
    sample = f", by a sample of {', '.join(receipt.sampled)}" if receipt.sampled else ""
    output.say(f"{receipt.order}: {receipt.verdict.value}{sample}, {looked}")
    table = Table("dataset", "store", "result", "items", "depth", "read paths", "scan", "why")
    for dataset in receipt.datasets:
        table.add_row(*map(output.visible, _row(dataset)))
    output.stdout().print(table)
    for kept in receipt.kept:
        until = output.moment(kept.until) if kept.until else "the end of its retention period"
        output.say(f"kept: {output.count(kept.items, 'item')} of {kept.dataset}: {output.visible(kept.ground)}, until {until}")
    for line in _with_others(receipt):
        output.say(line)
    for lost in receipt.orphaned:
        output.say(f"leads to nobody known: {lost.items:,} or more items of {lost.dataset}; whether any is of this person cannot be told")
    for place in receipt.unread:
        where = f"{place.store}: {place.pattern or 'files that no dataset declares'}"
        reason = f": {place.reason}" if place.reason else ""
        counts = f"{place.files:,} files or more, {place.unread_files:,} or more unreadable" if place.files else "no files"
        output.say(f"{place.kind.value}: {output.visible(where)} ({counts}){output.visible(reason)}")
    output.say("This receipt says nothing about:")
    for sentence in receipt.out_of_scope:
        output.say(f"  - {output.visible(sentence)}")


def _with_others(receipt: Receipt) -> Iterator[str]:
    """What stays in data of other people, or about nobody, and was the person's as well."""
    done = {"keep": "they stay", "null": "the name was taken out", "replace": "a stand-in took the name's place"}
    for mention in receipt.mentions:
        rows = output.count(mention.items, "row")
        yield f"named by others: {rows} of other people in {mention.dataset} ({output.visible(mention.column)}): {done[mention.act.value]}"
    for text in receipt.others_text:
        rows = f"{text.items:,} or more items of other people in {text.dataset}"
        yield f"same text: {rows} hold what this person had in {', '.join(map(output.visible, text.fields))}; they stay"
    for value in receipt.shared_values:
        yield f"same value: {output.count(value.items, 'value')} about nobody in {value.dataset}; they stay"


def _row(entry: DatasetEntry) -> tuple[str, ...]:
    probe = "-" if entry.probe is None else entry.probe.could_not or f"{len(entry.probe.paths)} tried, {entry.probe.items_found} found"
    scan = "-" if entry.scan is None else f"{entry.scan.verdict.value}, {entry.scan.mode.value}, {output.size(entry.scan.bytes)}"
    why = f"{entry.reason.value}: {entry.detail}" if entry.reason else ""
    return entry.dataset, entry.store, entry.outcome.value, f"{entry.items:,}", entry.claimed.word, probe, scan, why


def _in_log(
    files: Mapping[str, bytes], verified: VerifiedReceipt | VerifiedViews, log: str, since: Sequence[Path], now: datetime
) -> ReceiptInLog:
    from expunge import survey
    from expunge.cli.terminal.checkpoints import kept_heads, parsed_policy
    from expunge.core.review.view_verify import VerifiedViews

    policy = parsed_policy(files[POLICY])
    kept = kept_heads(since, policy, now)
    with survey.log_source(log) as source:
        if isinstance(verified, VerifiedViews):
            return survey.look_in_log(source, policy, verified, kept, now)
        return survey.receipt_in_log(source, policy, verified, kept, now)


def _log_now(found: ReceiptInLog | None) -> dict[str, Any]:
    if found is None:
        return {}
    audit = found.audit
    return {"log_now": {"size": audit.head.size, "root": audit.head.root.hex(), "known": audit.known, **cosigned(audit.signed)}}


def _verification(verified: VerifiedReceipt) -> dict[str, Any]:
    return {
        "holds": True,
        "trusted": verified.trusted,
        "opened": verified.opened,
        "expired": verified.expired,
        "log": {"origin": verified.checkpoint.origin, "size": verified.checkpoint.size, "index": verified.index},
        "witnesses": verified.witnesses,
        "cosigned": [{"witness": each.key.name, "at": each.at, "fault": each.fault} for each in verified.cosignatures],
        "steps": verified.steps,
        **_said(verified.receipt),
    }


def _said(receipt: Receipt) -> dict[str, Any]:
    """The statement itself, as JSON values."""
    import json

    from expunge.core.evidence.receipt import build

    statement = json.loads(build(receipt))
    return {"order": receipt.order, "verdict": receipt.verdict.value, "statement": statement}
