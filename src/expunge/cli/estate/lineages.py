"""``expunge lineage``: observed lineage of pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.core.lineage.lineage_merge import MergedEdge
    from expunge.core.lineage.undeclared_lineage import UndeclaredLineage

app = typer.Typer(help="What pipelines were seen to do, and what they are told.", no_args_is_help=True)


@app.command()
def show(
    unknown: Annotated[bool, typer.Option("--unknown", help="Only what the map lacks.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show which dataset is made from which: declared by the map, seen in pipelines, or both; then what the map lacks.

    Names that pipelines gave are shown here and nowhere else: they may hold anything.
    """
    from expunge.bootstrap.pipelines import LineageDoor

    with LineageDoor.open(map_file) as door:
        edges, gaps = () if unknown else door.edges(), door.gaps()
    if as_json:
        output.write_json("lineage/1", {"edges": [_edge(edge) for edge in edges], **_gaps(gaps)})
        return
    from rich.table import Table

    table = Table("from", "to", "mark", "last seen", "jobs")
    for edge in edges:
        last = output.moment(edge.last) if edge.completed or not edge.last else f"{output.moment(edge.last)}, did not end well"
        names = (edge.edge.source, edge.edge.target, _mark(edge), last, ", ".join(edge.jobs))
        table.add_row(*map(output.visible, names))
    if edges:
        output.stdout().print(table)
    for place in gaps.unknown:
        made = f"made from {', '.join(place.sources)}" if place.sources else "not seen to be made from anything in the map"
        output.say(f"not in the map: {output.visible(place.address)}, {made}")
    if not edges and not gaps.unknown:
        output.say("nothing is declared or was seen")


@app.command()
def tell(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Tell the service under lineage.emit of the map of every erasure that it was not told of. Exit code 1 when it did not hear some.

    Orders do it by themselves as they end; this is for what was not heard then, and for orders that workers carried out.
    """
    from expunge.cli.terminal.installation import opened

    with opened(map_file) as expunge:
        if expunge.map.lineage.emit is None:
            message = "the map names nobody to tell"
            raise UsageError(message, help="write lineage: {emit: {url: https://...}} in the map")
        failed = expunge.lineage_tell()
    if as_json:
        output.write_json("lineage-told/1", {"not_told": failed})
    elif failed:
        output.say(f"{output.count(len(failed), 'order')} not told: the service could not be reached, or refused")
    else:
        output.say("all was told")
    if failed:
        raise typer.Exit(1)


def _mark(each: MergedEdge) -> str:
    return "declared and observed" if each.edge.declared and each.edge.seen else "observed" if each.edge.seen else "declared"


def _edge(each: MergedEdge) -> dict[str, Any]:
    return {
        "from": each.edge.source,
        "to": each.edge.target,
        "declared": each.edge.declared,
        "observed": each.edge.seen,
        "completed": each.completed,
        "last": each.last,
        "jobs": each.jobs,
    }


def _gaps(gaps: UndeclaredLineage) -> dict[str, Any]:
    return {
        "unknown": [
            {"name": each.address, "made_from": each.sources, "goes_into": each.feeds, "completed": each.completed} for each in gaps.unknown
        ],
        "undeclared": [{"from": each.source, "to": each.target, "matters": each.matters} for each in gaps.unsaid],
    }
