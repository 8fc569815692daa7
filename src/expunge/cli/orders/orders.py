"""``expunge order``: receive an order to erase, extend its time, or cancel it before anything was erased."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.orders import disgorgements
from expunge.cli.terminal import options, output, person_prompt
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expunge.engine.intake.earlier_orders import EarlierOrder
    from expunge.engine.intake.person_orders import Accepted
    from expunge.engine.subjects.resolving import ResolvedName

app = typer.Typer(help="Orders: receive, extend, cancel; orders of destruction.", no_args_is_help=True)
app.command()(disgorgements.disgorge)
app.command()(disgorgements.decide)
app.command("except")(disgorgements.except_item)
app.command()(disgorgements.forward_check)
app.command()(disgorgements.statement)
app.command()(disgorgements.show)


@app.command()
def erase(
    names: person_prompt.Names,
    whole: person_prompt.Whole = False,
    attested: Annotated[
        str, typer.Option(help="How the requester's identity was established, in words; no identifier.")
    ] = "by the operator",
    guardian: Annotated[
        str | None,
        typer.Option(
            help="The proof of the guardian who asked, as `expunge guardian list` shows it: the order stops when their authority ends.",
            show_default=False,
        ),
    ] = None,
    contact: Annotated[
        str,
        typer.Option(help="Where notices go; sealed, and destroyed at the traces' end date.", envvar="EXPUNGE_CONTACT", show_default=False),
    ] = "",
    cooling_off: Annotated[
        str, typer.Option(help="Time in which it may be cancelled, like '3 days'; else the map's.", show_default=False)
    ] = "",
    by: Annotated[
        str, typer.Option(help="Who enters it, as under approvers: of the map; their own approval is refused.", show_default=False)
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Order it although an order for the same person is open; without a terminal this is needed.")
    ] = False,
    openings: Annotated[
        Path | None,
        typer.Option(help="Folder for each person's opening.json: with it they can show that a receipt is about them.", show_default=False),
    ] = None,
    yes: options.Yes = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Receive an order to erase people. What the names resolve to is shown and confirmed; from then on the fence stands.

    Orders that the people have already are named first. One that is open can be applied; a second one beside it has to be meant (--again).
    Nothing is erased yet: `expunge plan` and `expunge apply` do that.
    """
    from expunge.core.values.cause import check_words

    span = _span(cooling_off)
    if guardian is None:
        # Before anything is asked of the operator; what comes in is checked again where it is received.
        check_words(attested)
    with opened(map_file, recover=True) as expunge:
        resolved = person_prompt.resolve(expunge, names, whole=whole)
        for each in resolved:
            output.note(person_prompt.described(each))
        before = expunge.earlier_orders(resolved)
        _tell_earlier(before, again=again, yes=yes)
        options.confirm("Order the erasure of everything held about them?", yes=yes)
        accepted = expunge.order_erase(
            resolved, attested=attested, guardian=guardian, contact=contact, cooling_off=span, channel="cli", requester=by
        )
    if openings is not None:
        _write_openings(openings, accepted, resolved)
    _tell_accepted(accepted, before, kept=openings is not None, as_json=as_json)


@app.command()
def cancel(
    order: options.OrderArgument,
    reason: Annotated[str, typer.Option(help="For the journal; no identifier.")] = "cancelled by the requester",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Cancel an order before anything was erased: the fence is lifted, what identified the person is destroyed."""
    from expunge.core.values.ids import OrderId

    with opened(map_file, recover=True) as expunge:
        run = expunge.order_cancel(OrderId(order), reason)
    if as_json:
        output.write_json("order/1", {"order": run.order, "state": run.state})
    else:
        output.say(f"{run.order} is {run.state.value}")


@app.command()
def contact(order: options.OrderArgument, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show the address that notices of an order go to, for whoever delivers what lies in the outbox. It dies at the traces' end date."""
    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        address = expunge.contact(OrderId(order))
    output.write_json("contact/1", {"order": order, "contact": address}) if as_json else output.say(output.visible(address))


def _tell_accepted(accepted: Accepted, before: Sequence[EarlierOrder], *, kept: bool, as_json: bool) -> None:
    if as_json:
        held = [base64.b64encode(opening).decode() for opening in accepted.openings]
        values = {"order": accepted.order, "subjects": accepted.subjects, "earliest": accepted.earliest, "openings": held}
        output.write_json("order/1", {**values, "earlier": [_earlier(each) for each in before]})
        return
    output.say(accepted.order)
    if not kept:
        output.note("no --openings: nobody will be able to show that the receipt is about them; the order's own copy dies with it")
    output.note(f"received and fenced; it may be applied from {output.moment(accepted.earliest)} on; next: expunge plan {accepted.order}")


def _earlier(each: EarlierOrder) -> dict[str, Any]:
    run = each.run
    return {"order": run.order, "state": run.state, "received": run.received.at, "ended": run.ended_at, "open": each.open}


def _tell_earlier(before: Sequence[EarlierOrder], *, again: bool, yes: bool) -> None:
    """Name the orders that the people have; raise UsageError where nobody can be asked whether a second one beside an open one is meant."""
    for each in before:
        run = each.run
        how = f"is open ({run.state.value})" if each.open else f"ended {run.state.value}"
        when = f" on {output.moment(run.ended_at)}" if run.ended_at and not each.open else ""
        output.note(f"order {run.order} of {output.moment(run.received.at)} for this person {how}{when}")
    standing = [each.run.order for each in before if each.open]
    if standing and not again:
        if yes:
            message = f"order {standing[-1]} for the same person is open"
            raise UsageError(message, help=f"take it further: expunge plan {standing[-1]}; or give --again where a second one is meant")
        output.note(f"to take it further: expunge plan {standing[-1]}")


def _span(text: str) -> timedelta | None:
    from expunge.core.values.periods import parse_span

    if not text:
        return None
    try:
        return parse_span(text)
    except ValueError as error:
        message = f"{output.visible(text)!r} is not a cooling-off time"
        raise UsageError(message, help=str(error)) from error


def _write_openings(folder: Path, accepted: Accepted, resolved: Sequence[ResolvedName]) -> None:
    """One folder per person, numbered as in the order. Kept by the person: Expunge's own copy dies with the order."""
    from expunge.core.evidence.commitment import Opening

    for number, (opening, each) in enumerate(zip(accepted.openings, resolved, strict=True), 1):
        path = folder / str(number) / "opening.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Opening(opening, each.person.identifiers()).encode())
        path.chmod(0o600)


@app.command()
def extend(
    order: options.OrderArgument,
    reason: Annotated[str, typer.Option(help="Why it takes longer: the person is told; no identifier.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Tell the person that an order takes longer, where a law gives more time; `expunge due` then counts on."""
    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        run = expunge.dues.extend(OrderId(order), reason)
    output.write_json("order/1", {"order": run.order, "extended": run.extended_at}) if as_json else output.say(f"{run.order} was extended")
