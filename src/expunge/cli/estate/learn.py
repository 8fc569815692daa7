"""``expunge learn``: models that forget, before and after they are trained."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.errors import StateUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expunge.learn.forecast.shard_forecast import Advice, Forecast, Layout

app = typer.Typer(help="Models that forget: plan, prove.", no_args_is_help=True)
_BAR = 24
_ROWS = 12
_HEX = re.compile(r"[0-9a-f]{64}")


@app.command()
def plan(
    subjects: Annotated[int, typer.Option(help="People the model learns from.", show_default=False)],
    rate: Annotated[float, typer.Option(help="Requests to be forgotten, a day; 0.1 is one in ten days.", show_default=False)],
    samples_per_subject: Annotated[float, typer.Option(help="Samples (rows, windows) of one person, on average.", show_default=False)],
    every: Annotated[float, typer.Option(help="Days between two batches of forgetting.")] = 1.0,
    learner: Annotated[str, typer.Option(help="network (trained end to end), head (on a frozen encoder) or trees.")] = "network",
    shards: Annotated[str, typer.Option(help="Numbers of shards to look at: 1,8,16.", show_default=False)] = "",
    slices: Annotated[str, typer.Option(help="Numbers of slices to look at: 1,8.", show_default=False)] = "",
    checkpoint_bytes: Annotated[int | None, typer.Option(help="Size of one checkpoint, optimiser included.", show_default=False)] = None,
    most_lost: Annotated[float, typer.Option(help="Percentage points of accuracy that may be at risk.")] = 1.0,
    most_bytes: Annotated[int | None, typer.Option(help="Disk that all checkpoints may take.", show_default=False)] = None,
    foreseen: Annotated[float, typer.Option(help="Share of people known to go soon (children), placed in the last slice.")] = 0.0,
    foreseen_requests: Annotated[float, typer.Option(help="Share of the requests that come from them.")] = 0.0,
    chart: Annotated[Path | None, typer.Option(help="Draw the forecasts into this SVG file.", show_default=False)] = None,
    as_json: options.Json = False,
) -> None:
    """Forecast what forgetting will cost, by shards and slices, and recommend how to train.

    Costs are samples learnt from again against one model over everybody. Accuracy is read off curves that were measured on other data:
    a warning to measure your own.

    Exit code 0: something is recommended; 1: no layout keeps to the bounds.
    """
    from expunge.cli.terminal.exit_codes import Exit
    from expunge.learn.forecast.shard_forecast import Crowd
    from expunge.learn.forecast.shard_forecast import plan as forecast

    crowd = Crowd(subjects, samples_per_subject, foreseen, foreseen_requests)
    advice = forecast(
        crowd,
        rate,
        every_days=every,
        learner=learner,
        layouts=_layouts(shards, slices, learner),
        checkpoint_bytes=checkpoint_bytes,
        most_points=most_lost,
        most_bytes=most_bytes,
    )
    if chart is not None:
        _draw(advice, chart, f"{subjects:,} people, {rate:g} requests a day, together every {every:g} d, {learner}")
    output.write_json("learn-plan/1", _values(advice)) if as_json else _tell(advice)
    if advice.recommended is None:
        raise typer.Exit(Exit.FAILED)


@app.command()
def prove(
    model: Annotated[Path, typer.Argument(metavar="FILE", help="The model that serves.", show_default=False)],
    factory: Annotated[
        str, typer.Argument(metavar="MODULE:FUNCTION", help="Called with without=, returns a fitted model.", show_default=False)
    ],
    without: Annotated[
        Path, typer.Option(help="A file with those who were forgotten, one subject a line; - for standard input.", show_default=False)
    ],
    before: Annotated[str, typer.Option(help="The file from before the forget, or its hex SHA-256.", show_default=False)] = "",
    missing: Annotated[str, typer.Option(help="raise: everybody must have been in the model; ignore: nobody is asked.")] = "raise",
    folder: Annotated[Path, typer.Option(help="Where the module is.")] = Path(),
    variable: Annotated[list[str] | None, typer.Option(help="A variable that the loader gets of ours; again for more.")] = None,
    within: Annotated[float, typer.Option(help="Seconds that the fit may take.")] = 3600.0,
    as_json: options.Json = False,
) -> None:
    """Fit once more in a fresh process that never has them, and compare: is the model the one that was never taught by them?

    Exit code 0: byte for byte; 4: not so, or the fit came to no end.
    """
    from dataclasses import asdict

    from expunge.cli.terminal.exit_codes import Exit
    from expunge.learn.proof.exactness_proof import prove as compare
    from expunge.learn.records.refusals import BadInput, FileRefused, UnknownSubjects

    people = _subjects(without)
    try:
        proof = compare(
            model,
            factory,
            people,
            before=before.lower() if _HEX.fullmatch(before.lower()) else before,
            missing=missing,  # type: ignore[arg-type]
            paths=[folder],
            variables=_variables(variable or ()),
            within_s=within,
        )
    except UnknownSubjects as error:
        raise UsageError(str(error), help="mend the spelling, or say --missing ignore where their rows are gone already") from error
    except (BadInput, FileRefused) as error:
        raise UsageError(str(error), help="--missing is raise or ignore; --before is a file of the same model, or its digest") from error
    except OSError as error:
        message = f"{output.visible(str(model))} cannot be read: {error.strerror}"
        raise UsageError(message, help="name the file of the model") from error
    if as_json:
        output.write_json("learn-proof/1", asdict(proof))
    else:
        output.say(f"serves  {proof.after}")
        output.say(f"fresh   {proof.fresh or '-'}")
        if proof.again:
            output.say(f"again   {proof.again}")
        output.say(proof.said)
    if not proof.equal:
        raise typer.Exit(Exit.NOT_ALL_ERASED)


@app.command()
def audit(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="The sharded model before the forget.", show_default=False)],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The same after it.", show_default=False)],
    samples: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="Returns features, labels and subjects.", show_default=False)],
    forgotten: Annotated[
        Path, typer.Option(help="A file with those who left, one subject a line; - for standard input.", show_default=False)
    ],
    outsiders: Annotated[Path, typer.Option(help="A file with people who were never learnt from.", show_default=False)],
    report: Annotated[Path | None, typer.Option(help="The report of an order's command, to put it into.", show_default=False)] = None,
    folder: Annotated[Path, typer.Option(help="Where the module is.")] = Path(),
    as_json: options.Json = False,
) -> None:
    """Can an attack still tell from a sharded model who was in it? Its other shards are the references: a second opinion, never the proof.

    Exit code 0: it cannot, or never could (PASS, INCONCLUSIVE: say which it was); 4: it can (FAIL).
    """
    from expunge.cli.terminal.exit_codes import Exit
    from expunge.core.models.membership_opinion import Opinion, as_report
    from expunge.learn.proof.auditing import audit_files, write_report
    from expunge.learn.records.refusals import BadInput, FileRefused, NothingLearned

    gone, never = _subjects(forgotten), _subjects(outsiders)
    try:
        found = audit_files(before, after, samples, forgotten=gone, outsiders=never, paths=[folder])
        if report is not None:
            write_report(report, found)
    except OSError as error:
        message = f"a file cannot be read or written: {error.strerror}"
        raise UsageError(message, help="name the two files of the model, and a report in a folder that you may write to") from error
    except (BadInput, FileRefused, NothingLearned) as error:
        raise UsageError(str(error), help="two files of one sharded model, and samples of everybody who is named") from error
    if as_json:
        output.write_json("learn-audit/1", as_report(found))
    else:
        for name, each in (("before", found.before), ("after", found.after)):
            output.say(f"{name:7} {each.auc / 100:.2f} % ({each.low / 100:.2f} to {each.high / 100:.2f}); 50 % is a coin")
        output.say(f"{found.verdict.value}; a forget that was skipped would have been {found.control.value}")
    if found.verdict is Opinion.FAIL:
        raise typer.Exit(Exit.NOT_ALL_ERASED)


@app.command(name="looked-at")
def looked_at(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="An order that ended in part.", show_default=False)],
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The model, by its name in the map.", show_default=False)],
    said: Annotated[str, typer.Option(help="Who looked and why it stands; stands in the receipt, names nobody.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Say that somebody looked at a model of which membership inference says FAIL; plan and apply again after it.

    Only where a training from nothing made the very same model: of twenty honest deletions one fails by chance.
    """
    from expunge.cli.terminal.installation import opened
    from expunge.core.values.ids import OrderId

    with opened(map_file) as expunge:
        expunge.models.looked_at(OrderId(order), dataset, said)
    again = f"looked at; run `expunge plan {order}` and `expunge apply {order}`"
    output.write_json("learn-looked-at/1", {"order": order, "dataset": dataset}) if as_json else output.say(again)


def _subjects(path: Path) -> list[str]:
    """Why a file: what stands on a command line can be read by everybody on the machine."""
    try:
        text = typer.get_text_stream("stdin").read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the list of those who were forgotten cannot be read", help="one subject a line, in UTF-8") from error
    return [line for line in text.splitlines() if line]


def _variables(names: Sequence[str]) -> dict[str, str]:
    missing = [name for name in names if name not in os.environ]
    if missing:
        message = f"the environment has no {', '.join(map(output.visible, missing))}"
        raise UsageError(message, help="set it, or leave the option out")
    return {name: os.environ[name] for name in names}


def _layouts(shards: str, slices: str, learner: str) -> list[Layout] | None:
    from expunge.learn.forecast.shard_forecast import SHARDS, SLICES, Layout

    if not shards and not slices:
        return None
    return [Layout(s, r, grown=learner == "trees") for s in _numbers(shards) or SHARDS for r in _numbers(slices) or SLICES]


def _numbers(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",")] if text else []
    except ValueError as error:
        message = f"{output.visible(text)!r} is no list of numbers"
        raise UsageError(message, help="write them with commas: 1,8,16") from error


def _draw(advice: Advice, chart: Path, title: str) -> None:
    from expunge.learn.forecast.cost_chart import svg

    try:
        chart.write_text(svg(advice, title), encoding="utf-8")
    except OSError as error:
        message = f"{output.visible(str(chart))} cannot be written: {error.strerror}"
        raise StateUnavailable(message, help="name a file in a folder that is there and that you may write to") from error


def _tell(advice: Advice) -> None:
    from rich.table import Table

    shown = _shown(advice)
    table = Table("shards", "slices", "samples again, a year", "", "fewer (means)", "fewer (batches)", "checkpoints", "a shard", "may lose")
    most = max(each.yearly_samples for each in shown)
    for each in shown:
        kept = f"{each.layout.checkpoints:,}" + (f", {output.size(each.disk_bytes)}" if each.disk_bytes is not None else "")
        table.add_row(
            str(each.layout.shards),
            str(each.layout.slices),
            f"{each.yearly_samples:,.0f}",
            "█" * max(1, round(_BAR * each.yearly_samples / most)),
            f"{each.ratio_of_means:.1f}x",
            f"{each.mean_of_ratios:.1f}x",
            kept,
            f"{each.samples_per_shard:,.0f}",
            f"{each.accuracy.points:.1f}" if each.accuracy.within else f"> {each.accuracy.points:.1f}",
            style="bold" if each == advice.recommended else None,
        )
    output.stdout().print(table)
    output.say("fewer (means): a year's samples of one model over everybody by those here; fewer (batches): mean over single batches")
    output.say(f"may lose: points of accuracy, as measured on {advice.forecasts[0].accuracy.said}; yours will differ: measure it")
    output.say(f"an integer family touches the samples of those who leave and no others: {advice.own_samples:,.0f} a year")
    if advice.recommended is None:
        output.say("recommended: none of these keeps to the bounds; take an integer family, or a head on a frozen encoder")
        return
    layout = advice.recommended.layout
    output.say(f"recommended: {output.count(layout.shards, 'shard')}, {output.count(layout.slices, 'slice')}")


def _shown(advice: Advice) -> list[Forecast]:
    """The cheapest of each number of shards, at most a dozen, and what is recommended."""
    best: dict[int, Forecast] = {}
    for forecast in advice.forecasts:
        if forecast.layout.shards not in best or forecast.yearly_samples < best[forecast.layout.shards].yearly_samples:
            best[forecast.layout.shards] = forecast
    every = len(advice.forecasts) <= _ROWS
    chosen = set(map(id, advice.forecasts if every else list(best.values())[:_ROWS])) | {id(advice.recommended)}
    return [forecast for forecast in advice.forecasts if id(forecast) in chosen]


def _values(advice: Advice) -> dict[str, Any]:
    def one(each: Forecast) -> dict[str, Any]:
        return {
            "shards": each.layout.shards,
            "slices": each.layout.slices,
            "yearly_samples": each.yearly_samples,
            "yearly_monolith": each.yearly_monolith,
            "ratio_of_means": each.ratio_of_means,
            "mean_of_ratios": each.mean_of_ratios,
            "checkpoints": each.layout.checkpoints,
            "disk_bytes": each.disk_bytes,
            "samples_per_shard": each.samples_per_shard,
            "points_at_risk": each.accuracy.points,
            "measured": each.accuracy.within,
        }

    return {
        "layouts": [one(forecast) for forecast in advice.forecasts],
        "recommended": one(advice.recommended) if advice.recommended else None,
        "own_samples": advice.own_samples,
        "curve": advice.forecasts[0].accuracy.said,
    }
