"""``expunge access``: requests of staff to see recordings, approvals, leases. No command shows a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from expunge.cli.desk import access_policy, access_reach, access_replay
from expunge.cli.orders.plan_commands import signed
from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime
    from enum import StrEnum

    from expunge.core.review.request import Lease, ReviewRequest
    from expunge.core.review.watched import WatchedLease

    Word = TypeVar("Word", bound=StrEnum)

app = typer.Typer(
    help="Requests of staff to see recordings: ask, approve, begin and end leases. Nothing is shown here.", no_args_is_help=True
)
app.add_typer(access_policy.app, name="policy")
app.command("replay")(access_replay.replay_views)
app.command()(access_replay.people)
app.command("reach")(access_reach.show_reach)
Request = Annotated[str, typer.Argument(metavar="REQUEST", help="Its id, as `expunge access list` shows it.", show_default=False)]


@app.command("list")
def list_requests(
    every: Annotated[bool, typer.Option("--all", help="Also requests that are closed, denied, expired or given back.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """List requests that wait, are approved, run, or owe a result. Recordings are shown by their random ids."""
    with opened(map_file) as expunge:
        now, labels = expunge.context.clock.now(), expunge.access.labels()
        said = [_said(each, labels, now) for each in expunge.access.requests()]
    said = [each for each in said if every or each["standing"] in _OPEN]
    if as_json:
        output.write_json("access-requests/1", {"requests": said})
        return
    for each in said:
        output.say(_line(each))
    if not said:
        output.note("no request is open" if not every else "no request was ever made")


_OPEN = frozenset({"waiting", "approved", "active", "outcome owed"})


@app.command()
def show(request: Request, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show one request: who asked for what and why, who answered, and how its lease stands."""
    with opened(map_file) as expunge:
        found = expunge.access.request(request)
        watched = expunge.access.watched(found)
        said = {
            **_said(found, expunge.access.labels(), expunge.context.clock.now()),
            "need": expunge.access.need(found),
            "watched": _watched(watched) if watched is not None else None,
        }
    _tell(said, as_json=as_json)


@app.command("request")
def ask(
    reviewer: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The reviewer's account of staff: label or id.", show_default=False)],
    recording: Annotated[str, typer.Argument(metavar="DATASET/NAME", help="One recording, as the case names it.", show_default=False)],
    purpose: Annotated[str, typer.Option(help="law, illegal-activity, legal-rights, harm or authorised.", show_default=False)],
    case: Annotated[str, typer.Option(help="Kind and number of the case: support LE-88.", show_default=False)],
    why: Annotated[str, typer.Option(help="Why less would not do. It is sealed under the people in the recording.", show_default=False)],
    first: Annotated[float, typer.Option("--from", metavar="SECONDS", help="Where the range begins.")] = 0.0,
    last: Annotated[float, typer.Option("--to", metavar="SECONDS", help="Where it ends.")] = 60.0,
    clarity: Annotated[str, typer.Option(help="The clearest picture: transcript, pixelated, faces-hidden or clear.")] = "pixelated",
    sound: Annotated[str, typer.Option(help="The clearest sound: mute, masked or clear.")] = "mute",
    extends: Annotated[str, typer.Option(help="The request that it goes on with.", show_default=False)] = "",
    break_glass: Annotated[
        bool, typer.Option("--break-glass", help="Ask no other person first. It is judged within 24 hours, and the family is told.")
    ] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter a request for a reviewer to see a range of one recording. Another person approves it, or the family allows it."""
    from expunge.bootstrap.desk.access_service import NewReview
    from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Sound

    dataset, slash, name = recording.partition("/")
    if not slash or not dataset or not name:
        raise UsageError("a recording is named by its dataset and its name", help="DATASET/NAME: doorbell/doorbell/p-17/r-1.mp4")
    purposes = {each.name.lower().replace("_", "-"): each for each in ReviewPurpose}
    kind, _, number = case.strip().rpartition(" ")
    new = NewReview(
        _chosen(purposes, purpose), _word(CaseKind, kind), number, dataset, name, round(first * 1000), round(last * 1000),
        _word(Clarity, clarity), _word(Sound, sound), why, extends, break_glass,
    )  # fmt: skip
    with opened(map_file) as expunge:
        found = expunge.access.ask(reviewer, new)
        said = _said(found, expunge.access.labels(), expunge.context.clock.now())
    _tell(said, as_json=as_json)


@app.command()
def approve(
    request: Request,
    approver: Annotated[str, typer.Option("--as", metavar="NAME", help="An approver of the map.", show_default=False)] = "",
    signature: Annotated[str, typer.Option(help="Base64 of the Ed25519 signature over the message.", show_default=False)] = "",
    key: Annotated[
        Path | None, typer.Option(help="PEM file of the private key to sign with here.", exists=True, show_default=False)
    ] = None,
    message: Annotated[bool, typer.Option("--message", help="Only print what is signed.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter the approval of an approver of the map, who signed this very request. Members of staff approve on their pages."""
    with opened(map_file) as expunge:
        text = expunge.access.message(request)
        if message:
            output.write_json("access-message/1", {"message": text.decode()}) if as_json else typer.echo(text.decode(), nl=False)
            return
        found = expunge.access.approve(request, approver, signed(approver, signature, key, text))
        said = _said(found, expunge.access.labels(), expunge.context.clock.now())
    _tell(said, as_json=as_json)


@app.command()
def activate(request: Request, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Begin the lease of an approved request: its minutes count from here. The reviewer sees the recording on the pages of staff alone."""
    with opened(map_file) as expunge:
        expunge.access.activate(request)
        said = _said(expunge.access.request(request), expunge.access.labels(), expunge.context.clock.now())
    _tell(said, as_json=as_json)


@app.command()
def revoke(request: Request, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """End the lease of a request at once. An open player stops within a second."""
    with opened(map_file) as expunge:
        found = expunge.access.revoke(request)
        said = _said(found, expunge.access.labels(), expunge.context.clock.now())
    _tell(said, as_json=as_json)


def _word(kind: type[Word], text: str) -> Word:
    return _chosen({each.value.replace(" ", "-"): each for each in kind}, text.strip().replace(" ", "-"))


def _chosen(words: dict[str, Word], text: str) -> Word:
    if text not in words:
        message = f"{output.visible(text)!r} is not known here"
        raise UsageError(message, help=f"choose one of: {', '.join(words)}")
    return words[text]


def _said(request: ReviewRequest, labels: dict[str, str], now: datetime) -> dict[str, Any]:
    """Return a request as JSON has it."""
    asked = request.asked
    return {
        "request": asked.request, "standing": request.standing(now).value, "at": asked.at, "until": asked.until, "reviewer": asked.reviewer,
        "label": labels.get(asked.reviewer), "purpose": asked.purpose.value, "case_kind": asked.case_kind.value,
        "case_number": asked.case_number, "dataset": asked.dataset, "recording": asked.recording, "sealed": asked.sealed,
        "people": len(asked.subjects), "first_ms": asked.first_ms, "last_ms": asked.last_ms, "clarity": asked.clarity.value,
        "sound": asked.sound.value, "extends": asked.extends or None, "break_glass": asked.break_glass,
        "judgement_due": request.owes_judgement(),
        "answers": [{"at": each.at, "by": each.by.value, "account": each.account, "granted": each.granted} for each in request.answers],
        "lease": _lease(request.lease, now) if request.lease else None,
        "outcome": request.outcome.outcome.value if request.outcome else None,
        "recused": request.recused.why.value if request.recused else None,
    }  # fmt: skip


def _lease(lease: Lease, now: datetime) -> dict[str, Any]:
    return {
        "lease": lease.begun.lease, "at": lease.begun.at, "until": lease.begun.until, "seconds_left": lease.seconds_left(now),
        "clarity": lease.clarity.value, "sound": lease.sound.value, "views": lease.views,
        "ended": lease.ended.at if lease.ended else None, "why": lease.ended.why.value if lease.ended else None,
        "ended_by": (lease.ended.by or None) if lease.ended else None,
    }  # fmt: skip


def _watched(watched: WatchedLease) -> dict[str, Any]:
    return {
        "views": watched.views, "handed_bytes": watched.handed_bytes, "handed_ms": watched.handed_ms, "reports": watched.reports,
        "shown_ms": watched.shown_ms, "seeks": watched.seeks, "hidden_ms": watched.hidden_ms, "steps": watched.steps,
        "ended": watched.ended, "doubts": [each.value for each in watched.doubts],
    }  # fmt: skip


def _line(said: dict[str, Any]) -> str:
    case = f"{said['case_kind']} {said['case_number']}"
    seconds = f"{said['first_ms'] / 1000:g} to {said['last_ms'] / 1000:g} s"
    what = f"{said['dataset']} {said['recording']}, {seconds}, {said['clarity']}, sound {said['sound']}"
    glass = "  BREAK-GLASS" if said["break_glass"] else ""
    who = output.visible(said["label"] or said["reviewer"])
    return f"{said['request']}  {said['standing']}{glass}: {who} for {said['purpose']} ({case}): {what}"


def _tell(said: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.write_json("access-request/1", said)
        return
    output.say(_line(said))
    if said.get("need"):
        output.say(f"  why less would not do: {output.visible(said['need'])}")
    for each in said["answers"]:
        verb = "approved" if each["granted"] else "denied"
        output.say(f"  {output.moment(each['at'])}  {verb} by {each['by']} {output.visible(each['account'])}")
    lease = said["lease"]
    if lease:
        left = f"{lease['seconds_left']} s left" if lease["seconds_left"] else lease["why"] or "its time is over"
        output.say(f"  lease {lease['lease']} from {output.moment(lease['at'])}: {left}; {output.count(lease['views'], 'view')}")
    if watched := said.get("watched"):
        handed = f"{watched['handed_ms'] / 1000:g} s in {watched['handed_bytes']} bytes were handed out"
        told = f"the player tells of {watched['shown_ms'] / 1000:g} s shown, {output.count(watched['seeks'], 'seek')}"
        output.say(f"  {handed}; {told}, {watched['hidden_ms'] / 1000:g} s not in front")
        for doubt in watched["doubts"]:
            output.say(f"  {doubt}")
    if said["judgement_due"]:
        output.say(f"  another person has to judge it until {output.moment(said['judgement_due'])}")
