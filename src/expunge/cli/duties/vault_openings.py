"""``expunge vault openings``, ``review`` and ``inventory``: who read which recording, whether that was allowed, and what lies sealed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.duties.evidence import read_day
from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.bootstrap.vault.inventory import SealedObject
    from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
    from expunge.engine.vault.reviewing import OpeningReview

Since = Annotated[str, typer.Option("--since", metavar="DATE", help="The first day, in UTC, or a time with its zone.", show_default=False)]


def openings(
    recording: Annotated[
        str, typer.Option(help="Only of this recording: DATASET/NAME, or its id as this command shows it.", show_default=False)
    ] = "",
    subject: Annotated[
        str, typer.Option(help="Only of recordings with this person in it: profile:p-17. Nothing of others is shown.", show_default=False)
    ] = "",
    purpose: Annotated[str, typer.Option(help="Only for this purpose.", show_default=False)] = "",
    user: Annotated[str, typer.Option(help="Only by this account.", show_default=False)] = "",
    since: Since = "",
    refused: Annotated[bool, typer.Option("--refused", help="Only those that were refused.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show who opened which recording: account, program, purpose, time and range, and who was refused and why. Oldest first.

    Each is written as it is read, a line each, so that years of them can be searched. A recording is shown by its random id, and people
    only as a number: a person whom you name is looked for by pseudonym, also after an erasure.
    """
    count = 0
    with opened(map_file) as expunge:
        for each in expunge.openings.chosen(
            recording=recording, subject=subject, purpose=purpose, user=user, since=read_day(since, "--since")
        ):
            said = _opening(each)
            if refused and said["outcome"] != "refused":
                continue
            count += 1
            output.write_json("vault-opening/1", said) if as_json else output.say(_line(said))
    if as_json:
        output.write_json("vault-openings/1", {"openings": count})
    elif not count:
        output.note("no opening of that kind is in the journal")


def review(
    since: Since = "",
    by: Annotated[str, typer.Option(help="Enter in the journal that this person made the review.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Hold every opening of twelve months against the orders, consents and rules that stood when it happened.

    The registers of the journal are replayed up to each opening. Exit code 1: an opening was not allowed at its time. With --by the review
    is entered; `expunge due` tells when the next one is due.
    """
    with opened(map_file) as expunge:
        found = expunge.openings.review(read_day(since, "--since"), by=by)
    output.write_json("vault-review/1", _review(found, by)) if as_json else _tell(found)
    if found.violations:
        raise typer.Exit(Exit.FAILED)


def inventory(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """List every recording of every vault: algorithm, epoch of its key, size, and whether its file is sealed under that key.

    Of each file the header is read, which commits to the key, and no content. Exit code 1: a file is missing, changed, or no recording's.
    """
    from expunge.bootstrap.vault.inventory import ALGORITHM, OtherFiles

    counts: Counter[str] = Counter()
    epochs: Counter[int] = Counter()
    with opened(map_file) as expunge:
        for each in expunge.openings.inventory():
            if isinstance(each, OtherFiles):
                counts["other"] += each.count
            else:
                counts[each.state.value] += 1
                counts["bytes"] += each.size
                counts["clear_before"] += each.clear_before
                epochs[each.epoch] += 1
                if as_json:
                    output.write_json("vault-object/1", {**_object(each), "algorithm": ALGORITHM})
    said = {name: counts[name] for name in ("sealed", "missing", "changed", "other", "clear_before", "bytes")}
    if as_json:
        output.write_json(
            "vault-inventory/1", {**said, "algorithm": ALGORITHM, "epochs": {str(key): epochs[key] for key in sorted(epochs)}}
        )
    else:
        _tell_inventory(said, epochs)
    if counts["missing"] + counts["changed"] + counts["other"]:
        raise typer.Exit(Exit.FAILED)


def _object(each: SealedObject) -> dict[str, Any]:
    """Return an object of the inventory as JSON has it."""
    return {
        "store": each.store, "dataset": each.dataset, "recording": each.recording, "epoch": each.epoch, "size": each.size,
        "state": each.state.value, "clear_before": each.clear_before,
    }  # fmt: skip


def _tell_inventory(said: dict[str, int], epochs: Counter[int]) -> None:
    from expunge.bootstrap.vault.inventory import ALGORITHM

    output.say(f"{output.count(said['sealed'], 'recording')} sealed, {output.size(said['bytes'])}: {ALGORITHM}")
    for epoch in sorted(epochs):
        output.say(f"epoch {epoch}: {output.count(epochs[epoch], 'recording')}")
    if said["clear_before"]:
        output.say(f"{said['clear_before']} lay in the clear before they were sealed")
    for what, why in (("missing", "have a key and no file"), ("changed", "are not as they were sealed")):
        if said[what]:
            output.say(f"{output.count(said[what], 'recording')} {why}")
    if said["other"]:
        output.say(f"{output.count(said['other'], 'file')} of no recording: nothing says that they are sealed")


def _opening(each: RecordingOpened | OpeningRefused) -> dict[str, Any]:
    common = {
        "at": each.at, "dataset": each.dataset, "recording": each.recording, "people": len(each.subjects), "purpose": each.purpose,
        "user": each.user, "program": each.program, "account": each.account or None, "family": each.family or None,
    }  # fmt: skip
    why = getattr(each, "why", None)
    if why is not None:
        return {"outcome": "refused", **common, "why": why, "more": getattr(each, "more", 0)}
    return {"outcome": "opened", **common, **{name: getattr(each, name) for name in ("opening", "first", "last")}}


def _line(said: dict[str, Any]) -> str:
    who = f"{said['user']} with {said['program']} for {said['purpose']}" + (f", by account {said['account']}" if said["account"] else "")
    what = f"{said['dataset']} {said['recording']}"
    if said["outcome"] == "refused":
        more = f" ({said['more']} more before it)" if said["more"] else ""
        return f"{output.moment(said['at'])}  REFUSED {output.visible(who)}: {what}: {output.visible(said['why'])}{more}"
    return f"{output.moment(said['at'])}  {output.visible(who)}: {what}, bytes {said['first']} to {said['last']}"


def _review(found: OpeningReview, by: str) -> dict[str, Any]:
    return {
        "since": found.since, "until": found.until, "openings": found.openings, "own": found.own,
        "within_a_minute": found.within_a_minute, "unsure": found.unsure, "refusals": found.refusals,
        "violations": found.violations, "reasons": dict(found.reasons),
        "listed": [{"why": each.why, **_opening(each.opening)} for each in found.listed], "by": by or None,
    }  # fmt: skip


def _tell(found: OpeningReview) -> None:
    output.say(
        f"{output.count(found.openings, 'opening')} from {output.moment(found.since)} to {output.moment(found.until)}, each replayed"
    )
    output.say(f"{found.refusals} were refused; {found.own} were exports of the person who asked, or families with recordings of their own")
    if found.within_a_minute:
        output.say(f"{found.within_a_minute} were in the minute after a decision against them, which the gate's snapshot had not yet")
    if found.unsure:
        output.say(f"{found.unsure} cannot be judged by the map of today: texts, terms or guardians have changed since")
    for why, count in found.reasons:
        output.say(f"NOT ALLOWED: {count}: {why}")
    for each in found.listed:
        output.say(f"  {_line(_opening(each.opening))}: {each.why}")
    if not found.violations:
        output.say("every other one was allowed at its time")
