"""``expunge incidents``: incidents entered or found, whom they affect, what is owed for them, and the drafts of their letters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.duties.reviews import moment
from expunge.cli.orders.plan_commands import signed
from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from enum import StrEnum

    from expunge.core.journal.incident_events import IncidentScope
    from expunge.engine.incidents.owed import IncidentView

app = typer.Typer(help="Incidents: whom they affect, what is owed for them, and drafts of their letters.", no_args_is_help=True)
Which = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, or the beginning of it.", show_default=False)]
Reference = Annotated[str, typer.Option(help="The key of the ticket or document that says more: SEC-1042.", show_default=False)]
Reviewer = Annotated[str, typer.Option(help="An account of staff whose views are meant, as `expunge views` shows it.", show_default=False)]
User = Annotated[
    str, typer.Option(help="An account of the operating system, or of the pages, whose openings are meant.", show_default=False)
]
Taken = Annotated[str, typer.Option("--taken", metavar="ACCOUNT", help="An account that a stranger came into.", show_default=False)]
Since = Annotated[str, typer.Option(metavar="TIME", help="From when on; the beginning without it.", show_default=False)]
Until = Annotated[
    str,
    typer.Option(metavar="TIME", help="Before when; when it was discovered, or now, without it, and a day at least.", show_default=False),
]


@app.command("list")
def list_incidents(
    every: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """List open incidents, the oldest first. Confirmed findings become incidents, and everything is counted anew.

    Exit code 1: one of them is covered, or may be, and something is owed for it.
    """
    with opened(map_file, recover=True) as expunge:
        expunge.incidents.refresh()
        views = expunge.incidents.views(every=every)
    if as_json:
        output.write_json("incidents/1", {"incidents": [_said(each) for each in views]})
    else:
        for each in views:
            output.say(_line(each))
        if not views:
            output.note("no incident is open" if not every else "there was never an incident")
    if any(each.deadlines for each in views):
        raise typer.Exit(Exit.FAILED)


@app.command()
def show(
    which: Which,
    accounts: Annotated[bool, typer.Option("--accounts", help="Also the list of accounts, made anew from the registers.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show one incident: what it reaches, how it was counted, what people entered, and what is owed."""
    with opened(map_file) as expunge:
        view, labels = expunge.incidents.view(which), expunge.access.labels()
        holds = [expunge.incidents.counted_again(each).digest == each.digest for each in view.incident.counts]
    said = _said(view) | {"counts": _counts(view, holds)}
    if accounts:
        said["list"] = list(view.affected.accounts)
    if as_json:
        output.write_json("incident/1", said)
        return
    _tell(view, said, labels)


@app.command("open")
def enter(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="views, openings, takeover, copy, exposure", show_default=False)],
    began: Annotated[str, typer.Option(metavar="TIME", help="When it began: 2027-01-31, or 2027-01-31T22:10-05:00.", show_default=False)],
    discovered: Annotated[str, typer.Option(metavar="TIME", help="When it was discovered.", show_default=False)],
    what: Annotated[
        list[str], typer.Option(help="seen, copied, live, settings, contact, sealed, unknown; once or several times.", show_default=False)
    ],
    reference: Reference,
    reviewer: Reviewer = "",
    user: User = "",
    taken: Taken = "",
    since: Since = "",
    until: Until = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter an incident. Without --reviewer, --user or --taken no register tells who is affected, and it counts as covered."""
    from expunge.bootstrap.desk.incident_service import IncidentKind, IncidentWord, NewIncident

    starts, seen = moment(began), moment(discovered)
    scopes = _scopes(
        reviewer, user, taken, moment(since) if since else starts, moment(until) if until else max(seen, starts + timedelta(days=1))
    )
    words = tuple(_word(IncidentWord, each, "--what") for each in what)
    new = NewIncident(_word(IncidentKind, kind, "the kind"), starts, seen, words, reference, scopes)
    with opened(map_file, recover=True) as expunge:
        name = expunge.incidents.enter(new).opened.incident
        view = expunge.incidents.view(name)
    _answer(view, as_json=as_json)


@app.command()
def update(
    which: Which,
    reference: Reference,
    fact: Annotated[
        str,
        typer.Option(
            help="statute, government-told, no-notice, counted, ended, completed, reported, people-told, assessed, tested or "
            "products-tested.",
            show_default=False,
        ),
    ] = "",
    on: Annotated[str, typer.Option(metavar="TIME", help="When that was; now without it.", show_default=False)] = "",
    number: Annotated[int, typer.Option(help="Accounts that were counted otherwise.", show_default=False)] = 0,
    document: Annotated[
        Path | None, typer.Option(help="The paper: its SHA-256 is kept, not the file.", exists=True, show_default=False)
    ] = None,
    reviewer: Reviewer = "",
    user: User = "",
    taken: Taken = "",
    since: Since = "",
    until: Until = "",
    into: Annotated[str, typer.Option(metavar="INCIDENT", help="It is a part of that one.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter what was done or found out: one of --fact, --reviewer, --user, --taken, --into."""
    from hashlib import sha256

    from expunge.bootstrap.desk.incident_service import IncidentFact, NewFact

    if sum(map(bool, (fact, reviewer, user, taken, into))) != 1:
        problem = "one thing is entered at a time"
        raise UsageError(problem, help="give one of --fact, --reviewer, --user, --taken, --into")
    with opened(map_file, recover=True) as expunge:
        incident, now = expunge.incidents.named(which), expunge.context.clock.now()
        name = incident.opened.incident
        if into:
            name = expunge.incidents.join(name, into, reference).opened.incident
        elif fact:
            digest = sha256(document.read_bytes()).hexdigest() if document else ""
            stated = NewFact(_word(IncidentFact, fact, "--fact"), moment(on) if on else now, reference, number, digest)
            expunge.incidents.state(name, stated)
        else:
            starts = moment(since) if since else incident.opened.began
            (scope,) = _scopes(reviewer, user, taken, starts, moment(until) if until else now)
            expunge.incidents.grow(name, scope, reference)
        view = expunge.incidents.view(name)
    _answer(view, as_json=as_json)


@app.command()
def close(
    which: Which,
    verdict: Annotated[str, typer.Option(help="settled, none, keys-safe.", show_default=False)],
    reference: Reference,
    approver: Annotated[str, typer.Option("--as", metavar="NAME", help="An approver of the map.", show_default=False)] = "",
    signature: Annotated[str, typer.Option(help="Base64 of the Ed25519 signature over the message.", show_default=False)] = "",
    key: Annotated[
        Path | None, typer.Option(help="PEM file of the private key to sign with here.", exists=True, show_default=False)
    ] = None,
    message: Annotated[bool, typer.Option("--message", help="Only print what is signed.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter the judgement of an approver of the map, who signed it. Two different people who judge alike close an incident.

    A person whom it is about does not judge it. As settled it is closed once what is owed was entered.
    """
    from expunge.bootstrap.desk.incident_service import Closing, IncidentVerdict

    chosen = _word(IncidentVerdict, verdict, "--verdict")
    with opened(map_file, recover=True) as expunge:
        expunge.incidents.refresh()
        text = expunge.incidents.message(which, chosen, reference)
        if message:
            output.write_json("incident-message/1", {"message": text.decode()}) if as_json else typer.echo(text.decode(), nl=False)
            return
        expunge.incidents.close_signed(which, approver, Closing(chosen, reference), signed(approver, signature, key, text))
        view = expunge.incidents.view(which)
    _answer(view, as_json=as_json)


@app.command()
def letters(
    which: Which,
    to: Annotated[str, typer.Option(help="authority: the report; people: the notice.", show_default=False)],
    language: Annotated[str, typer.Option("--language", help="en or es; of the notice.")] = "en",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Draft a letter about an incident, for people to complete, sign and send. Nothing is sent."""
    from expunge.bootstrap.desk.incident_service import LetterTo

    wanted = _word(LetterTo, to, "--to")
    with opened(map_file) as expunge:
        text = expunge.incidents.letter(which, wanted, language)
    output.write_json("incident-letter/1", {"to": wanted.value, "text": text}) if as_json else typer.echo(text, nl=False)


@app.command()
def verify(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Hold the register of incidents against the log."""
    with opened(map_file) as expunge:
        events = expunge.incidents.verify()
    if as_json:
        output.write_json("incidents-verified/1", {"events": events})
        return
    output.say(f"the log commits to {output.count(events, 'event')} of the register of incidents")


def _scopes(reviewer: str, user: str, taken: str, since: datetime, until: datetime) -> tuple[IncidentScope, ...]:
    from expunge.bootstrap.desk.incident_service import IncidentScope, Source

    named = ((Source.VIEWS, reviewer), (Source.OPENINGS, user), (Source.TAKEOVER, taken))
    return tuple(IncidentScope(source, who, since, until) for source, who in named if who)


def _word(words: type[StrEnum], text: str, what: str) -> Any:
    """Return the member of a list by the name that the command line has for it. Raises UsageError."""
    named = {each.name.lower().replace("_", "-"): each for each in words}
    if text not in named:
        problem = f"{what} cannot be {output.visible(text)!r}"
        raise UsageError(problem, help=f"choose one of: {', '.join(named)}")
    return named[text]


def _answer(view: IncidentView, *, as_json: bool) -> None:
    output.write_json("incident/1", _said(view)) if as_json else output.say(_line(view))


def _said(view: IncidentView) -> dict[str, Any]:
    """Return an incident as JSON has it."""
    incident, opened_as = view.incident, view.incident.opened
    return {
        "incident": opened_as.incident,
        "standing": incident.standing.value,
        "verdict": incident.verdict.value if incident.verdict else None,
        "kind": opened_as.kind.value,
        "cause": opened_as.cause,
        "began": opened_as.began,
        "discovered": opened_as.discovered,
        "what": [each.value for each in opened_as.what],
        "by": opened_as.by,
        "into": incident.into or None,
        "accounts": view.number,
        "people": len(view.affected.people),
        "could_not": list(view.affected.could_not),
        "digest": view.affected.digest,
        "covered": view.coverage.covered,
        "coverage": view.coverage.value,
        "scopes": [
            {"source": each.source.value, "who": each.who, "since": each.since, "until": each.until, "because": each.because or None}
            for each in incident.scopes
        ],
        "facts": [
            {"fact": each.fact.value, "on": each.on, "number": each.number or None, "by": each.by, "reference": each.reference}
            | {"document": each.document or None}
            for each in incident.facts
        ],
        "decisions": [
            {"at": each.at, "account": each.account, "verdict": each.verdict.value, "reference": each.reference}
            for each in incident.decisions.values()
        ],
        "due": [{"due": each.at, "duty": each.duty, "standing": each.standing.value, "clock": each.clock} for each in view.deadlines],
    }


def _counts(view: IncidentView, holds: Sequence[bool]) -> list[dict[str, Any]]:
    counts = zip(view.incident.counts, holds, strict=True)
    return [
        {"at": each.at, "accounts": each.accounts, "people": each.people, "digest": each.digest, "holds": hold} for each, hold in counts
    ]


def _line(view: IncidentView) -> str:
    incident, opened_as = view.incident, view.incident.opened
    standing = incident.verdict.value if incident.verdict else incident.standing.value
    least = "at least " if view.affected.could_not else ""
    number = f"{least}{output.count(view.number, 'account')}"
    return (
        f"{opened_as.incident}  {standing}  {opened_as.kind.value}  began {output.moment(opened_as.began)}: {number}; {view.coverage.value}"
    )


def _tell(view: IncidentView, said: dict[str, Any], labels: dict[str, str]) -> None:
    output.say(_line(view))
    for each in view.incident.scopes:
        who = output.visible(labels.get(each.who, each.who)) or "no register tells"
        output.say(f"  {each.source.value}  {who}  from {output.moment(each.since)} until {output.moment(each.until)}")
    for each in said["counts"]:
        held = "made anew, it is the same" if each["holds"] else "MADE ANEW, IT IS ANOTHER"
        output.say(f"  {output.moment(each['at'])}  counted {output.count(each['accounts'], 'account')}: {held}")
    for fact in view.incident.facts:
        number = f": {fact.number}" if fact.number else ""
        output.say(f"  {output.moment(fact.on)}  {fact.fact.value}{number} ({output.visible(fact.reference)})")
    for decision in view.incident.decisions.values():
        who = output.visible(labels.get(decision.account, decision.account))
        output.say(f"  {output.moment(decision.at)}  {who}: {decision.verdict.value} ({output.visible(decision.reference)})")
    for due in view.deadlines:
        until = f"until {output.moment(due.at)}" if due.at else "not started"
        output.say(f"  owed {until}: {due.duty} ({due.why})")
    for account in said.get("list", ()):
        output.say(f"  {account}")
