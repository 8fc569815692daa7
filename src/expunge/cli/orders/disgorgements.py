"""``expunge order disgorge`` and its follow-ups: a regulator's order, unknown origins, exceptions, the sworn statement."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge import clock
from expunge.cli.orders import plan_commands
from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.tree import Tree

    from expunge.core.disgorgement.disgorgement import Disgorgement
    from expunge.core.disgorgement.disgorgement_events import DisgorgementState, ItemExcepted
    from expunge.engine.destruction.forward_check import ForwardVerdict
    from expunge.engine.destruction.limb_examination import LimbExamination, ReachedDataset

Name = Annotated[str, typer.Argument(metavar="ID", help="The id of an order of destruction: dis-...", show_default=False)]
MOST_STAYS = 40
"""Lines about what stays that are shown to people for each limb."""


def disgorge(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The order: orders/NAME.yaml.", show_default=False)] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what each limb takes; change nothing.")] = False,
    again: Annotated[
        str, typer.Option("--again", metavar="ID", help="Look again at one that was entered: what came to light since.", show_default=False)
    ] = "",
    by: Annotated[str, typer.Option(help="Who enters it, as under approvers: of the map.", show_default=False)] = "",
    yes: options.Yes = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter a regulator's order of destruction: limb by limb, what goes, what stays and why, and what nobody can tell.

    Each limb becomes an order about a class of items, to be planned, approved and applied like any other. Nothing is erased yet.
    """
    if (file is None) == (not again):
        problem = "name the file of an order, or one that was entered"
        raise UsageError(problem, help="expunge order disgorge FILE [--preview], or --again ID")
    with opened(map_file, recover=not preview) as expunge:
        service = expunge.disgorgements
        order = service.read(file) if file else service.standing(again).order
        found = service.look(again) if again else service.preview(order)
        if preview:
            _tell(order, found, None, as_json=as_json)
            return
        if not as_json:
            output.stderr().print(drawn(order, found))
        options.confirm("Enter this and make orders to erase of it?", yes=yes)
        standing = service.again(again) if again else service.enter(order, by)
    _tell(order, found, standing, as_json=as_json)


def decide(
    name: Name,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="As it is listed: DATASET or DATASET/NAME.", show_default=False)],
    by: Annotated[str, typer.Option("--as", help="Who decides.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; no identifier.", show_default=False)],
    tainted: Annotated[bool, typer.Option("--tainted/--clean", help="Whether it came from what the order covers.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Decide about something of which nobody can tell where it came from. Until somebody does, it is not clean."""
    with opened(map_file, recover=True) as expunge:
        expunge.disgorgements.decide(name, item, tainted=tainted, by=by, reason=reason)
    word = "tainted" if tainted else "clean"
    output.write_json("decision/1", {"id": name, "item": item, "tainted": tainted, "by": by}) if as_json else output.say(f"{item}: {word}")
    if tainted:
        output.note(f"next: expunge order disgorge --again {name}")


def except_item(
    name: Name,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="What stays: DATASET or DATASET/NAME.", show_default=False)],
    limb: Annotated[str, typer.Option(help="From which limb.", show_default=False)],
    ground: Annotated[str, typer.Option(help="Why; for what is technically infeasible, the explanation.", show_default=False)],
    authority: Annotated[str, typer.Option(help="Which law or authority, or whose expert.", show_default=False)],
    approver: Annotated[str, typer.Option("--as", help="A name under `approvers:` of the map.", show_default=False)],
    exemption: Annotated[
        str, typer.Option(help="Name of the order's exemption; without it, technically infeasible.", show_default=False)
    ] = "",
    until: Annotated[str, typer.Option(help="Until when: 2027-01-31, in UTC. An exemption needs an end.", show_default=False)] = "",
    signature: Annotated[str, typer.Option(help="Base64 of the Ed25519 signature over the message.", show_default=False)] = "",
    key: Annotated[
        Path | None, typer.Option(help="PEM file of the private key to sign with here.", exists=True, show_default=False)
    ] = None,
    message: Annotated[bool, typer.Option("--message", help="Only print the message that is signed.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Claim that one item stays: by an exemption that the order knows, or because it is technically infeasible. Signed, never silent."""
    from expunge.core.disgorgement.disgorgement_events import ItemExcepted, claim

    wanted = ItemExcepted(clock.now(), name, limb, item, exemption, ground, authority, _until(until), approver, "")
    with opened(map_file, recover=not message) as expunge:
        expunge.disgorgements.check_claim(wanted)
        if message:
            text = claim(wanted).decode()
            output.write_json("exception-message/1", {"message": text}) if as_json else typer.echo(text, nl=False)
            return
        if bool(signature) == bool(key):
            problem = "an exception is signed: give a signature or a key"
            raise UsageError(problem, help="--signature BASE64 or --key FILE; --message prints what is signed")
        expunge.disgorgements.except_item(wanted, signature or plan_commands.sign(key, claim(wanted)))
    output.write_json("exception/1", _claimed(wanted)) if as_json else output.say(
        f"{item} stays; next: expunge order disgorge --again {name}"
    )


def forward_check(name: Name, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Look whether data that was deleted has entered anything made since. Exit code 1 when it has, or when nobody can tell."""
    from expunge.core.disgorgement.forward_limb import ForwardFinding

    with opened(map_file) as expunge:
        judged = expunge.disgorgements.forward(name)
    if as_json:
        output.write_json("forward-check/1", {"id": name, "limbs": [_judged(each) for each in judged]})
    elif not judged:
        output.say("the order has no limb that looks forward")
    else:
        for limb in judged:
            output.say(f"{limb.limb.name} ({limb.limb.provision}): {output.count(limb.deletions, 'deletion')} processed")
            for each in limb.judged:
                output.say(f"  {each.product.name}: {each.finding.value}: {output.visible(each.why)}")
    if any(each.of(ForwardFinding.VIOLATION) or each.of(ForwardFinding.UNKNOWN) for each in judged):
        raise typer.Exit(Exit.FAILED)


def statement(
    name: Name,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the draft and the evidence that it points to.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Draft the sworn statement, unsigned, in HTML and Markdown; every number links to its evidence.

    Refused, with every reason, while something was not carried out, failed, is unknown, or is there still.
    """
    with opened(map_file, recover=True) as expunge:
        drafted = expunge.disgorgements.statement(name)
    for path, data in drafted.files.items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    if as_json:
        lines = [{"limb": part.title, "number": line.number, "of": line.text} for part in drafted.draft.parts for line in part.lines]
        output.write_json("statement/1", {"id": name, "numbers": lines, "due": drafted.draft.due, "files": sorted(drafted.files)})
        return
    output.say(f"{out / 'statement.html'}")
    output.note("a draft: it says nothing until it is signed")


def show(
    name: Annotated[str, typer.Argument(metavar="[ID]", help="Of one that was entered; else all are listed.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show orders of destruction that were entered: what each limb takes now, its orders, its clocks, what waits for a decision."""
    with opened(map_file) as expunge:
        service = expunge.disgorgements
        if name:
            standing = service.standing(name)
            _tell(standing.order, service.look(name), standing, as_json=as_json)
            return
        entered = service.standings()
    if as_json:
        output.write_json("disgorgements/1", {"orders": [_brief(each) for each in entered.values()]})
        return
    for each in entered.values():
        output.say(f"{each.id}  {output.moment(each.entered.at)}  {output.visible(each.order.name)}")
    if not entered:
        output.say("no order of destruction was entered here")


def drawn(order: Disgorgement, found: Sequence[LimbExamination], standing: DisgorgementState | None = None) -> Tree:
    """Draw the effects of an order here, as a tree of limbs."""
    from rich.text import Text
    from rich.tree import Tree

    root = Tree(Text(f"{order.name}: {order.authority}, {order.docket}"))
    for each in found:
        branch = root.add(Text(f"{each.limb.name} ({each.limb.provision}): {_reach(each)}"))
        for text in _lines(each):
            branch.add(Text(output.visible(text)))
        for made in standing.of_limb(each.limb.name) if standing else ():
            if made.order is not None:
                branch.add(Text(f"order {made.order}: next: expunge plan {made.order}"))
        for name, due in _clocks(order, each.limb.clocks):
            branch.add(Text(f"{name} {due}", style="dim"))
    for limb in order.forward:
        root.add(Text(f"{limb.name} ({limb.provision}): looks forward; destroys nothing; expunge order forward-check ID"))
    for recipient in order.recipients:
        told = f"told by {recipient.given_by}" if recipient.given_by else "told by us"
        root.add(Text(f"recipient {recipient.name}: {told}{'; nothing more until they confirm' if recipient.blocked else ''}"))
    return root


def _reach(found: LimbExamination) -> str:
    people = f" of {output.count(found.people, 'person', 'people')}" if found.people is not None else ""
    return f"{output.count(sum(found.items.values()), 'item')}{people} to go"


def _lines(found: LimbExamination) -> list[str]:
    """What is said of a limb to people: what has nothing to do with it is only counted."""
    from expunge.core.disgorgement.limb_scope import APART

    lines = []
    for hit in found.hits:
        lines.append(_hit(hit) if hit.items else f"nothing there: {hit.dataset}")
        lines += [f"  {name}: {_path(hit, name)}" for name in hit.paths if hit.items and hit.paths[name]]
    apart = [each for each in found.stays if each.why == APART and each.kind not in found.limb.takes]
    stays = [f"stays: {each.item} ({each.kind}): {each.why}" for each in found.stays if each not in apart]
    lines += stays[:MOST_STAYS] + (
        [f"and {len(stays) - MOST_STAYS} more that stay: --json lists them all"] if len(stays) > MOST_STAYS else []
    )
    lines += [f"stay: {output.count(len(apart), 'dataset')} that have nothing to do with it"] if apart else []
    lines += [f"unknown: {each.item} ({each.kind}): {each.why}; expunge order decide" for each in found.unknown]
    lines += [f"counted: {each.number:,} {each.name}" for each in found.counted]
    return lines + [f"could not be looked into: {name}: {why.reason.value}" for name, why in found.failed.items()]


def _hit(hit: ReachedDataset) -> str:
    named = f" ({output.count(len(hit.artefacts), 'artefact')})" if hit.artefacts else ""
    return f"goes: {output.count(hit.items, 'item')} of {hit.dataset}{named}, {hit.kind}, told by {hit.by}"


def _path(hit: ReachedDataset, name: str) -> str:
    steps = hit.paths[name]
    return " -> ".join([steps[0].source, *(f"[{step.how}] {step.product}" for step in steps)])


def _clocks(order: Disgorgement, clocks: Any) -> list[tuple[str, str]]:
    starts = {"entry": order.entered}
    dues = [(name, each, each.due(starts)) for name, each in clocks.items()]
    return [(name, f"due {due:%Y-%m-%d}" if due else f"within {each.period} of {each.start}") for name, each, due in dues]


def _tell(order: Disgorgement, found: Sequence[LimbExamination], standing: DisgorgementState | None, *, as_json: bool) -> None:
    if as_json:
        values = {"order": order.name, "id": standing.id if standing else None, "limbs": [_values(order, each, standing) for each in found]}
        output.write_json("disgorgement/1", values)
        return
    output.stdout().print(drawn(order, found, standing))
    if standing:
        output.say(standing.id)


def _values(order: Disgorgement, found: LimbExamination, standing: DisgorgementState | None) -> dict[str, Any]:
    hits = [
        {"dataset": hit.dataset, "kind": hit.kind, "items": hit.items, "told_by": hit.by, "why": hit.why,
         "paths": {name: [[step.source, step.how, step.product] for step in path] for name, path in hit.paths.items()}}
        for hit in found.hits
    ]  # fmt: skip
    return {
        "limb": found.limb.name,
        "provision": found.limb.provision,
        "hits": hits,
        "stays": [{"item": each.item, "kind": each.kind, "why": each.why} for each in found.stays],
        "unknown": [{"item": each.item, "kind": each.kind, "why": each.why} for each in found.unknown],
        "failed": {name: why.reason for name, why in found.failed.items()},
        "people": found.people,
        "counted": [{"name": each.name, "number": each.number, "query": each.query, "answer": each.answer} for each in found.counted],
        "clocks": dict(_clocks(order, found.limb.clocks)),
        "orders": [each.order for each in standing.of_limb(found.limb.name) if each.order] if standing else [],
    }


def _brief(standing: DisgorgementState) -> dict[str, Any]:
    return {"id": standing.id, "order": standing.order.name, "entered": standing.entered.at, "digest": standing.entered.digest}


def _judged(limb: ForwardVerdict) -> dict[str, Any]:
    products = [
        {"product": each.product.name, "kind": each.product.kind, "created": each.product.created, "finding": each.finding, "why": each.why}
        for each in limb.judged
    ]
    return {"limb": limb.limb.name, "provision": limb.limb.provision, "deletions": limb.deletions, "products": products}


def _claimed(wanted: ItemExcepted) -> dict[str, Any]:
    return {"id": wanted.id, "limb": wanted.limb, "item": wanted.item, "exemption": wanted.exemption or None, "until": wanted.until}


def _until(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{output.visible(text)!r} is not a date"
        raise UsageError(message, help="write it as 2027-01-31") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
