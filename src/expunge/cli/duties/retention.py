"""``expunge retention``: the age of items, and the items that are past their period."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.duties import postings
from expunge.cli.orders import apply
from expunge.cli.terminal import options, output, person_prompt
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.cli.terminal.progress import ProgressReporter
from expunge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expunge.bootstrap import Expunge
    from expunge.core.orders.run import Run
    from expunge.core.retention.public_claims import CheckedClaim
    from expunge.core.retention.retention_rules import DatasetAge
    from expunge.core.values.ids import OrderId
    from expunge.core.values.periods import Period
    from expunge.engine.retention.expiry import ExpiryRun

app = typer.Typer(
    help="Retention: preview, run, inactive, keep, publish, claims, disclosure, posted, may-collect, may-require.", no_args_is_help=True
)
_BAR = 32


@app.command()
def preview(
    change: Annotated[
        list[str] | None, typer.Option("--set", help="A period to try: voice='30 days'; again for more.", show_default=False)
    ] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show how old everything is, what would go today, and what a change of policy would add. Changes nothing.

    Exit code 0: nothing is due; 3: something is; 1: a dataset could not be looked at.
    """
    with opened(map_file) as expunge:
        found = expunge.retention.preview(_periods(change or ()))
    if as_json:
        output.write_json("retention-preview/1", {"datasets": [_values(each) for each in found]})
    else:
        for each in found:
            _tell(each)
    if any(each.trouble for each in found):
        raise typer.Exit(Exit.FAILED)
    if any(each.due[0] for each in found):
        raise typer.Exit(Exit.CHANGES)


@app.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; receive no order.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the receipt.", show_default=False)] = None,
    yes: options.Yes = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Erase what has outlived its period: one order of expiry, planned, carried out, looked for again, with one receipt.

    What an earlier run left open is finished first. People under a whole hold keep their items. The same command goes on after an
    interruption; run it every day.

    Exit code 0: nothing is overdue any more; 4: something was not erased; 5: the plan waits for approval; 3 (dry run): something is due.
    """
    if dry_run:
        preview(None, map_file, as_json)
        return
    with opened(map_file, recover=True) as expunge:
        items = sum(each.due[0] for each in expunge.retention.preview())
        options.confirm(f"Erase {output.count(items, 'item')} that have outlived their period for good?", yes=yes)
        retired = expunge.retention.retire()
        runs = _carried_out(expunge, retired.orders)
        for number, each in enumerate(runs, start=1):
            if out is not None:
                apply.write_receipts(expunge, each, out / str(number) if len(runs) > 1 else out)
    _tell_run(retired, runs, as_json=as_json)
    code = max((apply.exit_code(each) for each in runs), default=Exit.OK)
    if code or retired.left_out:
        raise typer.Exit(code or Exit.FAILED)


@app.command()
def inactive(
    names: Annotated[bool, typer.Option("--names", help="Show who was flagged, to tell their parents.")] = False,
    yes: options.Yes = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Flag profiles that nobody uses, and erase those that nobody kept within 60 days of it. Run it every day.

    Exit code 0: done; 4: something was not erased; 5: a plan waits for approval; 1: the use of some profiles could not be told.
    """
    with opened(map_file, recover=True) as expunge:
        options.confirm("Erase profiles that were flagged as unused and that nobody kept in time?", yes=yes)
        watched = expunge.retention.watch()
        runs = _carried_out(expunge, watched.orders)
        states = expunge.retention.idle()
    waiting = [state for state in states.values() if state.open]
    if as_json:
        body = {
            "evaluated": watched.evaluated,
            "flagged": [watched.named[each.subject] if names else each.subject for each in watched.flagged],
            "used_again": len(watched.used),
            "waiting": len(waiting),
            "orders": [apply.summary(each) for each in runs],
            "could_not": list(watched.could_not),
        }
        output.write_json("retention-inactive/1", body)
    else:
        output.say(
            f"{output.count(watched.evaluated, 'profile')} looked at; {len(watched.flagged)} flagged now, {len(watched.used)} used again"
        )
        for each in watched.flagged:
            who = output.visible(watched.named[each.subject]) if names else each.subject
            output.say(
                f"  {who}: last used {output.moment(each.last_used)} ({each.source}), kept until {output.moment(each.asked_until())}"
            )
        output.say(f"{output.count(len(waiting), 'profile')} waiting for somebody to keep them")
        for done in runs:
            output.say(apply.told(done))
        for why in watched.could_not:
            output.say(f"could not look: {why}")
    code = max((apply.exit_code(each) for each in runs), default=Exit.OK)
    if code or watched.could_not:
        raise typer.Exit(code or Exit.FAILED)


@app.command()
def keep(
    name: person_prompt.Name,
    by: Annotated[str, typer.Option(help="Who asked for it: a role or a case number, no identifier.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Keep a profile that was flagged as unused. Refused once it was given up."""
    with opened(map_file) as expunge:
        (person,) = person_prompt.resolve(expunge, [name], whole=False)
        idle = expunge.retention.keep(person, by)
    values = {"subject": idle.subject, "state": idle.state, "since": idle.changed}
    output.write_json("retention-keep/1", values) if as_json else output.say(f"kept since {output.moment(idle.changed)}")


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where policy.html and policy.md go.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Write the public policy from what is enforced, and enter its sentences into the register of claims.

    Each sentence is checked first; where one is not true nothing is written. Exit code 0: published; 1: a sentence is not true.
    """
    with opened(map_file) as expunge:
        found = expunge.retention.publish(folder)
    false = [each for each in found if not each.true]
    if as_json:
        output.write_json("retention-publish/1", {"published": not false, "claims": _claims(found)})
    else:
        _tell_claims(found)
        if false:
            why = "; ".join(f"{each.claim.id}: {output.visible(each.evidence)}" for each in false)
            output.say(f"NOT PUBLISHED: {len(false)} of {output.count(len(found), 'sentence')} not true ({why}). Nothing was written.")
            output.note("make them true (`expunge due` names what is overdue), or change the map; then publish again")
        else:
            output.say(f"published: {output.visible(str(folder / 'policy.html'))}, {output.visible(str(folder / 'policy.md'))}")
    _exit_for(found)


@app.command()
def claims(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Hold what is said in public against the estate, now. Run it every day.

    Exit code 0: every sentence is true; 1: one is not: CLAIM NOW FALSE.
    """
    with opened(map_file) as expunge:
        found = expunge.retention.claims()
    if as_json:
        output.write_json("retention-claims/1", {"claims": _claims(found)})
    else:
        _tell_claims(found)
    _exit_for(found)


def _claims(found: Sequence[CheckedClaim]) -> list[dict[str, Any]]:
    return [
        {"claim": each.claim.id, "sentence": each.claim.sentence, "proof": each.claim.proof, "true": each.true, "evidence": each.evidence}
        for each in found
    ]


def _tell_claims(found: Sequence[CheckedClaim]) -> None:
    for each in found:
        output.say(f"{'true' if each.true else 'CLAIM NOW FALSE'}: {output.visible(each.claim.sentence)}")
        output.say(f"  {each.claim.id}: {each.claim.proof.value}: {output.visible(each.evidence)}")


def _exit_for(found: Sequence[CheckedClaim]) -> None:
    if not all(each.true for each in found):
        raise typer.Exit(Exit.FAILED)


postings.add_to(app)


@app.command("may-collect")
def may_collect(
    types: Annotated[list[str], typer.Argument(metavar="TYPE...", help="Datasets, or data categories: user.biometrics.voice.")],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Ask whether types of data may be collected: only those with a schedule of purpose, need and a finite period.

    Exit code 0: all of them may; 1: one may not.
    """
    from expunge import survey

    found = [survey.may_collect(each, map_file) for each in types]
    if as_json:
        keys = ("data_type", "allowed", "reason", "schedule", "period", "purpose", "need")
        output.write_json("may-collect/1", {"types": [{key: getattr(each, key) for key in keys} for each in found]})
    else:
        for each in found:
            kept = f": kept for {each.period}, to {each.purpose}, needed for {each.need}" if each.allowed else f": {each.reason}"
            output.say(
                f"{output.visible(each.data_type)}: {'may be collected' if each.allowed else 'may NOT be collected'}{output.visible(kept)}"
            )
    if not all(each.allowed for each in found):
        raise typer.Exit(Exit.FAILED)


@app.command("may-require")
def may_require(
    purpose: Annotated[str, typer.Argument(metavar="PURPOSE", help="A purpose of the map: what people are offered.", show_default=False)],
    datasets: Annotated[list[str], typer.Argument(metavar="DATASET...", help="What they are asked for.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Ask whether a purpose may be refused to whoever does not give some data: only where it cannot be done without, by the map.

    Exit code 0: all of it may be required; 1: some may not.
    """
    from expunge import survey

    found = [survey.may_require(purpose, each, map_file) for each in datasets]
    if as_json:
        keys = ("purpose", "dataset", "allowed", "reason")
        output.write_json("may-require/1", {"answers": [{key: getattr(each, key) for key in keys} for each in found]})
    else:
        for each in found:
            word = "may be required" if each.allowed else "may NOT be required"
            output.say(f"{output.visible(each.dataset)} for {output.visible(each.purpose)}: {word}: {output.visible(each.reason)}")
    if not all(each.allowed for each in found):
        raise typer.Exit(Exit.FAILED)


def _carried_out(expunge: Expunge, orders: Sequence[OrderId]) -> list[Run]:
    done = []
    with ProgressReporter("retention") as report:
        for order in orders:
            if expunge.status(order).plan is None:
                expunge.plan(order)
            done.append(expunge.apply(order, report=report))
    return done


def _tell_run(retired: ExpiryRun, runs: Sequence[Run], *, as_json: bool) -> None:
    left_out = dict(retired.left_out or {})
    if as_json:
        due = [
            {"dataset": each.rule.dataset, "schedule": each.rule.schedule, "until": each.until, "items": each.items, "left": each.left}
            for each in retired.due
        ]
        body = {"orders": [apply.summary(each) for each in runs], "due": due, "resumed": retired.resumed, "left_out": left_out}
        body["staying"] = list(retired.staying)
        body |= {"own": retired.own, "own_left_out": retired.own_left_out}
        body["held"] = [{"dataset": each.dataset, "items": each.items, "until": each.until} for each in retired.held]
        output.write_json("retention-run/1", body)
        return
    if not (runs or retired.held or left_out):
        output.say("nothing has outlived its period")
    for due_ in retired.due:
        output.say(f"{due_.rule.dataset}: {output.count(due_.items, 'item')} before {output.moment(due_.until)} ({due_.rule.schedule})")
        if due_.left:
            output.say(f"{due_.rule.dataset}: {output.count(due_.left, 'more item')}: run it again")
    for name in retired.staying:
        output.say(f"{name}: made from it, and stays: what it learnt is in there until it is made anew (`on_expiry: follow`)")
    for each in runs:
        output.say(apply.told(each))
    for held in retired.held:
        until = f" until {output.moment(held.until)}" if held.until else ""
        output.say(f"{held.dataset}: {output.count(held.items, 'item')} under a hold{until}, as an earlier receipt says")
    for name, why in left_out.items():
        output.say(f"{name}: left out: {why}")
    if retired.own:
        output.say(f"{output.count(retired.own, 'order')} for people whose families chose a shorter time")
    if retired.own_left_out:
        people = output.count(retired.own_left_out, "person", "people")
        output.say(f"{people} left out: a store did not answer, or guardians are in dispute")
    last = _last_sentence(retired, runs)
    if last:
        output.say(last)


def _last_sentence(retired: ExpiryRun, runs: Sequence[Run]) -> str:
    """Say what the exit code says."""
    if any(apply.exit_code(each) for each in runs):
        return "not everything that outlived its period is gone"
    if retired.left_out:
        return "not everything could be looked at"
    return "nothing is overdue: what outlived its period and is there stays under a hold" if retired.held else ""


def _periods(changes: Sequence[str]) -> dict[str, Period]:
    from expunge.core.values.periods import parse_period

    found = {}
    for change in changes:
        name, sign, text = change.partition("=")
        try:
            found[name.strip()] = parse_period(text.strip().strip("'\""))
        except ValueError as error:
            what = f"--set {output.visible(change)}: {error}" if sign else f"--set {output.visible(change)} names no period"
            raise UsageError(what, help="write for instance --set 'voice=30 days'") from error
    return found


def _tell(found: DatasetAge) -> None:
    rule = found.rule
    head = f"{rule.dataset}: {rule.schedule}, {rule.period} from {rule.field}"
    if rule.goes_with:
        output.say(f"{rule.dataset}: {rule.schedule}: goes with {rule.goes_with}, which it is found through")
        return
    if found.trouble or found.ages is None:
        output.say(f"{head}: could not look: {found.trouble}")
        return
    items, size = found.due
    output.say(f"{head}: {output.count(items, 'item')} due today ({output.size(size)})")
    if found.proposed is not None:
        more, taken = found.proposed_due
        sign = "more" if more >= items else "fewer"
        output.say(f"  with {found.proposed.period}: {output.count(abs(more - items), 'item')} {sign} ({output.size(abs(taken - size))})")
    if found.ages.undated:
        output.say(f"  {output.count(found.ages.undated, 'item')} without a time in {rule.field}: no retention reaches them")
    shown = [(words, count) for words, count in found.by_age() if count]
    most = max((count for _, count in shown), default=0)
    for words, count in shown:
        output.say(f"  {words:>16}  {'█' * max(1, round(_BAR * count / most))} {count:,}")


def _values(found: DatasetAge) -> dict[str, Any]:
    rule, ages = found.rule, found.ages
    body: dict[str, Any] = {
        "dataset": rule.dataset,
        "schedule": rule.schedule,
        "period": str(rule.period),
        "from": rule.field,
        "goes_with": rule.goes_with or None,
        "could_not": found.trouble or None,
    }
    if ages is None:
        return body
    body |= {
        "due": {"items": found.due[0], "bytes": found.due[1]},
        "undated": ages.undated,
        "ages": [{"age": words, "items": count} for words, count in found.by_age()],
    }
    if found.proposed is not None:
        more = found.proposed_due
        body["proposed"] = {"period": str(found.proposed.period), "due": {"items": more[0], "bytes": more[1]}}
    return body
