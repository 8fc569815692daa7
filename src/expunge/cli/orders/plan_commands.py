"""``expunge plan`` and ``expunge approve``: show the planned steps, and sign them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rich.tree import Tree

    from expunge.core.orders.plan import Step
    from expunge.core.orders.step_times import Estimate
    from expunge.engine.execution.planning import PlanForecast


_SHOWN = frozenset({"forget", "destroy", "erase", "rebuild", "retrain", "keep", "manual"})
"""Steps that do something to a dataset, or leave it on purpose."""
_MARKS = {"keep": "=", "manual": "!"}
_MENTIONED = {"null": ("~", "set to null"), "replace": ("~", "replaced"), "keep": ("=", "it stays as it is")}


def plan(
    order: options.OrderArgument,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Save the plan here, for `expunge apply FILE`.", show_default=False)
    ] = None,
    detailed_exitcode: Annotated[bool, typer.Option(help="Exit with 3 when there is something to erase.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Plan an order: what goes, what changes in rows of others, what stays and why, what stands in the way, and the time it should take.

    Erases nothing. The time comes from the orders that have ended here, step by step; without any, from the bytes alone.
    """
    from expunge.core.values.ids import OrderId

    with opened(map_file, recover=True) as expunge:
        forecast = expunge.plan(OrderId(order), ahead=True)
    if out is not None:
        out.write_bytes(forecast.plan.to_bytes())
    if as_json:
        output.write_json("forecast/1", as_values(forecast))
    else:
        output.stdout().print(drawn(forecast))
    pending = sum(_counts(forecast).values())
    if detailed_exitcode and pending:
        raise typer.Exit(Exit.CHANGES)


def approve(
    order: options.OrderArgument,
    approver: Annotated[str, typer.Option("--as", help="A name under `approvers:` of the map.", show_default=False)] = "",
    signature: Annotated[str, typer.Option(help="Base64 of the Ed25519 signature over the message.", show_default=False)] = "",
    key: Annotated[
        Path | None, typer.Option(help="PEM file of the private key to sign with here.", exists=True, show_default=False)
    ] = None,
    message: Annotated[bool, typer.Option("--message", help="Only print the message that an approver signs.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Approve an order's current plan with an Ed25519 signature over its digest. A plan made anew voids it.

    Passkeys approve on the pages of staff.
    """
    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        text = expunge.approval_message(OrderId(order))
        if message:
            output.write_json("approval-message/1", {"message": text.decode()}) if as_json else typer.echo(text, nl=False)
            return
        run = expunge.approve(OrderId(order), approver, signed(approver, signature, key, text))
    if as_json:
        output.write_json("approval/1", {"order": run.order, "state": run.state, "approver": approver})
    else:
        output.say(f"{run.order} is {run.state.value}")


def drawn(forecast: PlanForecast) -> Tree:
    """The plan as a difference, place by place: - goes, ~ changes in rows of others, = stays, ! stands in the way."""
    from rich.text import Text
    from rich.tree import Tree

    root = Tree(f"{forecast.plan.order}: {output.count(len(forecast.plan.subjects), 'person', 'people')}")
    root.add(Text("- goes   ~ changes in rows of other people   = stays   ! stands in the way", style="dim"))
    told = {name for store in _stores(forecast) for name in _datasets_of(forecast, store)}
    for store in _stores(forecast):
        can = forecast.capabilities.get(store)
        scanned = f", {output.size(forecast.raw_bytes.get(store, 0))} to be searched before and after" if can else ""
        branch = root.add(f"{store}: {'can reach ' + can.grounding.word if can else 'could not be reached'}{scanned}")
        cost = forecast.costs.get(store)
        if cost and cost.rewrites:
            sizes = f"{output.size(cost.read_bytes)} read, {output.size(cost.written_bytes)} written"
            branch.add(Text(f"rewrites {output.count(cost.rewrites, 'file or table', 'files or tables')}: {sizes}"))
        for line in _lines_of(forecast, store):
            branch.add(Text(line))
        for sentence in can.out_of_scope if can else ():
            branch.add(Text(f"out of reach: {sentence}", style="dim"))
    for line in _elsewhere(forecast, told):
        root.add(Text(line))
    if forecast.plan.observed:
        places = output.count(len(forecast.plan.observed), "place")
        root.add(f"! pipelines took data to {places} that the map lacks, out of reach: `expunge lineage show --unknown` names them")
    if forecast.plan.loss.people:
        root.add(Text(f"~ {forecast.plan.loss.text}"))
    if forecast.foreseen is not None and forecast.foreseen.in_the_way:
        root.add("! as it is now, the order will end in part; the lines with ! say why, and what to write")
    root.add(f"should take about {_duration(forecast.estimate)}; digest {forecast.plan.digest}")
    return root


def _stores(forecast: PlanForecast) -> list[str]:
    return sorted({step.store for step in forecast.plan.steps if step.kind.value in _SHOWN})


def _datasets_of(forecast: PlanForecast, store: str) -> list[str]:
    return [name for step in forecast.plan.steps if step.kind.value in _SHOWN and step.store == store for name in step.datasets]


def _lines_of(forecast: PlanForecast, store: str) -> Iterator[str]:
    """What becomes of each dataset of a store, the most telling first; those without anything come last, together."""
    from expunge.core.orders.plan import StepKind

    counts = _counts(forecast)
    empty: list[str] = []
    for step in forecast.plan.steps:
        if step.kind.value not in _SHOWN or step.store != store:
            continue
        (name,) = step.datasets
        grounds = dict.fromkeys(ground for by in forecast.kept.get(name, {}).values() for ground in by)
        if step.kind is StepKind.ERASE and not (counts.get(name) or grounds or name in forecast.failed):
            empty.append(name)
        else:
            yield _line(forecast, step, counts)
        yield from (f"= {name}: some stays: {output.visible(ground)}" for ground in grounds)
    for name in _datasets_of(forecast, store):
        yield from _with_others(forecast, name)
    if empty:
        yield f"nothing found in {', '.join(empty)}"


def _with_others(forecast: PlanForecast, name: str) -> Iterator[str]:
    """What rows of other people in a dataset have to do with the order."""
    foreseen = forecast.foreseen
    if foreseen is None:
        return
    for mention in foreseen.mentions:
        if mention.dataset == name:
            rows, column = output.count(mention.items, "row"), output.visible(mention.column)
            mark, what = _MENTIONED[mention.act.value]
            yield f"{mark} {name}.{column}: {rows} of other people {'names' if mention.items == 1 else 'name'} them: {what}"
    yield from (f"! {name}: cannot go: {output.visible(why)}" for why in foreseen.bound.get(name, ()))
    if name in foreseen.undeclared:
        yield f"! {name}: {output.visible(foreseen.undeclared[name])}"


def _elsewhere(forecast: PlanForecast, told: Collection[str]) -> Iterator[str]:
    """What was foreseen in places of which the plan has no step."""
    if forecast.foreseen is None:
        return
    places = {each.dataset for each in forecast.foreseen.mentions} | forecast.foreseen.undeclared.keys()
    for name in sorted(places - set(told)):
        yield from _with_others(forecast, name)


def _duration(estimate: Estimate) -> str:
    """How long it should take, and what that rests on."""
    time = f"{estimate.seconds} s" if estimate.seconds < 120 else f"{round(estimate.seconds / 60)} minutes"
    if estimate.measured:
        return f"{time}, as earlier orders here did"
    if estimate.steps:
        return f"{time}, by earlier orders here for {estimate.steps} of {estimate.of} steps, else by bytes"
    return f"{time}, by bytes alone: no order of this kind has ended here yet, so it may take much longer"


def _line(forecast: PlanForecast, step: Step, counts: dict[str, int]) -> str:
    from expunge.core.orders.plan import StepKind

    (name,) = step.datasets
    failed = forecast.failed.get(name)
    if failed is not None:
        return f"! {name}: {step.kind.value}; could not be looked into now: {failed}"
    found = f"{output.count(counts.get(name, 0), 'item')}, {output.size(forecast.bytes.get(name, 0))}"
    if step.kind in (StepKind.ERASE, StepKind.DESTROY):
        return f"- {name}: {step.kind.value} {found}, down to {step.grounding}"
    return f"{_MARKS.get(step.kind.value, '-')} {name}: {step.kind.value}: {output.visible(step.note)}"


def _counts(forecast: PlanForecast) -> dict[str, int]:
    return {name: sum(by.values()) for name, by in forecast.items.items()}


def as_values(forecast: PlanForecast) -> dict[str, Any]:
    """The forecast as JSON values, with the saved form of the plan inside."""
    import json

    return {
        "order": forecast.plan.order,
        "digest": forecast.plan.digest,
        "people": len(forecast.plan.subjects),
        "items": _counts(forecast),
        "bytes": forecast.bytes,
        "kept": forecast.kept,
        "failed": forecast.failed,
        "raw_bytes": forecast.raw_bytes,
        "costs": {
            store: {"read_bytes": each.read_bytes, "rewrites": each.rewrites, "written_bytes": each.written_bytes}
            for store, each in forecast.costs.items()
        },
        "bystanders": dict(forecast.plan.bystanders),
        "bystanders_in_all": forecast.plan.bystanders_in_all,
        "seconds": forecast.estimate.seconds,
        "seconds_measured": {"steps": forecast.estimate.steps, "of": forecast.estimate.of},
        "foreseen": _foreseen(forecast),
        "plan": json.loads(forecast.plan.to_bytes()),
    }


def _foreseen(forecast: PlanForecast) -> dict[str, Any] | None:
    found = forecast.foreseen
    if found is None:
        return None
    mentions = [{"dataset": each.dataset, "column": each.column, "act": each.act, "items": each.items} for each in found.mentions]
    return {"mentions": mentions, "undeclared": dict(found.undeclared), "bound": dict(found.bound)}


def signed(approver: str, signature: str, key: Path | None, text: bytes) -> str:
    """Return an approver's signature as it was given, or made with the key. Raises UsageError without an approver, and for none or both."""
    if not approver or bool(signature) == bool(key):
        problem = "say who approves, and give a signature or a key"
        raise UsageError(problem, help="--as NAME with --signature BASE64 or --key FILE; --message prints what is signed")
    return signature or sign(key, text)


def sign(key: Path | None, text: bytes) -> str:
    """Sign with the private key of a PEM file, in base64. Raises UsageError for a file that holds no such key."""
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    assert key is not None
    try:
        private = load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError) as error:
        problem = "the key file holds no private key in PEM without a passphrase"
        raise UsageError(problem, help="sign elsewhere, and give --signature") from error
    if not isinstance(private, Ed25519PrivateKey):
        problem = "the key is not an Ed25519 key"
        raise UsageError(problem, help="make one with: openssl genpkey -algorithm ed25519")
    return base64.b64encode(private.sign(text)).decode()
