"""``expunge check`` and ``expunge map``: check the data map and the stores, review and draw the map, compare two maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.estate import map_import, map_review
from expunge.cli.terminal import check_annotations, options, output

if TYPE_CHECKING:
    from expunge.core.datamap.mapdiff import Change
    from expunge.survey import CheckedMap, LineageBranch, SampledPeople

app = typer.Typer(help="The data map: decide what it leaves open, show its lineage, compare two, import one.", no_args_is_help=True)
app.command()(map_review.review)
app.add_typer(map_import.app, name="import")


def check(
    ci: Annotated[bool, typer.Option("--ci", help="One line for each fault: an annotation on GitHub, else file:line: error.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Check the map, then open every store: rights, fields, paths to a subject, and whatever lies there that nobody declared.

    Look for a few people as an order would, and show how much each dataset holds of one of them.
    Where there is state, the map is compared with what pipelines were seen to do as well. Exit code 1 when anything is found.
    """
    from dataclasses import replace

    from expunge import survey
    from expunge.bootstrap import pipelines
    from expunge.bootstrap.desk import finding_service, policies, ways_round
    from expunge.bootstrap.vault import roots

    checked = survey.check(map_file)
    if not checked.faults:
        desk = (*policies.seen(map_file), *finding_service.seen(map_file), *ways_round.seen(map_file))
        checked = replace(checked, findings=(*checked.findings, *roots.seen(map_file), *desk, *pipelines.seen(map_file)))
    if as_json:
        output.write_json("check/1", _checked(checked))
    elif ci:
        for line in check_annotations.lines(checked):
            output.say(line)
    else:
        _show(checked)
    if not checked.sound:
        raise typer.Exit(1)


@app.command()
def show(
    svg: Annotated[Path | None, typer.Option(help="Write the picture here.", show_default=False)] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show where data comes from and goes to: a tree here, an SVG file with --svg."""
    from expunge import survey

    data_map = survey.read(map_file)
    if svg is not None:
        svg.write_text(survey.drawing(data_map), encoding="utf-8")
    if as_json:
        branches = [_branch(each) for each in survey.tree(data_map)]
        output.write_json("map/1", {"map": data_map.source, "lineage": branches, "svg": svg})
        return
    for line in survey.tree_lines(data_map).splitlines():
        output.say(output.visible(line))


@app.command()
def diff(
    before: Annotated[
        Path | None,
        typer.Argument(
            metavar="[OLD]",
            help="The map to compare with; else the one under which orders were last carried out.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    after: Annotated[
        Path | None, typer.Argument(metavar="[NEW]", help="Else the nearest expunge.yaml.", exists=True, dir_okay=False, show_default=False)
    ] = None,
    detailed_exitcode: Annotated[bool, typer.Option(help="Exit with 3 when they differ.")] = False,
    refuse_weaker: Annotated[bool, typer.Option("--refuse-weaker", help="Exit with 1 when people are protected less.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show how two maps differ: what that means for people, and where their data is protected less than before."""
    from expunge.core.datamap.mapdiff_people import for_people

    if before is None:
        from expunge.bootstrap import applied_map

        changes, old, new = applied_map.compare(map_file)
    else:
        from expunge import survey

        changes, old, new = survey.compare(before, after or map_file)
    told = [(change, for_people(change, old, new)) for change in changes]
    if as_json:
        output.write_json("map-diff/1", {"changes": [_change(each, means) for each, means in told]})
    elif not changes:
        output.say("the maps mean the same")
    for each, means in () if as_json else told:
        _show_change(each, means)
    if refuse_weaker and any(change.weaker for change in changes):
        raise typer.Exit(1)
    if changes and detailed_exitcode:
        raise typer.Exit(3)


def _checked(checked: CheckedMap) -> dict[str, Any]:
    return {
        "map": checked.path,
        "sound": checked.sound,
        "stores": checked.stores,
        "datasets": checked.datasets,
        "faults": [
            {"file": fault.file, "line": fault.line, "rule": fault.rule, "what": fault.what, "write_instead": fault.write_instead}
            for fault in (*checked.faults, *checked.guesses)
        ],
        "findings": [
            {
                "kind": finding.kind,
                "store": finding.store,
                "where": finding.where,
                "what": finding.what,
                "mend": finding.mend,
                "line": finding.line or None,
            }
            for finding in checked.findings
        ],
        "samples": [{"kind": each.kind, "people": each.people, "items": each.items} for each in checked.samples],
    }


def _show(checked: CheckedMap) -> None:
    for fault in (*checked.faults, *checked.guesses):
        for line in str(fault).splitlines():
            output.say(output.visible(line))
    for finding in checked.findings:
        line = f" (line {finding.line})" if finding.line else ""
        said = finding.where == finding.store or finding.where.startswith(f"{finding.store}: ")
        place = output.visible(finding.where) if said else f"{finding.store}: {output.visible(finding.where)}"
        output.say(f"{finding.kind.value}: {place}: {output.visible(finding.what)}{line}")
        output.say(f"    {output.visible(finding.mend)}")
    for each in checked.samples:
        output.say(_sampled(each))
    if checked.faults:
        output.note(f"{output.count(len(checked.faults), 'fault')} in the map; no store was opened")
    elif checked.sound:
        output.say(f"{output.count(checked.datasets, 'dataset')} in {output.count(checked.stores, 'store')}: all as declared")
    else:
        if checked.guesses:
            output.note(
                f"{output.count(len(checked.guesses), 'open guess', 'open guesses')}: orders are received and fenced, none is planned"
            )
        if checked.findings or not checked.guesses:
            output.note(output.count(len(checked.findings), "finding"))


def _sampled(found: SampledPeople) -> str:
    held = (f"{name} {fewest}{f' to {most}' if most > fewest else ''}" for name, (fewest, most) in found.items.items())
    who = f"the one {found.kind}" if found.people == 1 else f"one of {found.people} {found.kind}s"
    return output.visible(f"an order for {who} would find: {'; '.join(held)}")


def _branch(branch: LineageBranch) -> dict[str, Any]:
    return {
        "dataset": branch.name,
        "how": branch.how,
        "place": branch.place,
        "about": branch.about,
        "kept_for": branch.kept_for,
        "on_erase": branch.on_erase,
        "known": branch.known,
        "children": [_branch(child) for child in branch.children],
    }


def _change(change: Change, means: tuple[str, ...]) -> dict[str, Any]:
    fields = [{"field": field.field, "before": field.before, "after": field.after} for field in change.fields]
    return {"section": change.section, "name": change.name, "kind": change.kind, "fields": fields, "means": means, "weaker": change.weaker}


def _show_change(change: Change, means: tuple[str, ...]) -> None:
    output.say(f"{change.kind.value}: {change.section.value}: {output.visible(change.name)}")
    for field in change.fields:
        name = f"{field.field}: " if field.field else ""
        output.say(f"    {name}{output.visible(field.before) or 'nothing'} -> {output.visible(field.after) or 'nothing'}")
    for sentence in means:
        output.say(f"    for people: {output.visible(sentence)}")
    for reason in change.weaker:
        output.say(f"    look twice: {reason}")
