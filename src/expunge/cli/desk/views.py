"""``expunge views``: who looked at a recording, at a person's recordings, or by which reviewer, for all time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.duties.evidence import read_day
from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.engine.review.who_looked import FoundLook, ViewProof


def views(
    recording: Annotated[
        str, typer.Option(help="Only of this recording: DATASET/NAME, or its id as this command shows it.", show_default=False)
    ] = "",
    person: Annotated[
        str, typer.Option(help="Only of recordings with this person in it: profile:p-17. Also after an erasure.", show_default=False)
    ] = "",
    reviewer: Annotated[
        str, typer.Option(help="Only by this account: of staff by label or id, or of the operating system.", show_default=False)
    ] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="DATE", help="The first day, in UTC, or a time with its zone.", show_default=False)
    ] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show who looked: staff at the review desk, programs, and families at recordings of their own; and who was refused. Oldest first.

    The last line says whether the register is whole: each view is numbered, and the transparency log commits to all of them. Exit code 1:
    views are missing, or are not as they were entered.
    """
    count = 0
    with opened(map_file) as expunge:
        labels = expunge.access.labels()
        for each in expunge.access.looks(recording=recording, person=person, reviewer=reviewer, since=read_day(since, "--since")):
            count += 1
            said = _look(each, labels)
            output.write_json("view/1", said) if as_json else output.say(_line(said))
        proof = expunge.access.prove()
    output.write_json("views/1", {"looks": count, **_proof(proof)}) if as_json else _tell(count, proof)
    if proof.faults:
        raise typer.Exit(Exit.FAILED)


def _look(found: FoundLook, labels: dict[str, str]) -> dict[str, Any]:
    """Return a look as JSON has it; fields that a kind of look does not have are null."""
    from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
    from expunge.core.journal.review_events import ViewRefused, ViewServed

    event = found.entry
    said: dict[str, Any] = dict.fromkeys(_FIELDS)
    said |= {
        "at": event.at,
        "dataset": event.dataset,
        "recording": event.recording,
        "people": len(event.subjects),
        "purpose": str(event.purpose),
    }
    match event:
        case ViewServed():
            said |= {
                "by": "staff", "outcome": "seen", "account": event.reviewer, "label": labels.get(event.reviewer),
                "function": event.function.value, "case_kind": event.case_kind.value, "case_number": event.case_number,
                "approvers": list(event.approvers), "request": event.request, "lease": event.lease, "sequence": event.sequence,
                "first_ms": event.first_ms, "last_ms": event.last_ms, "clarity": event.clarity.value, "sound": event.sound.value,
                "room": event.room.value, "break_glass": event.break_glass, "policy": event.policy or None, "bytes": found.given,
            }  # fmt: skip
        case ViewRefused():
            said |= {
                "by": "staff", "outcome": "refused", "account": event.reviewer, "label": labels.get(event.reviewer),
                "case_kind": event.case_kind or None, "case_number": event.case_number or None, "request": event.request or None,
                "lease": event.lease or None, "first_ms": event.first_ms, "last_ms": event.last_ms, "clarity": event.clarity,
                "room": event.room.value, "act": event.act.value, "reasons": list(event.reasons), "more": event.more,
                "policy": event.policy or None,
            }  # fmt: skip
        case RecordingOpened():
            said |= {"by": _by(event), "outcome": "opened", "first_byte": event.first, "last_byte": event.last}
        case OpeningRefused():
            said |= {"by": _by(event), "outcome": "refused", "reasons": [event.why], "more": event.more}
    if isinstance(event, RecordingOpened | OpeningRefused):
        said |= {"account": event.account or None, "user": event.user, "program": event.program}
    return said


_FIELDS = (
    "at", "by", "outcome", "account", "label", "function", "user", "program", "purpose", "case_kind", "case_number", "approvers", "request",
    "lease", "sequence", "dataset", "recording", "people", "first_ms", "last_ms", "first_byte", "last_byte", "clarity", "sound", "room",
    "break_glass", "policy", "bytes", "act", "reasons", "more",
)  # fmt: skip


def _by(event: Any) -> str:
    return "family" if event.account else "program"


def _proof(proof: ViewProof) -> dict[str, Any]:
    return {
        "events": proof.events, "views": proof.views, "leases": proof.leases, "log_entries": proof.entries, "log_size": proof.log_size,
        "proven": proof.proven, "waiting": proof.waiting, "faults": proof.faults,
    }  # fmt: skip


def _line(said: dict[str, Any]) -> str:
    who = said["label"] or said["account"] or f"{said['user']} with {said['program']}"
    what = f"{said['dataset']} {said['recording']}"
    if said["first_ms"] is not None:
        what += f", {said['first_ms'] / 1000:g} to {said['last_ms'] / 1000:g} s, {said['clarity']}"
    elif said["first_byte"] is not None:
        what += f", bytes {said['first_byte']} to {said['last_byte']}"
    case = f" ({said['case_kind']} {said['case_number']})" if said["case_number"] else ""
    head = f"{output.moment(said['at'])}  {'REFUSED ' if said['outcome'] == 'refused' else ''}{said['by']} {output.visible(who)}"
    tail = f": {output.visible(', '.join(said['reasons']))}" if said["reasons"] else ""
    return f"{head} for {output.visible(said['purpose'])}{case}: {what}{tail}"


def _tell(count: int, proof: ViewProof) -> None:
    if not count:
        output.note("no look of that kind is in the journal")
    for fault in proof.faults:
        output.say(f"MISSING OR CHANGED: {fault}")
    if not proof.faults:
        views, leases = output.count(proof.views, "view"), output.count(proof.leases, "lease")
        entries = output.count(proof.entries, "entry", "entries")
        output.say(f"nothing is missing: {views} of staff under {leases}, numbered without a gap")
        output.say(f"{entries} of the log commit to {proof.proven} of {proof.events} events")
