"""``expunge findings``: what is noticed about people who look at recordings, and how people judge it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.orders.plan_commands import signed
from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.noticing.findings import Finding
    from expunge.core.noticing.rules import NoticingRule
    from expunge.engine.noticing.running import Noticed

app = typer.Typer(help="What is noticed about people who look at recordings, and how people judge it.", no_args_is_help=True)
Which = Annotated[str, typer.Argument(metavar="FINDING", help="Its id, or the beginning of it.", show_default=False)]


@app.command()
def run(
    since: Annotated[
        str,
        typer.Option("--since", metavar="DATE", help="The first day to judge; else the last one of the run before.", show_default=False),
    ] = "",
    anew: Annotated[bool, typer.Option("--anew", help="Make the daily roll-up anew from the journal.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Hold the view log against the rules, and open findings. Run it each night; the journal keeps that it ran.

    It writes to the officer of the map as long as findings or incidents wait. Exit code 1: there are new findings.
    """
    from expunge.cli.duties.reviews import moment

    with opened(map_file, recover=True) as expunge:
        noticed = expunge.findings.run(moment(since).date() if since else None, anew=anew)
        known, labels = expunge.findings.all(), expunge.access.labels()
        told = expunge.findings.tell_officer()
    new = [_said(known.findings[name], labels) for name in noticed.opened]
    if as_json:
        output.write_json("findings-run/1", {**_counts(noticed), "findings": new, "officer": told.value if told else None})
    else:
        for each in new:
            output.say(_line(each))
        days = output.count(len(noticed.judged), "day of a reviewer", "days of reviewers")
        output.say(f"{days} from {noticed.since} to {noticed.through}: {output.count(len(new), 'new finding')}")
        if noticed.untold:
            output.note(f"of {noticed.untold} it cannot be told yet: too few days of peers, or too few peers")
        if told:
            output.note(f"a letter to the officer: {told.value}")
    if new:
        raise typer.Exit(Exit.FAILED)


def _counts(noticed: Noticed) -> dict[str, Any]:
    return {
        "since": noticed.since.isoformat(),
        "through": noticed.through.isoformat(),
        "events": noticed.events,
        "judged": len(noticed.judged),
        "untold": noticed.untold,
        "anew": noticed.anew,
    }


@app.command("list")
def list_findings(
    every: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """List findings that wait for people, the oldest first."""
    with opened(map_file) as expunge:
        known, labels = expunge.findings.all(), expunge.access.labels()
    said = [_said(each, labels) for each in known.findings.values() if every or not each.standing.closed]
    last = known.last_run.at if known.last_run else None
    if as_json:
        output.write_json("findings/1", {"findings": said, "last_run": last})
        return
    for each in said:
        output.say(_line(each))
    if not said:
        output.note("no finding is open" if not every else "there was never a finding")
    output.note(f"the last run was {output.moment(last)}" if last else "it was never run: `expunge findings run`")


@app.command()
def show(which: Which, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show one finding: the rules that were met with their numbers, and every judgement."""
    with opened(map_file) as expunge:
        finding, labels = expunge.findings.named(which), expunge.access.labels()
    _tell(_said(finding, labels), as_json=as_json)


@app.command()
def decide(
    which: Which,
    reason: Annotated[
        str,
        typer.Option(help="work, assigned, record-wrong (explained); no-need, pretext, account-taken (confirmed).", show_default=False),
    ],
    reference: Annotated[str, typer.Option(help="The key of the ticket or document that says more: HR-1042.", show_default=False)],
    approver: Annotated[str, typer.Option("--as", metavar="NAME", help="An approver of the map.", show_default=False)] = "",
    signature: Annotated[str, typer.Option(help="Base64 of the Ed25519 signature over the message.", show_default=False)] = "",
    key: Annotated[
        Path | None, typer.Option(help="PEM file of the private key to sign with here.", exists=True, show_default=False)
    ] = None,
    message: Annotated[bool, typer.Option("--message", help="Only print what is signed.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter the judgement of an approver of the map, who signed it. Two different people who judge alike close a finding.

    The reviewer that it is about does not judge it, and neither does a person who approved these views.
    """
    from expunge.bootstrap.desk.finding_service import FindingReason, Judgement

    words = {each.name.lower().replace("_", "-"): each for each in FindingReason}
    if reason not in words:
        problem = f"{output.visible(reason)!r} is no reason"
        raise UsageError(problem, help=f"choose one of: {', '.join(words)}")
    with opened(map_file) as expunge:
        text = expunge.findings.message(which, words[reason], reference)
        if message:
            output.write_json("findings-message/1", {"message": text.decode()}) if as_json else typer.echo(text.decode(), nl=False)
            return
        judgement = Judgement(words[reason], reference)
        finding = expunge.findings.decide_signed(which, approver, judgement, signed(approver, signature, key, text))
        said = _said(finding, expunge.access.labels())
    _tell(said, as_json=as_json)


@app.command()
def rules(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show the rules in force: those of the package, with what the file of the map makes stricter."""
    from expunge.bootstrap.desk.finding_service import rulebook

    found = rulebook(map_file)
    if as_json:
        listed = [_rule(each) for each in found.rules]
        output.write_json("findings-rules/1", {"digest": found.digest, "together": found.together, "rules": listed})
        return
    for each in found.rules:
        output.say(f"{each.name}: {each.says}")
        output.note(f"  {_bounds(each)}")
    output.say(f"{found.together} of one day open a finding")


def _rule(rule: NoticingRule) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "says": rule.says,
        "measure": rule.measure.value,
        "of": rule.of.value if rule.of else None,
        "at_least": rule.at_least,
        "far": rule.far / 100 if rule.far is not None else None,
        "always": rule.always,
        "alone": rule.alone,
    }


def _bounds(rule: NoticingRule) -> str:
    share = f" of {rule.of.value}" if rule.of else ""
    text = f"{rule.measure.value}{share}: at least {rule.at_least}"
    if rule.far is not None:
        text += f", and {rule.far / 100:g} standard deviations from peers"
    if rule.always is not None:
        text += f"; always from {rule.always} on"
    return f"{text}; alone" if rule.alone else text


def _said(finding: Finding, labels: dict[str, str]) -> dict[str, Any]:
    """Return a finding as JSON has it."""
    opened_as = finding.opened
    return {
        "finding": opened_as.finding,
        "standing": finding.standing.value,
        "at": opened_as.at,
        "reviewer": opened_as.reviewer,
        "label": labels.get(opened_as.reviewer),
        "function": opened_as.function or None,
        "day": opened_as.day,
        "met": dict(finding.met),
        "rules": finding.rules,
        "decisions": [
            {"at": each.at, "account": each.account, "label": labels.get(each.account), "verdict": each.reason.verdict.value}
            | {"reason": each.reason.value, "reference": each.reference}
            for each in finding.decisions.values()
        ],
    }


def _line(said: dict[str, Any]) -> str:
    met = ", ".join(f"{rule} ({number})" for rule, number in said["met"].items())
    return f"{said['finding']}  {said['standing']}  {said['day']}  {output.visible(said['label'] or said['reviewer'])}: {met}"


def _tell(said: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.write_json("finding/1", said)
        return
    output.say(_line(said))
    for each in said["decisions"]:
        who = output.visible(each["label"] or each["account"])
        output.say(f"  {output.moment(each['at'])}  {who}: {each['verdict']}, {each['reason']} ({each['reference']})")
