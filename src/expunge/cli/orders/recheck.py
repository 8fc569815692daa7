"""``expunge verify``, ``sweep`` and ``restored``: look again after an order has ended."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened
from expunge.cli.terminal.progress import ProgressReporter


def verify(order: options.OrderArgument, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Search every store of an ended order again, with the traces kept from before it.

    Exit code 0 when nothing is found, 4 when something is, or when it cannot be told.
    """
    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        looked = expunge.verify(OrderId(order))
    verdict = "present" if looked.found else "gone" if looked.usable and not looked.failed else "cannot tell"
    if verdict == "gone" and looked.sampled:
        verdict = "not seen"
    if as_json:
        places = [{"path": place.path, "offset": place.offset, "hidden": place.hidden} for place in looked.places]
        output.write_json(
            "looked/1",
            {
                "order": looked.order,
                "verdict": verdict,
                "usable": looked.usable,
                "found": looked.found,
                "places": places,
                "failed": looked.failed,
                "since": looked.since,
                "sampled": looked.sampled,
            },
        )
    else:
        output.say(f"{looked.order}: {verdict} ({looked.found} of {output.count(looked.usable, 'usable trace')} found)")
        for path, count in Counter(str(place.path) for place in looked.places).items():
            output.say(f"  {output.visible(path)}: {output.count(count, 'place')} or more; --json has the offsets")
        for store in looked.sampled:
            output.say(f"  a sample of {store} was read, and no more")
        for store, since in looked.since.items():
            output.say(f"  of {store} what changed since {output.moment(since)} was read")
        for store, reason in looked.failed.items():
            output.say(f"  could not search {store}: {reason}")
    if verdict not in {"gone", "not seen"}:
        raise typer.Exit(Exit.NOT_ALL_ERASED)


def sweep(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Find suppressed people of whom there is data again, open an order for each, and end traces that are due.

    Finds data as well that only a consent would have a ground to keep which nobody gave, or which holds no more, and undeclared places, as
    `expunge discover` does. Exit code 4 when data came back, or has no ground, when a place that holds people is undeclared, or when
    something could not be looked through.
    """
    with opened(map_file) as expunge:
        swept = expunge.sweep()
    if as_json:
        back = [
            {"subject": each.subject, "order": each.order, "followed_by": each.followed_by, "datasets": each.datasets}
            for each in swept.came_back
        ]
        groundless = [{"dataset": each.dataset, "why": each.why, "people": each.people, "since": each.since} for each in swept.groundless]
        undeclared = [{"store": each.store, "place": each.place} for each in swept.discovered.found]
        unseen = [{"store": each.store, "place": each.place, "why": each.why} for each in swept.discovered.unseen]
        output.write_json(
            "swept/1",
            {
                "came_back": back,
                "traces_ended": swept.traces_ended,
                "failed": swept.failed,
                "groundless": groundless,
                "undeclared": undeclared,
                "unseen": unseen,
            },
        )
    else:
        for each in swept.came_back:
            where = ", ".join(each.datasets)
            output.say(f"data came back in {where} after {each.order}: expunge plan {each.followed_by}, then apply it")
        for dataset, reason in swept.failed.items():
            output.say(f"could not look through {dataset}: {reason}")
        for lacking in swept.groundless:
            people = output.count(lacking.people, "person", "people")
            output.say(f"{lacking.dataset}: data of {people} has no ground ({lacking.why.value}): ask them, or `expunge consent withdraw`")
        for place in swept.discovered.found:
            why = "; ".join(each.what for each in place.sightings)
            output.say(f"undeclared: {place.store}: {output.visible(place.place)}: {output.visible(why)}")
        for unseen_place in swept.discovered.unseen:
            output.say(f"could not look: {unseen_place.store}: {output.visible(unseen_place.place)}: {output.visible(unseen_place.why)}")
        if not swept.came_back and not swept.failed:
            output.say("nothing came back")
        if not swept.discovered.clean:
            output.say(f"{swept.discovered.said}: expunge discover")
        if swept.traces_ended:
            output.say(f"traces of {output.count(swept.traces_ended, 'order')} reached their end date and were destroyed")
    if swept.came_back or swept.failed or swept.groundless or not swept.discovered.clean:
        raise typer.Exit(Exit.NOT_ALL_ERASED)


def restored(
    store: Annotated[str, typer.Argument(help="The store that was put back from a backup.", show_default=False)],
    empty: Annotated[bool, typer.Option("--empty", help="Nothing lies in its folder, and that is meant so.", show_default=False)] = False,
    yes: options.Yes = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Erase again, in a store that was put back from a backup, everybody who was erased since; run it before the store serves.

    Exit code 0: it may serve; 4: it must not yet, for something could not be erased or looked through.
    """
    options.confirm(f"Erase everybody in {store} again who was erased before?", yes=yes)
    with opened(map_file, recover=True) as expunge, ProgressReporter("restored") as report:
        replayed = expunge.restored(store, empty=empty, report=report)
    if as_json:
        orders = [{"order": run.order, "follows": run.received.follows, "state": run.state} for run in replayed.runs]
        output.write_json(
            "restored/1", {"store": store, "may_serve": replayed.may_serve, "orders": orders, "failed": replayed.swept.failed}
        )
    else:
        for run in replayed.runs:
            after = f", after {run.received.follows}" if run.received.follows else ""
            output.say(f"{run.order}{after}: {run.state.value}")
        for dataset, reason in replayed.swept.failed.items():
            output.say(f"could not look through {dataset}: {reason}")
        output.say(f"{store} may serve" if replayed.may_serve else f"{store} must not serve yet")
    if not replayed.may_serve:
        raise typer.Exit(Exit.NOT_ALL_ERASED)
