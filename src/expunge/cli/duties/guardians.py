"""``expunge guardian``: authority over a child, disputes, and the end of authority."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from expunge.cli.duties.consent_requests import By, Reason, day
from expunge.cli.terminal import options, output, person_prompt
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

app = typer.Typer(help="Guardians: prove, end, list; freeze and release.", no_args_is_help=True)


@app.command()
def prove(
    name: person_prompt.Name,
    guardian: Annotated[str, typer.Argument(metavar="GUARDIAN", help="Who decides: KIND:VALUE or a bare value.", show_default=False)],
    born: Annotated[str, typer.Option(help="The child's birthday, 2017-05-04; sealed.", envvar="EXPUNGE_BORN", show_default=False)],
    method: Annotated[str, typer.Option(help="How it was shown: 'birth certificate'; no identifier.", show_default=False)],
    by: Annotated[str, typer.Option(help="Who checked it.", show_default=False)],
    zone: Annotated[str, typer.Option(help="Where the child lives: America/Los_Angeles; else UTC.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter that somebody showed that they decide for a child. It ends by itself at the age that the map names.

    Their orders name the proof: `expunge order erase CHILD --guardian grd-...`.
    """
    with opened(map_file, recover=True) as expunge:
        child, parent = person_prompt.resolve(expunge, [name, guardian], whole=False)
        proof = expunge.consents.prove(child, parent, born=day(born), method=method, by=by, zone=zone)
    output.write_json("guardian/1", {"proof": proof}) if as_json else output.say(proof)


@app.command()
def invite(
    name: person_prompt.Name,
    contact: Annotated[
        str,
        typer.Option(help="Mail address or number of the invited person; sealed.", envvar="EXPUNGE_CONTACT", show_default=False),
    ] = "",
    born: Annotated[str, typer.Option(help="The child's birthday, 2017-05-04; sealed.", envvar="EXPUNGE_BORN", show_default=False)] = "",
    zone: Annotated[str, typer.Option(help="Where the child lives: America/Los_Angeles; else UTC.", show_default=False)] = "",
    oneself: Annotated[bool, typer.Option("--oneself", help="The young person is invited, to take over on the day of majority.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Invite a person to show on the pages that they decide for a child. Prints the link, which the company hands over.

    Messages of the methods go to the contact alone. Without one the invited person can use the signed form.
    """
    from expunge.bootstrap.consents import NewInvitation

    with opened(map_file, recover=True) as expunge:
        (child,) = person_prompt.resolve(expunge, [name], whole=False)
        new = NewInvitation(child, contact, born=day(born) if born else None, zone=zone, oneself=oneself)
        invitation, link = expunge.consents.invite(new)
    output.write_json("guardian-invited/1", {"invitation": invitation, "link": link}) if as_json else output.say(link)


@app.command()
def end(
    proof: Annotated[str, typer.Argument(metavar="PROOF", help="The proof's id.", show_default=False)],
    why: Annotated[str, typer.Option(help="custody, resigned, or mistaken: then what they agreed to falls as well.", show_default=False)],
    by: By,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """End a guardian's authority. Orders of theirs that have erased nothing yet are stopped, and shown."""
    from expunge.core.consent.consent_events import EndReason

    reasons = {"custody": EndReason.CUSTODY, "resigned": EndReason.RESIGNED, "mistaken": EndReason.MISTAKEN}
    if why not in reasons:
        message = f"{output.visible(why)!r} is no reason by which authority ends"
        raise UsageError(message, help=f"one of {', '.join(sorted(reasons))}")
    with opened(map_file, recover=True) as expunge:
        stopped = expunge.consents.end(proof, reasons[why], by)
    if as_json:
        output.write_json("guardian-ended/1", {"proof": proof, "why": reasons[why].value, "stopped": stopped})
        return
    output.say(f"{proof} has ended")
    for order in stopped:
        output.say(f"{order} was stopped before anything was erased")


@app.command("list")
def list_guardians(name: person_prompt.Name, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show who decides for a child or did, and whether they are in dispute."""
    with opened(map_file) as expunge:
        (child,) = person_prompt.resolve(expunge, [name], whole=False)
        consents, now = expunge.consents.register(), expunge.context.clock.now()
    subject = consents.of(child.person.subject)
    frozen = consents.frozen.get(subject)
    rows: list[dict[str, Any]] = [
        {
            "proof": guardianship.proven.proof,
            "guardian": guardianship.proven.guardian,
            "method": guardianship.proven.method,
            "by": guardianship.proven.by,
            "since": guardianship.proven.at,
            "in_force": consents.in_force(guardianship, now),
            "ended": guardianship.ended.why.value if guardianship.ended else None,
        }
        for guardianship in consents.guardianships.values()
        if consents.of(guardianship.proven.child) == subject
    ]
    if as_json:
        dispute = {"since": frozen.at, "by": frozen.by, "reason": frozen.reason} if frozen else None
        output.write_json("guardians/1", {"guardians": rows, "dispute": dispute})
        return
    for row in rows:
        state = "in force" if row["in_force"] else f"ended: {row['ended'] or 'the child decides alone now'}"
        output.say(output.visible(f"{row['proof']}  {state}  since {output.moment(row['since'])}  {row['method']}, checked by {row['by']}"))
    if frozen:
        output.say(output.visible(f"in dispute since {output.moment(frozen.at)}: {frozen.reason} ({frozen.by})"))
    if not rows:
        output.say("nobody decides for this person but themself")


@app.command()
def freeze(name: person_prompt.Name, by: By, reason: Reason, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Guardians are in dispute: from now on neither side sees or orders anything, and nothing of the child passes the gate."""
    with opened(map_file, recover=True) as expunge:
        (child,) = person_prompt.resolve(expunge, [name], whole=False)
        expunge.consents.freeze(child, by=by, reason=reason)
    output.write_json("guardian-dispute/1", {"frozen": True}) if as_json else output.say("frozen")


@app.command()
def release(name: person_prompt.Name, by: By, reason: Reason, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """The dispute is settled: what was agreed to holds again, orders go on, for whoever still has authority."""
    with opened(map_file, recover=True) as expunge:
        (child,) = person_prompt.resolve(expunge, [name], whole=False)
        expunge.consents.release(child, by=by, reason=reason)
    output.write_json("guardian-dispute/1", {"frozen": False}) if as_json else output.say("released")
