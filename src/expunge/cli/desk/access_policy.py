"""``expunge access policy``: the rules by which staff may see or hear a recording: show them, try their examples, ask them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.review.policy_rules import PolicyRule
    from expunge.core.review.question import PolicyAnswer

app = typer.Typer(help="The rules that decide about each view: show, test, ask, and those of earlier days.", no_args_is_help=True)


@app.command()
def show(
    file: Annotated[str, typer.Option(help="Print one file as it is: shipped/lease.cedar.", show_default=False)] = "",
    schema: Annotated[bool, typer.Option("--schema", help="Print every fact that a rule can ask about.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show every rule that the map names: what it decides about, and what people are told."""
    from expunge.bootstrap.desk import policies

    found = policies.mapped(map_file)
    wanted = "shipped/desk.cedarschema" if schema else file
    if wanted:
        if wanted not in found.policies.files:
            raise UsageError("there is no such file of rules", help=f"one of: {', '.join(sorted(found.policies.files))}")
        typer.echo(found.policies.files[wanted], nl=False)
        return
    if as_json:
        output.write_json("access-policy/1", {"digest": found.policies.digest, "rules": [_rule(rule) for rule in found.rules]})
        return
    from rich.table import Table

    table = Table("rule", "about", "is told to the person", "where")
    for rule in found.rules:
        about = "every act" if len(rule.acts) == _ALL else ", ".join(sorted(rule.acts))
        told = f"{'may: ' if rule.permits else ''}{rule.reason}"
        table.add_row(rule.name, about, output.visible(told), f"{rule.file}:{rule.line}")
    output.stdout().print(table)
    output.say(f"{output.count(len(found.rules), 'rule')}; digest {found.policies.digest}")


_ALL = 5


@app.command("test")
def try_examples(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Try every example beside the rules. Exit code 1 where one comes out in another way than it says."""
    from expunge.bootstrap.desk import policies

    found = policies.mapped(map_file)
    wrong, untried = policies.tried(found), policies.untried(found)
    if as_json:
        faults = [{"file": fault.file, "line": fault.line, "what": fault.text} for fault in wrong]
        said = {"examples": len(found.examples), "wrong": faults, "untried": [rule.name for rule in untried]}
        output.write_json("access-policy-test/1", {"digest": found.policies.digest, **said})
    else:
        for fault in wrong:
            output.say(output.visible(str(fault)))
        for rule in untried:
            output.say(f"{rule.file}:{rule.line}: no example is about the rule {rule.name}")
        output.say(f"{output.count(len(found.examples), 'example')}, {len(wrong)} wrong; digest {found.policies.digest}")
    if wrong:
        raise typer.Exit(Exit.FAILED)


@app.command()
def ask(
    act: Annotated[str, typer.Argument(help="request, approve, activate, 'step up' or view.", show_default=False)],
    fact: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FACT=VALUE...]", help="What is different from a case in order: room=bedroom.", show_default=False),
    ] = None,
    digest: Annotated[str, typer.Option(help="Ask the set of this digest, which was in force.", show_default=False)] = "",
    at: Annotated[str, typer.Option(metavar="TIME", help="Ask the set that was in force then.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Ask the rules about an act with everything in order, but for some facts. Exit code 1 where they refuse.

    A fact is a name of the questions in the examples: trained_days=400, child=true, network=home, clarity=clear.
    """
    from expunge.bootstrap.desk import policies
    from expunge.cli.duties.reviews import moment

    if strange := [word for word in fact or () if "=" not in word]:
        message = f"{output.visible(strange[0])!r} is no fact"
        raise UsageError(message, help="NAME=VALUE: room=bedroom")
    question = policies.question(act, {name: value for name, _, value in (word.partition("=") for word in fact or ())})
    if digest or at:
        with opened(map_file) as expunge:
            answer = expunge.policies.decided(question, digest, moment(at) if at else None)
    else:
        answer = policies.asked(question, map_file)
    _tell(answer, as_json=as_json)
    if not answer.allowed:
        raise typer.Exit(Exit.FAILED)


@app.command()
def history(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show which set of rules was in force from when on. Each is kept whole: `ask --digest` decides by it."""
    from expunge.core.journal.policy_events import PolicyPublished

    with opened(map_file) as expunge:
        events = expunge.policies.history()
    told = [(event.at, event.policies.digest if isinstance(event, PolicyPublished) else "") for event in events]
    if as_json:
        output.write_json("access-policy-history/1", {"sets": [{"since": since, "digest": digest} for since, digest in told]})
        return
    for since, digest in told:
        output.say(f"{output.moment(since)} {digest or 'nothing was granted: the rules had a mistake'}")
    if not told:
        output.say("no set of rules was in force yet: the first process that decides enters it")


def _rule(rule: PolicyRule) -> dict[str, Any]:
    where = {"file": rule.file, "line": rule.line}
    return {"rule": rule.name, "permits": rule.permits, "acts": sorted(rule.acts), "reason": rule.reason, **where}


def _tell(answer: PolicyAnswer, *, as_json: bool) -> None:
    if as_json:
        reasons = [{"rule": reason.rule, "text": reason.text} for reason in answer.reasons]
        output.write_json("access-policy-answer/1", {"allowed": answer.allowed, "reasons": reasons, "digest": answer.policy_digest})
        return
    output.say("allowed" if answer.allowed else "refused")
    for reason in answer.reasons:
        output.say(f"  {reason.rule}: {output.visible(reason.text)}")
